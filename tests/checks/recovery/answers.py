"""Whole answers of AWS about an account, to be joined; and a look at it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from checks.backups import Backups
from checks.base import Kind, Outcome, Reading
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import ACCOUNT, REGION, fake_place
from tests.checks.recovery.land import ELSEWHERE, NOTHING, OLD, VAULT, ago, arn, file_system, recovery, region_of

Answers = Mapping[tuple[str, str], Any]
OTHER = "222222222222"
PLACE = f"{ACCOUNT}/{REGION}"
DR = f"arn:aws:backup:{ELSEWHERE}:{ACCOUNT}:backup-vault:dr"
FOREIGN = f"arn:aws:backup:{ELSEWHERE}:{OTHER}:backup-vault:safe"
FILES, BUCKET = arn("elasticfilesystem", "file-system/fs-1"), "arn:aws:s3:::logs"
ASG = [{"Key": "aws:autoscaling:groupName", "Value": "web"}]
BARE = {"BackupRetentionPeriod": 0, "LatestRestorableTime": None}


def look(*more: Answers, check: Backups | None = None, **place: Any) -> dict[str, Reading]:
    """The readings of one look at an account that holds nothing but *more*, by resource."""
    answers = {**NOTHING}
    for each in more:
        answers |= each
    check = check or Backups()
    readings = tuple(check.run(fake_place(check, answers, **place)))
    for reading in readings:
        assert reading.verdict in Backups.verdicts
        assert set(reading.values) <= set(Backups.measures)
        assert all(finding.kind in (Kind.BACKUP_FAILURE, Kind.MONITORING) for finding in reading.findings)
        assert bool(reading.findings) <= (reading.outcome in (Outcome.UNHEALTHY, Outcome.UNKNOWN))
        json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
    assert len({reading.resource for reading in readings}) == len(readings)
    return {reading.resource: reading for reading in readings}


TAGS = ("resourcegroupstaggingapi", "get_resources")


def blind(operation: tuple[str, str], *more: Answers, check: Backups | None = None) -> dict[str, Reading]:
    """The same where one operation is refused."""
    answers = {**NOTHING}
    for each in more:
        answers |= each
    fake = FakeAws(answers)
    check = check or Backups()
    with fake.failing(*operation, Fault.DENIED):
        return {reading.resource: reading for reading in check.run(fake_place(check, fake))}


def vaults(*points: Any, **lock: Any) -> Answers:
    """One vault here with these points, and none elsewhere."""
    here = {
        "BackupVaultList": [{"BackupVaultName": "main", "BackupVaultArn": VAULT, "NumberOfRecoveryPoints": 9, **lock}]
    }
    return {
        ("backup", "list_backup_vaults"): lambda call: region_of(call, here, {"BackupVaultList": []}),
        ("backup", "list_recovery_points_by_backup_vault"): {"RecoveryPoints": list(points)},
    }


DATABASES, CLUSTERS = ("rds", "describe_db_instances"), ("rds", "describe_db_clusters")


def databases(*found: Any) -> Answers:
    return {DATABASES: {"DBInstances": list(found)}}


def clusters(*found: Any) -> Answers:
    return {CLUSTERS: {"DBClusters": list(found)}}


def tables(described: Any, **restorable: Any) -> Answers:
    return {
        ("dynamodb", "list_tables"): {"TableNames": [described["TableName"]]},
        ("dynamodb", "describe_table"): {"Table": described},
        ("dynamodb", "describe_continuous_backups"): recovery(**restorable),
    }


def db_snapshot(hours: float, **more: Any) -> Answers:
    made = {"DBInstanceIdentifier": "orders", "SnapshotCreateTime": ago(hours), "Status": "available", **more}
    return {("rds", "describe_db_snapshots"): {"DBSnapshots": [made]}}


def cluster_snapshot(hours: float, **more: Any) -> Answers:
    made = {"DBClusterIdentifier": "orders", "SnapshotCreateTime": ago(hours), "Status": "available", **more}
    return {("rds", "describe_db_cluster_snapshots"): {"DBClusterSnapshots": [made]}}


def ebs_snapshot(hours: float, state: str = "completed", **more: Any) -> Answers:
    made = {"SnapshotId": "snap-1", "VolumeId": "vol-1", "StartTime": ago(hours), "State": state, **more}
    return {("ec2", "describe_snapshots"): {"Snapshots": [made]}}


def volumes(*found: Any) -> Answers:
    return {("ec2", "describe_volumes"): {"Volumes": list(found)}}


def bucket(status: str | None, region: str = REGION) -> Answers:
    return {
        ("s3", "list_buckets"): {"Buckets": [{"Name": "logs", "CreationDate": OLD, "BucketRegion": region}]},
        ("s3", "get_bucket_versioning"): {"Status": status} if status else {},
    }


def caches(*found: Any) -> Answers:
    return {("elasticache", "describe_replication_groups"): {"ReplicationGroups": list(found)}}


def table_backup(hours: float, id_: str = "id-orders") -> Answers:
    made = {"TableName": "orders", "TableId": id_, "BackupStatus": "AVAILABLE", "BackupCreationDateTime": ago(hours)}
    return {("dynamodb", "list_backups"): {"BackupSummaries": [made]}}


def instances(*found: Any) -> Answers:
    return {("ec2", "describe_instances"): {"Reservations": [{"Instances": list(found)}]}}


def serverless(hours: float) -> Answers:
    cache = {"ServerlessCacheName": "s", "Engine": "valkey", "Status": "available", "CreateTime": OLD}
    made = {
        "ServerlessCacheConfiguration": {"ServerlessCacheName": "s"},
        "Status": "available",
        "CreateTime": ago(hours),
    }
    return {
        ("elasticache", "describe_serverless_caches"): {"ServerlessCaches": [cache]},
        ("elasticache", "describe_serverless_cache_snapshots"): {"ServerlessCacheSnapshots": [made]},
    }


def cache_snapshot(*hours: float, **more: Any) -> Answers:
    nodes = [{"SnapshotCreateTime": ago(each)} for each in hours]
    made = {"SnapshotName": "s", "SnapshotStatus": "available", "NodeSnapshots": nodes, **more}
    return {("elasticache", "describe_snapshots"): {"Snapshots": [made]}}


def warehouses(found: Any, *hours: float, status: str = "available") -> Answers:
    made = [{"ClusterIdentifier": "facts", "SnapshotCreateTime": ago(each), "Status": status} for each in hours]
    return {
        ("redshift", "describe_clusters"): {"Clusters": [found]},
        ("redshift", "describe_cluster_snapshots"): {"Snapshots": made},
    }


def files(**more: Any) -> Answers:
    return {("efs", "describe_file_systems"): {"FileSystems": [file_system("fs-1", **more)]}}


DB, CL, VOL = arn("rds", "db:orders"), arn("rds", "cluster:orders"), arn("ec2", "volume/vol-1")
TABLE, CACHE, DWH = (
    arn("dynamodb", "table/orders"),
    arn("elasticache", "replicationgroup:sessions"),
    arn("redshift", "cluster:facts"),
)


def plan(*rules: Any, selections: tuple[Any, ...] = ({"Resources": ["*"]},), created: float = 999 * 24) -> Answers:
    """One backup plan with these rules and selections."""
    names = [f"sel-{number}" for number in range(len(selections))]
    role = f"arn:aws:iam::{ACCOUNT}:role/backup"
    listed = {"BackupPlanId": "plan-1", "BackupPlanArn": PLAN, "BackupPlanName": "main", "CreationDate": ago(created)}

    def selection(call: Any) -> Mapping[str, Any]:
        chosen = selections[names.index(call.parameters["SelectionId"])]
        return {"BackupSelection": {"SelectionName": "all", "IamRoleArn": role, **chosen}}

    return {
        ("backup", "list_backup_plans"): {"BackupPlansList": [listed]},
        ("backup", "get_backup_plan"): {"BackupPlan": {"BackupPlanName": "main", "Rules": list(rules)}},
        ("backup", "list_backup_selections"): {"BackupSelectionsList": [{"SelectionId": name} for name in names]},
        ("backup", "get_backup_selection"): selection,
    }


def rule(*copies: str, days: int | None = 35, vault: str = "main", **more: Any) -> dict[str, Any]:
    """A rule of a plan."""
    lifecycle = {"Lifecycle": {"DeleteAfterDays": days}} if days else {}
    actions = [{"DestinationBackupVaultArn": each, **lifecycle} for each in copies]
    return {
        "RuleId": "daily",
        "RuleName": "daily",
        "TargetBackupVaultName": vault,
        "CopyActions": actions,
        **lifecycle,
        **more,
    }


PLAN = arn("backup", "backup-plan:plan-1")


def copied(*points: Any, mine: tuple[Any, ...] = ()) -> Answers:
    """A vault here with the points *mine*, and one in the other region with *points*."""
    main = {"BackupVaultName": "main", "BackupVaultArn": VAULT, "NumberOfRecoveryPoints": 9}
    there = {"BackupVaultName": "dr", "BackupVaultArn": DR, "NumberOfRecoveryPoints": 9}
    return {
        ("backup", "list_backup_vaults"): lambda call: region_of(
            call, {"BackupVaultList": [main]}, {"BackupVaultList": [there]}
        ),
        ("backup", "list_recovery_points_by_backup_vault"): lambda call: region_of(
            call, {"RecoveryPoints": list(mine)}, {"RecoveryPoints": list(points)}
        ),
    }


def copy_job(resource: str, hours: float, state: str = "COMPLETED", to: str = FOREIGN) -> Answers:
    made = {
        "CopyJobId": "copy-1", "AccountId": ACCOUNT, "ResourceArn": resource, "State": state, "ResourceType": "EFS",
        "DestinationBackupVaultArn": to, "CreationDate": ago(hours),
        "CreatedBy": {"BackupPlanId": "plan-1", "BackupPlanName": "main", "BackupRuleId": "daily"},
    }  # fmt: skip
    return {("backup", "list_copy_jobs"): {"CopyJobs": [made]}}


REPLICATED = {
    "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
    "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::logs-dr"}}],
}


def replication(bucket_region: str = ELSEWHERE, **to: Any) -> Answers:
    destination = {"Bucket": "arn:aws:s3:::logs-dr", **to}
    rules = [{"Status": "Enabled", "Destination": destination}]
    return {
        ("s3", "list_buckets"): {"Buckets": [
            {"Name": "logs", "CreationDate": OLD, "BucketRegion": REGION},
            {"Name": "logs-dr", "CreationDate": OLD, "BucketRegion": bucket_region},
        ]},
        ("s3", "get_bucket_replication"): {"ReplicationConfiguration": {**REPLICATED, "Rules": rules}},
    }  # fmt: skip


def elsewhere(operation: tuple[str, str], key: str, made: Any) -> Answers:
    return {operation: lambda call: region_of(call, {key: []}, {key: [made]})}


def jobs(*made: Any) -> Answers:
    return {("backup", "list_backup_jobs"): {"BackupJobs": list(made)}}


def restore_plan(executed: float | None, *ended: Any) -> Answers:
    known = {
        "RestoreTestingPlanArn": TEST, "RestoreTestingPlanName": "weekly", "CreationTime": OLD,
        "ScheduleExpression": "cron(0 5 ? * 1 *)",
    }  # fmt: skip
    run = {"LastExecutionTime": ago(executed)} if executed is not None else {}
    return {
        ("backup", "list_restore_testing_plans"): {"RestoreTestingPlans": [{**known, **run}]},
        ("backup", "list_restore_jobs"): {"RestoreJobs": list(ended)},
    }


TEST = arn("backup", "restore-testing-plan:weekly")


def restored(hours: float, state: str = "COMPLETED", validation: str | None = "SUCCESSFUL") -> dict[str, Any]:
    made = {"RestoreJobId": "r", "SourceResourceArn": DB, "Status": state, "CreationDate": ago(hours)}
    return {**made, "ValidationStatus": validation} if validation else made
