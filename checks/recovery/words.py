"""Times and spans for people, the same at each look: a sentence that holds an age would be news at every look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def moment(at: datetime) -> str:
    """A time in UTC, to the minute."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def span(length: timedelta) -> str:
    """A length of time in its two largest units: 26h, 8d, 1h 30m. Below a minute in seconds."""
    seconds = int(abs(length).total_seconds())
    if seconds < 60:
        return f"{seconds}s"
    hours, minutes = divmod(seconds // 60, 60)
    # Up to two days people think in hours: "every 26h", not "every 1d 2h".
    days, hours = divmod(hours, 24) if hours >= 48 else (0, hours)
    parts = [f"{n}{unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if n]
    return " ".join(parts[:2])
