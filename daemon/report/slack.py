"""The report in Slack: a root message that stands alone, a reply per section, files beside them.

The root message has at most 12 blocks and 6,000 characters of them; Slack shows no SVG, so trends are characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alerts.blocks import (
    Block,
    Body,
    characters,
    code_section,
    context,
    fields,
    header,
    message,
    mrkdwn_section,
    plain_section,
)
from alerts.escape import clean, defanged, length, link, mrkdwn, one_line
from daemon.report import words
from daemon.report.model import Figure, Light, Report, Section, Table

LAMPS = {Light.RED: "🔴", Light.AMBER: "🟠", Light.GREEN: "🟢", Light.GREY: "⚪"}
MOST_BLOCKS, MOST_CHARACTERS = 12, 6_000
HEADLINE, DECISION, COMMAND, OWNER, GLANCE = 500, 190, 160, 60, 1_900
ROWS, ROW, TABLE = 10, 230, 2_400
FIGURES = 10
NOT_WATCHED = "◌"


def root(report: Report, note: str = "") -> Body:
    """The root message. *note*: one sentence about this edition."""
    title = f"{LAMPS[report.light]} {report.title}: {report.week}"
    lines = [defanged(title, 300), defanged(report.headline, 900)]
    blocks: list[Block] = [header(title, 150), plain_section(report.headline, HEADLINE)]
    if report.figures:
        facts = [(figure.label, _value(figure)) for figure in report.figures]
        blocks.append(fields(facts, 90))
        lines += [f"{label}: {defanged(value, 120)}" for label, value in facts]
    blocks.append(mrkdwn_section(_decisions(report)))
    lines += [f"{n}. {defanged(one_line(each.text), 250)} ({defanged(each.owner, 80)})"
              for n, each in enumerate(report.decisions, start=1)] or ["No decision is needed."]  # fmt: skip
    blocks.append(mrkdwn_section(_glance(report)))
    foot = [mrkdwn(f"{report.section('quality').summary}", 400)]
    if note:
        foot.append(mrkdwn(note, 200))
        lines.append(defanged(note, 200))
    url = link(f"{report.status_url.rstrip('/')}/reports/{report.week.name}", "The whole report") if (
        report.status_url) else ""  # fmt: skip
    blocks.append(context([part for part in (url, *foot) if part]))
    lines += [line for line in (url,) if line]
    made = message(lines, blocks, f"report.{report.kind}.{report.week.name}.{report.made_at.timestamp():.0f}")
    assert len(made["blocks"]) <= MOST_BLOCKS
    assert sum(map(characters, made["blocks"])) <= MOST_CHARACTERS
    return made


def _value(figure: Figure) -> str:
    shown = words.number(figure.this, figure.unit)
    step = words.change(figure)
    return " ".join(part for part in (shown, f"({step})" if step else "", words.sparkline(figure.series)) if part)


def _decisions(report: Report) -> str:
    if not report.decisions:
        return "*Decisions needed*\nNone."
    parts = ["*Decisions needed*"]
    for number, each in enumerate(report.decisions, start=1):
        where = f", {one_line(each.where)}" if each.where else ""
        who = mrkdwn(f"{one_line(each.owner)}{where}", OWNER)
        parts.append(f"{number}. {mrkdwn(one_line(each.text), DECISION)} _{_calm(who)}_"
                     f"\n`{mrkdwn(one_line(each.command), COMMAND)}`")  # fmt: skip
    if report.decisions_left:
        parts.append(f"+{report.decisions_left} more, in the thread")
    return "\n".join(parts)


def _calm(escaped: str) -> str:
    return escaped.replace("_", "\u02cd")


def _glance(report: Report) -> str:
    room = GLANCE
    parts = ["*At a glance* (details in the thread)"]
    each_room = room // max(1, len(report.sections)) - 4
    for section in report.sections:
        lamp = LAMPS[section.light] if section.watched else NOT_WATCHED
        parts.append(f"{lamp} *{mrkdwn(section.title, 60)}* {mrkdwn(one_line(section.summary), each_room - 26)}")
    return "\n".join(parts)


def replies(report: Report) -> list[tuple[str, Body]]:
    """(section, message) for each section that is watched."""
    return [(section.id, reply(report, section)) for section in report.sections if section.watched or section.tables]


def reply(report: Report, section: Section) -> Body:
    """One section in the thread."""
    title = f"{LAMPS[section.light]} {section.title}"
    lines = [defanged(title, 200), defanged(section.summary, 900)]
    blocks: list[Block] = [header(title, 150), plain_section(section.summary, 900)]
    if section.figures:
        facts = [(figure.label, f"{_value(figure)} · {words.beside(figure)}") for figure in section.figures[:FIGURES]]
        blocks.append(fields(facts, 150))
        lines += [f"{label}: {defanged(value, 200)}" for label, value in facts]
    for table in section.tables[:2]:
        if table.rows:
            rows = list(_rows(report, table))
            blocks.append(code_section(table.title, "\n".join(rows), TABLE))
            lines += [defanged(table.title, 100), *(defanged(row, 250) for row in rows)]
    if section.notes:
        blocks.append(context([mrkdwn(note, 300) for note in section.notes[:5]]))
        lines += [defanged(note, 300) for note in section.notes[:5]]
    return message(lines, blocks, f"report.{report.kind}.{report.week.name}.{section.id}")


def _rows(report: Report, table: Table) -> Iterator[str]:
    """The worst rows, one line each; the last line says how many there are beside them."""
    room, shown = TABLE - 80, 0
    for row in table.rows[:ROWS]:
        cells = [words.cell(value, column.unit, report.week.zone)
                 for column, value in zip(table.columns, row, strict=True)]  # fmt: skip
        line = one_line(" · ".join(clean(cell, 300) for cell in cells if cell))
        line = line if len(line) <= ROW else f"{line[: ROW - 1]}…"
        room -= length(mrkdwn(line, 1_000)) + 1
        if room < 0:
            break
        shown += 1
        yield line
    if table.total > shown:
        yield f"+{table.total - shown:,} more, in the attached CSV"


def files_text(what: Sequence[str]) -> str:
    return f"Attached: {', '.join(what)}"
