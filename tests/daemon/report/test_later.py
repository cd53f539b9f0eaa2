"""What a week's numbers say does not change with what comes later, and nobody's words change them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from checks.base import Finding, Kind, Outcome, Reading
from daemon.report.as_csv import guarded
from daemon.report.model import Cell, Report
from tests.daemon.report.world import fine, world

BAD = Reading("r", Outcome.UNHEALTHY, "drift", "bad", (Finding(Kind.DRIFT, "drift", "r has drifted"),))
LABELS = {"stack": "acme-prod", "component": "x"}


def figures(report: Report) -> list[tuple[str, float | None]]:
    (section,) = [section for section in report.sections if section.id == "incidents"]
    return [(figure.label, figure.this) for figure in section.figures]


def what_was_hidden(report: Report) -> list[tuple[Cell, ...]]:
    return [
        row
        for section in report.sections
        for table in section.tables
        if table.title == "What silences hid"
        for row in table.rows
    ]


@pytest.mark.parametrize("silenced", [False, True])
def test_a_baseline_that_comes_back_later_was_not_opened_before(tmp_path: Path, silenced: bool) -> None:
    """The week of the first look reads as it did."""
    with world(tmp_path) as it:
        if silenced:
            it.hide("acme-*", it.day(0, 1, week=-2), "anna", "moving", timedelta(days=1))
        it.look("drift", "p", it.day(0, week=-2), BAD, labels=LABELS)
        it.look("drift", "p", it.day(2, week=-2), fine("r"), labels=LABELS)
        before = figures(it.report(week=it.week.before(2)))
        it.look("drift", "p", it.day(1, week=-1), BAD, labels=LABELS)
        assert before == figures(it.report(week=it.week.before(2)))
        assert dict(before)["Opened"] == 0
        assert dict(figures(it.report(week=it.week.before(1))))["Opened"] == 1


def test_a_long_silence_is_told_of_in_every_week_in_which_it_hides_something(tmp_path: Path) -> None:
    """Not only in the one in which it began to; and with its author's words, whatever its reason looks like."""
    with world(tmp_path) as it:
        it.look("drift", "p", it.day(0, week=-1), fine("r"), labels=LABELS)
        reason = "x; no message: silenced until 2020-01-01 by anna: fine"
        it.hide("acme-*", it.day(1, week=-1), "mallory", reason, timedelta(days=20))
        it.look("drift", "p", it.day(2, week=-1), BAD, labels=LABELS)
        for week in (it.week.before(1), it.week):
            ((tier, summary, why, _),) = what_was_hidden(it.report(week=week))
            assert (tier, summary) == ("warning", "r has drifted")
            assert str(why).startswith("silenced until 2026-11-30 11:00 UTC by mallory: x; no message")
        assert what_was_hidden(it.report(week=it.week.before(2))) == []


@pytest.mark.parametrize("text", ["a;=1+1;b", "x\t=1+1", "x\n=1+1", "x\r\n  -2", "a; @SUM(1)", 'a;"+1"'])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_cell_is_a_formula_whatever_parts_the_cells(text: str, delimiter: str) -> None:
    """A spreadsheet takes the character of its language for the end of a cell."""
    made = io.StringIO()
    csv.writer(made, lineterminator="\r\n").writerow(["first", guarded(text), 3])
    lines = made.getvalue() if delimiter == "," else made.getvalue().replace('"', "")
    cells = [cell for row in csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter) for cell in row]
    begins = [line.strip()[:1] for cell in cells for line in [cell.lstrip(' "\r\n\t')]]
    assert not set(begins) & set("=+-@")
