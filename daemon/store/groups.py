"""Groups of incidents that one message tells of: rows, and how messages of members are taken into them.

Functions of an open transaction. Which incidents are gathered, and how a group reads, is decided in alerts.gathering.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from alerts import gathering
from alerts.base import LIVE, DeliveryKind, Draft, Incident, IncidentState
from alerts.degrade import noted
from alerts.gathering import CATCH_UP, Gather, Group, Hold, Lead, Member, Waiting
from alerts.next_steps import no_runbook
from alerts.render import where
from checks.base import Kind, Tier
from daemon.store import queue
from daemon.store.codec import dump, load, time
from daemon.store.incidents import LIVE_STATES, incident_of
from daemon.store.sql import row, rows, run

if TYPE_CHECKING:
    from collections.abc import Mapping

# The incident that a thread is of: its subject begins with the fingerprint ("v1:…#2", "v1:…#2@C0123", "v1:…!1").
_OF_INCIDENT = """i.fingerprint = substr(d.subject, 1,
    coalesce(nullif(instr(d.subject, '#'), 0), instr(d.subject, '!')) - 1)"""
# Whether an incident still has a thread: its own, its escalation's, or a copy in another channel that it has not left.
_HAS = """(i.thread = {thread} or i.escalation = {thread} or exists (select 1 from json_each(i.copies) c
    where json_extract(c.value, '$[1]') = {thread} and not json_extract(c.value, '$[2]')))"""
RENDER_EVERY = timedelta(seconds=1)
MOST_REPLIES = 5  # of members, that wait in one group's thread
TOLD = "the message of its group tells of it"


def waiting(db: Database) -> list[Waiting]:
    """Root messages of incidents that wait and were never sent, in the order of storing."""
    found = rows(
        db,
        f"""select d.subject, d.channel, d.tier, d.created_at, d.not_before, i.fingerprint, i.kind, i.cause,
            i.tier as own_tier, i.state, i.key, i.escalation = d.subject as escalated from delivery d
        join thread t on t.subject = d.subject join incident i on {_OF_INCIDENT}
        where d.state = 'pending' and d.kind = 'post' and t.root_ts = '' and t.parent = '' and t.gathered = ''
        and not exists (select 1 from delivery s where s.subject = d.subject and s.state = 'sending')
        order by d.number""",  # noqa: S608 - a literal of this module
    )
    return [_waiting(each) for each in found]


def _waiting(found: Mapping[str, Any]) -> Waiting:
    kind, cause, escalated = Kind(found["kind"]), found["cause"], bool(found["escalated"])
    return Waiting(
        found["subject"], found["channel"], Tier(found["tier"]), IncidentState(found["state"]) not in LIVE, escalated,
        gathering.cause_key(kind, cause, Tier(found["own_tier"]), escalated=escalated),
        cause, gathering.title_of(kind, found["key"], cause, escalated=escalated) if cause else "",
        time(found["created_at"]), found["not_before"] is not None,
    )  # fmt: skip


def leads(db: Database, wanted: Sequence[Waiting], now: datetime, window: timedelta) -> list[Lead]:
    """Sent messages of live incidents, not older than *window*, that have a cause which one that waits has too.

    Not those of which something is on its way: it would land on what the message has become.
    """
    causes = {(one.channel, one.cause) for one in wanted if one.cause}
    if not causes:
        return []
    found = rows(
        db,
        f"""select t.subject, t.channel, i.kind, i.cause, i.tier, t.subject = i.escalation as escalated
        from incident i join thread t
        on t.subject in (select i.thread union select i.escalation union
            select json_extract(c.value, '$[1]') from json_each(i.copies) c where not json_extract(c.value, '$[2]'))
        where i.cause in (select value from json_each(:causes)) and i.cause <> '' and +i.state in ({LIVE_STATES})
        and i.silence = ''
        and t.root_ts <> '' and t.parent = '' and t.gathered = '' and t.created_at >= :since
        and not exists (select 1 from delivery d where d.subject = t.subject
            and (d.state = 'sending' or (d.state = 'pending' and d.kind <> 'update')))
        order by t.created_at, t.subject""",  # noqa: S608 - literals of these modules
        {"since": now - window, "causes": dump(sorted({one.words for one in wanted if one.words}))},
    )
    keyed = [
        Lead(
            one["subject"],
            one["channel"],
            gathering.cause_key(Kind(one["kind"]), one["cause"], Tier(one["tier"]), escalated=bool(one["escalated"])),
        )
        for one in found
    ]
    return [lead for lead in keyed if (lead.channel, lead.cause) in causes]


def hold(db: Database, what: Hold) -> None:
    """Let a new message wait, once."""
    run(
        db,
        """update delivery set not_before = :until
        where subject = :subject and state = 'pending' and kind = 'post' and not_before is null""",
        {"subject": what.subject, "until": what.until},
    )


def open_groups(db: Database, now: datetime) -> list[Group]:
    """Groups that may still be joined."""
    found = rows(
        db,
        """select g.*, t.channel, t.root_ts from gathering g join thread t on t.subject = g.subject
        where t.root_ts = '' or g.joins_until >= :now order by g.opened_at""",
        {"now": now},
    )
    return [_group(each) for each in found]


def dirty(db: Database, now: datetime) -> list[Group]:
    """Groups whose messages no longer say how their members are, and that were not rendered a moment ago."""
    found = rows(
        db,
        """select g.*, t.channel, t.root_ts from gathering g join thread t on t.subject = g.subject
        where g.dirty = 1 and (g.rendered_at is null or g.rendered_at <= :before or g.rendered_at > :now)""",
        {"before": now - RENDER_EVERY, "now": now},
    )
    return [_group(each) for each in found]


def gather(db: Database, what: Gather, now: datetime) -> None:
    """Let the subjects join the group: what waits of them is told by the group's message from now on."""
    group = what.group
    if row(db, "select 1 from gathering where subject = :s", {"s": group.subject}) is None:
        led = row(db, "select root_ts from thread where subject = :s", {"s": what.lead}) if what.lead else None
        run(
            db,
            """insert into thread (subject, channel, root_ts, created_at) values (:subject, :channel, :root, :now)""",
            {"subject": group.subject, "channel": group.channel, "root": led["root_ts"] if led else "", "now": now},
        )
        run(
            db,
            """insert into gathering (subject, cause, title, opened_at, joins_until, dirty, over)
            values (:subject, :cause, :title, :opened_at, :joins_until, 1, 0)""",
            {
                "subject": group.subject, "cause": group.cause, "title": group.title, "opened_at": group.opened_at,
                "joins_until": group.joins_until,
            },
        )  # fmt: skip
    count = row(db, "select count(*) as n from gathered where subject = :s", {"s": group.subject})
    position = int(count["n"]) if count else 0
    new = _news(db, what, position + len(what.subjects) + bool(what.lead))
    for subject in (*((what.lead,) if what.lead else ()), *what.subjects):
        here = {"group": group.subject, "subject": subject, "why": f"gathered: {what.reason}", "position": position}
        joined = run(
            db,
            f"""insert into gathered (subject, position, thread, fingerprint)
            select :group, :position, d.subject, i.fingerprint from (select :subject as subject) d
            join incident i on {_OF_INCIDENT} where true
            on conflict (subject, thread) do nothing""",  # noqa: S608 - a literal of this module
            here,
        )
        position += max(joined, 0)
        # Its message is the group's by now: if it leaves, it gets another one.
        run(db, "update thread set gathered = :group, root_ts = '' where subject = :subject", here)
        run(
            db,
            """update delivery set state = 'superseded', error_class = '', error = :why
            where subject = :subject and state = 'pending' and kind <> 'event'""",
            here,
        )
    if group.cause == CATCH_UP:  # what else is over is found out about little by little, once Slack is back
        values = {"until": now + (group.joins_until - group.opened_at), "s": group.subject}
        run(db, "update gathering set joins_until = max(joins_until, :until) where subject = :s", values)
    _soil(db, group.subject)
    queue.enqueue(db, new, now)


