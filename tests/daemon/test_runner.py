"""Runs, from a check's answer to the store: real store, real recorder; only the checks and the clock are the test's."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.base import IncidentState
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Check, Fact, Finding, Kind, LookFailed, Outcome, Reading
from checks.runs.told import CHECK as EXECUTION
from daemon.accounts.watch import CHECK as ACCOUNTS
from daemon.record import Recorder, Run, StoredMemory
from daemon.runner import OWN_CHECKS, CheckPlan, Runner
from daemon.standing import standings
from daemon.store import Store, StoreError
from daemon.upkeep import CHECK as SELF
from daemon.watch import CHECK as INVENTORY

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Spot:
    """A place with nothing to it."""

    key: str
    labels: Mapping[str, str] = field(default_factory=lambda: {"stage": "production", "stack": "acme-prod"})

    def now(self) -> datetime:
        return START


@dataclass(frozen=True)
class Scripted(Check):
    """Does what the test says."""

    act: Callable[[], Iterable[Reading]] = tuple

    def run(self, place: Any) -> Iterable[Reading]:
        return self.act()


class Crank:
    """A clockwork turned by hand: jobs wait until the test starts them."""

    def __init__(self) -> None:
        self.jobs: dict[str, tuple[datetime, Callable[[], None]]] = {}

    def at(self, job_id: str, when: datetime, function: Callable[[], None], *, pool: str = "default") -> None:
        self.jobs[job_id] = (when, function)

    def cancel(self, job_id: str) -> None:
        self.jobs.pop(job_id, None)

    def waiting(self) -> Mapping[str, datetime]:
        return {name: when for name, (when, _) in self.jobs.items()}

    def start(self, job_id: str) -> None:
        self.jobs.pop(job_id)[1]()


def drift(resource: str, *facts: Fact) -> Reading:
    finding = Finding(Kind.DRIFT, "drift", f"{resource} differs", frozenset(facts))
    return Reading(resource, Outcome.UNHEALTHY, "drift", "differs", (finding,))


def fine(resource: str) -> Reading:
    return Reading(resource, Outcome.HEALTHY, "in_sync", "nothing differs")


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
    recorder: Recorder
    runner: Runner
    crank: Crank
    script: list[Any]

    def look(self, place: str = "acme-prod/db") -> None:
        self.runner.run_and_record("drift", Spot(place))

    def job(self, place: str = "acme-prod/db") -> Any:
        with self.store.read() as reader:
            return reader.job("drift", place)


@pytest.fixture
def bench(store: Store, clock: Clock) -> Bench:
    script: list[Any] = []

    def act() -> Iterable[Reading]:
        step = script.pop(0)
        if isinstance(step, BaseException):
            raise step
        found: Iterable[Reading] = step() if callable(step) else step
        return found

    plan = CheckPlan("drift", Scripted(act), lambda labels: SIX_HOURS, timedelta(seconds=5))
    recorder = Recorder(store, Policy(Routes("C1")))
    return Bench(store, clock, recorder, Runner({"drift": plan}, recorder, clock), Crank(), script)


@pytest.mark.parametrize(
    ("error", "reason", "told"),
    [
        (LookFailed("denied", "s3:GetObject is refused"), "denied", "s3:GetObject"),
        (TimeoutError(), "timeout", "in time"),
        (ValueError("hunter2"), "failed", "ValueError"),
        (SystemExit(0), "failed", "SystemExit"),
    ],
)
def test_a_check_that_raises_could_not_look(bench: Bench, error: BaseException, reason: str, told: str) -> None:
    """Whatever ends a check, the run failed with a reason, `monitoring` is raised, and no good look is claimed."""
    bench.script += [error]
    bench.look()
    job = bench.job()
    assert (job.outcome, job.reason, job.last_ok) == ("failed", reason, None)
    assert told in job.detail
    assert "hunter2" not in job.detail
    [incident] = bench.store.incidents()
    assert (incident.kind, incident.state) == (Kind.MONITORING, IncidentState.OPEN)


@dataclass(frozen=True)
class OpeningSpot(Spot):
    """A place that gives one of its own for each look, in which the check keeps things."""

    kept: dict[str, Any] = field(default_factory=dict)

    def opened(self, deadline: timedelta) -> OpeningSpot:
        return OpeningSpot(self.key)


@dataclass(frozen=True)
class Keeping(Check):
    """Keeps what it is told, and then gives what it is told."""

    act: Callable[[dict[str, Any]], Iterable[Reading]] = lambda kept: ()

    def run(self, place: Any) -> Iterable[Reading]:
        return self.act(place.kept)


def unknown(resource: str) -> Reading:
    return Reading(resource, Outcome.UNKNOWN, "permission", "access is denied")


def test_what_a_check_keeps_is_stored_with_a_look_that_succeeded_only(store: Store, clock: Clock) -> None:
    """A failed look, or one that saw nothing, keeps nothing; None forgets; a place that is gone is forgotten."""
    memory, recorder = StoredMemory(store), Recorder(store, Policy(Routes("C1")))

    def look(act: Callable[[dict[str, Any]], Iterable[Reading]]) -> Any:
        plan = CheckPlan("access", Keeping(act), lambda labels: SIX_HOURS, timedelta(seconds=5))
        Runner({"access": plan}, recorder, clock).run_and_record("access", OpeningSpot("1/eu-west-1"))
        return memory.recall("access", "1/eu-west-1", "until")

    def keeping(value: Any, *readings: Reading, fails: bool = False) -> Callable[[dict[str, Any]], Iterable[Reading]]:
        def act(kept: dict[str, Any]) -> Iterable[Reading]:
            kept["until"] = value
            yield from readings
            if fails:
                raise LookFailed("denied", "cloudtrail:LookupEvents is refused")

        return act

    assert look(keeping({"at": 1}, fine("a"))) == {"at": 1}
    assert look(keeping({"at": 2}, fine("a"), fails=True)) == {"at": 1}
    assert look(keeping({"at": 3}, unknown("a"))) == {"at": 1}
    assert look(keeping({"at": 4})) == {"at": 1}
    assert look(keeping({"at": 5}, fine("a"), unknown("b"))) == {"at": 5}
    assert memory.recall("access", "2/eu-west-1", "until") is None
    assert look(keeping(None, fine("a"))) is None
    look(keeping({"at": 6}, fine("a")))
    recorder.retire("access", "1/eu-west-1", "gone", clock.now)
    assert memory.recall("access", "1/eu-west-1", "until") is None


def test_a_value_that_could_not_be_renewed_stays_as_old_as_it_is(bench: Bench) -> None:
    """UNKNOWN moves neither the value nor the time it is of, and the value is nowhere shown as today's."""
    seen = replace(fine("a"), values={"drift": 3.0})
    bench.script += [[seen], [unknown("a")]]
    bench.look()
    first = bench.clock.now
    bench.clock.now += SIX_HOURS
    bench.look()
    with bench.store.read() as reader:
        [row] = reader.readings()
    assert (row.outcome, row.values, row.good_at) == (Outcome.UNKNOWN, {"drift": 3.0}, first)


