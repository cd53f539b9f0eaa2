"""The backups check over a fake AWS: every kind, every source of recovery points, and what AWS Backup does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from checks.backups import Backups
from checks.base import Outcome, Owner
from checks.recovery.demands import ExemptRule, RpoRule
from checks.recovery.model import StoreKind
from tests.aws.blind import World
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import ACCOUNT, REGION, fake_place
from tests.checks.recovery.answers import (
    ASG,
    BARE,
    BUCKET,
    CACHE,
    CL,
    DB,
    DR,
    DWH,
    FILES,
    FOREIGN,
    PLACE,
    REPLICATED,
    TABLE,
    TAGS,
    VOL,
    Answers,
    blind,
    bucket,
    cache_snapshot,
    caches,
    cluster_snapshot,
    clusters,
    copied,
    copy_job,
    databases,
    db_snapshot,
    ebs_snapshot,
    files,
    instances,
    jobs,
    look,
    plan,
    restore_plan,
    restored,
    rule,
    serverless,
    table_backup,
    tables,
    vaults,
    volumes,
    warehouses,
)
from tests.checks.recovery.land import (
    ELSEWHERE,
    NOTHING,
    ago,
    arn,
    cluster,
    database,
    ending,
    file_system,
    group,
    job,
    point,
    recovery,
    table,
    volume,
    warehouse,
)


def test_an_empty_account_is_looked_at_and_healthy() -> None:
    """What holds nothing has nothing to lose, and every list was read to know it."""
    readings = look()
    assert {reading.outcome for reading in readings.values()} == {Outcome.HEALTHY}
    assert {
        f"{ACCOUNT}/{REGION}/{name}" for name in ("rds", "dynamodb", "ebs", "efs", "elasticache", "s3", "redshift")
    } <= set(readings)


@pytest.mark.parametrize(
    ("resource", "answers", "verdict"),
    [
        # RDS
        (DB, [databases(database("orders"))], "protected"),
        (DB, [databases(database("orders", LatestRestorableTime=ago(27)))], "late"),
        (DB, [databases(database("orders", **BARE))], "never_backed_up"),
        (DB, [databases(database("orders", **BARE, InstanceCreateTime=ago(2)))], "new"),
        (DB, [databases(database("orders", **BARE, InstanceCreateTime=None, DBInstanceStatus="creating"))], "new"),
        (DB, [databases(database("orders", **BARE)), db_snapshot(3)], "protected"),
        (DB, [databases(database("orders", **BARE)), db_snapshot(30)], "late"),
        (DB, [databases(database("orders", **BARE)), db_snapshot(3, Status="creating")], "never_backed_up"),
        (DB, [databases(database("orders", **BARE)), db_snapshot(3, DbiResourceId="db-BEFORE")], "never_backed_up"),
        (DB, [databases(database("orders", **BARE)), db_snapshot(3, OriginalSnapshotCreateTime=ago(99))], "late"),
        (DB, [databases(database("orders", **BARE)), vaults(point(DB, 3))], "protected"),
        (DB, [databases(database("orders", **BARE)), vaults(point(arn("rds", "db:db-ORDERS"), 3))], "protected"),
        (DB, [databases(database("orders", LatestRestorableTime=ago(90), DBInstanceStatus="stopped"))], "protected"),
        (DB, [databases(database("orders", **BARE, DBInstanceStatus="stopped")), db_snapshot(90)], "late"),
        (DB, [databases(database("orders", **BARE, ReadReplicaSourceDBInstanceIdentifier="main"))], "nothing_to_lose"),
        (DB, [databases(database("orders", ReadReplicaSourceDBInstanceIdentifier="main"))], "protected"),
        # Aurora, DocumentDB, Neptune, Multi-AZ clusters
        (CL, [clusters(cluster("orders"))], "protected"),
        (CL, [clusters(cluster("orders", "docdb", LatestRestorableTime=ago(40)))], "late"),
        (CL, [clusters(cluster("orders", "neptune", LatestRestorableTime=None))], "never_backed_up"),
        (CL, [clusters(cluster("orders", "mysql", LatestRestorableTime=None)), cluster_snapshot(4)], "protected"),
        (CL, [clusters(cluster("orders", LatestRestorableTime=None)), cluster_snapshot(4, Status="failed")],
         "never_backed_up"),
        (CL, [clusters(cluster("orders", LatestRestorableTime=None)),
              vaults(point(arn("rds", "cluster:cluster-ORDERS"), 5))], "protected"),
        # DynamoDB
        (TABLE, [tables(table("orders"))], "protected"),
        (TABLE, [tables(table("orders"), on=False)], "never_backed_up"),
        (TABLE, [tables(table("orders"), latest=ago(40))], "late"),
        (TABLE, [tables(table("orders"), latest=None)], "never_backed_up"),
        (TABLE, [tables(table("orders"), on=False), vaults(point(TABLE, 4))], "protected"),
        (TABLE, [tables(table("orders"), on=False), table_backup(5)], "protected"),
        (TABLE, [tables(table("orders"), on=False), table_backup(5, "id-before")], "never_backed_up"),
        # EBS
        (VOL, [volumes(volume(1))], "never_backed_up"),
        (VOL, [volumes(volume(1)), ebs_snapshot(3)], "protected"),
        (VOL, [volumes(volume(1)), ebs_snapshot(3, "pending")], "never_backed_up"),
        (VOL, [volumes(volume(1)), ebs_snapshot(3, "error")], "never_backed_up"),
        (VOL, [volumes(volume(1)), ebs_snapshot(30)], "late"),
        (VOL, [volumes(volume(1)), ebs_snapshot(3, Tags=[{"Key": "aws:dlm:lifecycle-policy-id", "Value": "p"}])],
         "protected"),
        (VOL, [volumes(ending(1, "i-1"))], "never_backed_up"),
        (VOL, [volumes(ending(1, "i-1")), instances({"InstanceId": "i-1", "Tags": ASG})], "nothing_to_lose"),
        (VOL, [volumes(ending(1, "i-1")), instances({"InstanceId": "i-2", "Tags": ASG})], "never_backed_up"),
        (VOL, [volumes(ending(1, "i-1")), instances({"InstanceId": "i-1", "InstanceLifecycle": "spot"})],
         "nothing_to_lose"),
        # EFS
        (FILES, [files()], "never_backed_up"),
        (FILES, [files(), vaults(point(FILES, 3))], "protected"),
        (FILES, [files(), vaults(point(FILES, 3, "PARTIAL"), point(FILES, 60))], "partial"),
        (FILES, [files(), vaults(point(FILES, 3, "EXPIRED"))], "never_backed_up"),
        (FILES, [files(), vaults(point(FILES, 3, "DELETING"), point(FILES, 3, "CREATING"))], "never_backed_up"),
        (FILES, [files(), vaults(point(FILES, 3, "AVAILABLE"))], "protected"),
        # ElastiCache
        (CACHE, [caches(group("sessions"))], "never_backed_up"),
        (CACHE, [caches(group("sessions")), cache_snapshot(3, ReplicationGroupId="sessions")], "protected"),
        (CACHE, [caches(group("sessions")), cache_snapshot(3, CacheClusterId="sessions-001")], "protected"),
        # A group is as old as its oldest shard.
        (CACHE, [caches(group("sessions")), cache_snapshot(3, 30, ReplicationGroupId="sessions")], "late"),
        (CACHE, [caches(group("sessions")), cache_snapshot(ReplicationGroupId="sessions")], "never_backed_up"),
        (arn("elasticache", "cluster:m"), [{("elasticache", "describe_cache_clusters"): {"CacheClusters": [
            {"CacheClusterId": "m", "Engine": "memcached", "CacheClusterStatus": "available"}]}}], "nothing_to_lose"),
        (arn("elasticache", "serverlesscache:s"), [serverless(9)], "protected"),
        (arn("elasticache", "serverlesscache:s"), [serverless(30)], "late"),
        # S3
        (BUCKET, [bucket("Enabled")], "protected"),
        (BUCKET, [bucket("Suspended")], "never_backed_up"),
        (BUCKET, [bucket(None)], "never_backed_up"),
        (BUCKET, [bucket(None), vaults(point(BUCKET, 3))], "protected"),
        (BUCKET, [bucket(None), vaults(point(BUCKET, 900, name="continuous:logs-1"))], "protected"),
        (BUCKET, [bucket(None), vaults(point(BUCKET, 900, "STOPPED", name="continuous:logs-1"))], "never_backed_up"),
        # Redshift
        (DWH, [warehouses(warehouse("facts"), 3)], "protected"),
        (DWH, [warehouses(warehouse("facts"), 30)], "late"),
        (DWH, [warehouses(warehouse("facts"), 3, status="failed")], "never_backed_up"),
        (DWH, [warehouses(warehouse("facts", ClusterStatus="paused"), 900)], "protected"),
        (DWH, [warehouses(warehouse("facts")), vaults(point(DWH, 3))], "protected"),
    ],
)  # fmt: skip
def test_every_kind_from_every_source(resource: str, answers: list[Answers], verdict: str) -> None:
    """What can restore a data store is found wherever it is kept; what cannot is not counted."""
    reading = look(*answers)[resource]
    assert reading.verdict == verdict
    assert bool(reading.findings) == (reading.outcome is Outcome.UNHEALTHY)


def test_members_of_clusters_are_not_asked_for_a_backup_of_their_own() -> None:
    """The cluster is what is backed up."""
    readings = look(databases(database("orders-1", **BARE, DBClusterIdentifier="orders")), clusters(cluster("orders")))
    assert arn("rds", "db:orders-1") not in readings
    assert readings[CL].outcome is Outcome.HEALTHY


def test_buckets_of_other_regions_are_left_to_their_own() -> None:
    """One list holds the buckets of all regions; each is looked at once."""
    assert BUCKET not in look(bucket("Enabled", region=ELSEWHERE))


def test_a_finding_tells_what_is_wrong_who_asked_whose_it_is_and_what_to_run() -> None:
    """Nothing backs it up; the command saves it now; the lasting answer is named."""
    owner = Owner("acme-prod", "disks", "aws_ebs_volume.a", "production")
    (finding,) = look(volumes(volume(1)), owners={"vol-1": owner})[VOL].findings
    assert finding.summary == "ebs vol-1: nothing backs this up; 26h are asked for by the default in production"
    assert finding.owner == owner
    assert finding.remedy == (
        f"aws ec2 create-snapshot --volume-id vol-1 --region {REGION}  # save it now\n"
        "# then give it a backup for good in acme-prod/disks aws_ebs_volume.a"
    )
    assert (finding.cause, finding.addresses) == ("backup:never_backed_up:ebs", (VOL,))


@pytest.mark.parametrize(
    ("owner", "labels", "hours", "verdict"),
    [
        (Owner("s", "c", settings={"rpo": "2h"}), {}, 3, "late"),
        (Owner("s", "c", settings={"rpo": {"ebs": "4h"}}), {}, 3, "protected"),
        (Owner("s", "c", stage="development"), {}, 100, "protected"),
        (Owner("s", "c"), {"stage": "development"}, 100, "protected"),
        (Owner("s", "c", stage="production"), {"stage": "development"}, 100, "late"),
        (None, {"stage": "development"}, 100, "protected"),
        (None, {}, 100, "late"),
        (Owner("s", "c", settings={"rpo": 0}), {}, 100, "not_required"),
    ],
)
def test_the_owner_says_how_much_may_be_lost(
    owner: Owner | None, labels: Mapping[str, str], hours: float, verdict: str
) -> None:
    """settings.barograph of the instance that owns it, else its stage, else the account's; none known is production."""
    owners = {"vol-1": owner} if owner else {}
    assert look(volumes(volume(1)), ebs_snapshot(hours), owners=owners, labels=labels)[VOL].verdict == verdict


