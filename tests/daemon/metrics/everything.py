"""A world in which every metric of the catalogue has something to show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from alerts.base import DeliveryKind, Draft
from checks.base import Tier
from checks.runs.dora import WINDOW, Applied, by_stack
from checks.runs.record import State
from daemon.health import Task, Workings
from daemon.metrics import CATALOGUE, Type
from daemon.store import AnchorRow, JobStateRow, aftercare
from daemon.store.aftercare import CareRow
from daemon.store.transaction import Transaction
from tests.daemon.web.world import HOUR, NOW, World, full_world

# Runs are folded from events elsewhere; here only what the metrics ask of them is of interest.
_RUN = """insert into execution (run_id, source, place, workflow, stack, state, started_at, ended_at, seconds, heard_at,
    received_at) values (?, 'exec', 'acme-prod/vpc', 'deploy', 'acme-prod', ?, ?, ?, 60.0, ?, ?)"""
# Applies to production are folded from events and held against the cycle elsewhere; these are what came of that.
_APPLIED = (
    Applied("r1", "acme-prod", "acme-prod/vpc", State.FAILED, NOW - 5 * HOUR, cycle=True, judged=True),
    Applied(
        "r2", "acme-prod", "acme-prod/vpc", State.SUCCEEDED, NOW - 2 * HOUR, commit="c0ffee",
        committed_at=NOW - 4 * HOUR, cycle=True, judged=True,
    ),
)  # fmt: skip
LEFT_OUT = "barograph_series_left_out"  # only where not all series fit


@contextmanager
def everything(folder: Path) -> Iterator[World]:
    """Everything that is known at once, LEFT_OUT apart."""
    changes = by_stack(_APPLIED, [], NOW - WINDOW, NOW)
    with full_world(folder) as made, patch("daemon.metrics.snapshot.production", lambda *asked: changes):
        made.health = replace(
            made.health, scheduler_lateness=0.2, children=2, paid_usd=0.4, paid_limit_usd=1.0,
            workings=Workings(
                tasks={"prune": Task(86_400, NOW + HOUR, NOW - HOUR), "self": Task(60, NOW)}, waiting=(NOW - HOUR,),
                children=2, oldest_child=NOW - HOUR, disk_free_bytes=10**9, written_at=NOW, copied_at=NOW - 5 * HOUR,
                reports_due={"weekly": NOW + HOUR}, intervals={("drift", "acme-prod/vpc"): HOUR},
            ),
        )  # fmt: skip
        for metric in CATALOGUE.values():
            labels = dict.fromkeys(metric.labels, "x")
            if metric.type is Type.COUNTER:
                made.own.count(metric.name, **labels)
            elif metric.type is Type.HISTOGRAM:
                made.own.observe(metric.name, 0.3, **labels)
        with made.store.transaction() as tx:
            for name, outcome in (
                ("report:weekly", "ok"), ("store check", "failed"), ("audit verify", "ok"), ("audit anchor:s3", "ok"),
            ):  # fmt: skip
                tx.save_job_state(JobStateRow(name, NOW, NOW, NOW - HOUR, NOW + HOUR, outcome, "", ""))
            tx.audit("alice", "db.restore", {})
            tx.save_anchor(AnchorRow(NOW, "s3", 1, "0" * 64, ""))
            subject = "report:weekly:2026-W08:C1"
            tx.enqueue(Draft("report", subject, DeliveryKind.POST, "C1", Tier.INFO, {"text": "The week"}))
            tx.db.execute("update delivery set sent_at = ? where subject = ?", [NOW.isoformat(), subject])
            for number, state in enumerate(("running", "succeeded", "failed")):
                at, end = (NOW - HOUR).isoformat(), (NOW - timedelta(minutes=50)).isoformat()
                tx.db.execute(_RUN, [f"r{number}", state, at, None if state == "running" else end, end, end])
            _changes_to_production(tx)
        yield made


def _changes_to_production(tx: Transaction) -> None:
    """An apply that failed, and one that put it right, of a commit whose time is known."""
    for run, minutes in (("r2", 55), ("r1", 50)):
        ended = NOW - timedelta(minutes=minutes)
        aftercare.save(
            tx.db, CareRow(run, "acme-prod", "acme-prod/vpc", "deploy", "done", ended, ended, ended, NOW, ended)
        )
        aftercare.set_cycle(tx.db, run, adheres=True)
    counts = json.dumps({"commit": "a" * 40, "committed_at": (NOW - 2 * HOUR).isoformat()})
    tx.db.execute("update execution set counts = ? where run_id = 'r1'", [counts])
