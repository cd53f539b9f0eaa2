"""The check utilization over a fake AWS: every service, what is missing, and what earlier looks left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.base import UNMANAGED, Kind, Outcome, Owner
from checks.usage.judge import ThresholdRule
from checks.usage.model import Service
from checks.utilization import Utilization
from tests.aws.blind import World
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import NOW
from tests.checks.usage.answers import (
    FINE_DB,
    GIB,
    MACHINES,
    METRICS,
    OLD,
    PLACE,
    QUIET,
    Answers,
    alarm,
    alarms,
    arn,
    checked,
    database,
    databases,
    instances,
    look,
    measured,
    run,
    steady,
    volume,
    volumes,
)

I1, DB = arn("ec2", "instance/i-1"), arn("rds", "db:orders")
TABLE, QUEUE = arn("dynamodb", "table/tab"), arn("sqs", "q")
ALB, GROUP = (arn("elasticloadbalancing", f"{kind}/1") for kind in ("loadbalancer/app/web", "targetgroup/web"))
CLUSTER = arn("eks", "cluster/main")
FN = {"FunctionName": "f", "FunctionArn": arn("lambda", "function:f")}


def table(**more: Any) -> Answers:
    row = {"TableName": "tab", "TableStatus": "ACTIVE", **more}
    return {("dynamodb", "list_tables"): {"TableNames": ["tab"]}, ("dynamodb", "describe_table"): {"Table": row}}


def queue(kept: int = 345_600) -> Answers:
    return {
        ("sqs", "list_queues"): {"QueueUrls": ["https://sqs.eu-west-1.amazonaws.com/111111111111/q"]},
        ("sqs", "get_queue_attributes"): {"Attributes": {"MessageRetentionPeriod": str(kept)}},
    }


def cache(engine: str = "redis") -> Answers:
    nodes = [{"CacheNodeId": "0001", "CacheNodeCreateTime": OLD}]
    row = {"CacheClusterId": "c", "Engine": engine, "CacheClusterStatus": "available", "CacheNodes": nodes,
           "ARN": arn("elasticache", "cluster:c")}  # fmt: skip
    return {("elasticache", "describe_cache_clusters"): {"CacheClusters": [row]}}


def balancer(*states: str) -> Answers:
    row = {"LoadBalancerArn": ALB, "LoadBalancerName": "web", "Type": "application", "State": {"Code": "active"}}
    group = {"TargetGroupArn": GROUP, "TargetGroupName": "web", "LoadBalancerArns": [ALB]}
    health = [{"TargetHealth": {"State": state}} for state in states]
    return {
        ("elbv2", "describe_load_balancers"): {"LoadBalancers": [row]},
        ("elbv2", "describe_target_groups"): {"TargetGroups": [group]},
        ("elbv2", "describe_target_health"): {"TargetHealthDescriptions": health},
    }


def classic(*states: str) -> Answers:
    health = [{"InstanceId": f"i-{n}", "State": state} for n, state in enumerate(states)]
    return {
        ("elb", "describe_load_balancers"): {"LoadBalancerDescriptions": [{"LoadBalancerName": "old"}]},
        ("elb", "describe_instance_health"): {"InstanceStates": health},
    }


def cluster(
    days: float = 365, issues: tuple[str, ...] = (), status: str = "ACTIVE", own: tuple[str, ...] = ()
) -> Answers:
    """A cluster whose version is supported for so many *days*, and a node group with *issues*."""
    version = {"clusterVersion": "1.31", "endOfStandardSupportDate": NOW + timedelta(days=days),
               "endOfExtendedSupportDate": NOW + timedelta(days=days + 365)}  # fmt: skip
    group = {"nodegroupName": "ng", "status": status, "health": {"issues": [{"code": code} for code in issues]}}
    health = {"issues": [{"code": code} for code in own]}
    return {
        ("eks", "list_clusters"): {"clusters": ["main"]},
        ("eks", "describe_cluster"): {"cluster": {"status": "ACTIVE", "version": "1.31", "health": health}},
        ("eks", "describe_cluster_versions"): {"clusterVersions": [version]},
        ("eks", "list_nodegroups"): {"nodegroups": ["ng"]},
        ("eks", "describe_nodegroup"): {"nodegroup": group},
    }


NAT = {("ec2", "describe_nat_gateways"): {"NatGateways": [
    {"NatGatewayId": "nat-1", "State": "available", "CreateTime": OLD}, {"NatGatewayId": "nat-2", "State": "deleted"},
]}}  # fmt: skip
FUNCTIONS = {("lambda", "list_functions"): {"Functions": [FN]}}
SIZED = {"ProvisionedThroughput": {"ReadCapacityUnits": 10, "WriteCapacityUnits": 10}}


def test_an_empty_account_is_looked_at_and_healthy() -> None:
    """Every list was read to know that there is nothing; of what nobody calls there is nothing to judge."""
    readings = look()
    idle = readings.pop(f"{PLACE}/lambda#concurrency")
    assert (idle.outcome, idle.verdict) == (Outcome.NOT_APPLICABLE, "idle")
    assert {reading.outcome for reading in readings.values()} == {Outcome.HEALTHY}
    assert {f"{PLACE}/{name}" for name in ("alarms", "instances", "volumes", "databases", "clusters")} <= set(readings)


CASES: list[tuple[str, list[Any], Mapping[Any, tuple[float, ...]], str]] = [
    # EC2 and EBS
    (f"{I1}#cpu", [instances("i-1")], {("CPUUtilization", "i-1"): steady(95)}, "over_used"),
    (f"{I1}#cpu", [instances("i-1")], {("CPUUtilization", "i-1"): steady(40)}, "within"),
    (f"{I1}#cpu", [instances("i-1")], {}, "no_data"),
    (f"{I1}#cpu", [instances("i-1", LaunchTime=NOW - timedelta(minutes=10))], {}, "new"),
    (f"{arn('ec2', 'volume/v-1')}#queue", [instances("i-1"), volumes(volume("v-1"))],
     {("VolumeQueueLength", "v-1"): steady(3)}, "over_used"),
    (f"{arn('ec2', 'volume/v-1')}#queue", [instances("i-1"), volumes(volume("v-1", Iops=16_000))],
     {("VolumeQueueLength", "v-1"): steady(3)}, "within"),
    (f"{arn('ec2', 'volume/v-1')}#burst", [instances("i-1"), volumes(volume("v-1"))],
     {("BurstBalance", "v-1"): steady(10)}, "over_used"),
    (f"{arn('ec2', 'volume/v-1')}#burst", [instances("i-1"), volumes(volume("v-1"))],
     {("BurstBalance", "v-1"): steady(100)}, "within"),
    (
        f"{arn('ec2', 'volume/v-1')}#burst",
        [instances("i-1", LaunchTime=NOW - timedelta(minutes=10)), volumes(volume("v-1"))],
        {},
        "new",
    ),
    # RDS
    (f"{DB}#cpu", [databases(database())], {("CPUUtilization", "orders"): steady(95)}, "over_used"),
    (f"{DB}#memory", [databases(database())], {("FreeableMemory", "orders"): steady(0.5 * GIB)}, "over_used"),
    (f"{DB}#memory", [databases(database())], {("FreeableMemory", "orders"): steady(2 * GIB)}, "within"),
    (f"{DB}#storage", [databases(database())], {("FreeStorageSpace", "orders"): steady(10 * GIB)}, "over_used"),
    (f"{DB}#storage", [databases(database(MaxAllocatedStorage=400))],
     {("FreeStorageSpace", "orders"): steady(10 * GIB)}, "within"),
    (f"{DB}#storage", [databases(database())], {}, "no_data"),
    (f"{DB}#connections", [databases(database())], {("DatabaseConnections", "orders"): steady(1600)}, "over_used"),
    (f"{DB}#capacity", [databases(database(Engine="aurora-mysql", DBInstanceClass="db.serverless"))],
     {("ACUUtilization", "orders"): steady(99)}, "over_used"),
    # ElastiCache
    (f"{arn('elasticache', 'cluster:c')}#cpu", [cache()], {("EngineCPUUtilization", "0001"): steady(95)}, "over_used"),
    (f"{arn('elasticache', 'cluster:c')}#cpu", [cache("memcached")], {("CPUUtilization", "0001"): steady(50)},
     "within"),
    (f"{arn('elasticache', 'cluster:c')}#memory", [cache()],
     {("DatabaseMemoryUsagePercentage", "0001"): steady(92)}, "over_used"),
    # Lambda
    (f"{FN['FunctionArn']}#errors", [FUNCTIONS], {("Invocations", "f"): steady(10), ("Errors", "f"): (6, 6)},
     "over_used"),
    (f"{FN['FunctionArn']}#errors", [FUNCTIONS], {("Invocations", "f"): steady(10)}, "within"),
    (f"{FN['FunctionArn']}#errors", [FUNCTIONS], {}, "idle"),
    (f"{FN['FunctionArn']}#throttles", [FUNCTIONS], {("Throttles", "f"): (50,)}, "over_used"),
    (f"{PLACE}/lambda#concurrency", [], {("ConcurrentExecutions", ""): steady(850)}, "over_used"),
    # load balancers and NAT gateways
    (f"{ALB}#errors", [balancer("healthy")], {("HTTPCode_ELB_5XX_Count", "app/web/1"): (9,)}, "over_used"),
    (f"{ALB}#target_errors", [balancer("healthy")],
     {("HTTPCode_Target_5XX_Count", "app/web/1"): (9,), ("RequestCount", "app/web/1"): (100,)}, "over_used"),
    (f"{GROUP}#targets", [balancer("healthy", "unhealthy")], {}, "targets_unhealthy"),
    (f"{GROUP}#targets", [balancer("healthy", "draining", "unused")], {}, "within"),
    (f"{GROUP}#targets", [balancer("initial")], {}, "new"),
    (f"{GROUP}#targets", [balancer()], {}, "no_targets"),
    (f"{arn('elasticloadbalancing', 'loadbalancer/old')}#targets", [classic("InService", "OutOfService")], {},
     "targets_unhealthy"),
    (f"{arn('elasticloadbalancing', 'loadbalancer/old')}#targets", [classic("InService", "Unknown")], {}, "no_data"),
    (f"{arn('elasticloadbalancing', 'loadbalancer/old')}#errors", [classic("InService")],
     {("HTTPCode_ELB_5XX", "old"): (5,), ("RequestCount", "old"): (5,)}, "over_used"),
    (f"{arn('ec2', 'natgateway/nat-1')}#drops", [NAT], {
        ("PacketsDropCount", "nat-1"): steady(10), ("PacketsInFromSource", "nat-1"): steady(100),
        ("PacketsInFromDestination", "nat-1"): steady(100),
    }, "over_used"),
    (f"{arn('ec2', 'natgateway/nat-1')}#drops", [NAT], {("PacketsInFromSource", "nat-1"): steady(100)}, "no_data"),
    # DynamoDB and SQS
    (f"{TABLE}#read_capacity", [table(**SIZED)], {("ConsumedReadCapacityUnits", "tab", "Sum"): steady(2700)},
     "over_used"),
    (f"{TABLE}#read_capacity", [table(**SIZED)], {("ConsumedReadCapacityUnits", "tab", "Sum"): steady(1500)},
     "within"),
    (f"{TABLE}#write_throttles", [table()],
     {("WriteThrottleEvents", "tab"): (5,), ("ConsumedWriteCapacityUnits", "tab", "SampleCount"): (95,)}, "over_used"),
    (f"{TABLE}/index/idx#read_throttles", [table(GlobalSecondaryIndexes=[{"IndexName": "idx"}])],
     {("ReadThrottleEvents", "idx"): (5,)}, "over_used"),
    (f"{QUEUE}#age", [queue()], {("ApproximateAgeOfOldestMessage", "q"): steady(200_000)}, "over_used"),
    (f"{QUEUE}#age", [queue()], {("ApproximateAgeOfOldestMessage", "q"): steady(0)}, "within"),
    (f"{QUEUE}#age", [queue()], {}, "idle"),
    # EKS
    (f"{CLUSTER}/nodegroup/ng", [cluster()], {}, "within"),
    (f"{CLUSTER}/nodegroup/ng", [cluster(issues=("IamNodeRoleNotFound",))], {}, "impaired"),
    (f"{CLUSTER}/nodegroup/ng", [cluster(status="DEGRADED")], {}, "impaired"),
    (f"{CLUSTER}/nodegroup/ng", [cluster(status="CREATING")], {}, "new"),
    (CLUSTER, [cluster(own=("InsufficientFreeAddresses",))], {}, "impaired"),
    (f"{CLUSTER}#version", [cluster(61)], {}, "within"),
    (f"{CLUSTER}#version", [cluster(59)], {}, "support_ends"),
    (f"{CLUSTER}#version", [cluster(-5)], {}, "support_ends"),
]  # fmt: skip

# Service -> what the names of its readings have in them: a client of each service takes longer than the look itself.
OF = {
    Service.EC2: ":instance/", Service.EBS: ":volume/", Service.RDS: ":db:", Service.ELASTICACHE: ":elasticache:",
    Service.LAMBDA: "lambda", Service.ELB: "loadbalancer/old", Service.ELBV2: "/web", Service.NAT: ":natgateway/",
    Service.DYNAMODB: ":dynamodb:", Service.SQS: ":sqs:", Service.EKS: ":eks:",
}  # fmt: skip


@pytest.mark.parametrize(("resource", "answers", "points", "verdict"), CASES)
def test_every_service(resource: str, answers: list[Any], points: Any, verdict: str) -> None:
    """What CloudWatch or the service itself tells, and the verdict on it."""
    check = Utilization(alarms=False, services=tuple(each for each in Service if OF[each] in resource))
    reading = look(*answers, measured(points), check=check)[resource]
    assert verdict == reading.verdict
    bad = reading.outcome is Outcome.UNHEALTHY
    assert [each.kind for each in reading.findings] == ([Kind.UTILIZATION] if bad else [])
    assert all(each.owner == UNMANAGED for each in reading.findings)
    assert reading.outcome is not Outcome.UNKNOWN or reading.values == {}


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (checked("i-1"), "within"),
        (checked("i-1", system="impaired"), "impaired"),
        (checked("i-1", instance="impaired"), "impaired"),
        (checked("i-1", instance="initializing"), "new"),
        (checked("i-1", system="insufficient-data"), "no_data"),
        (checked("i-2"), "no_data"),
        ({**checked("i-1"), "AttachedEbsStatus": {"Status": "impaired"}}, "impaired"),
    ],
)
def test_status_checks_of_instances(row: Any, verdict: str) -> None:
    """One of which nothing is said is not known to be well."""
    answers = {**instances("i-1"), ("ec2", "describe_instance_status"): {"InstanceStatuses": [row]}}
    assert look(answers, check=MACHINES)[f"{I1}#status"].verdict == verdict


def test_only_what_lives_is_asked_for() -> None:
    """Each metric has its price: nothing of stopped machines, of their disks, of deleted gateways."""
    stopped = {"InstanceId": "i-9", "State": {"Name": "stopped"}}
    fake = FakeAws({
        **QUIET, ("ec2", "describe_instances"): {"Reservations": [{"Instances": [stopped]}]},
        **volumes(volume("v-9", "i-9"), {"VolumeId": "v-8", "VolumeType": "gp3", "Iops": 3000}),
        **databases(database(DBInstanceStatus="stopped")), **NAT, **measured({}),
    })  # fmt: skip
    run(fake)
    (asked,) = [call for call in fake.calls if (call.service, call.operation) == METRICS]
    named = {each["MetricStat"]["Metric"]["MetricName"] for each in asked.parameters["MetricDataQueries"]}
    assert named == {"ConcurrentExecutions", "PacketsDropCount", "PacketsInFromSource", "PacketsInFromDestination"}


def test_a_thousand_instances_take_three_questions() -> None:
    """Five hundred metrics in one; what two gauges need is asked once."""
    ids = [f"i-{number:04}" for number in range(1000)]
    fake = FakeAws({**QUIET, **instances(*ids), **FUNCTIONS, **measured({("CPUUtilization", "i-0999"): steady(99)})})
    readings, _ = run(fake)
    asked = [len(call.parameters["MetricDataQueries"]) for call in fake.calls if call.operation == METRICS[1]]
    assert asked == [500, 500, 4]
    assert readings[f"{arn('ec2', 'instance/i-0999')}#cpu"].verdict == "over_used"


@pytest.mark.parametrize(
    ("status", "more", "said"),
    [
        ("PartialData", {}, "CloudWatch says PartialData"),
        ("InternalError", {}, "CloudWatch says InternalError"),
        ("Forbidden", {}, "CloudWatch says Forbidden"),
        (
            "Complete",
            {"Messages": [{"Code": "MaxMetricsExceeded", "Value": "x"}]},
            "CloudWatch says MaxMetricsExceeded",
        ),
    ],
)
def test_datapoints_that_are_not_all_there_judge_nothing(status: str, more: Any, said: str) -> None:
    """A high value among them would be true, and a low one is not known to be."""
    points: dict[Any, tuple[float, ...]] = {("CPUUtilization", "i-1"): steady(40)}
    answers = (instances("i-1"), measured(points, {"CPUUtilization": status}, **more))
    reading = look(*answers, check=MACHINES)[f"{I1}#cpu"]
    assert (reading.outcome, dict(reading.values)) == (Outcome.UNKNOWN, {})
    assert said in reading.summary


def test_a_question_that_is_refused_leaves_each_resource_unknown() -> None:
    """And what needs no datapoints is judged as ever."""
    fake = FakeAws({**QUIET, **instances("i-1"), **databases(database())})
    with fake.failing(*METRICS, Fault.DENIED):
        readings, _ = run(fake)
    assert {readings[key].verdict for key in (f"{I1}#cpu", f"{DB}#cpu", f"{DB}#storage")} == {"permission"}
    assert readings[f"{I1}#status"].verdict == "within"


def test_a_finding_has_its_owner_and_a_command() -> None:
    """The owner's address is in the state; the command shows how it went."""
    owner = Owner("acme-prod", "db", "module.db.aws_db_instance.this", "production", "team-data")
    answers = (databases(database()), measured({("CPUUtilization", "orders"): steady(97)}))
    reading = look(*answers, owners={"db-ORDERS": owner})[f"{DB}#cpu"]
    (finding,) = reading.findings
    assert finding.owner == owner
    assert finding.summary == "rds orders: 90 % of its processor in use, or more"
    assert "--dimensions Name=DBInstanceIdentifier,Value=orders" in finding.remedy
    assert reading.values == {"used_ratio": pytest.approx(0.97), "under_used": 0.0}
    assert (reading.evidence["service"], reading.evidence["gauge"]) == ("rds", "cpu")