def test_no_reading_is_not_health(bench: Bench) -> None:
    """A check that yields nothing has not looked."""
    bench.script += [()]
    bench.look()
    assert bench.job().outcome == "failed"
    assert bench.job().last_ok is None


def test_an_unknown_reading_moves_no_last_good_look_and_resolves_nothing(bench: Bench) -> None:
    """Drift found, then an error: the drift stays open, the last good look stays where it was."""
    bench.script += [[fine("acme-prod/db")], [drift("acme-prod/db")]]
    bench.look()
    bench.clock.now += timedelta(hours=6)
    bench.look()
    found_at = bench.clock.now
    bench.clock.now += timedelta(hours=6)
    bench.script += [[Reading("acme-prod/db", Outcome.UNKNOWN, "error", "Terraform was killed")]]
    bench.look()
    assert bench.job().last_ok == found_at
    assert bench.job().outcome == "failed"
    [incident] = bench.store.incidents([IncidentState.OPEN])
    assert incident.kind is Kind.DRIFT
    assert "killed" in incident.not_seen_because
    [reading] = bench.store.readings("drift")
    assert (reading.verdict, reading.good_verdict, reading.good_at) == ("error", "drift", found_at)


def test_a_failed_run_keeps_the_readings_and_marks_them_stale(bench: Bench) -> None:
    """What was known stays known, with its age and the reason why it is old."""
    bench.script += [[fine("acme-prod/db")], LookFailed("throttled", "slow down")]
    bench.look()
    bench.clock.now += timedelta(hours=6)
    bench.look()
    [reading] = bench.store.readings("drift")
    assert reading.verdict == "in_sync"
    assert reading.stale
    assert "slow down" in reading.stale_reason


