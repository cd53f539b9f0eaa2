"""What the daemon tells of its own parts comes from those parts."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.base import Tier
from daemon.audit import duties
from daemon.metrics import OwnMetrics
from daemon.metrics.series import View, all_series
from daemon.metrics.workings import of_trail
from daemon.processes import Processes
from daemon.record import Recorder
from daemon.scheduler import Scheduler
from daemon.store import Store, StoreError, backup, mark_of
from daemon.upkeep import STORE_CHECK, Upkeep
from daemon.vitals import count_trouble, watched_by, workings_of
from tests.daemon.metrics.everything import everything
from tests.daemon.metrics.test_exposition import values
from tests.daemon.store.test_audit import tampering
from tests.daemon.web.world import HOUR, NOW, reading, world

WAIT = "barograph_store_wait_duration_seconds"
TOOK = "barograph_store_transaction_duration_seconds"
ERRORS = "barograph_store_errors_total"


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so. Fails after 20 seconds."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def counted(own: OwnMetrics) -> dict[tuple[str, ...], float]:
    """Every counter that is not 0, by name and labels."""
    return {
        (metric.name, *labels): value
        for metric, found in own.counters()
        for labels, value in found.items()
        if value
    }  # fmt: skip


def observed(own: OwnMetrics) -> dict[str, float]:
    """How many observations each histogram has."""
    return {metric.name: rows[()][0][-1][1] for metric, rows in own.histograms() if () in rows}


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    own = OwnMetrics()
    made = Scheduler({"default": 2}, lambda: datetime.now(UTC), on_trouble=lambda *what: count_trouble(own, *what))
    made.own = own  # type: ignore[attr-defined]  # so that a test finds it
    made.start()
    yield made
    made.stop()


def test_tasks_tell_when_they_last_ended_well(scheduler: Scheduler) -> None:
    """One that fails is counted, has no last success and stays due; one that works is due an interval later."""
    started = datetime.now(UTC)

    def fail() -> None:
        raise OSError("no")

    scheduler.every("works", 3600, lambda: None)
    scheduler.every("fails", 3600, fail)
    scheduler.every("waits", 3600, lambda: None, at_once=False)
    failures = ("barograph_task_failures_total", "fails")
    own = scheduler.own  # type: ignore[attr-defined]  # see the fixture
    until(lambda: scheduler.tasks["works"].last_success is not None and failures in counted(own))
    works, fails, waits = (scheduler.tasks[name] for name in ("works", "fails", "waits"))
    assert works.last_success is not None
    assert works.due == works.last_success + HOUR
    assert (fails.last_success, fails.due < datetime.now(UTC)) == (None, True)
    assert (waits.last_success, waits.due >= started + HOUR) == (None, True)
    assert counted(own) == {failures: 1.0}


def test_transactions_are_timed_and_refusals_counted(tmp_path: Path) -> None:
    """Waits for the writer before are told apart; a closed store is no fault of the database, one that is locked is."""
    own = OwnMetrics()
    with Store.open(tmp_path / "b.db", lambda: NOW) as store:
        store.watch(watched_by(own))
        assert workings_of(NOW, store, Scheduler({}, lambda: NOW), (), (), {}, {}).written_at is None
        with store.transaction() as tx:
            tx.set_meta("a", "b")
        assert store.written_at == NOW
        assert observed(own) == {WAIT: 1, TOOK: 1}
        with pytest.raises(ValueError, match="mine"), store.transaction():
            raise ValueError("mine")
        assert counted(own) == {}
        store._db.execute("pragma busy_timeout = 1")
        other = sqlite3.connect(tmp_path / "b.db")
        other.execute("begin immediate")
        with pytest.raises(StoreError), store.transaction():
            pytest.fail("another one writes")
        other.close()
        assert counted(own) == {(ERRORS, "write"): 1.0}
    with pytest.raises(StoreError, match="closed"), store.read():
        pytest.fail("it is closed")
    assert counted(own) == {(ERRORS, "write"): 1.0}


def test_children_tell_their_age() -> None:
    """While they run, and no longer."""
    processes = Processes()
    ended = threading.Event()

    def run() -> None:
        processes.run(("sleep", "60"), cwd="/", env=dict(os.environ), deadline=60)
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: len(processes.ages()) == 1)
    assert 0.0 <= processes.ages()[0] < 60.0
    processes.close()
    assert ended.wait(20)
    thread.join()
    assert processes.ages() == ()


def test_what_is_not_known_has_no_series(tmp_path: Path) -> None:
    """No child, no backup, no report that is due: absent, not 0."""
    with Store.open(tmp_path / "b.db", lambda: NOW) as store:
        scheduler = Scheduler({"default": 1}, lambda: NOW)
        told = workings_of(NOW, store, scheduler, (), (), {}, {"weekly": None})
        assert (told.children, told.oldest_child, told.copied_at, told.written_at) == (0, None, None, None)
        assert told.reports_due == {}
        assert (told.disk_free_bytes or 0) > 0
        told = workings_of(NOW, store, scheduler, (5.0, 90.0), (), {}, {"weekly": NOW})
        assert (told.children, told.oldest_child) == (2, NOW - timedelta(seconds=90))
        assert told.reports_due == {"weekly": NOW}


def test_a_backup_leaves_its_time(tmp_path: Path) -> None:
    """Only one that is whole does; that the mark cannot be written harms no backup."""
    with Store.open(tmp_path / "b.db", lambda: NOW) as store:
        with pytest.raises(StoreError):
            backup(store.path, tmp_path / "no" / "copy.db")
        assert not mark_of(store.path).exists()
        began = datetime.now(UTC) - timedelta(seconds=2)  # clocks of file systems are coarse
        backup(store.path, tmp_path / "copy.db")
        told = workings_of(NOW, store, Scheduler({}, lambda: NOW), (), (), {}, {})
        assert told.copied_at is not None
        assert began <= told.copied_at <= datetime.now(UTC)
        mark_of(store.path).unlink()
        mark_of(store.path).mkdir()
        backup(store.path, tmp_path / "second.db")
    assert (tmp_path / "second.db").stat().st_size == (tmp_path / "copy.db").stat().st_size


def test_damage_of_the_file_is_seen(tmp_path: Path) -> None:
    """The daily look tells a sound file from a damaged one, and keeps when it was last sound."""
    with world(tmp_path) as made:
        upkeep = Upkeep(made.store, _recorder(made.store), made.clock, dict, timedelta(days=90))
        upkeep.check_store()
        sound = made.snapshots().refresh()
        made.move(HOUR)
        with made.store.transaction() as tx:
            tx.db.execute("create table t (a); ")
            tx.db.execute("create index i on t (a)")
            tx.db.execute("insert into t values (1)")
        with sqlite3.connect(made.store.path) as connection:
            connection.execute("pragma writable_schema = on")
            connection.execute("update sqlite_master set sql = 'create index i on t (a desc, 1)' where name = 'i'")
            connection.execute("delete from t")
            connection.execute("update sqlite_master set rootpage = 2 where name = 'i'")
        connection.close()
        upkeep.check_store()
        damaged = made.snapshots().refresh()
        state = made.store.job_states()[STORE_CHECK]
    assert values(sound, "barograph_store_sound") == [1.0]
    assert values(damaged, "barograph_store_sound") == [0.0]
    assert values(damaged, "barograph_store_last_check_timestamp_seconds") == [(NOW + HOUR).timestamp()]
    assert (state.outcome, state.last_ok) == ("failed", NOW)
    assert "damaged" in state.detail


def _recorder(store: Store) -> Recorder:
    from alerts.policy import Policy
    from alerts.routes import Routes

    return Recorder(store, Policy(routes=Routes(default="C1")), lambda run: None)


def test_a_trail_that_was_changed_is_seen(tmp_path: Path) -> None:
    """By the daily walk, without anybody's command."""
    with Store.open(tmp_path / "b.db", lambda: NOW) as store:
        for number in range(3):
            with store.transaction() as tx:
                tx.audit("alice", "thing.done", {"number": number})
        told = []
        for _ in range(2):
            duties.walk_trail(store, lambda: NOW)
            told.append({m.name: found for m, found in of_trail(3, {}, store.job_states())}["barograph_audit_intact"])
            with tampering(store.path) as connection:
                connection.execute("update audit set who = 'mallory' where id = 2")
    assert told == [{(): 1.0}, {(): 0.0}]


