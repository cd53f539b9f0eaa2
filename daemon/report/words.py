"""Numbers as people read them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from daemon.report.model import Cell, Figure, Unit

NO_DATA = "no data"
_BARS = "▁▂▃▄▅▆▇█"


def plural(count: int | float, one: str, many: str = "") -> str:
    """`1 place`, `1,200 places`."""
    return f"{count:,.0f} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Two units at most: `3 d 4 h`, `12 min`, `0.4 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((number for number, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def number(value: float | None, unit: Unit) -> str:
    """A value in its unit, or "no data"."""
    if value is None:
        return NO_DATA
    match unit:
        case Unit.RATIO:
            return _percent(value)
        case Unit.SECONDS:
            return duration(value)
        case Unit.USD:
            return f"${value:,.2f}" if abs(value) < 1000 else f"${value:,.0f}"
        case Unit.DAYS:
            return plural(int(value), "day") if value >= 0 else f"{plural(int(-value), 'day')} ago"
        case Unit.NUMBER:
            return f"{value:,.4g}"
        case _:
            return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _percent(value: float) -> str:
    # Never rounded up to all, nor down to none.
    shown = round(value * 100)
    if shown == 100 and value < 1:
        return f"{min(value * 100, 99.9):.1f} %"
    if shown == 0 and value > 0:
        return f"{max(value * 100, 0.1):.1f} %"
    return f"{shown} %"


def cell(value: Cell, unit: Unit, zone: ZoneInfo) -> str:
    """A cell of a table."""
    if value is None:
        return NO_DATA
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    return value if isinstance(value, str) else number(value, unit)


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`2026-11-23 09:00 CET`."""
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {local:%Z}"


def change(figure: Figure) -> str:
    """This week against the last: `+3`, `-12 %`, `as before`; empty where one of them is not known."""
    if figure.this is None or figure.last is None:
        return ""
    step = figure.this - figure.last
    if number(figure.this, figure.unit) == number(figure.last, figure.unit):
        return "as before"
    sign = "+" if step > 0 else "−"
    if figure.unit is Unit.RATIO:
        return f"{sign}{abs(step) * 100:.0f} points" if abs(step) >= 0.01 else f"{sign}under 1 point"
    if figure.unit is Unit.USD:
        part = f" ({sign}{abs(step) / figure.last * 100:.0f} %)" if figure.last > 0 else ""
        return f"{sign}{number(abs(step), figure.unit)}{part}"
    return f"{sign}{number(abs(step), figure.unit)}"


def tone(figure: Figure) -> str:
    """`good`, `bad` or empty: which way it went, for a figure of which one way is better."""
    if not figure.better or figure.this is None or figure.last is None or change(figure) == "as before":
        return ""
    return "good" if (figure.this < figure.last) == (figure.better == "less") else "bad"


def beside(figure: Figure) -> str:
    """`last week 3, mean of 8 weeks 4.5`."""
    mean = f"mean of {plural(figure.mean_of, 'week')} {number(figure.mean, figure.unit)}" if figure.mean_of else ""
    return ", ".join(part for part in (f"last week {number(figure.last, figure.unit)}", mean or "no mean yet") if part)


def sparkline(series: tuple[float | None, ...]) -> str:
    """`▁▂▅·▇`: a dot is a week without data. Empty where fewer than two weeks are known."""
    known = [value for value in series if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(0.0, *known), max(known)
    size = (high - low) or 1.0
    return "".join("·" if value is None else _BARS[round((value - low) / size * 7)] for value in series)
