"""Numbers of a day that no other table keeps, written down once a day for the weekly report to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from typing import Protocol

from checks.base import Outcome
from checks.spend.model import restored
from daemon.report.sections.cost import DAY_COST, closed_days
from daemon.store import Reader, ReadingRow, Transaction, reports
from daemon.store.week_rows import Measure
from daemon.store.weeks import bills_of

# A value of readings -> the check that gives it; kept for each subject once a day.
DAILY = {"score_ratio": "compliance", "usage_ratio": "quotas"}
LEAST_USED = 0.5  # of a quota: what is emptier nobody compares
MOST = 500  # subjects of one measure a day


class Storing(Protocol):
    def read(self) -> AbstractContextManager[Reader]: ...

    def transaction(self) -> AbstractContextManager[Transaction]: ...


def keep(store: Storing, now: datetime) -> int:
    """Keep today's numbers and those of days that the bill has closed since; give how many were new."""
    with store.read() as view:
        found = list(_of_today(view, now)) + list(_of_bills(view, now))
    with store.transaction() as tx:
        return reports.measure(tx.db, found)


def _of_today(view: Reader, now: datetime) -> Iterator[Measure]:
    today = now.astimezone(UTC).date()
    for name, check in DAILY.items():
        known = [row for row in view.readings(check) if _holds(row, name)]
        known.sort(key=lambda row: -row.values[name])
        for row in known[:MOST]:
            subject = str(row.evidence.get("scored") or row.resource)
            yield Measure(today, name, subject, row.values[name], row.at)
    savings = [row for row in view.readings("cost") if _holds(row, "savings_monthly_usd")]
    if savings:
        total = sum(row.values["savings_monthly_usd"] for row in savings)
        yield Measure(today, "savings_monthly_usd", "all", total, max(row.at for row in savings))


def _holds(row: ReadingRow, name: str) -> bool:
    if row.stale or row.outcome is Outcome.UNKNOWN or name not in row.values:
        return False
    return name != "usage_ratio" or row.values[name] >= LEAST_USED


def _of_bills(view: Reader, now: datetime) -> Iterator[Measure]:
    today: date = now.astimezone(UTC).date()
    sums: dict[tuple[date, str], float] = {}
    for kept in bills_of(view.db).values():
        try:
            bill = restored(kept)
        except ValueError:
            continue  # of another version of the check
        if bill.unit != "USD":
            continue
        for subject, days in closed_days(bill, today).items():
            for day, amount in days.items():
                if amount or subject == "total":
                    sums[day, subject] = sums.get((day, subject), 0.0) + amount
    for (day, subject), amount in sorted(sums.items()):
        yield Measure(day, DAY_COST, subject, amount, now)


def job(store: Storing, clock: Callable[[], datetime]) -> Callable[[], None]:
    """keep(), as the scheduler runs it."""

    def run() -> None:
        keep(store, clock())

    return run
