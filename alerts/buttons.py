"""The buttons of a root message, and what a press of one says. Pure; who listens to them is at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alerts.base import LIVE, Incident, IncidentState
from alerts.blocks import Block

ACKNOWLEDGE, SILENCE, DIFF = "barograph_acknowledge", "barograph_silence", "barograph_diff"
_LABELS = {ACKNOWLEDGE: "Acknowledge", SILENCE: "Silence", DIFF: "Show diff"}


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody pressed a button. Everything in it is from outside, and nothing of it is trusted to be right."""

    action: str
    fingerprint: str
    occurrence: int  # the one that the message was about when it was pressed
    user: str  # Slack's id of the person
    name: str  # what the person is called, for people to read
    channel: str = ""


def buttons(incident: Incident, silence_hours: float) -> Block | None:
    """The row of buttons that do something now; None: there is none."""
    if incident.state not in LIVE:
        return None
    wanted = [ACKNOWLEDGE] if incident.state is IncidentState.OPEN else []
    wanted += [] if incident.silence else [SILENCE]
    value = f"{incident.fingerprint}|{incident.occurrence}"
    elements = [_button(action, value, silence_hours) for action in [*wanted, DIFF]]
    return {"type": "actions", "block_id": f"{incident.fingerprint}.{incident.seq}.buttons", "elements": elements}


def _button(action: str, value: str, silence_hours: float) -> Block:
    label = _LABELS[action] + (f" {silence_hours:g} h" if action == SILENCE else "")
    button: Block = {
        "type": "button", "action_id": action, "value": value,
        "text": {"type": "plain_text", "text": label, "emoji": False},
    }  # fmt: skip
    return {**button, "style": "primary"} if action == ACKNOWLEDGE else button


def press_of(payload: Any) -> Press | None:
    """What an interactive payload of Slack says; None where it is not one of ours, or not whole."""
    if not isinstance(payload, dict) or payload.get("type") != "block_actions":
        return None
    actions, user = payload.get("actions"), payload.get("user")
    if not isinstance(actions, list) or len(actions) != 1 or not isinstance(user, dict):
        return None
    action = actions[0] if isinstance(actions[0], dict) else {}
    fingerprint, _, occurrence = str(action.get("value", "")).rpartition("|")
    person = user.get("id")
    if action.get("action_id") not in _LABELS or not fingerprint or not occurrence.isdecimal() or len(occurrence) > 9:
        return None
    if not isinstance(person, str) or not person.isalnum():
        return None
    channel = payload.get("channel")
    return Press(
        action=str(action["action_id"]), fingerprint=fingerprint, occurrence=int(occurrence), user=person,
        name=str(user.get("username") or user.get("name") or "")[:80],
        channel=str(channel.get("id", "")) if isinstance(channel, dict) else "",
    )  # fmt: skip
