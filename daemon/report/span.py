"""Any stretch of time that a report is about: from a moment on, and before another. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.calendars import local_instant

LONGEST = timedelta(days=3_700)


@dataclass(frozen=True, slots=True)
class Span:
    """*starts* is included, *ends* is not; both UTC. It reads as a Week does, for whoever writes a report."""

    starts: datetime
    ends: datetime
    zone: ZoneInfo

    @property
    def name(self) -> str:
        """`2026-01-01_2026-04-01`."""
        return "_".join(_written(at, self.zone).replace(" ", "T").replace(":", "") for at in (self.starts, self.ends))

    @property
    def hours(self) -> float:
        return (self.ends - self.starts).total_seconds() / 3600

    def holds(self, at: datetime) -> bool:
        return self.starts <= at < self.ends

    def __str__(self) -> str:
        """`2026-01-01 up to, not including, 2026-04-01`."""
        return f"{_written(self.starts, self.zone)} up to, not including, {_written(self.ends, self.zone)}"


def parse_span(since: str, until: str, zone: ZoneInfo) -> Span:
    """Given two days, of which each is its midnight in *zone*, or moments. Raises ValueError with words for people."""
    starts, ends = _moment(since, zone), _moment(until, zone)
    if starts >= ends:
        raise ValueError("it has to begin before it ends")
    if ends - starts > LONGEST:
        raise ValueError(f"a report is about {LONGEST.days} days at most")
    return Span(starts, ends, zone)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        if len(text) == 10:
            return local_instant(date.fromisoformat(text), time(), zone)
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is no day and no moment, such as 2026-03-01 or 2026-03-01T09:00:00Z") from None


def _written(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d}" if local.time() == time() else f"{local:%Y-%m-%d %H:%M}"
