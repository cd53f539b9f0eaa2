"""The report as JSON, in a form that has a number: templates/weekly-report-1.schema.json describes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.report.model import VERSION, Cell, Chart, Figure, Report, Section, Table

SCHEMA = Path(__file__).parent / "templates" / f"weekly-report-{VERSION}.schema.json"


def as_json(report: Report) -> str:
    """What is not known is null. Times are UTC. Keys keep their order, so that two editions can be compared."""
    return json.dumps(plain(report), ensure_ascii=False, indent=1) + "\n"


def compliance_json(report: Report) -> str:
    """The compliance report: templates/compliance-report-1.schema.json describes it."""
    found = plain(report)
    for section in found["sections"]:
        del section["charts"]
        section["figures"] = [
            {"label": one["label"], "unit": one["unit"], "value": one["this"], "note": one["note"]}
            for one in section["figures"]
        ]
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def plain(report: Report) -> dict[str, Any]:
    week = report.week
    return {
        "version": VERSION,
        "kind": report.kind,
        "period": {
            "name": week.name, "title": str(week), "starts": _time(week.starts), "ends": _time(week.ends),
            "time_zone": str(week.zone), "hours": week.hours,
        },
        "made_at": _time(report.made_at),
        "light": str(report.light),
        "headline": report.headline,
        "decisions": [
            {"text": each.text, "owner": each.owner, "where": each.where, "command": each.command,
             "runbook": each.runbook}
            for each in report.decisions
        ],
        "decisions_left": report.decisions_left,
        "sections": [_section(each) for each in report.sections],
    }  # fmt: skip


def _section(section: Section) -> dict[str, Any]:
    return {
        "id": section.id, "title": section.title, "watched": section.watched, "light": str(section.light),
        "summary": section.summary, "why_not_watched": section.why,
        "figures": [_figure(each) for each in section.figures],
        "tables": [_table(each) for each in section.tables],
        "charts": [_chart(each) for each in section.charts],
        "notes": list(section.notes),
    }  # fmt: skip


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "label": figure.label, "unit": str(figure.unit), "this": _number(figure.this), "last": _number(figure.last),
        "mean": _number(figure.mean), "mean_of_weeks": figure.mean_of, "series": [_number(v) for v in figure.series],
        "better": figure.better or None, "note": figure.note,
    }  # fmt: skip


def _table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title, "columns": [{"name": c.name, "unit": str(c.unit)} for c in table.columns],
        "rows": [[_cell(value) for value in row] for row in table.rows], "total": table.total, "empty": table.empty,
    }  # fmt: skip


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "title": chart.title, "unit": str(chart.unit), "labels": list(chart.labels),
        "lines": [{"name": each.name, "values": [_number(v) for v in each.values]} for each in chart.lines],
    }  # fmt: skip


def _cell(value: Cell) -> str | float | None:
    if isinstance(value, datetime):
        return _time(value)
    return value if isinstance(value, str) else _number(value)


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