def test_the_first_look_is_a_baseline_and_the_next_is_not(bench: Bench) -> None:
    """Old drift is summed up; new drift is posted."""
    bench.script += [[drift("acme-prod/db")], [drift("acme-prod/db"), drift("acme-prod/db2")]]
    bench.look()
    [old] = bench.store.incidents()
    assert old.baseline
    assert bench.store.deliveries() == []
    bench.recorder.announce_baseline(0, bench.clock.now + timedelta(minutes=1))
    summary = [d for d in bench.store.deliveries() if d.kind == "post"]
    assert [d.subject.startswith("baseline:") for d in summary] == [True, True]
    bench.clock.now += timedelta(hours=6)
    bench.look()
    posts = [d for d in bench.store.deliveries() if d.kind == "post"]
    assert len(posts) == 3
    assert "db2" in str(posts[-1].body)


def test_a_look_that_failed_first_does_not_use_up_the_baseline(bench: Bench) -> None:
    """Denied, then allowed: what the first successful look finds is still the baseline."""
    bench.script += [LookFailed("denied", "no"), [drift("acme-prod/db")]]
    bench.look()
    bench.clock.now += timedelta(hours=6)
    bench.look()
    [found] = [i for i in bench.store.incidents() if i.kind is Kind.DRIFT]
    assert found.baseline
    [blind] = [i for i in bench.store.incidents() if i.kind is Kind.MONITORING]
    assert blind.state is IncidentState.RESOLVED


def test_a_check_that_hangs_is_given_up_at_its_deadline(store: Store, clock: Clock) -> None:
    """The run ends as a timeout, and while the old attempt hangs no second one is started."""
    release, started = threading.Event(), []

    def hang() -> Iterable[Reading]:
        started.append(1)
        release.wait(60)
        return [fine("acme-prod/db")]

    plan = CheckPlan("drift", Scripted(hang), lambda labels: SIX_HOURS, timedelta(milliseconds=100))
    runner = Runner({"drift": plan}, Recorder(store, Policy(Routes("C1"))), clock)
    for _ in range(2):
        runner.run_and_record("drift", Spot("acme-prod/db"))
    with store.read() as reader:
        job = reader.job("drift", "acme-prod/db")
    assert job is not None
    assert (job.outcome, job.reason) == ("failed", "timeout")
    assert started == [1]
    release.set()


def test_busy_is_looked_at_again_soon_and_raises_nothing(bench: Bench) -> None:
    """A locked state is no finding; the next look comes after the pause the check asks for."""
    bench.script += [
        [Reading("acme-prod/db", Outcome.UNKNOWN, "busy", "locked", look_again_in=timedelta(minutes=5))],
    ]
    bench.look()
    assert bench.job().next_due == START + timedelta(minutes=5)
    assert bench.store.incidents() == []


def test_after_a_run_the_next_is_an_interval_away(bench: Bench) -> None:
    """The first interval is cut short to spread the fleet; the ones after are whole."""
    bench.script += [[fine("acme-prod/db")], [fine("acme-prod/db")]]
    bench.look()
    assert START < bench.job().next_due <= START + timedelta(hours=6)
    bench.clock.now += timedelta(hours=6)
    bench.look()
    assert bench.job().next_due == START + timedelta(hours=12)


