"""What comes and goes again and again: said once, shown little by little, and never muted where it is critical."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.base import LIVE, Action, Change, DeliveryKind, Draft, Flap, Incident
from alerts.flapping import Flapping, counted, due, next_at
from alerts.reminders import pass_time
from checks.base import Reading
from daemon.record import Recorder, Run
from daemon.ticking import Ticker
from tests.alerts.build import DELETED, DRIFT, LABELS, NOW, PLACE, POLICY, History, incident, look, reading
from tests.alerts.world import World, running

MINUTE = timedelta(minutes=1)
RULES = Flapping()


def minutes(*ages: float) -> tuple[datetime, ...]:
    return tuple(NOW - age * MINUTE for age in ages)


@pytest.mark.parametrize(
    ("changes", "flapping"),
    [
        ((), False),
        ((40, 30, 20), False),
        ((40, 30, 20, 10), True),
        ((60, 30, 20, 10), False),
        ((59.9, 30, 20, 10), True),
        ((40, 30, 20, -10), False),
    ],
)
def test_more_than_four_changes_within_an_hour_are_flapping(changes: tuple[float, ...], flapping: bool) -> None:
    """The one that comes now is the fifth; one an hour old, or of a clock that was set back, does not count."""
    assert (counted(Flap(minutes(*changes)), RULES, NOW).since is not None) is flapping


@pytest.mark.parametrize(
    ("flap", "action"),
    [
        (Flap(minutes(31)), None),
        (Flap(minutes(29.9), since=NOW), None),
        (Flap(minutes(30), since=NOW), Action.STEADY),
        (Flap(minutes(-600), since=NOW), Action.STEADY),
        (Flap(minutes(5), since=NOW, told_at=NOW - 9.9 * MINUTE, owed=True), None),
        (Flap(minutes(5), since=NOW, told_at=NOW - 10 * MINUTE, owed=True), Action.SHOW),
        (Flap(minutes(5), since=NOW, told_at=NOW - 10 * MINUTE), None),
    ],
)
def test_what_is_due_of_one_that_flaps(flap: Flap, action: Action | None) -> None:
    """Half an hour of quiet ends it; an edit that is owed comes ten minutes after the last."""
    one = incident(flap=flap)
    assert due(one, RULES, NOW)[0] is action
    when = next_at(one, RULES)
    assert (when is None) is (flap.since is None)
    if action is not None and when is not None and when <= NOW:
        assert due(one, RULES, when)[0] is not None or flap.since == NOW


class Life(History):
    """One resource over time, and what was said of it."""

    def __init__(self) -> None:
        super().__init__(replace(POLICY, targets=replace(POLICY.targets, warning_within=1_000 * 24 * 60 * MINUTE)))
        self.said: list[tuple[datetime, Draft]] = []
        self.actions: list[Action] = []

    def note(self, made: list[Change]) -> None:
        self.said += [(self.now, draft) for change in self.keep(made) for draft in change.drafts]
        self.actions += [change.transition.action for change in made if change.transition is not None]

    def see(self, *found: Reading) -> None:
        before = len(self.actions)
        made = self.look(look(*found), after=timedelta())
        self.said += [(self.now, draft) for change in made for draft in change.drafts]
        self.actions += [change.transition.action for change in made if change.transition is not None]
        assert len(self.actions) <= before + 1

    def wait(self, length: int) -> None:
        """Tick every minute."""
        for _ in range(length):
            self.now += MINUTE
            self.note([change for one in self.known.values()
                       if (change := pass_time(one, self.policy, self.now)) is not None])  # fmt: skip

    def of(self, kind: DeliveryKind) -> list[tuple[datetime, str]]:
        return [(at, str(draft.body["text"])) for at, draft in self.said if draft.kind is kind]


WORDS = {DeliveryKind.POST, DeliveryKind.UPDATE}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 25), min_size=12, max_size=40))
def test_a_flapping_warning_is_said_once_and_shown_in_the_end(gaps: list[int]) -> None:
    """Whatever its rhythm: the stored transitions are complete, the thread is spared, and the last word is true."""
    life = Life()
    there = False
    for gap in gaps:
        there = not there
        life.see(reading(DRIFT) if there else reading())
        life.wait(gap)
    life.wait(45)
    looked = [a for a in life.actions if a in (Action.OPEN, Action.REOPEN, Action.RESOLVE)]
    assert len(looked) == len(gaps)
    one: Incident = life.only
    assert one.flap.since is None
    assert (one.state in LIVE) is there
    last = [str(draft.body["text"]) for _, draft in life.said if draft.kind in WORDS][-1]
    assert last.startswith("🟠" if there else "✅")
    begun = [at for at, text in life.of(DeliveryKind.REPLY) + life.of(DeliveryKind.POST) if "🔁 Flapping:" in text]
    ended = [at for at, text in life.of(DeliveryKind.REPLY) if "No longer flapping" in text]
    assert len(begun) == len(ended) == life.actions.count(Action.STEADY)
    for start, end in zip(begun, ended, strict=True):
        assert [at for at, _ in life.of(DeliveryKind.REPLY) + life.of(DeliveryKind.POST) if start < at < end] == []
        edits = [start, *(at for at, _ in life.of(DeliveryKind.UPDATE) if start < at < end)]
        assert all(after - earlier >= 10 * MINUTE for earlier, after in pairwise(edits))
    if max(gaps) <= 10:
        assert begun


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 10), min_size=8, max_size=20))
def test_a_flapping_critical_is_never_muted(gaps: list[int]) -> None:
    """Each time it comes or goes, people hear of it."""
    life = Life()
    there = False
    for gap in gaps:
        there = not there
        before = len(life.said)
        life.see(reading(DELETED) if there else reading())
        assert any(d.kind in (DeliveryKind.POST, DeliveryKind.REPLY) for _, d in life.said[before:])
        life.wait(gap)
    assert Action.STEADY not in life.actions


def test_one_that_gets_critical_while_it_flaps_is_told_at_once() -> None:
    """It is raised with a message of its own, as if it had never flapped."""
    life = Life()
    for number in range(6):
        life.see(reading(DRIFT) if number % 2 == 0 else reading())
        life.wait(3)
    assert life.only.flap.since is not None
    life.see(reading(DELETED))
    assert life.only.flap.since is None
    _, draft = next((at, d) for at, d in reversed(life.said) if d.kind is DeliveryKind.POST)
    assert draft.channel == "C-crit"


def record(world: World, recorder: Recorder, there: bool) -> None:
    now = world.clock()
    recorder.record(Run("drift", PLACE, LABELS, now, now, (reading(DRIFT) if there else reading(),)), now + MINUTE)


def test_flapping_outlives_a_restart_and_ends_after_its_incident(tmp_path: Path) -> None:
    """It is kept in the store; one that is over is told steady as well, once."""
    with running(tmp_path) as world:
        recorder = Recorder(world.store, POLICY)
        record(world, recorder, there=False)
        for number in range(8):
            record(world, recorder, there=number % 2 == 0)
            world.work(120)
        for _ in range(60):
            Ticker(world.store, POLICY, world.clock).tick()  # a new one each time: the first after a start sees all
            ticker = Ticker(world.store, POLICY, world.clock)
            ticker.tick()
            ticker.tick()
            world.work(60)
        root, *replies = world.slack.messages("C-ops")
        assert root.text.startswith("✅ RESOLVED")
        assert sum("🔁 Flapping: 5 changes within 60 minutes" in m.text for m in replies) == 1
        assert replies[-1].text.startswith("🔁 No longer flapping")
        assert len(replies) == 5
        (one,) = world.store.incidents()
        assert [t.action for t in world.store.transitions(one.fingerprint)].count(Action.STEADY) == 1
        world.assert_exactly_once()
