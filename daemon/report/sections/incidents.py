"""Incidents: opened, ended, still open by tier; how soon they were answered and over."""

from __future__ import annotations

from datetime import datetime

from checks.base import Tier
from daemon.report.book import CLOSES, MOST_ROWS, OPENS, Book, incidents_table
from daemon.report.model import Chart, Column, Figure, Light, Line, Section, Table, Unit
from daemon.report.words import plural
from daemon.store.week_rows import Item
from daemon.store.weeks import TARGETS

NAME, TITLE = "incidents", "Incidents and response"


def incidents(book: Book) -> Section:
    last = book.last
    opened = book.moves(last, OPENS)
    ended = book.moves(last, CLOSES, first_look=None)
    standing = {tier: book.standing(last, tier=tier) for tier in Tier}
    missed = sum(_missed(book, last, tier) for tier in TARGETS)
    if not book.began_by(last):
        return Section(NAME, TITLE, Light.GREY, "No data: Barograph did not watch yet.")
    light = Light.GREEN
    if standing[Tier.WARNING] or missed:
        light = Light.AMBER
    if book.standing(last, tier=Tier.CRITICAL):
        light = Light.RED
    words = ", ".join(f"{standing[tier]:,} {tier}" for tier in Tier if standing[tier]) or "none"
    summary = f"{plural(opened, 'incident')} opened, {ended:,} ended; open at the end of the week: {words}."
    first = book.moves(last, ("open",), first_look=True)
    notes = [f"{plural(first, 'finding')} of a first look are not counted as opened: they are the baseline."] * bool(
        first
    )
    notes.append(
        "The target is an answer (acknowledged, or over) within 15 minutes for critical and 24 hours for warning."
    )
    items = book.items()
    return Section(
        NAME, TITLE, light, summary,
        figures=(*_counts(book), *_times(book)),
        tables=(
            incidents_table(book, "Open at the end of the week", _urgent(items),
                            standing[Tier.CRITICAL] + standing[Tier.WARNING], "No critical incident and no warning."),
            _by_tier(book),
            _ended(book, ended),
        ),
        charts=(_chart(book),), notes=tuple(notes),
    )  # fmt: skip


def _urgent(items: list[Item]) -> list[Item]:
    return [each for each in items if each.tier is not Tier.INFO]


def _counts(book: Book) -> tuple[Figure, ...]:
    def known(value: float, week: int) -> float | None:
        return value if book.began_by(week) else None

    figures = [
        book.figure("Opened", Unit.COUNT, lambda w: known(book.moves(w, OPENS), w), "less"),
        book.figure("Ended", Unit.COUNT, lambda w: known(book.moves(w, CLOSES, first_look=None), w)),
    ]
    figures += [
        book.figure(f"Open {tier}", Unit.COUNT, lambda w, t=tier: known(book.standing(w, tier=t), w), "less")  # type: ignore[misc]
        for tier in Tier
    ]
    return tuple(figures)


def _times(book: Book) -> tuple[Figure, ...]:
    figures = []
    for tier in TARGETS:
        figures.append(
            book.figure(f"Mean time to answer, {tier}", Unit.SECONDS, lambda w, t=tier: _answer(book, w, t), "less")  # type: ignore[misc]
        )
        figures.append(
            book.figure(f"Answered within target, {tier}", Unit.RATIO, lambda w, t=tier: _inside(book, w, t), "more",  # type: ignore[misc]
                        note=_inside_note(book, tier))
        )  # fmt: skip
    figures.append(book.figure("Mean time to repair", Unit.SECONDS, lambda w: _repair(book, w), "less"))
    return tuple(figures)


def _answer(book: Book, week: int, tier: Tier) -> float | None:
    return next((a.mean_seconds for a in book.facts.answered if (a.week, a.tier) == (week, tier)), None)


def _inside(book: Book, week: int, tier: Tier) -> float | None:
    for each in book.facts.answered:
        if (each.week, each.tier) == (week, tier) and each.opened > each.waiting:
            return each.inside / (each.opened - each.waiting)
    return None


def _inside_note(book: Book, tier: Tier) -> str:
    for each in book.facts.answered:
        if (each.week, each.tier) == (book.last, tier):
            waits = f", {each.waiting:,} not due yet" if each.waiting else ""
            return f"{each.inside:,} of {each.opened - each.waiting:,}{waits}"
    return "none opened"


def _missed(book: Book, week: int, tier: Tier) -> int:
    return sum(a.opened - a.waiting - a.inside for a in book.facts.answered if (a.week, a.tier) == (week, tier))


def _repair(book: Book, week: int) -> float | None:
    found = [each for each in book.facts.repaired if each.week == week]
    count = sum(each.count for each in found)
    return sum(each.mean_seconds * each.count for each in found) / count if count else None


def _by_tier(book: Book) -> Table:
    oldest: dict[Tier, datetime] = {}
    for item in book.items():
        seen = oldest.get(item.tier)
        if seen is None or item.opened_at < seen:
            oldest[item.tier] = item.opened_at
    last = book.last
    return Table(
        "By tier",
        (
            Column("tier"), Column("opened", Unit.COUNT), Column("ended", Unit.COUNT),
            Column("no longer watched", Unit.COUNT), Column("open at the end", Unit.COUNT),
            Column("of these acknowledged", Unit.COUNT), Column("oldest is open since", Unit.MOMENT),
        ),
        tuple(
            (
                str(tier), float(book.moves(last, OPENS, tier=tier)),
                float(book.moves(last, CLOSES, tier=tier, first_look=None)),
                float(book.moves(last, ("retire",), tier=tier, first_look=None)),
                float(book.standing(last, tier=tier)), float(book.standing(last, tier=tier, acknowledged=True)),
                oldest.get(tier, "none is open"),
            )
            for tier in Tier
        ),
        len(Tier),
    )  # fmt: skip


def _ended(book: Book, total: int) -> Table:
    rows = tuple(
        (str(each.tier), each.summary, each.where, each.at, each.open_seconds) for each in book.facts.ended[:MOST_ROWS]
    )
    columns = (Column("tier"), Column("what"), Column("where"), Column("ended", Unit.MOMENT),
               Column("was open for", Unit.SECONDS))  # fmt: skip
    return Table("Ended in this week", columns, rows, max(total, len(rows)), "Nothing ended.")


def _chart(book: Book) -> Chart:
    def known(week: int, value: float) -> float | None:
        return value if book.began_by(week) else None

    weeks = range(book.last + 1)
    return Chart(
        "Incidents by week", book.labels,
        (
            Line("opened", tuple(known(w, book.moves(w, OPENS)) for w in weeks), "amber"),
            Line("ended", tuple(known(w, book.moves(w, CLOSES, first_look=None)) for w in weeks), "green"),
        ),
    )  # fmt: skip
