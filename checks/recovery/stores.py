"""The data stores of an account in a region, each kind from its own service's list. Asks AWS through the place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from checks.aws import AwsError, AwsPlace, ErrorClass, arn_at, tags, unsaid
from checks.recovery.model import Copy, DataStore, Origin, Point, StoreKind

_GOING = frozenset({"deleting", "deleted", "DELETING", "ARCHIVED", "ARCHIVING"})
_COMING = frozenset({"creating", "CREATING"})
_CLUSTER_KINDS = {"docdb": StoreKind.DOCUMENTDB, "neptune": StoreKind.NEPTUNE}
# Where S3's list of all buckets is asked, so that all regions of an account share one answer.
_BUCKETS_AT = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
# With any parameter, ListBuckets tells each bucket's region (API_ListBuckets); 10,000 is the most it gives at once.
_ALL_BUCKETS = 10_000
# Tags of instances that something replaces when they go, with new disks.
_REPLACEABLE = (
    "aws:autoscaling:groupName",
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "aws:ec2:fleet-id",
)


@dataclass(frozen=True, slots=True)
class Listing:
    """One service's list. *what* names it in a sentence, *kinds* are those a failure leaves unknown."""

    name: str
    what: str
    kinds: tuple[StoreKind, ...]
    read: Callable[[AwsPlace], Iterable[DataStore]]


def databases(place: AwsPlace) -> Iterator[DataStore]:
    """RDS instances. Members of clusters are left out: their cluster is what is backed up."""
    for each in place.shared("rds", "describe_db_instances", "DBInstances"):
        status = str(each.get("DBInstanceStatus", ""))
        if each.get("DBClusterIdentifier") or status in _GOING:
            continue
        source = each.get("ReadReplicaSourceDBInstanceIdentifier") or each.get("ReadReplicaSourceDBClusterIdentifier")
        store = DataStore(
            StoreKind.RDS, each["DBInstanceArn"], each["DBInstanceIdentifier"],
            also=_rds_ids(place, "db", each.get("DbiResourceId")),
            created=_born(each.get("InstanceCreateTime"), status, place),
        )  # fmt: skip
        yield _database(place, store, each, status, source)


def clusters(place: AwsPlace) -> Iterator[DataStore]:
    """Clusters of Aurora, of RDS Multi-AZ, of DocumentDB and of Neptune: one list holds them all, told by engine."""
    for each in place.shared("rds", "describe_db_clusters", "DBClusters"):
        status, engine = str(each.get("Status", "")), str(each.get("Engine", ""))
        if status in _GOING:
            continue
        kind = _CLUSTER_KINDS.get(engine, StoreKind.AURORA if engine.startswith("aurora") else StoreKind.RDS)
        store = DataStore(
            kind, each["DBClusterArn"], each["DBClusterIdentifier"],
            also=_rds_ids(place, "cluster", each.get("DbClusterResourceId")),
            created=_born(each.get("ClusterCreateTime"), status, place),
        )  # fmt: skip
        yield _database(place, store, each, status, each.get("ReplicationSourceIdentifier"))


def _database(place: AwsPlace, store: DataStore, each: Mapping[str, Any], status: str, source: str | None) -> DataStore:
    """What instances and clusters are described by alike. *source*: of a replica, what it is a replica of."""
    retention, latest = each.get("BackupRetentionPeriod"), each.get("LatestRestorableTime")
    return replace(
        store,
        account=place.account,
        region=place.region,
        tags=tags(each.get("TagList")),
        points=() if retention == 0 else _continuous(latest),
        automatic=None if retention is None else retention > 0,
        deletion_protection=each.get("DeletionProtection"),
        # Its log is kept up to the stop; without one, nobody can tell what was written after the last snapshot.
        idle="stopped" if status in ("stopped", "stopping") and latest is not None else "",
        nothing_to_lose=f"a read replica of {source}, which is what is backed up" if source and not retention else "",
    )


def tables(place: AwsPlace) -> Iterator[DataStore]:
    """DynamoDB tables with their point-in-time recovery. One that cannot be described is given with a doubt."""
    for name in place.shared("dynamodb", "list_tables", "TableNames"):
        arn = arn_at(place, "dynamodb", f"table/{name}")
        try:
            table = part(place, "dynamodb", "describe_table", "Table", TableName=name)
        except AwsError as error:
            if not gone(error):
                store = DataStore(StoreKind.DYNAMODB, arn, name, account=place.account, region=place.region)
                yield replace(store, doubts=(error,), protection_unread=error)
            continue
        if table.get("TableStatus") in _GOING:
            continue
        store = DataStore(
            StoreKind.DYNAMODB, table.get("TableArn", arn), name, also=_ids(table.get("TableId")),
            account=place.account, region=place.region,
            created=table.get("CreationDateTime"), deletion_protection=bool(table.get("DeletionProtectionEnabled")),
            copies=_replicas(table, place),
        )  # fmt: skip
        yield _with_recovery(place, store)


