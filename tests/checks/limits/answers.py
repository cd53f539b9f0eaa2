"""Answers of Service Quotas, CloudWatch and EC2, to be joined."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from checks.base import Reading
from checks.limits.counts import LISTS
from checks.quotas import Quotas
from tests.aws.fake import Call, FakeAws
from tests.aws.places import ACCOUNT, NOW, REGION, fake_place

SQ = "service-quotas"
START, GET = (SQ, "start_quota_utilization_report"), (SQ, "get_quota_utilization_report")
APPLIED, DEFAULTS = (SQ, "list_service_quotas"), (SQ, "list_aws_default_service_quotas")
HISTORY, METRICS = (SQ, "list_requested_service_quota_change_history"), ("cloudwatch", "get_metric_data")
Answers = Mapping[tuple[str, str], Any]


def row(code: str, part: float | None, limit: float | None = 100, service: str = "ec2", **more: Any) -> dict[str, Any]:
    """A row of the report: *part* of its limit in percent; None: AWS does not tell."""
    known = {"ServiceCode": service, "QuotaCode": code, "QuotaName": f"Things {code}", "Adjustable": True}
    known |= {"Utilization": float(part)} if part is not None else {}
    known |= {"AppliedValue": float(limit)} if limit is not None else {}
    return {**known, **more}


def reported(*rows: Any, pages: int = 1000, **more: Any) -> Answers:
    """A report that is ready, in pages of so many rows."""

    def page(call: Call) -> Mapping[str, Any]:
        start = int(call.parameters.get("NextToken") or 0)
        found = {"Status": "COMPLETED", "Quotas": list(rows[start : start + pages]), "TotalCount": len(rows), **more}
        return {**found, "NextToken": str(start + pages)} if start + pages < len(rows) else found

    return {START: {"ReportId": "report-1", "Status": "PENDING"}, GET: page}


def quota(code: str, value: float | None = 100, service: str = "ec2", **more: Any) -> dict[str, Any]:
    """A quota as both lists give it."""
    known: dict[str, Any] = {"ServiceCode": service, "QuotaCode": code, "QuotaName": f"Things {code}"}
    known["Adjustable"] = True
    return {**known, **({"Value": float(value)} if value is not None else {}), **more}


def metered(name: str = "ResourceCount", resource: str = "vCPU", statistic: str = "Maximum") -> dict[str, Any]:
    """The usage metric of a quota."""
    dimensions = {"Service": "EC2", "Type": "Resource", "Resource": resource, "Class": "None"}
    return {"UsageMetric": {
        "MetricNamespace": "AWS/Usage", "MetricName": name, "MetricDimensions": dimensions,
        "MetricStatisticRecommendation": statistic,
    }}  # fmt: skip


def listed(defaults: Mapping[str, Any], applied: Mapping[str, Any] | None = None) -> Answers:
    """Lists of quotas by service; a service that is not named has none."""
    return {
        DEFAULTS: lambda call: {"Quotas": defaults.get(call.parameters["ServiceCode"], [])},
        APPLIED: lambda call: {"Quotas": (applied or {}).get(call.parameters["ServiceCode"], [])},
    }


# An account with no VPC and no open request, a report with one quota that is hardly used.
QUIET: Answers = {
    **reported(row("L-1", 5)),
    **listed({}),
    HISTORY: {"RequestedQuotas": []},
    METRICS: {"MetricDataResults": []},
    **{("ec2", operation): {member: []} for operation, member in LISTS.values()},
}


PLACE = f"{ACCOUNT}/{REGION}"
RULES = "L-0EA8095F"


def arn(code: str, service: str = "ec2", resource: str = "") -> str:
    found = f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:{service}/{code}"
    return f"{found}#{resource}" if resource else found


class Patient(Quotas):
    """Waits without waiting."""

    def wait(self, seconds: float) -> None:
        pass


def run(fake: FakeAws, check: Quotas | None = None, **place: Any) -> tuple[dict[str, Reading], Any]:
    """One look, and its place."""
    at = fake_place(Quotas, fake, **place)
    readings = tuple((check or Patient()).run(at))
    for reading in readings:
        assert reading.verdict in Quotas.verdicts
        assert set(reading.values) <= set(Quotas.measures)
        json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
    assert len({reading.resource for reading in readings}) == len(readings)
    return {reading.resource: reading for reading in readings}, at


def look(*more: Answers, check: Quotas | None = None, **place: Any) -> dict[str, Reading]:
    """The readings of one look at a quiet account with *more*, by resource."""
    answers = {**QUIET}
    for each in more:
        answers |= each
    return run(FakeAws(answers), check, **place)[0]


def result(number: int, *values: float, status: str = "Complete") -> dict[str, Any]:
    times = [NOW - timedelta(minutes=5 * (n + 1)) for n in range(len(values))]
    return {"Id": f"q{number}", "Timestamps": times, "Values": list(values), "StatusCode": status}


def group(name: str, rules: int) -> dict[str, Any]:
    ranges = [{"CidrIp": f"10.{n}.0.0/16"} for n in range(rules)]
    return {"GroupId": name, "OwnerId": ACCOUNT, "IpPermissions": [{"IpProtocol": "tcp", "IpRanges": ranges}]}


def groups(*found: Any) -> Answers:
    return {("ec2", "describe_security_groups"): {"SecurityGroups": list(found)}}
