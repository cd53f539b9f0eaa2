"""One run of a check at a place, framed: deadline, outcome, record, when to look next; the same for every check."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from checks.base import Check, Json, LookFailed, Place, Reading, Scope
from daemon.record import JobState, Run
from daemon.schedule import CLOCK_TOLERANCE, Every, Schedule, after_run, latest, start_time

log = logging.getLogger(__name__)

# Recorded by who looks after these, run by nobody here.
OWN_CHECKS = frozenset({"accounts", "barograph", "execution", "inventory"})
STOP_NOTICED = 0.5  # seconds until a look that hangs lets its thread go when all is to end
BUSY_AT_LEAST = timedelta(seconds=30)  # "not now" never becomes a loop without a pause


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """A check that is switched on, and how it is run."""

    name: str
    check: Check
    interval: Callable[[Mapping[str, str]], timedelta]  # by the labels of the place
    deadline: timedelta
    pool: str = "default"

    def schedule(self, labels: Mapping[str, str]) -> Schedule:
        """When a place with *labels* is looked at."""
        return Every(self.interval(labels))


class Records(Protocol):
    """Where runs go and job states come from."""

    def begin(self, check: str, place: str, labels: Mapping[str, str], now: datetime) -> None: ...

    def record(self, run: Run, next_due: datetime) -> None: ...

    def job(self, check: str, place: str) -> JobState: ...

    def jobs(self) -> Mapping[tuple[str, str], JobState]: ...

    def retire(self, check: str, place: str, reason: str, now: datetime) -> None: ...


class Clockwork(Protocol):
    """What starts jobs: daemon.scheduler.Scheduler."""

    def at(self, job_id: str, when: datetime, function: Callable[[], None], *, pool: str = "default") -> None: ...

    def cancel(self, job_id: str) -> None: ...

    def waiting(self) -> Mapping[str, datetime]: ...


@runtime_checkable
class InLane(Protocol):
    """A place whose looks take turns with those at places of other lanes."""

    @property
    def lane(self) -> str: ...


class Line(Protocol):
    """Where such looks wait: daemon.turns.Turns."""

    def put(self, job_id: str, lane: str, rank: str, work: Callable[[], None]) -> None: ...

    def waiting(self) -> Mapping[str, datetime]: ...


@runtime_checkable
class Opening(Protocol):
    """A place that gives one of its own for each look."""

    def opened(self, deadline: timedelta) -> Opened: ...


class Opened(Place, Protocol):
    """A place for one look."""

    @property
    def kept(self) -> Mapping[str, Json]: ...  # what the check keeps for its next look


@dataclass(slots=True)
class _Attempt:
    """A check at work in a thread of its own, which can be given up on but not killed."""

    readings: tuple[Reading, ...] = ()
    kept: Mapping[str, Json] = field(default_factory=dict)
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


def classify(error: BaseException) -> tuple[str, str]:
    """Give (reason, message for people) of what kept a check from looking. Never the repr of foreign objects."""
    if isinstance(error, LookFailed):
        return error.reason, str(error)
    if isinstance(error, TimeoutError):
        return "timeout", "it did not answer in time"
    # The text of an unforeseen exception may quote anything, a secret among it: only its class is told.
    return "failed", f"it ended with {type(error).__name__}; the log has the details"


class Runner:
    """Runs checks at places: on schedule, at a person's wish, once for the command line."""

    def __init__(
        self,
        plans: Mapping[str, CheckPlan],
        records: Records,
        clock: Callable[[], datetime],
        line: Line | None = None,
    ) -> None:
        self._plans = plans
        self._line = line
        self._records = records
        self._clock = clock
        self._lock = threading.Lock()
        self._places: Mapping[str, Mapping[str, Place]] = {}
        self._missing: dict[tuple[str, str], int] = {}
        self._running: set[tuple[str, str]] = set()
        self._hanging: dict[tuple[str, str], _Attempt] = {}
        self._again: set[tuple[str, str]] = set()
        self._stopping = threading.Event()

    # -- one run ------------------------------------------------------------------------------------------------

    def run(self, check: str, place: Place) -> Run:
        """Look once. Gives the run, recorded nowhere; never raises for what the check did."""
        plan = self._plans[check]
        started = self._clock()
        attempt = _Attempt()
        failure = self._look(plan, place, attempt)
        seen = _Attempt() if failure is not None else attempt
        cause = attempt.error.cause if failure is not None and isinstance(attempt.error, LookFailed) else ""
        return Run(check, place.key, place.labels, started, self._clock(), seen.readings, failure, seen.kept, cause)

    def run_and_record(self, check: str, place: Place) -> Run:
        """Look once and record it, with the time of the next look."""
        plan = self._plans[check]
        before = self._records.job(check, place.key)
        run = self.run(check, place)
        self._records.record(run, self._next_due(plan, place, run, before))
        return run

    def _look(self, plan: CheckPlan, place: Place, attempt: _Attempt) -> tuple[str, str] | None:
        """Let the check look, into *attempt*; give (reason, message) of what kept it from that."""
        where = (plan.name, place.key)
        with self._lock:
            left_over = self._hanging.get(where)
            if left_over is not None and not left_over.done.is_set():
                return ("timeout", "the look before this one still hangs; nothing new was started")
            self._hanging.pop(where, None)

        def work() -> None:
            try:
                opened = place.opened(plan.deadline) if isinstance(place, Opening) else None
                attempt.readings = tuple(plan.check.run(place if opened is None else opened))
                attempt.kept = {} if opened is None else dict(opened.kept)
            except BaseException as error:  # noqa: BLE001  a thread must hand over whatever ended it
                attempt.error = error
            finally:
                attempt.done.set()

        try:
            threading.Thread(target=work, name=f"look {plan.name} {place.key}", daemon=True).start()
        except RuntimeError:
            return ("failed", "the system gives no more threads; nothing was started")
        if not self._wait(attempt, plan.deadline.total_seconds()):
            with self._lock:
                self._hanging[where] = attempt
            return ("timeout", f"no answer within {plan.deadline}")
        if attempt.error is not None:
            reason, message = classify(attempt.error)
            if reason == "failed":
                # Where it happened, and not what it says: its text may quote a secret that nothing here knows of.
                frames = "".join(traceback.format_tb(attempt.error.__traceback__))
                log.error("%s at %s: %s\n%s", plan.name, place.key, message, frames)
            return (reason, message)
        if not attempt.readings:
            return ("failed", "the check gave no reading, which is no sign of health")
        return None

    def _wait(self, attempt: _Attempt, seconds: float) -> bool:
        """Whether *attempt* is done in time. A runner that is stopped waits for none: what it gives is not wanted."""
        until = time.monotonic() + seconds
        while not attempt.done.wait(min(STOP_NOTICED, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until or self._stopping.is_set():
                return False
        return True

    def _next_due(self, plan: CheckPlan, place: Place, run: Run, before: JobState) -> datetime:
        due = after_run(
            plan.schedule(place.labels), _spread_by(plan.name, place), run.started, first=before.first_ok is None
        )
        sooner = [reading.look_again_in for reading in run.readings if reading.look_again_in is not None]
        if sooner:
            due = min(due, run.ended + max(min(sooner), BUSY_AT_LEAST))
        return due

    # -- on schedule --------------------------------------------------------------------------------------------

    def sync(
        self,
        places: Mapping[str, Mapping[str, Place]],
        clockwork: Clockwork,
        *,
        complete: bool,
        listed: frozenset[str] = frozenset(),
        gone: frozenset[str] | None = None,
        fate: Callable[[str, str], str | None] = lambda check, key: None,
    ) -> None:
        """Take *places* (by check, by key) as what is watched now, and see that each has a start ahead of it.

        Safe to call at any time: what waits or runs is left alone, unless the clock was set back: then it could wait
        for years. With *complete* False the list may lack places (the inventory is stale or empty), and none is given
        up for it. A place is given up when two complete lists in a row lack it, or when its check is switched off.
        *listed*: keys of places that are there and cannot be looked at now; they are not given up either.
        *gone*: keys of instances that are gone by more than one listing: they are given up at once, and no other
        instance is. None: the inventory does not know, and each call counts as a list, as it does for other places.
        *fate*: by check and key, of places that a list of their own decides about: why one is given up at once,
        *complete* or not; empty: it is not; None: this list does not decide.
        """
        now = self._clock()
        jobs = self._records.jobs()
        with self._lock:
            self._places = places
        waiting = {**clockwork.waiting(), **(self._line.waiting() if self._line is not None else {})}
        for check, at in places.items():
            for key, place in at.items():
                self._missing.pop((check, key), None)
                self._ensure(check, place, jobs.get((check, key), JobState()), now, waiting, clockwork)
        for check, key in jobs:
            if check not in self._plans and check not in OWN_CHECKS:
                self._records.retire(check, key, "the check is switched off", now)
                continue
            if check not in self._plans or key in places.get(check, {}):
                continue
            reason = fate(check, key)
            if reason:
                self._retire(check, key, reason, now, clockwork)
            elif reason is None and complete and key not in listed:
                of_instances = self._plans[check].check.scope is Scope.INSTANCE
                self._give_up(check, key, now, clockwork, gone if of_instances else None)

    def look_now(self, check: str, place: str, clockwork: Clockwork) -> bool:
        """Look as soon as a thread is free; False if the place is not watched. One that runs is run again after."""
        with self._lock:
            known = place in self._places.get(check, {})
            running = (check, place) in self._running
            if known and running:
                self._again.add((check, place))
        if known and not running:
            self._start_at(check, place, self._clock(), clockwork)
        return known

    def stop(self) -> None:
        """Start no more looks; what a look still gives is thrown away, and is looked at again after a restart."""
        self._stopping.set()

    @property
    def running(self) -> frozenset[tuple[str, str]]:
        """The (check, place) pairs at work now."""
        with self._lock:
            return frozenset(self._running)

    def _ensure(
        self,
        check: str,
        place: Place,
        job: JobState,
        now: datetime,
        waiting: Mapping[str, datetime],
        clockwork: Clockwork,
    ) -> None:
        key = place.key
        with self._lock:
            if (check, key) in self._running:
                return
        name = _job_id(check, key)
        not_after = latest(self._plans[check].schedule(place.labels), now)
        if job.last_ok is not None and job.last_ok > now + CLOCK_TOLERANCE:
            not_after = now  # a look in the future: the clock was set back, and its age cannot be told
        when = start_time(_spread_by(check, place), job.next_due, now, not_after=not_after)
        planned = waiting.get(name)
        if planned is None or planned > max(when, not_after) or (when == job.next_due and planned > when):
            self._start_at(check, key, when, clockwork)

    def _start_at(self, check: str, key: str, when: datetime, clockwork: Clockwork) -> None:
        name, place, line = _job_id(check, key), self._places.get(check, {}).get(key), self._line

        def begin() -> None:
            self._scheduled(check, key, clockwork)

        if line is None or not isinstance(place, InLane):
            clockwork.at(name, when, begin, pool=self._plans[check].pool)
            return
        lane = place.lane
        if when <= self._clock():
            clockwork.cancel(name)
            line.put(name, lane, check, begin)
        else:
            clockwork.at(name, when, lambda: line.put(name, lane, check, begin))

    def _scheduled(self, check: str, key: str, clockwork: Clockwork) -> None:
        with self._lock:
            place = self._places.get(check, {}).get(key)
            if self._stopping.is_set() or place is None or (check, key) in self._running:
                return
            self._running.add((check, key))
        due = self._clock() + BUSY_AT_LEAST  # should recording fail, the place must not fall out of the schedule
        try:
            plan = self._plans[check]
            before = self._records.job(check, key)
            self._records.begin(check, key, place.labels, self._clock())
            run = self.run(check, place)
            with self._lock:
                watched = key in self._places.get(check, {})
            if self._stopping.is_set() or not watched:
                return  # what is not watched any more must not come back by a look that began before
            due = self._next_due(plan, place, run, before)
            self._records.record(run, due)
        finally:
            with self._lock:
                self._running.discard((check, key))
                again = (check, key) in self._again
                self._again.discard((check, key))
                wanted = key in self._places.get(check, {}) and not self._stopping.is_set()
            if wanted:
                self._start_at(check, key, self._clock() if again else due, clockwork)

    def _give_up(
        self, check: str, key: str, now: datetime, clockwork: Clockwork, gone: frozenset[str] | None
    ) -> None:  # fmt: skip
        self._missing[(check, key)] = self._missing.get((check, key), 0) + 1
        if self._missing[(check, key)] < 2 if gone is None else key not in gone:
            return
        self._retire(check, key, "no longer in the inventory", now, clockwork)

    def _retire(self, check: str, key: str, reason: str, now: datetime, clockwork: Clockwork) -> None:
        self._missing.pop((check, key), None)
        clockwork.cancel(_job_id(check, key))
        self._records.retire(check, key, reason, now)


def _spread_by(check: str, place: Place) -> str:
    """What decides when, within its interval, a look is due: one lane's looks are due together, to share answers."""
    return f"lane|{place.lane}" if isinstance(place, InLane) else _job_id(check, place.key)


def _job_id(check: str, key: str) -> str:
    return f"{check}|{key}"
