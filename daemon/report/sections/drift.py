"""Drift: how each component instance stood at the end of the week, what is new, what goes on."""

from __future__ import annotations

from checks.base import Kind
from checks.plans.model import Verdict
from daemon.report.book import Book, blind, incidents_table, not_watched
from daemon.report.model import Column, Light, Section, Table, Unit
from daemon.report.words import plural

NAME, TITLE = "drift", "Drift"
CHECKS = ("drift",)
DRIFTED = (Verdict.DRIFT, Verdict.DRIFT_AND_PENDING)
KINDS = (Kind.DRIFT,)


def drift(book: Book) -> Section:
    if not book.watched(CHECKS):
        return not_watched(NAME, TITLE, "the check drift is off, or has no instances")
    nothing = blind(book, NAME, TITLE, CHECKS)
    if nothing is not None:
        return nothing
    last = book.last
    drifted = book.verdicts("drift", last, DRIFTED)
    unknown = book.verdicts("drift", last, outcomes=("unknown",))
    clean = book.verdicts("drift", last, outcomes=("healthy",))
    items = book.items(kinds=KINDS)
    real = [each for each in items if each.tier != "info"]
    old = sum(each.incident.baseline for each in real)
    new = sum(book.is_new(each) and not each.incident.baseline and each.incident.occurrence == 1 for each in real)
    back = sum(book.is_new(each) and each.incident.occurrence > 1 for each in real)
    light = Light.RED if any(each.tier == "critical" for each in items) else Light.AMBER if drifted else Light.GREEN
    if light is Light.GREEN and unknown:
        light = Light.GREY
    summary = f"{plural(drifted, 'component instance')} drifted, {clean:,} are as the code says"
    summary += f", {unknown:,} could not be judged." if unknown else "."
    if real:
        summary += f" Of {plural(len(real), 'open finding')}, {new:,} new, {back:,} came back, {old:,} of the baseline."
    total = book.standing(last, kinds=KINDS)
    return Section(
        NAME, TITLE, light, summary,
        figures=(
            book.figure("Drifted", Unit.COUNT, book.when_looked(CHECKS, lambda w: book.verdicts("drift", w, DRIFTED)),
                        "less"),
            book.figure("As the code says", Unit.COUNT,
                        book.when_looked(CHECKS, lambda w: book.verdicts("drift", w, outcomes=("healthy",))), "more"),
            book.figure("Could not be judged", Unit.COUNT,
                        book.when_looked(CHECKS, lambda w: book.verdicts("drift", w, outcomes=("unknown",))), "less"),
            *book.opened_and_resolved(KINDS, CHECKS)[:2],
        ),
        tables=(
            incidents_table(book, "Drift that is open", items, total, "No drift is open."),
            _verdicts(book),
        ),
    )  # fmt: skip


def _verdicts(book: Book) -> Table:
    last = book.last
    found = {
        (each.verdict, each.outcome): (each.counts[last], each.counts[last - 1])
        for each in book.facts.verdicts if each.check == "drift" and (each.counts[last] or each.counts[last - 1])
    }  # fmt: skip
    known_before = book.looked(CHECKS, last - 1)
    rows = tuple(
        (word, outcome, float(now), float(before) if known_before else None)
        for (word, outcome), (now, before) in sorted(found.items(), key=lambda one: (-one[1][0], one[0]))
    )
    columns = (Column("verdict"), Column("outcome"), Column("instances", Unit.COUNT), Column("last week", Unit.COUNT))
    return Table("How the instances stood", columns, rows, len(rows), "No instance was looked at.")
