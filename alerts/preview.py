"""What would be said of an incident over its life, and who would hear it, before it happens: pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from alerts.announce import announce, posts_alone
from alerts.base import LIVE, Action, DeliveryKind, Incident, IncidentState
from alerts.blocks import Body, as_text
from alerts.next_steps import runbook
from alerts.policy import Policy
from alerts.reminders import pass_time
from alerts.render import View, incident_message, lasted, transition_message
from alerts.routes import Facts, Routed, route
from alerts.samples import ended
from alerts.tiers import RANK
from checks.base import Tier

HIGHER = {Tier.INFO: Tier.WARNING, Tier.WARNING: Tier.CRITICAL}


NAMES = ("root", "reply", "reminder", "escalation", "resolve_root", "resolve")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message, and what makes it be sent."""

    name: str  # one of NAMES
    when: str
    body: Body


def messages(incident: Incident, policy: Policy, now: datetime) -> Iterator[Shown]:
    """Give the messages of *incident* as they would be sent: as it stands, raised or changed, and over."""
    routed = route(policy.routes, Facts.of(incident))
    loud = View(routed.mention, policy.status_url, runbook=runbook(incident, policy))
    quiet = replace(loud, mention="")
    yield Shown("root", "the root message, edited in place from then on", incident_message(incident, loud, now))
    if incident.state not in LIVE:
        return
    after, why = _next(incident)
    said = transition_message(
        incident, after, Action.UPDATE, why, loud if after.tier is not incident.tier else quiet, now
    )
    yield Shown("reply", "the reply in its thread when that changes", said)
    yield from _late(incident, policy)
    over, why = ended(incident, now)
    yield Shown("resolve_root", "the root message once it is over", incident_message(over, quiet, now))
    said = transition_message(incident, over, Action.RESOLVE, why, quiet, now)
    yield Shown("resolve", "the reply in its thread once it is over", said)


def _late(incident: Incident, policy: Policy) -> Iterator[Shown]:
    """What is said when nobody answers in time: nothing of what has no message of its own, or no deadline."""
    fresh = replace(incident, state=IncidentState.OPEN, baseline=False, channel="", thread="", copies=())
    opened, _, _ = announce(None, replace(fresh, clock_from=fresh.opened_at), Action.OPEN, "", policy, fresh.opened_at)
    change = pass_time(opened, policy, opened.deadline_at) if opened.deadline_at is not None else None
    if change is None or opened.deadline_at is None:
        return
    waited = f"{lasted(opened.deadline_at - fresh.opened_at)} after it began, where nobody has acknowledged it"
    for draft in change.drafts:
        if draft.kind is DeliveryKind.REPLY and draft.channel == opened.channel:
            yield Shown("reminder", f"in its thread and its channel, {waited}", dict(draft.body))
        if draft.kind is DeliveryKind.POST:
            yield Shown("escalation", f"in {draft.channel}, {waited}", dict(draft.body))


def _next(incident: Incident) -> tuple[Incident, str]:
    """A change that its thread hears of: raised where that is possible."""
    tier = HIGHER.get(incident.tier)
    if tier is None:
        return replace(incident, seq=incident.seq + 1), "what was found has changed"
    after = replace(incident, tier=tier, seq=incident.seq + 1)
    return after, f"raised from {incident.tier} to {tier}: it has become worse"


def decision(incident: Incident, policy: Policy, now: datetime) -> dict[str, Any]:
    """Who hears of *incident*, and why, as JSON takes it."""
    routed = route(policy.routes, Facts.of(incident))
    view = View(routed.mention, policy.status_url, runbook=runbook(incident, policy))
    alone, why = _posted(incident)
    return {
        "incident": incident.fingerprint,
        "tier": str(incident.tier),
        "tier_reason": incident.tier_reason,
        "kind": str(incident.kind),
        "check": incident.check,
        "labels": dict(incident.labels),
        "reason": routed.reason,
        "channel": routed.channel,
        "mention": routed.mention,
        "copies": [{"channel": copy.channel, "mention": copy.mention, "reason": copy.reason} for copy in routed.copies],
        "escalation": _escalation(incident, routed),
        "calendar": routed.calendar,
        "sinks": list(routed.sinks),
        "posted": alone,
        "posted_because": why,
        "message": as_text(incident_message(incident, view, now)).splitlines(),
    }


def _posted(incident: Incident) -> tuple[bool, str]:
    if incident.baseline:
        return False, "it was there at the first look: part of the baseline"
    if posts_alone(incident.tier, incident.kind):
        return True, "it has a message of its own"
    return False, f"{incident.tier}: kept for the weekly review"


def _escalation(incident: Incident, routed: Routed) -> dict[str, str] | None:
    """Only what is or becomes critical is escalated: a warning may, so it is shown for both."""
    if not routed.escalation or RANK[incident.tier] < RANK[Tier.WARNING]:
        return None
    return {"channel": routed.escalation.channel, "mention": routed.escalation.mention}
