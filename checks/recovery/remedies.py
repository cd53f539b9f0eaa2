"""Commands that save a data store now, or show what there is to restore. People run them; nothing here does."""

from __future__ import annotations

import shlex

from checks.recovery.model import DataStore, StoreKind


def save_now(store: DataStore, address: str) -> str:
    """Commands that save it now, and where the lasting answer belongs. *address*: of its owner, for people."""
    lasting = f"# then give it a backup for good in {address}" if address else "# then give it a backup for good"
    return f"{command(store, _now(store), 'save it now')}\n{lasting}"


def look(store: DataStore) -> str:
    """The command that lists what AWS Backup can restore of it."""
    words = ["backup", "list-recovery-points-by-resource", "--resource-arn", store.arn]
    return command(store, words, "what AWS Backup can restore of it")


def copy_jobs(store: DataStore) -> str:
    """The command that lists how copying it went."""
    words = ["backup", "list-copy-jobs", "--by-resource-arn", store.arn]
    return command(store, words, "how the copies went")


def protect(store: DataStore) -> str:
    """The command that switches deletion protection on."""
    if store.kind is StoreKind.DYNAMODB:
        words = ["dynamodb", "update-table", "--table-name", store.name, "--deletion-protection-enabled"]
    elif ":cluster:" in store.arn:
        words = ["rds", "modify-db-cluster", "--db-cluster-identifier", store.name, "--deletion-protection"]
    else:
        words = ["rds", "modify-db-instance", "--db-instance-identifier", store.name, "--deletion-protection"]
    return command(store, words, "switch it on now, then in the code")


def command(store: DataStore, words: list[str], why: str) -> str:
    """As line(), in the region of *store*."""
    return line(store.region, words, why)


def line(region: str, words: list[str], why: str) -> str:
    """One line for a shell: the AWS CLI's words, quoted, and behind # what it is for."""
    return f"{shlex.join(['aws', *words, '--region', region])}  # {why}"


def _now(store: DataStore) -> list[str]:
    match store.kind:
        case StoreKind.DYNAMODB:
            how = ["--point-in-time-recovery-specification", "PointInTimeRecoveryEnabled=true"]
            return ["dynamodb", "update-continuous-backups", "--table-name", store.name, *how]
        case StoreKind.EBS:
            return ["ec2", "create-snapshot", "--volume-id", store.name]
        case StoreKind.EFS:
            return ["efs", "put-backup-policy", "--file-system-id", store.name, "--backup-policy", "Status=ENABLED"]
        case StoreKind.ELASTICACHE:
            return _cache(store)
        case StoreKind.S3:
            how = ["--versioning-configuration", "Status=Enabled"]
            return ["s3api", "put-bucket-versioning", "--bucket", store.name, *how]
        case StoreKind.REDSHIFT:
            how = ["--snapshot-identifier", f"{store.name}-now"]
            return ["redshift", "create-cluster-snapshot", "--cluster-identifier", store.name, *how]
        case _:
            return _database(store)


def _database(store: DataStore) -> list[str]:
    if ":cluster:" in store.arn:
        return [
            "rds", "create-db-cluster-snapshot", "--db-cluster-identifier", store.name,
            "--db-cluster-snapshot-identifier", f"{store.name}-now",
        ]  # fmt: skip
    return [
        "rds", "create-db-snapshot", "--db-instance-identifier", store.name,
        "--db-snapshot-identifier", f"{store.name}-now",
    ]  # fmt: skip


def _cache(store: DataStore) -> list[str]:
    if ":serverlesscache:" in store.arn:
        return [
            "elasticache", "create-serverless-cache-snapshot", "--serverless-cache-name", store.name,
            "--serverless-cache-snapshot-name", f"{store.name}-now",
        ]  # fmt: skip
    by = "--replication-group-id" if ":replicationgroup:" in store.arn else "--cache-cluster-id"
    return ["elasticache", "create-snapshot", by, store.name, "--snapshot-name", f"{store.name}-now"]
