"""A plan reduced to what its apply would do: what is in it, what is cut, and that nothing secret is."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from checks.plans import effects
from checks.plans.impact import MOST_ROWS, reduced
from checks.plans.model import NotJudgeable

RECORDED = Path(__file__).parents[2] / "fixtures" / "terraform-plans"
SECRET = "hunter2-hunter2"
WORLD = {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}
PUBLIC = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]})


def change(address: str, actions: list[str], before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    """One entry of resource_changes."""
    item: dict[str, Any] = {key: more.pop(key) for key in ("mode", "action_reason") if key in more}
    kind = address.split("[", maxsplit=1)[0].split(".")[-2]
    return {"address": address, "type": kind, "mode": "managed", **item,
            "change": {"actions": actions, "before": before, "after": after, **more}}  # fmt: skip


def plan(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format_version": "1.2", "resource_changes": list(changes), "planned_values": {}, **more}


def rows(*changes: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in reduced(plan(*changes, **more)).rows]


def test_each_action_is_told_and_replacements_with_their_order() -> None:
    """What goes before what comes is not what comes before it goes; reads and no-ops are no changes."""
    found = reduced(
        plan(
            change("aws_vpc.new", ["create"], None, {}), change("aws_vpc.old", ["delete"], {}, None),
            change("aws_vpc.a", ["delete", "create"], {}, {}), change("aws_vpc.b", ["create", "delete"], {}, {}),
            change("aws_vpc.c", ["update"], {}, {"x": 1}), change("aws_vpc.d", ["no-op"], {}, {}),
            change("aws_vpc.e", ["forget"], {}, None), change("data.aws_vpc.f", ["read"], None, {}, mode="data"),
            change("aws_vpc.g", ["update"], {"x": 1}, {"x": 1}, importing={"id": "vpc-1"}),
        )
    )  # fmt: skip
    assert {row["addr"]: (row["action"], row.get("order", "")) for row in found.rows} == {
        "aws_vpc.new": ("create", ""), "aws_vpc.old": ("delete", ""), "aws_vpc.a": ("replace", "destroy_first"),
        "aws_vpc.b": ("replace", "create_first"), "aws_vpc.c": ("update", ""), "aws_vpc.e": ("forget", ""),
        "aws_vpc.g": ("import", ""),
    }  # fmt: skip
    assert found.counts == {"create": 1, "delete": 1, "replace": 2, "update": 1, "forget": 1, "import": 1}
    assert (found.created, found.left_out, found.partial) == ({"aws_vpc": 1}, 0, "")


OPENS: list[tuple[str, dict[str, Any], list[str], bool]] = [
    ("a new group that is open", change("aws_security_group.a", ["create"], None, {"ingress": [WORLD]}),
     ["open to the world: tcp port 22 from 0.0.0.0/0"], False),
    ("a group that is opened", change("aws_security_group.a", ["update"], {"ingress": []}, {"ingress": [WORLD]}),
     ["open to the world: tcp port 22 from 0.0.0.0/0"], False),
    ("a group that stays open", change("aws_security_group.a", ["update"], {"ingress": [WORLD], "name": "a"},
                                       {"ingress": [WORLD], "name": "b"}), [], False),
    ("a rule whose range is known later", change("aws_security_group_rule.a", ["create"], None, {"type": "ingress"},
                                                 after_unknown={"cidr_blocks": True}), [], True),
    ("a new database that is public", change("aws_db_instance.a", ["create"], None, {"publicly_accessible": True}),
     ["public access: publicly_accessible: reachable from the internet"], False),
    ("a new bucket policy for everybody", change("aws_s3_bucket_policy.a", ["create"], None, {"policy": PUBLIC}),
     ["public access: its policy allows everybody"], False),
    ("a new role is nothing opened", change("aws_iam_role.a", ["create"], None, {"assume_role_policy": "{}"}),
     [], False),
    ("a role that trusts others", change("aws_iam_role.a", ["update"], {"assume_role_policy": "a"},
                                         {"assume_role_policy": "b"}),
     ["permissions changed: trust policy changed"], False),
    ("a block that goes", change("aws_s3_bucket_public_access_block.a", ["delete"], {"block_public_acls": True}),
     ["public access: the block of public access was deleted"], False),
    ("a role that goes", change("aws_iam_role.a", ["delete"], {}, None), [], False),
]  # fmt: skip


@pytest.mark.parametrize(("what", "item", "opens", "unclear"), OPENS, ids=[row[0] for row in OPENS])
def test_what_is_opened_is_told(what: str, item: dict[str, Any], opens: list[str], unclear: bool) -> None:
    """To the world, or weakened; what is only known after the apply is neither open nor closed."""
    (row,) = rows(item)
    assert (row.get("opens", []), row.get("unclear", False)) == (opens, unclear), what


def test_a_data_store_that_would_go_is_told_by_its_arn() -> None:
    """So that its recovery point can be looked for; whether Terraform takes a last snapshot is told too."""
    before = {"arn": "arn:aws:rds:eu-west-1:111111111111:db:orders", "id": "db-1", "skip_final_snapshot": False,
              "final_snapshot_identifier": "last"}  # fmt: skip
    (row,) = rows(change("aws_db_instance.a", ["delete"], before))
    assert (row["id"], row["final"]) == ("arn:aws:rds:eu-west-1:111111111111:db:orders", True)
    (hidden,) = rows(change("aws_db_instance.a", ["delete"], before, before_sensitive={"arn": True, "id": True}))
    assert "id" not in hidden


def test_what_a_new_resource_needs_is_told() -> None:
    """Subnets and addresses, the type, image and profile of an instance; what is known after the apply is said."""
    instance = {"subnet_id": "subnet-0a1b", "instance_type": "m5.large", "ami": "ami-1", "iam_instance_profile": "web"}
    (one,) = rows(change("aws_instance.a", ["create"], None, instance))
    assert {name: one[name] for name in ("subnets", "takes", "variant", "image", "profile")} == {
        "subnets": ["subnet-0a1b"], "takes": 1, "variant": "m5.large", "image": "ami-1", "profile": "web",
    }  # fmt: skip
    (group,) = rows(change("aws_autoscaling_group.a", ["create"], None, {
        "vpc_zone_identifier": ["subnet-0a", "subnet-0b"], "desired_capacity": 5}))  # fmt: skip
    assert (group["subnets"], group["takes"]) == (["subnet-0a", "subnet-0b"], 5)
    (later,) = rows(change("aws_lb.a", ["create"], None, {"load_balancer_type": "network"},
                           after_unknown={"subnets": True}))  # fmt: skip
    assert (later["somewhere"], later["variant"], "subnets" in later) == (True, "network", False)


def test_nothing_secret_is_in_it() -> None:
    """In an attribute, in a key of an address, in an opened range, in what would be needed, whatever hides it."""
    hidden = {"password": True, "secret_map": True, "ingress": True}
    found = reduced(
        plan(
            change(f'aws_db_instance.a["{SECRET}"]', ["create"], None, {"password": SECRET}, after_sensitive=hidden),
            change("aws_security_group.a", ["create"], None,
                   {"ingress": [{**WORLD, "cidr_blocks": [SECRET]}]}, after_sensitive={"ingress": True}),
            change("aws_instance.a", ["create"], None, {"subnet_id": f"subnet-{SECRET}", "instance_type": SECRET,
                                                        "ami": SECRET, "iam_instance_profile": SECRET}),
            change("aws_instance.b", ["create"], None, {"instance_type": SECRET, "ami": "a"},
                   after_sensitive={"instance_type": True}),
            change("aws_x.y", ["update"], {SECRET: 1, "token": SECRET}, {SECRET: 2, "token": SECRET},
                   before_sensitive={"token": True}),
        )
    )  # fmt: skip
    assert SECRET not in json.dumps([list(found.rows), dict(found.created)])
    assert any(row["addr"] == 'aws_db_instance.a["(sensitive)"]' for row in found.rows)


def test_a_long_plan_is_cut_where_it_matters_least_and_says_by_how_much() -> None:
    """What opens and what goes stays; the counts are of all."""
    many = [change(f"aws_vpc.new[{n}]", ["create"], None, {}) for n in range(MOST_ROWS + 50)]
    found = reduced(plan(*many, change("aws_vpc.old", ["delete"], {}), OPENS[0][1]))
    assert [row["addr"] for row in found.rows[:2]] == ["aws_security_group.a", "aws_vpc.old"]
    assert (len(found.rows), found.left_out) == (MOST_ROWS, 52)
    assert found.created == {"aws_vpc": MOST_ROWS + 50, "aws_security_group": 1}


def test_a_plan_of_fifty_megabytes_is_reduced_in_time() -> None:
    """Its values are read past."""
    big = "x" * 10_000
    many = [change(f"aws_ssm_parameter.p[{n}]", ["create"], None, {"value": big}) for n in range(5_000)]
    text = json.dumps(plan(*many))
    assert len(text) > 50_000_000
    began = time.monotonic()
    found = reduced(json.loads(text))
    assert (found.counts, found.left_out) == ({"create": 5_000}, 5_000 - MOST_ROWS)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "no plan"), ({"format_version": "2.0"}, "no plan"), (plan(errored=True), "errored"),
        (plan({"address": "a.b", "change": {"actions": ["explode"]}}), "does not know"),
        ({"format_version": "1.2", "resource_changes": {}}, "not a list"),
    ],
)  # fmt: skip
def test_what_is_no_plan_has_no_impact(told: Any, why: str) -> None:
    """Nobody knows then; it is not an impact of nothing."""
    with pytest.raises(NotJudgeable, match=why):
        reduced(told)


def test_a_targeted_plan_says_that_it_does_not_show_everything() -> None:
    """It has an impact all the same."""
    found = reduced(plan(change("aws_vpc.a", ["create"], None, {}), complete=False))
    assert (found.counts, found.partial) == ({"create": 1}, "it was targeted, or leaves changes for a later plan")


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.plan.json")), ids=lambda path: path.name)
def test_recorded_plans_are_reduced(path: Path) -> None:
    """Each change of each is told, once."""
    told = json.loads(path.read_text())
    wanted = [
        item["address"]
        for item in told.get("resource_changes", ())
        if item["mode"] == "managed" and item["change"]["actions"] != ["no-op"]
    ]
    assert sorted(row["addr"] for row in reduced(told).rows) == sorted(wanted)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("t3.micro", ("L-1216C47A", 2)), ("m5.xlarge", ("L-1216C47A", 4)), ("im4gn.4xlarge", ("L-1216C47A", 16)),
        ("inf1.2xlarge", ("L-1945791B", 8)), ("p4d.24xlarge", ("L-417A185B", 96)), ("mac2.metal", None),
        ("m5.metal", None), ("", None), ("m5.99999xlarge", None),
    ],
)  # fmt: skip
def test_the_quota_of_an_instance_is_that_of_its_family(kind: str, found: tuple[str, int] | None) -> None:
    """What its type does not tell is not made up."""
    assert effects.vcpus(kind) == found


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("aws_iam_role", ("iam",)), ("aws_kms_key", ("kms",)), ("aws_security_group_rule", ("security_group",)),
        ("aws_s3_bucket", ("data",)), ("aws_s3_bucket_policy", ("policy",)), ("aws_instance", ()),
    ],
)  # fmt: skip
def test_sensitive_types_are_known(kind: str, words: tuple[str, ...]) -> None:
    """By their names."""
    assert effects.sensitive(kind) == words
