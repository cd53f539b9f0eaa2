"""What opens or weakens something, and what does not."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from checks.plans.ignore import IgnoreRule
from checks.plans.judge import judge
from checks.plans.model import Verdict
from tests.checks.plans.recorded import drifted, entry, plan


def _open(port: int, *cidrs: str, to: int | None = None, protocol: str = "tcp") -> dict[str, Any]:
    return {
        "protocol": protocol,
        "from_port": port,
        "to_port": to or port,
        "cidr_blocks": list(cidrs),
        "description": "",
    }


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": {"AWS": "arn:aws:iam::1:root"}}
PUBLIC = {**ALLOW, "Principal": "*"}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*", "Principal": "*"}

# type, before, after, classes with * behind those with public data
OPENS: list[tuple[str, dict[str, Any], dict[str, Any] | None, list[str]]] = [
    ("aws_security_group", {"ingress": []}, {"ingress": [_open(22, "0.0.0.0/0")]}, ["public_ingress"]),
    ("aws_default_security_group", {"ingress": []}, {"ingress": [_open(22, "0.0.0.0/1")]}, ["public_ingress"]),
    ("aws_security_group", {"ingress": [_open(443, "0.0.0.0/0")]}, {"ingress": [_open(0, "0.0.0.0/0", to=65535)]},
     ["public_ingress"]),
    ("aws_security_group", {"ingress": []}, {"ingress": [{**_open(22), "ipv6_cidr_blocks": ["::/0"]}]},
     ["public_ingress"]),
    ("aws_security_group", {"ingress": []}, {"ingress": [_open(22, "not-a-cidr")]}, ["public_ingress"]),
    ("aws_security_group_rule", {"type": "ingress", **_open(22, "10.0.0.0/8")},
     {"type": "ingress", **_open(22, "0.0.0.0/0")}, ["public_ingress"]),
    ("aws_vpc_security_group_ingress_rule",
     {"cidr_ipv4": "10.0.0.0/8", "ip_protocol": "tcp", "from_port": 22, "to_port": 22},
     {"cidr_ipv4": "0.0.0.0/0", "ip_protocol": "tcp", "from_port": 22, "to_port": 22}, ["public_ingress"]),
    ("aws_network_acl", {"ingress": []},
     {"ingress": [{"action": "allow", "cidr_block": "0.0.0.0/0", "protocol": "-1", "from_port": 0, "to_port": 0}]},
     ["public_ingress"]),
    ("aws_network_acl", {"ingress": [{"action": "deny", "cidr_block": "1.2.3.4/32", "protocol": "-1"}]},
     {"ingress": []}, ["public_ingress"]),
    ("aws_eks_cluster", {"vpc_config": [{"public_access_cidrs": ["10.0.0.0/8"]}]},
     {"vpc_config": [{"public_access_cidrs": ["0.0.0.0/0"]}]}, ["public_ingress"]),
    ("aws_iam_policy", {"policy": _policy(ALLOW)}, {"policy": _policy(ALLOW, ALLOW | {"Action": "*"})}, ["iam"]),
    ("aws_iam_policy", {"policy": _policy(ALLOW)}, {"policy": _policy(DENY)}, ["iam"]),
    ("aws_iam_role", {"assume_role_policy": _policy(ALLOW)}, {"assume_role_policy": _policy(PUBLIC)}, ["iam"]),
    ("aws_iam_role", {"name": "r", "managed_policy_arns": []}, {"name": "r", "managed_policy_arns": ["arn:a"]},
     ["iam"]),
    ("aws_iam_role_policy_attachment", {"policy_arn": "a"}, None, ["iam"]),
    ("aws_kms_key", {"policy": _policy(ALLOW)}, {"policy": _policy(PUBLIC)}, ["kms"]),
    ("aws_kms_key", {"enable_key_rotation": True}, {"enable_key_rotation": False}, ["kms"]),
    ("aws_kms_key", {"is_enabled": True}, {"is_enabled": False}, ["kms"]),
    ("aws_kms_key", {"is_enabled": True}, None, ["kms"]),
    ("aws_ebs_volume", {"encrypted": True}, {"encrypted": False}, ["encryption_off"]),
    ("aws_db_instance", {"storage_encrypted": True}, {"storage_encrypted": None}, ["encryption_off"]),
    ("aws_elasticache_replication_group", {"transit_encryption_enabled": True}, {"transit_encryption_enabled": False},
     ["encryption_off"]),
    ("aws_opensearch_domain", {"encrypt_at_rest": [{"enabled": True}]}, {"encrypt_at_rest": [{"enabled": False}]},
     ["encryption_off"]),
    ("aws_s3_bucket", {"server_side_encryption_configuration": [{"rule": [{"x": "1"}]}]},
     {"server_side_encryption_configuration": []}, ["encryption_off"]),
    ("aws_s3_bucket_server_side_encryption_configuration",
     {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}]},
     {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}]}, ["encryption_off"]),
    ("aws_lb_listener", {"protocol": "HTTPS"}, {"protocol": "HTTP"}, ["encryption_off"]),
    ("aws_cloudtrail", {"enable_logging": True}, {"enable_logging": False}, ["logging_off"]),
    ("aws_cloudtrail", {"enable_logging": True}, None, ["logging_off"]),
    ("aws_flow_log", {"traffic_type": "ALL"}, None, ["logging_off"]),
    ("aws_s3_bucket", {"logging": [{"target_bucket": "b"}]}, {"logging": []}, ["logging_off"]),
    ("aws_db_instance", {"enabled_cloudwatch_logs_exports": ["audit", "error"]},
     {"enabled_cloudwatch_logs_exports": ["error"]}, ["logging_off"]),
    ("aws_lb", {"access_logs": [{"enabled": True, "bucket": "b"}]},
     {"access_logs": [{"enabled": False, "bucket": "b"}]}, ["logging_off"]),
    ("aws_s3_bucket_public_access_block", {"block_public_acls": True}, {"block_public_acls": False}, ["public_access"]),
    ("aws_s3_bucket_public_access_block", {"block_public_acls": True}, None, ["public_access"]),
    ("aws_s3_bucket_acl", {"acl": "private"}, {"acl": "public-read"}, ["public_access*"]),
    ("aws_s3_bucket_policy", {"bucket": "b", "policy": _policy(ALLOW)},
     {"bucket": "b", "policy": _policy(ALLOW, PUBLIC)}, ["public_access*"]),
    ("aws_s3_bucket_policy", {"bucket": "b", "policy": _policy(ALLOW)},
     {"bucket": "b", "policy": _policy(ALLOW, ALLOW | {"Action": "s3:*"})}, ["iam"]),
    ("aws_s3_bucket_policy", {"bucket": "b", "policy": _policy(ALLOW, DENY)}, {"bucket": "b", "policy": _policy(ALLOW)},
     ["iam"]),
    ("aws_s3_bucket_policy", {"bucket": "b", "policy": _policy(ALLOW)}, {"bucket": "b", "policy": "{broken"}, ["iam"]),
    ("aws_db_instance", {"publicly_accessible": False}, {"publicly_accessible": True}, ["public_access*"]),
    ("aws_db_snapshot", {"shared_accounts": []}, {"shared_accounts": ["all"]}, ["public_access*"]),
    ("aws_lambda_function_url", {"authorization_type": "AWS_IAM"}, {"authorization_type": "NONE"}, ["public_access"]),
]  # fmt: skip

HARMLESS: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    ("aws_security_group", {"tags": {"a": "1"}, "ingress": []}, {"tags": {"a": "2"}, "ingress": []}),
    ("aws_security_group", {"ingress": [_open(22, "0.0.0.0/0")]}, {"ingress": []}),
    ("aws_security_group", {"ingress": [_open(0, "0.0.0.0/0", to=65535)]}, {"ingress": [_open(443, "0.0.0.0/0")]}),
    ("aws_security_group", {"ingress": []}, {"ingress": [_open(22, "10.0.0.0/8")]}),
    ("aws_security_group", {"ingress": [_open(22, "0.0.0.0/0")]}, None),
    ("aws_security_group_rule", {"type": "egress", **_open(22)}, {"type": "egress", **_open(22, "0.0.0.0/0")}),
    ("aws_iam_role", {"description": "a"}, {"description": "b"}),
    ("aws_iam_policy", {"policy": _policy(ALLOW)}, {"policy": " " + _policy(ALLOW | {"Action": ["s3:GetObject"]})}),
    ("aws_kms_key", {"enable_key_rotation": False}, {"enable_key_rotation": True}),
    ("aws_ebs_volume", {"encrypted": False, "size": 1}, {"encrypted": True, "size": 2}),
    ("aws_db_instance", {"publicly_accessible": True}, {"publicly_accessible": False}),
    ("aws_db_instance", {"instance_class": "db.t3.small"}, {"instance_class": "db.t3.large"}),
    ("aws_db_instance", {"enabled_cloudwatch_logs_exports": ["error"]},
     {"enabled_cloudwatch_logs_exports": ["error", "audit"]}),
    ("aws_s3_bucket_policy", {"bucket": "b", "policy": _policy(PUBLIC)}, {"bucket": "b", "policy": _policy(DENY)}),
    ("aws_s3_bucket_policy", {"bucket": "b", "policy": _policy(ALLOW)},
     {"bucket": "b", "policy": _policy(ALLOW, DENY)}),
    ("aws_cloudtrail", {"enable_logging": False}, {"enable_logging": True}),
    ("aws_instance", {"instance_type": "a"}, None),
]  # fmt: skip


def _classes(made: dict[str, Any]) -> list[str]:
    found = judge(made).violations
    return sorted({item.category + "*" * item.public_data for item in found})


@pytest.mark.parametrize(("kind", "before", "after", "classes"), OPENS)
def test_what_opens_is_a_violation(
    kind: str, before: dict[str, Any], after: dict[str, Any] | None, classes: list[str]
) -> None:
    """A change outside Terraform that opens or weakens something has its class, and the drift stays drift."""
    made = drifted(f"{kind}.x", before, after, type=kind)
    assert _classes(made) == classes
    assert judge(made).verdict is Verdict.DRIFT


@pytest.mark.parametrize(("kind", "before", "after"), HARMLESS)
def test_what_narrows_or_is_harmless_is_none(kind: str, before: dict[str, Any], after: dict[str, Any] | None) -> None:
    """A tag, a narrower rule, a stronger setting is no violation."""
    assert _classes(drifted(f"{kind}.x", before, after, type=kind)) == []


def test_what_is_only_planned_opens_nothing() -> None:
    """The code may open a port: that is reviewed elsewhere, and nothing was done by hand."""
    kind = "aws_security_group"
    made = plan([], [entry(f"{kind}.x", ["update"], {"ingress": []}, {"ingress": [_open(22, "0.0.0.0/0")]}, type=kind)])
    assert (_classes(made), judge(made).verdict) == ([], Verdict.PENDING)


def test_sensitive_values_are_judged_and_not_shown() -> None:
    """A mask hides what a policy says, not that it became public."""
    before, after = {"bucket": "b", "policy": _policy(ALLOW)}, {"bucket": "b", "policy": _policy(PUBLIC)}
    judgement = judge(
        drifted("aws_s3_bucket_policy.x", before, after, type="aws_s3_bucket_policy", mask={"policy": True})
    )
    assert [item.public_data for item in judgement.violations] == [True]
    assert "GetObject" not in repr(judgement)


def test_group_refreshed_from_its_own_rule_resources_opens_nothing() -> None:
    """A group's state is late by one refresh after a rule resource was applied; what nobody declared still counts."""
    kind, world = "aws_security_group", _open(443, "0.0.0.0/0")
    rule = {"type": "ingress", "security_group_id": "sg-1", **world}
    declared = {"root_module": {"resources": [{"type": "aws_security_group_rule", "address": "r", "values": rule}]}}
    late = drifted(f"{kind}.x", {"id": "sg-1", "ingress": []}, {"id": "sg-1", "ingress": [world]}, type=kind)
    assert _classes(late | {"prior_state": {"values": declared}}) == []
    opened = drifted(
        f"{kind}.x",
        {"id": "sg-1", "ingress": []},
        {"id": "sg-1", "ingress": [world, _open(22, "0.0.0.0/0")]},
        type=kind,
    )
    assert _classes(opened | {"prior_state": {"values": declared}}) == ["public_ingress"]


