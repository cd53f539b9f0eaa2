"""What is asked where there is no report: lists of quotas, CloudWatch, Trusted Advisor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from checks.base import Fact, Outcome, Reading
from checks.quotas import Quotas
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import ACCOUNT, NOW
from tests.checks.limits.answers import (
    DEFAULTS,
    METRICS,
    PLACE,
    QUIET,
    START,
    Answers,
    Patient,
    arn,
    listed,
    look,
    metered,
    quota,
    result,
    run,
)


def without_report(*more: Answers, check: Quotas | None = None, **place: Any) -> dict[str, Reading]:
    return look(*more, check=check or Patient(report=False, services=("ec2",)), **place)


def test_without_a_report_cloudwatch_is_asked() -> None:
    """Applied values lie over the defaults, and the newest datapoint is the use."""
    answers = {
        **listed(
            {"ec2": [quota("L-2", 5, **metered()), quota("L-3", 100, **metered())]},
            {"ec2": [quota("L-2", 100, **metered())]},
        ),
        METRICS: {"MetricDataResults": [result(0, 90, 95), result(1, 100)]},
    }  # fmt: skip
    readings = without_report(answers)
    assert (readings[arn("L-2")].verdict, readings[arn("L-2")].values["used"]) == ("close", 90.0)
    assert readings[arn("L-3")].verdict == "exceeded"


def test_a_refused_report_falls_back_and_still_says_so() -> None:
    """What CloudWatch tells is told, and the place stays unknown until the report can be had."""
    fake = FakeAws({
        **QUIET, **listed({"ec2": [quota("L-2", 100, **metered())]}),
        METRICS: {"MetricDataResults": [result(0, 100)]},
    })  # fmt: skip
    with fake.failing(*START, Fault.DENIED):
        readings, _ = run(fake)
    assert readings[arn("L-2")].verdict == "exceeded"
    assert readings[f"{PLACE}/report"].verdict == "permission"


def test_a_metric_is_asked_with_what_it_measures() -> None:
    """Of what is counted the maximum, of a rate the sum, brought to the quota's own period."""
    per_second: dict[str, Any] = {"Period": {"PeriodValue": 1, "PeriodUnit": "SECOND"}}
    calls = quota("L-2", 10, **metered("CallCount", statistic="Sum"), **per_second)
    vcpus = quota("L-3", 10, **metered("ResourceCount", statistic="Sum"))
    fake = FakeAws({
        **QUIET, **listed({"ec2": [calls, vcpus]}),
        METRICS: {"MetricDataResults": [result(0, 300, 3000, 600), result(1, 3)]},
    })  # fmt: skip
    readings, _ = run(fake, Patient(report=False, services=("ec2",)))
    (asked,) = [call for call in fake.calls if call.operation == METRICS[1]]
    assert [each["MetricStat"]["Stat"] for each in asked.parameters["MetricDataQueries"]] == ["Sum", "Maximum"]
    assert asked.parameters["StartTime"] == NOW - timedelta(minutes=75)
    assert (readings[arn("L-2")].values["used"], readings[arn("L-2")].verdict) == (10.0, "exceeded")
    assert Fact.RATE_QUOTA in readings[arn("L-2")].findings[0].facts


def test_five_hundred_metrics_are_asked_for_at_once() -> None:
    """1,001 quotas take three questions, and each answer finds its quota."""

    def answer(call: Any) -> Mapping[str, Any]:
        assert len(call.parameters["MetricDataQueries"]) <= 500
        wanted = [each["Id"] for each in call.parameters["MetricDataQueries"]]
        return {"MetricDataResults": [result(int(each[1:]), 50) for each in wanted]}

    many = [quota(f"L-{n}", 100, **metered()) for n in range(1001)]
    fake = FakeAws({**QUIET, **listed({"ec2": many}), METRICS: answer})
    readings, _ = run(fake, Patient(report=False, services=("ec2",)))
    assert len([call for call in fake.calls if call.operation == METRICS[1]]) == 3
    assert sum(reading.verdict == "within" for reading in readings.values()) == 1001


@pytest.mark.parametrize(
    "answer",
    [
        {"MetricDataResults": []},
        {"MetricDataResults": [result(0)]},
        {"MetricDataResults": [result(0, 100, status="PartialData")]},
        {"MetricDataResults": [result(0, 100, status="InternalError")]},
        {"MetricDataResults": [result(0, 100, status="Forbidden")]},
        {"MetricDataResults": [result(0, 100)], "Messages": [{"Code": "MaxMetricsExceeded", "Value": "too many"}]},
    ],
)
def test_a_datapoint_that_is_missing_or_unsure_is_no_use(answer: Mapping[str, Any]) -> None:
    """Nothing is 0, and nothing is judged by half an answer."""
    answers = {**listed({"ec2": [quota("L-2", 100, **metered())]}), METRICS: answer}
    assert arn("L-2") not in without_report(answers)


def test_pages_of_one_metric_are_joined() -> None:
    """Partial on the first page, complete on the second."""
    pages = [
        {"MetricDataResults": [result(0, 95, status="PartialData")]},
        {"MetricDataResults": [result(0, 50)]},
    ]

    def answer(call: Any) -> Mapping[str, Any]:
        return pages[1] if call.parameters.get("NextToken") else {**pages[0], "NextToken": "more"}

    answers = {**listed({"ec2": [quota("L-2", 100, **metered())]}), METRICS: answer}
    assert without_report(answers)[arn("L-2")].values["used"] == 95.0


