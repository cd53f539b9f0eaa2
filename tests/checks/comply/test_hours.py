"""Working hours, against a walk over the minutes of a wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.comply.hours import WorkingHours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
HALVES = [time(hour, minute) for hour in range(24) for minute in (0, 30)]


@st.composite
def hours(draw: Any) -> WorkingHours:
    start, end = sorted(draw(st.lists(st.sampled_from(HALVES), min_size=2, max_size=2, unique=True)))
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, unique=True))
    return WorkingHours(tuple(days), start, end, draw(st.sampled_from(ZONES)))


# Days around changes of the clocks, and others.
MOMENTS = st.sampled_from(
    [
        datetime(2026, month, day, tzinfo=UTC)
        for month, day in ((3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1), (7, 9))
    ]
).flatmap(lambda day: st.integers(-2880, 2880).map(lambda minutes: day + timedelta(minutes=minutes)))


def _clock_says(one: WorkingHours, now: datetime) -> bool:
    """What a clock on the wall of the zone says."""
    local = now.astimezone(ZoneInfo(one.timezone))
    return DAYS[local.weekday()] in one.days and one.start <= local.time() < one.end


def _skipped(one: WorkingHours, now: datetime) -> bool:
    """Whether the clocks are set on or back about *now*: then one on the wall shows an hour twice, or never."""
    zone, some = ZoneInfo(one.timezone), timedelta(hours=3)
    return (now - some).astimezone(zone).utcoffset() != (now + some).astimezone(zone).utcoffset()


@given(hours(), MOMENTS)
def test_within_is_what_the_clock_on_the_wall_says(one: WorkingHours, now: datetime) -> None:
    """On every day but in the hours about a change of the clocks, when it shows a time twice or never."""
    if not _skipped(one, now):
        assert one.within(now) is _clock_says(one, now)


@given(hours(), MOMENTS)
def test_ends_and_time_off_fit_together(one: WorkingHours, now: datetime) -> None:
    """The last end is over, the next is not, no moment of the time off is within, and it begins where hours end."""
    began, ended = one.last_off(now)
    assert began == one.last_ended(now) <= now < one.next_end(now)
    assert began <= ended <= now
    assert one.within(began - timedelta(seconds=1))
    if ended < now:
        assert one.within(ended)
    step = (ended - began) / 7
    assert not any(one.within(began + n * step) for n in range(7) if began + n * step < ended)
    assert one.within(now) is one.within(ended)


@pytest.mark.parametrize(
    ("moment", "within"),
    [
        ("2026-03-27 18:59", True),  # Friday, winter time: 19:59 in Berlin
        ("2026-03-27 19:00", False),
        ("2026-03-30 17:59", True),  # Monday, summer time
        ("2026-03-30 18:00", False),
        ("2026-03-30 05:00", True),
        ("2026-03-30 04:59", False),
        ("2026-03-28 12:00", False),  # Saturday
    ],
)
def test_summer_time_moves_the_hours(moment: str, within: bool) -> None:
    """Seven o'clock is seven o'clock."""
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert WorkingHours(timezone="Europe/Berlin").within(now) is within


def test_the_time_off_of_a_weekend_is_one() -> None:
    """From Friday evening until Monday morning."""
    found = WorkingHours().last_off(datetime(2026, 6, 1, 12, tzinfo=UTC))
    assert found == (datetime(2026, 5, 29, 20, tzinfo=UTC), datetime(2026, 6, 1, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": ()}, "at least one day"),
        ({"start": time(20), "end": time(8)}, "begin before they end"),
        ({"start": time(8), "end": time(8)}, "begin before they end"),
        ({"timezone": "Mars/Olympus"}, "name of a time zone"),
        ({"timezone": "../etc/passwd"}, "name of a time zone"),
    ],
)
def test_hours_that_are_none_are_refused(options: dict[str, Any], message: str) -> None:
    """Said in the words of the configuration."""
    with pytest.raises(ValueError, match=message):
        WorkingHours(**options)
