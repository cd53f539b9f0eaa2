"""Messages about what a person or time did to an incident: replies in its threads, and calls for more people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts.announce import threads_of
from alerts.base import DeliveryKind, Draft, Incident
from alerts.blocks import Body, message, mrkdwn_section, plain_section
from alerts.escalated import escalated, next_escalation, view_of
from alerts.escape import clean, defanged, is_mention
from alerts.keys import dedupe_key
from alerts.policy import Policy
from alerts.render import incident_message


def replies(
    incident: Incident, lines: Sequence[str], mention: str = "", *, broadcast: bool = False, escalation: bool = True
) -> list[Draft]:
    """The same text in each of its threads. *broadcast*: its own channel sees it too; *mention* is of that."""
    found = []
    for thread in threads_of(incident):
        if thread.left:
            continue
        own = thread.channel == incident.channel
        body = note(incident, lines, mention if own else "")
        key = dedupe_key(thread.channel, incident.fingerprint, incident.occurrence, incident.seq, DeliveryKind.REPLY)
        loud = {**body, "reply_broadcast": True} if broadcast and own else body
        found.append(Draft(key, thread.subject, DeliveryKind.REPLY, thread.channel, incident.tier, loud))
    if escalation and incident.escalation:
        found.append(escalated(incident, DeliveryKind.REPLY, note(incident, lines)))
    return found


def escalate(
    incident: Incident, channel: str, lines: Sequence[str], mention: str, policy: Policy, now: datetime
) -> tuple[Incident, list[Draft]]:
    """Tell *channel*: with a message of its own there, or in the thread of the one that it has. Empty: nobody."""
    if not channel:
        return incident, []
    if incident.escalation and incident.escalation_channel == channel:
        body = {**note(incident, lines, mention), "reply_broadcast": True}
        return incident, [escalated(incident, DeliveryKind.REPLY, body)]
    incident = replace(incident, escalation=next_escalation(incident), escalation_channel=channel)
    body = incident_message(incident, view_of(incident, policy, mention, " ".join(lines)), now)
    return incident, [escalated(incident, DeliveryKind.POST, body)]


def note(incident: Incident, lines: Sequence[str], mention: str = "") -> Body:
    """A reply of a few lines, the first of which says what happened."""
    lines = [clean(line, 1_500) for line in lines if line]
    loud = mention if is_mention(mention) else ""
    blocks = [plain_section("\n".join(lines), 2_500)]
    if loud:
        blocks.append(mrkdwn_section(loud))
    text = [*(defanged(line, 900) for line in lines), loud]
    return message([line for line in text if line], blocks, f"{incident.fingerprint}.{incident.seq}.note")
