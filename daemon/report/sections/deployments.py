"""Deployments: how many ended well, how many failed, how long they and their changes took.

Read from incidents of the check `execution`: kind deployment (ended well) and workflow_failure, whose evidence holds
`workflow`, `seconds` (of the run) and `lead_seconds` (from the commit to the end of the run).
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.report.book import MOST_ROWS, Book, not_watched
from daemon.report.model import Chart, Column, Light, Line, Section, Table, Unit
from daemon.report.words import plural
from daemon.store.week_rows import Execution

NAME, TITLE = "deployments", "Deployments"
CHECKS = ("execution",)


def deployments(book: Book) -> Section:
    if not book.watched(CHECKS):
        return not_watched(NAME, TITLE, "no record of executions is kept here")
    last = book.last
    good, bad = _of(book, last, "deployment"), _of(book, last, "workflow_failure")
    light = Light.AMBER if bad else Light.GREEN
    summary = f"{plural(len(good), 'deployment')} ended well, {plural(len(bad), 'run')} failed."
    rows = tuple(
        (each.summary, each.where, each.owner or "nobody named", each.at,
         next(iter(each.remedy.splitlines()), "") or "read the log of the run")
        for each in sorted(bad, key=lambda one: one.at)
    )  # fmt: skip
    columns = (Column("what"), Column("where"), Column("owner"), Column("when", Unit.MOMENT), Column("next step"))

    def known(week: int, value: float) -> float | None:
        return value if book.began_by(week) else None

    ok = book.figure("Ended well", Unit.COUNT, lambda w: known(w, len(_of(book, w, "deployment"))))
    failed = book.figure("Failed", Unit.COUNT, lambda w: known(w, len(_of(book, w, "workflow_failure"))), "less")
    return Section(
        NAME, TITLE, light, summary,
        figures=(
            ok, failed,
            book.figure("Part that failed", Unit.RATIO, lambda w: _part(book, w), "less"),
            book.figure("Mean duration", Unit.SECONDS, lambda w: _mean(_of(book, w, "deployment"), "seconds"), "less"),
            book.figure("Mean lead time", Unit.SECONDS, lambda w: _mean(_of(book, w, "deployment"), "lead_seconds"),
                        "less"),
        ),
        tables=(Table("Failed runs", columns, rows[:MOST_ROWS], len(rows), "No run failed."),),
        charts=(Chart("Deployments by week", book.labels,
                      (Line("ended well", ok.series, "green"), Line("failed", failed.series, "red"))),),
    )  # fmt: skip


def _of(book: Book, week: int, kind: str) -> list[Execution]:
    return [each for each in book.facts.executions if each.week == week and each.kind == kind]


def _part(book: Book, week: int) -> float | None:
    good, bad = len(_of(book, week, "deployment")), len(_of(book, week, "workflow_failure"))
    return bad / (good + bad) if good + bad else None


def _mean(found: Sequence[Execution], name: str) -> float | None:
    values = [float(each.evidence[name]) for each in found if isinstance(each.evidence.get(name), int | float)]
    return sum(values) / len(values) if values else None
