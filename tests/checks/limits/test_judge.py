"""How near a quota is: a table, and what lowers its tier."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checks.base import Fact, Kind
from checks.kinds import TIERS, Tier
from checks.limits.judge import LimitRule, Word, facts, judge
from checks.limits.model import Quota, Source, Use
from checks.limits.trend import DAY

TWO_WEEKS = timedelta(days=14)


def use(used: float, limit: float | None = 100, name: str = "Things", resource: str = "", **more: object) -> Use:
    quota = Quota("vpc", "L-1", name, limit, **more)  # type: ignore[arg-type]  # of each test's making
    return Use(quota, used, Source.REPORT, resource)


def grown(per_day: float) -> list[tuple[float, float]]:
    return [(day * DAY, 10 + day * per_day) for day in range(10)]


@pytest.mark.parametrize(
    ("what", "history", "rules", "word"),
    [
        (use(0), [], (), Word.WITHIN),
        (use(79.9), [], (), Word.WITHIN),
        (use(80), [], (), Word.CLOSE),
        (use(99.9), [], (), Word.CLOSE),
        (use(100), [], (), Word.EXCEEDED),
        (use(140), [], (), Word.EXCEEDED),
        (use(50), grown(5), (), Word.FILLING),
        (use(50), grown(3), (), Word.WITHIN),
        (use(50), grown(-5), (), Word.WITHIN),
        (use(85), grown(5), (), Word.CLOSE),
        # What is asked for per second has peaks, and no growth towards its limit.
        (use(50, name="Rate of requests"), grown(5), (), Word.WITHIN),
        (use(0, limit=0), [], (), Word.WITHIN),
        (use(1, limit=0), [], (), Word.EXCEEDED),
        (use(5, limit=None), [], (), Word.NO_LIMIT),
        (use(5, limit=None), [], (LimitRule("vpc/L-1", limit=100),), Word.WITHIN),
        (use(95), [], (LimitRule("vpc/*", limit=1000),), Word.WITHIN),
        (use(95), [], (LimitRule("vpc/*", limit=95),), Word.EXCEEDED),
        (use(85), [], (LimitRule("vpc/*", warn_at=0.9),), Word.WITHIN),
        (use(85), [], (LimitRule("*", warn_at=0.9), LimitRule("*", warn_at=0.5)), Word.WITHIN),
    ],
)
def test_verdicts(what: Use, history: list[tuple[float, float]], rules: tuple[LimitRule, ...], word: Word) -> None:
    """At its limit it is exceeded, at 80 % close, and filling where two weeks are enough."""
    judged = judge(what, history, rules, 0.8, TWO_WEEKS)
    assert judged.word is word
    assert judged.kind is (Kind.QUOTA_EXCEEDED if word is Word.EXCEEDED else Kind.UTILIZATION)
    assert judged.reason


def test_what_is_told_changes_in_steps() -> None:
    """The page shows the number; the message changes when five more percent are used."""
    told = {judge(use(used), [], (), 0.8, TWO_WEEKS).told for used in (85, 86, 89.9)}
    assert told == {"more than 85 % of 100 used"}
    filling = {judge(use(50), grown(5 + more), (), 0.8, TWO_WEEKS).told for more in (0, 0.1)}
    assert filling == {"more than 50 % of 100 used; full within 2 weeks at this pace"}


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("Rate of DescribeInstances API requests", True),
        ("Throttle rate", True),
        ("Cryptographic operations (RSA) request rate", True),
        ("CreateKey requests per second", True),
        ("Transactions", True),
        ("Rate-based rules per web ACL", False),
        ("Running On-Demand Standard instances", False),
        ("Elastic IPs", False),
    ],
)
def test_rates_are_told_from_amounts(name: str, rate: bool) -> None:
    """By their name, as a report tells no unit."""
    assert use(1, name=name).quota.rate is rate
    assert use(1, name="x", period=timedelta(seconds=1)).quota.rate


@pytest.mark.parametrize(
    ("what", "increases", "found", "tier"),
    [
        (use(100), set(), set(), Tier.CRITICAL),
        (use(100), {("vpc/L-1", "")}, {Fact.INCREASE_PENDING}, Tier.WARNING),
        (use(100, resource="sg-1"), {("vpc/L-1", "sg-1")}, {Fact.INCREASE_PENDING}, Tier.WARNING),
        (use(100, resource="sg-1"), {("vpc/L-1", "sg-2")}, set(), Tier.CRITICAL),
        (use(100), {("vpc/L-2", "")}, set(), Tier.CRITICAL),
        (use(100, name="Requests per second"), set(), {Fact.RATE_QUOTA}, Tier.WARNING),
    ],
)
def test_circumstances_lower_the_tier(what: Use, increases: set[tuple[str, str]], found: set[Fact], tier: Tier) -> None:
    """An increase that is pending, and a quota per second, are no emergency."""
    stated = facts(what, increases)
    assert stated == found
    row = next(row for row in TIERS if row.kind is Kind.QUOTA_EXCEEDED and (row.fact is None or row.fact in stated))
    assert row.tier is tier


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs limit or warn_at"),
        ({"limit": 0.0}, "limit is more than 0"),
        ({"warn_at": 1.5}, "warn_at is a part of the limit"),
        ({"warn_at": 0.0}, "warn_at is a part of the limit"),
    ],
)
def test_rows_that_cannot_be_are_refused(options: dict[str, float], said: str) -> None:
    """The configuration hears what is wrong."""
    with pytest.raises(ValueError, match=said):
        LimitRule("vpc/*", options.get("limit"), options.get("warn_at"))


def test_rows_fit_by_quota_resource_account_and_region() -> None:
    """All of them must fit."""
    what = use(1, resource="sg-1")
    assert LimitRule("vpc/L-?", 9, resource="sg-*", account="1*", region="eu-*").covers(what, "111", "eu-west-1")
    assert not LimitRule("ec2/*", 9).covers(what, "111", "eu-west-1")
    assert not LimitRule("*", 9, resource="sg-2").covers(what, "111", "eu-west-1")
    assert not LimitRule("*", 9, account="2*").covers(what, "111", "eu-west-1")
    assert not LimitRule("*", 9, region="us-*").covers(what, "111", "eu-west-1")
