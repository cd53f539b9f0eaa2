"""Bills: what is closed, what is late, and what stays when they are kept and joined."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.spend.model import DAY, LONGEST, TOTAL, Bill, merged, restored, stored

TODAY = date(2026, 3, 2)
KEYS = st.sampled_from([TOTAL, ("service", "EC2"), ("account", "1")])
AGES = st.integers(0, 80)
BILLS = st.builds(
    lambda known, amounts: Bill(
        "USD",
        {TODAY - age * DAY: open_ for age, open_ in known.items()},
        {key: {TODAY - age * DAY: round(one, 2) for age, one in row.items() if age in known and one} for key, row in
         amounts.items()},
    ),
    st.dictionaries(AGES, st.booleans(), min_size=1),
    st.dictionaries(KEYS, st.dictionaries(AGES, st.floats(0.01, 1e6))),
)  # fmt: skip


@given(BILLS)
def test_a_bill_survives_being_kept(bill: Bill) -> None:
    """As JSON, with every amount of every day."""
    again = restored(json.loads(json.dumps(stored(bill))))
    assert (again.days, again.unit) == (bill.days, bill.unit)
    assert {(key, day): again.amount(key, day) for key in bill.amounts for day in bill.days} == {
        (key, day): bill.amount(key, day) for key in bill.amounts for day in bill.days
    }


@given(BILLS, BILLS)
def test_joined_the_new_bill_stands_and_the_old_one_is_before_it(old: Bill, new: Bill) -> None:
    """No day is in between, no day is too old, and no amount is added up twice."""
    both = merged(old, new)
    first, newest = min(new.days), max(new.days)
    for day in both.days:
        source = new if day >= first else old
        assert day in source.days
        assert both.amount(TOTAL, day) == source.amount(TOTAL, day)
    assert set(new.days) <= set(both.days)
    assert all(day >= newest - LONGEST * DAY for day in set(both.days) - set(new.days))


def test_two_currencies_are_not_joined() -> None:
    """The new bill stands alone."""
    new = Bill("EUR", {TODAY: False}, {TOTAL: {TODAY: 1.0}})
    assert merged(Bill("USD", {TODAY - DAY: False}), new) == new


@pytest.mark.parametrize("kept", [None, [], {}, {"unit": "USD"}, {"unit": "USD", "days": ["x"], "estimated": []}])
def test_what_is_no_bill_is_refused(kept: Any) -> None:
    """A ValueError, not a bill of nothing."""
    with pytest.raises(ValueError, match=r"\w"):
        restored(kept)


@pytest.mark.parametrize(
    ("age", "estimated", "delay", "settled", "closed"),
    [
        (0, False, 2, 7, False),
        (1, False, 2, 7, False),
        (2, False, 2, 7, True),
        (2, True, 2, 7, False),
        (6, True, 2, 7, False),
        (7, True, 2, 7, True),
        (0, False, 0, 7, False),  # today is never closed
        (1, False, 0, 7, True),
        (3, False, 4, 7, False),
        (8, True, 10, 7, False),  # the delay holds, whatever is settled
    ],
)
def test_which_days_are_closed(age: int, estimated: bool, delay: int, settled: int, closed: bool) -> None:
    """Late days, and days that AWS calls estimated, stay open."""
    day = TODAY - age * DAY
    assert (Bill("USD", {day: estimated}).closed(TODAY, delay, settled) == [day]) == closed


def test_a_sum_with_an_unknown_day_is_not_known() -> None:
    """It is no smaller sum."""
    bill = Bill("USD", {TODAY: False, TODAY - 2 * DAY: False}, {TOTAL: {TODAY: 1.0}})
    assert bill.sum(TOTAL, TODAY, TODAY) == 1.0
    assert bill.sum(TOTAL, TODAY - 2 * DAY, TODAY) is None
    assert bill.amount(TOTAL, TODAY - 2 * DAY) == 0.0
