"""What the daemon says of itself, and of the repository it watches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.base import DeliveryKind, Draft, IncidentState
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Finding, Instance, Kind, Outcome, Reading, Tier
from daemon.inventory.lifecycle import Memory
from daemon.inventory.model import Backend, Inventory, InventoryError, LeftOut, Problem, Watched
from daemon.processes import ProcessesClosedError
from daemon.record import Recorder, Run
from daemon.repository.tree import Tree
from daemon.store import Store, StoreError, StoreOutbox
from daemon.upkeep import Upkeep
from daemon.watch import InventoryWatch, reading_of

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
LABELS = {"stage": "production", "stack": "acme-prod"}
HOUR = timedelta(hours=1)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(tmp_path / "b.sqlite3", clock) as store:
        yield store


@dataclass
class Bench:
    store: Store
    clock: Clock
    expected: dict[tuple[str, str], timedelta]
    recorder: Recorder
    upkeep: Upkeep

    def look(self, place: str, outcome: Outcome = Outcome.HEALTHY, verdict: str = "in_sync") -> None:
        findings: tuple[Finding, ...] = ()
        if verdict == "drift":
            findings = (Finding(Kind.DRIFT, "drift", f"{place} differs"),)
        reading = Reading(place, outcome, verdict, verdict, findings)
        self.expected[("drift", place)] = HOUR
        now = self.clock.now
        self.recorder.record(Run("drift", place, LABELS, now, now, (reading,)), now + HOUR)

    def open(self) -> set[str]:
        return {incident.key for incident in self.store.incidents([IncidentState.OPEN])}


@pytest.fixture
def bench(store: Store, clock: Clock) -> Bench:
    recorder = Recorder(store, Policy(Routes("C1"), baseline_wait=HOUR))
    expected: dict[tuple[str, str], timedelta] = {}
    upkeep = Upkeep(store, recorder, clock, lambda: expected, timedelta(days=400))
    return Bench(store, clock, expected, recorder, upkeep)


def test_a_place_without_a_good_look_for_three_periods_is_told_of(bench: Bench) -> None:
    """Busy for hours raises nothing by itself, so its silence must; one good look ends it."""
    bench.look("acme-prod/db")
    bench.upkeep.look_at_self()
    assert bench.open() == set()
    for _ in range(4):
        bench.clock.now += HOUR
        bench.look("acme-prod/db", Outcome.UNKNOWN, "busy")
    bench.upkeep.look_at_self()
    assert bench.open() == {"stale"}
    bench.look("acme-prod/db")
    bench.upkeep.look_at_self()
    assert bench.open() == set()


def test_a_job_that_nobody_started_is_told_of(bench: Bench) -> None:
    """The daemon lives, but a place fell out of its schedule: overdue is a finding, not silence."""
    bench.look("acme-prod/db")
    bench.clock.now += timedelta(hours=2, minutes=30)
    bench.upkeep.look_at_self()
    assert bench.open() == {"stale"}


def test_a_restart_that_knows_no_places_yet_ends_no_incident(bench: Bench) -> None:
    """While the inventory loads, nothing is late because nothing is known."""
    bench.look("acme-prod/db")
    bench.clock.now += timedelta(days=1)
    bench.upkeep.look_at_self()
    bench.expected.clear()
    bench.clock.now += timedelta(minutes=1)
    bench.upkeep.look_at_self()
    assert bench.open() == {"stale"}


def test_a_place_whose_first_turn_never_comes_is_told_of(bench: Bench) -> None:
    """A pool that hangs starts nothing: after three periods in line, somebody hears of it."""
    bench.expected[("drift", "acme-prod/db")] = HOUR
    bench.upkeep.look_at_self()
    assert bench.open() == set()
    bench.clock.now += timedelta(hours=3, minutes=1)
    bench.upkeep.look_at_self()
    assert bench.open() == {"stale"}


def test_what_could_not_be_recorded_of_itself_is_recorded_next_time(bench: Bench, tmp_path: Path) -> None:
    """A full disk at the wrong moment must not hide a finding for an hour."""
    bench.look("acme-prod/db")
    bench.clock.now += timedelta(days=1)
    with sqlite3.connect(tmp_path / "b.sqlite3") as other:
        other.execute("create trigger refuse before insert on run begin select raise(abort, 'the disk is full'); end")
    with pytest.raises(StoreError):
        bench.upkeep.look_at_self()
    with sqlite3.connect(tmp_path / "b.sqlite3") as other:
        other.execute("drop trigger refuse")
    bench.upkeep.look_at_self()
    assert bench.open() == {"stale"}


def test_a_place_no_longer_watched_is_not_missed(bench: Bench) -> None:
    """What the inventory does not list need not be looked at."""
    bench.look("acme-prod/db")
    bench.expected.clear()
    bench.clock.now += timedelta(days=3)
    bench.upkeep.look_at_self()
    assert bench.open() == set()


def test_a_message_slack_refuses_in_every_form_is_told_of(bench: Bench) -> None:
    """A dead message raises `monitoring`, so that it is at least heard that something was not heard."""
    outbox = StoreOutbox(bench.store)
    with bench.store.transaction() as tx:
        tx.enqueue(Draft("k1", "s1", DeliveryKind.POST, "C1", Tier.WARNING, {"text": "x"}))
    [message] = outbox.ready(bench.clock.now)
    assert outbox.mark_sending(message.id, bench.clock.now) is not None
    outbox.mark_dead(message.id, "payload", "invalid_blocks")
    bench.upkeep.look_at_self()
    assert bench.open() == {"undeliverable"}


def test_nothing_new_is_not_written_down_every_minute(bench: Bench) -> None:
    """A quiet day makes a run an hour, not one a minute."""
    for _ in range(120):
        bench.upkeep.look_at_self()
        bench.clock.now += timedelta(minutes=1)
    assert len(bench.store.runs("barograph", "self", 500)) == 2


def test_a_baseline_is_summed_up_once_every_place_was_looked_at(bench: Bench) -> None:
    """Two places, both with old drift: one message after the second first look, none before, none again."""
    bench.expected[("drift", "acme-prod/net")] = HOUR
    bench.look("acme-prod/db", Outcome.UNHEALTHY, "drift")
    bench.upkeep.baselines()
    assert bench.store.deliveries() == []
    bench.look("acme-prod/net", Outcome.UNHEALTHY, "drift")
    for _ in range(3):
        bench.upkeep.baselines()
    root, listed = [delivery for delivery in bench.store.deliveries() if delivery.kind is DeliveryKind.POST]
    assert listed.subject == f"{root.subject}/1"
    assert "2 findings" in str(root.body)


def test_a_slow_place_does_not_hold_the_baseline_for_ever(bench: Bench) -> None:
    """After the configured wait the summary is posted, and says how many places are missing."""
    bench.expected[("drift", "acme-prod/net")] = HOUR
    bench.look("acme-prod/db", Outcome.UNHEALTHY, "drift")
    bench.clock.now += timedelta(minutes=61)
    bench.upkeep.baselines()
    assert "1 place could not be looked at yet" in str(bench.store.deliveries()[0].body)


WATCHED = Watched(Instance("acme-prod", "db", "db"), Backend("s3"))


class Loads:
    """A source that gives what the test says."""

    tree = Tree(Path("/nowhere"), fingerprint="f1")
    memory = Memory()

    def __init__(self, *steps: Inventory | Exception) -> None:
        self.steps = list(steps)

    def remember(self, text: str, known: Iterable[str]) -> None:
        """Nothing of it is needed here."""

    def load(self) -> Inventory:
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def test_an_inventory_that_never_loaded_is_heard_of_and_its_end_too(bench: Bench) -> None:
    """Not loaded: monitoring, and nobody is told to watch anything; loaded: resolved."""
    told: list[Inventory] = []
    loads = Loads(InventoryError("stacks/a.yaml:3: broken"), Inventory((WATCHED,)))
    watch = InventoryWatch(loads, bench.recorder, bench.clock, HOUR, lambda inventory, _: told.append(inventory))
    assert watch.refresh() is None
    assert told == []
    [incident] = bench.store.incidents()
    assert "stacks/a.yaml:3: broken" in incident.summary
    assert watch.refresh() is watch.current is told[0]
    assert bench.open() == set()


def test_a_stale_inventory_is_no_good_look(bench: Bench) -> None:
    """The last good list is used, but the run counts as failed and the reason is told."""
    stale = Inventory((WATCHED,), problems=(Problem("stale", "does not load"),), stale_because="broken")
    watch = InventoryWatch(Loads(Inventory((WATCHED,)), stale), bench.recorder, bench.clock, HOUR, lambda *_: None)
    watch.refresh()
    watch.refresh()
    assert bench.open() == {"stale"}
    with bench.store.read() as reader:
        job = reader.job("inventory", "repository")
    assert job is not None
    assert job.outcome == "failed"


def test_a_parser_that_trips_is_heard_of(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a repository makes it raise: at first nothing is watched, later the last good inventory is used."""
    told: list[Inventory] = []
    loads = Loads(RecursionError(), Inventory((WATCHED,)), RecursionError())
    watch = InventoryWatch(loads, bench.recorder, bench.clock, HOUR, lambda inventory, _: told.append(inventory))
    assert watch.refresh() is None
    assert bench.open() == {"could_not_look"}
    watch.refresh()
    watch.refresh()
    assert [bool(inventory.stale_because) for inventory in told] == [False, True]
    assert told[-1].watched == (WATCHED,)
    assert bench.open() == {"stale"}
    assert "RecursionError" in caplog.text


