"""Which messages a change of an incident causes, and why: pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from alerts.base import Action, DeliveryKind, Draft, Incident
from alerts.policy import Policy
from alerts.render import View, incident_message, transition_message
from alerts.routes import route
from alerts.tiers import RANK
from checks.base import Kind, Tier


class Say(StrEnum):
    """What is sent about a change."""

    NOTHING = "nothing"
    ROOT = "root"  # a root message of its own
    MOVE = "move"  # a new root in another channel; the old one is edited to say so
    EDIT = "edit"  # the root message is edited; nobody is notified
    EDIT_AND_REPLY = "edit_and_reply"  # an edit notifies nobody, so the thread hears it too


def posts_alone(tier: Tier, kind: Kind) -> bool:
    """Whether an incident gets a message of its own: info waits for the weekly review, failed runs apart."""
    return tier is not Tier.INFO or kind is Kind.WORKFLOW_FAILURE


def what_to_say(
    before: Incident | None, after: Incident, action: Action, channel: str, policy: Policy, now: datetime
) -> tuple[Say, str]:
    """Given the incident before and after, and the *channel* its route names now, give what to send and why."""
    posts = posts_alone(after.tier, after.kind)
    if before is None or action is Action.OPEN:
        if after.baseline:
            return Say.NOTHING, "there at the first look: part of the baseline summary"
        return (Say.ROOT, "first message") if posts else (Say.NOTHING, f"{after.tier}: kept for the weekly review")
    has_root = bool(before.channel)
    raised = RANK[after.tier] > RANK[before.tier]
    elsewhere = raised and posts and channel != before.channel
    if action in (Action.RESOLVE, Action.RETIRE):
        return (Say.EDIT_AND_REPLY, "its thread hears the end") if has_root else (Say.NOTHING, "it had no message")
    if action is Action.REOPEN:
        soon = before.resolved_at is not None and now - before.resolved_at <= policy.reopen_within
        if has_root and soon and not elsewhere:
            return Say.EDIT_AND_REPLY, "back soon after its end: the same thread"
        if not posts:
            return Say.NOTHING, f"{after.tier}: kept for the weekly review"
        return Say.ROOT, "back later: a new message" if has_root else "first message"
    if not has_root:
        return _without_root(before, after, posts, raised)
    if elsewhere:
        return Say.MOVE, f"raised, and {after.tier} goes to another channel"
    if before.tier is not after.tier or (before.verdict and before.verdict != after.verdict):
        return Say.EDIT_AND_REPLY, "tier or verdict changed: the thread hears it"
    return Say.EDIT, "only the content changed: edited in place"


def _without_root(before: Incident, after: Incident, posts: bool, raised: bool) -> tuple[Say, str]:
    if before.baseline and not before.announced:
        return Say.NOTHING, "the baseline summary is still to come"
    if before.baseline and not raised:
        return Say.NOTHING, "part of the baseline"
    if posts:
        return Say.ROOT, f"now {after.tier}: first message"
    return Say.NOTHING, f"{after.tier}: kept for the weekly review"


def announce(
    before: Incident | None, after: Incident, action: Action, reason: str, policy: Policy, now: datetime
) -> tuple[Incident, tuple[Draft, ...], str]:
    """Give the incident with its channel and thread, the messages to store with it, and why these."""
    channel, mention, routed = route(policy.routes, after.tier, after.kind, after.labels)
    say, why = what_to_say(before, after, action, channel, policy, now)
    if say is Say.NOTHING:
        return after, (), f"no message: {why}"
    loud = View(mention, policy.status_url)
    quiet = View("", policy.status_url)
    if say in (Say.EDIT, Say.EDIT_AND_REPLY):
        drafts = [_draft(after, DeliveryKind.UPDATE, incident_message(after, quiet, now))]
        if say is Say.EDIT_AND_REPLY:
            wakes = action is Action.REOPEN or (before is not None and RANK[after.tier] > RANK[before.tier])
            text = transition_message(before, after, action, reason, loud if wakes else quiet, now)
            drafts.append(_draft(after, DeliveryKind.REPLY, text))
        return after, tuple(drafts), why
    drafts = []
    note = ""
    if before is not None and before.channel:
        note = f"Seen before: opened {before.opened_at:%Y-%m-%d %H:%M} UTC"
        if say is Say.MOVE:
            moved = replace(quiet, note=f"Raised to {after.tier}; this goes on in {channel}.")
            drafts.append(_draft(after, DeliveryKind.UPDATE, incident_message(after, moved, now)))
            note = f"Raised from {before.tier}; it began in {before.channel}, {before.opened_at:%Y-%m-%d %H:%M} UTC."
        elif before.resolved_at is not None:
            note += f", ended {before.resolved_at:%Y-%m-%d %H:%M} UTC, in {before.channel}."
    after = replace(after, channel=channel, thread=_next_thread(after), announced=True)
    drafts.append(_draft(after, DeliveryKind.POST, incident_message(after, replace(loud, note=note), now)))
    return after, tuple(drafts), f"{why} to {channel} by {routed}"


def _next_thread(incident: Incident) -> str:
    """The subject of the next root message: fingerprint, "#", its number from 1."""
    number = incident.thread.rpartition("#")[2]
    return f"{incident.fingerprint}#{int(number) + 1 if number.isdigit() else 1}"


def _draft(incident: Incident, kind: DeliveryKind, body: dict[str, object]) -> Draft:
    return Draft(
        dedupe_key=dedupe_key(incident.channel, incident.fingerprint, incident.occurrence, incident.seq, kind),
        subject=incident.thread, kind=kind, channel=incident.channel, tier=incident.tier, body=body,
    )  # fmt: skip


def dedupe_key(channel: str, subject: str, occurrence: int, seq: int, kind: str) -> str:
    """Equal for equal messages, so that storing a change twice stores its messages once."""
    return hashlib.sha256(f"{channel}\n{subject}\n{occurrence}\n{seq}\n{kind}".encode()).hexdigest()