def test_states_that_cannot_be_read_raise_no_alarm() -> None:
    """What the owner allowed at the last look still holds while nobody can tell whose the resource is."""
    relaxed = Owner("acme-dev", "disks", stage="development", settings={"rpo": "30d"})
    place = fake_place(Backups(), {**NOTHING, **volumes(volume(1)), **ebs_snapshot(100)}, owners={"vol-1": relaxed})
    assert {r.resource: r.verdict for r in Backups().run(place)}[VOL] == "protected"
    blind_to_owners = look(volumes(volume(1)), ebs_snapshot(100), states_read=False, memory=place.kept)
    assert blind_to_owners[VOL].verdict == "protected"
    assert look(volumes(volume(1)), ebs_snapshot(100), states_read=True, memory=place.kept)[VOL].verdict == "late"


def test_options_are_obeyed() -> None:
    """Rows of the configuration decide before the defaults, and an exemption before all."""
    strict = Backups(rpo=(RpoRule(timedelta(hours=1), kinds=(StoreKind.EBS,)),))
    assert look(volumes(volume(1)), ebs_snapshot(2), check=strict)[VOL].verdict == "late"
    spared = Backups(exempt=(ExemptRule("*:volume/*", "scratch", "platform", date(2026, 12, 31)),))
    assert look(volumes(volume(1)), check=spared)[VOL].verdict == "exempt"
    over = Backups(exempt=(ExemptRule("*:volume/*", "scratch", "platform", date(2026, 1, 31)),))
    (finding,) = look(volumes(volume(1)), check=over)[VOL].findings
    assert finding.evidence["expired_exemptions"] == ["*:volume/* (scratch)"]