def test_connections_that_somebody_has_set_go_before_the_classs_own() -> None:
    """Read from the database's own parameter group, and unknown while that cannot be read."""
    row = database(DBParameterGroups=[{"DBParameterGroupName": "tuned"}])
    answers = {
        **databases(row, parameters=({"ParameterName": "max_connections", "ParameterValue": "200"},)),
        **measured({("DatabaseConnections", "orders"): steady(190)}),
    }
    assert look(answers)[f"{DB}#connections"].verdict == "over_used"
    fake = FakeAws({**QUIET, **answers})
    with fake.failing("rds", "describe_db_parameters", Fault.DENIED):
        readings, _ = run(fake)
    assert readings[f"{DB}#connections"].verdict == "permission"


def test_queues_are_listed_to_their_end() -> None:
    """Page by page; an account without one is told by an answer without the list."""
    check = Utilization(alarms=False, services=(Service.SQS,))
    pages = [{"QueueUrls": ["https://sqs.example/1/a"]}, {"QueueUrls": ["https://sqs.example/1/b"]}]
    readings = look(queue(), {("sqs", "list_queues"): pages}, check=check)
    assert readings[f"{PLACE}/queues"].summary == "2 queues"
    none = look({("sqs", "list_queues"): {}}, check=check)
    assert none[f"{PLACE}/queues"].outcome is Outcome.HEALTHY


