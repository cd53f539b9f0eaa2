"""AWS Backup's jobs: what the last one of each rule says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.recovery.jobs import Job, Trouble, troubles

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def job(
    days: float, state: str = "COMPLETED", rule: str = "daily", category: str = "SUCCESS", copy_to: str = ""
) -> Job:
    """A job of so many days ago."""
    at = NOW - timedelta(days=days)
    return Job(f"{days}{state}", "arn:r", "RDS", state, at, rule, "main", category, "because", copy_to)


@pytest.mark.parametrize(
    ("jobs", "rules", "found"),
    [
        ([job(1)], {"daily"}, []),
        ([job(1, "FAILED")], {"daily"}, [Trouble.FAILED]),
        ([job(1, "EXPIRED")], {"daily"}, [Trouble.FAILED]),
        ([job(1, "ABORTED")], {"daily"}, [Trouble.FAILED]),
        ([job(1, "PARTIAL")], {"daily"}, [Trouble.PARTIAL]),
        ([job(2, "FAILED"), job(1)], {"daily"}, []),
        ([job(2), job(1, "FAILED")], {"daily"}, [Trouble.FAILED]),
        ([job(1, category="AccessDenied")], {"daily"}, [Trouble.ISSUES]),
        ([job(1, category="")], {"daily"}, []),
        ([job(1, category="success")], {"daily"}, []),
        # A weekly rule that fails does not hide behind a daily one that works.
        ([job(3, "FAILED", "weekly"), job(1)], {"daily", "weekly"}, [Trouble.FAILED]),
        ([job(3, "FAILED", "weekly"), job(1)], None, [Trouble.FAILED]),
        # What nothing will run again is mended by any that ended well.
        ([job(3, "FAILED", "gone"), job(1)], {"daily"}, []),
        ([job(3, "FAILED", ""), job(1)], {"daily"}, []),
        ([job(1, "FAILED", ""), job(3)], {"daily"}, [Trouble.FAILED]),
        ([job(3, "FAILED", "gone"), job(1, category="AccessDenied")], {"daily"}, [Trouble.ISSUES, Trouble.FAILED]),
        # A backup that worked mends no copy that did not.
        ([job(3, "FAILED", "gone", copy_to="arn:v:dr"), job(1)], {"daily"}, [Trouble.FAILED]),
        ([job(1, "RUNNING"), job(2, "FAILED")], {"daily"}, [Trouble.FAILED]),
        ([job(1, "RUNNING")], {"daily"}, []),
    ],
)
def test_the_last_job_of_each_rule_counts(jobs: list[Job], rules: set[str] | None, found: list[Trouble]) -> None:
    """In whichever order AWS lists them."""
    for order in (jobs, jobs[::-1]):
        assert [each.trouble for each in troubles(order, rules)["arn:r"]] == found


def test_reason_is_the_same_for_each_further_failure() -> None:
    """It tells since when, and no job by its own date: the tenth failure is no news."""
    first = [job(9), job(8, "FAILED")]
    later = [*first, *(job(day, "FAILED") for day in range(7, 0, -1))]
    reasons = {troubles(jobs, {"daily"})["arn:r"][0].reason for jobs in (first, later)}
    assert reasons == {"no backup of plan main ended well since 2026-05-23 00:00 UTC; the last was failed: because"}


def test_all_that_is_known_failed() -> None:
    """Where none ended well, no date is made up."""
    (found,) = troubles([job(1, "FAILED", copy_to="arn:aws:backup:eu-central-1:1:backup-vault:dr")], {"daily"})["arn:r"]
    assert found.reason.startswith("no copy to dr of plan main ended well within AWS Backup's memory of 30 days")
