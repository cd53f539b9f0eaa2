"""What another resource of the same state made is no difference; what nobody made is one."""

from __future__ import annotations

from typing import Any

import pytest

from checks.plans.judge import judge
from checks.plans.model import Verdict
from tests.checks.plans.recorded import drifted, entry, plan


def _beside(made: dict[str, Any], *others: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """The plan with other resources in its state."""
    held: list[dict[str, Any]] = [
        {"address": f"{kind}.o{number}", "mode": "managed", "type": kind, "values": values}
        for number, (kind, values) in enumerate(others)
    ]
    same = [entry(item["address"], ["no-op"], item["values"], item["values"], type=item["type"]) for item in held]
    beside = made | {"prior_state": {"values": {"root_module": {"resources": held}}}}
    if "resource_changes" in made:  # a refresh-only plan has none, and none is to be added
        beside["resource_changes"] = [*made["resource_changes"], *same]
    return beside


def _late(kind: str, before: dict[str, Any], after: dict[str, Any], *others: tuple[str, dict[str, Any]]) -> Verdict:
    return judge(_beside(drifted(f"{kind}.x", before, after, after, type=kind), *others)).verdict


def _rule(port: int, *cidrs: str, **more: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "from_port": port, "to_port": port, "cidr_blocks": list(cidrs), **more}


RULES = (
    ("aws_security_group_rule", {"type": "ingress", "security_group_id": "sg-1", **_rule(443, "10.0.0.0/8")}),
    ("aws_vpc_security_group_ingress_rule",
     {"security_group_id": "sg-1", "ip_protocol": "tcp", "from_port": 80, "to_port": 80, "cidr_ipv4": "10.1.0.0/16"}),
)  # fmt: skip


def test_group_shows_its_rule_resources() -> None:
    """However the provider groups the rules, each source of each is known; one by hand is not."""
    before, made = {"id": "sg-1", "ingress": []}, [_rule(443, "10.0.0.0/8"), _rule(80, "10.1.0.0/16")]
    assert _late("aws_security_group", before, {"id": "sg-1", "ingress": made}, *RULES) is Verdict.IN_SYNC
    by_hand = {"id": "sg-1", "ingress": [*made, _rule(22, "10.0.0.0/8")]}
    assert _late("aws_security_group", before, by_hand, *RULES) is Verdict.ACCEPTED
    other = {"id": "sg-2", "ingress": made}
    assert _late("aws_security_group", {"id": "sg-2", "ingress": []}, other, *RULES) is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("kind", "before", "after", "other", "values"),
    [
        ("aws_s3_bucket", {"id": "b", "policy": ""}, {"id": "b", "policy": "{}x"},
         "aws_s3_bucket_policy", {"bucket": "b"}),
        ("aws_s3_bucket", {"id": "b", "versioning": [{"enabled": False}]},
         {"id": "b", "versioning": [{"enabled": True}]}, "aws_s3_bucket_versioning", {"bucket": "b"}),
        ("aws_iam_role", {"name": "r", "managed_policy_arns": []}, {"name": "r", "managed_policy_arns": ["a"]},
         "aws_iam_role_policy_attachment", {"role": "r", "policy_arn": "a"}),
        ("aws_iam_role", {"name": "r", "inline_policy": []}, {"name": "r", "inline_policy": [{"name": "i"}]},
         "aws_iam_role_policy", {"role": "r", "name": "i"}),
        ("aws_iam_policy", {"arn": "a", "attachment_count": 0}, {"arn": "a", "attachment_count": 1},
         "aws_iam_role_policy_attachment", {"policy_arn": "a"}),
        ("aws_route_table", {"id": "rt", "route": []}, {"id": "rt", "route": [{"cidr_block": "0.0.0.0/0"}]},
         "aws_route", {"route_table_id": "rt", "destination_cidr_block": "0.0.0.0/0"}),
    ],
)  # fmt: skip
def test_echo_of_another_resource_is_a_phantom(
    kind: str, before: dict[str, Any], after: dict[str, Any], other: str, values: dict[str, Any]
) -> None:
    """With the owning resource in the state it is nothing; without it, somebody else did it."""
    assert _late(kind, before, after, (other, values)) is Verdict.IN_SYNC
    assert _late(kind, before, after, (other, dict.fromkeys(values, "other"))) is Verdict.ACCEPTED
    assert _late(kind, before, after) is Verdict.ACCEPTED