def test_sync_starts_each_place_once_and_leaves_what_waits(bench: Bench) -> None:
    """A sync after every load of the inventory moves nothing that is already in line."""
    places = {"drift": {"acme-prod/db": Spot("acme-prod/db"), "acme-prod/net": Spot("acme-prod/net")}}
    bench.runner.sync(places, bench.crank, complete=True)
    before = bench.crank.waiting()
    assert set(before) == {"drift|acme-prod/db", "drift|acme-prod/net"}
    bench.clock.now += timedelta(seconds=30)
    bench.runner.sync(places, bench.crank, complete=True)
    assert bench.crank.waiting() == before


def test_a_restart_takes_the_due_time_from_the_store(bench: Bench) -> None:
    """A place looked at an hour ago waits its five hours in a new process; one overdue starts within a minute."""
    bench.script += [[fine("acme-prod/db")], [fine("acme-prod/db")]]
    bench.look()
    bench.clock.now += timedelta(hours=6)
    bench.look()
    bench.clock.now += timedelta(hours=1)
    runner = Runner({"drift": bench.runner._plans["drift"]}, bench.recorder, bench.clock)
    places = {"drift": {"acme-prod/db": Spot("acme-prod/db")}}
    runner.sync(places, bench.crank, complete=True)
    assert bench.crank.waiting()["drift|acme-prod/db"] == START + timedelta(hours=12)
    later = Crank()
    bench.clock.now += timedelta(days=3)
    runner.sync(places, later, complete=True)
    start = later.waiting()["drift|acme-prod/db"]
    assert bench.clock.now <= start <= bench.clock.now + timedelta(minutes=1)


def test_a_scheduled_run_records_and_puts_itself_in_line_again(bench: Bench) -> None:
    """Also when recording fails: the place must not fall out of the schedule."""
    places = {"drift": {"acme-prod/db": Spot("acme-prod/db")}}
    bench.runner.sync(places, bench.crank, complete=True)
    bench.script += [[fine("acme-prod/db")]]
    bench.crank.start("drift|acme-prod/db")
    assert bench.crank.waiting()["drift|acme-prod/db"] == bench.job().next_due
    bench.script += [[fine("acme-prod/db")]]
    bench.store.close()
    with pytest.raises(Exception, match="closed"):
        bench.crank.start("drift|acme-prod/db")
    assert "drift|acme-prod/db" in bench.crank.waiting()


def test_a_wish_for_a_look_while_one_runs_is_kept(bench: Bench) -> None:
    """The look that runs may have begun before the change; another follows it at once."""
    places = {"drift": {"acme-prod/db": Spot("acme-prod/db")}}
    bench.runner.sync(places, bench.crank, complete=True)

    def during() -> Iterable[Reading]:
        assert bench.runner.look_now("drift", "acme-prod/db", bench.crank)
        return [fine("acme-prod/db")]

    bench.script += [during]
    bench.crank.start("drift|acme-prod/db")
    assert bench.crank.waiting()["drift|acme-prod/db"] == bench.clock.now
    assert not bench.runner.look_now("drift", "nowhere", bench.crank)


def test_a_place_that_vanishes_twice_is_retired_not_resolved(bench: Bench) -> None:
    """One short list takes nothing away; a second one retires the place; a stale list counts for nothing."""
    bench.script += [[fine("acme-prod/db")], [drift("acme-prod/db")]]
    bench.look()
    bench.look()
    bench.runner.sync({"drift": {}}, bench.crank, complete=False)
    bench.runner.sync({"drift": {}}, bench.crank, complete=True)
    [incident] = bench.store.incidents()
    assert incident.state is IncidentState.OPEN
    bench.runner.sync({"drift": {}}, bench.crank, complete=True)
    [incident] = bench.store.incidents()
    assert incident.state is IncidentState.RETIRED
    assert bench.job() is None


def test_one_places_failure_spoils_one_place(bench: Bench) -> None:
    """Denied here, fine there: two jobs, two outcomes."""
    bench.script += [LookFailed("denied", "no"), [fine("acme-prod/net")]]
    bench.look("acme-prod/db")
    bench.look("acme-prod/net")
    assert bench.job("acme-prod/db").outcome == "failed"
    assert bench.job("acme-prod/net").outcome == "ok"


