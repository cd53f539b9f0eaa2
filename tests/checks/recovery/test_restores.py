"""Restore tests: when the last one was, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.recovery.restores import RestoreJob, Test, judge_test

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WITHIN = timedelta(days=35)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def job(days: float, state: str = "COMPLETED", validation: str = "SUCCESSFUL", resource: str = "arn:a") -> RestoreJob:
    return RestoreJob(f"{days}{state}", resource, state, validation, ago(days), "because")


@pytest.mark.parametrize(
    ("created", "executed", "jobs", "remembered", "word"),
    [
        (ago(99), ago(2), [job(2)], None, Test.PASSED),
        (ago(99), ago(2), [job(2, validation="")], None, Test.NOT_VALIDATED),
        (ago(99), ago(2), [job(2, "FAILED")], None, Test.FAILED),
        (ago(99), ago(2), [job(2, "ABORTED")], None, Test.FAILED),
        (ago(99), ago(2), [job(2, validation="FAILED")], None, Test.FAILED),
        (ago(99), ago(2), [job(2, validation="TIMED_OUT")], None, Test.FAILED),
        (ago(99), ago(2), [job(9, "FAILED"), job(2)], None, Test.PASSED),
        # One that failed is not covered up by another's success.
        (ago(99), ago(2), [job(2, "FAILED", resource="arn:b"), job(1)], None, Test.FAILED),
        (ago(99), ago(2), [job(2, "RUNNING"), job(9)], None, Test.PASSED),
        (ago(99), ago(36), [job(36)], None, Test.OVERDUE),
        (ago(99), ago(35), [job(35)], None, Test.PASSED),
        # AWS Backup forgets jobs after 30 days; a test that passed 33 days ago is still one.
        (ago(99), ago(33), [], ago(33), Test.PASSED),
        (ago(99), ago(36), [], ago(36), Test.OVERDUE),
        (ago(3), None, [], None, Test.WAITING),
        (ago(36), None, [], None, Test.NEVER),
        (ago(99), ago(0.1), [job(0.1, "RUNNING")], None, Test.WAITING),
        (ago(99), ago(9), [], None, Test.NEVER),
    ],
)
def test_verdicts(
    created: datetime, executed: datetime | None, jobs: list[RestoreJob], remembered: datetime | None, word: Test
) -> None:
    """Each situation has its word and a reason."""
    judged = judge_test(created, executed, jobs, WITHIN, NOW, remembered)
    assert judged.word is word
    assert judged.reason


def test_a_failure_is_told_with_what_and_why() -> None:
    """The newest failure is named, the others are counted."""
    judged = judge_test(ago(99), ago(1), [job(1, "FAILED"), job(2, "FAILED", resource="arn:b")], WITHIN, NOW)
    assert judged.reason == "the restore of arn:a, 2026-05-31 00:00 UTC, failed: because (and 1 more)"
