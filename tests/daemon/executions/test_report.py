"""What the weekly report says of runs that were told over the API."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from daemon.report.as_json import plain
from daemon.report.period import week_of
from daemon.reporting import made_of
from tests.daemon.executions.world import NOW, number, world


def test_the_weekly_report_counts_what_the_judge_recorded(tmp_path: Path) -> None:
    """Two deployments, each of two failures in a row with its next step, and how long they took on the average."""
    with world(tmp_path) as here:
        here.whole(number(1), minutes=4)
        here.whole(number(2), minutes=6)
        here.whole(number(3), rc=1, stack="acme-dev")
        here.whole(number(4), rc=1, stack="acme-dev")  # its incident goes on; it is a failed run all the same
        here.move(days=7)
        with here.store.read() as view:
            report = plain(made_of(view, week_of(NOW + timedelta(hours=1), ZoneInfo("UTC")), here.now))
    (section,) = [one for one in report["sections"] if one["id"] == "deployments"]
    assert section["summary"] == "2 deployments ended well, 2 runs failed."
    figures = {one["label"]: one["this"] for one in section["figures"]}
    assert (figures["Ended well"], figures["Failed"], figures["Mean duration"]) == (2, 2, 300.0)