def _news(db: Database, what: Gather, total: int) -> list[Draft]:
    """What the thread of a group of one cause hears of those that join it; critical ones call people as they would.

    Nothing where its message is not sent yet: it will tell of them.
    """
    group = what.group
    root = row(db, "select root_ts from thread where subject = :s", {"s": group.subject})
    if not gathering.has_cause(group.cause) or root is None or not root["root_ts"]:
        return []
    key = hashlib.sha256("\n".join((group.subject, "joined", *what.subjects)).encode()).hexdigest()
    found = rows(
        db,
        f"""select i.*, d.body as body_ from json_each(:subjects) s
        join delivery d on d.subject = s.value and d.state = 'pending' and d.kind = 'post'
        join incident i on {_OF_INCIDENT} order by s.key""",  # noqa: S608 - a literal of this module
        {"subjects": dump(what.subjects)},
    )
    if not found:
        return []
    joined = [incident_of(each) for each in found]
    tier = joined[0].tier
    if tier is Tier.CRITICAL:
        more = f"{len(joined)} more with the same cause, {total} by now. One of them:"
        body = {**noted(load(found[0]["body_"]), more), "reply_broadcast": True}
    else:
        body = gathering.joined_message(group, joined, total)
    return [Draft(key, group.subject, DeliveryKind.REPLY, group.channel, tier, body)]


def members(db: Database, subject: str) -> list[Member]:
    """The members of a group, in the order of its list."""
    found = rows(
        db,
        f"""select i.*, g.position as position_,
            t.gathered <> g.subject or not {_HAS.format(thread="g.thread")} as left_
        from gathered g join incident i on i.fingerprint = g.fingerprint left join thread t on t.subject = g.thread
        where g.subject = :s order by g.position""",  # noqa: S608 - literals of this module
        {"s": subject},
    )
    return [Member(each["position_"], incident_of(each), bool(each["left_"])) for each in found]


