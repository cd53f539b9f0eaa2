"""Many new messages for one channel become one, with the list in its thread: what is gathered, and how it reads. Pure.

A *group* has members, a subject of its own, and is rendered from how its members are now: its root message counts them,
the messages below it list them, and all are edited in place. A member has no root message of its own until it is raised
to critical. Why there is a group is its *cause*: a flood, what came and went before it could be told, or (whoever makes
such a group gives it a title) anything that its members have in common: above all, one cause (Incident.cause), as the
role that is refused, or the provider's release that drifts forty instances.

A cause is told of once. The first incident of it is posted like any other; when more come, its message becomes the
group's, and the thread hears of them. Critical ones are never in one group with others.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts.base import COULD_NOT_LOOK, LIVE, Incident, IncidentState
from alerts.blocks import MAX_SECTION, Block, Body, code_section, context, fields, header, message, plain_section
from alerts.escape import clean, defanged, link, mrkdwn, one_line
from alerts.next_steps import no_runbook, runbook_links, take_apart
from alerts.render import MARKS, where
from alerts.tiers import RANK, effective_stage
from checks.base import Kind, Tier

FLOOD, CATCH_UP, ESCALATED = "flood", "catch_up", "escalated"
TITLES = {ESCALATED: "incidents that were not answered in time"}
CAUSE, CRITICAL_CAUSE = "cause:", "critical cause:"  # what the cause of a group begins with that has one
TOGETHER = 2  # so many that have one cause are one message
MOST_CAUSES = 3  # groups of one cause that are opened in the midst of a flood: the largest
NEWCOMERS = 10  # that the thread hears of by name
CAME_AND_WENT = 2  # so many that are over before they were told are one message
WORST = 10  # named in the root message
LINES, SECTIONS = 20, 3  # in one section, and sections in one message of the list
PAGE = LINES * SECTIONS
MOST_PAGES = 20
LINE = 140  # characters: twenty of them fit into a section, however they are escaped


@dataclass(frozen=True, slots=True)
class Pace:
    """When messages are gathered. *gather_from* new ones that wait for one channel are too many."""

    gather_from: int = 10
    gather_for: timedelta = timedelta(minutes=1)
    group_wait: timedelta = timedelta(seconds=30)  # how long one waits for more of its cause, before a thread hears
    group_for: timedelta = timedelta(hours=24)  # how long a group of one cause can be joined


@dataclass(frozen=True, slots=True)
class Waiting:
    """The root message of an incident that waits to be sent, and was never sent."""

    subject: str
    channel: str
    tier: Tier
    over: bool  # the incident has ended meanwhile
    escalated: bool = False  # it is for the channel that hears of what nobody has answered
    cause: str = ""  # cause_key() of the incident
    words: str = ""  # its Incident.cause
    title: str = ""  # title_of() it
    since: datetime | None = None  # when it was stored
    held: bool = False  # it waits for a time, and not only for its turn


@dataclass(frozen=True, slots=True)
class Lead:
    """The message of a live incident that was sent, and is to become that of a group of its cause."""

    subject: str
    channel: str
    cause: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group that there is. *sent*: its root message is there to be seen."""

    subject: str
    channel: str
    cause: str
    title: str
    opened_at: datetime
    joins_until: datetime
    sent: bool = False
    told_over: bool = False  # its thread has heard that all are over


@dataclass(frozen=True, slots=True)
class Gather:
    """What to do: these subjects join the group, which is made if it is not there yet."""

    group: Group
    subjects: tuple[str, ...]
    reason: str
    lead: str = ""  # the subject whose message becomes the group's, where it is made


@dataclass(frozen=True, slots=True)
class Hold:
    """What to do: this subject waits for more of its cause, to be told of with them."""

    subject: str
    until: datetime


@dataclass(slots=True)
class Decision:
    """What is to be done about the messages that wait."""

    gather: list[Gather] = field(default_factory=list)
    hold: list[Hold] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.gather or self.hold)


@dataclass(frozen=True, slots=True)
class Member:
    """One incident of a group. *left*: it has a message of its own by now."""

    position: int  # in the list, from 0; it never changes
    incident: Incident
    left: bool = False


def cause_key(kind: Kind, cause: str, tier: Tier, *, escalated: bool = False) -> str:
    """Equal for incidents that may be told of together; empty: it has no cause that others could have.

    *escalated*: for the message to the channel that hears of what nobody has answered.
    """
    if not cause:
        return ""
    mark = hashlib.sha256(f"{kind}\n{escalated}\n{cause}".encode()).hexdigest()[:32]
    return f"{CRITICAL_CAUSE if tier is Tier.CRITICAL else CAUSE}{mark}"


