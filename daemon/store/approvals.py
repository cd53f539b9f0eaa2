"""Approvals and reviews of runs as rows: written once, never changed. Functions of an open transaction or snapshot."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from checks.runs.cycle import Approval
from daemon.store.codec import time
from daemon.store.sql import rows, run


def add(db: Database, approval: Approval) -> None:
    """Store that somebody agreed. Raises ValueError where it names neither a run nor a commit on a stack."""
    if not approval.by.strip() or not (approval.run_id or (approval.commit and approval.stack)):
        raise ValueError("an approval says who agrees, and to which run or to which commit on which stack")
    run(
        db,
        """insert into approval (approver, at, run_id, commit_id, stack, note, review)
        values (:by, :at, :run_id, :commit, :stack, :note, :review)""",
        {
            "by": approval.by, "at": approval.at, "run_id": approval.run_id, "commit": approval.commit,
            "stack": approval.stack, "note": approval.note, "review": approval.review,
        },
    )  # fmt: skip


def since(db: Database, moment: datetime) -> list[Approval]:
    """All that were given since then, the oldest first."""
    found = rows(db, "select * from approval where at >= :moment order by at, id", {"moment": moment})
    return [
        Approval(
            each["approver"], time(each["at"]), each["run_id"], each["commit_id"], each["stack"], each["note"],
            bool(each["review"]),
        )
        for each in found
    ]  # fmt: skip
