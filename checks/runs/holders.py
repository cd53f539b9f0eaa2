"""Whether whoever holds a state's lock is known to have ended: the lock's owner joined with recorded runs. Pure.

A lock says who made it (user@host, as Terraform puts it together) and when, by that machine's clock. The run that went
on there at that time, on that state, holds it; but for one that ran into that very lock, or ended well and so gave its
own back. It has ended only if its end was heard, and that of the Terraform in it: silence is no end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checks.runs.errors import Lock, explain
from checks.runs.record import PhaseRow, RunRecord, State, workflow_of

_CREATED = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)? ?(?:\+0000 UTC|UTC|Z|\+00:00)")
_SLACK = timedelta(seconds=5)  # between the machine's word for a run's begin and the lock's
_LOCKING = frozenset({"init", "plan", "apply", "workspace"})
_ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. *ended*: they are known to have ended."""

    ended: bool = False
    told: str = ""  # one clause: which run it is, and how that stands; empty: no recorded run is known to hold it


def holder_of(lock: Lock, runs: Iterable[RunRecord]) -> Holder:
    """Who holds *lock*. *runs*: those recorded on its state, of which any may have made it."""
    created, host = created_at(lock.created), lock.who.rpartition("@")[2].strip().lower()
    if created is None or not host or "@" not in lock.who:
        return Holder()
    mine = [
        run for run in runs
        if run.host.strip().lower() == host and _went_on(run, created) and not _ran_into(run, lock)
    ]  # fmt: skip
    if not mine:
        return Holder()
    open_ = [run for run in mine if not _has_ended(run, created)]
    if open_:
        return Holder(False, _still(open_[0]))
    last = next((run for run in mine if run.state is not State.SUCCEEDED), None)
    if last is None:  # Terraform that ends well gives its lock back: this is somebody else's
        return Holder()
    at = f"{last.ended_at:%Y-%m-%d %H:%M} UTC" if last.ended_at is not None else ""
    return Holder(True, f"its run {last.run_id} of {workflow_of(last)} ended {at}, and its Terraform with it")


def _ran_into(run: RunRecord, lock: Lock) -> bool:
    """Whether it was told itself that somebody holds this lock: then it is not the one who does."""
    return bool(lock.id) and any(
        found is not None and found.id == lock.id for found in (explain(trouble).lock for trouble in run.troubles)
    )


def _went_on(run: RunRecord, at: datetime) -> bool:
    """Whether a run may have made a lock then: Terraform ran in it, or nobody knows when it did."""
    if run.started_at is None or at < run.started_at - _SLACK or (run.ended_at and at > run.ended_at + _SLACK):
        return False
    locking = [phase for phase in run.phases if phase.name in _LOCKING]
    return not locking or any(_covers(phase, at) for phase in locking)


def _covers(phase: PhaseRow, at: datetime) -> bool:
    begun = phase.begun_at is None or phase.begun_at - _SLACK <= at
    return begun and (phase.ended_at is None or at <= phase.ended_at + _SLACK)


def _has_ended(run: RunRecord, at: datetime) -> bool:
    """Its end was heard, and that of each Terraform that may have made the lock: one may outlive its job."""
    phases = [phase for phase in run.phases if phase.name in _LOCKING and _covers(phase, at)]
    heard = bool(phases) and all(phase.ended_at is not None for phase in phases)
    return run.state in _ENDED and run.ended_at is not None and heard


def _still(run: RunRecord) -> str:
    which = f"its run {run.run_id} of {workflow_of(run)}"
    if run.state is State.RUNNING:
        return f"{which} still goes on"
    if run.state is State.LOST:
        return f"{which} is lost, and nobody knows whether it has ended"
    return f"{which} has ended, and whether its Terraform has is not known"


def created_at(text: str) -> datetime | None:
    """When a lock was made: "2026-03-02 09:00:05.123456789 +0000 UTC", as Go prints it; None: it does not say."""
    found = _CREATED.fullmatch(text.strip())
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None
    return at.replace(microsecond=int((found[3] or "0").ljust(6, "0")))
