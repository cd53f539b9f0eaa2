"""Who holds the locks that a run ran into: its state's other runs, out of the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from checks.runs.errors import Lock, explain
from checks.runs.holders import Holder, created_at, holder_of
from checks.runs.record import RunRecord, record_of
from daemon.store import Reader, executions

_BEFORE = timedelta(days=7)  # a lock that is older is told of as nobody's
_MOST = 5  # locks of one run


def holders_of(view: Reader, run: RunRecord) -> Mapping[str, Holder]:
    """By a lock's id, who holds it, as far as recorded runs on the same component or stack tell."""
    found: dict[str, Holder] = {}
    for trouble in run.troubles:
        lock = explain(trouble).lock
        if lock is not None and lock.id and lock.id not in found and run.stack and len(found) < _MOST:
            found[lock.id] = holder(view, run.stack, run.component, lock)
    return found


def holder(view: Reader, stack: str, component: str, lock: Lock) -> Holder:
    """Who holds a lock of the state of a component of a stack."""
    created = created_at(lock.created)
    if created is None:
        return Holder()
    rows = executions.between(view.db, stack, component, created - _BEFORE, created + timedelta(minutes=1))
    runs = [
        record_of(row.run_id, executions.events_of(view.db, row.run_id), row.lost_at is not None)
        for row in rows[:20]
        if row.stack == stack
    ]  # fmt: skip
    return holder_of(lock, runs)
