"""Numbers of a day: kept once, never changed, and only where they are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from checks.base import Outcome
from daemon.measures import keep
from daemon.store import retention
from daemon.store.weeks import measures
from tests.daemon.report.world import DAY, HOUR, WEEK, World, bill, fine, spend, world


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def kept(it: World) -> dict[tuple[str, str, str], float]:
    with it.store.read() as view:
        found = measures(view.db, (WEEK.monday - 100 * DAY), WEEK.sunday + 100 * DAY)
        return {(each.day.isoformat(), each.name, each.subject): each.value for each in found}


def scored(score: float, outcome: Outcome = Outcome.HEALTHY) -> object:
    return replace(fine("stack/acme-prod", "kept", {"score_ratio": score}, scored="acme-prod"), outcome=outcome)


def test_a_number_of_a_day_is_kept_once(it: World) -> None:
    """The first of the day stays, whatever is read later; the next day has its own."""
    it.look("compliance", "estate", it.day(0), scored(0.7))  # type: ignore[arg-type]  # a Reading
    keep(it.store, it.day(0, 13))
    it.look("compliance", "estate", it.day(0, 14), scored(0.9))  # type: ignore[arg-type]  # a Reading
    keep(it.store, it.day(0, 15))
    keep(it.store, it.day(1, 15))
    assert kept(it) == {
        ("2026-11-16", "score_ratio", "acme-prod"): 0.7,
        ("2026-11-17", "score_ratio", "acme-prod"): 0.9,
    }


def test_what_is_not_known_is_not_kept(it: World) -> None:
    """A score of which not all was read, and a reading that the last look could not renew."""
    it.look("compliance", "estate", it.day(0), scored(0.7, Outcome.UNKNOWN), fine("x"))  # type: ignore[arg-type]
    it.look("quotas", "a/b", it.day(0), fine("quota", "within", {"usage_ratio": 0.8}))
    it.look("quotas", "a/b", it.day(0, 13), failure=("denied", "no"))
    assert keep(it.store, it.day(0, 14)) == 0
    assert kept(it) == {}


def test_closed_days_of_the_bill_are_kept_and_open_ones_are_not(it: World) -> None:
    """The newest two days may still change."""
    spend(it)
    keep(it.store, WEEK.ends + 9 * HOUR)
    days = sorted({day for day, name, subject in kept(it) if (name, subject) == ("cost_usd", "total")})
    assert days[-1] == "2026-11-21"
    assert kept(it)["2026-11-20", "cost_usd", "service/AWS Lambda"] == 44.8


def test_a_bill_of_another_make_is_left_alone(it: World) -> None:
    """What a later version of the check keeps is no number that is known here."""
    broken = {**bill({"x": lambda day: 1.0}, WEEK.ends), "value": {"unit": "USD"}}
    it.look("cost", "9", it.day(0), fine("9/spend"), kept={"bill": broken})
    assert keep(it.store, it.day(0, 13)) == 0


def test_nobody_changes_a_measure(it: World) -> None:
    """The table itself refuses."""
    spend(it)
    keep(it.store, WEEK.ends + 9 * HOUR)
    with pytest.raises(Exception, match="append-only"), it.store.transaction() as tx:
        tx.db.execute("update measure set value = 0")


def test_old_measures_go_with_the_rest(it: World) -> None:
    """After the retention, by when they were written."""
    spend(it)
    keep(it.store, WEEK.ends + 9 * HOUR)
    count = len(kept(it))
    assert retention.prune(it.store.transaction, WEEK.ends + 20 * DAY, timedelta(days=30)).measures == 0
    assert retention.prune(it.store.transaction, WEEK.ends + 40 * DAY, timedelta(days=30)).measures == count
    assert kept(it) == {}