def test_accepted_by_the_code_is_still_a_violation() -> None:
    """ignore_changes keeps an apply from closing a port; it does not say that anybody may open it."""
    kind = "aws_security_group"
    opened = {"ingress": [_open(22, "0.0.0.0/0")]}
    judgement = judge(drifted(f"{kind}.x", {"ingress": []}, opened, opened, type=kind))
    assert judgement.verdict is Verdict.ACCEPTED
    assert [item.category for item in judgement.violations] == ["public_ingress"]


def test_opening_that_the_code_does_not_speak_of_is_drift() -> None:
    """Where rules are resources of their own nobody accepted one made by hand, and an apply would leave it."""
    kind = "aws_security_group"
    opened = {"ingress": [_open(22, "0.0.0.0/0")]}
    made = drifted(f"{kind}.x", {"ingress": []}, opened, opened, type=kind)
    code = {"root_module": {"resources": [{"address": f"{kind}.x", "expressions": {"name": {}}}]}}
    judgement = judge(made | {"configuration": code})
    assert judgement.verdict is Verdict.DRIFT
    assert [item.reverted for item in judgement.violations] == [False]
    assert "would not undo" in judgement.differences[0].note


def test_only_a_rule_that_names_the_attribute_silences_an_opening() -> None:
    """A rule for the whole resource was not written with an open port in mind."""
    kind = "aws_security_group"
    made = drifted(f"{kind}.x", {"ingress": []}, {"ingress": [_open(22, "0.0.0.0/0")]}, type=kind)
    broad = IgnoreRule(address="*", reason="r", owner="o", expires=date(2030, 1, 1))
    precise = IgnoreRule(address=f"{kind}.x", attribute="ingress", reason="r", owner="o", expires=date(2030, 1, 1))
    assert [item.category for item in judge(made, [broad]).violations] == ["public_ingress"]
    assert judge(made, [precise]).violations == ()