def title_of(kind: Kind, key: str, cause: str, *, escalated: bool = False) -> str:
    """What a group of incidents of one cause is called, after a count."""
    blind = kind is Kind.MONITORING and key == COULD_NOT_LOOK
    what = "could not look" if blind else str(kind).replace("_", " ")
    late = "not answered in time: " if escalated else ""
    return one_line(f"{late}{what}, one cause: {clean(cause)[:200]}")


def has_cause(cause: str) -> bool:
    """Whether a group is there for what its members have in common."""
    return cause.startswith((CAUSE, CRITICAL_CAUSE))


def stays(incident: Incident, cause: str) -> bool:
    """Whether a live member may be told of in a group of *cause* only.

    A flood hides nothing critical, and what came and went nothing that is there. Who has another cause by now, or is
    critical among others that are not, leaves. Critical ones that are lowered stay where people know them.
    """
    if not has_cause(cause):
        return incident.tier is not Tier.CRITICAL and cause != CATCH_UP
    return cause in {
        cause_key(incident.kind, incident.cause, tier, escalated=escalated)
        for tier in (incident.tier, Tier.CRITICAL)
        for escalated in (True, False)
    }


def decide(
    waiting: Sequence[Waiting], groups: Iterable[Group], pace: Pace, now: datetime, leads: Iterable[Lead] = ()
) -> Decision:
    """Given the new messages that wait, the groups that there are, and sent messages of the same causes, give which
    of the new ones are gathered, which are to wait for more, and why."""
    joinable = {(group.channel, group.cause): group for group in groups if _joinable(group, now)}
    first: dict[tuple[str, str], Lead] = {}
    for lead in leads:
        first.setdefault((lead.channel, lead.cause), lead)
    found = Decision()
    for channel in dict.fromkeys(one.channel for one in waiting):
        here = [one for one in waiting if one.channel == channel]
        over = tuple(one.subject for one in here if one.over)
        left = _by_cause([one for one in here if not one.over], channel, joinable, first, pace, now, found)
        fresh = [one for one in left if one.tier is not Tier.CRITICAL]
        flood = tuple(one.subject for one in fresh if not one.escalated)
        unanswered = tuple(one.subject for one in fresh if one.escalated)
        for cause, subjects, enough in (
            (CATCH_UP, over, CAME_AND_WENT),
            (FLOOD, flood, pace.gather_from),
            (ESCALATED, unanswered, pace.gather_from),
        ):
            group = joinable.get((channel, cause))
            if subjects and group is not None:
                found.gather.append(Gather(group, subjects, "its channel has a message for such ones, a moment old"))
            elif len(subjects) >= enough:
                reason = f"{len(subjects)} new messages wait for one channel"
                gathered = new_group(channel, cause, TITLES.get(cause, ""), pace, now)
                found.gather.append(Gather(gathered, subjects, reason))
    return found


def _joinable(group: Group, now: datetime) -> bool:
    # What is not sent yet costs no further message, whenever it was opened.
    if not group.sent:
        return True
    return now <= group.joins_until and not (has_cause(group.cause) and group.told_over)


def _by_cause(
    fresh: Sequence[Waiting], channel: str, joinable: Mapping[tuple[str, str], Group],
    leads: Mapping[tuple[str, str], Lead], pace: Pace, now: datetime, found: Decision,
) -> list[Waiting]:  # fmt: skip
    """Decide about those that have a cause in common, with each other or with one that was told; give the others."""
    by_cause: dict[str, list[Waiting]] = {}
    for one in fresh:
        by_cause.setdefault(one.cause, []).append(one)
    left, several = by_cause.pop("", []), []
    for cause, those in by_cause.items():
        group, lead = joinable.get((channel, cause)), leads.get((channel, cause))
        if group is not None or lead is not None:
            _join(those, group, lead, pace, now, found)
        elif len(those) >= TOGETHER and not cause.startswith(CRITICAL_CAUSE):
            several.append(those)
        else:
            left += those
    if (channel, FLOOD) in joinable or len(left) + len(several) >= pace.gather_from:
        # A storm of many small causes is a storm.
        several.sort(key=len, reverse=True)
        large = [those for those in several[:MOST_CAUSES] if len(those) >= pace.gather_from]
        left += [one for those in several[len(large):] for one in those]  # fmt: skip
        several = large
    for those in several:
        group = new_group(channel, those[0].cause, those[0].title, pace, now)
        reason = f"{len(those)} new messages have one cause"
        found.gather.append(Gather(group, tuple(one.subject for one in those), reason))
    return left


