"""Quotas and utilization: what is nearly full, when it will be, and what is hardly used."""

from __future__ import annotations

from datetime import UTC, datetime

from checks.base import Kind
from checks.limits.judge import Word as Limit
from checks.usage.judge import Word as Use
from daemon.report.book import Book, blind, incidents_table, not_watched
from daemon.report.model import Column, Light, Section, Table, Unit
from daemon.report.words import plural
from daemon.store.rows import ReadingRow

QUOTAS, UTILIZATION = ("quotas",), ("utilization",)
SHOWN = 10
NEAR = (Limit.CLOSE, Limit.FILLING, Limit.EXCEEDED)
OVER = (Use.OVER, Use.FILLING, Use.GROWING, "impaired", "targets_unhealthy", "alarm")
FULL = "full_timestamp_seconds"


def quotas(book: Book) -> Section:
    name, title = "quotas", "Quotas"
    if not book.watched(QUOTAS):
        return not_watched(name, title, "the check quotas is off, or no account is watched")
    nothing = blind(book, name, title, QUOTAS)
    if nothing is not None:
        return nothing
    last = book.last
    full, near = (book.verdicts("quotas", last, words) for words in ((Limit.EXCEEDED,), NEAR))
    unknown = book.verdicts("quotas", last, outcomes=("unknown",))
    light = Light.RED if full else Light.AMBER if near else Light.GREY if unknown else Light.GREEN
    summary = f"{plural(full, 'quota is', 'quotas are')} reached, {near - full:,} close or filling"
    summary += f"; of {unknown:,} nobody knows." if unknown else "."
    return Section(
        name, title, light, summary,
        figures=(
            book.figure("Reached", Unit.COUNT,
                        book.when_looked(QUOTAS, lambda w: book.verdicts("quotas", w, (Limit.EXCEEDED,))), "less"),
            book.figure("Close or filling", Unit.COUNT,
                        book.when_looked(QUOTAS, lambda w: book.verdicts("quotas", w, (Limit.CLOSE, Limit.FILLING))),
                        "less"),
            book.figure("Not known", Unit.COUNT,
                        book.when_looked(QUOTAS, lambda w: book.verdicts("quotas", w, outcomes=("unknown",))), "less"),
        ),
        tables=(_fullest(book),),
    )  # fmt: skip


def _fullest(book: Book) -> Table:
    found = sorted(book.readings("usage_ratio", QUOTAS), key=lambda row: (-row.values["usage_ratio"], row.resource))
    before = book.measured("usage_ratio", book.last - 1)
    rows = tuple(
        (
            f"{row.evidence.get('service_code', '')} {row.evidence.get('quota_name', row.resource)}".strip(),
            row.place,
            row.values["usage_ratio"],
            before.get(row.resource),
            _left(book, row),
            next(iter(book.remedy(row.check, row.resource).splitlines()), ""),
        )
        for row in found[:SHOWN]
    )
    columns = (Column("quota"), Column("where"), Column("used", Unit.RATIO), Column("last week", Unit.RATIO),
               Column("full in", Unit.DAYS), Column("next step"))  # fmt: skip
    empty = "No quota whose use is known." if book.readings_hold else "What was read in that week is not kept."
    return Table("The fullest", columns, rows, len(found), empty)


def _left(book: Book, row: ReadingRow) -> float | str:
    at = row.values.get(FULL)
    if at is None:
        return "full now" if row.values["usage_ratio"] >= 1 else "does not grow"
    left = (datetime.fromtimestamp(at, UTC) - book.facts.as_of).total_seconds() / 86_400
    return max(0.0, float(int(left)))


def utilization(book: Book) -> Section:
    name, title = "utilization", "Utilization"
    if not book.watched(UTILIZATION):
        return not_watched(name, title, "the check utilization is off, or no account is watched")
    nothing = blind(book, name, title, UTILIZATION)
    if nothing is not None:
        return nothing
    last = book.last
    over, under = (book.verdicts("utilization", last, words) for words in (OVER, (Use.UNDER,)))
    unknown = book.verdicts("utilization", last, outcomes=("unknown",))
    items = book.items(checks=UTILIZATION)
    much = [each for each in items if not each.incident.key.endswith("_under_used")]
    little = [each for each in items if each.incident.key.endswith("_under_used")]
    light = Light.AMBER if over else Light.GREY if unknown else Light.GREEN
    summary = f"{plural(over, 'gauge is', 'gauges are')} too high or in alarm, {under:,} hardly used"
    summary += f"; of {unknown:,} nobody knows." if unknown else "."
    return Section(
        name, title, light, summary,
        figures=(
            book.figure("Too high, or in alarm", Unit.COUNT,
                        book.when_looked(UTILIZATION, lambda w: book.verdicts("utilization", w, OVER)), "less"),
            book.figure("Hardly used", Unit.COUNT,
                        book.when_looked(UTILIZATION, lambda w: book.verdicts("utilization", w, (Use.UNDER,))), "less"),
            book.figure("Not known", Unit.COUNT,
                        book.when_looked(UTILIZATION, lambda w: book.verdicts("utilization", w, outcomes=("unknown",))),
                        "less"),
            *book.opened_and_resolved((Kind.UTILIZATION,), UTILIZATION)[:2],
        ),
        tables=(
            incidents_table(book, "Used too much", much, 0, "Nothing that was looked at is used too much."),
            incidents_table(book, "Hardly used", little, 0, "Nothing that was looked at is hardly used."),
        ),
    )  # fmt: skip
