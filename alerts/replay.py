"""What another configuration would have made of stored transitions: the decisions of alerts.announce, once more. Pure.

Each incident is followed through its transitions with nothing but what the store keeps of them: when, what, why, and at
which tier. Labels are those it has now; facts that decided its tier are not kept, so its tier stays as it was unless
the configuration says another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts.acting import acknowledge, silence
from alerts.announce import OF_THE_BASELINE, announce, posts_alone, sinks_of
from alerts.base import (
    LIVE,
    Action,
    Change,
    DeliveryKind,
    DeliveryState,
    Draft,
    Flap,
    Incident,
    IncidentState,
    Transition,
)
from alerts.deadlines import Step, started
from alerts.escape import has_mention
from alerts.events import EventAction, told
from alerts.inhibition import MUTED
from alerts.policy import Policy
from alerts.reminders import done
from alerts.silences import Hidden, Matcher, Silence
from alerts.tiers import BY_CONFIGURATION, effective_stage, tier_of
from checks.base import Tier

# What people and time do: their moments are taken as they were, and what is said then as this policy says it.
ANSWERED = frozenset(
    {
        Action.ACKNOWLEDGE,
        Action.ACK_EXPIRE,
        Action.REMIND,
        Action.PROMOTE,
        Action.SILENCE,
        Action.UNSILENCE,
        Action.SHOW,
        Action.STEADY,
    }
)
LOOKED = frozenset({Action.OPEN, Action.UPDATE, Action.RESOLVE, Action.REOPEN, Action.RETIRE})
_ENDS = re.compile(r"until (\d{4}-\d\d-\d\d \d\d:\d\d) UTC")
_LEVEL = re.compile(r"reminder (\d{1,9}), in ")
_A_WHILE = timedelta(days=30)  # of a silence that is not stored any more: its end is stored as a transition
BASELINE = "baseline:"  # subjects of summaries of first looks begin so: baseline:CHECK:…, of all checks baseline:*:…


@dataclass(frozen=True, slots=True)
class Sent:
    """A stored message, without its text."""

    key: str  # Draft.dedupe_key
    subject: str
    kind: str  # DeliveryKind
    channel: str
    state: DeliveryState
    at: datetime  # when it was stored
    mentions: bool
    page: bool = False  # it told a sink of something that it did not hold as open


@dataclass(slots=True)
class Tally:
    """How much a channel or sink hears."""

    messages: int = 0  # root messages and replies: what notifies
    mentions: int = 0  # of them, those that call somebody
    edits: int = 0  # of root messages; to a sink: what follows a page
    pages: int = 0  # of a sink: incidents that began to be told there

    def add(self, kind: str, *, mentions: bool, page: bool) -> None:
        told = kind in (DeliveryKind.POST, DeliveryKind.REPLY)
        self.messages += told
        self.mentions += told and mentions
        self.edits += kind == DeliveryKind.UPDATE or (kind == DeliveryKind.EVENT and not page)
        self.pages += page


@dataclass(slots=True)
class Replay:
    """What would have been, by channel and `sink:NAME`, and what could not be told for sure."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    keys: Counter[str] = field(default_factory=Counter)  # dedupe keys of the messages of incidents
    transitions: int = 0
    incidents: int = 0
    middle: int = 0  # incidents whose beginning is not stored any more
    guessed: int = 0  # transitions whose tier an earlier configuration had set, and this one does not
    moot: Counter[str] = field(default_factory=Counter)  # what people or time did and could not do now, by action

    def tally(self, channel: str) -> Tally:
        return self.tallies.setdefault(channel, Tally())

    def count(self, drafts: Iterable[Draft]) -> None:
        """Count messages of incidents."""
        for draft in drafts:
            self.keys[draft.dedupe_key] += 1
            self.tally(draft.channel).add(draft.kind, mentions=has_mention(draft.body), page=is_page(draft))


def replay(
    incidents: Mapping[str, Incident],
    transitions: Iterable[Transition],
    sent: Sequence[Sent],
    policy: Policy,
    since: datetime,
    until: datetime,
) -> Replay:
    """Give what *policy* would have made of what happened from *since* until before *until*.

    *incidents*: as they are now, by fingerprint. *transitions*: all that are stored, oldest first. *sent*: the stored
    messages of that time, of which only the summaries of first looks count here: they go to the default channel.
    """
    found = Replay()
    by_incident: dict[str, list[Transition]] = {}
    for transition in transitions:
        if transition.at < until and transition.fingerprint in incidents:
            by_incident.setdefault(transition.fingerprint, []).append(transition)
    summed_up = _summed_up(sent)
    for fingerprint, history in by_incident.items():
        _follow(incidents[fingerprint], history, summed_up, policy, since, found)
    for one in sent:
        if one.subject.startswith(BASELINE) and since <= one.at < until:
            found.tally(policy.routes.default).add(one.kind, mentions=one.mentions, page=False)
    return found


