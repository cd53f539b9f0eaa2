"""Weeks as people count them: ISO weeks in the reader's time zone, complete ones only. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.calendars import local_instant

WEEK = timedelta(weeks=1)
_NAME = re.compile(r"(\d{4})-W(\d\d)")


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO week from Monday 00:00 to the next, local time: 167 or 169 hours where clocks change."""

    year: int  # of the ISO week, which is not always that of its days
    number: int
    zone: ZoneInfo

    @property
    def name(self) -> str:
        """`2026-W47`."""
        return f"{self.year:04d}-W{self.number:02d}"

    @property
    def monday(self) -> date:
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def sunday(self) -> date:
        return date.fromisocalendar(self.year, self.number, 7)

    @property
    def starts(self) -> datetime:
        """UTC, included."""
        return local_instant(self.monday, time(), self.zone)

    @property
    def ends(self) -> datetime:
        """UTC, not included."""
        return local_instant(self.monday + WEEK, time(), self.zone)

    @property
    def hours(self) -> float:
        return (self.ends - self.starts).total_seconds() / 3600

    def before(self, weeks: int = 1) -> Week:
        return week_of(self.monday - weeks * WEEK, self.zone)

    def __str__(self) -> str:
        """`16 to 22 November 2026`, with what differs only."""
        first, last = self.monday, self.sunday
        start = f"{first.day}"
        if first.month != last.month:
            start += f" {first:%B}"
        if first.year != last.year:
            start += f" {first.year}"
        return f"{start} to {last.day} {last:%B} {last.year}"


def week_of(day: date, zone: ZoneInfo) -> Week:
    year, number, _ = day.isocalendar()
    return Week(year, number, zone)


def last_complete(now: datetime, zone: ZoneInfo) -> Week:
    """The newest week that is over at *now*."""
    return week_of(now.astimezone(zone).date() - WEEK, zone)


def parse_week(text: str, zone: ZoneInfo, now: datetime) -> Week:
    """Given "2026-W47", give the week. Raises ValueError, with words for people, where it is none or is not over."""
    found = _NAME.fullmatch(text.strip().upper())
    if found is None:
        raise ValueError(f"{text!r} is no week; write the ISO year and week, such as {last_complete(now, zone).name}")
    try:
        week = Week(int(found[1]), int(found[2]), zone)
        over = week.ends <= now
    except (ValueError, OverflowError):
        raise ValueError(f"{text}: the year {found[1]} has no week {int(found[2])}") from None
    if not over:
        raise ValueError(f"{text} is not over; the last complete week is {last_complete(now, zone).name}")
    return week


def history(week: Week, count: int = 8) -> tuple[Week, ...]:
    """The *count* weeks before it and the week itself, oldest first."""
    return tuple(week.before(number) for number in range(count, -1, -1))


def utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
