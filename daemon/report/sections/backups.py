"""Backups: how many data stores have a recovery point as new as was asked, and which do not."""

from __future__ import annotations

from datetime import UTC, datetime

from checks.base import Kind
from checks.recovery.judge import Word
from daemon.report.book import Book, blind, incidents_table, not_watched
from daemon.report.model import Column, Light, Section, Table, Unit
from daemon.report.words import plural

NAME, TITLE = "backups", "Backups"
CHECKS = ("backups",)
KINDS = (Kind.BACKUP_FAILURE,)
GOOD = (Word.PROTECTED, Word.NEW)
BAD = (Word.LATE, Word.PARTIAL, Word.NEVER)
OLDEST = 10


def backups(book: Book) -> Section:
    if not book.watched(CHECKS):
        return not_watched(NAME, TITLE, "the check backups is off, or no account is watched")
    nothing = blind(book, NAME, TITLE, CHECKS)
    if nothing is not None:
        return nothing
    last = book.last
    good, bad = (book.verdicts("backups", last, words, part=False) for words in (GOOD, BAD))
    unknown = book.verdicts("backups", last, (Word.NOT_READ,), part=False)
    items = book.items(kinds=KINDS)
    light = Light.AMBER if bad or items else Light.GREY if unknown or not good else Light.GREEN
    summary = f"{good:,} of {plural(good + bad, 'data store')} can be restored as asked"
    summary += f"; of {unknown:,} nobody knows." if unknown else "."
    return Section(
        NAME, TITLE, light, summary,
        figures=(
            book.figure("Can be restored as asked", Unit.RATIO, book.when_looked(CHECKS, lambda w: _part(book, w)),
                        "more", note=f"{good:,} of {good + bad:,}"),
            book.figure("Without such a recovery point", Unit.COUNT,
                        book.when_looked(CHECKS, lambda w: book.verdicts("backups", w, BAD, part=False)), "less"),
            book.figure("Not known", Unit.COUNT,
                        book.when_looked(CHECKS, lambda w: book.verdicts("backups", w, (Word.NOT_READ,), part=False)),
                        "less"),
            *book.opened_and_resolved(KINDS, CHECKS)[:2],
        ),
        tables=(
            incidents_table(book, "What is not protected", items, book.standing(last, kinds=KINDS),
                            "Nothing that was looked at is unprotected."),
            _oldest(book),
        ),
    )  # fmt: skip


def _part(book: Book, week: int) -> float | None:
    good, bad = (book.verdicts("backups", week, words, part=False) for words in (GOOD, BAD))
    return good / (good + bad) if good + bad else None


def _oldest(book: Book) -> Table:
    found = sorted(
        book.readings("last_recovery_timestamp_seconds", CHECKS),
        key=lambda row: (row.values["last_recovery_timestamp_seconds"], row.resource),
    )
    now = book.facts.as_of.timestamp()
    rows = tuple(
        (
            str(row.evidence.get("kind", "")),
            row.resource,
            datetime.fromtimestamp(row.values["last_recovery_timestamp_seconds"], UTC),
            now - row.values["last_recovery_timestamp_seconds"],
            row.summary,
        )
        for row in found[:OLDEST]
    )
    columns = (Column("kind"), Column("data store"), Column("newest recovery point", Unit.MOMENT),
               Column("its age", Unit.SECONDS), Column("how it stands"))  # fmt: skip
    empty = "No recovery point was seen." if book.readings_hold else "What was read in that week is not kept."
    return Table("The oldest recovery points", columns, rows, len(found), empty)
