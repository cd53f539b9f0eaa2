"""Security and compliance: new, ended, accepted; the score of each stack; the baseline; what silences hid."""

from __future__ import annotations

from checks.base import Kind, Tier
from daemon.report.book import MOST_ROWS, Book, blind, incidents_table, not_watched
from daemon.report.model import Chart, Column, Figure, Light, Line, Section, Table, Unit
from daemon.report.words import plural

NAME, TITLE = "security", "Security and compliance"
CHECKS = ("security", "compliance", "access")
VIOLATIONS, RULES = (Kind.SECURITY_VIOLATION,), (Kind.COMPLIANCE,)
SUPPRESSED = "suppressed"


def security(book: Book) -> Section:
    hidden, baseline = _hidden(book), _baseline(book)
    if not book.watched(CHECKS):
        # The baseline and silences are of every check, so they are told all the same.
        if hidden.total or baseline.total:
            why = "the checks security, compliance and access are off"
            return Section(
                NAME, TITLE, Light.GREY, f"Not watched: {why}. The baseline, and what silences hid, are of all checks.",
                watched=False, why=why, figures=(_left(book),), tables=(baseline, hidden), charts=_charts(book),
            )  # fmt: skip
        return not_watched(NAME, TITLE, "the checks security, compliance and access are off")
    nothing = blind(book, NAME, TITLE, CHECKS, tables=(baseline, hidden))
    if nothing is not None:
        return nothing
    last = book.last
    off = [check for check in CHECKS if not book.watched([check])]
    unseen = [check for check in CHECKS if check not in off and not book.looked([check], last)]
    items = book.items(kinds=(*VIOLATIONS, *RULES))
    standing = book.standing(last, kinds=VIOLATIONS)
    light = Light.GREEN if not (unseen or off) else Light.GREY
    if standing or book.standing(last, kinds=RULES):
        light = Light.AMBER
    if any(each.tier is Tier.CRITICAL for each in items):
        light = Light.RED
    summary = f"{plural(standing, 'security violation')} and {plural(book.standing(last, kinds=RULES), 'broken rule')}"
    summary += " are open at the end of the week."
    notes = [f"Not watched: {', '.join(off)}."] * bool(off)
    notes += [f"No data in this week from: {', '.join(unseen)}."] * bool(unseen)
    total = book.standing(last, kinds=(*VIOLATIONS, *RULES))
    return Section(
        NAME, TITLE, light, summary,
        figures=(
            *(_named(figure, "violations") for figure in book.opened_and_resolved(VIOLATIONS, CHECKS)),
            book.figure("Accepted by a rule", Unit.COUNT,
                        book.when_looked(("security",), lambda w: book.verdicts("security", w, (SUPPRESSED,)))),
            *(_named(figure, "broken rules") for figure in book.opened_and_resolved(RULES, CHECKS)),
            _left(book),
        ),
        tables=(incidents_table(book, "Open violations and broken rules", items, total, "None that was looked for."),
                _scores(book), baseline, hidden),
        charts=_charts(book), notes=tuple(notes),
    )  # fmt: skip


def _named(figure: Figure, what: str) -> Figure:
    return Figure(
        f"{figure.label}: {what}", figure.unit, figure.this, figure.last, figure.mean, figure.mean_of, figure.series,
        figure.better, figure.note,
    )  # fmt: skip


def _scores(book: Book) -> Table:
    before = book.measured("score_ratio", book.last - 1)
    rows = []
    for each in book.facts.readings if book.readings_hold else ():
        if each.check != "compliance" or "score_ratio" not in each.values:
            continue
        stack = str(each.evidence.get("scored") or each.resource)
        score = each.values["score_ratio"] if each.outcome != "unknown" and not each.stale else None
        rows.append((stack, str(each.evidence.get("stage") or "not known"), score, before.get(stack), each.summary))
    rows.sort(key=lambda row: (row[2] is None, row[2] or 0.0, row[0]))
    columns = (Column("stack"), Column("stage"), Column("score", Unit.RATIO), Column("last week", Unit.RATIO),
               Column("how it stands"))  # fmt: skip
    return Table("Score of each stack", columns, tuple(rows[:MOST_ROWS]), len(rows), "No stack has a score.")


def _weekly(book: Book, week: int) -> float | None:
    found = [each for each in book.facts.baseline if each.week == week]
    return float(sum(each.left for each in found)) if found and book.began_by(week) else None


def _left(book: Book) -> Figure:
    return book.figure("Left of the baseline", Unit.COUNT, lambda w: _weekly(book, w), "less")


def _baseline(book: Book) -> Table:
    before = {each.check: each.left for each in book.facts.baseline if each.week == book.last - 1}
    rows = tuple(
        (each.check, float(each.found), _float(before.get(each.check)), float(each.left),
         (each.found - each.left) / each.found)
        for each in sorted(book.facts.baseline, key=lambda one: (-one.left, one.check)) if each.week == book.last
    )  # fmt: skip
    columns = (Column("check"), Column("found at the first look", Unit.COUNT), Column("left last week", Unit.COUNT),
               Column("left", Unit.COUNT), Column("worked off", Unit.RATIO))  # fmt: skip
    return Table("The baseline", columns, rows, len(rows), "No first look found anything.")


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)


def _hidden(book: Book) -> Table:
    rows = tuple((str(each.tier), each.summary, each.reason, each.at) for each in book.facts.hidden[:MOST_ROWS])
    columns = (Column("tier"), Column("what"), Column("silenced by, and why"), Column("when", Unit.MOMENT))
    return Table("What silences hid", columns, rows, len(book.facts.hidden), "No message was hidden by a silence.")


def _charts(book: Book) -> tuple[Chart, ...]:
    series = _left(book).series
    if not any(series):
        return ()
    return (Chart("Left of the baseline", book.labels, (Line("findings", series, "blue"),)),)
