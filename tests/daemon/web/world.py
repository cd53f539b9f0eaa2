"""A store with everything a page or a metric can show, and hostile names where names can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from alerts.base import Action, Change, DeliveryKind, Draft, Incident, IncidentState, Transition
from checks.base import Kind, Outcome, Reading, Tier
from daemon.health import Health
from daemon.inventory.model import Inventory
from daemon.metrics import OwnMetrics, Snapshots
from daemon.store import RunRow, Store
from daemon.web import AuthSettings, WebDeps, serving

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


@dataclass(frozen=True)
class Words:
    """What the metrics need to know of a check."""

    measures: Mapping[str, str] = field(default_factory=lambda: {"changes": "Changes made by hand."})
    verdicts: Mapping[str, str] = field(
        default_factory=lambda: {"in_sync": "", "drift": "", "busy": "", "error": "", "not_applicable": ""}
    )
    measure_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


CHECKS = {
    "drift": Words(),
    "certificates": Words({"expiry_timestamp_seconds": "When the certificate ends."}, {}),
    "quotas": Words({"usage_ratio": "Used part."}, {}, {"usage_ratio": ("service_code", "quota_code")}),
}


@dataclass
class World:
    """A store and a clock that tests move."""

    store: Store
    now: datetime = NOW
    health: Health = field(default_factory=lambda: Health(
        started_at=NOW - HOUR, version="0.1.0", scheduler_beat=NOW, inventory_loaded_at=NOW - HOUR,
        instances={"watched": 3, "disabled": 1}, store_bytes=4096,
    ))  # fmt: skip
    own: OwnMetrics = field(default_factory=OwnMetrics)
    inventory: Inventory | None = None

    def clock(self) -> datetime:
        return self.now

    def move(self, step: timedelta) -> None:
        """Let time pass while the scheduler beats on."""
        self.now += step
        self.health = replace(self.health, scheduler_beat=self.now)

    def look(
        self, component: str, *readings: Reading, stack: str = "acme-prod", check: str = "drift",
        failure: tuple[str, str] | None = None, ago: timedelta = timedelta(minutes=4),
    ) -> str:  # fmt: skip
        """Record one run, hourly from now on; gives the place's key."""
        place = f"{stack}/{component}"
        labels = {"stack": stack, "component": component, "stage": "production", "owner": "@net", "tenant": "acme"}
        ended = self.now - ago
        started = ended - timedelta(seconds=30)
        outcome, reason, detail = ("failed", *failure) if failure else ("ok", "", "")
        with self.store.transaction() as tx:
            row = RunRow(check, place, labels, started, ended, outcome, reason, detail, ended + HOUR)
            tx.save_run(row)
            if readings:
                tx.save_readings(check, place, readings, ended)
        return place

    def incident(self, fingerprint: str = "v1:a", **changes: Any) -> Incident:
        """Store an open incident with its message."""
        place = "acme-prod/network"
        found = replace(Incident(
            fingerprint=fingerprint, check="drift", place=place, resource=place, key="drift", kind=Kind.DRIFT,
            tier=Tier.WARNING, tier_reason="drift: answer within 24 hours", state=IncidentState.OPEN,
            summary="2 resources drifted", first_seen=NOW - HOUR, opened_at=NOW - HOUR, last_seen=NOW, changed_at=NOW,
            seq=1, remedy="atmos terraform plan network -s acme-prod", addresses=("aws_s3_bucket.a",),
            labels={"stack": "acme-prod", "component": "network", "owner": "@net"}, channel="C1",
            thread=f"{fingerprint}#1", evidence={"differences": DIFFERENCES, "serial": 7},
        ), **changes)  # fmt: skip
        fact = Transition(
            fingerprint, 1, NOW, Action.OPEN, "seen at the look", "", found.state, found.tier, found.summary
        )
        draft = Draft(f"{fingerprint}-1", found.thread, DeliveryKind.POST, "C1", found.tier, {"text": found.summary})
        with self.store.transaction() as tx:
            tx.save_change(Change(found, fact, (draft,)))
        return found

    def snapshots(self, limit: int = 20_000) -> Snapshots:
        return Snapshots(self.store, lambda: self.health, CHECKS, self.own, self.clock, limit)

    def deps(self, snapshots: Snapshots | None = None, auth: AuthSettings | None = None) -> WebDeps:
        kept = snapshots or self.snapshots()
        return WebDeps(
            self.store, lambda: kept.current, lambda: self.health, self.clock, auth or AuthSettings(),
            inventory=lambda: self.inventory, source=f"folder /srv/{HOSTILE}",
        )  # fmt: skip


DIFFERENCES = [
    {
        "address": "aws_security_group.db", "action": "update", "cls": "drift",
        "paths": [{"path": "tags.Owner", "recorded": "net", "actual": "bob", "desired": "net"}],
    },
    {"address": "aws_s3_bucket.a", "path": "versioning", "recorded": True, "actual": False},
]  # fmt: skip


def reading(place: str, outcome: Outcome = Outcome.HEALTHY, verdict: str = "in_sync", **more: Any) -> Reading:
    return Reading(place, outcome, verdict, f"{place} is {verdict}", **more)


@contextmanager
def world(folder: Path, clock: Callable[[], datetime] = lambda: NOW) -> Iterator[World]:
    """An empty world."""
    with Store.open(folder / "barograph.db", clock) as store:
        yield World(store)


@contextmanager
def full_world(folder: Path) -> Iterator[World]:
    """One of everything."""
    with world(folder) as made:
        made.look("vpc", reading("acme-prod/vpc", values={"changes": 0.0}))
        made.look("network", reading(
            "acme-prod/network", Outcome.UNHEALTHY, "drift", values={"changes": 2.0},
            evidence={"differences": DIFFERENCES, "diagnostics": ["main.tf:3: deprecated", HOSTILE]},
        ))  # fmt: skip
        made.look("service/payments", reading("acme-prod/service/payments"), ago=4 * HOUR)
        made.look("service/payments", failure=("timeout", "no answer within 10 minutes"))
        made.look("legacy", reading("acme-prod/legacy", Outcome.NOT_APPLICABLE, "not_applicable"), stack="acme-dev")
        made.look(HOSTILE, reading(f"acme-{HOSTILE}", Outcome.UNHEALTHY, "drift"), stack=HOSTILE)
        made.incident("v1:a")
        made.incident("v1:b", tier=Tier.CRITICAL, kind=Kind.SECURITY_VIOLATION, summary=f"Port 22 is open {HOSTILE}")
        made.incident("v1:c", baseline=True, not_seen_because="the last look timed out", tier=Tier.WARNING)
        made.health = replace(
            made.health, expected={("drift", "acme-prod/new"): {"stack": "acme-prod", "component": "new"}},
            running=frozenset({("drift", "acme-prod/vpc")}),
            inventory_problems=(f"stage_unknown: {HOSTILE}",),
        )  # fmt: skip
        yield made


@contextmanager
def browsing(app: Starlette, **headers: str) -> Iterator[httpx.Client]:
    """A client of *app*, which is served for real."""
    with serving(app) as port:
        at = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=at, headers=headers, trust_env=False, timeout=20) as client:
            yield client
