"""PagerDuty, Events API v2: one alert per incident, under one dedup_key, triggered, acknowledged and resolved.

Facts: developer.pagerduty.com/docs/send-alert-event. 202 is accepted, 400 is an event that it will never take, 429 and
5xx are to be tried again. A trigger for a key that is open adds to that alert and pages nobody anew; for one that was
resolved there it opens another, so only a raised tier is told again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.base import Delivery, IncidentState, NotifyError
from alerts.events import EventAction
from alerts.sinks.base import JSON, as_json
from alerts.sinks.http import Answer, Request, refused
from alerts.tiers import RANK
from checks.kinds import Tier

URL = "https://events.pagerduty.com/v2/enqueue"
SUMMARY, DETAIL = 1_024, 2_000  # characters
_VERBS: Mapping[EventAction, str] = {
    EventAction.TRIGGER: "trigger", EventAction.UPDATE: "trigger", EventAction.ACKNOWLEDGE: "acknowledge",
    EventAction.RESOLVE: "resolve",
}  # fmt: skip
_DETAILS = ("reason", "tier_reason", "kind", "check", "verdict", "resource", "remedy", "note", "opened_at", "labels")


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """alerts.sinks.base.Form. *routing_key*: the integration key of a service's Events API v2 integration."""

    routing_key: str = field(repr=False)
    url: str = field(default=URL, repr=False)

    def request(self, delivery: Delivery, now: datetime) -> Request | None:
        said, action = delivery.body, EventAction(delivery.body["action"])
        if action is EventAction.UPDATE and not _raised(said):
            return None
        if action is EventAction.TRIGGER and said["state"] == IncidentState.ACKNOWLEDGED:
            return None  # somebody has it in hand; where that ends, another trigger comes
        event: dict[str, Any] = {
            "routing_key": self.routing_key, "event_action": _VERBS[action], "dedup_key": said["dedup_key"],
        }  # fmt: skip
        if _VERBS[action] == "trigger":
            event["payload"] = _payload(said, small=delivery.error_class == "payload")
            event["client"] = "Barograph"
            if page := said["links"].get("incident"):
                event["client_url"] = page
                event["links"] = [{"href": page, "text": "Incident in Barograph"}]
            if book := said["links"].get("runbook"):
                event["links"] = [*event.get("links", ()), {"href": book, "text": "Runbook"}]
        return Request(self.url, as_json(event), JSON)

    def problem(self, answer: Answer) -> NotifyError | None:
        if answer.status in (200, 202):
            return None
        said = _said(answer.body)
        if answer.status == 400 and "routing_key" in said:
            return NotifyError("credential", "PagerDuty: HTTP 400, it does not take the routing key")
        return refused("PagerDuty", answer, repeatable=True, said=said.replace(self.routing_key, "(routing key)")[:300])


def _raised(said: Mapping[str, Any]) -> bool:
    before = said.get("previous") or {}
    return "tier" in before and RANK[Tier(said["tier"])] > RANK[Tier(before["tier"])]


def _payload(said: Mapping[str, Any], *, small: bool) -> dict[str, Any]:
    labels = said["labels"]
    payload: dict[str, Any] = {
        "summary": _short(f"{said['title']}: {said['summary']}", SUMMARY),
        "source": _short(said["where"] or "barograph", 500),
        "severity": said["tier"],
        "timestamp": said["opened_at"],
    }
    if small:
        return payload
    named = {"component": labels.get("component", ""), "group": labels.get("stack", ""), "class": said["kind"]}
    payload |= {name: _short(text, 500) for name, text in named.items() if text}
    details = {name: said[name] for name in _DETAILS if said.get(name)}
    payload["custom_details"] = {
        name: _short(value, DETAIL) if isinstance(value, str) else value for name, value in details.items()
    }
    return payload


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _said(body: bytes) -> str:
    """What PagerDuty found wrong: its `errors`, or its `message`; empty where that cannot be read."""
    try:
        answer = json.loads(body)
        errors = answer.get("errors") or [answer.get("message", "")]
        return "; ".join(str(one) for one in errors)
    except (ValueError, AttributeError, TypeError):
        return ""
