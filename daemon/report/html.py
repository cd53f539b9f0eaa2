"""The report as one page that needs nothing beside itself: style and charts are in it, there is no script."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from daemon.report import words
from daemon.report.model import Cell, Column, Light, Report, Unit
from daemon.report.svg import chart_svg, spark_svg

TEMPLATES = Path(__file__).parent / "templates"
MOST_BYTES = 1_000_000
ROWS = 25  # of a table; the CSV has all
LAMPS = {Light.RED: ("bad", "Needs a person"), Light.AMBER: ("warn", "Needs attention"), Light.GREEN: ("good", "Fine"),
         Light.GREY: ("unknown", "Not known")}  # fmt: skip
_NUMBERS = (Unit.COUNT, Unit.RATIO, Unit.USD, Unit.NUMBER, Unit.SECONDS, Unit.DAYS)
LONGEST = 600  # characters of a cell


def style() -> str:
    return (TEMPLATES / "report.css").read_text(encoding="utf-8")


def policy() -> str:
    """The Content-Security-Policy under which the page shows whole: its own style, and nothing from anywhere."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def as_html(report: Report) -> str:
    """The page: at most MOST_BYTES, with fewer rows where there are very many."""
    page = ""
    for rows in (ROWS, 10, 3, 0) if report.kind == "weekly" else (2_000, 500, 100, ROWS, 10, 3, 0):
        page = _page(report, rows)
        if len(page.encode()) <= MOST_BYTES:
            break
    return page


def _page(report: Report, rows: int) -> str:
    environment = Environment(
        autoescape=True, loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    zone = report.week.zone
    environment.globals |= {
        "style": Markup(style()),  # noqa: S704 - our own file
        "policy": policy(),
        "lamps": LAMPS,
        "lamp_of": lambda section: LAMPS[section.light] if section.watched else ("none", "Not watched"),
        "number": words.number,
        "change": words.change,
        "tone": words.tone,
        "plural": words.plural,
        "cell": lambda value, column: _cut(words.cell(value, column.unit, zone)),
        "kind": _kind,
        "chart": chart_svg,
        "spark": spark_svg,
        "moment": lambda at: words.moment(at, zone),
        "most": rows,
    }
    link = f"{report.status_url.rstrip('/')}/reports/{quote(report.week.name)}" if report.status_url else ""
    link = link if report.kind == "weekly" else ""
    books = f"{report.status_url.rstrip('/')}/runbooks" if report.status_url else ""
    return environment.get_template("report.html").render(report=report, link=link, books=books)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _kind(value: Cell, column: Column) -> str:
    """The class of a cell: number, command, tier, text, or nothing known."""
    if value is None:
        return "nothing"
    if column.unit in _NUMBERS:
        return "number" if isinstance(value, float) else "number nothing"
    if column.unit is Unit.MOMENT:
        return "moment"
    if column.name == "tier":
        return f"tier {value}"
    return "command" if column.name == "next step" else "text"