def restarted(bench: Bench, interval: timedelta = SIX_HOURS) -> datetime:
    """When a new process would start the one place."""
    plan = CheckPlan("drift", bench.runner._plans["drift"].check, lambda labels: interval, timedelta(seconds=5))
    places = {"drift": {"acme-prod/db": Spot("acme-prod/db")}}
    crank = Crank()
    Runner({"drift": plan}, bench.recorder, bench.clock).sync(places, crank, complete=True)
    return crank.waiting()["drift|acme-prod/db"]


def test_a_clock_set_back_by_a_year_is_no_year_of_silence(bench: Bench) -> None:
    """What was planned by the wrong clock starts within a minute, in a new process and in the one that runs."""
    bench.script += [[fine("acme-prod/db")], [fine("acme-prod/db")]]
    bench.look()
    places = {"drift": {"acme-prod/db": Spot("acme-prod/db")}}
    bench.runner.sync(places, bench.crank, complete=True)
    bench.clock.now -= timedelta(days=365)
    soon = bench.clock.now + timedelta(minutes=1)
    assert restarted(bench) <= soon
    bench.runner.sync(places, bench.crank, complete=True)
    assert bench.crank.waiting()["drift|acme-prod/db"] <= soon
    [stand] = standings(bench.store.jobs(), bench.store.readings(), bench.clock.now)
    assert (stand.outcome, stand.word) == (Outcome.UNKNOWN, "stale")


def test_a_clock_set_back_by_an_hour_asks_for_a_new_look(bench: Bench) -> None:
    """A look in the future has no age: it is unknown until there is another, and that comes soon."""
    bench.script += [[fine("acme-prod/db")]]
    bench.look()
    bench.clock.now -= timedelta(hours=1)
    assert restarted(bench) <= bench.clock.now + timedelta(minutes=1)


def test_a_shorter_interval_holds_at_once(bench: Bench) -> None:
    """After a reload with an interval of five minutes nobody waits for the rest of the six hours."""
    bench.script += [[fine("acme-prod/db")], [fine("acme-prod/db")]]
    bench.look()
    bench.look()
    assert restarted(bench) == START + SIX_HOURS
    assert restarted(bench, timedelta(minutes=5)) <= START + timedelta(minutes=1)


def test_a_place_given_up_during_its_look_does_not_come_back(bench: Bench) -> None:
    """What the look found is thrown away with its place: no job, and no incident of what nobody watches."""
    bench.runner.sync({"drift": {"acme-prod/db": Spot("acme-prod/db")}}, bench.crank, complete=True)

    def during() -> Iterable[Reading]:
        for _ in range(2):
            bench.runner.sync({"drift": {}}, bench.crank, complete=True)
        return [drift("acme-prod/db")]

    bench.script += [during]
    bench.crank.start("drift|acme-prod/db")
    assert bench.job() is None
    assert bench.store.incidents() == []
    assert bench.crank.waiting() == {}


def test_a_check_that_is_switched_off_leaves_nothing_overdue(bench: Bench) -> None:
    """Its places are retired at once; the daemon's own records stay."""
    assert {ACCOUNTS, EXECUTION, INVENTORY, SELF} == OWN_CHECKS
    bench.script += [[fine("acme-prod/db")], [drift("acme-prod/db")]]
    bench.look()
    bench.look()
    now = bench.clock.now
    loaded = Reading("repository", Outcome.HEALTHY, "loaded", "1 instance")
    bench.recorder.record(Run(INVENTORY, "repository", {}, now, now, (loaded,)), now)
    Runner({}, bench.recorder, bench.clock).sync({}, bench.crank, complete=True)
    assert bench.job() is None
    [incident] = bench.store.incidents()
    assert incident.state is IncidentState.RETIRED
    assert [job.check for job in bench.store.jobs()] == [INVENTORY]


def test_a_place_that_comes_back_has_no_second_baseline(bench: Bench) -> None:
    """It was looked at before it left the inventory: what changed meanwhile is news, and is posted alone."""
    bench.script += [[fine("acme-prod/db")], [drift("acme-prod/db")]]
    bench.look()
    for _ in range(2):
        bench.runner.sync({"drift": {}}, bench.crank, complete=True)
    bench.look()
    [incident] = bench.store.incidents()
    assert (incident.baseline, incident.channel) == (False, "C1")


