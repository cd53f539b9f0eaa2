"""An incoming webhook of Slack: a way out without a bot, and with less.

It answers "ok" and no more: no thread, no edit, no history that could be asked. So each change is a message of its own,
an end is a new message, and a message in doubt is sent again and says so: at least once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.base import Delivery, NotifyError
from alerts.blocks import Body, code_section, context, fields, header, message, plain_section
from alerts.degrade import noted
from alerts.delivery import MAY_REPEAT
from alerts.escape import clean, defanged, link, one_line
from alerts.events import EventAction
from alerts.next_steps import runbook_link
from alerts.sinks.base import JSON, as_json
from alerts.sinks.http import Answer, Request, refused

_PAYLOAD = ("invalid_payload", "invalid_blocks", "no_text", "too_many_attachments", "user_not_found")
_CREDENTIAL = ("invalid_token", "no_active_hooks", "no_service", "no_team", "team_disabled")


@dataclass(frozen=True, slots=True)
class SlackWebhook:
    """alerts.sinks.base.Form. Whoever knows *url* can post: it is the secret."""

    url: str = field(repr=False)

    def request(self, delivery: Delivery, now: datetime) -> Request | None:
        said = delivery.body
        if said["action"] == EventAction.UPDATE and not said.get("previous"):
            return None  # only content has changed, and there is nothing to edit
        body = incident_text(said)
        if delivery.error_class == "ambiguous":
            body = noted(body, MAY_REPEAT)
        if delivery.error_class == "payload":
            body = {"text": body["text"]}
        return Request(self.url, as_json({**body, "unfurl_links": False, "unfurl_media": False}), JSON)

    def problem(self, answer: Answer) -> NotifyError | None:
        word = clean(answer.body[:100].decode("utf-8", "replace").strip())
        if answer.status == 200 and word == "ok":
            return None
        known = word if word.replace("_", "").isalpha() else ""
        if answer.status == 200:
            return NotifyError("ambiguous", "Slack webhook: HTTP 200 with an answer that is not Slack's")
        if known in _PAYLOAD:
            return NotifyError("payload", f"Slack webhook: {known}")
        if known in _CREDENTIAL:
            return NotifyError("credential", f"Slack webhook: {known}")
        return refused("Slack webhook", answer, repeatable=False, said=known)


def incident_text(said: Mapping[str, Any]) -> Body:
    """The body of an event as a message of Slack, within Slack's limits."""
    facts = list(_facts(said))
    over = said["action"] == EventAction.RESOLVE
    blocks = [header(said["title"], 150), plain_section(said["summary"] or "no summary", 1_500), fields(facts, 400)]
    lines = [defanged(said["title"], 300), defanged(said["summary"] or "no summary", 800)]
    lines += [f"{label}: {defanged(one_line(value), 300)}" for label, value in facts]
    if said["note"]:
        blocks.insert(1, plain_section(said["note"], 500))
        lines.insert(1, defanged(said["note"], 500))
    if said["remedy"] and not over:
        blocks.append(code_section("Next", said["remedy"], 1_200))
        lines.append(f"Next: {defanged(said['remedy'], 600)}")
    page = link(str(said["links"].get("incident", "")), "Status page")
    if links := [one for one in (page, runbook_link(str(said["links"].get("runbook", "")))) if one]:
        blocks.append(context(links))
        lines += links
    return message(lines, blocks, f"{said['fingerprint']}.{said['sequence']}")


def _facts(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    labels = said["labels"]
    yield ("Was open since" if said["action"] == EventAction.RESOLVE else "Since"), f"{said['opened_at'][:16]} UTC"
    yield "What happened", f"{said['action']}: {said['reason']}"
    yield f"Why {said['tier']}", said["tier_reason"]
    for name in ("owner", "stage", "account", "region"):
        if labels.get(name):
            yield name.capitalize(), labels[name]
