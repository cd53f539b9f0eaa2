"""A plan that leaves something out is no reason to call anything fine; and a large one is judged in time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from checks.plans.judge import judge
from checks.plans.model import NotJudgeable, Verdict
from tests.checks.plans.recorded import drifted, entry, plan
from tests.checks.plans.terraform import Terraform

A, B = "aws_thing.a", "aws_thing.b"


def _same(address: str) -> dict[str, Any]:
    return entry(address, ["no-op"], {"s": 1}, {"s": 1})


def test_plan_that_passes_over_a_resource_of_the_state_is_refused() -> None:
    """A targeted plan of a Terraform that does not say so looked at a part only."""
    whole = plan([], [_same(A), _same(B)])
    assert judge(whole).verdict is Verdict.IN_SYNC
    with pytest.raises(NotJudgeable, match="targeted"):
        judge(whole | {"resource_changes": [_same(A)]})


def test_targeted_plan_of_real_terraform_is_refused_though_it_does_not_say_so(tmp_path: Path) -> None:
    """OpenTofu, and Terraform before 1.8, do not mark a targeted plan as incomplete."""
    terraform = Terraform(tmp_path)
    terraform.apply('resource "terraform_data" "a" {}\nresource "terraform_data" "b" {}\n')
    made = terraform.plan("-target=terraform_data.b")
    del made["complete"]
    with pytest.raises(NotJudgeable, match="targeted"):
        judge(made)
    assert judge(terraform.plan()).verdict is Verdict.IN_SYNC
    assert judge(terraform.plan("-refresh-only")).verdict is Verdict.IN_SYNC


def test_plan_with_planned_resources_and_no_changes_is_refused() -> None:
    """Planned values of resources that no other part of the plan knows: a part was lost."""
    values = {"root_module": {"resources": [{"address": A, "mode": "managed", "type": "aws_thing", "values": {}}]}}
    with pytest.raises(NotJudgeable, match="cut out"):
        judge({"format_version": "1.2", "planned_values": values, "configuration": {"root_module": {}}})
    with pytest.raises(NotJudgeable, match="cut out"):
        judge({"format_version": "1.2", "planned_values": {"root_module": {}}})


def test_deposed_object_in_the_state_needs_no_second_entry() -> None:
    """What a create-before-destroy left behind has an entry of its own, under the same address."""
    deposed = entry(A, ["delete"], {"s": 0}, None, deposed="1a2b3c4d")
    made = plan([], [_same(A), deposed])
    made["prior_state"]["values"]["root_module"]["resources"][1]["deposed_key"] = "1a2b3c4d"
    assert judge(made).verdict is Verdict.PENDING


def test_import_without_an_id_is_an_import() -> None:
    """An import block by identity prints an object that may be empty."""
    unchanged = _same(A)
    unchanged["change"]["importing"] = {}
    assert judge(plan([], [unchanged])).verdict is Verdict.PENDING


@pytest.mark.parametrize(
    ("desired", "verdict"),
    [
        ([{"x": 2}, {"x": 9}], Verdict.PENDING),  # what was done by hand is left alone, a block is added
        ([{"x": 1}, {"x": 9}], Verdict.DRIFT_AND_PENDING),  # it is undone, and a block is added
        ([{"x": 1}], Verdict.DRIFT),
        ([{"x": 2}], Verdict.ACCEPTED),
        ([], Verdict.DRIFT_AND_PENDING),
    ],
)
def test_block_added_beside_one_changed_by_hand_is_pending(desired: list[Any], verdict: Verdict) -> None:
    """A planned change around an attribute that drifted is not covered by that attribute's class."""
    assert judge(drifted(A, {"b": [{"x": 1}]}, {"b": [{"x": 2}]}, {"b": desired})).verdict is verdict


def test_large_plan_is_judged_in_time() -> None:
    """Thousands of resources that all drifted and are all relevant take seconds, not minutes."""
    addresses = [f'module.m["{number}"].aws_thing.a[{number}]' for number in range(2000)]
    made = plan(
        [entry(address, ["update"], {"s": 1}, {"s": 2}) for address in addresses],
        [entry(address, ["update"], {"s": 2}, {"s": 1}) for address in addresses],
        relevant_attributes=[{"resource": address, "attribute": ["s"]} for address in addresses],
    )
    began = time.process_time()
    assert judge(made).verdict is Verdict.DRIFT
    assert time.process_time() - began < 15


def test_block_put_back_with_a_computed_value_in_it_is_drift() -> None:
    """Dynamic blocks are not in a plan's configuration: what is planned for one is known but for what is computed."""
    configuration = {"root_module": {"resources": [{"address": A, "expressions": {"name": {}}}]}}
    before, after = {"b": [{"x": 1, "order": 1}, {"x": 2, "order": 2}]}, {"b": [{"x": 1, "order": 1}]}
    desired = {"b": [{"x": 1, "order": 1}, {"x": 2}]}
    made = plan(
        [entry(A, ["update"], before, after)],
        [entry(A, ["update"], after, desired, unknown={"b": [{}, {"order": True}]})],
        configuration=configuration,
    )
    assert judge(made).verdict is Verdict.DRIFT
    computed = plan(
        [entry(A, ["update"], before, after)],
        [entry(A, ["update"], {**after, "s": 1}, {"s": 2}, unknown={"b": True})],
        configuration=configuration,
    )
    assert judge(computed).verdict is Verdict.PENDING
