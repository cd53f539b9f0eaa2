"""What PagerDuty tells back by its v3 webhook: who has taken an incident on. Pure.

Facts: `X-PagerDuty-Signature` holds one or more `v1=HEX`, each the HMAC-SHA256 of the body under a secret of the
subscription; while a secret is replaced there are several. An event has an id, and may come more than once. The
incident's `incident_key` is the dedup_key that it was triggered with.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from alerts.escape import clean, one_line

ACKNOWLEDGED, RESOLVED = "incident.acknowledged", "incident.resolved"
PERSON = "user_reference"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event. *fingerprint* and *who* are empty where it asks nothing of us."""

    id: str
    kind: str
    at: datetime
    fingerprint: str = ""
    who: str = ""


def is_signed(secrets: Iterable[str], header: str, body: bytes) -> bool:
    """Whether one of the signatures was made with one of the secrets."""
    given = [part.strip().encode() for part in header.split(",")[:20]]
    made = [f"v1={hmac.new(s.encode(), body, hashlib.sha256).hexdigest()}".encode() for s in secrets if s]
    return any(hmac.compare_digest(one, other) for one in made for other in given)


def read(body: bytes) -> Heard:
    """Raises ValueError with what is wrong, in words that repeat nothing of the body.

    A person's acknowledgement, and a person's resolving, ask us to acknowledge: what is wrong is over when a look says
    so. What a service did there is our own event coming back.
    """
    try:
        event = json.loads(body)["event"]
        found = Heard(
            _text(event["id"]), _text(event["event_type"]), datetime.fromisoformat(_text(event["occurred_at"]))
        )
    except (ValueError, KeyError, TypeError):
        raise ValueError("this is no event of PagerDuty's v3 webhooks") from None
    if found.at.tzinfo is None or not found.id:
        raise ValueError("this is no event of PagerDuty's v3 webhooks")
    data, agent = event.get("data"), event.get("agent")
    if found.kind not in (ACKNOWLEDGED, RESOLVED) or not isinstance(data, dict) or not isinstance(agent, dict):
        return found
    if agent.get("type") != PERSON or not isinstance(data.get("incident_key"), str):
        return found
    name = one_line(clean(str(agent.get("summary") or agent.get("id") or "somebody")))[:80]
    return Heard(found.id, found.kind, found.at, data["incident_key"][:100], f"{name} (PagerDuty)")


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise ValueError
    return value
