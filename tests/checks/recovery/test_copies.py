"""Copies in other regions and accounts, asked for by the configuration, by Atmos' settings and by plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from checks.backups import Backups
from checks.base import Outcome
from checks.recovery.demands import CopyRule
from tests.aws.places import REGION
from tests.checks.recovery.answers import (
    BUCKET,
    CL,
    DB,
    DR,
    DWH,
    FILES,
    OTHER,
    REPLICATED,
    TABLE,
    Answers,
    bucket,
    clusters,
    copied,
    copy_job,
    databases,
    elsewhere,
    files,
    look,
    plan,
    replication,
    rule,
    tables,
    vaults,
    warehouses,
)
from tests.checks.recovery.land import ELSEWHERE, NOTHING, OLD, ago, arn, cluster, database, point, table, warehouse

THERE = Backups(copies=(CopyRule(region=ELSEWHERE),))
AWAY = Backups(copies=(CopyRule(account=OTHER),))
BOTH = Backups(copies=(CopyRule(ELSEWHERE, OTHER),))


def replicated(status: str) -> Answers:
    made = {"DBInstanceArn": DB, "Status": status, "RestoreWindow": {"LatestTime": ago(1)}}
    return elsewhere(("rds", "describe_db_instance_automated_backups"), "DBInstanceAutomatedBackups", made)


def db_copy(**more: Any) -> Answers:
    made = {"DBInstanceIdentifier": "orders", "SnapshotCreateTime": ago(2), "Status": "available", **more}
    return elsewhere(("rds", "describe_db_snapshots"), "DBSnapshots", made)


def cluster_copy(source: str) -> Answers:
    made = {
        "DBClusterIdentifier": "orders", "SnapshotCreateTime": ago(2), "Status": "available",
        "SourceDBClusterSnapshotArn": arn("rds", "cluster-snapshot:s", source),
    }  # fmt: skip
    return elsewhere(("rds", "describe_db_cluster_snapshots"), "DBClusterSnapshots", made)


def facts_copy(source: str) -> Answers:
    made = {
        "ClusterIdentifier": "facts", "SnapshotCreateTime": ago(2), "Status": "available", "SourceRegion": source,
    }  # fmt: skip
    return elsewhere(("redshift", "describe_cluster_snapshots"), "Snapshots", made)


def files_copy(status: str) -> Answers:
    there = {"Status": status, "FileSystemId": "fs-2", "Region": ELSEWHERE, "LastReplicatedTimestamp": ago(1)}
    made = {
        "SourceFileSystemId": "fs-1", "SourceFileSystemRegion": REGION, "SourceFileSystemArn": FILES,
        "OriginalSourceFileSystemArn": FILES, "CreationTime": OLD, "Destinations": [there],
    }  # fmt: skip
    return {("efs", "describe_replication_configurations"): {"Replications": [made]}}


@pytest.mark.parametrize(
    ("check", "answers", "resource", "verdict"),
    [
        # AWS Backup's vaults in the region that was asked for.
        (THERE, [files(), copied(point(FILES, 3), mine=(point(FILES, 2),))], FILES, "protected"),
        (THERE, [files(), copied(point(FILES, 30), mine=(point(FILES, 2),))], FILES, "late"),
        (THERE, [files(), copied(point(FILES, 3, "PARTIAL"), mine=(point(FILES, 2),))], FILES, "never_backed_up"),
        (THERE, [files(), copied(mine=(point(FILES, 2),))], FILES, "never_backed_up"),
        # What services copy by themselves.
        (THERE, [databases(database("orders")), replicated("replicating")], DB, "protected"),
        (THERE, [databases(database("orders")), replicated("retained")], DB, "never_backed_up"),
        (THERE, [databases(database("orders")), db_copy(SourceRegion=REGION)], DB, "protected"),
        (THERE, [databases(database("orders")), db_copy()], DB, "never_backed_up"),
        (THERE, [clusters(cluster("orders")), cluster_copy(REGION)], CL, "protected"),
        (THERE, [clusters(cluster("orders")), cluster_copy(ELSEWHERE)], CL, "never_backed_up"),
        (THERE, [warehouses(warehouse("facts"), 3), facts_copy(REGION)], DWH, "protected"),
        (THERE, [warehouses(warehouse("facts"), 3), facts_copy("us-east-1")], DWH, "never_backed_up"),
        (THERE, [tables(table("orders", Replicas=[{"RegionName": ELSEWHERE, "ReplicaStatus": "ACTIVE"}]))], TABLE,
         "protected"),
        (THERE, [tables(table("orders", Replicas=[{"RegionName": ELSEWHERE, "ReplicaStatus": "CREATING"}]))], TABLE,
         "never_backed_up"),
        (THERE, [files(), files_copy("ENABLED")], FILES, "protected"),
        (THERE, [files(), files_copy("ERROR")], FILES, "never_backed_up"),
        (THERE, [bucket("Enabled"), replication()], BUCKET, "protected"),
        (THERE, [bucket("Enabled"), replication(bucket_region=REGION)], BUCKET, "never_backed_up"),
        (THERE, [bucket("Enabled"), replication(), {("s3", "get_bucket_replication"): {"ReplicationConfiguration": {
            **REPLICATED, "Rules": [{"Status": "Disabled", "Destination": {"Bucket": "arn:aws:s3:::logs-dr"}}]}}}],
         BUCKET, "never_backed_up"),
        # Another account: its vaults are not ours to read, a finished copy job is the proof.
        (AWAY, [files(), copy_job(FILES, 3)], FILES, "protected"),
        (AWAY, [files(), copy_job(FILES, 30)], FILES, "late"),
        (AWAY, [files(), copy_job(FILES, 3, "RUNNING")], FILES, "never_backed_up"),
        (AWAY, [files(), copy_job(FILES, 3, to=DR)], FILES, "never_backed_up"),
        (AWAY, [bucket("Enabled"), replication(Account=OTHER)], BUCKET, "protected"),
        # A foreign bucket does not say where it is.
        (BOTH, [bucket("Enabled"), replication(bucket_region="", Account=OTHER)], BUCKET, "not_read"),
    ],
)  # fmt: skip
def test_copies_that_the_configuration_asks_for(
    check: Backups, answers: list[Answers], resource: str, verdict: str
) -> None:
    """A copy is looked for where it was asked for, by every way that the kind can be copied."""
    copies = {name: r for name, r in look(*answers, check=check).items() if name.startswith(f"{resource}#copy:")}
    assert [reading.verdict for reading in copies.values()] == [verdict]


@pytest.mark.parametrize(
    ("there", "verdict"),
    [
        # Of the rule's points, one is of two hours ago and still being copied; the one of 50 hours ago must be there.
        ([point(FILES, 49)], "protected"),
        ([point(FILES, 60)], "late"),
        ([], "never_backed_up"),
    ],
)
def test_copies_that_a_plan_asks_for(there: list[Any], verdict: str) -> None:
    """What a rule saved, and had a day to copy, is in the very vault that the rule names."""
    mine = (point(FILES, 2, rule="daily"), point(FILES, 50, rule="daily"), point(FILES, 20, rule="other"))
    readings = look(files(), plan(rule(DR)), copied(*there, mine=mine))
    assert readings[f"{FILES}#copy:{DR}"].verdict == verdict


def test_a_copy_that_cannot_be_looked_for_is_unknown() -> None:
    """A refusal in the other region says nothing of the copy there, and nothing here."""
    answers = {**NOTHING, **files(), **vaults(point(FILES, 2))}
    here = answers["backup", "list_backup_vaults"]

    def refused(call: Any) -> Mapping[str, Any]:
        if call.region == ELSEWHERE:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ListBackupVaults")
        found: Mapping[str, Any] = here(call)
        return found

    readings = look({**answers, ("backup", "list_backup_vaults"): refused}, check=THERE)
    assert readings[FILES].verdict == "protected"
    assert readings[f"{FILES}#copy:{ELSEWHERE}"].outcome is Outcome.UNKNOWN