def test_a_tag_exempts_what_does_not_list_its_own_tags() -> None:
    """Tags of tables come from the tagging service; where that is refused, nobody knows whether the tag is there."""
    check = Backups(exempt=(ExemptRule("*", "rebuilt", "data", date(2026, 12, 31), tag="backup=no"),))
    tagged = {"ResourceARN": TABLE, "Tags": [{"Key": "backup", "Value": "no"}]}
    answers = {**tables(table("orders"), on=False), TAGS: {"ResourceTagMappingList": [tagged]}}
    assert look(answers, check=check)[TABLE].verdict == "exempt"
    readings = blind(TAGS, answers, check=check)
    assert (readings[TABLE].outcome, readings[TABLE].verdict) == (Outcome.UNKNOWN, "not_read")
    assert readings[f"{PLACE}/tags"].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("operation", "answers", "resource"),
    [
        (("ec2", "describe_snapshots"), volumes(volume(1)), VOL),
        (("ec2", "describe_instances"), volumes(ending(1, "i-1")), VOL),
        (("rds", "describe_db_snapshots"), databases(database("orders", **BARE)), DB),
        (("backup", "list_backup_vaults"), files(), FILES),
        (("backup", "list_recovery_points_by_backup_vault"), {**files(), **vaults()}, FILES),
        (("dynamodb", "describe_continuous_backups"), tables(table("orders")), TABLE),
        (("dynamodb", "describe_table"), tables(table("orders")), TABLE),
        (("dynamodb", "describe_table"), tables(table("orders")), f"{TABLE}#deletion_protection"),
        (("s3", "get_bucket_versioning"), bucket("Enabled"), BUCKET),
        (("ec2", "describe_volumes"), volumes(volume(1)), f"{PLACE}/ebs"),
    ],
)
def test_what_cannot_be_read_is_unknown_of_the_resource(
    operation: tuple[str, str], answers: Answers, resource: str
) -> None:
    """Without a source that may hold the proof, nobody says "never backed up"; other resources are judged."""
    readings = blind(operation, answers, caches(group("sessions")), cache_snapshot(3, ReplicationGroupId="sessions"))
    assert readings[resource].outcome is Outcome.UNKNOWN
    assert readings[resource].values == {}
    assert readings[CACHE].verdict in ("protected", "not_read")


