"""Time passing over a real store: reminders, promotion, silences, restarts, and what the thread in Slack shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlite_utils import Database

from alerts.base import DeliveryKind, DeliveryState, IncidentState
from alerts.lifecycle import Look
from alerts.policy import Policy
from alerts.routes import Escalation
from alerts.silences import Matcher, Silences, Window
from daemon.demo.fakeslack import Fault, FaultKind
from daemon.desk import Desk
from daemon.record import Recorder, Run
from daemon.store import HiddenRow, Store, StoreError
from daemon.store.migrations import steps
from daemon.ticking import Ticker
from tests.alerts.build import DELETED, DRIFT, LABELS, NOW, POLICY, look, reading
from tests.alerts.world import World, running

HOUR, MINUTE = 3600.0, 60.0
LOUD = replace(POLICY, routes=replace(POLICY.routes, default_escalation=Escalation("C-other")))


@dataclass
class Watch:
    """A world with somebody who looks at the clock."""

    world: World
    policy: Policy

    def __post_init__(self) -> None:
        self.ticker = Ticker(self.world.store, self.policy, self.world.clock)
        self.desk = Desk(self.world.store, self.policy, self.world.clock)

    def restart(self, policy: Policy | None = None) -> None:
        """Another process on the same store: nothing is left in memory."""
        self.policy = policy or self.policy
        self.__post_init__()

    def look(self, *readings: object) -> None:
        self.record(Look("drift", "acme-prod/service/payments", LABELS, readings))  # type: ignore[arg-type]  # Reading

    def record(self, seen: Look) -> None:
        """As the daemon records it."""
        now = self.world.clock()
        run = Run(seen.check, seen.place, seen.labels, now, now, seen.readings or ())
        Recorder(self.world.store, self.policy).record(run, now + timedelta(hours=1))

    def wait(self, seconds: float, tick: float = 60.0) -> int:
        """Let time pass, ticking and delivering; give how many incidents were changed."""
        done, left = 0, seconds
        while left > 0:
            step = min(tick, left)
            self.world.clock.advance(step)
            left -= step
            done += self.ticker.tick()
            self.world.work()
        return done

    def roots(self, channel: str) -> list[str]:
        return [m.text for m in self.world.slack.messages(channel) if not m.thread_ts]

    def replies(self, channel: str, *, broadcast: bool | None = None) -> list[str]:
        messages = [m for m in self.world.slack.messages(channel) if m.thread_ts]
        return [m.text for m in messages if broadcast in (None, m.broadcast)]

    @property
    def facts(self) -> list[str]:
        (incident,) = self.world.store.incidents()
        return [str(each.action) for each in self.world.store.transitions(incident.fingerprint)]

    def hidden(self) -> list[HiddenRow]:
        with self.world.store.read() as view:
            return view.hidden()

    def audit(self) -> list[tuple[str, str]]:
        with self.world.store.read() as view:
            return [(line.who, line.action) for line in reversed(view.audit())]


@contextmanager
def watching(path: Path, policy: Policy = LOUD) -> Iterator[Watch]:
    with running(path) as world:
        watch = Watch(world, policy)
        watch.look(reading())  # a first look, so that nothing after it is a baseline
        yield watch


def test_reminders_are_broadcast_and_stop_when_somebody_acknowledges(tmp_path: Path) -> None:
    """Three within the hour, in the thread and in the escalation channel; none after it."""
    with watching(tmp_path) as it:
        it.look(reading(DELETED))
        it.world.work()
        it.wait(HOUR + MINUTE)
        assert len(it.replies("C-crit", broadcast=True)) == 3
        assert len(it.roots("C-other")) == 1
        assert len(it.replies("C-other", broadcast=True)) == 2
        (incident,) = it.world.store.incidents()

        assert it.desk.acknowledge(incident.fingerprint, "anna").changed
        assert it.wait(20 * HOUR, 600) == 0
        assert "Acknowledged: by anna" in it.roots("C-crit")[0]
        assert "Acknowledged: by anna" in it.roots("C-other")[0]
        assert it.facts == ["open", "remind", "remind", "remind", "acknowledge"]
        it.world.assert_exactly_once()


def test_an_acknowledgement_ends_with_a_reminder_and_the_incident_is_open_again(tmp_path: Path) -> None:
    """After 24 hours, whatever restarts there were."""
    with watching(tmp_path) as it:
        it.look(reading(DRIFT))
        (incident,) = it.world.store.incidents()
        it.desk.acknowledge(incident.fingerprint, "anna")
        it.world.work()
        for _ in range(12):
            it.wait(2 * HOUR, 1200)
            it.restart()
        it.wait(MINUTE)
        (incident,) = it.world.store.incidents()

        assert incident.state is IncidentState.OPEN
        assert it.facts == ["open", "acknowledge", "ack_expire"]
        assert len(it.replies("C-ops", broadcast=True)) == 1


@pytest.mark.parametrize("away", [5.0, HOUR, 72 * HOUR])
def test_however_long_it_was_away_each_thing_is_done_once(tmp_path: Path, away: float) -> None:
    """A restart before, in and after the time at which a reminder and a promotion are due."""
    with watching(tmp_path) as it:
        it.look(reading(DELETED))
        it.world.work()
        it.wait(20 * MINUTE)
        it.world.clock.advance(away)
        it.restart()
        it.ticker.tick()
        it.ticker.tick()
        it.world.work()

        assert len(it.replies("C-crit", broadcast=True)) == (1 if away < MINUTE else 2)
        assert it.wait(MINUTE - 1, 1) == 0


def test_a_warning_is_promoted_once_over_restarts(tmp_path: Path) -> None:
    """A ticker that is new each time promotes no second time."""
    with watching(tmp_path) as it:
        it.look(reading(DRIFT))
        it.world.work()
        for _ in range(40):
            it.wait(HOUR, 1200)
            it.restart()
        assert it.facts == ["open", "promote"]
        assert len(it.roots("C-crit")) == 1
        assert "24 h target missed" in it.roots("C-crit")[0]
        it.look(reading())
        it.world.work()
        assert it.roots("C-crit")[0].startswith("✅ RESOLVED")
        assert it.replies("C-crit")[-1].startswith("✅ Resolved after")
        it.world.assert_exactly_once()


def test_after_six_hours_without_slack_there_is_one_reminder_and_not_eight(tmp_path: Path) -> None:
    """What waits is collapsed: people get the last one."""
    with watching(tmp_path) as it:
        it.look(reading(DELETED))
        it.world.work()
        it.wait(16 * MINUTE)
        assert len(it.replies("C-crit")) == 1
        for _ in range(24):  # nobody delivers
            it.world.clock.advance(900)
            it.ticker.tick()
        it.world.work()

        assert it.facts.count("remind") == 8
        assert len(it.replies("C-crit")) == 2
        assert "for 6 h" in it.replies("C-crit")[1]
        assert (len(it.roots("C-other")), len(it.replies("C-other"))) == (1, 1)
        states = [d.state for d in it.world.deliveries]
        assert set(states) == {DeliveryState.SENT, DeliveryState.SUPERSEDED}


def test_reminders_of_an_incident_whose_first_message_waits_are_not_sent_after_it(tmp_path: Path) -> None:
    """Slack was down when it opened: its root message says it all."""
    with watching(tmp_path) as it:
        it.look(reading(DELETED))
        for _ in range(8):
            it.world.clock.advance(900)
            it.ticker.tick()
        it.world.work()
        assert (len(it.roots("C-crit")), it.replies("C-crit")) == (1, [])
        assert (len(it.roots("C-other")), it.replies("C-other")) == (1, [])


def test_what_opens_under_a_silence_is_posted_when_it_ends_and_the_store_knows_how_long_it_was_hidden(
    tmp_path: Path,
) -> None:
    """Over a restart; created and expired are in the audit trail."""
    with watching(tmp_path) as it:
        done = it.desk.silence(Matcher(stacks=("acme-*",)), "anna", "moving", timedelta(hours=4))
        assert done.silence is not None
        it.look(reading(DRIFT))
        it.world.work()
        it.wait(3 * HOUR, 600)
        it.restart()
        assert it.roots("C-ops") == []
        (row,) = it.hidden()
        assert (row.silence, row.opened_under, row.ended_at) == (done.silence.id, True, None)
        it.wait(HOUR + 1, 600)

        assert len(it.roots("C-ops")) == 1
        (row,) = it.hidden()
        assert (row.outcome, row.never_shown) == ("shown", False)
        assert it.audit() == [("anna", "silence.create"), ("barograph", "silence.expired")]
        assert it.wait(HOUR, 600) == 0
        assert it.audit()[2:] == []
        it.world.assert_exactly_once()


def test_what_came_and_went_unseen_is_recorded_as_hidden(tmp_path: Path) -> None:
    """So that a report can say what nobody was told."""
    with watching(tmp_path) as it:
        it.desk.silence(Matcher(resources=("*",)), "anna", "moving", timedelta(hours=4))
        it.look(reading(DRIFT))
        it.wait(HOUR, 600)
        it.look(reading())
        it.wait(9 * HOUR, 600)

        (row,) = it.hidden()
        assert (row.outcome, row.never_shown, row.tier) == ("resolved", True, "warning")
        assert "by anna: moving" in row.note
        assert it.world.slack.accepted() == []


def test_a_silence_that_is_removed_shows_what_it_hid_at_once(tmp_path: Path) -> None:
    """By its own id, or by an incident; both are in the audit trail, and a second time is told."""
    with watching(tmp_path) as it:
        it.look(reading(DELETED))
        it.world.work()
        (incident,) = it.world.store.incidents()
        it.desk.silence_incident(incident.fingerprint, "anna", "at it")
        it.wait(30 * MINUTE)
        assert it.facts == ["open", "silence"]
        assert it.desk.unsilence(incident.fingerprint, "ben").changed
        it.world.work()
        assert it.facts == ["open", "silence", "unsilence"]
        assert it.replies("C-crit")[-1].startswith("🔔 No longer silenced")
        assert it.desk.unsilence(incident.fingerprint, "ben").text == "it is not silenced"
        wide = it.desk.silence(Matcher(stacks=("acme-*",)), "anna", "x", timedelta(hours=1)).silence
        assert wide is not None
        it.wait(MINUTE)
        assert it.desk.unsilence(wide.id, "ben").changed
        assert not it.desk.unsilence(wide.id, "ben").known
        it.wait(MINUTE)
        assert it.facts == ["open", "silence", "unsilence", "silence", "unsilence"]
        assert it.audit() == [
            ("anna", "silence.create"), ("ben", "silence.remove"),
            ("anna", "silence.create"), ("ben", "silence.remove"),
        ]  # fmt: skip


def test_a_window_of_the_configuration_opens_and_closes_by_itself(tmp_path: Path) -> None:
    """It hides what is open, cannot be ended by hand, and shows what is still there."""
    zone = ZoneInfo("Europe/Berlin")
    window = Window("noon", Matcher(stacks=("acme-*",)), frozenset({0}), time(11), time(13), zone, "lunch", "ben")
    policy = replace(LOUD, silences=Silences(windows=(window,)))  # 10:00 to 12:00 UTC; it is Monday, 09:00
    with watching(tmp_path, policy) as it:
        it.look(reading(DRIFT))
        it.world.work()
        it.wait(HOUR + 2)
        (incident,) = it.world.store.incidents()
        assert incident.silenced_until == datetime(2026, 3, 2, 12, tzinfo=UTC)
        refused = it.desk.unsilence(incident.fingerprint, "anna")
        assert refused.refused
        assert "of the configuration" in refused.text
        it.wait(2 * HOUR)
        assert it.facts == ["open", "silence", "unsilence"]
        assert [(row.silence, row.outcome) for row in it.hidden()] == [("window:noon", "shown")]


def test_a_configuration_with_other_targets_holds_from_the_next_start(tmp_path: Path) -> None:
    """What is open already is due at the new time."""
    with watching(tmp_path) as it:
        it.look(reading(DRIFT))
        it.restart(replace(LOUD, targets=replace(LOUD.targets, warning_within=timedelta(hours=2))))
        it.ticker.tick()
        (incident,) = it.world.store.incidents()
        assert incident.deadline_at is not None
        assert abs(incident.deadline_at - (NOW + timedelta(hours=2))) < timedelta(seconds=1)
        assert it.facts == ["open"]


def test_one_incident_that_fails_keeps_no_other_from_its_reminder(tmp_path: Path) -> None:
    """What went wrong is raised once the rest is done, and it is tried again with the next tick."""
    failures = [StoreError("the disk is full")]

    def fail(name: str) -> None:
        if name == "before_tick" and failures:
            raise failures.pop()

    with watching(tmp_path) as it:
        other = "acme-prod/other"
        it.record(look(reading(resource=other), place=other))
        it.record(look(reading(DELETED, resource=other), place=other))
        it.look(reading(DELETED))
        it.world.clock.advance(16 * MINUTE)
        ticker = Ticker(it.world.store, it.policy, it.world.clock, failpoint=fail)

        with pytest.raises(StoreError, match="full"):
            ticker.tick()
        assert sorted(i.escalated_level for i in it.world.store.incidents()) == [0, 1]
        assert ticker.tick() == 1
        assert [i.escalated_level for i in it.world.store.incidents()] == [1, 1]
        assert ticker.tick() == 0


def test_an_upgrade_makes_nothing_late(tmp_path: Path) -> None:
    """What was open for years before there were deadlines has its whole time from then on."""
    path, now = tmp_path / "old.db", datetime.now(UTC)
    with sqlite3.connect(path) as db:
        old, all_steps = Database(db), steps()
        name = next(step.name for step in all_steps.pending(old) if step.name.endswith("_deadlines"))
        all_steps.apply(old, stop_before=name)
        columns = [column.name for column in old.table("incident").columns]
        text = dict.fromkeys(columns, "")
        row = text | {
            "fingerprint": "v1:old", "kind": "drift", "tier": "warning", "state": "open", "channel": "C-ops",
            "thread": "v1:old#1", "addresses": "[]", "copies": "[]", "sinks": "[]",
            "labels": "{}", "evidence": "{}", "occurrence": 1, "seq": 1,
            "baseline": 0, "announced": 1, "resolved_at": None,
            **dict.fromkeys(("first_seen", "opened_at", "last_seen", "changed_at"), "2020-01-01T00:00:00.000000Z"),
        }  # fmt: skip
        old.table("incident").insert(row)
    db.close()
    with Store.open(path, lambda: now) as store:
        (incident,) = store.incidents()
        assert incident.clock_from is not None
        assert abs(incident.clock_from - now) < timedelta(minutes=5)
        assert Ticker(store, LOUD, lambda: now).tick() == 1  # its time is noted, nothing is sent
        (incident,) = store.incidents()
        assert incident.clock_from is not None
        assert incident.deadline_at == incident.clock_from + timedelta(hours=24)
        assert store.transitions("v1:old") == []
        assert store.deliveries() == []


def test_old_silences_and_what_they_hid_are_pruned_and_what_holds_is_not(tmp_path: Path) -> None:
    """With the retention of everything else."""
    with watching(tmp_path) as it:
        it.desk.silence(Matcher(resources=("*",)), "anna", "moving", timedelta(hours=4))
        it.look(reading(DRIFT))
        it.wait(5 * HOUR, 600)
        it.desk.silence(Matcher(resources=("*",)), "anna", "again", timedelta(days=30))
        it.wait(20 * 24 * HOUR, 24 * HOUR)
        pruned = it.world.store.prune(it.world.clock(), timedelta(days=10))

        assert (pruned.silences, pruned.hidden) == (1, 1)
        assert len(it.hidden()) == 1
        with it.world.store.read() as view:
            assert [one.reason for one in view.silences()] == ["again"]


def test_a_reminder_that_slack_refuses_in_its_form_is_still_a_broadcast(tmp_path: Path) -> None:
    """A smaller form of a message keeps what it is."""
    with watching(tmp_path) as it:
        it.look(reading(DELETED))
        it.world.work()
        it.world.slack.script(Fault(FaultKind.ERROR, error="invalid_blocks", channel="C-crit"))
        it.wait(15 * MINUTE + 1)
        assert len(it.replies("C-crit", broadcast=True)) == 1


def test_deadlines_move_with_the_clock_to_the_second(tmp_path: Path) -> None:
    """Ticking each second, the first reminder is stored in the second in which it is due."""
    with watching(tmp_path) as it:
        it.look(reading(DELETED))
        (incident,) = it.world.store.incidents()
        assert incident.deadline_at is not None
        it.world.clock.advance(15 * MINUTE - 3)
        while it.ticker.tick() == 0:
            it.world.clock.advance(1)
        late = it.world.store.transitions(incident.fingerprint)[-1].at - incident.deadline_at
        assert timedelta() <= late < timedelta(seconds=1.1)
        assert [d.kind for d in it.world.deliveries][-2:] == [DeliveryKind.REPLY, DeliveryKind.POST]
