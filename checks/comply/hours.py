"""Working hours in a time zone, summer time and all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FAR = 15  # days within which working hours begin and end, if there are any


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """When people work: on *days* from *start* until *end*, by the clocks of *timezone*.

    Raises ValueError where there is no such zone, no day, or no time between start and end.
    """

    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")  # of the week
    start: time = time(7)  # when the first comes
    end: time = time(20)  # when the last has gone
    timezone: str = "UTC"  # such as Europe/Berlin

    def __post_init__(self) -> None:
        if not self.days:
            raise ValueError("working hours need at least one day")
        if self.start >= self.end:
            raise ValueError("working hours must begin before they end, on the same day")
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError("timezone must be the name of a time zone such as Europe/Berlin") from None

    def within(self, now: datetime) -> bool:
        """Whether people work at *now* (aware)."""
        return any(start <= now < end for start, end in self._around(now))

    def last_ended(self, now: datetime) -> datetime:
        """When the hours before *now* ended that are over, in UTC."""
        return max(end for _, end in self._around(now) if end <= now)

    def next_end(self, now: datetime) -> datetime:
        """When the hours that run at *now*, or the next ones, will end, in UTC."""
        return min(end for _, end in self._around(now) if end > now)

    def last_off(self, now: datetime) -> tuple[datetime, datetime]:
        """The latest time off that has begun at *now*: from its beginning until its end, or until *now* within it."""
        began = self.last_ended(now)
        ended = min((start for start, _ in self._around(now) if began <= start <= now), default=now)
        return began, ended

    def _around(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The hours of each working day around *now*, in UTC. A time that the clocks skip is the one they skip to."""
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        for offset in range(-_FAR, _FAR + 1):
            day = today + timedelta(days=offset)
            if _DAYS[day.weekday()] in self.days:
                yield _at(day, self.start, zone), _at(day, self.end, zone)


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
