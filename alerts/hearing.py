"""Who hears of an incident that is not answered in time: the one place that reads it from the routes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alerts.base import Incident
from alerts.calendars import Calendar
from alerts.policy import Policy
from alerts.routes import Facts, route
from checks.base import Tier


@dataclass(frozen=True, slots=True)
class Hearing:
    """*mention* is of the incident's own channel. *escalation_channel* empty: nobody beside that hears of it."""

    mention: str
    escalation_channel: str
    escalation_mention: str
    calendar: Calendar | None


def hearing(policy: Policy, incident: Incident) -> Hearing:
    """Who hears of it. A warning that missed its target is escalated to where critical incidents like it go."""
    routed = route(policy.routes, Facts.of(incident))
    calendar = policy.calendar(routed.calendar)
    if incident.tier is Tier.CRITICAL:
        channel, louder = routed.escalation.channel, routed.escalation.mention
    else:
        critical = route(policy.routes, replace(Facts.of(incident), tier=Tier.CRITICAL))
        channel, louder = critical.channel, critical.mention
    if channel == incident.channel:
        return Hearing(louder or routed.mention, "", "", calendar)
    return Hearing(routed.mention, channel, louder, calendar)
