"""What waits for an approval, as far as runs tell. Reads; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checks.base import Instance
from checks.kinds import PRODUCTION
from checks.runs.agreed import why_not
from checks.runs.cycle import APPROVAL, PATTERNS
from daemon.executions.guideline import Guideline, run_of
from daemon.store import Reader, approvals, executions


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that goes on, has not applied, and to which nobody else has agreed."""

    run_id: str
    workflow: str
    stack: str
    commit: str
    actor: str
    since: datetime

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "run_id": self.run_id, "workflow": self.workflow, "stack": self.stack, "commit": self.commit,
            "actor": self.actor, "since": self.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }  # fmt: skip


def waiting(view: Reader, guideline: Guideline | None, instances: Iterable[Instance]) -> Sequence[Asked] | None:
    """The longest waiting first; None: nothing is held against a guideline, so nobody knows."""
    if guideline is None:
        return None
    stages = {one.stack: one.stage for one in instances}
    found = []
    for row in executions.running(view.db):
        stage = stages.get(row.stack, "")
        pattern = guideline.rules.patterns.get(stage if stage in PATTERNS else PRODUCTION, ())
        if not row.stack or APPROVAL not in pattern:
            continue
        run = run_of(view, row.run_id, guideline.named)
        if run is None or not run.asks or run.dry_run or run.emergency:
            continue
        subject, holds = run.subject, guideline.rules.approval_holds
        given = approvals.about(view.db, row.run_id, subject.within, subject.stack)
        if any(not one.review and not why_not(one, subject, holds) for one in given):
            continue
        found.append(
            Asked(row.run_id, subject.workflow, subject.stack, subject.commit, subject.actor, row.started_at)
        )  # fmt: skip
    return sorted(found, key=lambda one: (one.since, one.run_id))