def test_what_a_part_of_a_look_did_not_see_is_not_gone(bench: Bench) -> None:
    """A list that was refused names nothing: the drift behind it stays open, and its reading stays, marked stale."""
    refused = Reading("acme-prod", Outcome.UNKNOWN, "denied", "may not list")
    bench.script += [[fine("db")], [drift("db"), fine("net")], [refused, fine("net")]]
    for _ in range(3):
        bench.look()
    [incident] = bench.store.incidents()
    assert incident.state is IncidentState.OPEN
    assert "a part" in incident.not_seen_because
    stale = {reading.resource: reading.stale for reading in bench.store.readings("drift")}
    assert stale == {"db": True, "net": False, "acme-prod": False}


def test_nothing_to_look_at_beside_a_failure_is_no_good_look(bench: Bench) -> None:
    """Disabled here, refused there: nothing was read, so "could not look" stays open and the baseline is unused."""
    disabled = Reading("net", Outcome.NOT_APPLICABLE, "not_applicable", "disabled")
    bench.script += [LookFailed("denied", "no"), [disabled, Reading("db", Outcome.UNKNOWN, "error", "failed")]]
    bench.look()
    bench.look()
    assert (bench.job().outcome, bench.job().first_ok) == ("failed", None)
    assert [i.state for i in bench.store.incidents() if i.kind is Kind.MONITORING] == [IncidentState.OPEN]


def test_a_look_that_could_not_be_stored_is_told_until_one_is(bench: Bench, tmp_path: Path) -> None:
    """The store still says in sync; the recorder knows better, and forgets when a look is stored again."""
    bench.script += [[fine("acme-prod/db")]] * 3
    bench.look()
    with sqlite3.connect(tmp_path / "b.sqlite3") as other:
        other.execute("create trigger refuse before insert on run begin select raise(abort, 'the disk is full'); end")
    with pytest.raises(StoreError):
        bench.look()
    assert "the disk is full" in bench.recorder.unrecorded[("drift", "acme-prod/db")]
    with sqlite3.connect(tmp_path / "b.sqlite3") as other:
        other.execute("drop trigger refuse")
    bench.look()
    assert bench.recorder.unrecorded == {}


def test_a_place_that_is_listed_and_cannot_be_looked_at_is_not_given_up(bench: Bench) -> None:
    """Left out for a problem is not the same as gone: its drift stays open, however often it is left out."""
    bench.script += [[fine("acme-prod/db")], [drift("acme-prod/db")]]
    bench.look()
    bench.look()
    for _ in range(3):
        bench.runner.sync({"drift": {}}, bench.crank, complete=True, listed=frozenset({"acme-prod/db"}))
    [incident] = bench.store.incidents()
    assert incident.state is IncidentState.OPEN


