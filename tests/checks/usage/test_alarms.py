"""The account's own alarms: told with since when, what and whose; unknown where they are."""

from __future__ import annotations

from typing import Any

import pytest

from checks.base import UNMANAGED, Kind, Outcome, Owner, Reading
from checks.utilization import Utilization
from tests.aws.fake import FakeAws
from tests.aws.places import ACCOUNT, REGION
from tests.checks.usage import answers
from tests.checks.usage.answers import PLACE, QUIET, alarm, alarms, arn, run

HOT = arn("cloudwatch", "alarm:hot")
SCALING = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:1:autoScalingGroupName/web:policyName/x"


def look(*more: Any, check: Utilization | None = None, **place: Any) -> dict[str, Reading]:
    """One look at nothing but the alarms."""
    return answers.look(*more, check=check or Utilization(services=()), **place)


def composite(name: str = "site", state: str = "ALARM", **more: Any) -> dict[str, Any]:
    row = alarm(name, state, AlarmRule='ALARM("hot") OR ALARM("full")', **more)
    return {key: value for key, value in row.items() if key not in (
        "Namespace", "MetricName", "Dimensions", "Threshold", "ComparisonOperator",
    )}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "outcome", "verdict", "kinds"),
    [
        (alarm(), Outcome.UNHEALTHY, "alarm", [Kind.UTILIZATION]),
        (alarm(state="OK"), Outcome.HEALTHY, "quiet", []),
        (alarm(state="INSUFFICIENT_DATA"), Outcome.UNKNOWN, "insufficient_data", []),
        (alarm(state="OK", EvaluationState="PARTIAL_DATA"), Outcome.UNKNOWN, "insufficient_data", []),
        (alarm(state="OK", ActionsEnabled=False), Outcome.UNHEALTHY, "muted", [Kind.COMPLIANCE]),
        (alarm(ActionsEnabled=False), Outcome.UNHEALTHY, "alarm", [Kind.UTILIZATION]),
        (alarm(AlarmActions=[SCALING]), Outcome.NOT_APPLICABLE, "scaling", []),
        (alarm(AlarmActions=[SCALING, arn("sns", "ops")]), Outcome.UNHEALTHY, "alarm", [Kind.UTILIZATION]),
        (alarm(AlarmActions=[]), Outcome.UNHEALTHY, "alarm", [Kind.UTILIZATION]),
    ],
)
def test_what_an_alarm_says(row: Any, outcome: Outcome, verdict: str, kinds: list[Kind]) -> None:
    """One that cannot tell is never taken for one that is OK; one that drives scaling is no alarm."""
    reading = look(alarms(row))[HOT]
    assert (reading.outcome, reading.verdict, [each.kind for each in reading.findings]) == (outcome, verdict, kinds)


def test_an_alarm_says_what_and_since_when() -> None:
    """Since it turned, not since its state was last written; and that nobody hears it."""
    (finding,) = look(alarms(alarm(ActionsEnabled=False)))[HOT].findings
    assert finding.summary == (
        "alarm hot: AWS/RDS CPUUtilization > 90 since 2026-03-02 09:00 UTC; "
        "it tells nobody: its actions are switched off"
    )
    assert finding.remedy.startswith(f"aws cloudwatch describe-alarm-history --alarm-name hot --region {REGION}")


def test_a_name_cannot_break_out_of_the_command() -> None:
    """Names are other people's text."""
    row = alarm("hot; rm -rf /")
    (finding,) = look(alarms(row))[row["AlarmArn"]].findings
    assert "--alarm-name 'hot; rm -rf /'" in finding.remedy


@pytest.mark.parametrize(
    ("dimensions", "owned"),
    [
        ({"DBInstanceIdentifier": "orders"}, arn("rds", "db:orders")),
        ({"InstanceId": "i-1"}, "i-1"),
        ({"FunctionName": "f"}, arn("lambda", "function:f")),
        ({"LoadBalancer": "app/web/1"}, arn("elasticloadbalancing", "loadbalancer/app/web/1")),
        ({"TargetGroup": "targetgroup/web/1"}, arn("elasticloadbalancing", "targetgroup/web/1")),
        ({"TableName": "t"}, arn("dynamodb", "table/t")),
        ({"QueueName": "q"}, arn("sqs", "q")),
        ({"CacheClusterId": "c", "CacheNodeId": "0001"}, arn("elasticache", "cluster:c")),
        ({}, HOT),
    ],
)
def test_whose_an_alarm_is(dimensions: dict[str, str], owned: str) -> None:
    """Whose what it is about is; of nothing in particular, whose the alarm itself is."""
    row = alarm(Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()])
    owner = Owner("acme-prod", "db", "aws_x.this", "production")
    mine, nobodys = (look(alarms(row), owners=owners)[HOT].findings[0] for owners in ({owned: owner}, {}))
    assert (mine.owner, nobodys.owner) == (owner, UNMANAGED)


def test_an_alarm_over_an_expression_has_the_dimensions_of_its_metrics() -> None:
    """Metric math names them further down."""
    metric = {"Namespace": "AWS/SQS", "MetricName": "Age", "Dimensions": [{"Name": "QueueName", "Value": "q"}]}
    row = {key: value for key, value in alarm().items() if key not in ("Namespace", "MetricName", "Dimensions")}
    row["Metrics"] = [{"Id": "e", "Expression": "m*2"},
                      {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}]  # fmt: skip
    owner = Owner("acme-prod", "q")
    (finding,) = look(alarms(row), owners={arn("sqs", "q"): owner})[HOT].findings
    assert finding.owner == owner
    assert "AWS/SQS Age > 90" in finding.summary


def test_composite_alarms_are_read_too() -> None:
    """DescribeAlarms leaves them out unless it is asked for them by name."""
    found = look(alarms(composite=(composite(ActionsSuppressedBy="Alarm"),)))[arn("cloudwatch", "alarm:site")]
    assert found.verdict == "alarm"
    assert 'ALARM("hot") OR ALARM("full") since' in found.summary
    assert found.summary.endswith("its actions are held back (Alarm)")


def test_alarms_can_be_ignored_or_left_out() -> None:
    """By name; and not asked for at all."""
    readings = look(alarms(alarm(), alarm("cold")), check=Utilization(services=(), ignore_alarms=("ho*",)))
    assert HOT not in readings
    assert readings[f"{PLACE}/alarms"].summary == "2 alarms"
    fake = FakeAws(QUIET)
    run(fake, Utilization(alarms=False))
    assert ("cloudwatch", "describe_alarms") not in fake.asked
