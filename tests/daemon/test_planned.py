"""What is told of the daemon's own duties: always the next one, in local time, over changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from alerts.digest import Digest
from daemon.planned import duties
from daemon.reporting import Plan, due

BERLIN = ZoneInfo("Europe/Berlin")
PLAN = Plan(BERLIN, ("C1",), weekday=0, at=time(9))
DIGEST = Digest(time(8, 30), BERLIN, "C1")
NOW = datetime(2026, 3, 26, 10, tzinfo=UTC)  # the Thursday before the clocks go forward
HOUR = timedelta(hours=1)


def test_the_next_of_each_kind_the_soonest_first() -> None:
    """The report on Monday, the digest tomorrow, the repository in a minute; in the local time of each."""
    found = duties(PLAN, DIGEST, (NOW - 4 * timedelta(minutes=1), timedelta(minutes=5)), NOW)
    assert [(duty.what, duty.at) for duty in found] == [
        ("reading the repository", NOW + timedelta(minutes=1)),
        ("daily digest", datetime(2026, 3, 27, 7, 30, tzinfo=UTC)),
        ("weekly report", datetime(2026, 3, 30, 7, tzinfo=UTC)),
    ]


def test_what_is_not_switched_on_is_not_told() -> None:
    """No destination, no digest, nothing loaded: nothing is planned."""
    assert duties(Plan(BERLIN), None, (None, HOUR), NOW) == []


@given(st.timedeltas(timedelta(), timedelta(days=365)).map(lambda length: NOW + length))
def test_a_duty_is_ahead_and_no_further_than_its_period(now: datetime) -> None:
    """Whenever it is asked: the digest within a day, the report within a week, give or take the hour of the clocks."""
    at = {duty.what: duty.at for duty in duties(PLAN, DIGEST, (None, HOUR), now)}
    assert now < at["daily digest"] <= now + timedelta(days=1, hours=1)
    assert now < at["weekly report"] <= now + timedelta(days=7, hours=1)
    before = due(PLAN, at["weekly report"] - timedelta(seconds=1))
    assert due(PLAN, at["weekly report"])[-1] not in before