def test_the_log_says_where_a_check_failed_and_not_what_it_held(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The text of an unforeseen exception may quote a value that nobody knows to be a secret."""
    bench.script += [ValueError("hunter2")]
    bench.look()
    assert "ValueError" in caplog.text
    assert "in act" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_runner_that_is_stopped_waits_for_no_look(store: Store, clock: Clock) -> None:
    """A call that hangs in the network must not hold up the end of the process until its deadline."""
    release, started = threading.Event(), threading.Event()

    def hang() -> Iterable[Reading]:
        started.set()
        release.wait(60)
        return [fine("acme-prod/db")]

    plan = CheckPlan("drift", Scripted(hang), lambda labels: SIX_HOURS, timedelta(minutes=10))
    runner = Runner({"drift": plan}, Recorder(store, Policy(Routes("C1"))), clock)
    crank = Crank()
    runner.sync({"drift": {"acme-prod/db": Spot("acme-prod/db")}}, crank, complete=True)
    thread = threading.Thread(target=crank.start, args=("drift|acme-prod/db",))
    thread.start()
    assert started.wait(10)
    runner.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert store.incidents() == []
    release.set()


def test_half_a_character_spoils_no_record(bench: Bench) -> None:
    """Lone surrogates, which UTF-8 cannot carry, come from names of files: all that is stored can be encoded."""
    odd = "\udcff\ud800"
    finding = Finding(Kind.DRIFT, "drift", odd, addresses=(odd,), evidence={"diff": [{"address": odd}]}, remedy=odd)
    reading = Reading(f"acme-prod/{odd}", Outcome.UNHEALTHY, "drift", odd, (finding,), evidence=finding.evidence)
    bench.script += [[fine("acme-prod/db")], [reading], [reading]]
    for _ in range(3):
        bench.runner.run_and_record("drift", Spot("acme-prod/db", {"stack": odd, "component": odd}))
    for delivery in bench.store.deliveries():
        assert json.dumps(delivery.body, ensure_ascii=False).encode()
    [incident] = bench.store.incidents()
    assert incident.seq == 1, "seen again unchanged"
    assert "".join([incident.summary, *incident.addresses, *incident.labels.values()]).encode()


@dataclass(frozen=True)
class InRegion(Spot):
    """A place whose looks take turns with those of other regions."""

    lane: str = "eu-west-1"


class Queue:
    """A line that the test lets go on."""

    def __init__(self) -> None:
        self.jobs: dict[str, tuple[str, str, Callable[[], None]]] = {}

    def put(self, job_id: str, lane: str, rank: str, work: Callable[[], None]) -> None:
        self.jobs.setdefault(job_id, (lane, rank, work))

    def waiting(self) -> Mapping[str, datetime]:
        return dict.fromkeys(self.jobs, START)

    def go(self) -> None:
        jobs, self.jobs = self.jobs, {}
        for _, _, work in jobs.values():
            work()


def test_looks_in_a_lane_wait_in_line_and_are_due_together(bench: Bench) -> None:
    """Each is put in line once, however often the inventory loads; after the first look all of a lane come together."""
    queue, places = Queue(), {f"{n}/eu-west-1": InRegion(f"{n}/eu-west-1") for n in range(3)}
    places["9/us-east-1"] = InRegion("9/us-east-1", lane="us-east-1")
    runner = Runner({"drift": bench.runner._plans["drift"]}, bench.recorder, bench.clock, queue)
    for _ in range(2):
        runner.sync({"drift": places}, bench.crank, complete=True)
    assert [(name, lane, rank) for name, (lane, rank, _) in queue.jobs.items()] == [
        (f"drift|{key}", place.lane, "drift") for key, place in places.items()
    ]
    assert bench.crank.waiting() == {}
    bench.script += [[fine(key)] for key in places]
    queue.go()
    due = bench.crank.waiting()
    assert len({due[f"drift|{key}"] for key in places if "eu" in key}) == 1
    assert len(set(due.values())) == 2
    assert all(START < when <= START + SIX_HOURS for when in due.values())

    bench.crank.start("drift|0/eu-west-1")
    assert list(queue.jobs) == ["drift|0/eu-west-1"]  # when it is due it stands in line, and holds no thread


def test_a_look_in_a_lane_that_is_wanted_now_gives_up_its_later_start(bench: Bench) -> None:
    """It goes into the line, and its start at the due time is forgotten; asked for while it runs, it runs again."""
    queue, place = Queue(), InRegion("1/eu-west-1")
    runner = Runner({"drift": bench.runner._plans["drift"]}, bench.recorder, bench.clock, queue)
    runner.sync({"drift": {place.key: place}}, bench.crank, complete=True)

    def asked_for_meanwhile() -> list[Reading]:
        assert runner.look_now("drift", place.key, bench.crank)
        return [fine("a")]

    bench.script += [[fine("a")], asked_for_meanwhile, [fine("a")]]
    queue.go()
    assert list(bench.crank.waiting()) == ["drift|1/eu-west-1"]
    assert runner.look_now("drift", place.key, bench.crank)
    assert bench.crank.waiting() == {}
    queue.go()
    assert list(queue.jobs) == ["drift|1/eu-west-1"]
    queue.go()
    assert bench.job("1/eu-west-1").runs == 3
