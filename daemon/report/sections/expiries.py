"""What ends soon: certificates, domains, versions under support, savings plans and reservations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from checks.base import Outcome
from daemon.report.book import MOST_ROWS, Book, not_watched
from daemon.report.model import Column, Figure, Light, Section, Table, Unit
from daemon.report.words import plural
from daemon.store.rows import ReadingRow

NAME, TITLE = "expiries", "What ends within 90 days"
# Number of a reading -> (check, what it is).
SOURCES = {
    "not_after_timestamp_seconds": ("certificates", "certificate"),
    "domain_expiry_timestamp_seconds": ("network", "domain"),
    "support_end_timestamp_seconds": ("utilization", "support of a version"),
    "commitment_end_timestamp_seconds": ("cost", "commitment"),
}
CHECKS = tuple(dict.fromkeys(check for check, _ in SOURCES.values()))
DAYS = (7, 30, 60, 90)


def expiries(book: Book) -> Section:
    if not book.watched(CHECKS):
        return not_watched(NAME, TITLE, "no check that knows of ends is on")
    if not book.readings_hold:
        return Section(NAME, TITLE, Light.GREY, "No data: what was read in that week is not kept.")
    off = [check for check in CHECKS if not book.watched([check])]
    unseen = [check for check in CHECKS if check not in off and not book.fresh(check)]
    found = sorted(_ends(book), key=lambda one: (one[0], one[2].resource))
    now = book.facts.as_of
    counts = {days: sum(end <= now + timedelta(days=days) for end, _, _ in found) for days in DAYS}
    over = sum(end <= now for end, _, _ in found)
    light = Light.RED if over else Light.AMBER if counts[30] else Light.GREY if unseen else Light.GREEN
    summary = "Nothing that was seen ends within 90 days"
    if counts[90]:
        first = plural(counts[30], "thing ends", "things end")
        summary = f"{first} within 30 days, {counts[90]:,} within 90"
    summary += f"; {over:,} have ended already." if over else "."
    notes = [f"Not watched: {', '.join(off)}."] * bool(off)
    notes += [f"No data in this week from: {', '.join(unseen)}."] * bool(unseen)
    figures = [Figure("Ended already", Unit.COUNT, float(over), better="less")]
    figures += [
        Figure(f"Within {days} days", Unit.COUNT, float(count) if not unseen or count else None, better="less")
        for days, count in counts.items()
    ]
    rows = tuple(
        (
            what, *_names(row), row.labels.get("owner") or "nobody named", end,
            float((end - now) / timedelta(days=1)), _next(book, row),
        )
        for end, what, row in found if end <= now + timedelta(days=DAYS[-1])
    )  # fmt: skip
    columns = (Column("what"), Column("name"), Column("resource"), Column("owner"), Column("ends", Unit.MOMENT),
               Column("left", Unit.DAYS), Column("next step"))  # fmt: skip
    table = Table("The next to end", columns, rows[:MOST_ROWS], len(rows), "Nothing that was seen.")
    return Section(NAME, TITLE, light, summary, figures=tuple(figures), tables=(table,), notes=tuple(notes))


def _ends(book: Book) -> Iterator[tuple[datetime, str, ReadingRow]]:
    for value, (check, what) in SOURCES.items():
        for row in book.readings(value, [check]):
            if row.values.get("unused"):
                continue  # a certificate that nobody uses hurts nobody when it ends
            yield datetime.fromtimestamp(row.values[value], UTC), what, row


def _names(row: ReadingRow) -> tuple[str, str]:
    """What people call it, and the resource, with how old what is known of it is."""
    named = row.evidence.get("name") or row.evidence.get("subject")
    seen = row.good_at if row.stale or row.outcome is Outcome.UNKNOWN else None
    old = f" (as seen {seen:%Y-%m-%d})" if seen is not None else ""
    if isinstance(named, str) and named:
        return f"{named.removeprefix('CN=')}{old}", row.resource
    return f"{row.resource.rpartition('/')[2] or row.resource}{old}", row.resource


def _next(book: Book, row: ReadingRow) -> str:
    found = next((line for line in book.remedy(row.check, row.resource).splitlines() if line.strip()), "")
    return found or row.summary
