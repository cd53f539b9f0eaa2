"""When things are due: pure functions over aware UTC datetimes.

Local times are worked out here with zoneinfo, because cron-like triggers skip or repeat runs at daylight saving
changes. Nothing here reads a clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.calendars import local_instant

CATCH_UP_WINDOW = timedelta(seconds=60)
CLOCK_TOLERANCE = timedelta(minutes=2)  # a clock set back by less moves nothing


@dataclass(frozen=True, slots=True)
class Every:
    """At a fixed interval."""

    interval: timedelta


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a local day, at a local wall-clock time."""

    at: time
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Weekly:
    """Once a local week: *weekday* 0 is Monday."""

    weekday: int
    at: time
    zone: ZoneInfo


Schedule = Every | Daily | Weekly


def next_due(schedule: Schedule, after: datetime) -> datetime:
    """Give the first time later than *after* at which *schedule* is due, in UTC."""
    match schedule:
        case Every(interval):
            return after + interval
        case Daily(at, zone):
            return _next_local(after, at, zone, weekday=None)
        case Weekly(weekday, at, zone):
            return _next_local(after, at, zone, weekday=weekday)


def fraction(key: str) -> float:
    """Give a number in [0, 1) that is the same for the same *key* on every machine and in every process."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "backslashreplace")).digest()[:6], "big") / 2**48


def after_run(schedule: Schedule, key: str, started: datetime, *, first: bool) -> datetime:
    """Give when *key* is due again after a run that started at *started*.

    After the first run an interval is cut to a part of itself that depends on *key*: what was looked at together at
    the first start is then spread over the whole interval, and stays spread.
    """
    if first and isinstance(schedule, Every):
        return started + schedule.interval * (0.1 + 0.9 * fraction(key))
    return next_due(schedule, started)


def latest(schedule: Schedule, now: datetime) -> datetime:
    """Give the latest time at which a job that is to run by *schedule* can be due, seen from *now*.

    What is due later was planned by a clock that has been set back since, or by another schedule.
    """
    return next_due(schedule, now + CLOCK_TOLERANCE)


def start_time(
    key: str,
    due: datetime | None,
    now: datetime,
    window: timedelta = CATCH_UP_WINDOW,
    not_after: datetime | None = None,
) -> datetime:
    """Give when to start a job that is due at *due* (None: never ran), seen from *now*.

    What is overdue starts once, spread over *window*, so that a restart is no stampede; so does what is due later than
    *not_after*, for nobody knows when it was looked at. What was never looked at is wanted at once: the pools bound
    how much of it runs side by side.
    """
    if due is None:
        return now
    if not_after is not None and due > not_after:
        return now + window * fraction(key)
    return due if due > now else now + window * fraction(key)


def _next_local(after: datetime, at: time, zone: ZoneInfo, *, weekday: int | None) -> datetime:
    # Two days back: a local day can begin up to a day before the UTC one, and a gap can move an instant on.
    day = after.astimezone(zone).date() - timedelta(days=2)
    while True:
        if weekday is None or day.weekday() == weekday:
            instant = local_instant(day, at, zone)
            if instant > after:
                return instant
        day += timedelta(days=1)
