"""Cost: this week against the same weekdays of the last, and of eight weeks; what moved, what could be saved.

Bills are by UTC days, and the newest two are not closed when a week ends: so the weekdays that are known of this week
are held against the same weekdays of the others, and the section says which these are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from checks.spend.model import Bill, restored
from daemon.report.book import Book, blind, not_watched
from daemon.report.model import Chart, Column, Figure, Light, Line, Section, Table, Unit
from daemon.report.words import number, plural
from daemon.store.rows import ReadingRow

NAME, TITLE = "cost", "Cost"
CHECKS = ("cost",)
MOVERS, SAVINGS = 10, 10
LEAST_MOVE = 1.0  # USD: less is no news
SPEND = "/spend"
ESTIMATED_DAYS = 7
DAY_COST = "cost_usd"  # a measure: what a closed day cost

Days = Mapping[date, float]


def cost(book: Book) -> Section:
    if not book.watched(CHECKS) or _not_asked(book):
        return not_watched(NAME, TITLE, "no account that pays is named (aws.payer_account), or the check cost is off")
    amounts = known_days(book)
    days = [day for day in _week(book, book.last) if day in amounts.get("total", {})]
    savings = _savings(book)
    if not days:
        nothing = blind(book, NAME, TITLE, CHECKS, tables=(savings,))
        return nothing or Section(
            NAME, TITLE, Light.GREY, "No data: no day of this week is closed on the bill yet.", tables=(savings,),
            notes=("Cost Explorer lags up to 24 hours, and a day counts once AWS changes it no more.",),
        )  # fmt: skip
    spent = book.figure("Spent", Unit.USD, lambda w: _sum(book, amounts["total"], w, days), "less", _which(days))
    budgets = _budgets(book)
    over = [row for row in budgets.rows if row[-1] != "within"]
    anomalies = book.readings("anomaly_impact_usd", CHECKS)
    light = Light.AMBER if over or anomalies else Light.GREEN
    told = f"{number(spent.this, Unit.USD)} were spent in {_which(days)}"
    told += f", after {number(spent.last, Unit.USD)} on the same days last week" if spent.last is not None else ""
    told += f"; {plural(len(over), 'budget is', 'budgets are')} over, or forecast to be." if over else "."
    notes = ["Bills are by UTC days. A day counts once AWS changes it no more."]
    if len(days) < 7:
        notes.append(f"{plural(7 - len(days), 'day')} of this week not closed yet: only {_which(days)} are compared.")
    return Section(
        NAME, TITLE, light, told,
        figures=(spent, *_forecast(book), _monthly(book), Figure("Anomalies that AWS found", Unit.COUNT,
                 float(len(anomalies)) if book.readings_hold else None, better="less")),
        tables=(_movers(book, amounts, days), budgets, savings),
        charts=(Chart("Spend by week, same weekdays", book.labels, (Line("USD", spent.series, "blue"),), Unit.USD),),
        notes=tuple(notes),
    )  # fmt: skip


def _not_asked(book: Book) -> bool:
    """Whether the check only says that it does not ask."""
    words = {each.verdict for each in book.facts.verdicts if each.check == "cost" and each.counts[book.last]}
    return bool(words) and words <= {"not_looked", "not_enrolled"} and not book.facts.bills


def known_days(book: Book) -> Mapping[str, Days]:
    """What each closed day cost by subject: "total", "service/…", "account/…". Kept numbers, then the bills."""
    found: dict[str, dict[date, float]] = {}
    for measure in book.facts.measures:
        if measure.name == DAY_COST:
            found.setdefault(measure.subject, {})[measure.day] = measure.value
    for bill in _bills(book):
        for subject, days in closed_days(bill, book.facts.as_of.date()).items():
            found.setdefault(subject, {}).update(days)
    return found


def _bills(book: Book) -> list[Bill]:
    found = []
    for kept in book.facts.bills.values():
        try:
            found.append(restored(kept))
        except ValueError:
            continue  # of another version of the check: there is no number in it that is known
    return [bill for bill in found if bill.unit == "USD"]


def closed_days(bill: Bill, today: date, delay: int = 2) -> Mapping[str, Days]:
    """What the days cost that AWS changes no more, by subject."""
    days = bill.closed(today, delay, ESTIMATED_DAYS)
    return {
        "/".join(filter(None, key)): {day: amount for day in days if (amount := bill.amount(key, day)) is not None}
        for key in bill.amounts
    }


def _week(book: Book, week: int) -> list[date]:
    monday = book.weeks[week].monday
    return [monday + timedelta(days=number) for number in range(7)]


def _sum(book: Book, days: Days, week: int, like: Sequence[date]) -> float | None:
    """What the weekdays of *like* cost in a week; None where one of them is not known."""
    wanted = [day for day in _week(book, week) if day.weekday() in {each.weekday() for each in like}]
    amounts = [days.get(day) for day in wanted]
    known = [amount for amount in amounts if amount is not None]
    return math.fsum(known) if len(known) == len(amounts) and known else None


def _which(days: Sequence[date]) -> str:
    """`all 7 days`, `Mon to Fri (5 of 7 days)`."""
    if len(days) == 7:
        return "all 7 days"
    span = days[-1] - days[0]
    if span.days + 1 == len(days):
        names = f"{days[0]:%a} to {days[-1]:%a}" if len(days) > 1 else f"{days[0]:%a}"
    else:
        names = ", ".join(f"{day:%a}" for day in days)
    return f"{names} ({len(days)} of 7 days)"


def _movers(book: Book, amounts: Mapping[str, Days], days: Sequence[date]) -> Table:
    moved = []
    # A subject that is not on a day that is known cost nothing on it.
    every = amounts["total"]
    for subject, by_day in amounts.items():
        if subject == "total":
            continue
        filled = {day: by_day.get(day, 0.0) for day in every}
        this, last = (_sum(book, filled, week, days) for week in (book.last, book.last - 1))
        if this is None or last is None or abs(this - last) < LEAST_MOVE:
            continue
        kind, _, name = subject.partition("/")
        part = (this - last) / last if last > 0 else None
        moved.append((kind, name, this, last, this - last, part if part is not None else "new", _explore(kind, name)))
    moved.sort(key=lambda row: (-abs(row[4]), row[0], row[1]))
    columns = (Column("by"), Column("name"), Column("this week", Unit.USD), Column("last week", Unit.USD),
               Column("change", Unit.USD), Column("part", Unit.RATIO), Column("next step"))  # fmt: skip
    empty = f"Nothing moved by ${LEAST_MOVE:.0f} or more, or there is no week to compare with."
    return Table("What moved most", columns, tuple(moved[:MOVERS]), len(moved), empty)


def _explore(kind: str, name: str) -> str:
    if kind == "service":
        return f"Cost Explorer: filter Service = {name}, group by usage type"
    return f"Cost Explorer: filter Linked account = {name}, group by service"


def _forecast(book: Book) -> tuple[Figure, ...]:
    rows = book.readings("forecast_usd", CHECKS)
    value = sum(row.values["forecast_usd"] for row in rows) if rows else None
    return (Figure("Forecast of the month", Unit.USD, value, better="less"),)


def _budgets(book: Book) -> Table:
    found = sorted(book.readings("budget_limit_usd", CHECKS), key=lambda row: (row.outcome == "healthy", row.resource))
    rows = tuple(
        (
            str(row.evidence.get("budget") or row.resource),
            row.values["budget_limit_usd"],
            row.values.get("budget_actual_usd"),
            row.values.get("budget_forecast_usd"),
            _how(row),
        )
        for row in found
    )
    columns = (Column("budget"), Column("limit", Unit.USD), Column("spent", Unit.USD), Column("forecast", Unit.USD),
               Column("how it stands"))  # fmt: skip
    return Table("Budgets", columns, rows, len(rows), "No budget of money was seen.")


def _how(row: ReadingRow) -> str:
    words = {"within": "within", "over": "over", "over_forecast": "will be over"}
    return words.get(row.verdict, "not known")


def _monthly(book: Book) -> Figure:
    rows = book.readings("savings_monthly_usd", CHECKS)
    value = math.fsum(row.values["savings_monthly_usd"] for row in rows) if book.readings_hold and (
        rows or book.looked(CHECKS, book.last)) else None  # fmt: skip
    before = book.measured("savings_monthly_usd", book.last - 1).get("all")
    return Figure("Could be saved in a month", Unit.USD, value, before, better="less")


def _savings(book: Book) -> Table:
    found = sorted(
        book.readings("savings_monthly_usd", CHECKS), key=lambda row: (-row.values["savings_monthly_usd"], row.resource)
    )
    rows = tuple(
        (
            row.summary,
            row.labels.get("account") or row.place,
            row.values["savings_monthly_usd"],
            next(iter(book.remedy(row.check, row.resource).splitlines()), "")
            or "aws cost-optimization-hub list-recommendations --region us-east-1",
        )
        for row in found[:SAVINGS]
    )
    columns = (Column("what"), Column("account"), Column("a month", Unit.USD), Column("next step"))
    return Table("What could be saved", columns, rows, len(found), "AWS recommends nothing that is worth it.")