def test_a_load_that_is_cut_off_says_nothing(bench: Bench) -> None:
    """When the daemon stops, Atmos is killed: that is no fault of the repository, and nobody is told to watch less."""
    told: list[Inventory] = []
    loads = Loads(InventoryError("atmos was ended by signal 9"), ProcessesClosedError("stopping"), Inventory(()))
    watch = InventoryWatch(loads, bench.recorder, bench.clock, HOUR, lambda inventory, _: told.append(inventory))
    watch.stop()
    for _ in range(3):
        watch.refresh()
    assert bench.store.incidents() == []
    assert told == []


def test_an_empty_inventory_is_a_finding() -> None:
    """Nothing to watch is not health."""
    reading = reading_of(Inventory(()), None)
    assert reading.outcome is Outcome.UNHEALTHY
    assert [finding.key for finding in reading.findings] == ["empty"]


def test_what_is_left_out_and_what_is_wrong_stays_visible() -> None:
    """Problems become monitoring findings with their places; left-out instances are in the evidence."""
    inventory = Inventory(
        (WATCHED,),
        left_out=(LeftOut("acme-prod", "old", "component folder is missing"),),
        problems=(Problem("stage_unknown", "no stage is known", tuple(f"acme-{n}" for n in range(9))),),
        commit="0123456789abcdef",
        dirty=True,
    )
    reading = reading_of(inventory, None)
    assert reading.outcome is Outcome.UNHEALTHY
    assert "0123456789ab" in reading.summary
    assert "uncommitted" in reading.summary
    [finding] = reading.findings
    assert finding.kind is Kind.MONITORING
    assert "acme-0" in finding.summary
    assert reading.evidence["left_out"] == ["acme-prod/old: component folder is missing"]
