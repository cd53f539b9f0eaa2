"""What time does to an incident: reminders, promotion, the end of acknowledgements and silences. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts import flapping
from alerts.announce import edits, posts_alone, reveal, sinks_of
from alerts.base import Action, Change, Draft, Incident, IncidentState, Transition
from alerts.deadlines import Step, due, hushed, rewound, stamped, unacknowledged
from alerts.events import told
from alerts.hearing import hearing
from alerts.next_steps import runbook
from alerts.policy import Policy
from alerts.render import MARKS, lasted, where
from alerts.telling import escalate, replies


def pass_time(incident: Incident, policy: Policy, now: datetime) -> Change | None:
    """Give what is due for *incident* at *now* as one change; None: nothing is, and its clocks are right.

    What is due at once after that comes with the next call.
    """
    sound = rewound(incident, now)
    step = due(sound, policy, now)
    action, why = flapping.due(sound, policy.flapping, now)
    if action is not None:
        step = Step(action, why)
    if step.action is None:
        after = stamped(sound, policy)
        return None if after == incident else Change(after, None)
    return done(incident, sound, step, policy, now)


def done(before: Incident, incident: Incident, step: Step, policy: Policy, now: datetime) -> Change:
    """Do *step* to *incident*, which is *before* with its clocks right. *step* has an action."""
    assert step.action is not None
    after, drafts, said = _done(incident, step, policy, now)
    return changed(before, after, step.action, f"{step.why}; {said}", drafts, policy, now)


def changed(
    before: Incident, after: Incident, action: Action, reason: str, drafts: Sequence[Draft], policy: Policy,
    now: datetime,
) -> Change:  # fmt: skip
    """The change with its stored fact, and with what sinks are to hear of it."""
    after, events = told(before, after, sinks_of(after, policy), reason, policy.status_url, runbook(after, policy))
    transition = Transition(
        fingerprint=after.fingerprint, seq=after.seq, at=now, action=action, reason=reason,
        before=str(before.state), after=str(after.state), tier=after.tier, summary=after.summary,
    )  # fmt: skip
    return Change(after, transition, (*drafts, *events))


def _done(incident: Incident, step: Step, policy: Policy, now: datetime) -> tuple[Incident, list[Draft], str]:
    after = replace(incident, seq=incident.seq + 1, changed_at=now)
    if step.action in (Action.SHOW, Action.STEADY):
        return _flapped(incident, after, step.action, policy, now)
    if step.action is Action.SILENCE:
        after = stamped(hushed(after, step.hidden), policy)
        return after, list(edits(after, policy, now)), "edited only" if after.channel else "no message"
    if step.action is Action.UNSILENCE:
        return _revealed(after, policy, now)
    if step.action is Action.ACK_EXPIRE:
        return _expired(after, policy, now)
    if step.action is Action.REMIND:
        return _reminded(after, step, policy, now)
    return _promoted(after, step, policy, now)


def _flapped(
    before: Incident, after: Incident, action: Action, policy: Policy, now: datetime
) -> tuple[Incident, list[Draft], str]:
    after = flapping.settled(after, action, now)
    own = list(edits(after, policy, now))
    if action is Action.SHOW or after.silence:
        return after, own, "edited only"
    since = f"{before.flap.since:%Y-%m-%d %H:%M} UTC" if before.flap.since is not None else "a while ago"
    line = f"🔁 No longer flapping, since {since} with {before.flap.count} changes: it is {after.state}"
    return after, [*own, *replies(after, [line])], "its thread hears it"


def _reminded(after: Incident, step: Step, policy: Policy, now: datetime) -> tuple[Incident, list[Draft], str]:
    after = stamped(replace(after, escalated_level=step.level), policy)
    waited = lasted(now - (after.clock_from or after.opened_at))
    lines = [f"{MARKS[after.tier]} Nobody has acknowledged this for {waited}: {where(after)}", after.summary]
    return _loudly(after, lines, policy, now, f"reminder {step.level}")


def _promoted(after: Incident, step: Step, policy: Policy, now: datetime) -> tuple[Incident, list[Draft], str]:
    after = stamped(replace(after, promoted=True), policy)
    lines = [f"⏰ {step.why[:1].upper()}{step.why[1:]}: {where(after)}", after.summary]
    own = edits(after, policy, now)
    after, drafts, said = _loudly(after, lines, policy, now, "promoted")
    return after, [*own, *drafts], said


def _loudly(
    after: Incident, lines: list[str], policy: Policy, now: datetime, what: str
) -> tuple[Incident, list[Draft], str]:
    """In its thread with broadcast, and in the escalation channel."""
    who = hearing(policy, after)
    drafts = replies(after, lines, who.mention, broadcast=True, escalation=False)
    after, more = escalate(after, who.escalation_channel, lines, who.escalation_mention, policy, now)
    return after, [*drafts, *more], f"{what}, in {' and '.join(filter(None, (after.channel, who.escalation_channel)))}"


def _expired(after: Incident, policy: Policy, now: datetime) -> tuple[Incident, list[Draft], str]:
    line = f"⏰ The acknowledgement by {after.ack_by} has ended, and it is still open: {where(after)}"
    after = replace(unacknowledged(after), state=IncidentState.OPEN, clock_from=now, escalated_level=0)
    after = stamped(after, policy)
    heard = replies(after, [line, after.summary], hearing(policy, after).mention, broadcast=True)
    return after, [*edits(after, policy, now), *heard], "open again, and its clock begins anew"


def _revealed(after: Incident, policy: Policy, now: datetime) -> tuple[Incident, list[Draft], str]:
    was = after.silence_note
    hidden = replace(after, clock_from=now, escalated_level=0)
    after = hushed(hidden, None)
    mention = hearing(policy, after).mention if after.state is IncidentState.OPEN else ""
    if after.channel:
        after = stamped(after, policy)
        line = f"🔔 No longer silenced, and still {after.state}: it was {was}"
        return after, [*edits(after, policy, now), *replies(after, [line], mention)], "its thread hears it"
    if after.baseline or not posts_alone(after.tier, after.kind):
        return stamped(after, policy), [], "no message: it is not posted alone"
    after, drafts, said = reveal(hidden, policy, now)
    return after, list(drafts), f"{said}, for it is still open"
