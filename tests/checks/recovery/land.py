"""An account with a data store of every kind, as AWS describes it, and what backs each of them up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.aws.fake import Call
from tests.aws.places import ACCOUNT, NOW, REGION

OLD = NOW - timedelta(days=400)
FRESH = NOW - timedelta(minutes=5)
VAULT = f"arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:main"
ELSEWHERE = "eu-central-1"
Json = dict[str, Any]


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def arn(service: str, resource: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def database(name: str, **more: Any) -> Json:
    """An RDS instance with point-in-time recovery and deletion protection."""
    known: Json = {
        "DBInstanceIdentifier": name, "DBInstanceArn": arn("rds", f"db:{name}"), "DbiResourceId": f"db-{name.upper()}",
        "DBInstanceStatus": "available", "Engine": "postgres", "InstanceCreateTime": OLD, "BackupRetentionPeriod": 7,
        "LatestRestorableTime": FRESH, "DeletionProtection": True,
    }  # fmt: skip
    return _with(known, more)


def cluster(name: str, engine: str = "aurora-postgresql", **more: Any) -> Json:
    """A cluster with point-in-time recovery and deletion protection."""
    known: Json = {
        "DBClusterIdentifier": name, "DBClusterArn": arn("rds", f"cluster:{name}"),
        "DbClusterResourceId": f"cluster-{name.upper()}", "Status": "available", "Engine": engine,
        "ClusterCreateTime": OLD, "BackupRetentionPeriod": 1, "LatestRestorableTime": FRESH, "DeletionProtection": True,
    }  # fmt: skip
    return _with(known, more)


def table(name: str, **more: Any) -> Json:
    """A DynamoDB table that is protected from deletion."""
    known: Json = {
        "TableName": name, "TableArn": arn("dynamodb", f"table/{name}"), "TableId": f"id-{name}",
        "TableStatus": "ACTIVE", "CreationDateTime": OLD, "DeletionProtectionEnabled": True,
    }  # fmt: skip
    return _with(known, more)


def volume(number: int, **more: Any) -> Json:
    """An EBS volume that outlives what it is attached to."""
    known: Json = {"VolumeId": f"vol-{number}", "State": "available", "CreateTime": OLD, "Attachments": []}
    return _with(known, more)


def ending(number: int, instance: str) -> Json:
    """An EBS volume that ends with its instance."""
    return volume(number, State="in-use", Attachments=[{"InstanceId": instance, "DeleteOnTermination": True}])


def file_system(name: str, **more: Any) -> Json:
    """An EFS file system."""
    known: Json = {
        "FileSystemId": name, "FileSystemArn": arn("elasticfilesystem", f"file-system/{name}"), "OwnerId": ACCOUNT,
        "CreationToken": name, "CreationTime": OLD, "LifeCycleState": "available", "NumberOfMountTargets": 1,
        "SizeInBytes": {"Value": 6144}, "PerformanceMode": "generalPurpose", "Tags": [],
    }  # fmt: skip
    return _with(known, more)


def group(name: str, **more: Any) -> Json:
    """An ElastiCache replication group."""
    known: Json = {
        "ReplicationGroupId": name, "ARN": arn("elasticache", f"replicationgroup:{name}"), "Status": "available",
        "ReplicationGroupCreateTime": OLD, "SnapshotRetentionLimit": 5, "MemberClusters": [f"{name}-001"],
        "Engine": "valkey",
    }  # fmt: skip
    return _with(known, more)


def warehouse(name: str, **more: Any) -> Json:
    """A Redshift cluster."""
    known: Json = {
        "ClusterIdentifier": name, "ClusterStatus": "available", "ClusterCreateTime": OLD,
        "AutomatedSnapshotRetentionPeriod": 1,
    }  # fmt: skip
    return _with(known, more)


def point(resource: str, hours: float, state: str = "COMPLETED", name: str = "", rule: str = "") -> Json:
    """A recovery point of AWS Backup, of so many hours ago."""
    made: Json = {
        "RecoveryPointArn": arn("backup", f"recovery-point:{name or f'{hours}-{resource}'}"),
        "ResourceArn": resource, "Status": state, "CreationDate": ago(hours),
    }  # fmt: skip
    return {**made, "CreatedBy": {"BackupRuleId": rule, "BackupPlanId": "plan-1"}} if rule else made


def job(resource: str, hours: float, state: str = "COMPLETED", **more: Any) -> Json:
    """A backup job of AWS Backup, of so many hours ago."""
    known: Json = {
        "BackupJobId": f"job-{hours}", "AccountId": ACCOUNT, "ResourceArn": resource, "ResourceType": "RDS",
        "State": state, "CreationDate": ago(hours),
        "MessageCategory": "SUCCESS" if state == "COMPLETED" else "AccessDenied",
        "CreatedBy": {"BackupPlanId": "plan-1", "BackupPlanName": "main", "BackupRuleId": "daily"},
    }  # fmt: skip
    return _with(known, more)


def _with(known: Json, more: Json) -> Json:
    """Members replaced; one of None is left out, as AWS leaves out what it does not know."""
    return {name: value for name, value in {**known, **more}.items() if value is not None}


def recovery(on: bool = True, latest: datetime | None = FRESH) -> Json:
    """What DynamoDB says of point-in-time recovery."""
    described: Json = {"PointInTimeRecoveryStatus": "ENABLED" if on else "DISABLED"}
    if on and latest is not None:
        described["LatestRestorableDateTime"] = latest
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": described,
        }
    }  # fmt: skip


def region_of(call: Call, here: Mapping[str, Any], elsewhere: Mapping[str, Any]) -> Mapping[str, Any]:
    """One answer for the place's own region, another for all others."""
    return here if call.region == REGION else elsewhere


