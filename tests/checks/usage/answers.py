"""Answers of CloudWatch and of all services that are looked at, to be joined."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from checks.base import Reading
from checks.usage.model import Service
from checks.utilization import Utilization
from tests.aws.fake import Call, FakeAws
from tests.aws.places import ACCOUNT, NOW, REGION, fake_place

Answers = Mapping[tuple[str, str], Any]
METRICS, ALARMS = ("cloudwatch", "get_metric_data"), ("cloudwatch", "describe_alarms")
PLACE = f"{ACCOUNT}/{REGION}"
OLD = NOW - timedelta(days=90)

# (metric, value of its last dimension, statistic) -> datapoints, the newest first.
Points = Mapping[tuple[str, str] | tuple[str, str, str], tuple[float, ...]]


def measured(points: Points, statuses: Mapping[str, str] | None = None, **more: Any) -> Answers:
    """CloudWatch with *points*; of every other metric it has none. *statuses*: metric -> its StatusCode."""

    def answer(call: Call) -> Mapping[str, Any]:
        found = []
        for each in call.parameters["MetricDataQueries"]:
            metric, statistic = each["MetricStat"]["Metric"], each["MetricStat"]["Stat"]
            of = metric["Dimensions"][-1]["Value"] if metric["Dimensions"] else ""
            name = metric["MetricName"]
            values = points.get((name, of, statistic), points.get((name, of), ()))
            times = [NOW - timedelta(minutes=5 * (number + 1)) for number in range(len(values))]
            status = (statuses or {}).get(name, "Complete")
            found.append({"Id": each["Id"], "Timestamps": times, "Values": list(values), "StatusCode": status})
        return {"MetricDataResults": found, **more}

    return {METRICS: answer}


QUIET: Answers = {
    ALARMS: {"MetricAlarms": [], "CompositeAlarms": []},
    ("ec2", "describe_instances"): {"Reservations": []},
    ("ec2", "describe_instance_status"): {"InstanceStatuses": []},
    ("ec2", "describe_volumes"): {"Volumes": []},
    ("ec2", "describe_nat_gateways"): {"NatGateways": []},
    ("rds", "describe_db_instances"): {"DBInstances": []},
    ("elasticache", "describe_cache_clusters"): {"CacheClusters": []},
    ("lambda", "list_functions"): {"Functions": []},
    ("lambda", "get_account_settings"): {"AccountLimit": {"ConcurrentExecutions": 1000}},
    ("elb", "describe_load_balancers"): {"LoadBalancerDescriptions": []},
    ("elbv2", "describe_load_balancers"): {"LoadBalancers": []},
    ("elbv2", "describe_target_groups"): {"TargetGroups": []},
    ("dynamodb", "list_tables"): {"TableNames": []},
    ("sqs", "list_queues"): {"QueueUrls": []},
    ("eks", "list_clusters"): {"clusters": []},
    **measured({}),
}


def steady(value: float) -> tuple[float, ...]:
    """An hour of the same value."""
    return (value,) * 12


def run(fake: FakeAws, check: Utilization | None = None, **place: Any) -> tuple[dict[str, Reading], Any]:
    """One look, and its place."""
    at = fake_place(Utilization, fake, **place)
    readings = tuple((check or Utilization()).run(at))
    for reading in readings:
        assert reading.verdict in Utilization.verdicts
        assert set(reading.values) <= set(Utilization.measures)
        json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
    assert len({reading.resource for reading in readings}) == len(readings)
    json.dumps(at.kept)
    return {reading.resource: reading for reading in readings}, at


def look(*more: Answers, check: Utilization | None = None, **place: Any) -> dict[str, Reading]:
    """The readings of one look at an empty account with *more*, by resource."""
    answers = {**QUIET}
    for each in more:
        answers |= each
    return run(FakeAws(answers), check, **place)[0]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def instances(*ids: str, **more: Any) -> Answers:
    """Running instances whose status checks pass."""
    rows = [{"InstanceId": id_, "State": {"Name": "running"}, "LaunchTime": OLD, **more} for id_ in ids]
    return {
        ("ec2", "describe_instances"): {"Reservations": [{"Instances": rows}]},
        ("ec2", "describe_instance_status"): {"InstanceStatuses": [checked(id_) for id_ in ids]},
    }


def checked(id_: str, system: str = "ok", instance: str = "ok") -> dict[str, Any]:
    return {"InstanceId": id_, "SystemStatus": {"Status": system}, "InstanceStatus": {"Status": instance}}


def volumes(*rows: Mapping[str, Any]) -> Answers:
    return {("ec2", "describe_volumes"): {"Volumes": list(rows)}}


def volume(id_: str, to: str = "i-1", **more: Any) -> dict[str, Any]:
    attached = [{"InstanceId": to, "AttachTime": OLD, "State": "attached"}]
    return {"VolumeId": id_, "VolumeType": "gp2", "Size": 100, "Iops": 300, "Attachments": attached, **more}


def databases(*rows: Mapping[str, Any], parameters: tuple[Mapping[str, str], ...] = ()) -> Answers:
    return {
        ("rds", "describe_db_instances"): {"DBInstances": list(rows)},
        ("rds", "describe_db_parameters"): {"Parameters": list(parameters)},
    }


def database(name: str = "orders", **more: Any) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": name, "DBInstanceArn": arn("rds", f"db:{name}"), "Engine": "postgres",
        "DBInstanceClass": "db.r6g.large", "DBInstanceStatus": "available", "AllocatedStorage": 100,
        "InstanceCreateTime": OLD, "DBParameterGroups": [{"DBParameterGroupName": "default.postgres16"}],
        "DbiResourceId": f"db-{name.upper()}", **more,
    }  # fmt: skip


def alarm(name: str = "hot", state: str = "ALARM", **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": name, "AlarmArn": arn("cloudwatch", f"alarm:{name}"), "StateValue": state,
        "ActionsEnabled": True, "AlarmActions": [arn("sns", "ops")], "StateUpdatedTimestamp": NOW - timedelta(hours=2),
        "StateTransitionedTimestamp": NOW - timedelta(hours=3), "Namespace": "AWS/RDS", "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "orders"}], "Threshold": 90.0,
        "ComparisonOperator": "GreaterThanThreshold", **more,
    }  # fmt: skip


def alarms(*metric: Mapping[str, Any], composite: tuple[Mapping[str, Any], ...] = ()) -> Answers:
    """Both sorts of alarms, as the question asks for them."""

    def answer(call: Call) -> Mapping[str, Any]:
        (sort,) = call.parameters["AlarmTypes"]
        return {"MetricAlarms": list(metric)} if sort == "MetricAlarm" else {"CompositeAlarms": list(composite)}

    return {ALARMS: answer}


GIB = 2**30
# A look at nothing but instances: a client of each service takes longer than the look itself.
MACHINES = Utilization(alarms=False, services=(Service.EC2,))
FINE_DB: dict[Any, tuple[float, ...]] = {
    ("CPUUtilization", "orders"): steady(30), ("FreeableMemory", "orders"): steady(8 * GIB),
    ("FreeStorageSpace", "orders"): steady(60 * GIB), ("DatabaseConnections", "orders"): steady(100),
}  # fmt: skip
