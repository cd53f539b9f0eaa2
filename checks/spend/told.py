"""Readings of what was billed, is forecast and was budgeted. Pure: from plain data to what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from checks.base import Finding, Json, Kind, Outcome, Reading
from checks.spend.compare import Compared, Sensitivity, newest_rise, weeks
from checks.spend.explorer import next_month
from checks.spend.model import DAY, TOTAL, Bill, Key

USD = "USD"
OTHER = "__other__"
VERDICTS: Mapping[str, str] = {
    "as_usual": "the newest closed days cost about what such days cost",
    "rise": "a closed day cost more than the same weekday usually does",
    "week_rise": "the last week cost more than the week before and than the mean of eight weeks",
    "too_new": "fewer than four such days are known to compare with",
    "no_closed_day": "could not look: no day is known whose bill is closed and not too old",
    "within": "it stays within what was budgeted, or within what was expected",
    "over_forecast": "the forecast is above the budget",
    "over": "more was spent than was budgeted",
    "not_told": "could not look: AWS does not tell the amount",
    "anomaly": "AWS Cost Anomaly Detection found it",
}
_OLDEST = 10  # days: a newest closed day that is older tells nothing of now


def usd(values: Mapping[str, float], unit: str) -> Mapping[str, float]:
    """The values, if they are dollars: measures say so in their names. None of what is in another currency."""
    return values if unit == USD else {}


def money(amount: float, unit: str) -> str:
    """An amount for people: "1,234.50 USD"."""
    return f"{amount:,.2f} {unit}".rstrip()


def opportunity(key: str, summary: str, cause: str, remedy: str, **more: Json) -> Finding:
    """A finding of the weekly review."""
    return Finding(Kind.COST_OPPORTUNITY, key, summary, cause=cause, remedy=remedy, **more)


@dataclass(frozen=True)
class Judge:
    """How a bill is judged; see the options of the check."""

    sensitivity: Sensitivity = field(default_factory=Sensitivity)
    delay: int = 2
    settled: int = 7
    look_back: int = 3
    week_ratio: float = 0.25
    week_amount: float = 50.0
    shown: int = 30  # services, and accounts, that are told by name

    def readings(self, place: str, bill: Bill, today: date, asked_at: datetime) -> Iterator[Reading]:
        """Of the total, and of every service and account; the smallest of them together, as "__other__"."""
        closed = bill.closed(today, self.delay, self.settled)
        if not closed or closed[-1] < today - _OLDEST * DAY:
            last = f"the newest is {closed[-1].isoformat()}" if closed else "there is none"
            words = f"not known: what was spent: no day of the last {_OLDEST} days is closed; {last}"
            yield Reading(f"{place}/spend", Outcome.UNKNOWN, "no_closed_day", words, (_silence(words),))
            return
        yield self._total(place, bill, closed, asked_at)
        for by in ("service", "account"):
            yield from self._parts(place, bill, closed, by)

    def _total(self, place: str, bill: Bill, closed: Sequence[date], asked_at: datetime) -> Reading:
        found = newest_rise(bill, TOTAL, closed, self.sensitivity, self.look_back)
        week = weeks(bill, TOTAL, closed[-1])
        values = {
            "week_usd": week.last, "week_before_usd": week.before, "week_mean_usd": week.mean,
            "day_usd": bill.amount(TOTAL, closed[-1]), "day_usual_usd": found.usual if found else None,
        }  # fmt: skip
        told = usd({name: amount for name, amount in values.items() if amount is not None}, bill.unit)
        told = {**told, "bill_timestamp_seconds": asked_at.timestamp()}
        findings, verdict, summary = self._of_series(bill, TOTAL, found)
        if week.rise(self.week_ratio, self.week_amount):
            assert week.last is not None and week.before is not None and week.mean is not None  # noqa: PT018 rise() says so
            text = (
                f"The week to {closed[-1].isoformat()} cost {money(week.last, bill.unit)}, after"
                f" {money(week.before, bill.unit)} the week before and {money(week.mean, bill.unit)} in a mean week"
            )
            verdict, summary = ("week_rise", text) if not findings else (verdict, summary)
            findings = (*findings, opportunity("week", text, "cost:week", _explore(closed[-1] - 13 * DAY, closed[-1])))
        outcome = Outcome.UNHEALTHY if findings else Outcome.HEALTHY
        return Reading(f"{place}/spend", outcome, verdict, summary, findings, told, _labels(TOTAL, bill, closed[-1]))

    def _parts(self, place: str, bill: Bill, closed: Sequence[date], by: str) -> Iterator[Reading]:
        month = closed[-28:]
        size = {key: sum(bill.amounts[key].get(day, 0.0) for day in month) for key in bill.amounts if key[0] == by}
        ordered = sorted(size, key=lambda key: (-size[key], key))
        rest = 0.0
        for number, key in enumerate(ordered):
            found = newest_rise(bill, key, closed, self.sensitivity, self.look_back)
            rises = found is not None and found.rise
            newest = bill.amount(key, closed[-1])
            if number >= self.shown and not rises:  # a new thing that grows is never hidden among the small ones
                rest += newest or 0.0
                continue
            findings, verdict, summary = self._of_series(bill, key, found)
            values = {} if newest is None else usd({"day_usd": newest}, bill.unit)
            yield Reading(
                f"{place}/spend/{by}/{key[1]}", Outcome.UNHEALTHY if findings else Outcome.HEALTHY, verdict, summary,
                findings, values, _labels(key if number < self.shown else (by, OTHER), bill, closed[-1]),
            )  # fmt: skip
        if len(ordered) > self.shown:
            yield Reading(
                f"{place}/spend/{by}/{OTHER}", Outcome.HEALTHY, "as_usual",
                f"the smaller ones together: {money(rest, bill.unit)}", (), usd({"day_usd": rest}, bill.unit),
                _labels((by, OTHER), bill, closed[-1]),
            )  # fmt: skip

    def _of_series(self, bill: Bill, key: Key, found: Compared | None) -> tuple[tuple[Finding, ...], str, str]:
        """Findings, verdict and summary of one series."""
        name = f"Account {key[1]}" if key[0] == "account" else key[1] or "Everything together"
        if found is None or found.usual is None:
            amount = f": {money(found.amount, bill.unit)} on {found.day.isoformat()}" if found else ""
            return (), "too_new", f"{name}{amount}; too few such days are known to compare with"
        told = (
            f"{name} cost {money(found.amount, bill.unit)} on {found.day:%A} {found.day.isoformat()};"
            f" such a day usually costs {money(found.usual, bill.unit)}"
        )
        if not found.rise:
            return (), "as_usual", told
        finding = opportunity(
            "rise", told, f"cost:rise:{found.day.isoformat()}", _explore(found.day - 7 * DAY, found.day, key),
            evidence={"excess": round(found.excess, 2), "unit": bill.unit, "day": found.day.isoformat()},
        )  # fmt: skip
        return (finding,), "rise", told


def _silence(words: str) -> Finding:
    return Finding(Kind.MONITORING, "could_not_look", words, cause="cost:not_told")


def _labels(key: Key, bill: Bill, newest: date) -> Mapping[str, Json]:
    return {"by": key[0], "name": key[1], "unit": bill.unit, "newest_closed_day": newest.isoformat()}


def _explore(first: date, last: date, key: Key = TOTAL) -> str:
    """The command that shows what it was, by usage type. It is a paid request, so it is people who make it."""
    command = (
        f"aws ce get-cost-and-usage --time-period Start={first.isoformat()},End={(last + DAY).isoformat()}"
        " --granularity DAILY --metrics UnblendedCost"
    )
    if key == TOTAL:
        return f"{command} --group-by Type=DIMENSION,Key=SERVICE"
    dimension = "SERVICE" if key[0] == "service" else "LINKED_ACCOUNT"
    values = key[1].replace("\\", "").replace('"', "").replace("'", "")
    wanted = f'{{"Dimensions": {{"Key": "{dimension}", "Values": ["{values}"]}}}}'
    return f"{command} --group-by Type=DIMENSION,Key=USAGE_TYPE --filter '{wanted}'"


def forecast_reading(place: str, bill: Bill, forecast: Mapping[str, Json], today: date, budget: float) -> Reading:
    """What the month will have cost: what was billed of it until the forecast begins, and the forecast."""
    resource = f"{place}/forecast"
    start = date.fromisoformat(str(forecast["from"]))
    first = start.replace(day=1)
    spent = 0.0 if start == first else bill.sum(TOTAL, first, start - DAY)
    unit = str(forecast["unit"]) or bill.unit
    if spent is None or unit != bill.unit or start.month != today.month:
        words = "not known: what the month will cost: not all of its days are billed in the forecast's currency"
        return Reading(resource, Outcome.UNKNOWN, "not_told", words, (_silence(words),))
    mean, lower, upper = (spent + float(forecast[name]) for name in ("mean", "lower", "upper"))
    values = usd({"forecast_usd": mean, "forecast_lower_usd": lower, "forecast_upper_usd": upper}, unit)
    told = f"{first:%B %Y} will cost {money(mean, unit)}, between {money(lower, unit)} and {money(upper, unit)}"
    if budget and mean > budget:
        told += f"; {money(budget, unit)} are budgeted"
        finding = opportunity("forecast", told, "cost:forecast", _explore(first, next_month(first) - DAY))
        return Reading(resource, Outcome.UNHEALTHY, "over_forecast", told, (finding,), values)
    return Reading(resource, Outcome.HEALTHY, "within", told, values=values)


def budget_reading(place: str, budget: Mapping[str, Json]) -> Reading:
    """One budget of AWS Budgets, of money: {"name", "unit", "limit", "actual", "forecast"}; None: not told."""
    name, unit = str(budget["name"]), str(budget["unit"])
    limit, actual, forecast = (budget.get(each) for each in ("limit", "actual", "forecast"))
    resource, labels = f"{place}/budget/{name}", {"budget": name, "unit": unit}
    if limit is None or actual is None:
        words = f"not known: how the budget {name} stands: AWS tells no {'limit' if limit is None else 'spend'}"
        return Reading(resource, Outcome.UNKNOWN, "not_told", words, (_silence(words),), evidence=labels)
    amounts = {"budget_limit_usd": limit, "budget_actual_usd": actual, "budget_forecast_usd": forecast}
    values = usd({each: float(amount) for each, amount in amounts.items() if amount is not None}, unit)
    told = f"Budget {name}: {money(actual, unit)} of {money(limit, unit)} are spent"
    told += "" if forecast is None else f", {money(forecast, unit)} are forecast"
    over = "over" if actual > limit else "over_forecast" if forecast is not None and forecast > limit else ""
    if not over:
        return Reading(resource, Outcome.HEALTHY, "within", told, values=values, evidence=labels)
    remedy = "aws budgets describe-budgets --account-id " + place
    finding = opportunity("budget", told, f"cost:budget:{name}", remedy)
    return Reading(resource, Outcome.UNHEALTHY, over, told, (finding,), values, labels)


def anomaly_readings(place: str, anomalies: Iterable[Mapping[str, Json]], least: float) -> Iterator[Reading]:
    """A reading for every anomaly of at least so much money."""
    for one in anomalies:
        if one["impact"] < least:
            continue
        roots = "; ".join(" ".join(filter(None, root.values())) for root in one["roots"])
        told = f"AWS found an anomaly since {one['since']}: {money(one['impact'], USD)} more than expected"
        told += f" ({roots or one['what']})" if roots or one["what"] else ""
        finding = opportunity(
            "anomaly", told, f"cost:anomaly:{one['id']}",
            f"aws ce provide-anomaly-feedback --anomaly-id {one['id']} --feedback PLANNED_ACTIVITY  # if so",
        )  # fmt: skip
        yield Reading(
            f"{place}/anomaly/{one['id']}", Outcome.UNHEALTHY, "anomaly", told, (finding,),
            {"anomaly_impact_usd": one["impact"]},
        )  # fmt: skip
