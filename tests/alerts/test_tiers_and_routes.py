from __future__ import annotations

import pytest

from alerts.fingerprint import fingerprint
from alerts.routes import Facts, Route, Routes, route
from alerts.tiers import TierOverride, tier_of
from checks.kinds import Fact, Kind, Tier

NONE: frozenset[Fact] = frozenset()


@pytest.mark.parametrize(
    ("kind", "facts", "stage", "expected", "why"),
    [
        (Kind.DRIFT, NONE, "production", Tier.WARNING, "drift: answer within 24 hours"),
        (Kind.DRIFT, {Fact.DELETED}, "production", Tier.CRITICAL, "deleted out of band in production"),
        (Kind.DRIFT, {Fact.DELETED}, "staging", Tier.WARNING, "drift: answer within 24 hours"),
        (Kind.DRIFT, {Fact.NOT_DRIFT}, "production", Tier.INFO, "a difference that is no drift: weekly review"),
        (Kind.SECURITY_VIOLATION, NONE, "development", Tier.WARNING, "relaxed security in development"),
        (Kind.SECURITY_VIOLATION, {Fact.PUBLIC_DATA}, "development", Tier.CRITICAL, "data is open to everybody"),
        (Kind.WORKFLOW_FAILURE, NONE, "staging", Tier.WARNING, "a failed run in staging"),
        (Kind.MONITORING, NONE, "development", Tier.WARNING, "Barograph could not look: silence is not health"),
    ],
)
def test_the_table_decides_the_tier(kind: Kind, facts: frozenset[Fact], stage: str, expected: Tier, why: str) -> None:
    """The guideline's table gives the tier and says why."""
    assert (expected, why) == tier_of(kind, facts, {"stage": stage}, "r")


def test_an_unknown_stage_counts_as_production_and_says_so() -> None:
    """A stack whose stage is not known is never treated more gently than production."""
    tier, why = tier_of(Kind.DRIFT, {Fact.DELETED}, {"stage": ""}, "r")
    assert tier is Tier.CRITICAL
    assert why == "deleted out of band in production (stage not known: treated as production)"


def test_every_kind_has_a_tier_in_every_stage() -> None:
    """No kind falls through the table."""
    for kind in Kind:
        for stage in ("production", "staging", "development", "sandbox"):
            tier, why = tier_of(kind, NONE, {"stage": stage}, "r")
            if (kind, stage) != (Kind.WORKFLOW_FAILURE, "sandbox"):
                assert "no row" not in why
            assert tier in Tier


def test_the_first_override_that_fits_goes_before_the_table() -> None:
    """Configuration wins over the guideline, in the order it is written, by kind, stage, stack and resource."""
    rows = (
        TierOverride(Tier.INFO, "scratch buckets", kind=Kind.DRIFT, resource="*/scratch"),
        TierOverride(Tier.CRITICAL, "money", kind=Kind.DRIFT, stage="production", stack="acme-*"),
        TierOverride(Tier.INFO, "never reached", stack="acme-*"),
    )
    labels = {"stage": "production", "stack": "acme-prod"}
    assert tier_of(Kind.DRIFT, NONE, labels, "a/scratch", rows) == (Tier.INFO, "scratch buckets (by configuration)")
    assert tier_of(Kind.DRIFT, NONE, labels, "a/b", rows) == (Tier.CRITICAL, "money (by configuration)")
    assert tier_of(Kind.DRIFT, NONE, {**labels, "stack": "beta"}, "a/b", rows)[0] is Tier.WARNING


def facts(tier: Tier, labels: dict[str, str] | None = None) -> Facts:
    return Facts(tier, Kind.DRIFT, "drift", labels or {})


def test_routes_are_read_in_order_and_name_themselves() -> None:
    """The first row that fits names channel and mention; the rest goes to the default."""
    routes = Routes(
        "ops",
        (
            Route("pay", stacks=("*-pay",), stages=("production",)),
            Route("crit", "<!here>", tiers=(Tier.CRITICAL,)),
        ),
        default_mention="<!channel>",
    )
    pay = route(routes, facts(Tier.CRITICAL, {"stack": "acme-pay", "stage": "production"}))
    assert (pay.channel, pay.mention, pay.reason) == ("pay", "", "route 1 (stage=production stack=*-pay)")
    crit = route(routes, facts(Tier.CRITICAL))
    assert (crit.channel, crit.mention, crit.reason) == ("crit", "<!here>", "route 2 (tier=critical)")
    rest = route(routes, facts(Tier.WARNING))
    assert (rest.channel, rest.mention, rest.reason) == ("ops", "", "default route")


def test_the_default_mention_is_for_critical_only() -> None:
    """Nobody is called for a warning because it had no route."""
    routes = Routes("ops", default_mention="<!here>")
    assert route(routes, facts(Tier.CRITICAL)).mention == "<!here>"
    assert route(routes, facts(Tier.WARNING)).mention == ""


@pytest.mark.parametrize("rows", [(), (Route(""),)])
def test_an_alert_cannot_go_nowhere(rows: tuple[Route, ...]) -> None:
    """A missing default or a row without a channel is refused at once."""
    with pytest.raises(ValueError, match="channel"):
        Routes("ops" if rows else "", rows)


def test_fingerprints_are_the_same_in_every_release() -> None:
    """A change of this value would post every open incident again."""
    assert fingerprint("drift", "p", "r", Kind.DRIFT, "k") == "v1:b4b262eba47316838d28e72c04ad8f3b"
    assert fingerprint("drift", "p", "ab", Kind.DRIFT, "c") != fingerprint("drift", "p", "a", Kind.DRIFT, "bc")
