"""The report as CSV: a file per table and one of all figures, or all of it in one file.

A cell of text that a spreadsheet could take for a formula gets an apostrophe in front; numbers are numbers.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from daemon.report.model import Cell, Report
from daemon.report.words import NO_DATA

_FORMULA = re.compile(r"[\s\ufeff'\"]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
# A spreadsheet that takes another character than the comma for the end of a cell sees more cells than there are.
_FURTHER = re.compile(r"([;\t\r\n])(?=[\s\ufeff'\"]*[=+\-@|%\uff1d\uff0b\uff0d\uff20])")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same files are the same bytes, whenever they were made


def guarded(text: str) -> str:
    """*text* as a spreadsheet shows it and does not run it."""
    text = _FURTHER.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def tables(report: Report) -> Mapping[str, str]:
    """File name -> CSV."""
    found = {"figures.csv": _text(_figures(report))}
    for section in report.sections:
        for table in section.tables:
            name = "-".join(re.findall(r"[a-z0-9]+", f"{section.id} {table.title}".lower()))
            header = [column.name for column in table.columns]
            found[f"{name}.csv"] = _text([header, *table.rows])
    decisions = [[each.text, each.owner, each.where, each.command] for each in report.decisions]
    found["decisions.csv"] = _text([["decision", "owner", "where", "command"], *decisions])
    return found


def one_file(report: Report) -> str:
    """All tables one below the other, each with its section and title above it, parted by empty lines."""
    rows: list[Iterable[Cell]] = [
        ["report", report.title], ["period", str(report.week)], ["time zone", str(report.week.zone)],
        ["made at", report.made_at], ["headline", report.headline], [], ["decisions"],
        ["decision", "owner", "where", "command"],
        *([each.text, each.owner, each.where, each.command] for each in report.decisions),
    ]  # fmt: skip
    rows += [[], ["figures"], *_figures(report)]
    for section in report.sections:
        rows += [[], [section.title, section.summary]]
        for table in section.tables:
            rows += [[], [section.title, table.title], [column.name for column in table.columns], *table.rows]
            if not table.rows:
                rows.append([table.empty])
            elif table.total > len(table.rows):
                rows.append([f"and {table.total - len(table.rows)} more"])
    return _text(rows)


def archive(report: Report) -> bytes:
    """A zip of all files."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in tables(report).items():
            file.writestr(zipfile.ZipInfo(f"{report.week.name}/{name}", _ZIP_TIME), text.encode("utf-8-sig"),
                          zipfile.ZIP_DEFLATED)  # fmt: skip
    return kept.getvalue()


_FIGURES = ("section", "figure", "unit", "this week", "last week", "mean of weeks before", "weeks in the mean", "note")


def _figures(report: Report) -> list[tuple[Cell, ...]]:
    """With their header. Only weeks have others to be compared with."""
    if report.kind != "weekly":
        own = [(section.title, one.label, str(one.unit), one.this, one.note)
               for section in report.sections for one in section.figures]  # fmt: skip
        return [("section", "figure", "unit", "value", "note"), *own]
    return [_FIGURES, *_weekly(report)]


def _weekly(report: Report) -> list[tuple[Cell, ...]]:
    return [
        (section.title, figure.label, str(figure.unit), figure.this, figure.last, figure.mean, float(figure.mean_of),
         figure.note)
        for section in report.sections for figure in section.figures
    ]  # fmt: skip


def _text(rows: Iterable[Iterable[Cell]]) -> str:
    kept = io.StringIO()
    writer = csv.writer(kept, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return kept.getvalue()


def _cell(value: Cell) -> str | float | int:
    if value is None:
        return NO_DATA
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, str):
        return guarded(value)
    return int(value) if value == int(value) else round(value, 6)