def test_a_fresh_point_of_its_own_needs_no_other_source() -> None:
    """Nobody asks for snapshots of what its own description shows to be saved, and no refusal elsewhere spoils it."""
    fake = FakeAws({**NOTHING, **databases(database("orders"))})
    with fake.failing("backup", "list_backup_vaults", Fault.THROTTLED):
        readings = {reading.resource: reading for reading in Backups().run(fake_place(Backups(), fake))}
    assert readings[DB].verdict == "protected"
    assert ("rds", "describe_db_snapshots") not in fake.asked


def test_a_table_that_goes_during_the_look_is_dropped() -> None:
    """What was listed and is gone by the time it is described has nothing to be said of."""

    def gone(call: Any) -> Mapping[str, Any]:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "DescribeTable")

    readings = look({**tables(table("orders")), ("dynamodb", "describe_table"): gone})
    assert TABLE not in readings
    assert {reading.outcome for reading in readings.values()} == {Outcome.HEALTHY}


@pytest.mark.parametrize(
    ("made", "labels", "outcome"),
    [
        (databases(database("orders", DeletionProtection=False)), {}, Outcome.UNHEALTHY),
        (databases(database("orders")), {}, Outcome.HEALTHY),
        (databases(database("orders", DeletionProtection=False)), {"stage": "staging"}, None),
        (clusters(cluster("orders", DeletionProtection=False)), {}, Outcome.UNHEALTHY),
        (clusters(cluster("orders", "docdb", DeletionProtection=False)), {}, Outcome.UNHEALTHY),
        (tables(table("orders", DeletionProtectionEnabled=False)), {}, Outcome.UNHEALTHY),
        (volumes(volume(1)), {}, None),
    ],
)
def test_production_data_stores_are_protected_from_deletion(
    made: Answers, labels: Mapping[str, str], outcome: Outcome | None
) -> None:
    """Where the service has a switch for it, and in production only; a stage nobody knows counts as that."""
    found = [r for name, r in look(made, labels=labels).items() if name.endswith("#deletion_protection")]
    assert [reading.outcome for reading in found] == ([outcome] if outcome else [])
    for finding in (finding for reading in found for finding in reading.findings):
        assert "deletion-protection" in finding.remedy


