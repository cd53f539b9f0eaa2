"""What a person does to an incident: acknowledge, silence, show what differs. Pure, and the same from every side.

Doing a thing twice is doing it once: an answer says whether anything was changed, and a press that Slack delivers again
finds it done.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.announce import edits
from alerts.base import LIVE, Action, Change, DeliveryKind, Draft, Incident, IncidentState
from alerts.blocks import MAX_SECTION, code_section, message
from alerts.deadlines import hushed, stamped
from alerts.diff import difference_text
from alerts.escape import clean, defanged
from alerts.policy import Policy
from alerts.reminders import changed
from alerts.render import moment, where
from alerts.silences import Hidden, Silence
from alerts.telling import replies

LONGEST_ACKNOWLEDGEMENT = timedelta(days=30)
_DIFFERENCE = MAX_SECTION - 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. *refused*: it cannot be done, and *text* says why; *change* None: nothing had to be changed."""

    text: str
    change: Change | None = None
    refused: bool = False


def acknowledge(
    incident: Incident, who: str, policy: Policy, now: datetime, length: timedelta | None = None, occurrence: int = 0
) -> Answer:
    """*who* has it in hand, for *length* (None: as configured). Reminders end until then.

    *occurrence*: the one that was meant, where a button says so; 0: the present one.
    """
    length = policy.targets.acknowledge_for if length is None else length
    if past := _past(incident, occurrence):
        return Answer(past, refused=True)
    if not timedelta() < length <= LONGEST_ACKNOWLEDGEMENT:
        return Answer(f"an acknowledgement lasts {LONGEST_ACKNOWLEDGEMENT.days} days at most", refused=True)
    if incident.state is IncidentState.ACKNOWLEDGED and incident.ack_until is not None and now < incident.ack_until:
        return Answer(f"already acknowledged by {incident.ack_by}, until {moment(incident.ack_until)}")
    who = clean(who, 500)
    after = replace(
        incident, state=IncidentState.ACKNOWLEDGED, ack_by=who, ack_at=now, ack_until=now + length,
        escalated_level=0, seq=incident.seq + 1, changed_at=now,
    )  # fmt: skip
    after = stamped(after, policy)
    told = f"acknowledged by {who}, until {moment(now + length)}"
    drafts = [*edits(after, policy, now), *replies(after, [f"👀 {told[:1].upper()}{told[1:]}: {where(after)}"])]
    return Answer(told, changed(incident, after, Action.ACKNOWLEDGE, told, drafts, policy, now))


def silence(incident: Incident, made: Silence, policy: Policy, now: datetime, occurrence: int = 0) -> Answer:
    """Hide this one incident by a silence that was made for it, and tell its thread. *made* is stored by the caller."""
    if past := _past(incident, occurrence):
        return Answer(past, refused=True)
    if incident.silence:
        return Answer(f"already {incident.silence_note}")
    told = f"silenced until {moment(made.ends_at)} by {made.author}: {made.reason}"
    after = hushed(incident, Hidden(made.id, made.ends_at, told))
    after = stamped(replace(after, seq=incident.seq + 1, changed_at=now), policy)
    drafts = [*edits(after, policy, now), *replies(after, [f"🔕 {told[:1].upper()}{told[1:]}"])]
    return Answer(told, changed(incident, after, Action.SILENCE, told, drafts, policy, now))


def show_difference(incident: Incident, who: str, occurrence: int = 0) -> tuple[Answer, Draft | None]:
    """The whole difference, redacted, as a reply in its thread: once for each state of the incident."""
    if past := _past(incident, occurrence):
        return Answer(past, refused=True), None
    if not incident.channel:
        return Answer("it has no thread to show it in", refused=True), None
    key = hashlib.sha256(f"{incident.thread}\n{incident.seq}\ndifference".encode()).hexdigest()
    found = difference_text(incident.evidence, incident.addresses, _DIFFERENCE)
    title = f"What was found, shown for {clean(who, 300)}"
    if found:
        blocks = [code_section("What was found", found, _DIFFERENCE)]
        body = message([defanged(title, 400), defanged(found, 3_000)], blocks, f"{key[:32]}.difference")
    else:
        body = message([defanged(f"{title}: nothing that can be shown as a difference", 500)], (), key[:32])
    draft = Draft(key, incident.thread, DeliveryKind.REPLY, incident.channel, incident.tier, body)
    return Answer("shown in its thread"), draft


def _past(incident: Incident, occurrence: int) -> str:
    """Why nothing can be done to it; empty: it can."""
    if occurrence and occurrence != incident.occurrence:
        return f"this was about an earlier time: it ended, and came back for the {incident.occurrence}. time since"
    if incident.state not in LIVE:
        return f"it is {incident.state} since {moment(incident.resolved_at or incident.changed_at)}"
    return ""
