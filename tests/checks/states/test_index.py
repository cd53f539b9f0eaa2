"""Whose state holds a resource."""

from __future__ import annotations

import pytest

from checks.base import Instance
from checks.states.index import HeldBy, StateIndex
from checks.states.model import Held

A, B, R = "111111111111", "222222222222", "eu-west-1"
AWS = "registry.terraform.io/hashicorp/aws"
PROD = Instance(
    "acme-prod",
    "db",
    "db",
    stage="production",
    tenant="acme",
    owner="@data",
    account=A,
    channel="C0123456789",
    runbook="https://wiki.example.com/db",
)
DEV = Instance("acme-dev", "db", "db", stage="development", account=B)


def _held(
    address: str, type_: str, arn: str = "", *ids: tuple[str, str], region: str = "", deposed: bool = False
) -> Held:
    return Held(address, type_, AWS, arn, ids, region, deposed=deposed)


INDEX = StateIndex(
    [
        HeldBy(
            PROD,
            (
                _held("module.db.aws_db_instance.this[0]", "aws_db_instance", f"arn:aws:rds:{R}:{A}:db:orders",
                      ("rds:db", "orders"), ("rds:db", "db-xyz")),
                _held("aws_security_group.db", "aws_security_group", f"arn:aws:ec2:{R}:{A}:security-group/sg-01234567"),
                _held("aws_nat_gateway.a", "aws_nat_gateway", "", ("", "nat-01234567"), region=R),
                _held("aws_s3_bucket.logs", "aws_s3_bucket", "arn:aws:s3:::acme-logs", ("s3", "acme-logs"), region=R),
                _held("aws_ssm_parameter.key", "aws_ssm_parameter", f"arn:aws:ssm:{R}:{A}:parameter/db/key"),
                _held("aws_iam_role.deploy", "aws_iam_role", f"arn:aws:iam::{A}:role/ci/deploy"),
                _held("aws_topic.x", "aws_sns_topic", f"arn:aws:sns:{R}:{A}:alerts"),
                _held("aws_topic_data.x", "aws_sns_topic_data_protection_policy", f"arn:aws:sns:{R}:{A}:alerts"),
                _held("aws_instance.old", "aws_instance", f"arn:aws:ec2:{R}:{A}:instance/i-01234567", deposed=True),
                _held("aws_instance.new", "aws_instance", f"arn:aws:ec2:{R}:{A}:instance/i-01234567"),
            ),
        ),
        HeldBy(
            DEV,
            (
                _held("aws_db_instance.this", "aws_db_instance", f"arn:aws:rds:{R}:{B}:db:orders"),
                _held("aws_old_db.this", "aws_db_instance", "", ("rds:db", "unplaced")),
                _held("aws_s3_bucket.copy", "aws_s3_bucket", "arn:aws:s3:::shared"),
            ),
        ),
        HeldBy(PROD, (_held("aws_s3_bucket.shared", "aws_s3_bucket", "arn:aws:s3:::shared"),)),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("identifier", "account", "region", "address"),
    [
        (f"arn:aws:rds:{R}:{A}:db:orders", "", "", "module.db.aws_db_instance.this[0]"),
        (f"arn:aws:rds:{R}:{B}:db:orders", "", "", "aws_db_instance.this"),
        (f"arn:aws:rds:{R}:{B}:db:ORDERS", "", "", "aws_db_instance.this"),
        (f"arn:aws:rds:us-east-1:{A}:db:orders", "", "", None),
        (f"arn:aws:rds:{R}:333333333333:db:orders", "", "", None),
        ("orders", A, R, "module.db.aws_db_instance.this[0]"),
        ("orders", B, R, "aws_db_instance.this"),
        ("orders", A, "us-east-1", None),
        ("rds:db:orders", B, "", "aws_db_instance.this"),
        ("rds:db:Orders", B, "", "aws_db_instance.this"),
        ("db-xyz", A, R, "module.db.aws_db_instance.this[0]"),
        ("unplaced", A, R, "aws_old_db.this"),
        ("sg-01234567", "", "", "aws_security_group.db"),
        ("sg-01234567", A, R, "aws_security_group.db"),
        ("sg-01234567", B, R, None),
        (f"arn:aws:ec2:{R}:{A}:natgateway/nat-01234567", "", "", "aws_nat_gateway.a"),
        ("nat-01234567", A, R, "aws_nat_gateway.a"),
        ("nat-01234567", A, "us-east-1", None),
        ("arn:aws:s3:::acme-logs/AWSLogs/x", A, "us-east-1", "aws_s3_bucket.logs"),
        ("arn:aws-cn:s3:::acme-logs", "", "", "aws_s3_bucket.logs"),
        ("s3:acme-logs", "", "", "aws_s3_bucket.logs"),
        ("/db/key", A, R, "aws_ssm_parameter.key"),
        ("db/key", A, R, "aws_ssm_parameter.key"),
        ("/acme-logs", A, R, None),
        (f"arn:aws:iam::{A}:role/deploy", "", "us-east-1", "aws_iam_role.deploy"),
        (f"arn:aws:sts::{A}:assumed-role/deploy/me", "", "", "aws_iam_role.deploy"),
        (f"arn:aws:iam::{B}:role/deploy", "", "", None),
        (f"arn:aws:sns:{R}:{A}:alerts", "", "", "aws_topic.x"),
        (f"arn:aws:ec2:{R}:{A}:instance/i-01234567", "", "", "aws_instance.new"),
        ("nothing", A, R, None),
        ("", "", "", None),
        ("arn:", "", "", None),
    ],
)  # fmt: skip
def test_the_holder_is_found_or_nobody(identifier: str, account: str, region: str, address: str | None) -> None:
    """By ARN, by id, by name, within account and region where they are known; never another account's namesake."""
    found = INDEX.owner(identifier, account, region)
    assert (found.address if found else None) == address


def test_an_owner_has_what_routes_an_alert() -> None:
    """Stack, component, stage, people."""
    found = INDEX.owner("sg-01234567")
    assert found is not None
    assert (found.stack, found.component, found.stage, found.owner, found.labels["tenant"]) == (
        "acme-prod", "db", "production", "@data", "acme",
    )  # fmt: skip
    assert (found.labels["channel"], found.labels["runbook"]) == ("C0123456789", "https://wiki.example.com/db")


def test_what_two_states_hold_is_said_of_both() -> None:
    """Nobody can tell which is right, so neither is kept quiet about."""
    found = INDEX.owner("arn:aws:s3:::shared")
    assert found is not None
    assert str(found) == "acme-dev/db aws_s3_bucket.copy (also in acme-prod/db aws_s3_bucket.shared)"
