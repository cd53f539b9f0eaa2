"""What the daemon does by itself at set times, beside looking: told to people before it happens. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.digest import Digest, last_due
from daemon.report.period import WEEK, last_complete, week_of
from daemon.reporting import Plan, due_at

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is to happen. *late*: its time has passed, and it has not happened."""

    what: str
    at: datetime


def duties(
    report: Plan, digest: Digest | None, inventory: tuple[datetime | None, timedelta], now: datetime
) -> list[Duty]:
    """What comes next of each kind, the soonest first. *inventory*: when it was loaded last, and how often it is."""
    return sorted(_duties(report, digest, inventory, now), key=lambda duty: duty.at)


def _duties(
    report: Plan, digest: Digest | None, inventory: tuple[datetime | None, timedelta], now: datetime
) -> Iterator[Duty]:
    if report.destinations:
        week = last_complete(now, report.zone)
        following = week_of(week.monday + WEEK, report.zone)
        at = due_at(report, week)
        yield Duty("weekly report", at if at > now else due_at(report, following))
    if digest is not None:
        # On the days of a change of the clocks the next one is 23 or 25 hours after the last.
        nearest = (last_due(digest, now + DAY * days) for days in (1, 2))
        yield Duty("daily digest", next(at for at in nearest if at > now))
    loaded, every = inventory
    if loaded is not None:
        yield Duty("reading the repository", loaded + every)
