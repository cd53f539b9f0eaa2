"""What a change did to the cost of a stack: whole closed days before it against whole closed days after it. Pure.

A day on which nothing is billed to a stack may be a day without its tag: that is not 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from checks.base import Json
from checks.spend.model import DAY, Bill, days

LENGTH = 3  # days on each side: a change is told of for a week, and a day is closed two days later
STACK = "stack"  # of the keys of such a bill
_DELAY, _SETTLED = 2, 7  # days: see Bill.closed


class Known(StrEnum):
    """Whether it is known."""

    KNOWN = "known"
    NOT_YET = "not_known_yet"
    NOT_TAGGED = "not_tagged"  # nothing is billed to the stack, by the tag
    NOT_ASKED = "not_asked"
    NOT_KNOWN = "not_known"  # and will not be


@dataclass(frozen=True, slots=True)
class Effect:
    """Means of a day, in *unit*. *others*: changes of the same stack that the days may tell of as well."""

    state: Known
    text: str
    before: float | None = None
    after: float | None = None
    unit: str = ""
    others: int = 0

    def plain(self) -> Json:
        found = asdict(self) | {"state": str(self.state)}
        return found | {"difference": None if self.before is None or self.after is None else self.after - self.before}


def effect(
    bill: Bill | None, stack: str, began: datetime, ended: datetime, today: date, others: int = 0
) -> Effect:  # fmt: skip
    """*bill*: by stack; None: spend is not asked for so. *today*: of UTC, as bills are."""
    if bill is None:
        return Effect(Known.NOT_ASKED, "spend is not asked for by stack (checks.cost.stack_tag)")
    first, last = began.astimezone(UTC).date(), ended.astimezone(UTC).date()
    before = list(days(first - LENGTH * DAY, first - DAY))
    after = list(days(last + DAY, last + LENGTH * DAY))
    amounts: Mapping[date, float] = bill.amounts.get((STACK, stack), {})
    if not amounts:
        return Effect(Known.NOT_TAGGED, "not tagged: nothing is billed to it by its tag")
    closed = frozenset(bill.closed(today, _DELAY, _SETTLED))
    for day in (*before, *after):
        if day in closed and day in amounts:
            continue
        if day not in closed and day >= today - _SETTLED * DAY:
            return Effect(Known.NOT_YET, f"not known yet: once the bill of {after[-1]} is closed")
        why = "nothing is billed to it, which may be a missing tag" if day in closed else "the bill is not known"
        return Effect(Known.NOT_KNOWN, f"not known: {why}, on {day}")
    one, other = (math.fsum(amounts[day] for day in side) / LENGTH for side in (before, after))
    change = other - one
    word = "more" if change >= 0 else "less"
    also = f"; {others} other changes of the stack in those days" if others else ""
    text = (
        f"{abs(change):,.2f} {bill.unit} a day {word} than before ({one:,.2f} to {other:,.2f}, "
        f"{LENGTH} closed days on each side{also})"
    )
    return Effect(Known.KNOWN, text, one, other, bill.unit, others)
