"""Crontab lines: what they say, what is wrong with one, and clocks that are moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.executions.cron import parse
from daemon.executions.schedules import Schedule, expect

UTC_ZONE, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 3 * * *", datetime(2026, 3, 3, 3, 0, tzinfo=UTC)),
        ("*/15 * * * *", datetime(2026, 3, 2, 9, 15, tzinfo=UTC)),
        ("0 9 * * *", datetime(2026, 3, 3, 9, 0, tzinfo=UTC)),  # later than now, not now
        ("30 8 * * 1-5", datetime(2026, 3, 3, 8, 30, tzinfo=UTC)),
        ("0 0 * * 0", datetime(2026, 3, 8, tzinfo=UTC)),
        ("0 0 * * 7", datetime(2026, 3, 8, tzinfo=UTC)),
        ("0 0 * * sun,wed", datetime(2026, 3, 4, tzinfo=UTC)),
        ("0 0 13 * 5", datetime(2026, 3, 6, tzinfo=UTC)),  # the 13th, or a Friday
        ("0 0 29 feb *", datetime(2028, 2, 29, tzinfo=UTC)),
        ("@daily", datetime(2026, 3, 3, tzinfo=UTC)),
        ("5/20 9 * * *", datetime(2026, 3, 2, 9, 5, tzinfo=UTC)),
        ("0 0 31 4 *", None),
    ],
)
def test_when_it_comes_next(text: str, expected: datetime | None) -> None:
    """As cron has it."""
    assert parse(text).after(MONDAY, UTC_ZONE) == expected


def test_a_local_time_that_the_clocks_leave_out_comes_once() -> None:
    """In spring it comes as the clocks are moved, in autumn once."""
    cron = parse("30 2 * * *")
    spring = cron.after(datetime(2026, 3, 28, 12, tzinfo=UTC), BERLIN)
    assert spring == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    autumn = cron.after(datetime(2026, 10, 24, 12, tzinfo=UTC), BERLIN)
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert cron.after(autumn, BERLIN) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "five fields"), ("* * * *", "five fields"), ("60 * * * *", "minute is to be from 0 to 59"),
        ("* * 0 * *", "day is to be from 1 to 31"), ("5-1 * * * *", "ends before it begins"),
        ("*/0 * * * *", "minute"), ("* * * foo *", "month is to be"),
        ("٣ * * * *", "minute"), ("1,,2 * * * *", "minute"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    """By the name of the field."""
    with pytest.raises(ValueError, match=why):
        parse(text)


@given(st.text(alphabet="0123456789*/,-@ abcdefmonsun", max_size=25), st.integers(0, 20 * 365 * 86_400))
@settings(max_examples=100, deadline=None)
def test_every_line_is_read_or_refused_and_time_goes_on(text: str, seconds: int) -> None:
    """The next time is later than the moment, to the minute."""
    try:
        cron = parse(text)
    except ValueError:
        return
    moment = MONDAY + timedelta(seconds=seconds)
    found = cron.after(moment, BERLIN)
    assert found is None or (found > moment and found.second == 0)


def test_overdue_begins_after_the_grace() -> None:
    """Neither a moment sooner, nor without a schedule."""
    nightly = Schedule("n", "n", cron=parse("0 3 * * *"), grace=timedelta(hours=1))
    due = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
    at = due + timedelta(hours=1)
    assert expect(nightly, MONDAY, at).overdue_since is None
    late = expect(nightly, MONDAY, at + timedelta(seconds=1))
    assert late.overdue_since == at
    assert "at 0 3 * * * (UTC), and no run has ended well since 2026-03-02 09:00 UTC" in late.why
    assert expect(Schedule("n", "n"), MONDAY, at + timedelta(days=900)).due is None
