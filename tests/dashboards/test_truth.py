"""What dashboards say where Barograph stands still, is one of two, has just begun, or leaves a metric out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.reading import Json, asked, dashboards, panels, substituted, variables
from tests.tools.programs import promtool

ALL = dashboards()
A, B = ('instance="a",job="barograph"', 'instance="b",job="barograph"')
PLACE = 'check="drift",place="p",tenant="t",stage="s",stack="k",component="c",account="1",region="r"'
MINUTE = 60  # promtool's clock begins at 0, and a series such as `0+60x60` was always current
STATS = sorted((uid, panel["title"]) for uid, each in ALL.items() for panel in panels(each) if panel["type"] == "stat")
# What says that the metrics stand still, and so cannot be silent about it.
SIGNS = {("barograph-itself", "Last sign of life"), ("barograph-itself", "Scheduler's beat")}


def query(uid: str, title: str) -> str:
    """The expression of a panel with one query, with everything chosen."""
    dashboard: Json = ALL[uid]
    [found] = [each.expr for each in asked(dashboard) if each.panel.get("title") == title]
    return substituted(found, {**dict.fromkeys(variables(dashboard), ".+"), "__rate_interval": "1m"})


def seen(tmp_path: Path, expr: str, minute: int, series: Mapping[str, str], *values: float) -> None:
    """Have promtool work *expr* out over *series*; it must give exactly *values*, without labels."""
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": given} for name, given in series.items()],
        "promql_expr_test": [{
            "expr": expr, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": v} for v in values],
        }],
    }  # fmt: skip
    judged(tmp_path, [test])


def judged(tmp_path: Path, tests: list[dict[str, Any]]) -> None:
    """Have promtool run *tests*; all must hold."""
    path = tmp_path / "tests.yml"
    path.write_text(json.dumps({"tests": tests}))
    done = subprocess.run([promtool(), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def snapshot(at: str) -> str:
    return f"barograph_snapshot_timestamp_seconds{{{at}}}"


def test_no_number_outlives_the_metrics_it_is_made_of(tmp_path: Path) -> None:
    """Scraped on and on while nothing is put together any more: what was fine once is not known now."""
    incidents = {f'barograph_incidents{{{A},tier="critical",kind="drift",state="open"}}': "0x60"}
    expr = query("barograph-fleet", "Critical, nobody has it")
    seen(tmp_path, expr, 60, {snapshot(A): "0+60x60", **incidents}, 0)
    seen(tmp_path, expr, 60, {snapshot(A): "0+60x50 3000x10", **incidents})
    seen(tmp_path, expr, 60, incidents)


@pytest.mark.parametrize(("uid", "title"), STATS, ids=[f"{uid} {title}" for uid, title in STATS])
def test_every_number_asks_whether_the_metrics_are_current(uid: str, title: str) -> None:
    """All but those whose answer it is."""
    condition = "and on () (time() - min(barograph_snapshot_timestamp_seconds) < 300)"
    assert query(uid, title).endswith(condition) is ((uid, title) not in SIGNS)


def test_without_metrics_nothing_has_an_answer(tmp_path: Path) -> None:
    """Barograph is down: no query of any panel makes up a 0 or an ok."""
    tests = [
        {
            "interval": "1m", "input_series": [{"series": f"up{{{A}}}", "values": "0x60"}],
            "promql_expr_test": [{
                "expr": substituted(each.expr, {**dict.fromkeys(variables(board), ".*"), "__rate_interval": "1m"}),
                "eval_time": "60m", "exp_samples": [],
            }],
        }
        for board in ALL.values() for each in asked(board)
    ]  # fmt: skip
    judged(tmp_path, tests)


def test_a_silent_one_is_not_hidden_by_another(tmp_path: Path) -> None:
    """Of two Barographs the sign of life is that of the one that was silent longer, and its beat too."""
    for title, metric in (("Last sign of life", "snapshot"), ("Scheduler's beat", "scheduler_beat")):
        name = f"barograph_{metric}_timestamp_seconds"
        series = {f"{name}{{{A}}}": "0+60x60", f"{name}{{{B}}}": "0+60x30 1800x30"}
        seen(tmp_path, query("barograph-itself", title), 60, series, 30 * MINUTE)


def test_overdue_is_not_none_where_it_cannot_be_told(tmp_path: Path) -> None:
    """None overdue is 0, one is 1; without the intervals, which a limit of series can take away, it is not known."""
    expr = query("barograph-itself", "Overdue looks")
    due = f"barograph_check_next_run_timestamp_seconds{{{A},{PLACE}}}"
    every = {f"barograph_check_interval_seconds{{{A},{PLACE}}}": "600x60"}
    alive = {snapshot(A): "0+60x60"}
    seen(tmp_path, expr, 60, {**alive, **every, due: "3600x60"}, 0)
    seen(tmp_path, expr, 60, {**alive, **every, due: "60x60"}, 1)
    seen(tmp_path, expr, 60, {**alive, due: "60x60"})


def test_an_inventory_that_was_never_loaded_is_not_up_to_date(tmp_path: Path) -> None:
    """Nothing failed yet, and nothing was loaded."""
    expr = query("barograph-itself", "Inventory")
    series = {snapshot(A): "0+60x60", f"barograph_inventory_stale{{{A}}}": "0x60"}
    seen(tmp_path, expr, 60, series)
    seen(tmp_path, expr, 60, {**series, f"barograph_inventory_loaded_timestamp_seconds{{{A}}}": "60x60"}, 0)


def test_a_sum_of_what_was_seen_stands_beside_what_was_not(tmp_path: Path) -> None:
    """Where an account cannot be looked at, its unprotected data stores are in no sum: a number says so."""
    place = PLACE.replace("drift", "backups").replace('component="c",', "")
    series = {snapshot(A): "0+60x60", f'barograph_check_outcome{{{A},{place},outcome="unknown"}}': "1x60"}
    seen(tmp_path, query("barograph-expiries", "Blind to backups"), 60, series, 1)
    for uid, title in (("expiries", "Blind to certificates"), ("cost", "Blind to these"),
                       ("executions", "Blind to these")):  # fmt: skip
        seen(tmp_path, query(f"barograph-{uid}", title), 60, series)
