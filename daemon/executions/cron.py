"""Times of a crontab line: minute, hour, day of month, month, day of week. Pure.

As cron has it: 0 and 7 are Sunday, and where both days are given, one of them is enough. Local times that a change of
the clocks leaves out come at the moment of the change; those that come twice come once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.calendars import local_instant

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_FAR = 366 * 8 + 2  # days: the 29th of February may be eight years away
_NAMED = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cron:
    """A line of a crontab, read."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    either: bool  # both days are given: one is enough

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first time later than *moment*, in UTC; None: there is none within eight years."""
        day = moment.astimezone(zone).date()
        for _ in range(_FAR):
            if self._on(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        found = local_instant(day, time(hour, minute), zone)
                        if found > moment:
                            return found
            day += timedelta(days=1)
        return None

    def _on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either else by_month and by_week


def parse(text: str) -> Cron:
    """Raises ValueError that says what is wrong with *text*."""
    words = _NAMED.get(text.strip().lower(), text).split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"a cron line has five fields (minute hour day month weekday), not {len(words)}")
    found = [
        _field(word.lower(), *field) for word, field in zip(words, _FIELDS, strict=True)
    ]  # fmt: skip
    minutes, hours, days, months, weekdays = found
    return Cron(
        " ".join(words), tuple(sorted(minutes)), tuple(sorted(hours)), frozenset(days), frozenset(months),
        frozenset(day % 7 for day in weekdays), not words[2].startswith("*") and not words[4].startswith("*"),
    )  # fmt: skip


def _field(word: str, name: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, slash, by = part.partition("/")
        step = _number(by, name, 1, most) if slash else 1
        if span == "*":
            first, last = least, most
        else:
            start, dash, end = span.partition("-")
            first = _number(start, name, least, most)
            last = _number(end, name, least, most) if dash else most if slash else first
        if last < first:
            raise ValueError(f"the {name} {part!r} ends before it begins")
        found.update(range(first, last + 1, step))
    return found


def _number(word: str, name: str, least: int, most: int) -> int:
    names = _MONTHS if name == "month" else _DAYS if name == "weekday" else ()
    if word in names:
        return names.index(word) + (name == "month")
    if not (word.isascii() and word.isdigit() and len(word) <= 3 and least <= int(word) <= most):
        raise ValueError(f"the {name} is to be from {least} to {most}, not {word[:20]!r}")
    return int(word)
