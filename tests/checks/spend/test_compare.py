"""Rises against weekdays and weeks: a table of cases, and what holds for any numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.spend.compare import Sensitivity, compare, compare_day, newest_rise, usual, weeks
from checks.spend.model import DAY, TOTAL, Bill, days

MONDAY = date(2026, 3, 2)
PLAIN = Sensitivity()
AMOUNTS = st.floats(0, 1e7, allow_nan=False)


def bill(amount: Callable[[date], float | None], last: date = MONDAY, length: int = 66) -> Bill:
    known = {day: one for day in days(last - (length - 1) * DAY, last) if (one := amount(day)) is not None}
    return Bill("USD", dict.fromkeys(known, False), {TOTAL: known})


def rise(made: Bill, day: date = MONDAY, sensitivity: Sensitivity = PLAIN) -> bool | None:
    found = compare_day(made, TOTAL, day, frozenset(made.days), sensitivity)
    return None if found is None or found.usual is None else found.rise


def weekly(day: date) -> float:
    return 100.0 if day.weekday() < 5 else 20.0


CASES: list[tuple[str, Callable[[date], float | None], date, bool | None]] = [
    ("as every week", weekly, MONDAY, False),
    ("after a cheap Sunday, Monday is no rise", weekly, MONDAY, False),
    ("a Sunday that costs as a Monday is", lambda d: 100.0 if d == MONDAY - DAY else weekly(d), MONDAY - DAY, True),
    ("a day that doubles", lambda d: 200.0 if d == MONDAY else 100.0, MONDAY, True),
    ("a day that halves", lambda d: 50.0 if d == MONDAY else 100.0, MONDAY, False),
    ("a rise below the part", lambda d: 124.0 if d == MONDAY else 100.0, MONDAY, False),
    ("a rise of the part", lambda d: 125.0 if d == MONDAY else 100.0, MONDAY, True),
    ("a rise of cents", lambda d: 9.0 if d == MONDAY else 1.0, MONDAY, False),
    ("out of nothing", lambda d: 50.0 if d == MONDAY else 0.0, MONDAY, True),
    ("nothing at all", lambda d: 0.0, MONDAY, False),
    ("one spike before does not hide this one",
     lambda d: 300.0 if d == MONDAY else 5000.0 if d == MONDAY - 14 * DAY else 100.0, MONDAY, True),
    ("what swings every week is no rise", lambda d: 160.0 if (MONDAY - d).days % 14 else 100.0, MONDAY, False),
    ("three spikes of eight do not raise what is usual",
     lambda d: 300.0 if d == MONDAY else 900.0 if (MONDAY - d).days in (7, 21, 35) else 100.0, MONDAY, True),
    ("a day that is not known", lambda d: None if d == MONDAY else 100.0, MONDAY, None),
    ("three weeks are too few", lambda d: 900.0 if d == MONDAY else 1.0 if (MONDAY - d).days <= 21 else None, MONDAY,
     None),
    ("four weeks are enough", lambda d: 900.0 if d == MONDAY else 1.0 if (MONDAY - d).days <= 28 else None, MONDAY,
     True),
    ("weeks that are not known are not 0",
     lambda d: None if (MONDAY - d).days in (7, 14, 21) else 100.0, MONDAY, False),
    ("the first of the month, as every first", lambda d: 500.0 if d.day == 1 else 100.0, date(2026, 3, 1), False),
    ("the first of the month, above every first",
     lambda d: 900.0 if d == date(2026, 3, 1) else 500.0 if d.day == 1 else 100.0, date(2026, 3, 1), True),
    ("the first of a first month", lambda d: 500.0 if d == date(2026, 3, 1) else 100.0, date(2026, 3, 1), True),
    ("a first that is cheap by its weekday, at the cost of a dear one", lambda d: 100.0 if d == date(2026, 3, 1) else
     weekly(d), date(2026, 3, 1), True),
    ("a leap day is a day as others", lambda d: 100.0, date(2028, 2, 29), False),
]  # fmt: skip


@pytest.mark.parametrize(("amount", "day", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_day_against_its_weekdays(amount: Any, day: date, wanted: bool | None) -> None:
    """Robust against single days, and against what is not known."""
    assert rise(bill(amount, max(day, MONDAY)), day) == wanted


@pytest.mark.parametrize("changed", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1)])
def test_days_of_a_changed_clock_are_days_as_others(changed: date) -> None:
    """Bills are by UTC days of 24 hours, in March and in October."""
    made = bill(weekly, changed + DAY)
    assert [rise(made, changed + number * DAY) for number in (-1, 0, 1)] == [False, False, False]


def test_the_highest_of_the_newest_rises_is_told() -> None:
    """Two days that close at once hide none of them; older ones are over."""
    spikes = {MONDAY: 150.0, MONDAY - DAY: 400.0, MONDAY - 3 * DAY: 900.0}
    made = bill(lambda day: spikes.get(day, 100.0))
    found = newest_rise(made, TOTAL, sorted(made.days), PLAIN, 3)
    assert found is not None
    assert (found.day, found.excess) == (MONDAY - DAY, 300.0)


def test_weeks_that_are_not_whole_are_not_compared() -> None:
    """A week with a day that is not known has no sum."""
    whole = weeks(bill(weekly), TOTAL, MONDAY)
    assert (whole.last, whole.before, whole.mean) == (540.0, 540.0, 540.0)
    holed = weeks(bill(lambda day: None if day == MONDAY - 3 * DAY else weekly(day)), TOTAL, MONDAY)
    assert (holed.last, holed.rise(0.0, 0.0)) == (None, False)


@pytest.mark.parametrize(
    ("last", "before", "earlier", "wanted"),
    [(20, 10, 10, True), (20, 19, 10, False), (20, 10, 19, False), (12, 10, 10, False), (10, 20, 20, False)],
)
def test_a_week_rises_above_the_last_and_the_mean(last: float, before: float, earlier: float, wanted: bool) -> None:
    """Above one of them only, it came back to what it was."""

    def amount(day: date) -> float:
        age = (MONDAY - day).days
        return last if age < 7 else before if age < 14 else earlier

    assert weeks(bill(amount), TOTAL, MONDAY).rise(0.25, 10.0) == wanted


@given(st.lists(AMOUNTS, min_size=4, max_size=8), AMOUNTS)
def test_a_rise_is_above_the_usual_by_all_that_is_asked(before: list[float], amount: float) -> None:
    """Whatever the numbers; and more money never is less of a rise."""
    found = compare(amount, before, MONDAY, PLAIN)
    assert found.usual is not None
    assert min(before) <= found.usual <= max(before)
    if found.rise:
        assert found.excess >= PLAIN.amount
        assert found.excess >= PLAIN.ratio * found.usual
        assert compare(amount * 2, before, MONDAY, PLAIN).rise


@given(st.lists(AMOUNTS, min_size=7, max_size=8), st.lists(AMOUNTS, min_size=1, max_size=3))
def test_fewer_than_half_of_the_weeks_cannot_move_the_usual_out_of_the_others(
    sane: list[float], wild: list[float]
) -> None:
    """The median stays between the lowest and the highest of the rest."""
    middle, spread = usual([*sane, *wild])
    assert min(sane) <= middle <= max(sane)
    assert spread >= 0


@given(st.lists(AMOUNTS, min_size=4, max_size=8))
def test_what_was_seen_before_is_no_rise(before: list[float]) -> None:
    """The usual amount itself never is."""
    assert not compare(usual(before)[0], before, MONDAY, PLAIN).rise


@given(st.lists(AMOUNTS, max_size=3), AMOUNTS)
def test_of_too_few_days_nothing_is_said(before: list[float], amount: float) -> None:
    """Not even where they differ by millions."""
    found = compare(amount, before, MONDAY, PLAIN)
    assert (found.usual, found.rise, found.excess) == (None, False, 0.0)