def _with_recovery(place: AwsPlace, store: DataStore) -> DataStore:
    try:
        answer = part(
            place, "dynamodb", "describe_continuous_backups", "ContinuousBackupsDescription", TableName=store.name
        )
    except AwsError as error:
        return replace(store, doubts=(error,))
    recovery = answer.get("PointInTimeRecoveryDescription") or {}
    if "PointInTimeRecoveryStatus" not in recovery:
        what = "point-in-time recovery is neither on nor off"
        return replace(store, doubts=(unsaid(place, "dynamodb", "describe_continuous_backups", what),))
    enabled = recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    latest = recovery.get("LatestRestorableDateTime") if enabled else None
    return replace(store, automatic=enabled, points=_continuous(latest))


def _replicas(table: Mapping[str, Any], place: AwsPlace) -> tuple[Copy, ...]:
    """Replicas of a global table hold what it holds, within seconds."""
    return tuple(
        Copy(str(each["RegionName"]), place.account, place.now(), "a replica of the global table")
        for each in table.get("Replicas") or ()
        if each.get("ReplicaStatus") == "ACTIVE" and each.get("RegionName")
    )


def volumes(place: AwsPlace) -> Iterator[DataStore]:
    """EBS volumes. Those that end with an instance that is replaced, not repaired, hold nothing that is missed."""
    listed = [each for each in place.shared("ec2", "describe_volumes", "Volumes") if each.get("State") not in _GOING]
    ending = {each["VolumeId"]: id_ for each in listed if (id_ := _ends_with(each))}
    replaced: frozenset[str] = frozenset()
    doubt: tuple[AwsError, ...] = ()
    if ending:
        try:
            replaced = _replaceable(place)
        except AwsError as error:
            doubt = (error,)
    for each in listed:
        id_ = each["VolumeId"]
        instance = ending.get(id_, "")
        replaced_with = f"it ends with {instance}, which is replaced and not repaired" if instance in replaced else ""
        yield DataStore(
            StoreKind.EBS, arn_at(place, "ec2", f"volume/{id_}"), id_, also=(id_,), account=place.account,
            region=place.region, created=each.get("CreateTime"), tags=tags(each.get("Tags")),
            nothing_to_lose=replaced_with, doubts=doubt if instance else (),
        )  # fmt: skip


def _ends_with(volume: Mapping[str, Any]) -> str:
    """The instance whose end is the volume's end; empty: it outlives all it is attached to."""
    attached = volume.get("Attachments") or ()
    ends = [str(each.get("InstanceId", "")) for each in attached if each.get("DeleteOnTermination")]
    return ends[0] if len(ends) == len(attached) == 1 else ""


def _replaceable(place: AwsPlace) -> frozenset[str]:
    return frozenset(
        str(instance["InstanceId"])
        for reservation in place.shared("ec2", "describe_instances", "Reservations")
        for instance in reservation.get("Instances") or ()
        if instance.get("InstanceLifecycle") == "spot" or any(n in tags(instance.get("Tags")) for n in _REPLACEABLE)
    )


def file_systems(place: AwsPlace) -> Iterator[DataStore]:
    """EFS file systems. What backs them up is AWS Backup alone; its replications are copies."""
    for each in place.shared("efs", "describe_file_systems", "FileSystems"):
        if each.get("LifeCycleState") in _GOING:
            continue
        id_ = each["FileSystemId"]
        yield DataStore(
            StoreKind.EFS, each.get("FileSystemArn") or arn_at(place, "elasticfilesystem", f"file-system/{id_}"), id_,
            also=(id_,), account=place.account, region=place.region, created=each.get("CreationTime"),
            tags=tags(each.get("Tags")),
        )  # fmt: skip


def caches(place: AwsPlace) -> Iterator[DataStore]:
    """ElastiCache replication groups, single caches and serverless caches. Memcached keeps nothing."""
    for each in place.shared("elasticache", "describe_replication_groups", "ReplicationGroups"):
        store = _cache(place, "replicationgroup", each["ReplicationGroupId"], tuple(each.get("MemberClusters") or ()))
        yield from _described(place, store, each, each.get("Status"), each.get("ReplicationGroupCreateTime"))
    for each in place.shared("elasticache", "describe_cache_clusters", "CacheClusters"):
        if not each.get("ReplicationGroupId"):
            store = _cache(place, "cluster", each["CacheClusterId"])
            yield from _described(
                place, store, each, each.get("CacheClusterStatus"), each.get("CacheClusterCreateTime")
            )
    for each in place.shared("elasticache", "describe_serverless_caches", "ServerlessCaches"):
        store = _cache(place, "serverlesscache", each["ServerlessCacheName"])
        yield from _described(place, store, each, each.get("Status"), each.get("CreateTime"))


def _cache(place: AwsPlace, sort: str, name: str, members: tuple[str, ...] = ()) -> DataStore:
    arn = arn_at(place, "elasticache", f"{sort}:{name}")
    return DataStore(StoreKind.ELASTICACHE, arn, name, also=members, account=place.account, region=place.region)


