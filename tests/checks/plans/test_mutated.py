"""The judge on plans that were damaged, and on any JSON at all: a reason, or an honest verdict."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.plans import judge as judging
from checks.plans.evidence import evidence
from checks.plans.judge import judge
from checks.plans.model import Judgement, NotJudgeable, Verdict
from checks.plans.parse import validated
from tests.checks.plans.recorded import RECORDED, recorded

PLANS = {name: recorded(name) for name in RECORDED}
_JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, -1, 1.5, "", "x", "update", [], {}, [None], ["update"], {"a": 1}, [[]]]
)
_ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=20,
)


def _judged(plan: Any) -> Judgement | None:
    """A judgement that can be kept, or None where the judge refuses. Anything else that is raised fails the test."""
    try:
        judgement = judging._judge(validated(plan), ())  # without the net that turns a crash into a refusal
    except NotJudgeable:
        return None
    assert judge(plan) == judgement
    json.dumps(evidence(judgement))
    assert judgement.reason
    return judgement


@settings(max_examples=150, deadline=None)
@given(_ANY)
def test_any_json_is_refused_or_judged(value: Any) -> None:
    """Whatever the JSON is, nothing but a refusal comes out as an error."""
    _judged(value)
    _judged({"format_version": "1.2", "planned_values": {}, "resource_drift": value, "checks": value})
    _judged({"format_version": "1.2", "planned_values": value, "prior_state": value, "configuration": value})


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in _places(item, (*path, key)))]


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(sorted(PLANS)), st.data())
def test_damaged_plan_is_refused_or_judged(name: str, data: st.DataObject) -> None:
    """One place of a real plan replaced by junk or taken out never makes the judge stumble."""
    plan = copy.deepcopy(PLANS[name])
    *above, last = data.draw(st.sampled_from(_places(plan)[1:]))
    holder = plan
    for step in above:
        holder = holder[step]
    if data.draw(st.booleans()):
        holder[last] = data.draw(_JUNK)
    else:
        del holder[last]
    _judged(plan)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PLANS)), st.data())
def test_deletion_is_drift_whatever_else_the_plan_says(name: str, data: st.DataObject) -> None:
    """A managed resource deleted by hand is never in sync, accepted or pending, in whatever plan it stands."""
    plan = copy.deepcopy(PLANS[name])
    address = data.draw(st.sampled_from(["aws_x.new", 'module.m["k"].aws_x.new[0]']))
    before = data.draw(st.dictionaries(st.text("abc", min_size=1, max_size=2), _JUNK, max_size=3))
    change = {"actions": ["delete"], "before": before, "after": None, "after_unknown": {}}
    gone = {"address": address, "mode": "managed", "type": "aws_x", "change": change}
    plan["resource_drift"] = [*plan.get("resource_drift", []), gone]
    judgement = judge(plan)
    assert judgement.verdict in (Verdict.DRIFT, Verdict.DRIFT_AND_PENDING)
    assert address in judgement.deleted


@pytest.mark.parametrize("name", sorted(PLANS))
def test_judging_changes_nothing_of_the_plan(name: str) -> None:
    """The judge reads, and gives the same answer again."""
    plan = copy.deepcopy(PLANS[name])
    assert judge(plan) == judge(plan)
    assert plan == PLANS[name]
