"""Which rows fit, what `continue` adds, and how an incident lives in several channels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.base import LIVE, DeliveryKind, Draft, IncidentState
from alerts.policy import Policy
from alerts.routes import NO_ESCALATION, Destination, Escalation, Facts, Route, Routes, route
from checks.base import Fact, Finding, Kind, Tier
from tests.alerts.build import DELETED, DRIFT, NOTE, History, look, reading

FULL = Facts(
    Tier.WARNING, Kind.DRIFT, "drift",
    {"stage": "staging", "tenant": "acme", "stack": "acme-pay", "component": "vpc/main", "owner": "@acme/pay @acme/ops",
     "account": "000000000011"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        (Route("c"), True),
        (Route("c", tiers=(Tier.CRITICAL, Tier.WARNING)), True),
        (Route("c", tiers=(Tier.CRITICAL,)), False),
        (Route("c", kinds=(Kind.DRIFT,)), True),
        (Route("c", kinds=(Kind.COMPLIANCE,)), False),
        (Route("c", checks=("dr*",)), True),
        (Route("c", checks=("state",)), False),
        (Route("c", stages=("staging",)), True),
        (Route("c", stages=("production",)), False),
        (Route("c", tenants=("acme", "beta")), True),
        (Route("c", tenants=("beta",)), False),
        (Route("c", stacks=("*-pay",)), True),
        (Route("c", stacks=("pay",)), False),
        (Route("c", components=("vpc/*",)), True),
        (Route("c", components=("vpc",)), False),
        (Route("c", owners=("@acme/ops",)), True),
        (Route("c", owners=("@acme/pay @acme/ops",)), True),
        (Route("c", owners=("ops",)), False),
        (Route("c", accounts=("*11",)), True),
        (Route("c", accounts=("*12",)), False),
        (Route("c", stacks=("*-pay",), tiers=(Tier.INFO,)), False),
    ],
)
def test_every_condition_is_asked(row: Route, fits: bool) -> None:
    """Of a list one must fit, of the conditions all."""
    assert row.fits(FULL) is fits


def test_what_an_incident_lacks_fits_a_star_and_nothing_narrower() -> None:
    """`?*` is how one says that there is any."""
    bare = Facts(Tier.WARNING, Kind.DRIFT)
    assert Route("c", stacks=("*",)).fits(bare)
    assert not Route("c", stacks=("?*",)).fits(bare)
    assert Route("c", stages=("production",)).fits(bare)


def test_continue_collects() -> None:
    """The first channel is the home, each further one is named once; sinks add up; the first escalation counts."""
    routes = Routes(
        "ops",
        (
            Route(sinks=("hook",), further=True),
            Route("team", "<@U012>", owners=("@acme/pay",), further=True, sinks=("pager", "hook")),
            Route("night", stages=("production",), further=True),
            Route("team", "<!here>", escalation=Escalation("boss"), calendar="office", further=True),
            Route("wide", "<!channel>", escalation=Escalation("other"), calendar="night"),
            Route("never"),
        ),
    )
    told = route(routes, FULL)
    assert (told.channel, told.mention) == ("team", "<@U012>")
    assert told.copies == (Destination("wide", "<!channel>", "route 5 (everything)"),)
    assert (told.escalation, told.calendar, told.sinks) == (Escalation("boss"), "office", ("hook", "pager"))
    assert told.destinations == ("wide", "sink:hook", "sink:pager")
    assert told.reason == (
        "route 1 (everything); route 2 (owner=@acme/pay); route 4 (everything); route 5 (everything)"
    )


def test_the_default_is_the_last_row() -> None:
    """It takes what no row ends, and gives what no row says: its escalation and calendar also to rows without one."""
    routes = Routes(
        "ops", (Route("team", stacks=("*-pay",), further=True), Route("end", stacks=("x",))), "<!here>",
        Escalation("boss", "<!channel>"), "office", ("pager",),
    )  # fmt: skip
    told = route(routes, replace(FULL, tier=Tier.CRITICAL))
    assert (told.channel, told.copies, told.sinks) == (
        "team", (Destination("ops", "<!here>", "default route"),), ("pager",),
    )  # fmt: skip
    ended = route(routes, Facts(Tier.WARNING, Kind.DRIFT, labels={"stack": "x"}))
    assert (ended.channel, ended.escalation, ended.calendar, ended.sinks) == (
        "end", Escalation("boss", "<!channel>"), "office", (),
    )  # fmt: skip
    assert route(Routes("ops"), FULL).escalation is NO_ESCALATION


def test_a_component_can_have_its_own_channel_where_no_row_decides() -> None:
    """settings.barograph.channel stands in for the default; what is no channel's ID is told, and not used."""
    labels = {**FULL.labels, "channel": "C0123456789"}
    own = route(Routes("ops", (Route("crit", tiers=(Tier.CRITICAL,)),), "<!here>"), replace(FULL, labels=labels))
    assert (own.channel, own.mention, own.reason) == (
        "C0123456789", "", "settings.barograph.channel of the component",
    )  # fmt: skip
    wrong = route(Routes("ops"), replace(FULL, labels={"channel": "#pay <!channel>"}))
    assert wrong.channel == "ops"
    assert "'#pay <!channel>' is not a channel's ID" in wrong.reason


# --- several channels -------------------------------------------------------------------------------------------


