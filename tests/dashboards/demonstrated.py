"""The demo's own daemon, with every check on its embedded world, answers what the dashboards ask."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.dashboards.asking import choose, problems
from tests.dashboards.reading import dashboards
from tests.dashboards.server import Server, running

READY_SECONDS = 420.0
_ADDRESS = re.compile(r"^Metrics:\s+http://(\S+)/metrics$", re.MULTILINE)
_DONE = "Ctrl-C ends it."

ONE = {"tenant": ["acme"], "stage": ["production"], "stack": ["acme-prod"], "region": ["eu-west-1"]}

# What the demo's world does not have, with the reason. It has to have everything else.
_COST = "barograph-cost"
_UTILIZATION = "no database, cache or load balancer is in the embedded AWS"
EMPTY = {
    f"{_COST} / Could be saved a month / A": "AWS recommends nothing there",
    f"{_COST} / What could be saved, most first / A": "AWS recommends nothing there",
    **{f"{_COST} / Budgets, fullest first / {ref}": "nobody made a budget there" for ref in "ABC"},
    f"{_COST} / Fullest resources / A": _UTILIZATION,
    f"{_COST} / Full next, soonest first / A": _UTILIZATION,
    **{f"{_COST} / Free addresses, least first / {ref}": "its networks have no subnets" for ref in "AB"},
    "barograph-expiries / What can be restored, most urgent first / C": "no copy elsewhere is asked for",
    "barograph-executions / Stacks of production, worst first / E": "no apply to its production has failed",
    "barograph-itself / Next report in / A": "nobody gets a report of the demo's own service",
}


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that runs."""

    process: subprocess.Popen[bytes]
    told: Path  # the file that its output is in


@contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    """Start the demo, as a user would, and end it as a user would."""
    told = folder / "demo.txt"
    argv = [sys.executable, "-m", "daemon", "demo", "--port", "0"]
    with told.open("wb") as out, subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            yield Demo(process, told)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(begun: Demo) -> str:
    """Until all that the demo shows has happened; gives where its service listens. Raises AssertionError."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        text = begun.told.read_text(encoding="utf-8", errors="replace")
        found = _ADDRESS.search(text)
        if _DONE in text and found:
            return found[1]
        if begun.process.poll() is not None:
            raise AssertionError(f"the demo ended by itself: {text[-2000:]}")
        time.sleep(0.5)
    raise AssertionError(f"the demo has not come to its end after {READY_SECONDS:g} s: {text[-2000:]}")


def send_runs(address: str) -> None:
    """Three runs as `barograph exec` tells of them: the demo has no executions of its own."""
    now = datetime.now(UTC)
    for number, (stack, rc) in enumerate((("acme-dev", 0), ("acme-staging", 1), ("acme-prod", 0))):
        run = f"01890a5d-ac96-774b-bcce-{number:012x}"
        started: dict[str, object] = {
            "workflow": "deploy", "stack": stack, "component": "service", "actor": "alice", "git_sha": f"{number:040x}",
            "git_committed_at": (now - timedelta(hours=2)).isoformat(),
        }  # fmt: skip
        changed: dict[str, object] = {
            "addr": "aws_sqs_queue.jobs",
            "action": "update",
            "status": "failed" if rc else "done",
            "elapsed": 1.0,
        }
        events: list[tuple[str, dict[str, object]]] = [
            ("run.start", started), ("phase.start", {"phase": "apply"}), ("resource", changed), ("run.end", {"rc": rc}),
        ]  # fmt: skip
        body = [
            {
                "schema": 1,
                "run_id": run,
                "seq": seq,
                "event": name,
                "ts": (now + timedelta(seconds=seq)).isoformat(),
                **data,
            }
            for seq, (name, data) in enumerate(events)
        ]
        request = urllib.request.Request(
            f"http://{address}/api/v1/events",
            json.dumps({"events": body}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 202


def ask(prometheus: str, folder: Path, address: str) -> list[str]:
    """Everything that is wrong with the answers, for All and for one of each variable."""
    with running(prometheus, folder, [address]) as server:
        send_runs(address)
        _wait_for_runs(server)
        return [
            problem
            for dashboard in dashboards().values()
            for name, chosen in (("All", {}), ("one of each", ONE))
            for problem in problems(server, dashboard, choose(server, dashboard, name, chosen), EMPTY)
        ]


def _wait_for_runs(server: Server) -> None:
    for _ in range(300):
        if server.instant(
            "sum(barograph_run_results) >= 3 and on () sum(rate(barograph_run_resources_total[8s])) >= 0"
            " and on () sum(barograph_deployment_applies) >= 1"
        ):
            return
        time.sleep(0.1)
    raise AssertionError("the runs that were sent are not in the metrics")
