"""The report for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from alerts.escape import clean, one_line
from daemon.report import words
from daemon.report.model import Light, Report, Section, Table

WIDTH = 100
ROWS = 10
LAMPS = {Light.RED: "RED", Light.AMBER: "AMBER", Light.GREEN: "GREEN", Light.GREY: "NOT KNOWN"}


def as_text(report: Report, rows: int = ROWS) -> str:
    return "\n".join(_lines(report, rows)) + "\n"


def _lines(report: Report, most: int) -> Iterator[str]:
    week = report.week
    yield f"{report.title}: {week} ({week.zone})"
    yield ""
    yield from textwrap.wrap(f"{LAMPS[report.light]}: {report.headline}", WIDTH)
    yield ""
    yield "Decisions needed" if report.decisions else "No decision is needed."
    for number, each in enumerate(report.decisions, start=1):
        where = f", {each.where}" if each.where else ""
        yield from textwrap.wrap(f"{number}. {_plain(each.text)} ({each.owner}{where})", WIDTH, subsequent_indent="   ")
        yield f"   {_plain(each.command)}"
    if report.decisions_left:
        yield f"+{report.decisions_left} more"
    for number, section in enumerate(report.sections, start=1):
        yield ""
        yield from _section(report, number, section, most)


def _section(report: Report, number: int, section: Section, most: int) -> Iterator[str]:
    lamp = LAMPS[section.light] if section.watched else "NOT WATCHED"
    yield f"{number}. {section.title} [{lamp}]"
    yield from textwrap.wrap(_plain(section.summary), WIDTH, initial_indent="   ", subsequent_indent="   ")
    for figure in section.figures:
        shown = words.number(figure.this, figure.unit)
        spark = words.sparkline(figure.series)
        note = f" ({figure.note})" if figure.note else ""
        yield f"   {figure.label:<36} {shown:>12}  {words.beside(figure)}{note}  {spark}".rstrip()
    for table in section.tables:
        yield from _table(report, table, most)
    for note in section.notes:
        yield from textwrap.wrap(f"Note: {_plain(note)}", WIDTH, initial_indent="   ", subsequent_indent="   ")


def _table(report: Report, table: Table, most: int) -> Iterator[str]:
    if not table.rows:
        yield f"   {table.title}: {table.empty}"
        return
    yield f"   {table.title}:"
    for row in table.rows[:most]:
        cells = (
            f"{column.name} {shown}" if column.unit != "text" else shown
            for column, value in zip(table.columns, row, strict=True)
            if (shown := _plain(words.cell(value, column.unit, report.week.zone)))
        )
        yield f"   - {' | '.join(cells)}"
    left = table.total - min(len(table.rows), most)
    if left > 0:
        yield f"     +{left:,} more"


def _plain(text: str) -> str:
    return one_line(clean(text, 600))
