"""What comes and goes again and again: said once, and shown little by little, until it is quiet. Pure.

More than four changes within an hour that people would hear of are *flapping*. The thread hears that once. From then
on the root message is edited every ten minutes at most, and the thread hears of nothing but the end: thirty minutes
without a change. Every transition is stored all the same, and sinks keep their own account. What is critical is never
damped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.base import Action, DeliveryKind, Draft, Flap, Incident
from alerts.degrade import noted
from checks.base import Tier

SET_BACK = timedelta(minutes=5)  # what is later than this from now was timed by a clock that has been set back


@dataclass(frozen=True, slots=True)
class Flapping:
    """When an incident is flapping, and how little is said of it then."""

    more_than: int = 4  # changes
    within: timedelta = timedelta(hours=1)
    edit_every: timedelta = timedelta(minutes=10)
    quiet_for: timedelta = timedelta(minutes=30)


def counted(flap: Flap, rules: Flapping, now: datetime) -> Flap:
    """The record with a change at *now*; changes that are too old to count are forgotten."""
    kept = [at for at in flap.changes if timedelta() <= now - at < rules.within]
    changes = (*kept, now)[-rules.more_than - 1 :]
    count = flap.count + 1 if flap.since is not None else len(kept) + 1
    if flap.since is None and len(changes) > rules.more_than:
        return Flap(changes, now, now, count=count)
    return replace(flap, changes=changes, count=count)


def damped(
    before: Incident | None, after: Incident, drafts: Sequence[Draft], rules: Flapping, now: datetime
) -> tuple[Incident, tuple[Draft, ...], str]:
    """Given the messages of a change, give those that are sent, the incident that knows of it, and why some are not."""
    loud = any(draft.kind in (DeliveryKind.POST, DeliveryKind.REPLY) for draft in drafts)
    was = before.flap if before is not None else Flap()
    flap = counted(was, rules, now) if loud else was
    if Tier.CRITICAL in (after.tier, before.tier if before is not None else after.tier):
        return replace(after, flap=replace(flap, since=None, told_at=None, owed=False)), tuple(drafts), ""
    if flap.since is None:
        return replace(after, flap=flap), tuple(drafts), ""
    if was.since is None:
        return replace(after, flap=flap), tuple(_announcing(draft, flap, rules) for draft in drafts), "flapping"
    kept = tuple(draft for draft in drafts if draft.kind is not DeliveryKind.REPLY)
    if flap.told_at is not None and timedelta() <= now - flap.told_at < rules.edit_every:
        posts = tuple(draft for draft in kept if draft.kind is DeliveryKind.POST)
        # A root message tells of everything that there is to tell.
        flap = replace(flap, owed=(flap.owed or bool(kept)) and not posts)
        return replace(after, flap=flap), posts, "flapping, and its message was edited a moment ago"
    if kept:
        flap = replace(flap, told_at=now, owed=False)
    return replace(after, flap=flap), kept, "flapping: edited only"


def due(incident: Incident, rules: Flapping, now: datetime) -> tuple[Action | None, str]:
    """What is due for a flapping incident at *now*, and why."""
    flap = incident.flap
    if flap.since is None:
        return None, "it is not flapping"
    last = flap.changes[-1] if flap.changes else flap.since
    if not -SET_BACK <= now - last < rules.quiet_for:
        return Action.STEADY, f"quiet for {rules.quiet_for.total_seconds() / 60:g} minutes, after {flap.count} changes"
    if flap.owed and not -SET_BACK <= now - (flap.told_at or last) < rules.edit_every:
        return Action.SHOW, "flapping, and its message is to say how it is now"
    return None, "it is flapping"


def next_at(incident: Incident, rules: Flapping) -> datetime | None:
    """When that is; None: never."""
    flap = incident.flap
    if flap.since is None:
        return None
    last = flap.changes[-1] if flap.changes else flap.since
    quiet = last + rules.quiet_for
    return min(quiet, (flap.told_at or last) + rules.edit_every) if flap.owed else quiet


def settled(incident: Incident, action: Action, now: datetime) -> Incident:
    """The incident after *action* was done: SHOW or STEADY."""
    if action is Action.STEADY:
        return replace(incident, flap=Flap())
    return replace(incident, flap=replace(incident.flap, told_at=now, owed=False))


def _announcing(draft: Draft, flap: Flap, rules: Flapping) -> Draft:
    if draft.kind not in (DeliveryKind.POST, DeliveryKind.REPLY):
        return draft
    within, every, quiet = (
        f"{length.total_seconds() / 60:g}" for length in (rules.within, rules.edit_every, rules.quiet_for)
    )
    note = (
        f"🔁 Flapping: {flap.count} changes within {within} minutes. Its message is edited every {every} minutes at "
        f"most; this thread hears when it has been quiet for {quiet}."
    )
    return replace(draft, body=noted(draft.body, note))
