"""A world in which every page has everything to show, with one text wherever a value of an attribute could be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from alerts.base import Action, Change, DeliveryKind, Draft, IncidentState, Transition
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Outcome, Tier
from daemon.complying import Compliance
from daemon.desk import Desk
from daemon.executions.approving import Approving, Signed, Wanted
from daemon.executions.guideline import Guideline
from daemon.executions.schedules import Schedule
from daemon.planned import Duty
from daemon.store import reports
from daemon.web import AuthSettings, WebDeps
from daemon.web.ingest import Ingest
from daemon.web.webhooks import PagerDutyHook
from tests.daemon.executions.world import RUN
from tests.daemon.executions.world import world as of_runs
from tests.daemon.web.world import NOW, World, reading

SECRETS = ("the-signing-secret",)


def evidence(value: str) -> dict[str, Any]:
    """Evidence as a look at a plan leaves it."""
    path = {"path": "tags", "recorded": value, "actual": f"{value} moved", "desired": value}
    return {
        "differences": [{"address": "aws_s3_bucket.a", "action": "update", "note": value, "paths": [path]}],
        "diagnostics": [value], "facts": {"a": value}, "security": [{"summary": value}], "serial": value,
    }  # fmt: skip


@contextmanager
def whole_world(folder: Path, value: str, auth: AuthSettings) -> Iterator[tuple[World, WebDeps]]:
    """All of it, and what the application is made from."""
    with of_runs(folder) as runs:
        runs.start(workflow="deploy", argv=["atmos", value], actor="anna", expected_steps=3)
        runs.send(runs.event(1, "step.start", index=0, name="apply", command=f"terraform apply -var x={value}"))
        runs.send(
            runs.event(2, "resource", addr=f'aws_vpc.a["{value}"]', action="create", status="done", id=value),
            runs.event(3, "error", summary=value, detail=value), runs.event(4, "log", message=value),
        )  # fmt: skip
        row = {"addr": f'aws_vpc.n["{value}"]', "type": "aws_vpc", "action": "create", "opens": [f"x {value}"]}
        plan = {
            "plan": "p",
            "part": 0,
            "parts": 1,
            "workspace": "prod",
            "operation": "plan",
            "create": 1,
            "rows": [row],
        }
        runs.send(runs.event(5, "impact", **plan))
        # One without a workflow is called by the first words of its command.
        for number, argv in enumerate((
            ["terraform", "apply", f"-var=x={value}"], ["terraform", "-var", f"x={value}", "apply"],
            ["sh", "-c", f"TF_VAR_x={value} terraform apply -auto-approve"], ["env", f"TF_VAR_x={value}", "terraform"],
            ["mysql", "-p", value], ["make", f"PASSWORD={value}"], [f"./rotate {value}"],
        )):  # fmt: skip
            nameless = f"0e1f2a3b-4c5d-4e6f-8a7b-{number:012x}"
            runs.start(nameless, workflow="", stack="", component="", argv=argv)
            runs.end(nameless, rc=1)
        while runs.judge.tick():
            pass
        made = World(runs.store, now=runs.now)
        for hours, verdict in ((90, "in_sync"), (50, "drift"), (20, "in_sync"), (2, "drift")):
            outcome = Outcome.HEALTHY if verdict == "in_sync" else Outcome.UNHEALTHY
            seen = replace(reading("acme-prod/network", outcome, verdict), summary=value, evidence=evidence(value))
            made.look("network", seen, ago=timedelta(hours=hours))
        made.look("network", seen)
        made.look("vpc", reading("acme-prod/vpc", Outcome.UNHEALTHY, "drift", evidence=evidence(value)))
        made.look("vpc", failure=("config_error", value))
        made.look("dns", reading("acme-prod/dns"))
        made.look("network", reading("acme-prod/network", evidence={"found": value}), check="security")
        for name, check, state in (
            ("v1:a", "drift", IncidentState.OPEN), ("v1:b", "execution", IncidentState.ACKNOWLEDGED),
            ("v1:c", "a_check_of_tomorrow", IncidentState.OPEN),
        ):  # fmt: skip
            found = made.incident(
                name, check=check, summary=f"versioning {value} -> false", cause=value, remedy=value,
                evidence=evidence(value), not_seen_because=value, tier=Tier.CRITICAL, state=state,
                ack_by="anna" if state is IncidentState.ACKNOWLEDGED else "",
            )  # fmt: skip
            fact = Transition(name, 2, NOW, Action.UPDATE, value, found.state, found.state, found.tier, value)
            draft = Draft(f"{name}-2", found.thread, DeliveryKind.REPLY, "C1", found.tier, {"text": value})
            with made.store.transaction() as tx:
                tx.save_change(Change(replace(found, seq=2), fact, (draft,)))
        made.incident("v1:d", tier=Tier.INFO, check="cost", evidence={}, summary="a volume that nothing uses")
        made.health = replace(
            made.health, scheduler_beat=made.now, inventory_stale_because=value, inventory_problems=(value,),
            outdated={("drift", "acme-prod/dns"): value},
        )  # fmt: skip
        with made.store.transaction() as tx:
            files = {name: value.encode() for name in ("report.html", "report.json", "report.csv", "tables.zip")}
            kept = reports.ReportRow("weekly", "2026-W09", "", 1, made.now, "report", value, "good")
            reports.save(tx.db, kept)
            reports.keep_files(tx.db, kept, files)
        ingest = Ingest(runs.intake, lambda: made.now, SECRETS, (Schedule("backup", "backup", "acme-prod"),), SECRETS)
        hook = PagerDutyHook(SECRETS, lambda *told: None, made.store, made.clock)
        snapshots = made.snapshots()
        snapshots.refresh()
        approving = Approving(made.store, made.clock, Guideline())
        given = approving.give(Wanted(run_id=RUN, evidence=value, note=value), Signed("bob", "HTTP"))
        assert not given.refused
        yield made, replace(
            made.deps(snapshots, auth), desk=Desk(made.store, Policy(routes=Routes("C1")), made.clock),
            hooks=[*hook.routes(), *ingest.routes()], approving=approving,
            compliance=Compliance(made.store.path, ZoneInfo("UTC"), None, {}),
            planned=lambda now: [Duty("weekly report", now + timedelta(hours=3)), Duty("daily digest", now)],
        )  # fmt: skip