def test_echo_that_an_apply_would_undo_is_drift() -> None:
    """Where the code sets the attribute itself and would put it back, it is no echo."""
    made = drifted("aws_s3_bucket.x", {"id": "b", "acl": "private"}, {"id": "b", "acl": "public"}, type="aws_s3_bucket")
    assert judge(_beside(made, ("aws_s3_bucket_acl", {"bucket": "b"}))).verdict is Verdict.DRIFT


def test_what_goes_missing_is_no_echo() -> None:
    """A rule that is gone was not made by anybody."""
    rules = [_rule(443, "10.0.0.0/8"), _rule(9, "10.0.0.0/8")]
    before, after = {"id": "sg-1", "ingress": rules}, {"id": "sg-1", "ingress": rules[:1]}
    assert _late("aws_security_group", before, after, *RULES) is Verdict.ACCEPTED


def test_default_of_no_for_an_absent_value_is_a_phantom_and_the_reverse_is_not() -> None:
    """Providers fill in false for what nobody set; a value that is gone is a difference."""
    assert _late("aws_x", {"a": {"b": None}}, {"a": {"b": False}}) is Verdict.IN_SYNC
    assert _late("aws_x", {"a": {"b": False}}, {"a": {"b": None}}) is Verdict.ACCEPTED


def test_refresh_only_plan_leaves_echoes_out_too() -> None:
    """A clean stack is in sync in both kinds of plan."""
    drift = entry("aws_security_group.x", ["update"], {"id": "sg-1", "ingress": []},
                  {"id": "sg-1", "ingress": [_rule(443, "10.0.0.0/8")]}, type="aws_security_group")  # fmt: skip
    assert judge(_beside(plan([drift], []), *RULES)).verdict is Verdict.IN_SYNC
    assert judge(_beside(plan([drift], []))).verdict is Verdict.DRIFT


@pytest.mark.parametrize(
    ("kind", "before", "after", "others"),
    [
        ("aws_route_table", {"id": "rt", "route": [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}]},
         {"id": "rt", "route": [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-2"}]}, ()),
        ("aws_route_table", {"id": "rt", "route": [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}]},
         {"id": "rt", "route": [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-2"}, {"cidr_block": "10.0.0.0/8"}]},
         (("aws_route", {"route_table_id": "rt", "destination_cidr_block": "10.0.0.0/8"}),)),
        ("aws_iam_role", {"name": "r", "inline_policy": [{"name": "i", "policy": "old"}]},
         {"name": "r", "inline_policy": [{"name": "i", "policy": "new"}]}, ()),
        ("aws_security_group", {"id": "sg-1", "ingress": [_rule(22, "10.0.0.0/8", description="office")]},
         {"id": "sg-1", "ingress": [_rule(22, "10.0.0.0/8", description="everybody")]}, ()),
        ("aws_s3_bucket", {"policy": "old"}, {"policy": "new"}, (("aws_s3_bucket_policy", {}),)),
    ],
)  # fmt: skip
def test_change_within_what_was_there_is_no_echo(
    kind: str, before: dict[str, Any], after: dict[str, Any], others: tuple[tuple[str, dict[str, Any]], ...]
) -> None:
    """A route, policy or rule that no resource of this state made, changed by hand under its old name, is seen."""
    assert _late(kind, before, after, *others) is Verdict.ACCEPTED
    refreshed = plan([entry(f"{kind}.x", ["update"], before, after, type=kind)], [])
    assert judge(_beside(refreshed, *others)).verdict is Verdict.DRIFT
