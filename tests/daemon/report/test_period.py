"""Weeks in the reader's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.report.period import Week, history, last_complete, parse_week, week_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Asia/Kolkata",
]


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.sampled_from(ZONES))
def test_weeks_follow_one_another_without_gap(day: date, zone: str) -> None:
    """A week ends where the next begins, and every moment is in exactly one."""
    week = week_of(day, ZoneInfo(zone))
    following = week_of(day + timedelta(weeks=1), ZoneInfo(zone))
    assert week.ends == following.starts
    assert following.before() == week
    assert 166 <= week.hours <= 170
    assert week.monday <= day <= week.sunday


@given(st.integers(0, 50 * 366 * 24 * 60), st.sampled_from(ZONES))
def test_the_running_week_is_never_the_last(minutes: int, zone: str) -> None:
    """The last complete week is over, and the one after it is not."""
    at = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    week = last_complete(at, ZoneInfo(zone))
    assert week.ends <= at
    assert week_of(week.monday + timedelta(weeks=1), ZoneInfo(zone)).ends > at


@pytest.mark.parametrize(
    ("week", "hours", "starts"),
    [
        (Week(2026, 13, BERLIN), 167, "2026-03-22T23:00:00+00:00"),
        (Week(2026, 43, BERLIN), 169, "2026-10-18T22:00:00+00:00"),
        (Week(2026, 53, BERLIN), 168, "2026-12-27T23:00:00+00:00"),
    ],
)
def test_edges_are_local_midnights(week: Week, hours: int, starts: str) -> None:
    """Also where clocks change, and at the end of a year of 53 weeks."""
    assert (week.hours, week.starts.isoformat()) == (hours, starts)


@pytest.mark.parametrize(
    ("week", "title"),
    [
        (Week(2026, 47, BERLIN), "16 to 22 November 2026"),
        (Week(2026, 49, BERLIN), "30 November to 6 December 2026"),
        (Week(2026, 53, BERLIN), "28 December 2026 to 3 January 2027"),
    ],
)
def test_a_week_is_told_in_dates(week: Week, title: str) -> None:
    """With as much of them as is needed."""
    assert str(week) == title


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-47", "is no week"), ("last", "is no week"), ("2026-W54", "has no week 54"),
        ("2025-W53", "has no week 53"),        ("2026-W48", "is not over; the last complete week is 2026-W47"),
        ("2999-W52", "is not over"),
        ("9999-W52", "has no week 52"), ("2026-W00", "no week 0"),
    ],
)  # fmt: skip
def test_a_wrong_week_is_explained(text: str, message: str) -> None:
    """What is no week, or not over, is said in words."""
    with pytest.raises(ValueError, match=message):
        parse_week(text, BERLIN, datetime(2026, 11, 26, 12, tzinfo=UTC))


def test_nine_weeks_oldest_first() -> None:
    """Over the turn of a year with 53 weeks."""
    assert [week.name for week in history(Week(2027, 1, BERLIN), 2)] == ["2026-W52", "2026-W53", "2027-W01"]
