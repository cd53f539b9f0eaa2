"""AWS Backup's jobs: which of the last ones failed, and which succeeded "with issues". Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from checks.recovery.words import moment

_OVER = frozenset({"COMPLETED", "FAILED", "EXPIRED", "ABORTED", "PARTIAL"})
_SUCCESS = frozenset({"", "SUCCESS"})
_MESSAGE = 300  # characters of AWS's own message that are kept


class Trouble(StrEnum):
    """What is wrong with the last job of its sort."""

    FAILED = "job_failed"
    PARTIAL = "job_partial"
    ISSUES = "job_with_issues"


@dataclass(frozen=True, slots=True)
class Job:
    """One backup or copy job of AWS Backup."""

    id: str
    resource: str  # ARN
    type: str  # "RDS", "EBS"
    state: str
    created: datetime
    rule: str = ""  # id of the rule that asked for it; empty: a person or program did
    plan: str = ""  # name of its plan, for people
    category: str = ""  # MessageCategory; anything but SUCCESS on a completed job means "with issues"
    message: str = ""
    copy_to: str = ""  # destination vault ARN of a copy job; empty: a backup job

    @property
    def over(self) -> bool:
        return self.state in _OVER

    @property
    def whole(self) -> bool:
        return self.state == "COMPLETED"


@dataclass(frozen=True, slots=True)
class Troubled:
    """The last job of one rule for one resource, which went wrong, as did all since *since*; None: all there are."""

    trouble: Trouble
    job: Job
    since: datetime | None

    @property
    def reason(self) -> str:
        """In words that stay the same until something changes: each new job that fails alike is no news."""
        job = self.job
        what = f"copy to {job.copy_to.rpartition(':')[2]}" if job.copy_to else "backup"
        plan = f" of plan {job.plan}" if job.plan else ""
        when = f"since {moment(self.since)}" if self.since else "within AWS Backup's memory of 30 days"
        ended = {
            Trouble.FAILED: f"no {what}{plan} ended well {when}; the last was {job.state.lower()}",
            Trouble.PARTIAL: f"no {what}{plan} was whole {when}",
            Trouble.ISSUES: f"the {what}{plan} completed with issues ({job.category})",
        }[self.trouble]
        return f"{ended}: {job.message[:_MESSAGE]}" if job.message else ended


def troubles(jobs: Iterable[Job], rules: Collection[str] | None) -> Mapping[str, tuple[Troubled, ...]]:
    """Given jobs of some weeks, give by resource what its last ones suffer from; a resource with none has ().

    The last job of each rule counts, so that a weekly rule that fails does not hide behind a daily one that works.
    What no rule asked for, or a rule that is not among *rules* any more (None: not known which are), is mended by any
    later job of its resource that ended well: nothing will run it again.
    """
    by_resource: dict[str, list[Job]] = {}
    for job in jobs:
        mine = by_resource.setdefault(job.resource, [])
        if job.over:
            mine.append(job)
    return {resource: tuple(_of_resource(mine, rules)) for resource, mine in by_resource.items()}


def _of_resource(jobs: Iterable[Job], rules: Collection[str] | None) -> Iterable[Troubled]:
    last: dict[tuple[str, str], Job] = {}
    sound: dict[tuple[str, str], datetime] = {}  # the last that ended well, of each rule
    any_sound: dict[str, datetime] = {}  # and of all rules
    for job in sorted(jobs, key=lambda job: (job.created, job.id)):
        last[(job.rule, job.copy_to)] = job
        if _trouble(job) is None:
            sound[(job.rule, job.copy_to)] = any_sound[job.copy_to] = job.created
    for (rule, copy_to), job in sorted(last.items()):
        found = _trouble(job)
        standing = bool(rule) and (rules is None or rule in rules)
        mended = not standing and any_sound.get(copy_to, job.created) > job.created
        if found is not None and not mended:
            yield Troubled(found, job, sound.get((rule, copy_to)))


def _trouble(job: Job) -> Trouble | None:
    if job.state == "PARTIAL":
        return Trouble.PARTIAL
    if job.whole:
        return None if job.category.upper() in _SUCCESS else Trouble.ISSUES
    return Trouble.FAILED