def test_pages_are_read_to_the_end() -> None:
    """The fresh point is on the last of three pages, behind an empty one."""
    pages = [{"RecoveryPoints": [point(FILES, 90)]}, {"RecoveryPoints": []}, {"RecoveryPoints": [point(FILES, 2)]}]
    listed = {**vaults(), ("backup", "list_recovery_points_by_backup_vault"): pages}
    assert look(files(), listed)[FILES].verdict == "protected"


OWNER = Owner("acme-prod", "data", "x", "production", settings={"backup_copy": ELSEWHERE})
_HELD = (
    point(FILES, 3), point(DB, 900, "EXPIRED"), point(FILES, 50, rule="daily"), point(FILES, 50, rule="weekly"),
    point(arn("elasticfilesystem", "file-system/fs-3"), 2),
)  # fmt: skip
_CACHE = {"CacheClusterId": "lone", "Engine": "redis", "CacheClusterStatus": "available", "SnapshotRetentionLimit": 0}

# One of everything. What is saved is saved in one way only, so that each refusal is felt.
WORLD = World(
    {
        **NOTHING,
        **databases(database("orders", **BARE, DeletionProtection=False), database("eu", **BARE)),
        **db_snapshot(2),
        **clusters(cluster("orders", LatestRestorableTime=None)),
        **cluster_snapshot(2),
        ("dynamodb", "list_tables"): {"TableNames": ["orders", "carts"]},
        ("dynamodb", "describe_table"): lambda call: {"Table": table(call.parameters["TableName"])},
        ("dynamodb", "describe_continuous_backups"): lambda call: recovery(call.parameters["TableName"] == "orders"),
        ("dynamodb", "list_backups"): {
            "BackupSummaries": [{"TableName": "carts", "BackupStatus": "AVAILABLE", "BackupCreationDateTime": ago(5)}]
        },
        **volumes(volume(1), ending(2, "i-1")),
        **instances({"InstanceId": "i-1", "InstanceLifecycle": "spot"}),
        **ebs_snapshot(40),
        ("efs", "describe_file_systems"): {"FileSystems": [file_system("fs-1"), file_system("fs-3")]},
        **caches(group("sessions")),
        **cache_snapshot(3, ReplicationGroupId="sessions"),
        ("elasticache", "describe_cache_clusters"): {"CacheClusters": [_CACHE]},
        **serverless(9),
        **bucket("Enabled"),
        ("s3", "get_bucket_replication"): {"ReplicationConfiguration": {**REPLICATED, "Rules": []}},
        **warehouses(warehouse("facts"), 3),
        **copied(point(FILES, 3), mine=_HELD),
        **plan(rule(DR), rule(FOREIGN, RuleId="weekly", RuleName="weekly")),
        **jobs(job(DB, 3, "FAILED"), job(FILES, 3)),
        **copy_job(FILES, 3),
        **restore_plan(48, restored(48)),
        ("dlm", "get_lifecycle_policies"): {"Policies": [{"PolicyId": "p", "State": "ERROR"}]},
    },
    owners=dict.fromkeys((BUCKET, DB, arn("rds", "db:eu"), CL, DWH, "fs-3"), OWNER),
)
