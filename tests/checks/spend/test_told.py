"""Budgets, forecasts, commitments: tables of what is said of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from checks.base import Outcome
from checks.spend.commitments import QUESTIONS, Share, coverage_reading, share_reading
from checks.spend.model import DAY, TOTAL, Bill, days
from checks.spend.told import budget_reading, forecast_reading
from tests.aws.places import ACCOUNT
from tests.checks.spend.answers import ANOMALIES, ANOMALY, BUDGETS, PAYER, USAGE, billed, budget, look, money, utc


@pytest.mark.parametrize(
    ("limit", "actual", "ahead", "verdict", "outcome"),
    [
        (100, 50, 90, "within", Outcome.HEALTHY),
        (100, 100, 100, "within", Outcome.HEALTHY),
        (100, 50, 101, "over_forecast", Outcome.UNHEALTHY),
        (100, 101, 200, "over", Outcome.UNHEALTHY),
        (100, 50, None, "within", Outcome.HEALTHY),
        (100, None, 90, "not_told", Outcome.UNKNOWN),
        (None, 50, 90, "not_told", Outcome.UNKNOWN),
        (0, 1, None, "over", Outcome.UNHEALTHY),
    ],
)
def test_budgets(limit: Any, actual: Any, ahead: Any, verdict: str, outcome: Outcome) -> None:
    """What AWS does not tell is not known, and has no value."""
    row = {"name": "team", "unit": "USD", "limit": limit, "actual": actual, "forecast": ahead}
    reading = budget_reading(ACCOUNT, row)
    assert (reading.verdict, reading.outcome) == (verdict, outcome)
    assert ("budget_actual_usd" in reading.values) == (outcome is not Outcome.UNKNOWN)
    assert ("budget_forecast_usd" in reading.values) == (outcome is not Outcome.UNKNOWN and ahead is not None)


def test_a_planned_budget_has_the_limit_of_now() -> None:
    """Of the limits by period, the last that has begun; budgets of use are none of money."""
    starts = [int(utc(text).timestamp()) for text in ("2026-02-01", "2026-03-01", "2026-04-01")]
    planned = {**budget("plan", 1, 5, 5), "PlannedBudgetLimits": {str(at): money(10.0 * n) for n, at in
                                                                 enumerate(starts, 1)}}  # fmt: skip
    del planned["BudgetLimit"]
    usage = {**budget("hours", 1, 5, 5), "BudgetType": "USAGE"}
    readings, _ = look({**PAYER, BUDGETS: {"Budgets": [planned, usage]}})
    assert readings[f"{ACCOUNT}/budget/plan"].values["budget_limit_usd"] == 20.0
    assert f"{ACCOUNT}/budget/hours" not in readings


@pytest.mark.parametrize(
    ("today", "missing", "wanted"),
    [
        (date(2026, 3, 10), None, 9 * 10.0 + 5.0),
        (date(2026, 3, 1), None, 5.0),  # nothing of the month is spent yet
        (date(2026, 12, 31), None, 30 * 10.0 + 5.0),
        (date(2026, 3, 10), date(2026, 3, 4), None),
    ],
)
def test_forecasts(today: date, missing: date | None, wanted: float | None) -> None:
    """What was spent of the month, every day of it, and what is ahead."""
    known = {day: 10.0 for day in days(today - 40 * DAY, today - DAY) if day != missing}
    bill = Bill("USD", dict.fromkeys(known, False), {TOTAL: known})
    ahead = {"unit": "USD", "from": today.isoformat(), "mean": 5.0, "lower": 4.0, "upper": 6.0}
    reading = forecast_reading(ACCOUNT, bill, ahead, today, 0.0)
    assert reading.values.get("forecast_usd") == wanted
    assert (reading.outcome is Outcome.UNKNOWN) == (wanted is None)


@pytest.mark.parametrize(
    ("plans", "reserved", "outcome", "coverage"),
    [
        (Share(80.0), Share(10.0, {"1": 0.2, "2": 0.0}), Outcome.HEALTHY, {"1": 0.84, "2": 0.8}),
        (Share(None), Share(10.0, {"1": 0.2}), Outcome.HEALTHY, {"1": 0.2}),
        (Share(0.0), Share(0.0, {"1": 0.0}), Outcome.HEALTHY, {"1": 0.0}),
        (Share(80.0), Share(None), Outcome.NOT_APPLICABLE, None),
        (None, Share(10.0, {"1": 0.2}), Outcome.UNKNOWN, None),
        (Share(80.0), None, Outcome.UNKNOWN, None),
    ],
)
def test_coverage_of_accounts(
    plans: Share | None, reserved: Share | None, outcome: Outcome, coverage: dict[str, float] | None
) -> None:
    """Of what reservations leave, savings plans cover a part; what was not told is nobody's 0."""
    reading = coverage_reading(ACCOUNT, plans, reserved)
    assert (reading.outcome, reading.evidence.get("coverage")) == (outcome, coverage)


@pytest.mark.parametrize(
    ("index", "percent", "least", "verdict"),
    [(0, 50.0, 0.9, "idle_commitment"), (0, 90.0, 0.9, "used"), (1, 10.0, 0.6, "uncovered"), (1, None, 0.6,
     "nothing_to_cover"), (2, 0.0, 0.9, "idle_commitment"), (3, 59.9, 0.6, "uncovered"), (3, 60.0, 0.6, "used")],
)  # fmt: skip
def test_commitments(index: int, percent: float | None, least: float, verdict: str) -> None:
    """Of nothing there is no ratio."""
    reading = share_reading(ACCOUNT, QUESTIONS[index], percent, least)
    assert reading.verdict == verdict
    assert bool(reading.values) == (percent is not None)


def test_small_anomalies_and_those_that_people_judged_are_left_out() -> None:
    """What is left has the money and the cause in its sentence."""
    small = {**ANOMALY, "AnomalyId": "small", "Impact": {"MaxImpact": 1.0, "TotalImpact": 1.0}}
    planned = {**ANOMALY, "AnomalyId": "planned", "Feedback": "PLANNED_ACTIVITY"}
    readings, _ = look({**PAYER, ANOMALIES: {"Anomalies": [ANOMALY, small, planned]}})
    assert [name for name in readings if "/anomaly/" in name] == [f"{ACCOUNT}/anomaly/anomaly-1"]
    assert "80.00 USD more than expected (EC2 eu-west-1" in readings[f"{ACCOUNT}/anomaly/anomaly-1"].summary


def test_days_without_anybody_in_them_are_not_known() -> None:
    """A bill that is not written yet is not a bill of 0."""
    readings, memory = look({**PAYER, USAGE: billed(lambda day: {})})
    assert readings[f"{ACCOUNT}/spend"].outcome is Outcome.UNKNOWN
    assert "bill" not in memory
