"""Ignore rules silence what they name, until their day, and never a destruction."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.plans.evidence import evidence
from checks.plans.ignore import IgnoreRule, fits, rules_for
from checks.plans.judge import judge
from checks.plans.model import Verdict
from tests.checks.plans.recorded import drifted, entry, plan, recorded

DAY = date(2026, 6, 30)


def _rule(address: str = "*", attribute: str = "*", **more: Any) -> IgnoreRule:
    return IgnoreRule(address=address, attribute=attribute, reason="known", owner="team-a", expires=DAY, **more)


def test_rule_makes_drift_accepted_and_says_so() -> None:
    """An ignored difference is accepted, stays visible, and names its rule."""
    judgement = judge(recorded("1"), [_rule("fake_thing.*", "size")])
    assert judgement.verdict is Verdict.ACCEPTED
    (shown,) = evidence(judgement)["differences"]
    assert shown["ignored_by"] == "fake_thing.* size (known; team-a, until 2026-06-30)"
    assert shown["paths"][0]["actual"] == "HUGE"


def test_rule_for_another_attribute_changes_nothing() -> None:
    """A rule silences no more than it names."""
    assert judge(recorded("1"), [_rule("fake_thing.a", "name")]).verdict is Verdict.DRIFT
    assert judge(recorded("1"), [_rule("fake_thing.b", "size")]).verdict is Verdict.DRIFT


def test_rule_covers_what_is_below_its_attribute() -> None:
    """A rule for tags is one for each tag, and none for tags_all."""
    made = drifted("aws_x.a", {"tags": {"A": "1"}}, {"tags": {"A": "2"}})
    assert judge(made, [_rule("aws_x.a", "tags")]).verdict is Verdict.ACCEPTED
    both = drifted(
        "aws_x.a", {"tags": {"A": "1"}, "tags_all": {"A": "1"}}, {"tags": {"A": "2"}, "tags_all": {"A": "2"}}
    )
    assert judge(both, [_rule("aws_x.a", "tags")]).verdict is Verdict.DRIFT


def test_ignored_drift_leaves_what_is_pending() -> None:
    """Where the code wants a third value, that stays to be applied."""
    assert judge(recorded("6"), [_rule()]).verdict is Verdict.PENDING


def test_rule_never_silences_a_deletion_or_a_replacement() -> None:
    """Neither a rule for everything nor one for the attribute silences what destroys."""
    assert judge(recorded("4"), [_rule(), _rule("fake_thing.c", "name")]).verdict is Verdict.DRIFT
    made = plan(
        [entry("aws_x.a", ["update"], {"name": "a"}, {"name": "b"})],
        [entry("aws_x.a", ["delete", "create"], {"name": "b"}, {"name": "a"})],
    )
    assert judge(made, [_rule(), _rule("aws_x.a", "name")]).verdict is Verdict.DRIFT


def test_rule_ends_after_its_day() -> None:
    """The last day counts; the next does not, and the rule is reported as expired."""
    rule = _rule()
    assert rules_for([rule], "s", "c", datetime(2026, 6, 30, 23, 59, tzinfo=UTC)) == ([rule], [])
    assert rules_for([rule], "s", "c", datetime(2026, 7, 1, tzinfo=UTC)) == ([], [rule])


def test_rule_is_for_its_stacks_and_components() -> None:
    """Rules of other stacks and components neither apply nor are reported."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    rule = _rule(stack="acme-dev*", component="vpc")
    assert rules_for([rule], "acme-dev-1", "vpc", now) == ([rule], [])
    assert rules_for([rule], "acme-prod", "vpc", now) == ([], [])
    assert rules_for([rule], "acme-dev-1", "vpc/x", now) == ([], [])


@pytest.mark.parametrize("field", ["address", "attribute", "reason", "owner"])
def test_rule_without_a_reason_or_an_owner_is_refused(field: str) -> None:
    """Nobody ignores anything without saying why and who."""
    values: dict[str, Any] = {"address": "a", "attribute": "b", "reason": "r", "owner": "o", "expires": DAY, field: " "}
    with pytest.raises(ValueError, match=field):
        IgnoreRule(**values)


def test_globs_take_brackets_as_they_stand() -> None:
    """Addresses are full of brackets, which are no character classes here."""
    assert fits('aws_x.a["*"]', 'aws_x.a["q"]')
    assert not fits("aws_x.a[0]", "aws_x.a0")
    assert fits("module.?.aws_x.*", "module.m.aws_x.a[0]")


@settings(max_examples=60, deadline=None)
@given(st.text("*?ab_.[0]x", min_size=1).filter(str.strip), st.text("*?names.[0]", min_size=1).filter(str.strip))
def test_no_rule_at_all_silences_a_deletion(address: str, attribute: str) -> None:
    """Whatever globs a rule has, a resource deleted by hand is drift."""
    judgement = judge(drifted("aws_x.a", {"name": "a"}, None), [_rule(address, attribute), _rule()])
    assert judgement.verdict is Verdict.DRIFT
    assert judgement.deleted == ("aws_x.a",)
