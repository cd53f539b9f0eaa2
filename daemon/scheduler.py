"""The clockwork: starts jobs at their times, in pools that cannot starve one another. The only import of apscheduler.

Policy, in one place: UTC; a missed start is made up for, however late (`misfire_grace_time=None`); several missed
starts are one (`coalesce`); a job never runs beside itself. When a job is due is worked out in daemon.schedule and
kept in the store; APScheduler's own job store is memory and is filled from there at each start.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from daemon.health import Task

log = logging.getLogger(__name__)

# Bounds how late a job can be after a step of the wall clock or a suspend: the scheduler plans its sleep on the wall
# clock and sleeps on a monotonic one, and each beat makes it look again.
BEAT = timedelta(seconds=15)
CLOCK_LOOK = 5.0  # seconds between looks at whether the wall clock was set back
SET_BACK = 30.0  # seconds of a step back that count: less only makes a job that much later


class _Clockwork(BackgroundScheduler):  # type: ignore[misc]  # the library has no types
    """APScheduler's main loop removes each job that it has started, and while it is told to stop it finds none."""

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        with contextlib.suppress(JobLookupError):
            super().remove_job(job_id, jobstore)


class Scheduler:
    """Starts callables at times, each in a named pool of threads."""

    def __init__(
        self,
        pools: Mapping[str, int],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        on_trouble: Callable[[str, str], None] = lambda what, job_id: None,
    ) -> None:
        """*on_trouble* hears "missed" of a start that was dropped, and "failed" of a task that ended with an error."""
        self._clock = clock
        self._monotonic = monotonic
        self._ahead: float | None = None  # seconds by which the wall clock leads the monotonic one
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._beat_at: datetime | None = None
        self._lateness = 0.0
        self._missed = 0
        self._on_trouble_of = on_trouble
        self._tasks: dict[str, Task] = {}
        executors: dict[str, Any] = {name: ThreadPoolExecutor(size) for name, size in pools.items()}
        executors.setdefault("default", ThreadPoolExecutor(2))
        executors["beat"] = ThreadPoolExecutor(1)
        self._aps = _Clockwork(
            timezone=UTC,
            executors=executors,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._aps.add_listener(self._on_trouble, EVENT_JOB_ERROR | EVENT_JOB_MISSED)

    @property
    def beat_at(self) -> datetime | None:
        """When the scheduler last proved that it starts jobs; None before its first beat."""
        with self._lock:
            return self._beat_at

    @property
    def lateness_seconds(self) -> float:
        """How late the last started job was."""
        with self._lock:
            return self._lateness

    @property
    def missed(self) -> int:
        """How many starts APScheduler says it dropped: not 0 means that a promise was broken."""
        with self._lock:
            return self._missed

    @property
    def tasks(self) -> Mapping[str, Task]:
        """How what runs at a fixed interval does, by id."""
        with self._lock:
            return dict(self._tasks)

    def start(self) -> None:
        self._aps.add_job(
            self._beat,
            "interval",
            seconds=BEAT.total_seconds(),
            id="beat",
            executor="beat",
            next_run_time=self._clock(),
        )
        self._aps.start()
        self.follow_clock()
        threading.Thread(target=self._follow, name="clock", daemon=True).start()

    def follow_clock(self) -> None:
        """Where the wall clock was set back, move what waits back too: else nothing would start until it caught up."""
        ahead = self._clock().timestamp() - self._monotonic()
        back = 0.0 if self._ahead is None else self._ahead - ahead
        self._ahead = ahead
        if back < SET_BACK:
            return
        log.warning("the clock was set back by %.0f s; what waits is moved back with it", back)
        for job in self._aps.get_jobs():
            try:
                job.modify(next_run_time=job.next_run_time - timedelta(seconds=back))
            except JobLookupError:
                continue  # it has started meanwhile

    def at(self, job_id: str, when: datetime, function: Callable[[], None], *, pool: str = "default") -> None:
        """Run *function* once at *when* (at once where that is past). A job of the same id that waits is replaced."""

        def started() -> None:
            with self._lock:
                self._lateness = max(0.0, (self._clock() - when).total_seconds())
            function()

        self._aps.add_job(started, "date", run_date=when, id=job_id, executor=pool, replace_existing=True)

    def every(
        self, job_id: str, seconds: float, function: Callable[[], None], *, pool: str = "default", at_once: bool = True
    ) -> None:
        """Run *function* at a short, fixed interval; for upkeep whose exact time does not matter."""
        first = self._clock() if at_once else self._clock() + timedelta(seconds=seconds)
        with self._lock:
            self._tasks[job_id] = Task(seconds, first)

        def run() -> None:
            try:
                function()
            except Exception:
                self._on_trouble_of("failed", job_id)
                raise
            now = self._clock()
            with self._lock:
                self._tasks[job_id] = Task(seconds, now + timedelta(seconds=seconds), now)

        self._aps.add_job(
            run, "interval", seconds=seconds, id=job_id, executor=pool, replace_existing=True, next_run_time=first
        )

    def cancel(self, job_id: str) -> None:
        """Forget a waiting job; one that runs goes on."""
        self._aps.remove_job(job_id)

    def waiting(self) -> Mapping[str, datetime]:
        """Give the next start of every waiting job by id."""
        return {job.id: job.next_run_time for job in self._aps.get_jobs() if getattr(job, "next_run_time", None)}

    def stop(self) -> None:
        """Start nothing more. Running jobs are not waited for: whoever started their children ends those."""
        self._stopped.set()
        if self._aps.running:
            self._aps.shutdown(wait=False)

    def _follow(self) -> None:
        while not self._stopped.wait(CLOCK_LOOK):
            self.follow_clock()

    def _beat(self) -> None:
        with self._lock:
            self._beat_at = self._clock()

    def _on_trouble(self, event: Any) -> None:
        if event.code == EVENT_JOB_MISSED:
            with self._lock:
                self._missed += 1
            self._on_trouble_of("missed", event.job_id)
            log.error("job %s was dropped by the scheduler", event.job_id)
        else:
            log.error("job %s ended with %s", event.job_id, type(event.exception).__name__, exc_info=event.exception)
