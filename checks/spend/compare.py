"""Whether a day cost more than such days do: against the same weekday of the weeks before. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from checks.spend.model import DAY, Bill, Key

WEEKS = 8
FEWEST = 4  # same weekdays without which nothing is said
# Of values spread normally, so much of the median absolute deviation is one standard deviation.
_MAD_TO_SIGMA = 1.4826
# A series that never moves would call every cent a rise: its spread is taken to be this part of its usual value.
_LEAST_SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """When a rise is worth a line: all three must hold."""

    deviations: float = 4.0  # so many robust standard deviations above the usual
    ratio: float = 0.25  # by this part of the usual
    amount: float = 10.0  # by so much money a day


@dataclass(frozen=True, slots=True)
class Compared:
    """A day against the same weekdays before. *usual* None: too few of them are known."""

    day: date
    amount: float
    usual: float | None = None
    deviations: float = 0.0
    rise: bool = False

    @property
    def excess(self) -> float:
        """How much more than usual it cost; less is negative."""
        return 0.0 if self.usual is None else self.amount - self.usual


def usual(amounts: Sequence[float]) -> tuple[float, float]:
    """The median and the robust spread of *amounts*, at least one of them."""
    middle = median(amounts)
    mad = median(abs(amount - middle) for amount in amounts)
    return middle, max(_MAD_TO_SIGMA * mad, _LEAST_SPREAD * abs(middle))


def compare(amount: float, before: Sequence[float], day: date, sensitivity: Sensitivity) -> Compared:
    """Judge what *day* cost against *before*, the known amounts of such days."""
    if len(before) < FEWEST:
        return Compared(day, amount)
    middle, spread = usual(before)
    excess = amount - middle
    deviations = excess / spread if spread else math.copysign(math.inf, excess) if excess else 0.0
    rise = (
        excess >= sensitivity.amount
        and excess >= sensitivity.ratio * abs(middle)
        and deviations >= sensitivity.deviations
    )
    return Compared(day, amount, middle, deviations, rise)


def compare_day(bill: Bill, key: Key, day: date, closed: frozenset[date], sensitivity: Sensitivity) -> Compared | None:
    """Judge one closed day of a series; None: the day is not known.

    What is billed once a month comes on the first, whatever weekday that is: how far such a day is above its weekday is
    also held against how far the first days of the months before were above theirs.
    """
    amount = bill.amount(key, day)
    if amount is None:
        return None
    before = _known(bill, key, [day - 7 * week * DAY for week in range(1, WEEKS + 1)], closed)
    found = compare(amount, before, day, sensitivity)
    if found.rise and day.day == 1:
        firsts = [_above(bill, key, each, closed) for each in closed if each.day == 1 and each < day]
        monthly = max((one for one in firsts if one is not None), default=0.0)
        if found.excess - monthly < max(sensitivity.amount, sensitivity.ratio * (amount - found.excess + monthly)):
            return Compared(day, amount, found.usual, found.deviations)
    return found


def newest_rise(
    bill: Bill, key: Key, closed: Sequence[date], sensitivity: Sensitivity, look_back: int
) -> Compared | None:
    """The highest rise of the newest *look_back* closed days, else the newest of them; None: no day is known."""
    known = frozenset(closed)
    found = [
        one
        for day in sorted(known)[-max(look_back, 1) :]
        if (one := compare_day(bill, key, day, known, sensitivity)) is not None
    ]
    rises = [one for one in found if one.rise]
    return max(rises, key=lambda one: one.excess) if rises else (found[-1] if found else None)


@dataclass(frozen=True, slots=True)
class Weeks:
    """The last seven closed days, the seven before, and the mean of the eight weeks before; None: not known."""

    last: float | None
    before: float | None
    mean: float | None

    def rise(self, ratio: float, amount: float) -> bool:
        """Whether the last week is above both by this part and by so much money."""
        if self.last is None or self.before is None or self.mean is None:
            return False
        highest = max(self.before, self.mean)
        return self.last - highest >= max(amount, ratio * highest)


def weeks(bill: Bill, key: Key, newest: date) -> Weeks:
    """The weeks that end on *newest*. The mean needs half of its weeks."""
    ends = [newest - 7 * week * DAY for week in range(WEEKS + 1)]
    sums = [bill.sum(key, end - 6 * DAY, end) for end in ends]
    earlier = [one for one in sums[1:] if one is not None]
    mean = math.fsum(earlier) / len(earlier) if len(earlier) >= FEWEST else None
    return Weeks(sums[0], sums[1], mean)


def _above(bill: Bill, key: Key, day: date, closed: frozenset[date]) -> float | None:
    """How far a day is above the other days of its weekday; None: too few of them are known."""
    others = _known(bill, key, [each for each in closed if each != day and (each - day).days % 7 == 0], closed)
    amount = bill.amount(key, day)
    return None if amount is None or len(others) < FEWEST else amount - median(others)


def _known(bill: Bill, key: Key, wanted: Sequence[date], closed: frozenset[date]) -> list[float]:
    found = [bill.amount(key, day) for day in wanted if day in closed]
    return [amount for amount in found if amount is not None]
