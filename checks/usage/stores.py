"""Databases, caches, tables and queues: what to ask CloudWatch about each. Asks AWS through the place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checks.aws import AwsError, AwsPlace, ErrorClass, arn_at, could_not_look, unsaid
from checks.base import Reading
from checks.cloudwatch import Metric
from checks.usage.ceilings import GIB, connections, memory
from checks.usage.machines import per_second
from checks.usage.model import Probe, Service

# Not running, or not yet: CloudWatch says nothing of them.
_RESTING = frozenset({
    "creating", "deleting", "failed", "starting", "stopped", "stopping", "restore-error", "incompatible-restore",
    "incompatible-network", "inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable",
    "insufficient-capacity",
})  # fmt: skip
_PAGES = 1000  # of queues; an account cannot have as many
_NAMESPACES = {"docdb": "AWS/DocDB", "neptune": "AWS/Neptune"}
_SHARED_STORAGE = ("aurora", "docdb", "neptune")  # engines whose storage grows by itself, in the cluster


def databases(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Processor, memory, storage and connections of each database that runs; each against what its class has."""
    for each in place.shared("rds", "describe_db_instances", "DBInstances"):
        if str(each.get("DBInstanceStatus", "")) not in _RESTING:
            yield from _database(place, each)


def _database(place: AwsPlace, row: Mapping[str, Any]) -> Iterator[Probe | Reading]:
    arn, name, engine = row["DBInstanceArn"], row["DBInstanceIdentifier"], str(row.get("Engine", ""))
    sort, born = str(row.get("DBInstanceClass", "")), row.get("InstanceCreateTime")
    ids = tuple(str(row[key]) for key in ("DbiResourceId",) if row.get(key))

    def probe(gauge: str, metric: str, scale: float, statistic: str = "Average", **more: Any) -> Probe:
        at = (("DBInstanceIdentifier", name),)
        asked = Metric(_NAMESPACES.get(engine, "AWS/RDS"), metric, at, statistic)
        return Probe(Service.RDS, gauge, arn, name, (asked,), scale, born=born, ids=ids, **more)

    yield probe("cpu", "CPUUtilization", 0.01)
    if sort == "db.serverless" and engine not in _NAMESPACES:
        yield probe("capacity", "ACUUtilization", 0.01)
    total = memory(sort)
    if total is not None:
        yield probe("memory", "FreeableMemory", 1 / total, inverse=True, ceiling=f"{total / GIB:g} GiB")
    size = int(row.get("MaxAllocatedStorage") or row.get("AllocatedStorage") or 0)
    allocated = int(row.get("AllocatedStorage") or 0)
    if allocated and not engine.startswith(_SHARED_STORAGE):
        # What can still be allocated by itself is free too: 1 - (free + size - allocated) / size, in bytes.
        part = allocated / max(size, allocated)
        yield probe(
            "storage", "FreeStorageSpace", 1 / (allocated * GIB), "Minimum", inverse=True, fills=True,
            ceiling=f"{max(size, allocated)} GiB", portion=part,
        )  # fmt: skip
    yield from _connections(place, row, probe)


def _connections(place: AwsPlace, row: Mapping[str, Any], probe: Any) -> Iterator[Probe | Reading]:
    engine, sort = str(row.get("Engine", "")), str(row.get("DBInstanceClass", ""))
    if engine in _NAMESPACES:
        return
    groups = [str(each["DBParameterGroupName"]) for each in row.get("DBParameterGroups") or ()]
    try:
        set_ = [_set(place, group) for group in groups if not group.startswith("default.")]
    except AwsError as error:
        what = "how many connections it takes"
        yield could_not_look(f"{row['DBInstanceArn']}#connections", error, what)
        return
    most = connections(engine, sort, next((value for value in set_ if value), ""))
    if most is not None:
        yield probe("connections", "DatabaseConnections", 1 / most, "Maximum", ceiling=str(most))


