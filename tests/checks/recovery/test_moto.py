"""The backups check against moto's server: real clients and real parsers, for the services that moto has right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from checks.backups import Backups
from checks.base import Outcome, Reading
from tests.aws.places import REGION, moto_place, seed

ACCOUNT = "314159265358"
LISTED = ("rds", "rds_clusters", "dynamodb", "ebs", "efs", "s3", "redshift")


@dataclass
class Seen:
    """One look, and the ids of the volumes that it found."""

    readings: dict[str, Reading]
    volumes: dict[str, str]


@pytest.fixture(scope="module")
def seen(moto: str) -> Seen:
    """A look at an account with two of each, of which one is saved."""
    volumes: dict[str, str] = {}

    ec2, rds, dynamodb, s3 = (seed(moto, name, account=ACCOUNT) for name in ("ec2", "rds", "dynamodb", "s3"))
    for name in ("saved", "bare"):
        volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
        volumes[name] = volume
        rds.create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", MasterUsername="u",
            MasterUserPassword="hunter22", AllocatedStorage=20, DeletionProtection=name == "saved",
            BackupRetentionPeriod=7 if name == "saved" else 0,
        )  # fmt: skip
        dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )  # fmt: skip
        s3.create_bucket(Bucket=f"{name}-{ACCOUNT}", CreateBucketConfiguration={"LocationConstraint": REGION})
    ec2.create_snapshot(VolumeId=volumes["saved"])
    rds.create_db_snapshot(DBInstanceIdentifier="saved", DBSnapshotIdentifier="now")
    dynamodb.update_continuous_backups(
        TableName="saved", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    s3.put_bucket_versioning(Bucket=f"saved-{ACCOUNT}", VersioningConfiguration={"Status": "Enabled"})
    place = moto_place(Backups, moto, account=ACCOUNT, now=datetime.now(UTC))
    return Seen({reading.resource: reading for reading in Backups().run(place)}, volumes)


@pytest.mark.parametrize("kind", ["ec2", "rds", "dynamodb", "s3"])
def test_what_is_saved_is_found(seen: Seen, kind: str) -> None:
    """Snapshots, point-in-time recovery and versioning as moto's server tells them over the wire."""
    arn = {
        "ec2": f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/{seen.volumes['saved']}",
        "rds": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:saved",
        "dynamodb": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/saved",
        "s3": f"arn:aws:s3:::saved-{ACCOUNT}",
    }[kind]
    assert seen.readings[arn].verdict == "protected"


@pytest.mark.parametrize("name", LISTED)
def test_every_list_that_moto_has_is_read(seen: Seen, name: str) -> None:
    """None of them is refused, and none is empty by mistake."""
    assert seen.readings[f"{ACCOUNT}/{REGION}/{name}"].verdict == "looked"


def test_what_is_not_saved_is_not_called_so(seen: Seen) -> None:
    """A new one waits for its first backup, and a database that anybody can delete is told of."""
    for arn in (  # not of RDS: moto takes a snapshot of each new instance, whatever its retention
        f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/{seen.volumes['bare']}",
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/bare",
        f"arn:aws:s3:::bare-{ACCOUNT}",
    ):
        assert seen.readings[arn].verdict == "new"
    assert seen.readings[f"arn:aws:rds:{REGION}:{ACCOUNT}:db:bare#deletion_protection"].outcome is Outcome.UNHEALTHY
    assert seen.readings[f"arn:aws:rds:{REGION}:{ACCOUNT}:db:saved#deletion_protection"].outcome is Outcome.HEALTHY


def test_what_moto_does_not_have_is_unknown(seen: Seen) -> None:
    """Jobs, copies and plans' selections are not implemented there: no reading of theirs may be healthy."""
    for name in ("jobs", "copy_jobs"):
        assert seen.readings[f"{ACCOUNT}/{REGION}/{name}"].outcome is Outcome.UNKNOWN