def _join(
    those: Sequence[Waiting], group: Group | None, lead: Lead | None, pace: Pace, now: datetime, found: Decision
) -> None:
    """One cause that people have heard of: what is new of it is told in that thread, several at once."""
    oldest = min((one.since for one in those if one.since is not None), default=now)
    until = oldest + pace.group_wait
    critical = those[0].cause.startswith(CRITICAL_CAUSE)
    quiet = group is not None and not group.sent  # nobody has to be told of it apart
    if critical or quiet or not oldest <= now < until:
        which = group or new_group(those[0].channel, those[0].cause, those[0].title, pace, now)
        subjects = tuple(one.subject for one in those)
        begun = lead.subject if group is None and lead is not None else ""
        found.gather.append(Gather(which, subjects, "people have heard of its cause", begun))
    else:
        found.hold += [Hold(one.subject, until) for one in those if not one.held]


def new_group(channel: str, cause: str, title: str, pace: Pace, now: datetime) -> Group:
    """A group that is opened now. *title* empty: it is told by its cause."""
    mark = hashlib.sha256(f"{channel}\n{cause}\n{title}\n{now.isoformat()}".encode()).hexdigest()[:16]
    name, lasts = ("cause", pace.group_for) if has_cause(cause) else (cause, pace.gather_for)
    return Group(f"group:{name}:{mark}", channel, cause, title, now, now + lasts)


def tier_of(members: Sequence[Member]) -> Tier:
    """The highest tier of what is still open and told of here; of a group that is over, INFO."""
    return max((m.incident.tier for m in members if _open(m)), key=lambda tier: RANK[tier], default=Tier.INFO)


def all_over(members: Sequence[Member]) -> bool:
    return not any(map(_open, members))