def test_an_error_within_a_quota_is_no_limit() -> None:
    """A 200 may carry a quota that could not be worked out: what is used is known, how much there is, is not."""
    broken = quota("L-2", 100, **metered(), ErrorReason={"ErrorCode": "DEPENDENCY_ACCESS_DENIED_ERROR"})
    answers = {
        **listed({"ec2": [quota("L-2", 50, **metered())]}, {"ec2": [broken]}),
        METRICS: {"MetricDataResults": [result(0, 60)]},
    }
    reading = without_report(answers)[arn("L-2")]
    assert (reading.outcome, reading.verdict, reading.values) == (Outcome.UNKNOWN, "no_limit", {})
    assert "DEPENDENCY_ACCESS_DENIED_ERROR" in reading.summary


@pytest.mark.parametrize("service", ["ssm", "ec2", "kms"])
def test_tokens_without_new_rows_end_the_list(service: str) -> None:
    """Some services give a new token for ever, and the same rows behind it."""
    asked: list[str] = []

    def endless(call: Any) -> Mapping[str, Any]:
        asked.append(call.parameters["ServiceCode"])
        token = f"token-{len(asked)}"
        return {"Quotas": [quota("L-2", 100, service, **metered())], "NextToken": token}

    answers = {DEFAULTS: endless, METRICS: {"MetricDataResults": [result(0, 90)]}}
    readings = without_report(answers, check=Patient(report=False, services=(service,), own_counts=False))
    assert readings[arn("L-2", service)].verdict == "close"
    assert len(asked) == 2


def test_a_bad_token_in_the_midst_spoils_one_service() -> None:
    """Its list broke off, so that nobody knows its quotas; the other services are judged."""

    def breaks(call: Any) -> Mapping[str, Any]:
        if call.parameters.get("NextToken"):
            raise ClientError({"Error": {"Code": "InvalidPaginationTokenException", "Message": "no"}}, "ListQuotas")
        service = call.parameters["ServiceCode"]
        found = {"Quotas": [quota("L-2", 100, service, **metered())]}
        return {**found, "NextToken": "bad"} if service == "kms" else found

    answers = {DEFAULTS: breaks, METRICS: {"MetricDataResults": [result(0, 90)]}}
    readings = without_report(answers, check=Patient(report=False, services=("kms", "ec2"), own_counts=False))
    assert readings[f"{PLACE}/quotas/kms"].outcome is Outcome.UNKNOWN
    assert readings[arn("L-2")].verdict == "close"


def test_a_service_that_the_region_does_not_have_is_left_out() -> None:
    """No such service is an answer, not a failure."""

    def missing(call: Any) -> Mapping[str, Any]:
        raise ClientError({"Error": {"Code": "NoSuchResourceException", "Message": "no"}}, "ListQuotas")

    readings = without_report({DEFAULTS: missing}, check=Patient(report=False, services=("x",), own_counts=False))
    assert {reading.outcome for reading in readings.values()} == {Outcome.HEALTHY}


def advised(*rows: Any) -> Answers:
    summary = {"hasFlaggedResources": True, "timestamp": "t"}
    counts = {"resourcesProcessed": 1, "resourcesFlagged": 1, "resourcesIgnored": 0, "resourcesSuppressed": 0}
    money = {"costOptimizing": {"estimatedMonthlySavings": 0.0, "estimatedPercentMonthlySavings": 0.0}}
    more = {"resourcesSummary": counts, "categorySpecificSummary": money}
    check = {"description": "d", "metadata": []}
    return {
        ("support", "describe_trusted_advisor_checks"): {"checks": [
            {"id": "eip", "name": "EIPs", "category": "service_limits", **check},
            {"id": "mfa", "name": "MFA", "category": "security", **check},
            {"id": "vpc", "name": "VPCs", "category": "service_limits", **check},
        ]},
        ("support", "describe_trusted_advisor_check_summaries"): {"summaries": [
            {"checkId": "eip", "status": "error", **summary, **more},
            {"checkId": "vpc", "status": "ok", **summary, **more},
        ]},
        ("support", "describe_trusted_advisor_check_result"): {"result": {
            "checkId": "eip", "timestamp": "t", "status": "error", **more,
            "flaggedResources": [{"status": "error", "resourceId": "r", "metadata": list(each)} for each in rows],
        }},
    }  # fmt: skip


VIRGINIA = Patient(report=False, services=(), own_counts=False)


def test_trusted_advisor_tells_what_nothing_else_does() -> None:
    """Only flagged checks of service limits are read, and rows without numbers are none."""
    told = advised(
        ["eu-west-1", "VPC", "Elastic IPs", "5", "5", "Red"], ["us-west-2", "VPC", "Elastic IPs", "", "", "Red"]
    )
    readings = look(told, check=VIRGINIA, region="us-east-1")
    found = f"arn:aws:servicequotas:us-east-1:{ACCOUNT}:vpc/eip#eu-west-1"
    assert readings[found].verdict == "exceeded"
    assert readings[f"{ACCOUNT}/us-east-1/trusted_advisor"].outcome is Outcome.HEALTHY


def test_trusted_advisor_without_a_support_plan_is_not_applicable() -> None:
    """There is nothing to look at, and that is no failure."""

    def refused(call: Any) -> Mapping[str, Any]:
        raise ClientError({"Error": {"Code": "SubscriptionRequiredException", "Message": "no"}}, "DescribeChecks")

    answers = {("support", "describe_trusted_advisor_checks"): refused}
    readings = look(answers, check=VIRGINIA, region="us-east-1")
    assert readings[f"{ACCOUNT}/us-east-1/trusted_advisor"].outcome is Outcome.NOT_APPLICABLE


def test_trusted_advisor_is_asked_in_one_region_only() -> None:
    """It answers for the whole account; every other region would tell the same again."""
    fake = FakeAws(QUIET)
    run(fake, VIRGINIA)
    assert not {call for call in fake.calls if call.service == "support"}
