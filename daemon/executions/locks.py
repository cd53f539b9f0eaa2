"""Who holds the locks that a run ran into: its state's other runs, out of the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from checks.runs.errors import explain
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
        created = created_at(lock.created) if lock is not None else None
        if lock is None or not lock.id or lock.id in found or created is None or not run.stack or len(found) >= _MOST:
            continue
        since, until = created - _BEFORE, created + timedelta(minutes=1)
        rows = executions.between(view.db, run.stack, run.component, since, until)
        runs = [
            record_of(row.run_id, executions.events_of(view.db, row.run_id), row.lost_at is not None)
            for row in rows[:20]
            if row.stack == run.stack
        ]  # fmt: skip
        found[lock.id] = holder_of(lock, runs)
    return found
