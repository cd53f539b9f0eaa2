"""What keeps states safe where they are kept: each setting, good and bad, on moto's server."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.base import Fact, Kind, Outcome
from checks.state import State
from tests.daemon.states.support import BUCKET, INSTANCE, TABLE, StateWorld

Do = Callable[[StateWorld], Any]


def _lifecycle(**rule: Any) -> Do:
    whole = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}
    return lambda world: world.s3.put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [whole]}
    )


def _policy(world: StateWorld) -> None:
    world.s3.delete_public_access_block(Bucket=BUCKET)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    world.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def _half_blocked(world: StateWorld) -> None:
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False,
             "RestrictPublicBuckets": True}  # fmt: skip
    world.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)


def _no_table(world: StateWorld) -> None:
    world.tables.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    world.tables.delete_table(TableName=TABLE)


def _no_bucket(world: StateWorld) -> None:
    world.s3.delete_bucket(Bucket=BUCKET)


CASES: dict[str, tuple[Do, str, str, Kind]] = {
    "suspended": (
        lambda world: world.s3.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}
        ), f"s3://{BUCKET} versioning", "not_versioned", Kind.BACKUP_FAILURE,
    ),
    "no encryption": (
        lambda world: world.s3.delete_bucket_encryption(Bucket=BUCKET), f"s3://{BUCKET} encryption", "not_encrypted",
        Kind.SECURITY_VIOLATION,
    ),
    "no public access block": (
        lambda world: world.s3.delete_public_access_block(Bucket=BUCKET), f"s3://{BUCKET} public access",
        "not_blocked", Kind.SECURITY_VIOLATION,
    ),
    "half a block": (_half_blocked, f"s3://{BUCKET} public access", "not_blocked", Kind.SECURITY_VIOLATION),
    "public policy": (_policy, f"s3://{BUCKET} public access", "public", Kind.SECURITY_VIOLATION),
    "versions go after a week": (
        _lifecycle(NoncurrentVersionExpiration={"NoncurrentDays": 7}), f"s3://{BUCKET} lifecycle", "expires_early",
        Kind.BACKUP_FAILURE,
    ),
    "few versions stay": (
        _lifecycle(NoncurrentVersionExpiration={"NoncurrentDays": 7, "NewerNoncurrentVersions": 2}),
        f"s3://{BUCKET} lifecycle", "expires_early", Kind.BACKUP_FAILURE,
    ),
    "states themselves go": (
        _lifecycle(Expiration={"Days": 365}), f"s3://{BUCKET} lifecycle", "expires_early", Kind.BACKUP_FAILURE,
    ),
    "no table": (_no_table, f"lock table {TABLE}", "table_missing", Kind.STATE_CORRUPTION),
    "no recovery": (
        lambda world: world.tables.update_continuous_backups(
            TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        ), f"lock table {TABLE} point-in-time recovery", "table_unprotected", Kind.COMPLIANCE,
    ),
    "no protection": (
        lambda world: world.tables.update_table(TableName=TABLE, DeletionProtectionEnabled=False),
        f"lock table {TABLE} deletion protection", "table_unprotected", Kind.COMPLIANCE,
    ),
    "no bucket": (_no_bucket, f"s3://{BUCKET}", "bucket_missing", Kind.STATE_CORRUPTION),
}  # fmt: skip

FINE: dict[str, Do] = {
    "as made": lambda world: None,
    "versions stay for long": _lifecycle(NoncurrentVersionExpiration={"NoncurrentDays": 30}),
    "a rule for other things": _lifecycle(Filter={"Prefix": "logs/"}, Expiration={"Days": 1}),
    "a rule for tagged things": _lifecycle(Filter={"Tag": {"Key": "a", "Value": "b"}}, Expiration={"Days": 1}),
    "a rule that is off": _lifecycle(Status="Disabled", Expiration={"Days": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_setting_is_told(world: StateWorld, name: str) -> None:
    """One reading turns bad, with its kind; all others stay fine."""
    do, resource, verdict, kind = CASES[name]
    do(world)
    found = world.settings()
    bad = {name: reading for name, reading in found.items() if reading.outcome is not Outcome.HEALTHY}
    assert {name: reading.verdict for name, reading in bad.items()} == {resource: verdict}
    assert [finding.kind for finding in bad[resource].findings] == [kind]
    assert bad[resource].findings[0].remedy
    facts = bad[resource].findings[0].facts
    assert (Fact.PUBLIC_DATA in facts) == (verdict == "public")


@pytest.mark.parametrize("name", FINE)
def test_a_good_setting_is_told_as_well(world: StateWorld, name: str) -> None:
    """Every setting has its reading."""
    FINE[name](world)
    found = world.settings()
    assert {reading.verdict for reading in found.values()} == {"as_it_should_be"}, found
    assert len(found) == 8


def test_how_long_versions_must_stay_is_an_option(world: StateWorld) -> None:
    """Thirty days unless told otherwise."""
    FINE["versions stay for long"](world)
    found = world.settings(State(keep_versions=timedelta(days=31)))
    assert found[f"s3://{BUCKET} lifecycle"].verdict == "expires_early"


def test_a_bucket_has_the_gravest_stage_of_its_states(world: StateWorld) -> None:
    """What it keeps for production is not worth less because development is in it, too."""
    staged = [
        world.watched(key=f"{stage or 'unknown'}.tfstate", instance=replace(INSTANCE, component=stage, stage=stage))
        for stage in ("development", "staging", "")
    ]
    assert [world.backend(*staged[:number]).labels["stage"] for number in (1, 2, 3)] == ["development", "staging", ""]
