"""The demo's bill: the same every week, but for what the mischief has spent. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

DAY = timedelta(days=1)
_ESTIMATED_DAYS = 2  # the newest days, whose bill is not complete
_WEEKEND = 0.7  # part of a working day's cost
# Service, as Cost Explorer names it -> dollars of a working day.
_DAILY: Mapping[str, float] = {
    "Amazon Elastic Compute Cloud - Compute": 64.0, "Amazon DynamoDB": 21.5, "Amazon Simple Storage Service": 12.25,
    "Amazon Simple Queue Service": 3.5, "AWS Config": 2.75,
}  # fmt: skip
FLEET = "Amazon Elastic Compute Cloud - Compute"  # what a forgotten fleet is billed as


def days(first: date, after: date, today: date) -> Iterator[date]:
    """The days of [first, after) that have a bill: those that are over."""
    while first < min(after, today):
        yield first
        first += DAY


def amounts(day: date, extra: Mapping[str, float]) -> dict[str, float]:
    """Dollars of a day by service. *extra*: day, as ISO 8601 writes it -> dollars of a fleet that nobody needs."""
    part = _WEEKEND if day.weekday() >= 5 else 1.0
    found = {service: round(amount * part, 2) for service, amount in _DAILY.items()}
    found[FLEET] = round(found[FLEET] + float(extra.get(day.isoformat(), 0.0)), 2)
    return found


def cost_and_usage(
    first: date, after: date, today: date, account: str, metric: str, extra: Mapping[str, float]
) -> dict[str, Any]:
    """GetCostAndUsage by day, service and account."""
    results = [
        {
            "TimePeriod": _period(day),
            "Total": {},
            "Groups": [
                {"Keys": [service, account], "Metrics": {metric: {"Amount": f"{amount:.2f}", "Unit": "USD"}}}
                for service, amount in sorted(amounts(day, extra).items())
            ],
            "Estimated": day > today - (_ESTIMATED_DAYS + 1) * DAY,
        }
        for day in days(first, after, today)
    ]
    groups = [{"Type": "DIMENSION", "Key": key} for key in ("SERVICE", "LINKED_ACCOUNT")]
    return {"GroupDefinitions": groups, "ResultsByTime": results, "DimensionValueAttributes": []}


def forecast(first: date, after: date) -> dict[str, Any]:
    """GetCostForecast by day: as every week."""
    results, total = [], 0.0
    while first < after:
        amount = sum(amounts(first, {}).values())
        lower, upper = f"{0.9 * amount:.2f}", f"{1.1 * amount:.2f}"
        total += amount
        results.append({
            "TimePeriod": _period(first), "MeanValue": f"{amount:.2f}",
            "PredictionIntervalLowerBound": lower, "PredictionIntervalUpperBound": upper,
        })  # fmt: skip
        first += DAY
    return {"Total": {"Amount": f"{total:.2f}", "Unit": "USD"}, "ForecastResultsByTime": results}


def _period(day: date) -> dict[str, str]:
    return {"Start": day.isoformat(), "End": (day + DAY).isoformat()}