# What AWS answers of an account that holds nothing at all.
NOTHING: Mapping[tuple[str, str], Any] = {
    ("rds", "describe_db_instances"): {"DBInstances": []},
    ("rds", "describe_db_clusters"): {"DBClusters": []},
    ("dynamodb", "list_tables"): {"TableNames": []},
    ("ec2", "describe_volumes"): {"Volumes": []},
    ("efs", "describe_file_systems"): {"FileSystems": []},
    ("elasticache", "describe_replication_groups"): {"ReplicationGroups": []},
    ("elasticache", "describe_cache_clusters"): {"CacheClusters": []},
    ("elasticache", "describe_serverless_caches"): {"ServerlessCaches": []},
    ("s3", "list_buckets"): {"Buckets": []},
    ("redshift", "describe_clusters"): {"Clusters": []},
    ("backup", "list_backup_vaults"): {"BackupVaultList": []},
    ("backup", "list_backup_plans"): {"BackupPlansList": []},
    ("backup", "list_backup_jobs"): {"BackupJobs": []},
    ("backup", "list_copy_jobs"): {"CopyJobs": []},
    ("backup", "list_restore_testing_plans"): {"RestoreTestingPlans": []},
    ("dlm", "get_lifecycle_policies"): {"Policies": []},
    ("rds", "describe_db_snapshots"): {"DBSnapshots": []},
    ("rds", "describe_db_cluster_snapshots"): {"DBClusterSnapshots": []},
    ("rds", "describe_db_instance_automated_backups"): {"DBInstanceAutomatedBackups": []},
    ("dynamodb", "list_backups"): {"BackupSummaries": []},
    ("ec2", "describe_snapshots"): {"Snapshots": []},
    ("ec2", "describe_instances"): {"Reservations": []},
    ("elasticache", "describe_snapshots"): {"Snapshots": []},
    ("elasticache", "describe_serverless_cache_snapshots"): {"ServerlessCacheSnapshots": []},
    ("redshift", "describe_cluster_snapshots"): {"Snapshots": []},
    ("efs", "describe_replication_configurations"): {"Replications": []},
    ("resourcegroupstaggingapi", "get_resources"): {"ResourceTagMappingList": []},
}
