"""What is due for an incident, when, and why: pure. Tiers are deadlines, and this is where they run.

- critical, not acknowledged: reminders 15, 30 and 60 minutes after its clock began, then hourly;
- warning, not acknowledged: promoted once, when its target of 24 hours is missed;
- acknowledged: nothing, until the acknowledgement ends;
- silenced: nothing, until the silence ends.

Times are worked out from when the clock began, never from the last tick: so a daemon that was away for a night finds
one reminder due, not twelve, and the one after it comes at its own time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.base import LIVE, Action, Incident, IncidentState
from alerts.calendars import after as after_working
from alerts.hearing import hearing
from alerts.policy import Policy, Targets
from alerts.silences import Hidden
from alerts.tiers import RANK
from checks.base import Tier

SET_BACK = timedelta(minutes=5)  # what began later than this from now was timed by a clock that has been set back


@dataclass(frozen=True, slots=True)
class Step:
    """What is due now. *action* None: nothing."""

    action: Action | None
    why: str
    level: int = 0  # of REMIND: how many reminders would have been sent by now
    hidden: Hidden | None = None  # of SILENCE


def due(incident: Incident, policy: Policy, now: datetime) -> Step:
    """Given an incident, give what is due at *now*, and why; of several things, the one that goes first."""
    if incident.state not in LIVE:
        return Step(None, f"it is {incident.state}")
    hidden = policy.silences.hiding(incident, now)
    if hidden is not None:
        if (hidden.by, hidden.until, hidden.note) == (incident.silence, incident.silenced_until, incident.silence_note):
            return Step(None, hidden.note)
        return Step(Action.SILENCE, hidden.note, hidden=hidden)
    if incident.silence:
        return Step(Action.UNSILENCE, f"no longer hidden: it was {incident.silence_note}")
    if incident.state is IncidentState.ACKNOWLEDGED:
        if incident.ack_until is not None and now < incident.ack_until:
            return Step(None, f"acknowledged by {incident.ack_by} until {_moment(incident.ack_until)}")
        return Step(Action.ACK_EXPIRE, f"the acknowledgement by {incident.ack_by} has ended, and it is still open")
    if not incident.channel:
        return Step(None, "it has no message of its own, so nobody is late")
    began = incident.clock_from or incident.opened_at
    if incident.tier is Tier.CRITICAL:
        level = reminders(policy.targets, now - began)
        if level > incident.escalated_level:
            return Step(Action.REMIND, f"nobody has acknowledged it since {_moment(began)}", level)
        return Step(None, f"the next reminder is due at {_moment(began + offset(policy.targets, level))}")
    if incident.tier is Tier.WARNING and not incident.promoted:
        target = _target(incident, policy)
        if now >= target:
            within = f"{policy.targets.warning_within.total_seconds() / 3600:g} h"
            return Step(Action.PROMOTE, f"{within} target missed: it was to be answered by {_moment(target)}")
        return Step(None, f"to be answered by {_moment(target)}")
    return Step(None, "its target was missed, and that was told" if incident.promoted else "info has no deadline")


def next_at(incident: Incident, policy: Policy) -> datetime | None:
    """When something is due next if nothing else happens to the incident; None: nothing will be."""
    if incident.state not in LIVE:
        return None
    if incident.silence:
        return incident.silenced_until
    if incident.state is IncidentState.ACKNOWLEDGED:
        return incident.ack_until
    if not incident.channel:
        return None
    if incident.tier is Tier.CRITICAL:
        return (incident.clock_from or incident.opened_at) + offset(policy.targets, incident.escalated_level)
    if incident.tier is Tier.WARNING and not incident.promoted:
        return _target(incident, policy)
    return None


def _target(incident: Incident, policy: Policy) -> datetime:
    began = incident.clock_from or incident.opened_at
    return after_working(hearing(policy, incident).calendar, began, policy.targets.warning_within)


def offset(targets: Targets, level: int) -> timedelta:
    """How long after the clock began the reminder after the first *level* ones is due."""
    steps = targets.remind_after
    if level < len(steps):
        return steps[level]
    last = steps[-1] if steps else timedelta()
    return last + targets.remind_every * (level - len(steps) + 1)


def reminders(targets: Targets, waited: timedelta) -> int:
    """How many reminders are due within *waited*."""
    steps = targets.remind_after
    early = sum(step <= waited for step in steps)
    if early < len(steps):
        return early
    last = steps[-1] if steps else timedelta()
    return early + max(0, (waited - last) // targets.remind_every)


def stamped(incident: Incident, policy: Policy) -> Incident:
    """The incident with the time at which something is due next."""
    return replace(incident, deadline_at=next_at(incident, policy))


def started(before: Incident | None, after: Incident, action: Action, now: datetime) -> Incident:
    """The incident with its clocks set, after a look did *action* to it.

    An acknowledgement ends with the occurrence, and where the tier is raised: who has seen a warning has not seen a
    critical incident.
    """
    if action in (Action.RESOLVE, Action.RETIRE):
        return replace(unacknowledged(after), escalated_level=0)
    if before is None or action in (Action.OPEN, Action.REOPEN):
        return replace(unacknowledged(after), clock_from=now, escalated_level=0, promoted=False)
    if before.tier is after.tier:
        return after
    raised = RANK[after.tier] > RANK[before.tier]
    if raised and after.state is IncidentState.ACKNOWLEDGED:
        after = replace(unacknowledged(after), state=IncidentState.OPEN)
    return replace(after, clock_from=now, escalated_level=0)


def unacknowledged(incident: Incident) -> Incident:
    return replace(incident, ack_by="", ack_at=None, ack_until=None)


def hushed(incident: Incident, hidden: Hidden | None) -> Incident:
    """The incident with what hides it; None: nothing does any more."""
    if hidden is None:
        return replace(incident, silence="", silence_note="", silenced_until=None)
    return replace(incident, silence=hidden.by, silence_note=hidden.note, silenced_until=hidden.until)


def rewound(incident: Incident, now: datetime) -> Incident:
    """The incident with its clocks begun at *now* where they were begun by a clock that has been set back since."""
    if incident.clock_from is not None and incident.clock_from > now + SET_BACK:
        incident = replace(incident, clock_from=now, escalated_level=0)
    if incident.ack_at is not None and incident.ack_until is not None and incident.ack_at > now + SET_BACK:
        incident = replace(incident, ack_at=now, ack_until=now + (incident.ack_until - incident.ack_at))
    return incident


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
