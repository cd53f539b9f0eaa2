"""Looks, people, silences, clock steps and restarts in any order, on a real store: what must hold whatever happens."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.base import LIVE, Action, DeliveryKind, Incident, IncidentState, Transition
from alerts.deadlines import next_at
from alerts.lifecycle import Look
from alerts.routes import Escalation
from alerts.silences import Matcher
from checks.base import Outcome, Tier
from daemon.desk import Desk
from daemon.record import Recorder, Run
from daemon.store import Store
from daemon.ticking import Ticker
from tests.alerts.build import DELETED, DRIFT, LABELS, NOW, PLACE, POLICY, look, reading

POLICY_HERE = replace(POLICY, routes=replace(POLICY.routes, default_escalation=Escalation("C-boss")), buttons=True)
SEEN = {
    "warning": look(reading(DRIFT)),
    "critical": look(reading(DELETED)),
    "healthy": look(reading()),
    "unknown": look(reading(outcome=Outcome.UNKNOWN, verdict="denied")),
}
MATCHERS = {
    "all": Matcher(stacks=("acme-*",)),
    "warnings": Matcher(tiers=(Tier.WARNING,)),
    "nothing": Matcher(stacks=("beta-*",)),
}
QUIET = (Action.SILENCE, Action.UNSILENCE)


class Passing(RuleBasedStateMachine):
    """One thing that goes wrong and right again, and people who do what they like."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
        self.now = NOW
        self.latest = NOW
        self.store = self.open()
        self.fresh()
        self.acts = 0
        self.ticked = False
        self.record(SEEN["healthy"])

    def open(self) -> Store:
        return Store.open(Path(self.folder.name) / "b.db", lambda: self.now)

    def fresh(self) -> None:
        self.ticker = Ticker(self.store, POLICY_HERE, lambda: self.now)
        self.desk = Desk(self.store, POLICY_HERE, lambda: self.now)

    def record(self, seen: Look) -> None:
        run = Run("drift", PLACE, LABELS, self.now, self.now, seen.readings or ())
        Recorder(self.store, POLICY_HERE).record(run, self.now + timedelta(hours=1))

    @property
    def incident(self) -> Incident | None:
        found = [one for one in self.store.incidents() if one.key == "drift"]
        return found[0] if found else None

    @property
    def facts(self) -> list[Transition]:
        return [] if self.incident is None else self.store.transitions(self.incident.fingerprint)

    @rule(what=st.sampled_from(sorted(SEEN)))
    def look(self, what: str) -> None:
        self.record(SEEN[what])
        self.ticked = False

    @rule(seconds=st.sampled_from([1, 60, 16 * 60, 3600, 5 * 3600, 25 * 3600, 10 * 24 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.latest = max(self.latest, self.now)
        self.ticked = False

    @rule(hours=st.sampled_from([1, 30]))
    def the_clock_is_set_back(self, hours: int) -> None:
        self.now -= timedelta(hours=hours)
        self.ticked = False

    @rule()
    def tick(self) -> None:
        """Each tick does one thing to an incident; the next does what is due at once after it."""
        for _ in range(4):
            before, count = self.incident, len(self.facts)
            changed = self.ticker.tick()
            new = self.facts[count:]
            assert len(new) <= 1
            for fact in new:
                self.check_fact(fact, before)
            if not changed:
                break
        assert self.ticker.tick() == 0
        self.ticked = True

    def check_fact(self, fact: Transition, before: Incident | None) -> None:
        assert before is not None
        assert before.state in LIVE
        if before.silence:
            assert fact.action in QUIET
        if fact.action in (Action.REMIND, Action.PROMOTE):
            assert before.state is IncidentState.OPEN
            with self.store.read() as view:
                holding = [one for one in view.silences(self.now) if one.holds(self.now)]
            assert not any(one.matcher.fits(before) for one in holding)
        assert (fact.action is Action.REMIND) <= (fact.tier is Tier.CRITICAL)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self.open()
        self.fresh()

    @precondition(lambda self: self.incident is not None)
    @rule(hours=st.sampled_from([1, 24]))
    def acknowledge(self, hours: int) -> None:
        assert self.incident is not None
        done = self.desk.acknowledge(self.incident.fingerprint, "anna", timedelta(hours=hours))
        self.acts += done.changed
        assert not self.desk.acknowledge(self.incident.fingerprint, "ben").changed
        self.ticked = False

    @precondition(lambda self: self.incident is not None)
    @rule()
    def silence_it(self) -> None:
        assert self.incident is not None
        self.acts += self.desk.silence_incident(self.incident.fingerprint, "anna", "because").changed
        assert not self.desk.silence_incident(self.incident.fingerprint, "ben", "because").changed
        self.ticked = False

    @rule(what=st.sampled_from(sorted(MATCHERS)), hours=st.sampled_from([1, 30]), later=st.sampled_from([0, 2]))
    def silence(self, what: str, hours: int, later: int) -> None:
        starts = self.now + timedelta(hours=later)
        self.acts += self.desk.silence(MATCHERS[what], "anna", "because", timedelta(hours=hours), starts).changed
        self.ticked = False

    @precondition(lambda self: self.incident is not None)
    @rule()
    def unsilence(self) -> None:
        assert self.incident is not None
        self.acts += self.desk.unsilence(self.incident.fingerprint, "ben").changed
        self.ticked = False

    @invariant()
    def one_root_message_per_occurrence_and_channel(self) -> None:
        """Each root message has its stored fact: it opened, came back later, was raised, or is shown at last."""
        deliveries = self.store.deliveries(limit=None)
        roots = Counter(one.subject for one in deliveries if one.kind is DeliveryKind.POST)
        assert set(roots.values()) <= {1}
        threads = [subject for subject in roots if not subject.endswith("!")]
        assert len(threads) == sum(" to C-" in fact.reason for fact in self.facts)

    @invariant()
    def promoted_at_most_once_in_each_occurrence(self) -> None:
        promotions = 0
        for fact in self.facts:
            promotions = 0 if fact.action in (Action.OPEN, Action.REOPEN) else promotions
            promotions += fact.action is Action.PROMOTE
            assert promotions <= 1

    @invariant()
    def nobody_is_reminded_of_what_somebody_has(self) -> None:
        held = False
        for fact in self.facts:
            assert not (held and fact.action in (Action.REMIND, Action.PROMOTE))
            held = fact.after == IncidentState.ACKNOWLEDGED.value

    @invariant()
    def what_is_over_has_no_clock_and_nobody(self) -> None:
        found = self.incident
        if found is not None and found.state not in LIVE:
            assert (found.ack_by, found.ack_until, found.deadline_at, found.silence) == ("", None, None, "")
        if found is not None:
            assert (found.state is IncidentState.ACKNOWLEDGED) == bool(found.ack_by)
            assert found.deadline_at == next_at(found, POLICY_HERE)

    @invariant()
    def what_is_hidden_is_on_record(self) -> None:
        with self.store.read() as view:
            now_hidden = [row.silence for row in view.hidden() if row.ended_at is None]
            people = [line for line in view.audit(1_000) if line.who != "barograph"]
        found = self.incident
        assert now_hidden == ([found.silence] if found is not None and found.silence else [])
        assert len(people) == self.acts

    @invariant()
    def what_is_open_and_not_hidden_was_told(self) -> None:
        """Once time has been looked at, nothing that somebody should know is left unsaid."""
        found = self.incident
        if self.ticked and found is not None and found.state in LIVE and not found.silence:
            assert found.channel
        if self.ticked and found is not None and found.deadline_at is not None:
            assert found.deadline_at > self.now

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestPassing = Passing.TestCase
TestPassing.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_the_escalation_of_a_later_occurrence_has_a_message_of_its_own() -> None:
    """It is not taken for the one of an occurrence that is over."""
    passing = Passing()
    try:
        for what, seconds in (("critical", 16 * 60), ("healthy", 5 * 3600), ("critical", 16 * 60)):
            passing.look(what)
            passing.time_passes(seconds)
            passing.tick()
        roots = [
            one.subject
            for one in passing.store.deliveries(limit=None)
            if one.kind is DeliveryKind.POST and one.channel == "C-boss"
        ]
        assert len(set(roots)) == len(roots) == 2
    finally:
        passing.teardown()
