"""Questions to Cost Explorer, each of which costs a cent a page. Answers become plain data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from checks.aws import AwsPlace, unsaid
from checks.base import Json
from checks.spend.effect import STACK
from checks.spend.model import DAY, LONGEST, TOTAL, Bill, Key, merged, restored, stored
from checks.spend.purse import Purse

_AGAIN = 14  # days that are asked for anew: amounts arrive late, and are spread over days afterwards
# What is no use of anything: a credit would hide a rise, and its end would look like one.
_WITHOUT_CREDITS = {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund"]}}}
# A metric of GetCostAndUsage -> of GetCostForecast.
FORECASTS: Mapping[str, str] = {
    "AmortizedCost": "AMORTIZED_COST", "BlendedCost": "BLENDED_COST", "NetAmortizedCost": "NET_AMORTIZED_COST",
    "NetUnblendedCost": "NET_UNBLENDED_COST", "UnblendedCost": "UNBLENDED_COST",
}  # fmt: skip


def number(place: AwsPlace, operation: str, text: Any, service: str = "ce") -> float:
    """A number that AWS gives as text. Raises AwsError for what is none: it is never taken for 0."""
    try:
        found = float(text)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise unsaid(place, service, operation, "an amount that is no number")
    return found


def period(first: date, after: date) -> Mapping[str, str]:
    """A TimePeriod; *after*, its end, is the first day that is not in it."""
    return {"Start": first.isoformat(), "End": after.isoformat()}


def read_bill(place: AwsPlace, purse: Purse, today: date, basis: str, before: Json | None) -> Json:
    """The bill up to *today*, by service and account, in one question. *before*: what it gave last time, stored()."""
    old = _old(before)
    whole = old is not None and len(old.days) >= LONGEST - _AGAIN and max(old.days) >= today - (_AGAIN - 2) * DAY
    first = today - (_AGAIN if whole else LONGEST) * DAY
    new = _ask(place, purse, first, today, basis, _BY_SERVICE, _service)
    if not new.days:
        raise unsaid(place, "ce", "GetCostAndUsage", "no day with any cost in the answer")
    return stored(merged(old, new))


def read_stacks(place: AwsPlace, purse: Purse, today: date, basis: str, tag: str, before: Json | None) -> Json:
    """The same by the values of a cost allocation tag: keys are ("stack", value). What has no value is left out."""
    old = _old(before)
    first = today - (_AGAIN if old is not None else LONGEST) * DAY

    def keyed(keys: Sequence[str]) -> Iterable[Key]:
        value = keys[0].removeprefix(f"{tag}$")
        return [(STACK, value)] if value else []

    new = _ask(place, purse, first, today, basis, [{"Type": "TAG", "Key": tag}], keyed)
    if not new.days:
        raise unsaid(place, "ce", "GetCostAndUsage", "no day with any cost in the answer")
    return stored(merged(old, new))


_BY_SERVICE = ({"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"})


def _service(keys: Sequence[str]) -> Iterable[Key]:
    service, account = keys
    return ("service", service), ("account", account), TOTAL


def _old(before: Json | None) -> Bill | None:
    try:
        return restored(before) if before is not None else None
    except ValueError:
        return None


def _ask(
    place: AwsPlace, purse: Purse, first: date, today: date, basis: str, groups: Sequence[Mapping[str, str]],
    keyed: Callable[[Sequence[str]], Iterable[Key]],
) -> Bill:  # fmt: skip
    units: set[str] = set()
    known: dict[date, bool] = {}
    amounts: dict[Key, dict[date, float]] = {}
    for page in purse.pages(
        "ce", "get_cost_and_usage", "NextPageToken", TimePeriod=period(first, today + DAY), Granularity="DAILY",
        Metrics=[basis], Filter=_WITHOUT_CREDITS,
        GroupBy=list(groups),
    ):  # fmt: skip
        if page.get("ResultsByTime") is None:
            raise unsaid(place, "ce", "GetCostAndUsage", "no results in the answer")
        for result in page["ResultsByTime"]:
            day = _day(place, result)
            if not result.get("Groups"):
                continue  # of nobody, not even a cent: the day is not billed yet, and that is not 0
            known[day] = known.get(day, False) or bool(result.get("Estimated"))
            # With GroupBy the total of a day is left empty: it is the sum of its groups.
            for group in result["Groups"]:
                keys, told = list(group.get("Keys") or ()), (group.get("Metrics") or {}).get(basis) or {}
                if len(keys) != len(groups):
                    raise unsaid(place, "ce", "GetCostAndUsage", "a group without all that was asked for")
                amount = number(place, "GetCostAndUsage", told.get("Amount"))
                units.add(str(told.get("Unit") or ""))
                for key in keyed([str(each) for each in keys]):
                    by_day = amounts.setdefault(key, {})
                    by_day[day] = by_day.get(day, 0.0) + amount
    if len(units) > 1:
        raise unsaid(place, "ce", "GetCostAndUsage", f"amounts in {' and '.join(sorted(units))}")
    return Bill(next(iter(units), "USD"), known, amounts)


def _day(place: AwsPlace, result: Mapping[str, Json]) -> date:
    try:
        return date.fromisoformat(result["TimePeriod"]["Start"])
    except (KeyError, TypeError, ValueError) as error:
        raise unsaid(place, "ce", "GetCostAndUsage", "a result without a day") from error


def read_forecast(place: AwsPlace, purse: Purse, today: date, basis: str) -> Json:
    """What the rest of the month will cost from *today* on: {"unit", "from", "mean", "lower", "upper"}.

    The bounds are the sums of the days' bounds, so they are at least as wide as AWS' own.
    """
    end = next_month(today)
    answer = purse.call(
        "ce", "get_cost_forecast", TimePeriod=period(today, end), Granularity="DAILY", Metric=FORECASTS[basis],
        PredictionIntervalLevel=80, Filter=_WITHOUT_CREDITS,
    )  # fmt: skip
    days = answer.get("ForecastResultsByTime") or []
    if len(days) != (end - today).days:
        raise unsaid(place, "ce", "GetCostForecast", "not every day of the rest of the month")
    names = {"mean": "MeanValue", "lower": "PredictionIntervalLowerBound", "upper": "PredictionIntervalUpperBound"}
    sums = {
        name: math.fsum(number(place, "GetCostForecast", day.get(member)) for day in days)
        for name, member in names.items()
    }
    return {"unit": str((answer.get("Total") or {}).get("Unit") or ""), "from": today.isoformat(), **sums}


def next_month(day: date) -> date:
    """The first day of the month after that of *day*."""
    return (day.replace(day=28) + 4 * DAY).replace(day=1)


def read_anomalies(place: AwsPlace, purse: Purse, first: date, today: date) -> Json:
    """What Cost Anomaly Detection found since *first*, without what people called planned or no anomaly."""
    found: list[Json] = []
    for page in purse.pages(
        "ce", "get_anomalies", "NextPageToken",
        DateInterval={"StartDate": first.isoformat(), "EndDate": today.isoformat()},
    ):  # fmt: skip
        if page.get("Anomalies") is None:
            raise unsaid(place, "ce", "GetAnomalies", "no list of anomalies in the answer")
        for one in page["Anomalies"]:
            if one.get("Feedback") in ("NO", "PLANNED_ACTIVITY"):
                continue
            impact = one.get("Impact") or {}
            roots = [
                {name: str(root.get(name) or "") for name in ("Service", "Region", "LinkedAccount", "UsageType")}
                for root in one.get("RootCauses") or ()
            ]
            found.append({
                "id": str(one["AnomalyId"]), "since": str(one.get("AnomalyStartDate") or "")[:10],
                "what": str(one.get("DimensionValue") or ""), "roots": roots[:5],
                "impact": number(place, "GetAnomalies", impact.get("TotalImpact")),
            })  # fmt: skip
    return found
