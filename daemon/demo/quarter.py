"""The weekly report of a simulated quarter: thirteen weeks of looks, replayed in seconds, and the real report of them.

The looks are written by the service's own Recorder into a store of their own, on a clock that only moves when told.
The report is made of that store, and kept and sent by the service that runs: so it is one of its `/reports/`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Protocol
from zoneinfo import ZoneInfo

from alerts.base import IncidentState
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Outcome, Reading
from daemon.demo.programs import DemoError
from daemon.demo.story import HOUR, SELF, WEEKS, chapters, kept, places, seen
from daemon.desk import Desk
from daemon.measures import keep
from daemon.record import Recorder, Run
from daemon.report.period import Week, last_complete
from daemon.reporting import Made, Plan, Reporter
from daemon.store import Reader, Store, StoreOutbox, Transaction, open_reader
from daemon.ticking import Ticker

ZONE = ZoneInfo("UTC")
REPLAY_SECONDS = 120.0  # it takes some three seconds of CPU, and waits for the disk
DAY = timedelta(days=1)
_LOOK, _MESSAGE = timedelta(seconds=20), timedelta(seconds=0.4)  # how long one takes
_OWN_LOOK = 2 * HOUR  # between looks at Barograph itself; a report calls a longer time without one silence
_WHO = ("ana", "ben", "chris")


@dataclass
class Quarter:
    """A store with a past, up to *now*."""

    store: Store
    week: Week
    now: datetime = field(init=False)
    looks: int = 0

    def __post_init__(self) -> None:
        self.now = self.week.ends - WEEKS * timedelta(days=7)
        policy = Policy(routes=Routes("simulated"))
        self._recorder = Recorder(self.store, policy)
        self._desk = Desk(self.store, policy, lambda: self.now)
        self._ticker = Ticker(self.store, policy, lambda: self.now)
        self._chapters = chapters(self.week.ends)
        self._answers: list[tuple[datetime, str, str]] = []  # (when, fingerprint, who)

    def live(self, until: datetime, go_on: Callable[[], bool]) -> None:
        """Look once a day at everything, answer what is found, and send what is to be sent, up to *until*."""
        day = self.now
        while day < until and go_on():
            self._one_day(day, until)
            day += DAY
        self.now = until
        keep(self.store, until)

    def _one_day(self, day: datetime, until: datetime) -> None:
        moments = [(day + HOUR + number * timedelta(minutes=2), where) for number, where in enumerate(places())]
        moments += [(day + number * _OWN_LOOK, (*SELF, {"stage": "all"})) for number in range(DAY // _OWN_LOOK)]
        for at, (check, place, labels) in sorted(moments, key=lambda one: one[0]):
            if at >= until:
                return
            self._answer_until(at)
            self.now = at
            if (check, place) == SELF:
                self._ticker.tick()
            readings = self._readings(check, place)
            run = Run(check, place, labels, at - _LOOK, at, readings, kept=kept(check, at, self.week.ends))
            self._recorder.record(run, at + (_OWN_LOOK if (check, place) == SELF else DAY))
            self.looks += 1
            self._note_answers(check, place)
        self._deliver()
        if day.weekday() == 6:
            keep(self.store, self.now)

    def _readings(self, check: str, place: str) -> tuple[Reading, ...]:
        if (check, place) == SELF:
            return (Reading(place, Outcome.HEALTHY, "ok", "Barograph looks at everything in time"),)
        return seen(self._chapters, check, place, self.now, self.week.ends)

    def _note_answers(self, check: str, place: str) -> None:
        """Somebody will acknowledge what has just been found, where the story says so."""
        new = [one for one in self._chapters if (one.check, one.place) == (check, place)
               and one.since <= self.now < one.since + DAY and one.answered_after is not None]  # fmt: skip
        for one in new:
            who = _WHO[len(one.finding.summary) % len(_WHO)]
            for incident in self.store.incidents({IncidentState.OPEN}):
                if (incident.check, incident.resource, incident.key) == (check, one.resource, one.finding.key):
                    self._answers.append((self.now + (one.answered_after or HOUR), incident.fingerprint, who))

    def _answer_until(self, at: datetime) -> None:
        for when, fingerprint, who in sorted(one for one in self._answers if one[0] <= at):
            self.now = when
            self._desk.acknowledge(fingerprint, who)
        self._answers = [one for one in self._answers if one[0] > at]

    def _deliver(self) -> None:
        """Slack takes each message at once. It is no part of this: nobody reads messages of a simulated past."""
        outbox = StoreOutbox(self.store)
        while ready := outbox.ready(self.now + DAY):
            for each in ready:
                created = each.created_at or self.now
                outbox.mark_sending(each.id, created)
                outbox.mark_sent(each.id, f"{created.timestamp():.6f}", created + _MESSAGE)


@dataclass(frozen=True, slots=True)
class Past:
    """A store at *path* with thirteen weeks behind it, and the days since, up to *now*."""

    path: Path
    week: Week
    now: datetime
    looks: int
    opened: int  # incidents in the last complete week, as they were planted


def live_quarter(path: Path, now: datetime, go_on: Callable[[], bool] = lambda: True) -> Past:
    """Make a store at *path* and live through the quarter up to *now* in it. Raises StoreError."""
    made: list[Quarter] = []
    week = last_complete(now, ZONE)
    with Store.open(path, lambda: made[0].now if made else week.starts) as store:
        made.append(Quarter(store, week))
        made[0].live(now, go_on)
        opened = sum(week.starts <= one.since < week.ends for one in chapters(week.ends))
        return Past(path, week, now, made[0].looks, opened)


class Replay:
    """live_quarter in a thread, beside all else, until this is left: most of it is waiting for the disk."""

    def __init__(self, path: Path, now: datetime) -> None:
        self._path, self._now = path, now
        self._stopped = threading.Event()
        self._past: Past | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="demo-quarter", daemon=True)

    def __enter__(self) -> Replay:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def past(self) -> Past:
        """Wait for its end. Raises DemoError when it did not get there."""
        self._thread.join(REPLAY_SECONDS)
        if self._past is None:
            raise DemoError(f"the simulated quarter could not be made: {self._error or 'it takes too long'}")
        return self._past

    def _run(self) -> None:
        try:
            self._past = live_quarter(self._path, self._now, lambda: not self._stopped.is_set())
        except Exception as error:  # noqa: BLE001 - it is told to whoever waits for it
            self._error = error


class Kept(Protocol):
    """The store in which the report is kept, and from which it is sent."""

    def transaction(self) -> AbstractContextManager[Transaction]: ...


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """Facts from one store; the report into another."""

    facts: Path
    target: Kept

    def read(self) -> AbstractContextManager[Reader]:
        return open_reader(self.facts)

    def transaction(self) -> AbstractContextManager[Transaction]:
        return self.target.transaction()


def report(past: Past, target: Kept, channel: str, status_url: str) -> Made:
    """Make the report on the last week of *past*, and queue it for *channel* in *target*. Raises StoreError."""
    plan = Plan(ZONE, (channel,), status_url=status_url)
    return Reporter(_Elsewhere(past.path, target), lambda: past.now, plan).make(past.week)