def state_mark(members: Iterable[Member]) -> str:
    """Differs whenever what would be rendered differs."""
    parts = (f"{m.position} {m.incident.fingerprint} {m.incident.seq} {m.incident.state} {m.left}" for m in members)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def pages(members: Sequence[Member]) -> Iterator[tuple[int, Sequence[Member]]]:
    """The members by page of the list, each with its number from 1. What is beyond the last page is counted only."""
    for number in range(1, MOST_PAGES + 1):
        page = [m for m in members if m.position // PAGE == number - 1]
        if page:
            yield number, page


def root_message(
    group: Group, members: Sequence[Member], status_url: str, runbook_of: Callable[[Incident], str] = no_runbook
) -> Body:
    """The whole current state in one message: how many, of which tier, kind and stage, and the worst of them."""
    title = _title(group, members)
    live = sorted((m for m in members if _open(m)), key=_urgency)
    shown = live or sorted(members, key=_urgency)
    counts = [
        ("State", _counted(_state(m) for m in members)),
        ("Tier", _counted(str(m.incident.tier) for m in members)),
        ("Kind", _counted(str(m.incident.kind) for m in members)),
        ("Stage", _counted(m.incident.labels.get("stage") or "stage not known" for m in members)),
    ]
    told = _why(group)
    listed = min(len(members), PAGE * MOST_PAGES)
    worst = [_line(m) for m in shown[:WORST]]
    if len(members) > len(worst):
        worst.append(f"+{len(members) - len(worst)} more, in the thread")
    if listed < len(members):
        told += f" The thread lists {listed:,} of them; the status page has them all."
    blocks: list[Block] = [
        header(title, 150),
        plain_section(told, 500),
        *_next(live),
        fields(counts, 600),
        code_section("Now" if not live else "Open, the worst first", "\n".join(worst), MAX_SECTION - 50),
    ]
    books = runbook_links((m.incident for m in shown), runbook_of)
    links = [one for one in (link(status_url, "Status page"), *books) if one]
    if links:
        blocks.append(context(links))
    lines = [defanged(title, 300), defanged(told, 600)]
    lines += [f"{label}: {defanged(value, 600)}" for label, value in counts]
    lines += books
    lines += [defanged(line, 250) for line in worst]
    return message(lines, blocks, f"{group.subject}.{state_mark(members)}")


def _next(live: Sequence[Member]) -> Iterator[Block]:
    """What to do about all of them, where that is one thing."""
    remedies = {clean(m.incident.remedy) for m in live}
    words, commands = take_apart(remedies.pop()) if len(remedies) == 1 else ("", "")
    if words:
        yield plain_section(f"Next: {words}", 1_000)
    if commands:
        yield code_section("Run next", commands, 1_000)


def joined_message(group: Group, joined: Sequence[Incident], total: int) -> Body:
    """The reply that tells a group's thread of new members: an edit notifies nobody."""
    text = f"➕ {len(joined):,} more with the same cause, {total:,} by now"
    named = [_line(Member(0, one)) for one in joined[:NEWCOMERS]]
    if len(joined) > len(named):
        named.append(f"+{len(joined) - len(named)} more, in the list")
    marks = " ".join(f"{one.fingerprint} {one.seq}" for one in joined)
    mark = hashlib.sha256(marks.encode()).hexdigest()[:16]
    lines = [text, *(defanged(line, 250) for line in named)]
    return message(lines, [plain_section(text, 200), code_section("New", "\n".join(named), MAX_SECTION - 50)],
                   f"{group.subject}.joined.{mark}")  # fmt: skip


def page_message(group: Group, number: int, page: Sequence[Member]) -> Body:
    """One message of the list, each member in its place."""
    lines = [_line(m) for m in page]
    sections = ["\n".join(lines[start : start + LINES]) for start in range(0, len(lines), LINES)]
    blocks = [code_section(f"List {number}", text, MAX_SECTION - 100) for text in sections]
    text = [f"List {number}", *(defanged(line, 250) for line in lines)]
    return message(text, blocks, f"{group.subject}/{number}.{state_mark(page)}")


def over_message(group: Group, members: Sequence[Member]) -> Body:
    """The reply that tells the thread that nothing of it is open any more."""
    alone = sum(member.left for member in members)
    text = f"✅ All {len(members) - alone:,} are over."
    if alone:
        text += f" {alone:,} more {'has a message of its' if alone == 1 else 'have messages of their'} own."
    return message([text], [plain_section(text, 200)], f"{group.subject}.over.{state_mark(members)}")


def _title(group: Group, members: Sequence[Member]) -> str:
    count = f"{len(members):,}"
    if group.cause == CATCH_UP:
        return f"⏪ {count} incidents came and went before they could be told here"
    what = one_line(clean(group.title)[:300]) if group.title else "new incidents at once"
    if all_over(members):
        # Whether those are over too, their messages say: this one is not edited for them any more.
        but = " but what has a message of its own" if any(member.left for member in members) else ""
        return f"✅ All over{but}: {count} {what}"
    return f"{MARKS[tier_of(members)]} {count} {what}"


def _why(group: Group) -> str:
    if group.cause == CATCH_UP:
        return "They are over. Slack, or its pace, kept their messages until then."
    if has_cause(group.cause):
        return "They have one cause, and are told of together. This message and the list in its thread are edited."
    return "They are told of together. This message and the list in its thread are edited as they change."


def _open(member: Member) -> bool:
    return member.incident.state in LIVE and not member.left


def _urgency(member: Member) -> tuple[object, ...]:
    i = member.incident
    return (-RANK[i.tier], effective_stage(i.labels) != "production", str(i.kind), where(i), i.fingerprint)


_STATES: Mapping[IncidentState, str] = {
    IncidentState.OPEN: "open", IncidentState.ACKNOWLEDGED: "acknowledged", IncidentState.RESOLVED: "resolved",
    IncidentState.RETIRED: "no longer watched",
}  # fmt: skip
_MARKS: Mapping[IncidentState, str] = {IncidentState.RESOLVED: "✅", IncidentState.RETIRED: "⚪"}


def _state(member: Member) -> str:
    return "with a message of their own" if member.left else _STATES[member.incident.state]


def _line(member: Member) -> str:
    i = member.incident
    mark = "➡" if member.left else _MARKS.get(i.state, MARKS[i.tier])
    times = f" ({i.opened_at:%H:%M}–{i.resolved_at:%H:%M} UTC)" if i.resolved_at and i.state not in LIVE else ""
    line = one_line(f"{mark} {where(i)}{times}: {clean(i.summary)[:500]}")
    # As it will be escaped: one that is all brackets must not take the room of its neighbours.
    return _cut(line)


def _cut(line: str) -> str:
    text = line[:LINE]
    while text and len(mrkdwn(text, 10 * LINE)) > LINE:
        text = text[: max(0, len(text) - 8)]
    return text if text == line else f"{text[:-1]}…"


def _counted(names: Iterable[str]) -> str:
    found = Counter(names).most_common(20)
    return ", ".join(f"{clean(name)[:60].replace('_', ' ')} {count:,}" for name, count in found) or "none"
