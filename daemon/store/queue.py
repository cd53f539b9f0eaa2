"""The queue of messages: how one is put in, so that what people finally read is true.

Functions of an open transaction. A *subject* has one thread: a root message (POST), edits of it (UPDATE) and replies.
The events of an incident for one sink are a subject too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlite_utils import Database

from alerts.base import Delivery, DeliveryKind, DeliveryState, Draft
from checks.base import Tier
from daemon.store.codec import dump, load, time_or_none
from daemon.store.sql import row, rows, run

JOINED = "left join thread t on t.subject = d.subject left join thread p on p.subject = t.parent and t.parent <> ''"
SELECT = f"""select d.*, case when d.kind = 'post' then '' else coalesce(t.root_ts, '') end as root_ts,
    case when d.kind = 'post' then coalesce(p.root_ts, '') else '' end as parent_ts
    from delivery d {JOINED}"""  # noqa: S608 - literals of this module


def enqueue(db: Database, drafts: Iterable[Draft], now: datetime) -> None:
    """Put the messages of one change in the queue. One whose dedupe_key was stored before is passed over."""
    from daemon.store import groups  # which puts messages in here itself

    subjects: dict[str, None] = {}
    for draft in drafts:
        if row(db, "select 1 from delivery where dedupe_key = :key", {"key": draft.dedupe_key}) is not None:
            continue
        if groups.taken(db, draft, now):
            _insert(db, draft, draft.channel, now, DeliveryState.SUPERSEDED, groups.TOLD)
            continue
        _insert(db, draft, _channel(db, draft, now), now)
        subjects[draft.subject] = None
    for subject in subjects:
        tidy(db, subject)


def tidy(db: Database, subject: str) -> None:
    """Bring the waiting messages of a subject in order; called whenever one comes or comes back.

    - Where no root message was sent and none is on its way, the first waiting message becomes the root message.
    - While the root message waits, the latest UPDATE after it becomes its body, and the waiting replies are
      superseded: one message then says how things stand.
    - Of several waiting UPDATEs only the latest stays: it holds the whole state.
    - Of waiting EVENTs, an update yields to whatever comes after it (not one of tier or labels, which a sink that was
      told of the earlier ones has to hear), and everything to a later end.
    - Of several waiting broadcast replies only the latest stays, and none where the root message waits: who comes back
      from an outage of Slack wants one reminder.
    """
    here = {"subject": subject}
    run(
        db,
        """update delivery set state = 'superseded', error_class = '', error = 'a later event says how things stand'
        where subject = :subject and kind = 'event' and state = 'pending' and exists (
            select 1 from delivery l where l.subject = delivery.subject and l.kind = 'event' and l.state = 'pending'
            and l.number > delivery.number and (json_extract(l.body, '$.action') = 'resolve'
                or (json_extract(delivery.body, '$.action') = 'update'
                    and json_extract(delivery.body, '$.previous') is null)))""",
        here,
    )
    run(
        db,
        """update delivery set kind = 'post' where kind <> 'event' and number = (
            select number from delivery where subject = :subject and state = 'pending'
            order by kind = 'file', number limit 1)
        and not exists (select 1 from thread where subject = :subject and root_ts <> '')
        and not exists (select 1 from delivery where subject = :subject
            and (state = 'sending' or (state = 'pending' and kind = 'post')))""",
        here,
    )
    _tidy_broadcasts(db, here)
    latest = row(
        db,
        """select number, body, tier, tier_rank from delivery
        where subject = :subject and state = 'pending' and kind = 'update' order by number desc limit 1""",
        here,
    )
    if latest is None:
        return
    post = row(
        db,
        """select max(number) as number from delivery
        where subject = :subject and state = 'pending' and kind = 'post' and number < :latest""",
        {**here, "latest": latest["number"]},
    )
    if post is None or post["number"] is None:
        _supersede(db, subject, "update", latest["number"], "a later state of the message")
        return
    run(
        db,
        "update delivery set body = :body, tier = :tier, tier_rank = :tier_rank where number = :post",
        {**latest, "post": post["number"]},
    )
    _supersede(db, subject, "update", None, "became the body of the root message, which was not sent yet")
    _supersede(db, subject, "reply", None, "the root message, not sent yet, says it already")


def _tidy_broadcasts(db: Database, here: Mapping[str, object]) -> None:
    run(
        db,
        """update delivery set state = 'superseded', error_class = '', error = 'a later message says more'
        where subject = :subject and kind = 'reply' and state = 'pending' and body like '%"reply_broadcast":true%'
        and json_extract(body, '$.reply_broadcast')
        and exists (select 1 from delivery o where o.subject = :subject and o.state = 'pending' and (
            (o.kind = 'post' and o.number < delivery.number)
            or (o.kind = 'reply' and o.number > delivery.number and json_extract(o.body, '$.reply_broadcast'))))""",
        here,
    )


def _supersede(db: Database, subject: str, kind: str, before: int | None, why: str) -> None:
    run(
        db,
        """update delivery set state = 'superseded', error_class = '', error = :why
        where subject = :subject and kind = :kind and state = 'pending' and (:before is null or number < :before)""",
        {"subject": subject, "kind": kind, "before": before, "why": why},
    )


def _channel(db: Database, draft: Draft, now: datetime) -> str:
    """Where the message goes: edits and replies follow their thread, which may have been redirected."""
    found = row(db, "select channel from thread where subject = :subject", {"subject": draft.subject})
    if found is None:
        run(
            db,
            "insert into thread (subject, channel, root_ts, created_at) values (:subject, :channel, '', :now)",
            {"subject": draft.subject, "channel": draft.channel, "now": now},
        )
    return draft.channel if found is None or draft.kind is DeliveryKind.POST else str(found["channel"])


def give_up(db: Database, channel: str, why: str) -> int:
    """Nobody will send what waits for *channel*. What is in doubt there stays in doubt no longer."""
    return run(
        db,
        """update delivery set state = 'superseded', error_class = 'destination', error = :why
        where channel = :channel and state in ('pending', 'sending')""",
        {"channel": channel, "why": why},
    )


def below(db: Database, subject: str) -> list[str]:
    """The subjects whose root messages are in the thread of this one."""
    return [found["subject"] for found in rows(db, "select subject from thread where parent = :s", {"s": subject})]


def _insert(
    db: Database, draft: Draft, channel: str, now: datetime, state: DeliveryState = DeliveryState.PENDING,
    error: str = "",
) -> None:  # fmt: skip
    values: dict[str, object] = {
        "id": uuid4().hex, "dedupe_key": draft.dedupe_key, "subject": draft.subject, "kind": draft.kind,
        "channel": channel, "tier": draft.tier, "tier_rank": list(Tier).index(draft.tier), "body": dump(draft.body),
        "state": state, "attempt": 0, "created_at": now, "ts": "", "error_class": "", "error": error,
    }  # fmt: skip
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    run(db, f"insert into delivery ({names}) values ({marks}) on conflict (dedupe_key) do nothing", values)  # noqa: S608 - literals above


def delivery_of(found: Mapping[str, Any]) -> Delivery:
    """Takes a row of SELECT."""
    return Delivery(
        dedupe_key=found["dedupe_key"], subject=found["subject"], kind=DeliveryKind(found["kind"]),
        channel=found["channel"], tier=Tier(found["tier"]), body=load(found["body"]), id=found["id"],
        number=found["number"], state=DeliveryState(found["state"]), attempt=found["attempt"],
        created_at=time_or_none(found["created_at"]), not_before=time_or_none(found["not_before"]),
        intent_at=time_or_none(found["intent_at"]), sent_at=time_or_none(found["sent_at"]), ts=found["ts"],
        root_ts=found["root_ts"], parent_ts=found["parent_ts"], error_class=found["error_class"], error=found["error"],
    )  # fmt: skip
