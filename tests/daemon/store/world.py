"""What the tests of the store share: one moment, and one incident with its messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.base import Action, Change, DeliveryKind, Draft, Incident, IncidentState, Transition
from checks.base import Kind, Outcome, Reading, Tier
from daemon.store import Store

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CHECK, PLACE = "drift", "acme-prod/service/payments"
LABELS = {"stack": "acme-prod", "component": "service/payments"}


def later(**how: float) -> datetime:
    return NOW + timedelta(**how)


def open_store(folder: Path) -> Store:
    return Store.open(folder / "barograph.db", lambda: NOW)


def incident(fingerprint: str = "v1:a", seq: int = 1, state: IncidentState = IncidentState.OPEN) -> Incident:
    return Incident(
        fingerprint=fingerprint, check=CHECK, place=PLACE, resource=PLACE, key="drift", kind=Kind.DRIFT,
        tier=Tier.WARNING, tier_reason="drift: answer within 24 hours", state=state, summary="2 resources drifted",
        first_seen=NOW, opened_at=NOW, last_seen=NOW, changed_at=NOW, seq=seq, cause="", remedy="atmos terraform plan",
        addresses=("aws_s3_bucket.a",), labels=LABELS, evidence={"changes": [{"before": 1, "after": None}]},
        channel="C1", thread=f"{fingerprint}#1", verdict="drift",
    )  # fmt: skip


def change(incident: Incident, action: Action = Action.OPEN, drafts: tuple[Draft, ...] = ()) -> Change:
    fact = Transition(incident.fingerprint, incident.seq, NOW, action, "seen", "", incident.state, incident.tier, "s")
    return Change(incident, fact, drafts)


def draft(
    key: str, kind: DeliveryKind = DeliveryKind.POST, subject: str = "v1:a#1", tier: Tier = Tier.WARNING, text: str = ""
) -> Draft:
    return Draft(key, subject, kind, "C1", tier, {"text": text or key})


def post(key: str, **how: str) -> Draft:
    return draft(key, DeliveryKind.POST, **how)  # type: ignore[arg-type]  # tests pass strings only


def update(key: str, **how: str) -> Draft:
    return draft(key, DeliveryKind.UPDATE, **how)  # type: ignore[arg-type]  # tests pass strings only


def reply(key: str, **how: str) -> Draft:
    return draft(key, DeliveryKind.REPLY, **how)  # type: ignore[arg-type]  # tests pass strings only


def reading(resource: str = PLACE, outcome: Outcome = Outcome.HEALTHY, verdict: str = "in_sync") -> Reading:
    return Reading(resource, outcome, verdict, f"{resource} is {verdict}", values={"changes": 0.0})
