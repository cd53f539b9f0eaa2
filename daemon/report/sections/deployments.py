"""Deployments: how many ended well, how many failed, how long they and their changes took.

Read from incidents of the check `execution`: kind deployment (ended well) and workflow_failure, whose evidence holds
`workflow`, `seconds` (of the run) and `lead_seconds` (from the commit to the end of the run). What is said of
production is of the applies themselves, and of what became of their stacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checks.runs.after import Health
from checks.runs.dora import Applied, Figures, Middle, by_stack, figures, held
from daemon.report.book import MOST_ROWS, Book, not_watched
from daemon.report.model import Chart, Column, Figure, Light, Line, Section, Table, Unit
from daemon.report.words import plural
from daemon.store.week_rows import Execution

NAME, TITLE = "deployments", "Deployments"
CHECKS = ("execution",)


def deployments(book: Book) -> Section:
    if not book.watched(CHECKS):
        return not_watched(NAME, TITLE, "no record of executions is kept here")
    last = book.last
    good, bad = _of(book, last, "deployment"), _of(book, last, "workflow_failure")
    applied = _applied(book, last)
    worse = [each for each in applied if each.health == Health.WORSE]
    light = Light.AMBER if bad or worse else Light.GREEN
    summary = f"{plural(len(good), 'deployment')} ended well, {plural(len(bad), 'run')} failed."
    if worse:
        summary += f" After {len(worse)} of {plural(len(applied), 'apply', 'applies')} to production it was worse."
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
            *_production(book),
        ),
        tables=(
            Table("Failed runs", columns, rows[:MOST_ROWS], len(rows), "No run failed."), _after(applied),
            _stacks(book),
        ),
        charts=(Chart("Deployments by week", book.labels,
                      (Line("ended well", ok.series, "green"), Line("failed", failed.series, "red"))),),
    )  # fmt: skip


_AFTER = (Health.WORSE, Health.COULD_NOT_LOOK, Health.NOT_WATCHED, Health.WATCHING, "", Health.HEALTHY)


def _after(applied: Sequence[Applied]) -> Table:
    """How production stood after each apply, the worst first."""
    columns = (
        Column("workflow"), Column("where"), Column("ended", Unit.MOMENT), Column("after it"), Column("what was seen"),
        Column("cost a day"), Column("next step"),
    )  # fmt: skip
    ordered = sorted(applied, key=lambda each: (_AFTER.index(each.health) if each.health in _AFTER else 0, each.ended))
    rows = tuple(
        (each.workflow, each.place, each.ended, each.health.replace("_", " ") or "not known yet", each.text,
         each.cost_text or "not known yet", f"see /runs/{each.run_id}")
        for each in ordered
    )  # fmt: skip
    return Table("After applies to production", columns, rows[:MOST_ROWS], len(rows), "Nothing was applied to it.")


def _applied(book: Book, week: int) -> list[Applied]:
    start, end = book.facts.weeks[week]
    return [each for each in book.facts.applied if start <= each.ended < end]


def _figures(book: Book, week: int) -> Figures:
    start, end = book.facts.weeks[week]
    strays = [at for _, at in book.facts.unrecorded]
    return figures(book.facts.applied, strays, start, end, guideline=held(book.facts.applied))


def _production(book: Book) -> tuple[Figure, ...]:
    """Of all stacks of production. A week in which nothing was applied has no ratio, no lead time."""
    weeks = [_figures(book, week) if book.began_by(week) else None for week in range(book.last + 1)]

    def of(value: Callable[[Figures], float | None]) -> Callable[[int], float | None]:
        return lambda week: None if (found := weeks[week]) is None else value(found)

    now = weeks[book.last]
    lead = f"of {now.lead.known} of {now.lead.of}" if now is not None else ""
    restore = f"of {now.restore.known} of {now.restore.of}" if now is not None else ""
    return (
        book.figure("Deployments to production", Unit.COUNT, of(lambda each: each.succeeded), "more"),
        book.figure("Lead time to production, median", Unit.SECONDS, of(lambda each: each.lead.value), "less", lead),
        book.figure(
            "Changes to production that failed", Unit.RATIO, of(lambda each: each.failures.ratio), "less",
            now.failures.text if now is not None else "",
        ),
        book.figure("Time to restore, median", Unit.SECONDS, of(lambda each: each.restore.value), "less", restore),
        book.figure(
            "Through the recorded cycle", Unit.RATIO, of(lambda each: each.cycle.ratio), "more",
            now.cycle.text if now is not None else "",
        ),
    )  # fmt: skip


def _stacks(book: Book) -> Table:
    """The same by stack, the most failures first."""
    start, end = book.facts.weeks[book.last]
    found = by_stack(book.facts.applied, book.facts.unrecorded, start, end)
    columns = (
        Column("stack"), Column("deployments", Unit.COUNT), Column("failed changes"),
        Column("lead time, median", Unit.SECONDS), Column("lead time known"),
        Column("time to restore, median", Unit.SECONDS), Column("restored"), Column("through the cycle"),
        Column("unrecorded changes", Unit.COUNT), Column("not watched after", Unit.COUNT),
    )  # fmt: skip
    ordered = sorted(found.items(), key=lambda item: (-item[1].failures.part, -item[1].unrecorded, item[0]))
    rows = tuple(
        (stack, float(each.succeeded), each.failures.text, each.lead.value, _known(each.lead), each.restore.value,
         _known(each.restore), each.cycle.text, float(each.unrecorded), float(each.unwatched))
        for stack, each in ordered
    )  # fmt: skip
    return Table("Production by stack", columns, rows[:MOST_ROWS], len(rows), "Nothing was changed there.")


def _known(found: Middle) -> str:
    return f"{found.known} of {found.of}" if found.of else "no data"


def _of(book: Book, week: int, kind: str) -> list[Execution]:
    # That a stack got worse after a run is told of a run that has a row of its own.
    return [
        each for each in book.facts.executions
        if each.week == week and each.kind == kind and each.evidence.get("verdict") != "worse_after"
    ]  # fmt: skip


def _part(book: Book, week: int) -> float | None:
    good, bad = len(_of(book, week, "deployment")), len(_of(book, week, "workflow_failure"))
    return bad / (good + bad) if good + bad else None


def _mean(found: Sequence[Execution], name: str) -> float | None:
    values = [float(each.evidence[name]) for each in found if isinstance(each.evidence.get(name), int | float)]
    return sum(values) / len(values) if values else None
