"""When jobs are due: across daylight saving, restarts and long absences."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.schedule import CATCH_UP_WINDOW, Daily, Every, Weekly, after_run, fraction, next_due, start_time

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Europe/Helsinki",
    "Australia/Lord_Howe",
    "America/Havana",
    "Asia/Kolkata",
]
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ZONES)
def test_every_daily_time_runs_once_per_local_day_over_two_years(name: str) -> None:
    """For each half hour of the day, two years have one run on each local date, none skipped and none doubled."""
    zone = ZoneInfo(name)
    for minutes in range(0, 24 * 60, 30):
        schedule = Daily(time(minutes // 60, minutes % 60), zone)
        moment = START
        days = []
        while moment < START + timedelta(days=730):
            moment = next_due(schedule, moment)
            days.append(moment.astimezone(zone).date())
        assert days == [days[0] + timedelta(days=n) for n in range(len(days))], schedule


@pytest.mark.parametrize("name", ZONES)
def test_every_weekly_time_runs_once_per_local_week(name: str) -> None:
    """Each weekday at midnight and at the hours where clocks change runs every seven local days."""
    zone = ZoneInfo(name)
    for weekday in range(7):
        for at in (time(0, 0), time(0, 30), time(2, 30), time(9, 0)):
            moment = START
            days = []
            while moment < START + timedelta(days=730):
                moment = next_due(Weekly(weekday, at, zone), moment)
                days.append(moment.astimezone(zone).date())
            assert {day.weekday() for day in days} == {weekday}
            assert days == [days[0] + timedelta(days=7 * n) for n in range(len(days))]


def test_a_time_that_does_not_exist_is_moved_on_and_one_that_exists_twice_is_taken_once() -> None:
    """Berlin: 02:30 on 29 March 2026 becomes 03:30 there; 02:30 on 25 October is the first of the two."""
    berlin = ZoneInfo("Europe/Berlin")
    schedule = Daily(time(2, 30), berlin)
    spring = next_due(schedule, datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert spring == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    autumn = next_due(schedule, datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_due(schedule, autumn) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@given(st.integers(0, 2**31), st.sampled_from(ZONES), st.integers(0, 1439), st.integers(0, 6))
def test_the_next_time_is_always_later_and_never_more_than_a_period_away(
    seconds: int, name: str, minutes: int, weekday: int
) -> None:
    """Whatever the instant, the next run lies ahead, and within a day (or a week) and a clock change."""
    now = datetime.fromtimestamp(seconds, UTC)
    at, zone = time(minutes // 60, minutes % 60), ZoneInfo(name)
    assert now < next_due(Daily(at, zone), now) <= now + timedelta(days=1, hours=2)
    assert now < next_due(Weekly(weekday, at, zone), now) <= now + timedelta(days=7, hours=2)


@pytest.mark.parametrize("absence", [timedelta(seconds=5), timedelta(hours=1), timedelta(days=3)])
@given(moments=st.lists(st.integers(0, 86_400), min_size=1, max_size=40))
def test_after_an_absence_each_overdue_job_starts_once_within_a_minute(absence: timedelta, moments: list[int]) -> None:
    """Jobs that fell due while nothing ran start within the catch-up window; the others at their own time."""
    now = START + timedelta(days=10)
    for number, offset in enumerate(moments):
        due = now - absence + timedelta(seconds=offset)
        start = start_time(f"job-{number}", due, now)
        if due > now:
            assert start == due
        else:
            assert now <= start <= now + CATCH_UP_WINDOW


def test_a_daily_job_runs_every_day_though_the_process_restarts_every_six_hours() -> None:
    """What is due comes from the store: ten days of six-hour lives give ten runs."""
    every = Every(timedelta(hours=24))
    due: datetime | None = None
    runs = 0
    for life in range(40):
        now = START + timedelta(hours=6 * life)
        end = now + timedelta(hours=6)
        start = start_time("cost", due, now)
        if start < end:
            runs += 1
            due = next_due(every, start)
    assert runs == 10


def test_what_was_first_looked_at_together_is_spread_over_its_interval() -> None:
    """After the first round of 200 jobs no tenth of the interval holds more than a quarter of them."""
    every = Every(timedelta(hours=6))
    dues = [after_run(every, f"acme-prod/c{n}", START, first=True) for n in range(200)]
    buckets = [0] * 10
    for due in dues:
        buckets[min(9, int((due - START) / every.interval * 10))] += 1
    assert max(buckets) < 50
    assert all(START < due <= START + every.interval for due in dues)
    assert after_run(every, "acme-prod/c1", START, first=False) == START + every.interval


@given(st.text())
def test_the_spread_of_a_key_is_stable_and_in_range(key: str) -> None:
    """The same key always falls on the same part."""
    assert 0 <= fraction(key) < 1
    assert fraction(key) == fraction(key)
