"""The outbox on the store: alerts.base.Outbox, each method one transaction.

A message is PENDING, then SENDING (the intent is on the disk), then SENT. Within a subject the order is strict: a
message can be sent only when nothing earlier of its subject waits or is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from alerts.base import Delivery, DeliveryKind, DeliveryState
from alerts.events import sink_name
from daemon.store import queue
from daemon.store.codec import dump
from daemon.store.errors import StoreError
from daemon.store.read import backlog
from daemon.store.sql import row, rows, run

if TYPE_CHECKING:
    from daemon.store.store import Store

# Nothing earlier of the subject is unsettled, and there is a root message to edit, to reply to, or to post below.
_FIRST_IN_LINE = """d.state = 'pending'
    and not exists (select 1 from delivery e where e.subject = d.subject and e.number < d.number
        and e.state in ('pending', 'sending'))
    and (d.kind = 'event' or (d.kind = 'post' and (t.parent = '' or p.root_ts <> '')) or
        (d.kind <> 'post' and t.root_ts <> ''))"""

# The messages of one worker: those of a sink, or with an empty :destination everything that no sink gets.
_OURS = "case when :destination = '' then d.channel not like 'sink:%' else d.channel = :destination end"

# Its time has come, or is further away than any pause: then it was set by a clock that has been set back since.
_DUE = "(d.not_before is null or d.not_before <= :now or d.not_before > :far)"
_LONGEST_PAUSE = timedelta(minutes=15)


class StoreOutbox:
    """The stored messages, as one delivery worker sees them. Methods raise StoreError as Store.transaction does.

    *destination*: the sink whose messages these are, "sink:NAME"; empty: all that go to Slack.
    """

    def __init__(self, store: Store, destination: str = "") -> None:
        self._store = store
        self._destination = destination

    def ready(self, now: datetime, limit: int = 100) -> Sequence[Delivery]:
        with self._store.read() as view:
            found = rows(
                view.db,
                f"""{queue.SELECT} where {_FIRST_IN_LINE} and {_DUE} and {_OURS}
                order by d.tier_rank, d.number limit :limit""",
                {"now": now, "far": now + _LONGEST_PAUSE, "limit": limit, "destination": self._destination},
            )
        return [queue.delivery_of(each) for each in found]

    def heads(self, now: datetime) -> Sequence[Delivery]:
        with self._store.read() as view:
            found = rows(
                view.db,
                # Numbers first: reading thousands of bodies to send one message costs a third of a core.
                f"""{queue.SELECT} where d.number in (select number from (
                    select d.number, row_number() over (
                        partition by d.channel, d.kind = 'update' order by d.tier_rank, d.number) as place
                    from delivery d {queue.JOINED}
                    where {_FIRST_IN_LINE} and {_DUE} and {_OURS}) where place = 1)
                order by d.tier_rank, d.number""",  # noqa: S608 - literals of this module
                {"now": now, "far": now + _LONGEST_PAUSE, "destination": self._destination},
            )
        return [queue.delivery_of(each) for each in found]

    def in_doubt(self) -> Sequence[Delivery]:
        with self._store.read() as view:
            found = view.deliveries(DeliveryState.SENDING, limit=None)
        return [each for each in found if _is_of(each.channel, self._destination)]

    def mark_sending(self, delivery_id: str, now: datetime) -> Delivery | None:
        with self._store.transaction() as tx:
            found = row(tx.db, f"{queue.SELECT} where d.id = :id and {_FIRST_IN_LINE}", {"id": delivery_id})
            if found is None:
                return None
            run(
                tx.db,
                "update delivery set state = 'sending', attempt = attempt + 1, intent_at = :now where id = :id",
                {"now": now, "id": delivery_id},
            )
            return queue.delivery_of(_get(tx.db, delivery_id))

    def mark_sent(self, delivery_id: str, ts: str, now: datetime) -> None:
        """Raises StoreError if the message is not being sent; the same ts again is no error."""
        with self._store.transaction() as tx:
            found = _get(tx.db, delivery_id)
            if found["state"] == DeliveryState.SENT.value and found["ts"] == ts:
                return
            if found["state"] != DeliveryState.SENDING.value or not ts:
                raise StoreError(f"message {delivery_id} is {found['state']}: it cannot become sent with ts {ts!r}")
            run(
                tx.db,
                """update delivery set state = 'sent', ts = :ts, sent_at = :now, not_before = null,
                error_class = '', error = '' where id = :id""",
                {"ts": ts, "now": now, "id": delivery_id},
            )
            if found["kind"] == DeliveryKind.POST.value:
                run(
                    tx.db,
                    "update thread set root_ts = :ts, channel = :channel where subject = :subject",
                    {"ts": ts, "channel": found["channel"], "subject": found["subject"]},
                )

    def put_back(self, delivery_id: str, not_before: datetime, error_class: str, error: str) -> None:
        with self._store.transaction() as tx:
            found = _back(tx.db, delivery_id, error_class, error, {"not_before": not_before})
            queue.tidy(tx.db, found["subject"])

    def redirect(self, delivery_id: str, channel: str, error_class: str, error: str) -> None:
        """An UPDATE or REPLY whose root message is in the lost channel becomes the root message of the new one."""
        with self._store.transaction() as tx:
            found = _back(tx.db, delivery_id, error_class, error, {"not_before": None})
            subject = found["subject"]
            run(
                tx.db,
                """update delivery set channel = :channel
                where subject = :subject and number >= :number and state = 'pending'""",
                {"channel": channel, "subject": subject, "number": found["number"]},
            )
            run(
                tx.db,
                "update thread set channel = :channel, root_ts = '' where subject = :subject or parent = :subject",
                {"channel": channel, "subject": subject},
            )
            run(
                tx.db,
                """update delivery set channel = :channel where state = 'pending'
                and subject in (select subject from thread where parent = :subject)""",
                {"channel": channel, "subject": subject},
            )
            for each in (subject, *queue.below(tx.db, subject)):
                queue.tidy(tx.db, each)

    def replace_body(self, delivery_id: str, body: Mapping[str, Any], error: str) -> None:
        with self._store.transaction() as tx:
            found = _back(tx.db, delivery_id, "payload", error, {"not_before": None, "body": dump(body)})
            queue.tidy(tx.db, found["subject"])

    def repost(self, delivery_id: str, body: Mapping[str, Any], error: str) -> None:
        with self._store.transaction() as tx:
            new = {"not_before": None, "body": dump(body), "kind": DeliveryKind.POST}
            found = _back(tx.db, delivery_id, "gone", error, new)
            # A message below another whose thread is gone goes into the channel itself.
            run(
                tx.db,
                """update thread set root_ts = '', parent = case when :kind = 'post' then '' else parent end
                where subject = :subject""",
                {"subject": found["subject"], "kind": found["kind"]},
            )
            queue.tidy(tx.db, found["subject"])

    def speak(self, delivery_id: str, body: Mapping[str, Any], error: str) -> None:
        with self._store.transaction() as tx:
            new = {"not_before": None, "body": dump(body), "kind": DeliveryKind.REPLY}
            found = _back(tx.db, delivery_id, "payload", error, new)
            queue.tidy(tx.db, found["subject"])

    def mark_dead(self, delivery_id: str, error_class: str, error: str) -> None:
        """Where it was the root message, the next waiting message of the subject takes its place."""
        with self._store.transaction() as tx:
            found = _back(tx.db, delivery_id, error_class, error, {"not_before": None, "state": DeliveryState.DEAD})
            queue.tidy(tx.db, found["subject"])

    def backlog(self) -> Mapping[str, tuple[int, datetime | None]]:
        with self._store.read() as view:
            return backlog(view.db)


def _is_of(channel: str, destination: str) -> bool:
    return channel == destination if destination else not sink_name(channel)


def _get(db: Database, delivery_id: str) -> dict[str, Any]:
    found = row(db, f"{queue.SELECT} where d.id = :id", {"id": delivery_id})
    if found is None:
        raise StoreError(f"there is no message {delivery_id}")
    return found


def _back(
    db: Database, delivery_id: str, error_class: str, error: str, changes: Mapping[str, object]
) -> dict[str, Any]:
    """Take a message back from SENDING (or leave it PENDING) with *changes*. Raises StoreError in any other state."""
    found = _get(db, delivery_id)
    if found["state"] not in (DeliveryState.SENDING.value, DeliveryState.PENDING.value):
        raise StoreError(f"message {delivery_id} is {found['state']}: it cannot wait again or die")
    values = {"state": DeliveryState.PENDING, "error_class": error_class, "error": error, **changes}
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    run(db, f"update delivery set {assignments} where id = :id", {**values, "id": delivery_id})  # noqa: S608 - literals of this module
    return found
