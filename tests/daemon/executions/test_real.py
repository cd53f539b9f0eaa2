"""The daemon as a process: runs told over HTTP, and SIGKILL between their events."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.base import LIVE
from checks.base import Kind
from daemon.store import open_reader
from tests.daemon.executions.world import number
from tests.daemon.test_app import Daemon, wait_for
from tests.daemon.wrapper.support import Shop

EXTRA = "checks: {drift: {enabled: false}, repository: {enabled: false}}\n"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    (tmp_path / "repo" / "net").mkdir(parents=True)
    (tmp_path / "repo" / "net" / "main.tf").write_text('resource "terraform_data" "x" {}\n')
    made.configure("net", extra=EXTRA)
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait(10)


def tell(daemon: Daemon, run: str, seq: int, name: str, **data: Any) -> dict[str, Any]:
    """Sent with the time of a clock that is wrong by years: what counts is that it arrived."""
    event = {"schema": 1, "run_id": run, "seq": seq, "event": name, "ts": "2001-01-01T00:00:00Z", **data}
    body = json.dumps({"events": [event]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.port}/api/v1/events", body)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 202
        told: dict[str, Any] = json.loads(answer.read())
        return told


def test_a_wrapped_job_is_on_the_page_of_runs(daemon: Daemon, tmp_path: Path) -> None:
    """Told by `barograph exec`, taken by the daemon, and nothing of it waits any more."""
    wait_for("the start", lambda: daemon.get("/readyz")[0] == 200)
    shop = Shop(tmp_path)
    options = ["--workflow", "wrapped-job", "--stack", "acme-prod", "--component", "net"]
    done = shop.run(
        "sh", "-c", "echo hi; exit 3", options=options, env={"BAROGRAPH_URL": f"http://127.0.0.1:{daemon.port}"}
    )
    assert (done.returncode, done.stdout) == (3, b"hi\n")
    wait_for("the failure", lambda: live(daemon) == [(Kind.WORKFLOW_FAILURE, "acme-prod/net", "critical")])
    assert "wrapped-job" in daemon.get("/runs")[1]
    wait_for("the spool to be empty", lambda: not list(shop.spool.iterdir()))


def test_what_a_saved_plan_would_do_is_known_before_it_is_applied(daemon: Daemon, tmp_path: Path) -> None:
    """Real Terraform, wrapped, and told to the daemon: the plan is on the run's page, tied to its instance."""
    wait_for("the start", lambda: daemon.get("/readyz")[0] == 200)
    shop = Shop(tmp_path)
    options = ["--workflow", "plan-environment", "--stack", "acme-prod", "--component", "net"]
    shop.run(
        "sh", "-c", "cd repo/net && terraform init && terraform plan -out=../../saved", options=options,
        env={"BAROGRAPH_URL": f"http://127.0.0.1:{daemon.port}"},
    )  # fmt: skip
    runs = json.loads(daemon.get("/api/v1/runs")[1])["runs"]
    path = f"/api/v1/runs/{runs[0]['run_id']}"
    wait_for("the plan", lambda: [one["source"] for one in json.loads(daemon.get(path)[1])["impacts"]] == ["plan"])
    (plan,) = json.loads(daemon.get(path)[1])["impacts"]
    assert (plan["component"], plan["title"], plan["complete"]) == ("net", "1 to create", True)
    assert [one["address"] for one in plan["changes"]] == ["terraform_data.x"]


def live(daemon: Daemon) -> list[tuple[Kind, str, str]]:
    with open_reader(daemon.store) as reader:
        found = reader.incidents(LIVE)
    return [(one.kind, one.place, str(one.tier)) for one in found if one.check == "execution"]


def test_what_was_answered_outlives_a_kill(daemon: Daemon) -> None:
    """A process is killed between the events of a run; the next one tells of its failure, once, and of its end."""
    wait_for("the start", lambda: daemon.get("/readyz")[0] == 200)
    start = {"workflow": "deploy", "stack": "acme-prod", "component": "net"}
    tell(daemon, number(1), 0, "run.start", **start)
    tell(daemon, number(1), 1, "error", summary="Error acquiring the state lock", detail="ID: 1\n  Who: ci@host")
    daemon.stop(signal.SIGKILL)
    daemon.start()
    wait_for("the second start", lambda: daemon.get("/readyz")[0] == 200)
    assert tell(daemon, number(1), 1, "error", summary="x") == {"accepted": 0, "duplicates": 1}
    tell(daemon, number(1), 2, "run.end", rc=1)
    failed = [(Kind.WORKFLOW_FAILURE, "acme-prod/net", "critical")]
    wait_for("the failure", lambda: live(daemon) == failed)
    daemon.stop(signal.SIGKILL)
    daemon.start()
    wait_for("the third start", lambda: daemon.get("/readyz")[0] == 200)
    assert live(daemon) == failed
    tell(daemon, number(2), 0, "run.start", **start)
    tell(daemon, number(2), 1, "run.end", rc=0)
    wait_for("the end", lambda: live(daemon) == [(Kind.DEPLOYMENT, "acme-prod/net", "info")])
    status, page = daemon.get("/runs")
    assert (status, page.count("<tr>")) == (200, 3)
    assert "deploy" in daemon.get("/instances/acme-prod/net")[1]
    wait_for("the metrics", lambda: 'barograph_run_results{result="failed"' in daemon.get("/metrics")[1])
    assert daemon.stop() == 0