def _set(place: AwsPlace, group: str) -> str:
    """max_connections of a parameter group, as somebody has set it; empty: nobody did."""
    rows = place.shared("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=group, Source="user")
    found = (str(each.get("ParameterValue") or "") for each in rows if each.get("ParameterName") == "max_connections")
    return next(found, "")


def caches(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Processor and memory of each node of each cache."""
    listed = place.shared("elasticache", "describe_cache_clusters", "CacheClusters", ShowCacheNodeInfo=True)
    for each in listed:
        if str(each.get("CacheClusterStatus", "")) in ("creating", "deleting", "deleted", "create-failed"):
            continue
        name, plain = each["CacheClusterId"], each.get("Engine") == "memcached"
        arn = each.get("ARN") or arn_at(place, "elasticache", f"cluster:{name}")
        group = str(each.get("ReplicationGroupId") or "")
        ids = (arn_at(place, "elasticache", f"replicationgroup:{group}"),) if group else ()
        for node in each.get("CacheNodes") or ():
            id_ = node["CacheNodeId"]
            at = (("CacheClusterId", name), ("CacheNodeId", id_))
            # Redis and Valkey work on one processor, which is full long before the machine is.
            cpu = Metric("AWS/ElastiCache", "CPUUtilization" if plain else "EngineCPUUtilization", at, "Average")
            whose = arn if id_ == "0001" else f"{arn}/{id_}"
            more: dict[str, Any] = {"born": node.get("CacheNodeCreateTime"), "ids": (arn, *ids)}
            yield Probe(Service.ELASTICACHE, "cpu", whose, f"{name}/{id_}", (cpu,), 0.01, **more)
            if not plain:
                used = Metric("AWS/ElastiCache", "DatabaseMemoryUsagePercentage", at, "Average")
                yield Probe(Service.ELASTICACHE, "memory", whose, f"{name}/{id_}", (used,), 0.01, **more)


def tables(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Throttles of each table and index, and its provisioned capacity where it has some."""
    for name in place.shared("dynamodb", "list_tables", "TableNames"):
        arn = arn_at(place, "dynamodb", f"table/{name}")
        try:
            table = place.call("dynamodb", "describe_table", TableName=name).get("Table")
            if not table:
                raise unsaid(place, "dynamodb", "DescribeTable", "no table in the answer")
        except AwsError as error:
            if error.error_class is not ErrorClass.RACE:
                yield could_not_look(arn, error, "how its capacity is set")
            continue
        if str(table.get("TableStatus", "")) not in ("ACTIVE", "UPDATING"):
            continue
        yield from _table(table, arn, name, (("TableName", name),))
        for index in table.get("GlobalSecondaryIndexes") or ():
            at = (("TableName", name), ("GlobalSecondaryIndexName", index["IndexName"]))
            yield from _table(index, arn, f"{name}/{index['IndexName']}", at, f"/index/{index['IndexName']}")


def _table(
    row: Mapping[str, Any], arn: str, name: str, at: tuple[tuple[str, str], ...], index: str = ""
) -> Iterator[Probe]:
    capacity = row.get("ProvisionedThroughput") or {}
    for way, verb in (("read", "Read"), ("write", "Write")):
        events = Metric("AWS/DynamoDB", f"{verb}ThrottleEvents", at, "Sum")
        calls = Metric("AWS/DynamoDB", f"Consumed{verb}CapacityUnits", at, "SampleCount")
        more: dict[str, Any] = {"quiet": True, "ids": (arn,)}
        yield Probe(Service.DYNAMODB, f"{way}_throttles", arn + index, name, (events, calls), beside=True, **more)
        units = float(capacity.get(f"{verb}CapacityUnits") or 0)  # 0: on demand, which has no capacity to fill
        if units:
            used = Metric("AWS/DynamoDB", f"Consumed{verb}CapacityUnits", at, "Sum")
            yield Probe(
                Service.DYNAMODB, f"{way}_capacity", arn + index, name, (used,), per_second(units),
                ceiling=f"{units:g} units per second", **more,
            )  # fmt: skip


def queues(place: AwsPlace) -> Iterator[Probe | Reading]:
    """How long the oldest message of each queue has waited, against when it will be lost."""
    for url in _urls(place):
        name = url.rpartition("/")[2]
        arn = arn_at(place, "sqs", name)
        try:
            told = place.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["MessageRetentionPeriod"])
            kept = int((told.get("Attributes") or {}).get("MessageRetentionPeriod") or 0)
            if not kept:
                raise unsaid(place, "sqs", "GetQueueAttributes", "no MessageRetentionPeriod in the answer")
        except AwsError as error:
            gone = error.error_class is ErrorClass.RACE or "NonExistentQueue" in error.code
            if not gone:
                yield could_not_look(f"{arn}#age", error, "how long it keeps messages")
            continue
        age = Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", name),), "Maximum")
        yield Probe(Service.SQS, "age", arn, name, (age,), 1 / kept, quiet=True, ids=(url,), ceiling=f"{kept} s")


def _urls(place: AwsPlace) -> Iterator[str]:
    """Every queue, in pages, which SQS gives only if it is told how many. Without a queue its answer is {}."""
    asked: dict[str, Any] = {"MaxResults": 1000}
    for _ in range(_PAGES):
        page = place.call("sqs", "list_queues", **asked)
        yield from page.get("QueueUrls") or ()
        token = page.get("NextToken")
        if not token:
            return
        if token == asked.get("NextToken"):
            break
        asked["NextToken"] = token
    raise unsaid(place, "sqs", "ListQueues", "pages without end")
