"""Which messages a change of an incident causes, and why: pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from alerts.base import LIVE, Action, Copy, DeliveryKind, Draft, Incident, IncidentState
from alerts.blocks import Body
from alerts.deadlines import hushed, stamped
from alerts.escalated import escalated, view_of
from alerts.flapping import damped
from alerts.hearing import hearing
from alerts.keys import dedupe_key
from alerts.policy import Policy
from alerts.render import incident_message, transition_message
from alerts.routes import Facts, Routed, route
from alerts.silences import Hidden
from alerts.tiers import RANK
from checks.base import Kind, Tier

OF_THE_BASELINE = "there at the first look: part of the baseline summary"


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
            return Say.NOTHING, OF_THE_BASELINE
        return (Say.ROOT, "first message") if posts else (Say.NOTHING, f"{after.tier}: kept for the weekly review")
    has_root = bool(before.channel)
    raised = RANK[after.tier] > RANK[before.tier]
    elsewhere = raised and posts and channel != before.channel
    if action in (Action.RESOLVE, Action.RETIRE):
        return (Say.EDIT_AND_REPLY, "its thread hears the end") if has_root else (Say.NOTHING, "it had no message")
    if action is Action.REOPEN:
        if has_root and _soon(before, policy, now) and not elsewhere:
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
    """Give the incident with its channels and threads, the messages to store with it, and why these."""
    after, drafts, why = _announced(before, after, action, reason, policy, now)
    after, drafts, damping = damped(before, after, drafts, policy.flapping, now)
    return after, drafts, f"{why}; {damping}" if damping else why


def _announced(
    before: Incident | None, after: Incident, action: Action, reason: str, policy: Policy, now: datetime
) -> tuple[Incident, tuple[Draft, ...], str]:
    """The same, however often it changes."""
    hidden = policy.silences.hiding(after, now) if after.state in LIVE else None
    if hidden is not None or (before is not None and before.silence and after.state not in LIVE):
        return _quietly(before, after, action, hidden, policy, now)
    routed = route(policy.routes, Facts.of(after))
    say, why = what_to_say(before, after, action, routed.channel, policy, now)
    after = stamped(after, policy)
    if say is Say.NOTHING:
        return after, (), f"no message: {why}"
    speech = _Speech(before, after, action, reason, policy, now)
    if say in (Say.EDIT, Say.EDIT_AND_REPLY):
        after, drafts = _in_threads(speech, routed, say)
        return after, (*drafts, *speech.escalated(reply=say is Say.EDIT_AND_REPLY)), why
    plan = _anew(after, routed) if say is Say.ROOT or before is None else _moved(before, routed)
    if say is Say.ROOT:
        after = replace(after, escalation="", escalation_channel="")
    after = _home(hushed(after, None), plan, policy)
    speech = replace(speech, after=after)
    drafts = (*speech.roots(routed, plan), *speech.escalated(reply=False))
    return after, drafts, f"{why} to {', '.join(_heard(plan))} by {routed.reason}"


def reveal(incident: Incident, policy: Policy, now: datetime) -> tuple[Incident, tuple[Draft, ...], str]:
    """Give an incident that was hidden, and has no message, what it would have had: root messages by its route."""
    routed = route(policy.routes, Facts.of(incident))
    plan = _anew(incident, routed)
    after = _home(hushed(incident, None), plan, policy)
    speech = _Speech(incident, after, Action.UNSILENCE, "", policy, now)
    return after, tuple(speech.roots(routed, plan)), f"posted to {', '.join(_heard(plan))} by {routed.reason}"


def _home(after: Incident, plan: Sequence[Copy], policy: Policy) -> Incident:
    """The incident with its threads, the first of which is its own."""
    here = replace(
        after, channel=plan[0].channel, thread=plan[0].subject, copies=tuple(plan[1:]), announced=True,
    )  # fmt: skip
    return stamped(here, policy)


def _quietly(
    before: Incident | None, after: Incident, action: Action, hidden: Hidden | None, policy: Policy, now: datetime
) -> tuple[Incident, tuple[Draft, ...], str]:
    """The same for an incident that is hidden, or was until it ended: its root message is edited, nobody is notified.

    A comeback that would have had a root message of its own has none until it is no longer hidden.
    """
    note = hidden.note if hidden is not None else before.silence_note if before is not None else ""
    after = hushed(after, hidden)
    if before is not None and before.baseline and before.announced and RANK[after.tier] > RANK[before.tier]:
        after = replace(after, baseline=False)  # its summary said something milder: it is to be posted for itself
    if action is Action.REOPEN and not (before is not None and _soon(before, policy, now)):
        after = replace(after, channel="", copies=(), escalation="", escalation_channel="")
    after = stamped(after, policy)
    drafts = edits(after, policy, now)
    told = f"{OF_THE_BASELINE}; {note}" if action is Action.OPEN and after.baseline else note
    return after, drafts, f"{'edited only' if drafts else 'no message'}: {told}"


def edits(incident: Incident, policy: Policy, now: datetime) -> tuple[Draft, ...]:
    """All its root messages, edited in place to say how things stand; nobody is notified. None where there is none."""
    routed = route(policy.routes, Facts.of(incident))
    speech = _Speech(incident, incident, Action.UPDATE, "", policy, now)
    return (*speech.roots(routed, threads_of(incident), reply=False), *speech.escalated(reply=False))


def _soon(before: Incident, policy: Policy, now: datetime) -> bool:
    if before.flap.since is not None:
        return True
    return before.resolved_at is not None and now - before.resolved_at <= policy.reopen_within


def threads_of(incident: Incident) -> tuple[Copy, ...]:
    """Every thread of its present occurrence, its own first; none where it was not posted."""
    return (Copy(incident.channel, incident.thread), *incident.copies) if incident.channel else ()


def sinks_of(incident: Incident, policy: Policy) -> tuple[str, ...]:
    """The sinks that are to hear of it by its route: none where it has no message of its own, or is hidden."""
    if incident.silence or not incident.channel or not posts_alone(incident.tier, incident.kind):
        return ()
    return route(policy.routes, Facts.of(incident)).sinks


def _in_hand(incident: Incident) -> bool:
    """Whether somebody has it in hand, or wants no call for it."""
    return bool(incident.silence) or incident.state is IncidentState.ACKNOWLEDGED


def _heard(plan: Sequence[Copy]) -> list[str]:
    return [thread.channel for thread in plan if not thread.left]


def _anew(incident: Incident, routed: Routed) -> list[Copy]:
    """Threads of a new occurrence: one in each channel, the incident's own first."""
    known = [incident.thread, *(thread.subject for thread in incident.copies)]
    number = 1 + max(map(_number, known))
    subject = f"{incident.fingerprint}#{number}"
    further = [Copy(copy.channel, f"{subject}@{copy.channel}") for copy in routed.copies]
    return [Copy(routed.channel, subject), *further]


