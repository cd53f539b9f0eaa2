"""Alertmanager's API v2: what is open is told again and again, and ends by being told so, or by not being told.

Facts: an alert is known by its labels, so a changed tier is another alert; the old one is ended in the same request. An
alert ends at `endsAt`. Barograph tells of everything open every *resend*, with an end *hold* ahead: while it is down
for longer than that, Alertmanager takes what was open for over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.base import Delivery, NotifyError
from alerts.events import EventAction
from alerts.sinks.base import JSON, as_json
from alerts.sinks.http import Answer, Request, refused

LABELS = ("stack", "component", "stage", "tenant", "environment", "account", "region", "owner")
ANNOTATION = 2_000  # characters
CHUNK = 100  # alerts in one request


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """alerts.sinks.base.Form. *url*: where its page is, such as http://alertmanager:9093. *authorization*: a header."""

    url: str = field(repr=False)
    authorization: str = field(default="", repr=False)
    resend: timedelta = timedelta(minutes=1)
    hold: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        if self.hold < 2 * self.resend:
            raise ValueError("an alert would end between two tellings: hold must be at least twice resend")

    def request(self, delivery: Delivery, now: datetime) -> Request | None:
        said = delivery.body
        small = delivery.error_class == "payload"
        told = [self.alert(said, now, small=small)]
        before = said.get("previous")
        if before and labels(said) != labels({**said, **before}):
            told.append(_ended(self.alert({**said, **before}, now, small=small), now))
        return self.telling(told)

    def telling(self, alerts: Sequence[Mapping[str, Any]]) -> Request:
        headers = {**JSON, **({"Authorization": self.authorization} if self.authorization else {})}
        return Request(f"{self.url.rstrip('/')}/api/v2/alerts", as_json(list(alerts)), headers)

    def problem(self, answer: Answer) -> NotifyError | None:
        if answer.status == 200:
            return None
        return refused("Alertmanager", answer, repeatable=True, said=_said(answer.body))

    def alert(self, said: Mapping[str, Any], now: datetime, *, small: bool = False) -> dict[str, Any]:
        """One alert of the body of an event, as POST /api/v2/alerts takes it."""
        notes = {"summary": f"{said['title']}: {said['summary']}"}
        if not small:
            notes |= {"description": said["reason"], "remedy": said["remedy"], "tier_reason": said["tier_reason"],
                      "resource": said["resource"], "note": said["note"]}  # fmt: skip
        if book := said["links"].get("runbook"):
            notes["runbook_url"] = book  # as the alerting rules of others call it
        alert: dict[str, Any] = {
            "labels": labels(said),
            "annotations": {name: text[:ANNOTATION] for name, text in notes.items() if text},
            "startsAt": said["opened_at"],
        }
        if page := said["links"].get("incident"):
            alert["generatorURL"] = page
        if said["action"] == EventAction.RESOLVE:
            return _ended(alert, min(now, datetime.fromisoformat(said["resolved_at"] or _text(now))))
        return {**alert, "endsAt": _text(now + self.hold)}


def labels(said: Mapping[str, Any]) -> dict[str, str]:
    """What Alertmanager knows an alert by. No label is empty: it would be as one that is not there."""
    name = "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", said["kind"]))
    known = {
        "alertname": f"Barograph{name}", "severity": said["tier"], "check": said["check"],
        "fingerprint": said["fingerprint"], **{each: said["labels"].get(each, "") for each in LABELS},
    }  # fmt: skip
    return {each: text for each, text in known.items() if text}


def _ended(alert: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    # An end before the start is refused, and both may be one moment on a clock that was set back.
    begun = datetime.fromisoformat(alert["startsAt"])
    return {**alert, "endsAt": _text(max(at, begun + timedelta(milliseconds=1)))}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _said(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    text = found if isinstance(found, str) else found.get("message", "") if isinstance(found, dict) else ""
    return str(text)[:300]