def test_thresholds_are_options() -> None:
    """For a gauge, or for one resource of it; and what is of no interest is left out."""
    answers = (instances("i-1", "i-2"), measured({("CPUUtilization", f"i-{n}"): steady(60) for n in (1, 2)}))
    check = replace(MACHINES, thresholds=(ThresholdRule("ec2/cpu", warn_at=0.5, resource="*/i-1"),), ignore=("*/i-2",))
    readings = look(*answers, check=check)
    assert readings[f"{I1}#cpu"].verdict == "over_used"
    assert not [key for key in readings if "i-2" in key]
    assert not [key for key in look(*answers, check=Utilization(services=(Service.RDS,))) if "i-1" in key]


# -- blindness ----------------------------------------------------------------------------------------------------

_HOT: dict[Any, tuple[float, ...]] = {
    ("CPUUtilization", "i-1"): steady(95), ("VolumeQueueLength", "v-1"): steady(0.1),
    ("BurstBalance", "v-1"): steady(5), **FINE_DB, ("FreeStorageSpace", "orders"): steady(5 * GIB),
    ("EngineCPUUtilization", "0001"): steady(20), ("DatabaseMemoryUsagePercentage", "0001"): steady(95),
    ("Invocations", "f"): steady(10), ("Errors", "f"): steady(3), ("ConcurrentExecutions", ""): steady(900),
    ("RequestCount", "app/web/1"): steady(100), ("HTTPCode_ELB_5XX_Count", "app/web/1"): steady(50),
    ("RequestCount", "old"): steady(100), ("PacketsDropCount", "nat-1"): steady(1),
    ("PacketsInFromSource", "nat-1"): steady(100), ("PacketsInFromDestination", "nat-1"): steady(100),
    ("ConsumedReadCapacityUnits", "tab"): steady(2900), ("ConsumedWriteCapacityUnits", "tab"): steady(1000),
    ("ApproximateAgeOfOldestMessage", "q"): steady(300_000),
}  # fmt: skip
WORLD = World(
    {
        **QUIET, **instances("i-1"), **volumes(volume("v-1")),
        **databases(database(DBParameterGroups=[{"DBParameterGroupName": "tuned"}])), **cache(), **FUNCTIONS,
        **balancer("healthy", "unhealthy"), **classic("InService"), **NAT, **table(**SIZED), **queue(),
        **cluster(10, ("IamNodeRoleNotFound",)), **alarms(alarm(), alarm("cold", "OK")), **measured(_HOT),
    },
    owners={DB: Owner("acme-prod", "db", "aws_db_instance.this", "production")},
)  # fmt: skip
