"""Snapshots that the services themselves hold, for the data stores whose own description did not settle it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from checks.aws import AwsPlace, tags
from checks.recovery.model import DataStore, Origin, Point, StoreKind

# The most values that one filter of an EC2 describe call takes (EC2 API reference, "filtering").
_FILTER_VALUES = 200
Found = Iterator[tuple[str, Point]]  # ARN of the data store, a point of it


def of_databases(place: AwsPlace, stores: Sequence[DataStore]) -> Found:
    """Snapshots of RDS instances: automatic, by hand and by AWS Backup."""
    names = {store.name: store for store in stores if ":db:" in store.arn}
    if not names:
        return
    for each in place.pages("rds", "describe_db_snapshots", "DBSnapshots"):
        store = names.get(each.get("DBInstanceIdentifier", ""))
        # A copied snapshot has the time of the copy; what it holds is of the original's time.
        at = each.get("OriginalSnapshotCreateTime") or each.get("SnapshotCreateTime")
        if store and at is not None and each.get("Status") == "available" and _same(store, each.get("DbiResourceId")):
            yield store.arn, Point(at, _made_by(each.get("SnapshotType")))


def _same(store: DataStore, id_: str | None) -> bool:
    """Whether it is a snapshot of this very store, and not of one that had its name before."""
    return not id_ or not store.also or id_ in store.also


def of_clusters(place: AwsPlace, stores: Sequence[DataStore]) -> Found:
    """Snapshots of clusters of Aurora, RDS Multi-AZ, DocumentDB and Neptune."""
    names = {store.name: store for store in stores if ":cluster:" in store.arn}
    if not names:
        return
    for each in place.pages("rds", "describe_db_cluster_snapshots", "DBClusterSnapshots"):
        store, at = names.get(each.get("DBClusterIdentifier", "")), each.get("SnapshotCreateTime")
        same = store is not None and _same(store, each.get("DbClusterResourceId"))
        if store and same and at is not None and each.get("Status") == "available":
            yield store.arn, Point(at, _made_by(each.get("SnapshotType")))


def _made_by(snapshot_type: str | None) -> Origin:
    return Origin.AWS_BACKUP if snapshot_type == "awsbackup" else Origin.SNAPSHOT


def of_tables(place: AwsPlace, stores: Sequence[DataStore]) -> Found:
    """Backups of DynamoDB tables by hand and by AWS Backup."""
    names = {store.name: store for store in stores}
    for each in place.pages("dynamodb", "list_backups", "BackupSummaries", BackupType="ALL"):
        store, at = names.get(each.get("TableName", "")), each.get("BackupCreationDateTime")
        same = store is not None and _same(store, each.get("TableId"))
        if store and same and at is not None and each.get("BackupStatus") == "AVAILABLE":
            yield store.arn, Point(at, Origin.AWS_BACKUP if each.get("BackupType") == "AWS_BACKUP" else Origin.SNAPSHOT)


def of_volumes(place: AwsPlace, stores: Sequence[DataStore]) -> Found:
    """Completed snapshots of EBS volumes, whoever made them. What they hold is of the time they were started."""
    ids = {store.name: store.arn for store in stores}
    order = sorted(ids)
    for start in range(0, len(order), _FILTER_VALUES):
        some = order[start : start + _FILTER_VALUES]
        filters = [{"Name": "volume-id", "Values": some}, {"Name": "status", "Values": ["completed"]}]
        for each in place.pages("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=filters):
            arn, at = ids.get(each.get("VolumeId", "")), each.get("StartTime")
            # The filter is asked for, and not relied on: a pending snapshot restores nothing.
            if arn and at is not None and each.get("State") == "completed":
                yield arn, Point(at, _snapshot_by(tags(each.get("Tags"))))


def _snapshot_by(labels: Mapping[str, str]) -> Origin:
    if "aws:backup:source-resource" in labels:
        return Origin.AWS_BACKUP
    return Origin.LIFECYCLE_MANAGER if "aws:dlm:lifecycle-policy-id" in labels else Origin.SNAPSHOT


def of_caches(place: AwsPlace, stores: Sequence[DataStore]) -> Found:
    """Snapshots of ElastiCache: of a group as old as its oldest shard's."""
    serverless = {store.name: store.arn for store in stores if ":serverlesscache:" in store.arn}
    nodes = [store for store in stores if ":serverlesscache:" not in store.arn]
    names = {name: store.arn for store in nodes for name in (*store.also, store.name)}
    if names:
        for each in place.pages("elasticache", "describe_snapshots", "Snapshots"):
            arn = names.get(each.get("ReplicationGroupId") or each.get("CacheClusterId") or "")
            times = [node.get("SnapshotCreateTime") for node in each.get("NodeSnapshots") or ()]
            if arn and times and None not in times and each.get("SnapshotStatus") == "available":
                yield arn, Point(min(times), Origin.SNAPSHOT)
    if serverless:
        for each in place.pages("elasticache", "describe_serverless_cache_snapshots", "ServerlessCacheSnapshots"):
            cache = (each.get("ServerlessCacheConfiguration") or {}).get("ServerlessCacheName", "")
            arn, at = serverless.get(cache), each.get("CreateTime")
            if arn and at is not None and each.get("Status") == "available":
                yield arn, Point(at, Origin.SNAPSHOT)


def of_warehouses(place: AwsPlace, stores: Sequence[DataStore]) -> Found:
    """Snapshots of Redshift clusters, automatic and by hand."""
    names = {store.name: store.arn for store in stores}
    for each in place.pages("redshift", "describe_cluster_snapshots", "Snapshots"):
        arn, at = names.get(each.get("ClusterIdentifier", "")), each.get("SnapshotCreateTime")
        if arn and at is not None and each.get("Status") == "available":
            yield arn, Point(at, Origin.SNAPSHOT)


Reader = Callable[[AwsPlace, Sequence[DataStore]], Found]
# S3 and EFS have no snapshots of their own: AWS Backup is asked for theirs.
READERS: tuple[tuple[Reader, tuple[StoreKind, ...]], ...] = (
    (of_databases, (StoreKind.RDS,)),
    (of_clusters, (StoreKind.AURORA, StoreKind.DOCUMENTDB, StoreKind.NEPTUNE, StoreKind.RDS)),
    (of_tables, (StoreKind.DYNAMODB,)),
    (of_volumes, (StoreKind.EBS,)),
    (of_caches, (StoreKind.ELASTICACHE,)),
    (of_warehouses, (StoreKind.REDSHIFT,)),
)
