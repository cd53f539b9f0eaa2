"""The account's own CloudWatch alarms: what they say, since when, and whose they are."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checks.aws import AwsPlace, arn_at, looked, owner_of
from checks.base import Finding, Kind, Outcome, Reading
from checks.plans.ignore import fits
from checks.recovery.words import moment

TYPES = {"MetricAlarms": "MetricAlarm", "CompositeAlarms": "CompositeAlarm"}
_SIGNS = {
    "GreaterThanOrEqualToThreshold": ">=", "GreaterThanThreshold": ">", "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=", "LessThanLowerOrGreaterThanUpperThreshold": "is outside of its band",
    "LessThanLowerThreshold": "is below its band", "GreaterThanUpperThreshold": "is above its band",
}  # fmt: skip
# Dimension -> how the ARN of what it names goes: (service, resource).
_ARNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "InstanceId": (("ec2", "instance/{}"),),
    "VolumeId": (("ec2", "volume/{}"),),
    "NatGatewayId": (("ec2", "natgateway/{}"),),
    "DBInstanceIdentifier": (("rds", "db:{}"),),
    "DBClusterIdentifier": (("rds", "cluster:{}"),),
    "CacheClusterId": (("elasticache", "cluster:{}"),),
    "ReplicationGroupId": (("elasticache", "replicationgroup:{}"),),
    "FunctionName": (("lambda", "function:{}"),),
    "LoadBalancer": (("elasticloadbalancing", "loadbalancer/{}"),),
    "LoadBalancerName": (("elasticloadbalancing", "loadbalancer/{}"),),
    "TargetGroup": (("elasticloadbalancing", "{}"),),
    "TableName": (("dynamodb", "table/{}"),),
    "QueueName": (("sqs", "{}"),),
    "TopicName": (("sns", "{}"),),
    "StreamName": (("kinesis", "stream/{}"),),
    "FileSystemId": (("elasticfilesystem", "file-system/{}"),),
}
_RULE = 200  # characters of the rule of a composite alarm; it may have ten thousand
_UNIQUE = ("InstanceId", "VolumeId", "NatGatewayId", "FileSystemId", "StateMachineArn")  # ids that are owners' too


def alarms(place: AwsPlace, ignore: Iterable[str]) -> Iterator[Reading]:
    """A reading of each metric alarm and composite alarm, but those whose name fits a glob of *ignore*."""
    globs, count = tuple(ignore), 0
    for member, sort in TYPES.items():
        for each in place.shared("cloudwatch", "describe_alarms", member, AlarmTypes=[sort]):
            count += 1
            if not any(fits(glob, each["AlarmName"]) for glob in globs):
                yield reading(place, each)
    yield looked(place, "alarms", count)


def reading(place: AwsPlace, row: Mapping[str, Any]) -> Reading:
    """What one alarm says."""
    arn, name, state = str(row["AlarmArn"]), str(row["AlarmName"]), str(row.get("StateValue") or "")
    if scales(row):
        return Reading(arn, Outcome.NOT_APPLICABLE, "scaling", f"{state}: it only drives automatic scaling")
    if state == "ALARM":
        return _alarming(place, row, arn, name)
    if state != "OK":
        return Reading(arn, Outcome.UNKNOWN, "insufficient_data", f"alarm {name}: it has too few data to tell")
    if row.get("EvaluationState"):
        said = f"alarm {name}: its last state is OK, and CloudWatch says {row['EvaluationState']}"
        return Reading(arn, Outcome.UNKNOWN, "insufficient_data", said)
    if row.get("ActionsEnabled") is False:
        return _muted(place, row, arn, name)
    return Reading(arn, Outcome.HEALTHY, "quiet", f"OK: {condition(row)}", values={"alarms_firing": 0.0})


def scales(row: Mapping[str, Any]) -> bool:
    """Whether the alarm does nothing but drive automatic scaling, so that being in ALARM is how it works."""
    actions = [str(each) for each in row.get("AlarmActions") or ()]
    return bool(actions) and all(":autoscaling:" in each and ":scalingPolicy:" in each for each in actions)


def condition(row: Mapping[str, Any]) -> str:
    """What the alarm watches, for people."""
    if row.get("AlarmRule"):
        return str(row["AlarmRule"])[:_RULE]
    metric = f"{row['Namespace']} {row['MetricName']}" if row.get("MetricName") else _metrics(row)
    sign = _SIGNS.get(str(row.get("ComparisonOperator") or ""), "")
    threshold = f" {row['Threshold']:g}" if row.get("Threshold") is not None and sign[:1] in "<>" else ""
    return f"{metric} {sign}{threshold}".strip()


def _metrics(row: Mapping[str, Any]) -> str:
    stats = ((each.get("MetricStat") or {}).get("Metric") or {} for each in row.get("Metrics") or ())
    names = sorted({f"{each['Namespace']} {each['MetricName']}" for each in stats if each.get("MetricName")})
    return " and ".join(names) or "an expression"


def dimensions(row: Mapping[str, Any]) -> Mapping[str, str]:
    """What the alarm is about, by the dimensions of all its metrics."""
    found = list(row.get("Dimensions") or ())
    for each in row.get("Metrics") or ():
        found += ((each.get("MetricStat") or {}).get("Metric") or {}).get("Dimensions") or ()
    return {str(each["Name"]): str(each["Value"]) for each in found}


def identifiers(place: AwsPlace, row: Mapping[str, Any]) -> tuple[str, ...]:
    """What its subject may go by in a Terraform state, and then the alarm itself: whose subject it is owns it."""
    told = dimensions(row)
    found = [
        arn_at(place, service, pattern.format(value))
        for name, value in told.items()
        for service, pattern in _ARNS.get(name, ())
    ]
    if "ClusterName" in told and str(row.get("Namespace")) in ("AWS/ECS", "ECS/ContainerInsights"):
        cluster = told["ClusterName"]
        found += [arn_at(place, "ecs", f"service/{cluster}/{told['ServiceName']}")] if "ServiceName" in told else []
        found.append(arn_at(place, "ecs", f"cluster/{cluster}"))
    found += [value for name, value in told.items() if name in _UNIQUE]
    return (*found, str(row["AlarmArn"]), str(row["AlarmName"]))


def _alarming(place: AwsPlace, row: Mapping[str, Any], arn: str, name: str) -> Reading:
    since = row.get("StateTransitionedTimestamp") or row.get("StateUpdatedTimestamp")
    when = f" since {moment(since)}" if since else ""
    muted = "; it tells nobody: its actions are switched off" if row.get("ActionsEnabled") is False else ""
    held = row.get("ActionsSuppressedBy")
    muted = muted or (f"; its actions are held back ({held})" if held else "")
    summary = f"alarm {name}: {condition(row)}{when}{muted}"
    named = dimensions(row)
    finding = Finding(
        Kind.UTILIZATION, "alarm", summary, cause=f"alarm:{name}", remedy=_remedy(place, name), addresses=(arn,),
        owner=owner_of(place, *identifiers(place, row)),
        evidence={
            "dimensions": dict(named), "reason": str(row.get("StateReason") or ""),
            "description": str(row.get("AlarmDescription") or ""),
        },
    )  # fmt: skip
    values = {"alarms_firing": 1.0}
    if since:
        values["alarm_since_timestamp_seconds"] = since.timestamp()
    return Reading(arn, Outcome.UNHEALTHY, "alarm", summary, (finding,), values)


def _muted(place: AwsPlace, row: Mapping[str, Any], arn: str, name: str) -> Reading:
    summary = f"alarm {name}: its actions are switched off, so it would tell nobody: {condition(row)}"
    finding = Finding(
        Kind.COMPLIANCE, "actions_disabled", summary, cause="alarm:actions_disabled",
        remedy=f"aws cloudwatch enable-alarm-actions --alarm-names {shlex.quote(name)} --region {place.region}"
        "  # or take it out of the code",
        addresses=(arn,), owner=owner_of(place, *identifiers(place, row)),
    )  # fmt: skip
    return Reading(arn, Outcome.UNHEALTHY, "muted", summary, (finding,), {"alarms_firing": 0.0})


def _remedy(place: AwsPlace, name: str) -> str:
    quoted = shlex.quote(name)
    return f"aws cloudwatch describe-alarm-history --alarm-name {quoted} --region {place.region}  # how it came to this"
