"""The last net before a report is rendered or kept: no secret in any of its texts, however it came there."""

from __future__ import annotations

from dataclasses import replace

from alerts.escape import clean
from daemon.report.model import Cell, Decision, Report, Section, Table

LONGEST = 1_000  # characters of one text


def scrubbed(report: Report) -> Report:
    return replace(
        report,
        headline=clean(report.headline, LONGEST),
        decisions=tuple(
            Decision(*(clean(text, LONGEST) for text in (one.text, one.owner, one.command, one.where, one.runbook)))
            for one in report.decisions
        ),
        sections=tuple(map(_section, report.sections)),
    )


def _section(section: Section) -> Section:
    return replace(
        section, summary=clean(section.summary, LONGEST), why=clean(section.why, LONGEST),
        tables=tuple(map(_table, section.tables)), notes=tuple(clean(note, LONGEST) for note in section.notes),
    )  # fmt: skip


def _table(table: Table) -> Table:
    return replace(table, rows=tuple(tuple(map(_cell, row)) for row in table.rows))


def _cell(value: Cell) -> Cell:
    return clean(value, LONGEST) if isinstance(value, str) else value
