"""Terraform states: whole, damaged, locked, not readable."""

from __future__ import annotations

from checks.base import Kind
from checks.states.judge import DAMAGE, Verdict
from daemon.report.book import Book, blind, incidents_table, not_watched
from daemon.report.model import Light, Section, Unit
from daemon.report.words import plural

NAME, TITLE = "state", "State integrity"
CHECKS = ("state",)
KINDS = (Kind.STATE_CORRUPTION,)
LOCKED = (Verdict.STALE_LOCK, Verdict.UNREADABLE_LOCK)


def state(book: Book) -> Section:
    if not book.watched(CHECKS):
        return not_watched(NAME, TITLE, "the check state is off, or there is no state in S3")
    nothing = blind(book, NAME, TITLE, CHECKS)
    if nothing is not None:
        return nothing
    last = book.last
    damaged = book.verdicts("state", last, DAMAGE)
    locked = book.verdicts("state", last, LOCKED)
    whole = book.verdicts("state", last, outcomes=("healthy",))
    unknown = book.verdicts("state", last, outcomes=("unknown",))
    items = book.items(kinds=KINDS)
    light = Light.RED if damaged else Light.AMBER if locked or items else Light.GREY if unknown else Light.GREEN
    summary = f"{plural(whole, 'state')} whole, {damaged:,} damaged, {locked:,} locked for too long"
    summary += f", {unknown:,} not readable." if unknown else "."
    return Section(
        NAME, TITLE, light, summary,
        figures=(
            book.figure("Damaged", Unit.COUNT, book.when_looked(CHECKS, lambda w: book.verdicts("state", w, DAMAGE)),
                        "less"),
            book.figure("Locked for too long", Unit.COUNT,
                        book.when_looked(CHECKS, lambda w: book.verdicts("state", w, LOCKED)), "less"),
            book.figure("Not readable", Unit.COUNT,
                        book.when_looked(CHECKS, lambda w: book.verdicts("state", w, outcomes=("unknown",))), "less"),
            *book.opened_and_resolved(KINDS, CHECKS)[:2],
        ),
        tables=(incidents_table(book, "States that need a person", items, book.standing(last, kinds=KINDS),
                                "Every state that was read is whole."),),
    )  # fmt: skip