def _moved(before: Incident, routed: Routed) -> list[Copy]:
    """Threads after the incident's home has become another channel: what there is goes on, what lacks is begun.

    A channel that is not to hear of it any more keeps its root message, which points to where it goes on.
    """
    there = {thread.channel: thread for thread in threads_of(before)}
    begun = {thread.channel: thread for thread in _anew(before, routed)}
    wanted = [routed.channel, *(copy.channel for copy in routed.copies)]
    plan = [replace(there.get(channel, begun[channel]), left=False) for channel in wanted]
    return plan + [replace(thread, left=True) for channel, thread in there.items() if channel not in wanted]


def _number(subject: str) -> int:
    found = re.search(r"#(\d+)(?:@|$)", subject)
    return int(found[1]) if found else 0


def _in_threads(speech: _Speech, routed: Routed, say: Say) -> tuple[Incident, tuple[Draft, ...]]:
    """What is said in the threads there are; raised, it begins in the further channels that hear of it from now on."""
    plan = list(threads_of(speech.after))
    if speech.raised:
        known = {thread.channel for thread in plan}
        begun = _anew(speech.after, routed)[1:]
        plan += [thread for thread in begun if thread.channel not in known]
    after = replace(speech.after, copies=tuple(plan[1:]))
    speech = replace(speech, after=after)
    return after, tuple(speech.roots(routed, plan, reply=say is Say.EDIT_AND_REPLY))


