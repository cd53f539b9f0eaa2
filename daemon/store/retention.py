"""Removing what is old. Never: what waits, is in doubt, or belongs to a live incident; the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from daemon.store.incidents import LIVE_STATES
from daemon.store.rows import Pruned
from daemon.store.sql import run
from daemon.store.transaction import Transaction

_BATCH = 2000  # rows in one transaction, so that messages and runs are never kept waiting long

_OLD_RUNS = """delete from run where id in (
    select id from run r where r.ended < :cutoff
    and r.id < (select max(id) from run n where n.check_name = r.check_name and n.place = r.place) limit :batch)"""

# The latest of each resource stays: it tells when the present verdict began.
_OLD_VERDICT_CHANGES = """delete from verdict_change where id in (
    select id from verdict_change c where c.at < :cutoff
    and exists (select 1 from verdict_change n where n.check_name = c.check_name and n.place = c.place
        and n.resource = c.resource and n.id > c.id) limit :batch)"""

_OLD_TRANSITIONS = f"""delete from transition where id in (
    select t.id from transition t join incident i on i.fingerprint = t.fingerprint
    where t.at < :cutoff and i.changed_at < :cutoff and i.state not in ({LIVE_STATES}) limit :batch)"""  # noqa: S608

# Every thread of an incident is named fingerprint + "#" + number (alerts.announce).
_INCIDENT_OF = "i.fingerprint = substr({0}.subject, 1, instr({0}.subject, '#') - 1)"

# A dedupe_key holds the incident's seq, and incidents stay: no message of a later change can have a removed key.
_OLD_DELIVERIES = f"""delete from delivery where number in (
    select d.number from delivery d where d.state in ('sent', 'superseded', 'dead')
    and coalesce(d.sent_at, d.created_at) < :cutoff and d.created_at < :cutoff
    and not exists (select 1 from delivery w where w.subject = d.subject and w.state in ('pending', 'sending'))
    and not exists (select 1 from thread t join gathering g on g.subject in (t.subject, t.parent)
        where t.subject = d.subject)
    and not exists (select 1 from incident i where {_INCIDENT_OF.format("d")}
        and (i.state in ({LIVE_STATES}) or i.changed_at >= :cutoff)) limit :batch)"""  # noqa: S608

_OLD_THREADS = f"""delete from thread where subject in (
    select t.subject from thread t where t.created_at < :cutoff
    and not exists (select 1 from delivery d where d.subject = t.subject)
    and not exists (select 1 from gathering g where g.subject = t.subject)
    and not exists (select 1 from incident i where {_INCIDENT_OF.format("t")}
        and (i.state in ({LIVE_STATES}) or i.changed_at >= :cutoff)) limit :batch)"""  # noqa: S608

_OLD_HIDDEN = "delete from hidden where id in (select id from hidden where ended_at < :cutoff limit :batch)"
_OLD_SILENCES = """delete from silence where id in (select id from silence
    where ends_at < :cutoff and (end_noted = 1 or removed_at is not null) limit :batch)"""
_OLD_MEASURES = "delete from measure where rowid in (select rowid from measure where at < :cutoff limit :batch)"

# A group goes with the last of its members: until then its messages are edited.
_OLD_GROUP = f"""select g.subject from gathering g where g.opened_at < :cutoff
    and not exists (select 1 from delivery d where d.subject = g.subject and d.state in ('pending', 'sending'))
    and not exists (select 1 from gathered m join incident i on i.fingerprint = m.fingerprint
        where m.subject = g.subject and (i.state in ({LIVE_STATES}) or i.changed_at >= :cutoff))"""  # noqa: S608
_OLD_MEMBERS = f"""delete from gathered where rowid in (
    select rowid from gathered where subject in ({_OLD_GROUP}) limit :batch)"""  # noqa: S608
_OLD_GROUPS = f"""delete from gathering where subject in (
    select subject from ({_OLD_GROUP}) where subject not in (select subject from gathered) limit :batch)"""  # noqa: S608


def prune(transaction: Callable[[], AbstractContextManager[Transaction]], now: datetime, keep: timedelta) -> Pruned:
    """Remove, in small transactions, what ended longer than *keep* ago. Raises StoreError; what is done stays done.

    Incidents stay, so that an old one that comes back is known; so does the latest run of each job.
    """
    cutoff = now - keep
    for statement in (_OLD_MEMBERS, _OLD_GROUPS):
        _in_batches(transaction, statement, cutoff)
    return Pruned(
        *(
            _in_batches(transaction, statement, cutoff)
            for statement in (
                _OLD_RUNS,
                _OLD_VERDICT_CHANGES,
                _OLD_TRANSITIONS,
                _OLD_DELIVERIES,
                _OLD_THREADS,
                _OLD_MEASURES,
                _OLD_HIDDEN,
                _OLD_SILENCES,
            )
        )
    )


def _in_batches(
    transaction: Callable[[], AbstractContextManager[Transaction]], statement: str, cutoff: datetime
) -> int:
    removed = 0
    while True:
        with transaction() as tx:
            count = run(tx.db, statement, {"cutoff": cutoff, "batch": _BATCH})
        removed += count
        if count < _BATCH:
            return removed