def really(sent: Iterable[Sent], since: datetime, until: datetime) -> tuple[dict[str, Tally], dict[str, Tally]]:
    """Give what was stored for each channel in that time, and what of it was sent."""
    made: dict[str, Tally] = {}
    gone: dict[str, Tally] = {}
    for one in sent:
        if since <= one.at < until:
            made.setdefault(one.channel, Tally()).add(one.kind, mentions=one.mentions, page=one.page)
            if one.state is DeliveryState.SENT:
                gone.setdefault(one.channel, Tally()).add(one.kind, mentions=one.mentions, page=one.page)
    return made, gone


def _summed_up(sent: Iterable[Sent]) -> dict[str, list[datetime]]:
    """When first looks were summed up, by check; of all checks under "*"."""
    found: dict[str, list[datetime]] = {}
    for one in sent:
        if one.subject.startswith(BASELINE) and one.kind in (DeliveryKind.POST, DeliveryKind.UPDATE):
            found.setdefault(one.subject.split(":")[1], []).append(one.at)
    return found


def _follow(
    stored: Incident,
    history: Sequence[Transition],
    summed_up: Mapping[str, Sequence[datetime]],
    policy: Policy,
    since: datetime,
    found: Replay,
) -> None:
    """Follow one incident through its transitions, and count what is said from *since* on."""
    # Nothing of its text decides anything, and rendering it takes most of the time.
    stored = replace(
        stored, summary="", remedy="", addresses=(), evidence={}, channel="", thread="", copies=(), sinks=(), ack_by="",
        ack_at=None, ack_until=None, clock_from=None, deadline_at=None, escalated_level=0, promoted=False,
        escalation="", escalation_channel="", silence="", silence_note="", silenced_until=None, flap=Flap(),
    )  # fmt: skip
    counts = [transition for transition in history if transition.at >= since]
    found.incidents += bool(counts)
    current = _beginning(stored, history, policy, found)
    for transition in history:
        counted = transition.at >= since
        found.transitions += counted
        if transition.action not in LOOKED:
            change = _answered(current, transition, policy) if current is not None else None
            if change is None:
                found.moot[str(transition.action)] += counted
                continue
            current = change.incident
            found.count(change.drafts if counted else ())
            continue
        tier, guessed = _tier(stored, transition, policy)
        found.guessed += counted and guessed
        moments = (*summed_up.get(stored.check, ()), *summed_up.get("*", ()))
        before = _summed(current, moments, transition.at)
        after = _after(stored, before, transition, tier, history)
        after = started(before, after, transition.action, transition.at)
        then = _muting(stored, transition, policy)
        current, drafts, _ = announce(before, after, transition.action, transition.reason, then, transition.at)
        current, events = told(before, current, sinks_of(current, policy), "", "")
        found.count((*drafts, *events) if counted else ())


def _muting(stored: Incident, transition: Transition, policy: Policy) -> Policy:
    """The policy of that moment: what was muted because another incident told of it was so under any policy."""
    _, muted, note = transition.reason.rpartition(f": {MUTED}")
    if not muted:
        return policy
    made = Silence(
        "replay", Matcher((stored.fingerprint,)), "", note, transition.at, transition.at + _A_WHILE
    )  # fmt: skip
    return replace(policy, silences=replace(policy.silences, made=(*policy.silences.made, made)))


def _answered(current: Incident, transition: Transition, policy: Policy) -> Change | None:
    """Do again what people or time did, at its moment; None where there is nothing to do it to under this policy."""
    at, action = transition.at, transition.action
    before = replace(current, seq=transition.seq - 1)
    if action in (Action.SHOW, Action.STEADY):
        flapping = current.flap.since is not None and (action is Action.STEADY or current.flap.owed)
        return done(before, before, Step(action, ""), policy, at) if flapping else None
    if current.state not in LIVE or (action in (Action.REMIND, Action.PROMOTE) and not current.channel):
        return None
    if action is Action.ACKNOWLEDGE:
        until = _ENDS.search(transition.reason)
        ends = datetime.fromisoformat(f"{until[1]}+00:00") if until else None
        return acknowledge(before, "somebody", policy, at, ends - at if ends is not None and ends > at else None).change
    if action is Action.REMIND:
        level = _LEVEL.search(transition.reason)
        step = Step(action, "", int(level[1]) if level else current.escalated_level + 1)
        return done(before, before, step, policy, at) if current.tier is Tier.CRITICAL else None
    if action is Action.PROMOTE:
        apt = current.tier is Tier.WARNING and not current.promoted
        return done(before, before, Step(action, "its target was missed"), policy, at) if apt else None
    if action is Action.SILENCE:
        return _silenced(before, transition, policy)
    if action is Action.ACK_EXPIRE and current.state is not IncidentState.ACKNOWLEDGED:
        return None
    if action is Action.UNSILENCE and not current.silence:
        return None
    return done(before, before, Step(action, ""), policy, at)