SEVERAL = Policy(
    Routes(
        "C-ops",
        (
            Route("C-crit", "<!here>", tiers=(Tier.CRITICAL,), further=True),
            Route("C-boss", "<@U012>", tiers=(Tier.CRITICAL,), kinds=(Kind.DRIFT,)),
            Route("C-team", stacks=("acme-*",), further=True),
        ),
    )
)


def said(drafts: tuple[Draft, ...]) -> list[tuple[str, str]]:
    return [(draft.channel, str(draft.kind)) for draft in drafts]


def test_each_channel_has_a_root_of_its_own() -> None:
    """A warning goes to the team and to the default; each root is edited and each thread hears the end."""
    history = History(SEVERAL)
    [opened] = history.look(look(reading(DRIFT)))
    assert said(opened.drafts) == [("C-team", "post"), ("C-ops", "post")]
    assert len({draft.subject for draft in opened.drafts}) == len({draft.dedupe_key for draft in opened.drafts}) == 2
    [ended] = history.look(look(reading()))
    assert said(ended.drafts) == [("C-team", "update"), ("C-team", "reply"), ("C-ops", "update"), ("C-ops", "reply")]
    assert {draft.subject for draft in ended.drafts} == {draft.subject for draft in opened.drafts}


def test_raised_it_begins_where_it_was_not_heard_of_and_ends_everywhere() -> None:
    """Channels that no longer hear of it keep a root that points on, and that says in the end that it is over."""
    history = History(SEVERAL)
    history.look(look(reading(DRIFT)))
    [raised] = history.look(look(reading(DELETED)))
    assert said(raised.drafts) == [("C-team", "update"), ("C-ops", "update"), ("C-crit", "post"), ("C-boss", "post")]
    texts = {draft.channel: draft.body["text"] for draft in raised.drafts}
    assert "Raised to critical; this goes on in C-crit." in texts["C-team"]
    assert "<!here>" in texts["C-crit"]
    assert "<@U012>" in texts["C-boss"]
    assert "it began in C-team" in texts["C-crit"]
    [ended] = history.look(look(reading()))
    assert said(ended.drafts) == [
        ("C-team", "update"), ("C-ops", "update"),
        ("C-crit", "update"), ("C-crit", "reply"), ("C-boss", "update"), ("C-boss", "reply"),
    ]  # fmt: skip
    assert all("RESOLVED" in draft.body["text"] for draft in ended.drafts if draft.kind is DeliveryKind.UPDATE)


def test_a_channel_that_heard_of_it_becomes_its_home_without_a_second_root() -> None:
    """Where the home of the raised incident has a thread already, that thread goes on."""
    rows = (Route("C-ops", tiers=(Tier.CRITICAL,)), Route("C-team", further=True))
    history = History(Policy(Routes("C-ops", rows)))
    history.look(look(reading(DRIFT)))
    [raised] = history.look(look(reading(DELETED)))
    assert said(raised.drafts) == [("C-team", "update"), ("C-ops", "update"), ("C-ops", "reply")]
    assert history.only.channel == "C-ops"


findings = st.sampled_from([(), (DRIFT,), (DELETED,), (NOTE,), (replace(DRIFT, summary="something else"),)])
channels = st.sampled_from(["C-a", "C-b", "C-c", "C-d"])
rows = st.builds(
    Route, channel=channels, tiers=st.sampled_from([(), (Tier.CRITICAL,), (Tier.WARNING,)]), further=st.booleans()
)


@given(st.lists(rows, max_size=4), channels, st.lists(st.tuples(findings, st.sampled_from([1, 10, 60])), max_size=9))
def test_no_channel_hears_twice_and_all_hear_the_end(
    rows: list[Route], default: str, looks: list[tuple[tuple[Finding, ...], int]]
) -> None:
    """Whatever the rows and whatever happens: one root per channel; no edit without a root;
    and once it is over, the last edit of every root of the occurrence says so."""
    history = History(Policy(Routes(default, tuple(rows))))
    posted: dict[str, str] = {}
    last: dict[str, str] = {}
    keys: Counter[str] = Counter()
    for seen, minutes in looks:
        for change in history.look(look(reading(*seen)), timedelta(minutes=minutes)):
            roots = Counter(draft.channel for draft in change.drafts if draft.kind is DeliveryKind.POST)
            assert all(count == 1 for count in roots.values())
            for draft in change.drafts:
                keys[draft.dedupe_key] += 1
                if draft.kind is DeliveryKind.POST:
                    assert draft.subject not in posted
                    posted[draft.subject] = draft.channel
                assert posted[draft.subject] == draft.channel
                if draft.kind is not DeliveryKind.REPLY:
                    last[draft.subject] = draft.body["text"]
            here = [change.incident.thread, *(copy.subject for copy in change.incident.copies)]
            heard = [posted[subject] for subject in here if subject]
            assert len(heard) == len(set(heard))
            if change.incident.state not in LIVE:
                assert all("RESOLVED" in last[subject] for subject in here if subject)
    assert all(count == 1 for count in keys.values())
    if history.known and history.only.state is IncidentState.RESOLVED:
        assert all("RESOLVED" in text for text in last.values())


def test_a_critical_fact_is_needed_for_these_tests() -> None:
    """DELETED is what raises drift in production; without it nothing above would be raised."""
    assert DELETED.facts == {Fact.DELETED}
