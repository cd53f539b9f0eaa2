"""A bill by day, service and account as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from checks.base import Json

DAY = timedelta(days=1)
LONGEST = 66  # days that are remembered: eight weeks, the days that are not closed, and a few that were late
_ROUNDED = 4  # decimals of an amount that is kept

Key = tuple[str, str]  # ("service", "Amazon Simple Storage Service"), ("account", "111111111111"), TOTAL
TOTAL: Key = ("total", "")


@dataclass(frozen=True)
class Bill:
    """Amounts by day in one currency. A day that is not in *days* is not known; one that is, is known whole."""

    unit: str  # "USD"
    days: Mapping[date, bool] = field(default_factory=dict)  # whether AWS still calls the day estimated
    amounts: Mapping[Key, Mapping[date, float]] = field(default_factory=dict)

    def amount(self, key: Key, day: date) -> float | None:
        """What *key* cost on a day. None: not known. A known day that lists nothing for it cost nothing."""
        return self.amounts.get(key, {}).get(day, 0.0) if day in self.days else None

    def sum(self, key: Key, first: date, last: date) -> float | None:
        """What *key* cost from *first* to *last*, both included. None: not every day is known."""
        found = [self.amount(key, day) for day in days(first, last)]
        known = [amount for amount in found if amount is not None]
        return math.fsum(known) if known and len(known) == len(found) else None

    def closed(self, today: date, delay: int, settled: int) -> list[date]:
        """The days that change no more, oldest first.

        *delay*: the newest days, today included, that are late. A day that AWS calls estimated is open, unless it is
        older than *settled* days: AWS calls a whole month so until its invoice is written.
        """
        return sorted(
            day
            for day, estimated in self.days.items()
            if day <= today - (max(delay, 1) * DAY) and (not estimated or day <= today - settled * DAY)
        )


def days(first: date, last: date) -> Iterator[date]:
    """Every day from *first* to *last*, both included."""
    return (first + number * DAY for number in range((last - first).days + 1))


def merged(old: Bill | None, new: Bill) -> Bill:
    """The *new* bill, and of the *old* one the days before it. Bills in two currencies do not mix: the new one."""
    if old is None or old.unit != new.unit or not new.days:
        return new
    first, newest = min(new.days), max(new.days)
    kept = {day for day in old.days if newest - LONGEST * DAY <= day < first}
    amounts: dict[Key, dict[date, float]] = {key: dict(by_day) for key, by_day in new.amounts.items()}
    for key, by_day in old.amounts.items():
        for day, amount in by_day.items():
            if day in kept:
                amounts.setdefault(key, {})[day] = amount
    return Bill(new.unit, {**{day: old.days[day] for day in kept}, **new.days}, amounts)


def stored(bill: Bill) -> Json:
    """The bill as JSON: a list of amounts for each key, in the order of the days."""
    ordered = sorted(bill.days)
    return {
        "unit": bill.unit,
        "days": [day.isoformat() for day in ordered],
        "estimated": [day.isoformat() for day in ordered if bill.days[day]],
        "amounts": [
            [*key, [round(by_day.get(day, 0.0), _ROUNDED) for day in ordered]]
            for key, by_day in sorted(bill.amounts.items())
        ],
    }


def restored(kept: Any) -> Bill:
    """The bill that stored() made JSON of. Raises ValueError for anything else."""
    try:
        ordered = [date.fromisoformat(day) for day in kept["days"]]
        open_ = {date.fromisoformat(day) for day in kept["estimated"]}
        amounts = {
            (str(by), str(name)): {day: float(amount) for day, amount in zip(ordered, row, strict=True) if amount}
            for by, name, row in kept["amounts"]
        }
        return Bill(str(kept["unit"]), {day: day in open_ for day in ordered}, amounts)
    except (KeyError, TypeError) as error:
        raise ValueError("not a bill") from error
