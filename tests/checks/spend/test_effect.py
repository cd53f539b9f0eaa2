"""What a change did to the cost of its stack: known days later, and never 0 where nothing is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from checks.spend.effect import Known, effect
from checks.spend.model import Bill

DAY = timedelta(days=1)
RUN = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
FIRST = date(2026, 3, 1)
TODAY = date(2026, 3, 16)


def bill(stack: str = "acme-prod", *, without: date | None = None, last: date = TODAY, unit: str = "USD") -> Bill:
    """10 a day until the day of the run, 16 from the day after it."""
    known = [FIRST + number * DAY for number in range((last - FIRST).days + 1)]
    amounts = {day: 10.0 if day <= RUN.date() else 16.0 for day in known if day != without}
    return Bill(unit, dict.fromkeys(known, False), {("stack", stack): amounts})


def test_whole_closed_days_before_it_against_whole_closed_days_after_it() -> None:
    """The day of the run itself is of neither; other changes in those days are told."""
    found = effect(bill(), "acme-prod", RUN, RUN, TODAY, 2)
    assert (found.state, found.before, found.after) == (Known.KNOWN, 10.0, 16.0)
    assert found.text == (
        "6.00 USD a day more than before (10.00 to 16.00, 3 closed days on each side; "
        "2 other changes of the stack in those days)"
    )
    assert found.plain()["difference"] == 6.0


@pytest.mark.parametrize("days", range(5))
def test_it_is_not_known_until_the_last_day_is_closed(days: int) -> None:
    """Two days after it: the bill of the 13th, on the 15th."""
    today = RUN.date() + days * DAY
    found = effect(bill(last=today), "acme-prod", RUN, RUN, today)
    assert (found.state, found.before) == (Known.NOT_YET, None)
    assert found.text == "not known yet: once the bill of 2026-03-13 is closed"
    assert effect(bill(last=TODAY), "acme-prod", RUN, RUN, RUN.date() + 5 * DAY).state is Known.KNOWN


@pytest.mark.parametrize("missing", [date(2026, 3, 8), date(2026, 3, 12)])
def test_a_day_on_which_nothing_is_billed_is_not_zero(missing: date) -> None:
    """It may be a day without the tag."""
    found = effect(bill(without=missing), "acme-prod", RUN, RUN, TODAY)
    assert (found.state, found.before, found.after) == (Known.NOT_KNOWN, None, None)
    assert found.text == f"not known: nothing is billed to it, which may be a missing tag, on {missing}"


def test_what_is_not_tagged_or_not_asked_for_is_said() -> None:
    """And so is a day that the bill does not reach."""
    assert effect(bill("acme-dev"), "acme-prod", RUN, RUN, TODAY).state is Known.NOT_TAGGED
    assert effect(None, "acme-prod", RUN, RUN, TODAY).state is Known.NOT_ASKED
    early = datetime(2026, 3, 2, tzinfo=UTC)
    assert effect(bill(), "acme-prod", early, early, TODAY).text == "not known: the bill is not known, on 2026-02-27"
