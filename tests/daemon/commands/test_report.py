"""`barograph report weekly`: shown, kept, queued; through the daemon where one runs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.cli import cli
from daemon.report.period import last_complete
from daemon.reporting import orders_of
from daemon.store import Store, open_reader, reports
from tests.daemon.report.scenarios import all_resolved
from tests.daemon.report.world import BERLIN, world

CONFIG = """source: {{kind: terraform, path: repo, roots: [{{path: a, stack: a-prod}}]}}
store: {{path: barograph.db}}
timezone: Europe/Berlin
report: {{weekly: {{{weekly}}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration, and a store whose last complete week has something in it."""
    from datetime import UTC, datetime

    week = last_complete(datetime.now(UTC), BERLIN)
    (tmp_path / "repo").mkdir()
    (tmp_path / "barograph.yml").write_text(CONFIG.format(weekly="channel: C0123456789"))
    with world(tmp_path, week) as it:
        all_resolved(it)
        with it.store.transaction() as tx:
            tx.db.execute("delete from delivery")
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["report", "weekly", "-c", str(folder / "barograph.yml"), *arguments])


def kept(folder: Path) -> list[tuple[str, int, str]]:
    with open_reader(folder / "barograph.db") as view:
        return [(row.period, row.edition, row.destination) for row in reports.newest(view.db, "weekly")]


def test_a_dry_run_only_shows_it(folder: Path) -> None:
    """Nothing is kept, nothing is queued."""
    result = run(folder, "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.startswith("Weekly report ")
    assert kept(folder) == []


@pytest.mark.parametrize("form", ["html", "json", "csv", "slack", "text"])
def test_every_format_is_written(folder: Path, form: str) -> None:
    """To a file, of which nothing is printed."""
    target = folder / f"report.{form}"
    result = run(folder, "--dry-run", "--format", form, "-o", str(target))
    assert (result.exit_code, result.stdout) == (0, "")
    text = target.read_text(encoding="utf-8")
    match form:
        case "html":
            assert text.startswith("<!doctype html>")
        case "json":
            assert json.loads(text)["kind"] == "weekly"
        case "csv":
            assert next(csv.reader(io.StringIO(text)))[0] == "report"
        case "slack":
            assert set(json.loads(text)) == {"message", "thread"}
        case _:
            assert "Decisions needed" in text or "No decision is needed" in text


def test_it_is_queued_once_and_force_makes_it_again(folder: Path) -> None:
    """A second call says that it was made before; --force makes another edition."""
    assert "queued for C0123456789" in run(folder).stderr
    ((period, edition, destination),) = kept(folder)
    assert (edition, destination) == (1, "C0123456789")
    again = run(folder)
    assert (again.exit_code, "made before" in again.stderr) == (0, True)
    assert kept(folder) == [(period, 1, destination)]
    run(folder, "--force")
    assert kept(folder) == [(period, 2, destination)]


def test_without_a_channel_it_is_kept_and_sent_to_nobody(folder: Path) -> None:
    """And says so."""
    (folder / "barograph.yml").write_text(CONFIG.format(weekly=""))
    result = run(folder)
    assert (result.exit_code, "sent to nobody" in result.stderr) == (0, True)
    assert [each[2] for each in kept(folder)] == [""]


def test_a_running_daemon_is_asked(folder: Path) -> None:
    """The store has one writer: the command leaves an order beside it."""
    from datetime import UTC, datetime

    path = folder / "barograph.db"
    with Store.open(path, lambda: datetime.now(UTC)):
        result = run(folder)
    assert (result.exit_code, "the running daemon was asked" in result.stderr) == (0, True)
    (order,) = orders_of(path).iterdir()
    asked = json.loads(order.read_text())
    assert asked.pop("who").endswith("command line)")
    assert (asked["week"], asked["force"]) == (order.stem.removeprefix("weekly-"), False)
    assert kept(folder) == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--week", "2026-99"), 2, "is no week"),
        (("--week", "2999-W01"), 2, "is not over"),
        (("-o", "/no/such/folder/report.html", "--dry-run"), 2, "cannot be written"),
    ],
)
def test_mistakes_are_explained(folder: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    """In one line, with what was likely meant."""
    result = run(folder, *arguments)
    assert (result.exit_code, told in result.stderr) == (code, True)


def test_a_store_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Before the first `barograph run`."""
    (tmp_path / "repo").mkdir()
    (tmp_path / "barograph.yml").write_text(CONFIG.format(weekly=""))
    result = run(tmp_path)
    assert (result.exit_code, "there is no store here" in result.stderr) == (4, True)