def render(
    db: Database, group: Group, status_url: str, now: datetime, runbook_of: Callable[[Incident], str] = no_runbook
) -> None:
    """Put the messages in the queue that make a group say how its members are now."""
    found = members(db, group.subject)
    run(
        db,
        "update gathering set dirty = 0, rendered_at = :now, over = :over where subject = :s",
        {"now": now, "over": gathering.all_over(found), "s": group.subject},
    )
    tier = gathering.tier_of(found)
    root = gathering.root_message(group, found, status_url, runbook_of)
    _say(db, group, group.subject, tier, root, found, now)
    for number, page in gathering.pages(found):
        subject = f"{group.subject}/{number}"
        _below(db, group, subject, now)
        if not _is_said(db, subject, page):
            _say(db, group, subject, tier, gathering.page_message(group, number, page), page, now)
    if gathering.all_over(found) and not group.told_over and group.sent:
        key = _key(f"{group.subject} over", found)
        body = gathering.over_message(group, found)
        queue.enqueue(db, [Draft(key, group.subject, DeliveryKind.REPLY, group.channel, tier, body)], now)


def _say(
    db: Database, group: Group, subject: str, tier: Tier, body: Mapping[str, Any], about: Sequence[Member],
    now: datetime,
) -> None:  # fmt: skip
    begun = row(
        db,
        """select 1 from delivery where subject = :s
        union all select 1 from thread where subject = :s and root_ts <> '' limit 1""",
        {"s": subject},
    )  # fmt: skip
    kind = DeliveryKind.POST if begun is None else DeliveryKind.UPDATE
    queue.enqueue(db, [Draft(_key(subject, about), subject, kind, group.channel, tier, body)], now)


def _is_said(db: Database, subject: str, about: Sequence[Member]) -> bool:
    key = _key(subject, about)
    return row(db, "select 1 from delivery where dedupe_key = :key", {"key": key}) is not None


def _key(subject: str, about: Sequence[Member]) -> str:
    return hashlib.sha256(f"{subject}\n{gathering.state_mark(about)}".encode()).hexdigest()


def _below(db: Database, group: Group, subject: str, now: datetime) -> None:
    """A message of the list goes into the thread of the group's root message, wherever that is."""
    run(
        db,
        """insert into thread (subject, channel, root_ts, created_at, parent)
        select :subject, t.channel, '', :now, t.subject from thread t where t.subject = :group
        on conflict (subject) do nothing""",
        {"subject": subject, "group": group.subject, "now": now},
    )


def taken(db: Database, draft: Draft, now: datetime) -> bool:
    """Let a group tell of what a member's message would have told; False: the message is to go its own way.

    A member that does not stay (gathering.stays) gets a message of its own, unless it goes on in another channel. What
    is said in the thread of a member that is open is said in the group's.
    """
    if draft.kind in (DeliveryKind.EVENT, DeliveryKind.POST):
        return False
    found = row(
        db,
        """select t.gathered, g.cause, m.fingerprint from thread t join gathering g on g.subject = t.gathered
        join gathered m on m.subject = g.subject and m.thread = t.subject where t.subject = :s""",
        {"s": draft.subject},
    )
    if found is None:
        return False
    here = row(
        db,
        f"select i.*, {_HAS.format(thread=':thread')} as stays_ from incident i where i.fingerprint = :f",  # noqa: S608 - a literal of this module
        {"f": found["fingerprint"], "thread": draft.subject},
    )
    assert here is not None
    incident = incident_of(here)
    live = incident.state in LIVE and bool(here["stays_"])
    _soil(db, found["gathered"])
    if live and not gathering.stays(incident, found["cause"]):
        run(db, "update thread set gathered = '' where subject = :s", {"s": draft.subject})
        return False
    if live and draft.kind is DeliveryKind.REPLY and _waiting_replies(db, found["gathered"]) < MOST_REPLIES:
        body = {**draft.body, **noted(draft.body, f"{where(incident)}:")}  # with its broadcast, if it has one
        thread = row(db, "select channel from thread where subject = :s", {"s": found["gathered"]})
        channel = str(thread["channel"]) if thread else draft.channel
        key = hashlib.sha256(f"{draft.dedupe_key} in {found['gathered']}".encode()).hexdigest()
        queue.enqueue(db, [Draft(key, found["gathered"], draft.kind, channel, draft.tier, body)], now)
    return True


def _waiting_replies(db: Database, subject: str) -> int:
    found = row(
        db,
        "select count(*) as n from delivery where subject = :s and state = 'pending' and kind = 'reply'",
        {"s": subject},
    )
    return int(found["n"]) if found else 0


def _soil(db: Database, subject: str) -> None:
    run(db, "update gathering set dirty = 1 where subject = :s", {"s": subject})


def _group(found: Mapping[str, Any]) -> Group:
    return Group(
        found["subject"], found["channel"], found["cause"], found["title"], time(found["opened_at"]),
        time(found["joins_until"]), bool(found["root_ts"]), bool(found["over"]),
    )  # fmt: skip
