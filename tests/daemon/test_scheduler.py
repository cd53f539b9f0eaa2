"""The clockwork with the real APScheduler: nothing dropped, nothing starved, nothing beside itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from daemon.scheduler import Scheduler


def utc_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    scheduler = Scheduler({"slow": 1, "quick": 1}, utc_now)
    scheduler.start()
    yield scheduler
    scheduler.stop()


def test_more_due_jobs_than_threads_all_run(scheduler: Scheduler) -> None:
    """Twenty jobs due at once in a pool of one thread run, each once, though all but one start late."""
    ran: list[int] = []
    done = threading.Event()

    def job(number: int) -> None:
        ran.append(number)
        if len(ran) == 20:
            done.set()

    due = utc_now() - timedelta(hours=3)
    for number in range(20):
        scheduler.at(f"job-{number}", due, partial(job, number), pool="slow")
    assert done.wait(20)
    assert sorted(ran) == list(range(20))
    assert scheduler.missed == 0


def test_a_job_that_hangs_does_not_hold_another_pool(scheduler: Scheduler) -> None:
    """While the slow pool is full, the quick one still starts its jobs."""
    release, quick = threading.Event(), threading.Event()

    def hang() -> None:
        release.wait(30)

    scheduler.at("hangs", utc_now(), hang, pool="slow")
    scheduler.at("quick", utc_now(), quick.set, pool="quick")
    assert quick.wait(10)
    release.set()


def test_a_job_that_raises_does_not_stop_the_clock(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    """The next job of the same pool runs, and the log names the one that failed."""

    def fails() -> None:
        raise ValueError("on purpose")

    after = threading.Event()
    scheduler.at("fails", utc_now(), fails, pool="quick")
    scheduler.at("after", utc_now() + timedelta(milliseconds=200), after.set, pool="quick")
    assert after.wait(10)
    assert "fails ended with ValueError" in caplog.text


def test_a_new_time_for_a_waiting_job_replaces_the_old(scheduler: Scheduler) -> None:
    """Asking for a look now moves the look that was due later; there are never two."""
    ran = threading.Event()
    count: list[int] = []

    def job() -> None:
        count.append(1)
        ran.set()

    scheduler.at("drift|acme-dev/dns", utc_now() + timedelta(hours=6), job, pool="slow")
    scheduler.at("drift|acme-dev/dns", utc_now(), job, pool="slow")
    assert ran.wait(10)
    assert "drift|acme-dev/dns" not in scheduler.waiting()
    assert count == [1]


def test_it_proves_that_it_beats(scheduler: Scheduler) -> None:
    """The first beat comes at the start: without one the watchdog would end the process."""
    beaten = threading.Event()

    def look() -> None:
        if scheduler.beat_at is not None:
            beaten.set()

    scheduler.every("look", 0.05, look, pool="quick")
    assert beaten.wait(10)


def test_a_clock_set_back_moves_what_waits(caplog: pytest.LogCaptureFixture) -> None:
    """A step back of a year leaves every waiting job as many real seconds away as it was, the beat among them."""
    back = timedelta(0)

    def clock() -> datetime:
        return utc_now() - back

    scheduler = Scheduler({"quick": 1}, clock)
    scheduler.start()
    try:
        due = utc_now() + timedelta(hours=6)
        scheduler.at("look", due, lambda: None, pool="quick")
        scheduler.every("inventory", 300, lambda: None, pool="quick", at_once=False)
        scheduler.follow_clock()
        assert scheduler.waiting()["look"] == due
        back = timedelta(days=365)
        scheduler.follow_clock()
        waiting = scheduler.waiting()
        assert abs(waiting["look"] - (due - back)) < timedelta(seconds=1)
        assert waiting["inventory"] < clock() + timedelta(minutes=6)
        assert "set back" in caplog.text
    finally:
        scheduler.stop()


def test_it_can_be_stopped_while_it_starts_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to stop between the start of a job and its removal, its thread ends without an error."""
    scheduler = Scheduler({"quick": 1}, utc_now)
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    real = scheduler._aps._lookup_executor
    stopper = threading.Thread(target=scheduler.stop)

    def stop_meanwhile(alias: str) -> Any:
        if alias == "quick":
            stopper.start()
            while scheduler._aps.running:  # stop() goes on once this thread lets go of its lock
                time.sleep(0.001)
        return real(alias)

    monkeypatch.setattr(scheduler._aps, "_lookup_executor", stop_meanwhile)
    scheduler.start()
    ran = threading.Event()
    scheduler.at("job", utc_now(), ran.set, pool="quick")
    assert ran.wait(10)
    stopper.join(10)
    assert not stopper.is_alive()
    assert died == []