def test_incidents_are_counted_by_stack(tmp_path: Path) -> None:
    """Each stack that is watched has its tiers, at 0 where there is nothing."""
    with world(tmp_path) as made:
        made.look("vpc", reading("acme-prod/vpc"))
        made.look("vpc", reading("acme-dev/vpc"), stack="acme-dev")
        made.incident("v1:a", tier=Tier.CRITICAL, labels={"stack": "acme-prod", "stage": "production"})
        snapshot = made.snapshots().refresh()
    name = "barograph_stack_incidents"
    assert values(snapshot, name, stack="acme-prod", tier="critical") == [1.0]
    assert values(snapshot, name, stack="acme-prod", tier="warning") == [0.0]
    assert values(snapshot, name, stack="acme-dev") == [0.0, 0.0, 0.0]


def test_the_interval_and_the_queue_of_looks(tmp_path: Path) -> None:
    """What is due and not begun waits since it was due; what runs waits no more."""
    with everything(tmp_path) as made:
        made.move(HOUR)
        snapshot = made.snapshots().refresh()
    assert values(snapshot, "barograph_check_interval_seconds", place="acme-prod/vpc") == [3600.0]
    due = values(snapshot, "barograph_check_next_run_timestamp_seconds")
    vpc = values(snapshot, "barograph_check_next_run_timestamp_seconds", place="acme-prod/vpc")
    late = [at for at in due if at <= made.now.timestamp()]
    assert values(snapshot, "barograph_queue_waiting", queue="checks") == [len(late) - 1]
    assert values(snapshot, "barograph_queue_oldest_timestamp_seconds", queue="checks") == [min(late)]
    assert vpc[0] in late
    assert values(snapshot, "barograph_queue_waiting", queue="aws") == [1.0]


def test_series_are_made_of_what_is_there() -> None:
    """A daemon that knows nothing yet gives no time and no 0 that would look like knowledge."""
    from daemon.health import Health

    found = {m.name: series for m, series in all_series(View(), Health(NOW, "1"), {}, NOW)}
    empty = {name for name, series in found.items() if not series}
    assert {name for name in found if name.endswith("_timestamp_seconds")} - empty == {
        "barograph_start_timestamp_seconds", "barograph_snapshot_timestamp_seconds",
    }  # fmt: skip
    assert {
        "barograph_store_sound",
        "barograph_audit_intact",
        "barograph_children",
        "barograph_audit_sequence",
    } <= empty
