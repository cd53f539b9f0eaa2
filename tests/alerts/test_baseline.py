"""First looks: one summary for all that was there before, whatever the number of checks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.base import Draft, IncidentState
from alerts.baseline import Begun, Summary, summarise
from alerts.lifecycle import Look, changes
from checks.base import Fact, Finding, Kind, Outcome, Reading, Tier
from daemon.demo.fakeslack.limits import validate_message
from daemon.record import Recorder, Run
from tests.alerts.build import DRIFT, LABELS, NOW, POLICY, finding, incident, look, reading
from tests.alerts.world import World, running

HOUR = timedelta(hours=1)
FRESH: dict[str, Any] = {"baseline": True, "announced": False, "channel": "", "thread": ""}


def drafts_of(summary: Summary | None) -> list[Draft]:
    assert summary is not None
    return [draft for change in summary.changes for draft in change.drafts]


def many(count: int, **more: Any) -> list[Any]:
    one = incident(**{**FRESH, **more})
    return [replace(one, fingerprint=f"v1:{n:032x}", summary=f"resource number {n};") for n in range(count)]


def test_a_baseline_of_thousands_is_four_messages() -> None:
    """Counts, the worst first, lists in the thread, and how many are not listed."""
    found = many(5_000)
    found[4_999] = replace(found[4_999], tier=Tier.CRITICAL)
    found[4_998] = replace(found[4_998], check="quotas")
    made = summarise(found, 0, POLICY, NOW)
    assert made is not None
    assert len(made.changes) == 5_000
    assert all(change.incident.announced and change.transition is None for change in made.changes)
    drafts = drafts_of(made)
    assert [str(d.kind) for d in drafts] == ["post"] * 4
    assert [d.subject.partition("/")[2] for d in drafts] == ["", "1", "2", "3"]
    assert len({d.dedupe_key for d in drafts}) == 4
    for draft in drafts:
        assert validate_message(draft.body) == []
    root, *lists = (str(draft.body) for draft in drafts)
    assert "5,000 findings" in root
    assert "critical 1, warning 4999" in root
    assert "quotas 1" in root
    assert root.index("number 4999") < root.index("number 0")
    listed = sum(len(re.findall(r"resource number", str(d.body["blocks"]))) for d in drafts[1:])
    assert f"+{5_000 - listed} more" in lists[-1]


def test_a_summary_waits_for_slow_places_but_not_for_ever() -> None:
    """It comes when all places were looked at, or when the first finding has waited long enough."""
    one = incident(**FRESH)
    wait = POLICY.baseline_wait
    assert summarise([one], 1, POLICY, one.first_seen + wait - timedelta(seconds=1)) is None
    (late, _) = drafts_of(summarise([one], 1, POLICY, one.first_seen + wait))
    assert "1 place could not be looked at yet" in late.body["text"]
    assert drafts_of(summarise([one], 0, POLICY, one.first_seen))


@pytest.mark.parametrize("more", [{"announced": True}, {"baseline": False}, {"state": IncidentState.RESOLVED}])
def test_a_summary_is_of_what_nobody_told_of(more: dict[str, Any]) -> None:
    """Announced, ended or posted alone: not in it."""
    assert summarise([incident(**{**FRESH, **more})], 0, POLICY, NOW) is None


@pytest.mark.parametrize(("after", "edited"), [(HOUR, True), (timedelta(hours=24), False), (-26 * HOUR, False)])
def test_what_comes_later_that_day_joins_the_summary(after: timedelta, edited: bool) -> None:
    """The same messages, edited; a day later, or after a clock was set back, a summary of its own."""
    first = many(3, first_seen=NOW)
    begun = summarise(first, 0, POLICY, NOW)
    assert begun is not None
    told = [change.incident for change in begun.changes]
    later = replace(incident(**FRESH), fingerprint="v1:later", first_seen=NOW + after)
    made = summarise([*told, later] if edited else [later], 0, POLICY, NOW + after, begun.begun)
    kinds = [(str(d.kind), d.subject.startswith(begun.begun.subject)) for d in drafts_of(made)]
    assert kinds == ([("update", True)] * 2 if edited else [("post", False)] * 2)
    assert ("4 findings" if edited else "1 finding ") in drafts_of(made)[0].body["text"]


def test_a_list_that_has_nothing_left_says_so() -> None:
    """Most of it has ended, and something new has come: no list goes on naming what is over."""
    found = many(600, first_seen=NOW)
    begun = summarise(found, 0, POLICY, NOW)
    assert begun is not None
    assert begun.begun.said == 4
    later = replace(incident(**FRESH), fingerprint="v1:later", first_seen=NOW)
    drafts = drafts_of(summarise([later], 0, POLICY, NOW, begun.begun))
    assert ["Nothing any more." in d.body["text"] for d in drafts] == [False, False, True, True]


def begun_at(world: World) -> Begun | None:
    with world.store.transaction() as tx:
        return tx.latest_summary()


CHECKS = tuple(f"check{n}" for n in range(12))


def first_look(recorder: Recorder, check: str, place: str, found: Sequence[Finding], world: World) -> None:
    readings = tuple(
        Reading(f"{place}/{n}", Outcome.UNHEALTHY, "wrong", each.summary, (each,)) for n, each in enumerate(found)
    )
    now = world.clock()
    recorder.record(Run(check, place, LABELS, now, now, readings), now + HOUR)


def test_five_thousand_old_findings_of_twelve_checks_are_five_messages_at_most(tmp_path: Path) -> None:
    """Over a whole first day, on which checks come round slowly, also with a new account in the evening."""
    with running(tmp_path) as world:
        recorder = Recorder(world.store, POLICY)
        left = 5_000
        for number, check in enumerate(CHECKS):
            for place in range(10):
                count = min(42, left)
                left -= count
                found = [finding(f"{check} {place} {n};", kind=Kind.UTILIZATION, key=f"k{n}") for n in range(count)]
                first_look(recorder, check, f"place{place}", found, world)
                recorder.announce_baseline(12 * 10 - 10 * number - place - 1, world.clock())
            world.work(HOUR.total_seconds())
        first_look(recorder, CHECKS[0], "a new account", [finding("of a new account", kind=Kind.UTILIZATION)], world)
        recorder.announce_baseline(0, world.clock())
        world.work(HOUR.total_seconds())
        assert left == 0
        assert len(world.store.incidents()) == 5_001
        messages = world.slack.messages("C-ops")
        assert len(messages) <= 5
        assert "5,001 findings" in messages[0].text
        assert all(check in str(messages[0].blocks) for check in CHECKS)
        assert all(one.announced for one in world.store.incidents())
        assert {message.thread_ts for message in messages[1:]} == {messages[0].ts}
        world.assert_exactly_once()


def test_a_summary_follows_its_channel_and_ends_with_its_day(tmp_path: Path) -> None:
    """What is found on the next day has a summary of its own, and the old one stays as it was."""
    with running(tmp_path) as world:
        recorder = Recorder(world.store, POLICY)
        first_look(recorder, "drift", "one", [DRIFT], world)
        recorder.announce_baseline(0, world.clock())
        world.work(5)
        before = begun_at(world)
        world.clock.advance(25 * 3600)
        first_look(recorder, "drift", "two", [DRIFT], world)
        recorder.announce_baseline(0, world.clock())
        world.work(5)
        after = begun_at(world)
        assert before is not None
        assert after is not None
        assert before.subject != after.subject
        roots = [m for m in world.slack.messages("C-ops") if not m.thread_ts]
        assert ["1 finding at the first look" in m.text for m in roots] == [True, True]
        world.assert_exactly_once()


EXEMPT = [
    Finding(Kind.STATE_CORRUPTION, "k", "the state is damaged"),
    Finding(Kind.CERTIFICATE_EXPIRY, "k", "it has expired", frozenset({Fact.EXPIRED})),
    Finding(Kind.SECURITY_VIOLATION, "k", "everybody can read it", frozenset({Fact.PUBLIC_DATA})),
    Finding(Kind.QUOTA_EXCEEDED, "k", "nothing more can be made"),
]


@pytest.mark.parametrize("found", EXEMPT, ids=lambda found: str(found.kind))
def test_what_cannot_wait_is_posted_at_the_first_look_too(found: Finding) -> None:
    """Damaged states, expired certificates, public data, exceeded quotas."""
    (change,) = changes({}, look(reading(found), first=True), POLICY, NOW)
    assert not change.incident.baseline
    assert [str(draft.kind) for draft in change.drafts] == ["post"]


def test_a_first_look_that_could_not_see_everything_says_so_and_keeps_the_rest_for_the_summary() -> None:
    """Being blind is no old finding: it is told at once."""
    blind = Reading("x", Outcome.UNKNOWN, "permission", "denied", (Finding(Kind.MONITORING, "could_not_look", "no"),))
    made = changes({}, Look("drift", "place", LABELS, (reading(DRIFT), blind), None, True), POLICY, NOW)
    assert sorted((str(c.incident.kind), c.incident.baseline, len(c.drafts)) for c in made) == [
        ("drift", True, 0), ("monitoring", False, 1),
    ]  # fmt: skip
