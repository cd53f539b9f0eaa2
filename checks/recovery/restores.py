"""Restore tests: a backup that was never restored is a hope. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from checks.base import Outcome
from checks.recovery.words import moment, span

_OVER = frozenset({"COMPLETED", "ABORTED", "FAILED"})
_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class RestoreJob:
    """One restore job that a restore testing plan started."""

    id: str
    resource: str  # ARN of what was restored; empty: AWS does not say
    state: str
    validation: str  # ValidationStatus; empty: nobody validates
    created: datetime
    message: str = ""


class Test(StrEnum):
    """What is said of a restore testing plan."""

    __test__ = False  # not one of pytest's

    PASSED = "test_passed"
    FAILED = "test_failed"
    OVERDUE = "test_overdue"
    NEVER = "never_tested"
    WAITING = "test_waiting"
    NOT_VALIDATED = "test_not_validated"


TEST_OUTCOMES = {
    Test.PASSED: Outcome.HEALTHY,
    Test.NOT_VALIDATED: Outcome.HEALTHY,
    Test.WAITING: Outcome.HEALTHY,
    Test.FAILED: Outcome.UNHEALTHY,
    Test.OVERDUE: Outcome.UNHEALTHY,
    Test.NEVER: Outcome.UNHEALTHY,
}


@dataclass(frozen=True, slots=True)
class TestJudgement:
    """A verdict on a restore testing plan, why, and when its last test that passed was."""

    __test__ = False

    word: Test
    reason: str
    passed: datetime | None = None


def judge_test(
    created: datetime,
    executed: datetime | None,
    jobs: Iterable[RestoreJob],
    within: timedelta,
    now: datetime,
    remembered: datetime | None = None,
) -> TestJudgement:
    """Given when a plan was made and last ran, and its jobs, tell whether restores were tested *within* that time.

    The last finished job of each resource counts: one that failed is not covered up by another's success.
    *remembered*: a test that passed and that AWS Backup may not list any more.
    """
    finished = sorted((j for j in jobs if j.state in _OVER), key=lambda j: (j.created, j.id))
    last: dict[str, RestoreJob] = {job.resource: job for job in finished}
    failed = [job for job in last.values() if _failed(job)]
    seen = [job.created for job in finished if not _failed(job)]
    passed = max([*seen, *([remembered] if remembered else [])], default=None)
    if failed:
        return TestJudgement(Test.FAILED, _failures(failed), passed)
    if passed is not None and now - passed <= within:
        unvalidated = bool(last) and all(not job.validation for job in last.values())
        word = Test.NOT_VALIDATED if unvalidated else Test.PASSED
        said = "; nothing validates what was restored" if unvalidated else ""
        return TestJudgement(word, f"the last test, of {moment(passed)}, restored what it should{said}", passed)
    if passed is None and executed is None:
        if now - created <= within:
            return TestJudgement(Test.WAITING, f"made {moment(created)}, and not run yet")
        return TestJudgement(Test.NEVER, f"it has not run since it was made, {moment(created)}")
    if passed is None:
        if executed is not None and now - executed <= timedelta(days=1):
            return TestJudgement(Test.WAITING, f"it ran {moment(executed)}, and no restore has ended yet")
        return TestJudgement(Test.NEVER, "it ran, and restored nothing that can be seen")
    return TestJudgement(
        Test.OVERDUE, f"the last test is of {moment(passed)}; one every {span(within)} is asked for", passed
    )


def _failed(job: RestoreJob) -> bool:
    return job.state != "COMPLETED" or job.validation in ("FAILED", "TIMED_OUT")


def _failures(failed: Sequence[RestoreJob]) -> str:
    first = max(failed, key=lambda job: (job.created, job.id))
    if first.state != "COMPLETED":
        how = first.state.lower()
    else:
        how = "could not be validated in time" if first.validation == "TIMED_OUT" else "did not pass its validation"
    said = f": {first.message[:_MESSAGE]}" if first.message else ""
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    what = first.resource or "a resource that AWS does not name"
    return f"the restore of {what}, {moment(first.created)}, {how}{said}{more}"
