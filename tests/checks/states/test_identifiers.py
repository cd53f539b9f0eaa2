"""What a resource is called: ARNs in all their variants, ids, names; and what must never be taken for one."""

from __future__ import annotations

import pytest

from checks.states.identifiers import NAMED_BY, NEVER, SELF, attributes_of, identify, names_in, parse_arn

A, R = "111111111111", "eu-west-1"

# Variants of ARNs that name one thing, and what they have in common.
VARIANTS: list[tuple[tuple[str, str], tuple[str, ...]]] = [
    (("rds:db", "orders"), (f"arn:aws:rds:{R}:{A}:db:orders", f"arn:aws-cn:rds:cn-north-1:{A}:db:Orders")),
    (("logs:log-group", "/aws/lambda/x"), (f"arn:aws:logs:{R}:{A}:log-group:/aws/lambda/x",
                                           f"arn:aws:logs:{R}:{A}:log-group:/aws/lambda/x:*")),
    (("lambda:function", "pay"), (f"arn:aws:lambda:{R}:{A}:function:pay", f"arn:aws:lambda:{R}:{A}:function:pay:live")),
    (("s3", "bucket"), ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket/some/key", "arn:aws-us-gov:s3:::bucket")),
    (("iam:role", "deploy"), (f"arn:aws:iam::{A}:role/path/to/deploy", f"arn:aws:iam::{A}:role/deploy",
                              f"arn:aws:sts::{A}:assumed-role/deploy/session-7")),
    (("dynamodb:table", "t"), (f"arn:aws:dynamodb:{R}:{A}:table/t", f"arn:aws:dynamodb:{R}:{A}:table/t/index/i")),
    (("sns", "topic"), (f"arn:aws:sns:{R}:{A}:topic",
                        f"arn:aws:sns:{R}:{A}:topic:5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77")),
    (("secretsmanager:secret", "db/pw"), (f"arn:aws:secretsmanager:{R}:{A}:secret:db/pw-a1B2c3",
                                          f"arn:aws:secretsmanager:{R}:{A}:secret:db/pw")),
    (("autoscaling:autoScalingGroup", "web"), (
        f"arn:aws:autoscaling:{R}:{A}:autoScalingGroup:5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77:autoScalingGroupName/web",)),
    (("apigateway:restapis", "a1b2"), (f"arn:aws:apigateway:{R}::/restapis/a1b2",
                                       f"arn:aws:apigateway:{R}::/restapis/a1b2/stages/live")),
    ((SELF, "sg-0123456789abcdef0"), (f"arn:aws:ec2:{R}:{A}:security-group/sg-0123456789abcdef0",)),
    ((SELF, "fs-01234567"), (f"arn:aws:elasticfilesystem:{R}:{A}:file-system/fs-01234567",)),
    (("eks:cluster", "main"), (f"arn:aws:eks:{R}:{A}:cluster/main",)),
    (("kms:key", "5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77"), (
        f"arn:aws:kms:{R}:{A}:key/5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77",)),
    (("sqs", "jobs"), (f"arn:aws:sqs:{R}:{A}:jobs",)),
    (("elasticloadbalancing:loadbalancer", "app/web/0123456789abcdef"), (
        f"arn:aws:elasticloadbalancing:{R}:{A}:loadbalancer/app/web/0123456789abcdef",)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arns"), VARIANTS)
def test_variants_of_an_arn_have_a_name_in_common(name: tuple[str, str], arns: tuple[str, ...]) -> None:
    """Partition, path, qualifier, suffix and letter case do not hide what is meant."""
    for arn in arns:
        parsed = parse_arn(arn)
        assert parsed is not None, arn
        assert name in list(names_in(parsed)), arn


@pytest.mark.parametrize(
    "text",
    ["", "arn:", "arn:aws:s3", "arn:aws:s3:::", "arn:gcp:s3:::x", "arn:aws:rds:eu-west-1:12:db:x", "sg-01234567",
     "arn:aws:s3:::a\nb", "arn:aws:s3:::" + "x" * 3000],
)  # fmt: skip
def test_what_is_no_arn_is_none(text: str) -> None:
    """Nothing is made of it."""
    assert parse_arn(text) is None


def _identify(type_: str, **values: object) -> tuple[str, tuple[tuple[str, str], ...], str]:
    names = attributes_of(type_)
    arn, ids, region = identify(type_, names, tuple(values.get(name) for name in names)) if names else ("", (), "")
    return arn, ids, region


@pytest.mark.parametrize(
    ("type_", "values", "ids"),
    [
        ("aws_db_instance", {"identifier": "Orders", "id": "db-ABC", "resource_id": "db-ABC"},
         (("rds:db", "orders"), ("rds:db", "db-abc"))),
        ("aws_security_group", {"id": "sg-0123456789abcdef0"}, ((SELF, "sg-0123456789abcdef0"),)),
        ("aws_nat_gateway", {"id": "nat-01234567", "region": R}, ((SELF, "nat-01234567"),)),
        ("aws_s3_bucket", {"id": "b", "bucket": "b"}, (("s3", "b"),)),
        ("aws_s3_bucket_policy", {"id": "b", "bucket": "b"}, ()),
        ("aws_kms_alias", {"name": "alias/main"}, (("kms:alias", "main"),)),
        ("aws_ssm_parameter", {"name": "/acme/x", "id": "/acme/x"}, (("ssm:parameter", "acme/x"),)),
        ("aws_volume_attachment", {"id": "vai-1234567890"}, ()),
        ("aws_network_interface_sg_attachment", {"id": "sg-01234567_eni-01234567"}, ()),
        ("aws_appsync_api_key", {"id": "abc:da2-0123456789abcdef0"}, ()),
        ("aws_iam_access_key", {"id": "AKIAIOSFODNN7EXAMPLE"}, ()),
        ("aws_future_thing", {"id": "hunter2"}, ()),
        ("aws_future_thing", {"id": 7, "arn": ["x"], "region": {}}, ()),
        ("aws_s3_bucket", {"bucket": "b\x00", "id": "x" * 5000}, ()),
    ],
)  # fmt: skip
def test_only_identifiers_are_kept(type_: str, values: dict[str, object], ids: tuple[tuple[str, str], ...]) -> None:
    """Known attributes by a table, ids that say what they are, ARNs; never a value that could be anything."""
    assert _identify(type_, **values)[1] == ids


def test_an_arn_in_the_id_is_one() -> None:
    """Older resources have it there only; its region and account need not be kept twice."""
    arn = f"arn:aws:ecs:{R}:{A}:service/main/web"
    assert _identify("aws_ecs_service", id=arn, region=R) == (arn, (), "")
    assert _identify("aws_s3_bucket", arn="arn:aws:s3:::b", bucket="b", region=R) == (
        "arn:aws:s3:::b",
        (("s3", "b"),),
        R,
    )


def test_the_table_is_sound() -> None:
    """Nothing is both named and never named, and every family reads like one."""
    assert not set(NAMED_BY) & NEVER
    for rows in NAMED_BY.values():
        for family, attribute in rows:
            assert family == SELF or family.replace("-", "").replace(":", "").isalnum()
            assert attribute.isidentifier()
