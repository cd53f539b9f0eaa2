"""How attributes and resources are classified, on plans made by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checks.plans.judge import judge
from checks.plans.model import Class, NotJudgeable, Verdict
from tests.checks.plans.recorded import drifted, entry, plan, recorded

A = "aws_thing.a"


def _classes(made: dict[str, Any]) -> dict[str, str]:
    """Path -> class, over all differences."""
    return {path.path: item.cls.value for item in judge(made).differences for path in item.paths}


@pytest.mark.parametrize(
    ("before", "after", "desired", "verdict"),
    [
        ({"s": 1}, {"s": 2}, {"s": 1}, "drift"),
        ({"s": 1}, {"s": 2}, {"s": 3}, "drift+pending"),
        ({"s": 1}, {"s": 2}, {"s": 2}, "accepted"),
        ({"s": None}, {"s": ""}, {"s": ""}, "in_sync"),
        ({"s": None}, {"s": {"a": [], "b": ""}}, {"s": {"a": [], "b": ""}}, "in_sync"),
        ({"s": 1, "t": 1}, {"s": 2, "t": 1}, {"s": 2, "t": 5}, "pending"),
        ({"s": 1, "t": 1}, {"s": 2, "t": 2}, {"s": 2, "t": 1}, "drift"),
        ({"s": 1, "t": 1}, {"s": 2, "t": 1}, {"s": 1, "t": 5}, "drift+pending"),
        ({"s": True}, {"s": 1}, {"s": True}, "drift"),
        ({"s": False}, {"s": None}, {"s": False}, "drift"),
        ({"s": 0}, {"s": None}, {"s": 0}, "drift"),
        ({"s": '{"b":1,"a":2}'}, {"s": '{"a": 2, "b": 1}'}, {"s": '{"a": 2, "b": 1}'}, "in_sync"),
        ({"s": '{"a":2}'}, {"s": '{"a":3}'}, {"s": '{"a":2}'}, "drift"),
    ],
)
def test_three_labels_give_the_verdict(before: Any, after: Any, desired: Any, verdict: str) -> None:
    """What an apply would do to a change made by hand decides what it is."""
    assert judge(drifted(A, before, after, desired)).verdict == verdict


def test_list_reordered_and_left_alone_is_noise() -> None:
    """A new order that an apply would leave alone is a set, or does not matter."""
    judgement = judge(drifted(A, {"l": ["x", "y"]}, {"l": ["y", "x"]}, {"l": ["y", "x"]}))
    assert (judgement.verdict, judgement.phantoms) == (Verdict.IN_SYNC, 1)


def test_list_reordered_and_put_back_is_drift() -> None:
    """A new order that an apply would undo is a list whose order matters."""
    assert judge(drifted(A, {"l": ["x", "y"]}, {"l": ["y", "x"]})).verdict is Verdict.DRIFT


def test_list_reordered_in_a_refresh_only_plan_is_drift() -> None:
    """Where nothing shows that the code accepts the order, it is not called fine."""
    made = plan([entry(A, ["update"], {"l": ["x", "y"]}, {"l": ["y", "x"]})], [])
    assert judge(made).verdict is Verdict.DRIFT


def test_set_whose_elements_differ_in_empty_values_is_noise() -> None:
    """Only a set is printed in another order because null became empty."""
    before = {"l": [{"a": None, "b": "1"}, {"a": None, "b": "2"}]}
    after = {"l": [{"a": "", "b": "2"}, {"a": "", "b": "1"}]}
    assert judge(plan([entry(A, ["update"], before, after)], [])).verdict is Verdict.IN_SYNC


def test_relevant_attribute_makes_accepted_drift() -> None:
    """A difference that Terraform names as the origin of what it plans is no accepted one."""
    made = drifted(A, {"s": 1}, {"s": 2}, {"s": 2})
    assert judge(made | {"relevant_attributes": [{"resource": A, "attribute": ["s"]}]}).verdict is Verdict.DRIFT
    assert judge(made | {"relevant_attributes": [{"resource": A, "attribute": ["t"]}]}).verdict is Verdict.ACCEPTED
    assert judge(made | {"relevant_attributes": [{"resource": "aws_thing.b", "attribute": []}]}).verdict is (
        Verdict.ACCEPTED
    )


def test_relevant_attribute_without_a_key_names_every_instance() -> None:
    """Terraform leaves the key out where the code goes through all instances."""
    made = drifted('module.m["p"].aws_thing.a[0]', {"s": 1}, {"s": 2}, {"s": 2})
    named = [{"resource": 'module.m["p"].aws_thing.a', "attribute": []}]
    assert judge(made | {"relevant_attributes": named}).verdict is Verdict.DRIFT
    other = [{"resource": 'module.m["q"].aws_thing.a', "attribute": []}]
    assert judge(made | {"relevant_attributes": other}).verdict is Verdict.ACCEPTED


def test_drift_and_pending_on_two_resources() -> None:
    """Drift here and an unapplied change there are both told."""
    made = plan(
        [entry(A, ["update"], {"s": 1}, {"s": 2})],
        [entry(A, ["update"], {"s": 2}, {"s": 1}), entry("aws_thing.b", ["update"], {"s": 1}, {"s": 5})],
    )
    assert judge(made).verdict is Verdict.DRIFT_AND_PENDING


def test_drift_with_accepted_is_drift_and_keeps_both() -> None:
    """What is accepted stays visible beside what alarms."""
    made = drifted(A, {"s": 1, "t": 1}, {"s": 2, "t": 2}, {"s": 1, "t": 2})
    assert (judge(made).verdict, _classes(made)) == (Verdict.DRIFT, {"s": "drift", "t": "accepted"})


def test_deletion_outranks_everything() -> None:
    """A resource deleted by hand is drift, also where the code no longer has it."""
    gone = plan([entry(A, ["delete"], {"s": 1}, None)], [])
    assert (judge(gone).verdict, judge(gone).deleted) == (Verdict.DRIFT, (A,))


def test_deleted_and_wanted_otherwise_is_both() -> None:
    """Deleted by hand while the code wants it with another value: drift and a pending change."""
    assert judge(drifted(A, {"s": 1}, None, {"s": 2})).verdict is Verdict.DRIFT_AND_PENDING
    assert judge(drifted(A, {"s": 1}, None, {"s": 1})).verdict is Verdict.DRIFT


def test_drift_on_a_resource_the_code_drops_is_no_deletion_by_hand() -> None:
    """A planned destroy is not mistaken for one that happened."""
    made = plan([entry(A, ["update"], {"s": 1}, {"s": 2})], [entry(A, ["delete"], {"s": 2}, None)])
    judgement = judge(made)
    assert (judgement.verdict, judgement.deleted) == (Verdict.DRIFT_AND_PENDING, ())


def test_computed_attribute_made_unknown_by_another_change_is_no_drift() -> None:
    """Providers mark computed attributes as unknown on any update; only what the code sets would be put back."""
    change = entry(A, ["update"], {"s": 1, "c": "y"}, {"s": 2}, unknown={"c": True})
    configuration = {"root_module": {"resources": [{"address": A, "expressions": {"s": {"constant_value": 2}}}]}}
    made = plan([entry(A, ["update"], {"s": 1, "c": "x"}, {"s": 1, "c": "y"})], [change], configuration=configuration)
    assert judge(made).verdict is Verdict.PENDING
    configuration["root_module"]["resources"][0]["expressions"]["c"] = {"references": ["aws_thing.b.id"]}  # type: ignore[index]  # a literal's inferred type
    assert judge(made | {"configuration": configuration}).verdict is Verdict.DRIFT_AND_PENDING


@pytest.mark.parametrize(
    ("actions", "more"),
    [
        (["create"], {}),
        (["delete"], {}),
        (["forget"], {}),
        (["delete", "create"], {"action_reason": "replace_because_tainted"}),
        (["create", "delete"], {"action_reason": "replace_because_cannot_update"}),
        (["no-op"], {"previous_address": "aws_thing.old"}),
        (["delete"], {"deposed": "00000001"}),
        (["update"], {}),
    ],
)
def test_what_the_code_wants_is_pending(actions: list[str], more: dict[str, Any]) -> None:
    """Every action that nothing outside Terraform caused is a change not applied yet."""
    before = None if actions == ["create"] else {"s": 1}
    after = None if actions in (["delete"], ["forget"]) else {"s": 1 if actions == ["no-op"] else 2}
    made = plan([], [entry("aws_thing.b", ["no-op"], {"s": 1}, {"s": 1}), entry(A, actions, before, after, **more)])
    assert judge(made).verdict is Verdict.PENDING


def test_import_is_pending() -> None:
    """A resource to be imported is not in the state yet."""
    item = entry(A, ["no-op"], {"s": 1}, {"s": 1})
    item["change"]["importing"] = {"id": "x"}
    assert judge(plan([], [item])).verdict is Verdict.PENDING


def test_update_without_a_difference_is_not_in_sync() -> None:
    """Where Terraform would act, the judge does not say that everything agrees."""
    assert judge(plan([], [entry(A, ["update"], {"s": None}, {"s": ""})])).verdict is Verdict.PENDING


def test_empty_values_that_flip_at_every_plan_are_perpetual() -> None:
    """Null comes back as empty after each apply: nothing anybody did."""
    made = drifted(A, {"s": None}, {"s": ""}, {"s": None})
    assert judge(made).verdict is Verdict.PERPETUAL


def test_check_data_read_during_apply_says_nothing() -> None:
    """The data source of a check block is read at every apply."""
    item = entry("data.x.y", ["read"], None, {"s": 1}, action_reason="read_because_check_nested", type="x")
    item["mode"] = "data"
    assert judge(plan([], [entry(A, ["no-op"], {"s": 1}, {"s": 1}), item])).verdict is Verdict.IN_SYNC


@pytest.mark.parametrize("status", ["fail", "error"])
def test_check_that_does_not_hold(status: str) -> None:
    """A failing check is told; drift beside it comes first and mentions it."""
    checks = [
        {
            "address": {"to_display": "check.health"},
            "status": status,
            "instances": [{"problems": [{"message": "token=abcdefgh is bad"}]}],
        }
    ]
    made = plan([], [entry(A, ["no-op"], {"s": 1}, {"s": 1})], checks=checks)
    judgement = judge(made)
    assert judgement.verdict is Verdict.CHECK_FAILED
    assert "abcdefgh" not in judgement.reason
    both = judge(drifted(A, {"s": 1}, {"s": 2}) | {"checks": checks})
    assert both.verdict is Verdict.DRIFT
    assert "1 check failed" in both.reason


def test_check_that_could_not_be_worked_out_is_told() -> None:
    """An unknown check changes no verdict, and is not passed over in silence."""
    judgement = judge(recorded("0") | {"checks": [{"address": {}, "status": "unknown"}]})
    assert (judgement.verdict, judgement.unknown_checks) == (Verdict.IN_SYNC, 1)
    assert "could not be worked out" in judgement.reason


def test_new_workspace_with_prior_outputs_only_is_never_deployed() -> None:
    """Terraform prints planned outputs under prior_state even where there is no state."""
    made = plan([], [entry(A, ["create"], None, {"s": 1})])
    assert judge(made).verdict is Verdict.NEVER_DEPLOYED


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "x",
        {},
        {"format_version": "1.0"},
        {"format_version": "1.0", "values": {"root_module": {}}},
        {"format_version": "2.0", "planned_values": {}},
        {"format_version": 1.2, "planned_values": {}},
    ],
)
def test_what_is_no_plan_is_refused(broken: Any) -> None:
    """No verdict is given for JSON that is no plan of a known format."""
    with pytest.raises(NotJudgeable):
        judge(broken)


@pytest.mark.parametrize(
    "changed",
    [
        {"errored": True},
        {"errored": None},
        {"complete": False},
        {"deferred_changes": [{"reason": "x"}]},
        {"resource_drift": {}},
        {"resource_changes": [{}]},
        {"resource_changes": [{"address": A, "change": {"actions": ["explode"]}}]},
        {"resource_changes": [{"address": A, "change": {"actions": ["update"], "before": None, "after": {}}}]},
        {"output_changes": []},
        {"checks": [{"status": "perhaps"}]},
        {"relevant_attributes": {}},
    ],
)
def test_plan_that_does_not_show_everything_is_refused(changed: dict[str, Any]) -> None:
    """An errored, incomplete, deferred or garbled plan is never judged healthy."""
    with pytest.raises(NotJudgeable):
        judge(recorded("0") | changed)


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    """A plan nested beyond reason ends in a reason, not in a traceback."""
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotJudgeable):
        judge(plan([entry(A, ["update"], {"s": value}, {"s": 1})], []))


def test_one_new_rule_among_many_is_shown_alone() -> None:
    """A long list is shown without the items that all three labels have."""
    rules = [{"port": number} for number in range(30)]
    (difference,) = judge(drifted(A, {"l": rules}, {"l": [*rules, {"port": 99}]})).of(Class.DRIFT)
    (path,) = difference.paths
    assert (path.recorded, path.actual, path.desired) == ([], [{"port": 99}], [])
    assert len(json.dumps(path.actual)) < 40