@dataclass(frozen=True, slots=True)
class _Speech:
    """One change, put into words for each thread."""

    before: Incident | None
    after: Incident
    action: Action
    reason: str
    policy: Policy
    now: datetime

    @property
    def raised(self) -> bool:
        return self.before is not None and RANK[self.after.tier] > RANK[self.before.tier]

    def roots(self, routed: Routed, plan: Sequence[Copy], *, reply: bool = True) -> Iterator[Draft]:
        """The messages of every thread of *plan*: a root where there is none yet, else an edit and maybe a reply."""
        there = {thread.subject: thread for thread in threads_of(self.before)} if self.before is not None else {}
        mentions = {routed.channel: routed.mention} | {copy.channel: copy.mention for copy in routed.copies}
        if _in_hand(self.after):
            mentions = {}
        for thread in sorted(plan, key=lambda each: not each.left):
            mention = mentions.get(thread.channel, "")
            if thread.subject not in there:
                yield self._draft(thread, DeliveryKind.POST, self._message(mention, self._history()))
                continue
            gone = f"Raised to {self.after.tier}; this goes on in {plan[0].channel}." if thread.left else ""
            if thread.left and not reply:
                continue
            # An edit calls nobody, but where the root message still waits it becomes its body, which must.
            yield self._draft(thread, DeliveryKind.UPDATE, self._message("" if thread.left else mention, gone))
            if reply and not thread.left:
                wakes = self.action is Action.REOPEN or self.raised
                view = view_of(self.after, self.policy, mention if wakes else "")
                text = transition_message(self.before, self.after, self.action, self.reason, view, self.now)
                yield self._draft(thread, DeliveryKind.REPLY, text)

    def escalated(self, *, reply: bool) -> Iterator[Draft]:
        """The same for the escalation channel, where there is a message: it was called there, and is not again."""
        if self.after.escalation:
            # An edit calls nobody, but where the root message still waits it becomes its body, which must.
            yield escalated(self.after, DeliveryKind.UPDATE, self._message(self._louder(), ""))
            if reply:
                view = view_of(self.after, self.policy)
                text = transition_message(self.before, self.after, self.action, self.reason, view, self.now)
                yield escalated(self.after, DeliveryKind.REPLY, text)

    def _louder(self) -> str:
        who = hearing(self.policy, self.after)
        here = who.escalation_channel == self.after.escalation_channel
        return who.escalation_mention if here and not _in_hand(self.after) else ""

    def _message(self, mention: str, note: str) -> Body:
        return incident_message(self.after, view_of(self.after, self.policy, mention, note), self.now)

    def _history(self) -> str:
        """What a new root message says of what came before it."""
        before = self.before
        if before is not None and before.silence and not before.channel:
            return f"Was {before.silence_note}. Open since {self.after.opened_at:%Y-%m-%d %H:%M} UTC."
        if before is None or not before.channel:
            return ""
        if self.raised and before.state in LIVE:
            return f"Raised from {before.tier}; it began in {before.channel}, {before.opened_at:%Y-%m-%d %H:%M} UTC."
        ended = f", ended {before.resolved_at:%Y-%m-%d %H:%M} UTC, in {before.channel}." if before.resolved_at else ""
        return f"Seen before: opened {before.opened_at:%Y-%m-%d %H:%M} UTC{ended}"

    def _draft(self, thread: Copy, kind: DeliveryKind, body: Body) -> Draft:
        after = self.after
        return Draft(
            dedupe_key=dedupe_key(thread.channel, after.fingerprint, after.occurrence, after.seq, kind),
            subject=thread.subject, kind=kind, channel=thread.channel, tier=after.tier, body=body,
        )  # fmt: skip
