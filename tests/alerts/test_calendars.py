"""Working time in zones whose clocks change, held against a count of single minutes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.calendars import WEEK, Calendar, after, between, is_working, next_moment

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# Clocks change at 01:00 UTC, at local midnight, by half an hour, in the south, on Fridays, and never.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Cairo", "America/Havana",
         "Pacific/Chatham", "Africa/Casablanca", "Asia/Kathmandu", "UTC")  # fmt: skip
# Around which something happens in each of them, and a leap day.
TURNS = (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 3, 7, tzinfo=UTC),
         datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 4, 23, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC),
         datetime(2024, 2, 28, tzinfo=UTC), datetime(2026, 2, 14, tzinfo=UTC))  # fmt: skip


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    opens = draw(st.integers(0, 1438))
    closes = draw(st.one_of(st.just(0), st.integers(opens + 1, 1439)))
    return Calendar(
        ZoneInfo(draw(st.sampled_from(ZONES))),
        days=draw(st.frozensets(st.integers(0, 6), min_size=1)),
        opens=time(*divmod(opens, 60)),
        closes=time(*divmod(closes, 60)),
        holidays=draw(st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 30)), max_size=5)),
        yearly=draw(st.frozensets(st.sampled_from([(12, 25), (10, 25), (3, 29)]), max_size=2)),
    )


starts = st.builds(
    lambda turn, minutes: turn + minutes * MINUTE, st.sampled_from(TURNS), st.integers(-3 * 1440, 3 * 1440)
)


def on_the_wall(calendar: Calendar, at: datetime) -> bool:
    """Whether a clock on the wall shows working time, worked out without any of the code under test."""
    wall = at.astimezone(calendar.zone)
    minutes = wall.hour * 60 + wall.minute
    closes = calendar.closes.hour * 60 + calendar.closes.minute or 1440
    day = wall.date()
    free = day in calendar.holidays or (day.month, day.day) in calendar.yearly or day.weekday() not in calendar.days
    return not free and calendar.opens.hour * 60 + calendar.opens.minute <= minutes < closes


@given(calendars(), starts, st.integers(0, 3 * 1440))
def test_it_is_as_many_minutes_as_one_can_count(calendar: Calendar, start: datetime, minutes: int) -> None:
    """Whatever clocks do in between: every minute counts once, by what the wall shows in it."""
    counted = sum(on_the_wall(calendar, start + number * MINUTE) for number in range(minutes))
    assert between(calendar, start, start + minutes * MINUTE) == counted * MINUTE


@given(calendars(), starts, st.timedeltas(timedelta(microseconds=1), timedelta(days=4)))
def test_after_is_the_first_moment_with_so_much_behind_it(
    calendar: Calendar, start: datetime, length: timedelta
) -> None:
    """Just before it, it is working time, so that no earlier moment would do."""
    end = after(calendar, start, length)
    assert between(calendar, start, end) == length
    assert is_working(calendar, end - timedelta(microseconds=1))


@given(calendars(), starts)
def test_the_next_moment_is_the_nearest(calendar: Calendar, start: datetime) -> None:
    """It is working time, and nothing before it is."""
    found = next_moment(calendar, start)
    assert is_working(calendar, found)
    assert found >= start
    assert between(calendar, start, found) == timedelta()
    assert (found == start) == on_the_wall(calendar, start)


@given(calendars(), starts, starts, starts)
def test_time_adds_up(calendar: Calendar, one: datetime, two: datetime, three: datetime) -> None:
    """What lies in two stretches lies in both together."""
    one, two, three = sorted((one, two, three))
    assert between(calendar, one, three) == between(calendar, one, two) + between(calendar, two, three)
    assert between(calendar, three, one) == timedelta()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        # The night of 29 March has no hour from 2 to 3: Sunday is 23 hours long.
        (datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 3, 30, 11, tzinfo=UTC)),
        # 25 October has the hour from 2 to 3 twice.
        (datetime(2026, 10, 23, 12, tzinfo=UTC), datetime(2026, 10, 26, 13, tzinfo=UTC)),
        (datetime(2026, 6, 5, 12, tzinfo=UTC), datetime(2026, 6, 8, 12, tzinfo=UTC)),
    ],
)
def test_a_day_over_a_weekend_ends_at_the_same_time_of_day(start: datetime, end: datetime) -> None:
    """From Friday, 24 hours of working days end on Monday as late by the clock, whatever it did on Sunday."""
    assert after(Calendar(BERLIN), start, DAY) == end


def test_where_sundays_count_the_clocks_are_felt() -> None:
    """24 hours from Saturday noon are 24 real hours: by the clock 13:00 in spring, and 11:00 in autumn."""
    every = Calendar(BERLIN, days=WEEK)
    assert after(None, datetime(2026, 3, 28, 12, tzinfo=BERLIN), DAY) == datetime(2026, 3, 29, 11, tzinfo=UTC)
    spring = after(every, datetime(2026, 3, 28, 12, tzinfo=BERLIN), DAY).astimezone(BERLIN)
    autumn = after(every, datetime(2026, 10, 24, 12, tzinfo=BERLIN), DAY).astimezone(BERLIN)
    assert (spring.hour, autumn.hour) == (13, 11)


def test_office_hours_and_holidays() -> None:
    """24 hours of nine to five are three working days; Christmas is none, in any year."""
    office = Calendar(BERLIN, opens=time(9), closes=time(17), yearly=frozenset({(12, 25)}))
    assert after(office, datetime(2026, 12, 23, 9, tzinfo=BERLIN), DAY) == datetime(2026, 12, 28, 17, tzinfo=BERLIN)
    assert next_moment(office, datetime(2026, 12, 24, 17, tzinfo=BERLIN)) == datetime(2026, 12, 28, 9, tzinfo=BERLIN)


def test_without_a_calendar_all_time_counts() -> None:
    """None is the calendar of those who have none."""
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert after(None, start, DAY) == start + DAY
    assert between(None, start, start + DAY) == DAY
    assert next_moment(None, start) == start
    assert is_working(None, start)


def test_a_calendar_that_has_run_out_hides_no_deadline() -> None:
    """With nothing but holidays ahead, the plain length of time is taken."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    idle = Calendar(BERLIN, holidays=frozenset(date(2026, 1, 1) + n * DAY for n in range(600)))
    assert after(idle, start, HOUR) == start + HOUR
    assert next_moment(idle, start) == start


@pytest.mark.parametrize(
    "wrong", [{"days": frozenset()}, {"days": frozenset({7})}, {"opens": time(9), "closes": time(9)}]
)
def test_a_calendar_without_time_is_refused(wrong: dict[str, frozenset[int]]) -> None:
    """It would promise deadlines that never come."""
    with pytest.raises(ValueError, match=r"day"):
        Calendar(BERLIN, **wrong)  # type: ignore[arg-type]  # a test names any field
