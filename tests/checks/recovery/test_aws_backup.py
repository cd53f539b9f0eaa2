"""What AWS Backup is set up to do and did: jobs, vaults, plans, restore tests; and lifecycle policies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks.backups import Backups
from checks.base import Outcome
from tests.aws.fake import FakeAws
from tests.aws.places import ACCOUNT, NOW, fake_place
from tests.checks.recovery.answers import (
    BUCKET,
    DB,
    FILES,
    OTHER,
    PLACE,
    PLAN,
    TEST,
    Answers,
    blind,
    bucket,
    ebs_snapshot,
    jobs,
    look,
    plan,
    restore_plan,
    restored,
    rule,
    vaults,
    volumes,
)
from tests.checks.recovery.land import NOTHING, VAULT, ago, arn, job, point, volume


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ([job(DB, 3)], "jobs_fine"),
        ([job(DB, 3, "FAILED")], "job_failed"),
        ([job(DB, 3, "EXPIRED")], "job_failed"),
        ([job(DB, 3, "ABORTED")], "job_failed"),
        ([job(DB, 3, "PARTIAL")], "job_partial"),
        ([job(DB, 3, MessageCategory="AccessDenied")], "job_with_issues"),
        ([job(DB, 30, "FAILED"), job(DB, 3)], "jobs_fine"),
    ],
)
def test_jobs_of_aws_backup(made: list[Any], verdict: str) -> None:
    """Failed, expired, partial and "completed with issues" are told, of what is not listed here too."""
    readings = look(plan(rule()), jobs(*made))
    assert readings[f"{DB}#jobs"].verdict == verdict


def test_a_job_without_a_state_is_not_fine() -> None:
    """How it stands was not said: nothing is known of jobs then."""
    mute = {name: value for name, value in job(DB, 3, "FAILED").items() if name != "State"}
    readings = look(plan(rule()), jobs(mute))
    assert f"{DB}#jobs" not in readings or readings[f"{DB}#jobs"].outcome is Outcome.UNKNOWN
    assert any("a job without a state" in one.summary for one in readings.values())


def test_jobs_are_asked_for_thirty_days_back_and_the_message_is_scrubbed() -> None:
    """AWS Backup remembers no more; what it says is shown without anything that looks like a secret."""
    fake = FakeAws({**NOTHING, **jobs(job(DB, 3, "FAILED", StatusMessage="no token=abcdefgh for you"))})
    readings = {reading.resource: reading for reading in Backups().run(fake_place(Backups(), fake))}
    (asked,) = [call for call in fake.calls if call.operation == "list_backup_jobs"]
    assert asked.parameters == {"ByCreatedAfter": NOW - timedelta(days=30)}
    (finding,) = readings[f"{DB}#jobs"].findings
    assert "abcdefgh" not in str(finding)
    assert "(sensitive)" in finding.summary


def test_the_organizations_account_reads_all_jobs_and_the_others_none() -> None:
    """One call per region instead of one per account and region."""
    check = Backups(organization_account=ACCOUNT)
    foreign = arn("rds", "db:theirs", account=OTHER)
    fake = FakeAws({**NOTHING, **jobs(job(foreign, 3, "FAILED", AccountId=OTHER))})
    readings = {reading.resource: reading for reading in check.run(fake_place(check, fake))}
    (finding,) = readings[f"{foreign}#jobs"].findings
    assert f"(account {OTHER})" in finding.summary
    asked = [call for call in fake.calls if call.operation in ("list_backup_jobs", "list_copy_jobs")]
    assert [call.parameters["ByAccountId"] for call in asked] == ["*", "*"]
    fake = FakeAws(NOTHING)
    list(check.run(fake_place(check, fake, account=OTHER)))
    assert not {"list_backup_jobs", "list_copy_jobs"} & {call.operation for call in fake.calls}


def test_plans_of_other_accounts_are_still_held_against_their_own_jobs() -> None:
    """Where another place reads the jobs, a plan that may select anything asks for its own before it is judged."""
    check = Backups(organization_account=OTHER)
    beyond = plan(rule(), selections=({"Resources": ["arn:aws:fsx:*:*:file-system/*"]},))
    busy = look(vaults(), beyond, jobs(job(arn("fsx", "file-system/fs-9"), 3)), check=check)
    assert busy[PLAN].verdict == "plan_fine"
    assert look(vaults(), beyond, check=check)[PLAN].verdict == "selects_nothing"


def test_points_past_their_retention_are_told_once_per_vault() -> None:
    """AWS Backup could not delete them: they cost money and break retention."""
    reading = look(vaults(point(DB, 900, "EXPIRED"), point(FILES, 800, "EXPIRED"), point(FILES, 3)))[VAULT]
    (finding,) = reading.findings
    assert (reading.verdict, reading.values) == ("points_expired", {"points_expired": 2.0})
    assert "the oldest is of 2026-01-24" in finding.summary


@pytest.mark.parametrize(
    ("points", "verdict"),
    [
        ([point(BUCKET, 90, "STOPPED", name="continuous:a")], "points_stopped"),
        ([point(BUCKET, 90, "STOPPED", name="continuous:a"), point(BUCKET, 9, name="continuous:b")], "vault_fine"),
        ([point("arn:aws:s3:::gone", 90, "STOPPED", name="continuous:a")], "vault_fine"),
    ],
)
def test_stopped_continuous_backups(points: list[Any], verdict: str) -> None:
    """A stop matters where nothing took its place and the resource is still there."""
    assert look(bucket("Enabled"), vaults(*points))[VAULT].verdict == verdict


@pytest.mark.parametrize(
    ("answers", "verdict", "outcome"),
    [
        ([plan(rule())], "plan_fine", Outcome.HEALTHY),
        ([plan(rule(), selections=())], "selects_nothing", Outcome.UNHEALTHY),
        ([plan(rule(), selections=({"Resources": ["arn:aws:rds:*:*:db:gone"]},))], "selects_nothing",
         Outcome.UNHEALTHY),
        ([plan(rule(), selections=({"Resources": ["arn:aws:ec2:*:*:volume/*"]},))], "plan_fine", Outcome.HEALTHY),
        ([plan(rule(), selections=({"ListOfTags": [
            {"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "yes"}]},))],
         "plan_fine", Outcome.HEALTHY),
        ([plan(rule(), selections=({"ListOfTags": [
            {"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "no"}]},))],
         "selects_nothing", Outcome.UNHEALTHY),
        ([plan(rule(), created=24, selections=({"Resources": ["arn:aws:fsx:*"]},))], "not_known_yet", Outcome.UNKNOWN),
        ([plan(rule(), selections=({"Resources": ["arn:aws:fsx:*"]},))], "selects_nothing", Outcome.UNHEALTHY),
        ([plan(rule(), selections=({"Resources": ["arn:aws:fsx:*"]},)), jobs(job("arn:f", 3))], "plan_fine",
         Outcome.HEALTHY),
        ([plan(rule(vault="gone"))], "vault_missing", Outcome.UNHEALTHY),
        ([plan(rule(days=3)), vaults(Locked=True, MinRetentionDays=7)], "retention_misfit", Outcome.UNHEALTHY),
        ([plan(rule(days=None)), vaults(Locked=True, MaxRetentionDays=90)], "retention_misfit", Outcome.UNHEALTHY),
        ([plan(rule(days=30)), vaults(Locked=True, MinRetentionDays=7, MaxRetentionDays=90)], "plan_fine",
         Outcome.HEALTHY),
    ],
)  # fmt: skip
def test_plans(answers: list[Answers], verdict: str, outcome: Outcome) -> None:
    """A plan that selects nothing, writes nowhere or against a lock is told before the first restore is needed."""
    tagged = volume(1, Tags=[{"Key": "backup", "Value": "yes"}])
    reading = look(volumes(tagged), ebs_snapshot(3), vaults(), *answers)[PLAN]
    assert (reading.verdict, reading.outcome) == (verdict, outcome)


def test_a_list_that_was_refused_proves_no_empty_selection() -> None:
    """What fits nothing may fit what could not be listed."""
    answers = [vaults(), plan(rule(), created=24, selections=({"Resources": ["arn:aws:rds:*:*:db:orders"]},))]
    assert blind(("rds", "describe_db_instances"), *answers)[PLAN].outcome is Outcome.UNKNOWN
    assert look(*answers)[PLAN].verdict == "selects_nothing"


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (restore_plan(48, restored(48)), "test_passed"),
        (restore_plan(48, restored(48, validation=None)), "test_not_validated"),
        (restore_plan(48, restored(48, "FAILED", None)), "test_failed"),
        (restore_plan(48, restored(48, validation="FAILED")), "test_failed"),
        (restore_plan(900, restored(900)), "test_overdue"),
        (restore_plan(None), "never_tested"),
    ],
)
def test_restore_tests(answers: Answers, verdict: str) -> None:
    """The age and the result of the last test of each plan."""
    reading = look(answers)[TEST]
    assert (reading.verdict, bool(reading.findings)) == (verdict, reading.outcome is Outcome.UNHEALTHY)


def test_a_test_that_passed_is_remembered_longer_than_aws_backup_does() -> None:
    """Its jobs are forgotten after thirty days, its result is not."""
    place = fake_place(Backups(), {**NOTHING, **restore_plan(48, restored(48))})
    list(Backups().run(place))
    assert place.kept["restore_tests"] == {TEST: ago(48).isoformat()}
    later = look(restore_plan(48), memory=place.kept, now=NOW + timedelta(days=31))
    assert later[TEST].verdict == "test_passed"


def test_restore_tests_can_be_asked_for() -> None:
    """Where the configuration asks, having none is a finding."""
    here = f"{PLACE}/restore_tests"
    assert look()[here].outcome is Outcome.HEALTHY
    assert look(check=Backups(require_restore_tests=True))[here].verdict == "never_tested"


def test_a_lifecycle_policy_in_error_is_told() -> None:
    """It makes no snapshots, and nobody would notice."""
    made = [
        {"PolicyId": "policy-1", "State": "ERROR", "Description": "nightly"},
        {"PolicyId": "policy-2", "State": "ENABLED", "Description": "weekly"},
    ]
    readings = look({("dlm", "get_lifecycle_policies"): {"Policies": made}})
    assert readings[arn("dlm", "policy/policy-1")].verdict == "policy_failing"
    assert readings[arn("dlm", "policy/policy-2")].verdict == "policies_fine"