def _silenced(before: Incident, transition: Transition, policy: Policy) -> Change | None:
    """By a person, who is answered in the thread, or by a window or a wider silence, which is not."""
    at, by_time = transition.at, transition.reason.endswith(("; edited only", "; no message"))
    hidden = policy.silences.hiding(before, at)
    if by_time:
        hidden = hidden or Hidden("replay", at + _A_WHILE, transition.reason)
        return done(before, before, Step(Action.SILENCE, "", hidden=hidden), policy, at)
    made = Silence("replay", Matcher(), "somebody", "as it was", at, hidden.until if hidden else at + _A_WHILE)
    return silence(before, made, policy, at).change


def is_page(draft: Draft) -> bool:
    """Whether it tells a sink of something that it did not hold as open."""
    return draft.kind is DeliveryKind.EVENT and draft.body.get("action") == EventAction.TRIGGER


def _beginning(stored: Incident, history: Sequence[Transition], policy: Policy, found: Replay) -> Incident | None:
    """The incident before its first stored transition: None where that is its first of all.

    Where its beginning was removed, it is taken as told where this policy would have told of it.
    """
    first = history[0]
    if first.seq <= 1 or not first.before:
        return None
    found.middle += 1
    came_back = sum(transition.action is Action.REOPEN for transition in history)
    tier, _ = _tier(stored, replace(first, tier=_tier_before(first)), policy)
    known = replace(
        stored, tier=tier, state=IncidentState(first.before), seq=first.seq - 1,
        occurrence=stored.occurrence - came_back, opened_at=stored.first_seen if came_back else stored.opened_at,
        resolved_at=None, baseline=stored.baseline and not came_back, announced=True, verdict="0",
        clock_from=first.at,
    )  # fmt: skip
    if not posts_alone(tier, stored.kind) or known.baseline:
        return known
    begun, _, _ = announce(None, replace(known, state=IncidentState.OPEN), Action.OPEN, "", policy, first.at)
    sinks = sinks_of(begun, policy) if known.state in LIVE else ()
    return replace(known, channel=begun.channel, thread=begun.thread, copies=begun.copies, sinks=sinks)


def _after(
    stored: Incident, before: Incident | None, transition: Transition, tier: Tier, history: Sequence[Transition]
) -> Incident:
    """The incident as it was after *transition*, with the channels of this replay."""
    at = transition.at
    base = before or replace(
        stored, occurrence=1, first_seen=at, opened_at=at, resolved_at=None, verdict="0", announced=False,
        baseline=OF_THE_BASELINE in transition.reason or (stored.baseline and _once(history)),
    )  # fmt: skip
    after = replace(
        base, tier=tier, seq=transition.seq, changed_at=at, last_seen=at,
        state=base.state if transition.action is Action.UPDATE else IncidentState(transition.after),
        not_seen_because="",
        verdict=str(transition.seq) if transition.reason.startswith("verdict changed") else base.verdict,
    )  # fmt: skip
    if transition.action is Action.REOPEN:
        return replace(after, occurrence=after.occurrence + 1, opened_at=at, resolved_at=None, baseline=False)
    if transition.action in (Action.RESOLVE, Action.RETIRE):
        return replace(after, resolved_at=at)
    return after


def _once(history: Sequence[Transition]) -> bool:
    """Whether it never came back: then what is stored of its baseline is of its first occurrence."""
    return all(transition.action is not Action.REOPEN for transition in history)


def _summed(incident: Incident | None, moments: Sequence[datetime], at: datetime) -> Incident | None:
    """The incident, announced if a summary of its check's first looks was made since it was first seen."""
    if incident is None or incident.announced or not incident.baseline:
        return incident
    return replace(incident, announced=any(incident.first_seen <= moment < at for moment in moments))


def _tier(stored: Incident, transition: Transition, policy: Policy) -> tuple[Tier, bool]:
    """The tier that *policy* gives at *transition*, and whether it is a guess."""
    labels, stage = stored.labels, effective_stage(stored.labels)
    for override in policy.overrides:
        if override.fits(stored.kind, stage, labels.get("stack", ""), stored.resource):
            return override.tier, False
    if BY_CONFIGURATION in stored.tier_reason:
        return tier_of(stored.kind, frozenset(), labels, stored.resource)[0], True
    return transition.tier, False


def _tier_before(transition: Transition) -> Tier:
    """ "raised from warning to critical: …" says it; else it was the same."""
    words = transition.reason.split(" ", 3)
    if words[:2] in (["raised", "from"], ["lowered", "from"]) and len(words) > 2 and words[2] in list(Tier):
        return Tier(words[2])
    return transition.tier