def _described(
    place: AwsPlace, store: DataStore, each: Mapping[str, Any], status: str | None, created: datetime | None
) -> Iterator[DataStore]:
    limit = each.get("SnapshotRetentionLimit")
    memcached = "memcached keeps nothing that could be restored" if each.get("Engine") == "memcached" else ""
    if status not in _GOING:
        yield replace(
            store,
            arn=each.get("ARN") or store.arn,
            created=_born(created, status, place),
            automatic=None if limit is None else limit > 0,
            nothing_to_lose=memcached,
        )


def all_buckets(place: AwsPlace) -> tuple[Mapping[str, Any], ...]:
    """Every bucket of the account, of all regions."""
    at = _BUCKETS_AT.get(place.partition, place.region)
    return place.shared("s3", "list_buckets", "Buckets", region=at, MaxBuckets=_ALL_BUCKETS)


def buckets(place: AwsPlace) -> Iterator[DataStore]:
    """S3 buckets of this region, with their versioning."""
    for each in all_buckets(place):
        if each.get("BucketRegion", place.region) != place.region:
            continue
        name = each["Name"]
        store = DataStore(
            StoreKind.S3, arn_at(place, "s3", name, region="", account=""), name, also=(name,), account=place.account,
            region=place.region, created=each.get("CreationDate"),
        )  # fmt: skip
        try:
            versioning = place.call("s3", "get_bucket_versioning", Bucket=name).get("Status") == "Enabled"
        except AwsError as error:
            if not gone(error):
                yield replace(store, doubts=(error,))
            continue
        points = (Point(place.now(), Origin.VERSIONING),) if versioning else ()
        yield replace(store, points=points, automatic=versioning)


def warehouses(place: AwsPlace) -> Iterator[DataStore]:
    """Redshift clusters."""
    for each in place.shared("redshift", "describe_clusters", "Clusters"):
        if each.get("ClusterStatus") in _GOING:
            continue
        name = each["ClusterIdentifier"]
        days = each.get("AutomatedSnapshotRetentionPeriod")
        # A cluster that is paused is saved first (Redshift management guide, "pausing and resuming clusters").
        paused = each.get("ClusterStatus") == "paused"
        yield DataStore(
            StoreKind.REDSHIFT, arn_at(place, "redshift", f"cluster:{name}"), name,
            also=_ids(each.get("ClusterNamespaceArn")), account=place.account, region=place.region,
            created=_born(each.get("ClusterCreateTime"), each.get("ClusterStatus"), place), tags=tags(each.get("Tags")),
            automatic=None if days is None else days > 0, idle="paused" if paused else "",
        )  # fmt: skip


LISTINGS: tuple[Listing, ...] = (
    Listing("rds", "which RDS instances there are", (StoreKind.RDS,), databases),
    Listing(
        "rds_clusters", "which Aurora, DocumentDB and Neptune clusters there are",
        (StoreKind.AURORA, StoreKind.DOCUMENTDB, StoreKind.NEPTUNE, StoreKind.RDS), clusters,
    ),
    Listing("dynamodb", "which DynamoDB tables there are", (StoreKind.DYNAMODB,), tables),
    Listing("ebs", "which EBS volumes there are", (StoreKind.EBS,), volumes),
    Listing("efs", "which EFS file systems there are", (StoreKind.EFS,), file_systems),
    Listing("elasticache", "which ElastiCache caches there are", (StoreKind.ELASTICACHE,), caches),
    Listing("s3", "which S3 buckets there are", (StoreKind.S3,), buckets),
    Listing("redshift", "which Redshift clusters there are", (StoreKind.REDSHIFT,), warehouses),
)  # fmt: skip


def part(place: AwsPlace, service: str, operation: str, member: str, **parameters: Any) -> Mapping[str, Any]:
    """Ask once, and give a member of the answer. Raises AwsError too where the answer does not have it."""
    found = place.call(service, operation, **parameters).get(member)
    if not isinstance(found, Mapping):
        raise unsaid(place, service, operation, f"no {member} in the answer")
    return found


def gone(error: AwsError) -> bool:
    """Whether what was asked about went away after it was listed: then there is nothing to say of it."""
    return error.error_class is ErrorClass.RACE


def _rds_ids(place: AwsPlace, sort: str, id_: str | None) -> tuple[str, ...]:
    """AWS Backup names databases by name or by resource id."""
    return (id_, arn_at(place, "rds", f"{sort}:{id_}")) if id_ else ()


def _ids(*found: str | None) -> tuple[str, ...]:
    return tuple(each for each in found if each)


def _continuous(latest: datetime | None) -> tuple[Point, ...]:
    return () if latest is None else (Point(latest.astimezone(UTC), Origin.CONTINUOUS),)


def _born(created: datetime | None, status: str | None, place: AwsPlace) -> datetime | None:
    """When it was made. What is being made right now has no such time yet."""
    return place.now() if created is None and status in _COMING else created
