"""The escalation channel's message of an incident, beside those of its own threads.

It is a subject of its own (`Incident.escalation`), and hears every later change until the incident has ended.
"""

from __future__ import annotations

from alerts.base import DeliveryKind, Draft, Incident
from alerts.blocks import Body
from alerts.keys import dedupe_key
from alerts.next_steps import runbook
from alerts.policy import Policy
from alerts.render import View


def view_of(incident: Incident, policy: Policy, mention: str = "", note: str = "") -> View:
    """What a message of *incident* needs of the configuration."""
    buttons = policy.targets.silence_for if policy.buttons else None
    return View(mention, policy.status_url, note, runbook(incident, policy), buttons)


def escalated(incident: Incident, kind: DeliveryKind, body: Body) -> Draft:
    """A message of its escalation."""
    key = dedupe_key(incident.escalation_channel, incident.escalation, incident.occurrence, incident.seq, kind)
    return Draft(key, incident.escalation, kind, incident.escalation_channel, incident.tier, body)


def next_escalation(incident: Incident) -> str:
    """The subject of a new one: like a thread's, so that whoever knows threads by their names knows it too.

    Numbered by the change it tells of: an occurrence that comes later has forgotten the escalations of those before.
    """
    return f"{incident.fingerprint}#{incident.seq}!"
