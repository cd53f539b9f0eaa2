"""Approvals and reviews of runs as rows: written once, never changed. Functions of an open transaction or snapshot.

That one was revoked is a row of its own, which may be stored before it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from checks.runs.agreed import Approval
from daemon.store.codec import time, time_or_none
from daemon.store.sql import row, rows, run

_ALL = """select a.*, e.at as revoked_at, e.who as revoked_by, e.why as revoked_why
    from approval a left join approval_end e on e.mark = a.mark"""


def add(db: Database, approval: Approval) -> bool:
    """Store that somebody agreed; False: it was known by its mark.

    Raises ValueError where it names neither a run nor a commit on a stack.
    """
    if not approval.by.strip() or not (approval.run_id or (approval.commit and approval.stack)):
        raise ValueError("an approval says who agrees, and to which run or to which commit on which stack")
    return bool(run(
        db,
        """insert into approval (approver, at, run_id, commit_id, stack, note, review, mark, told, workflow, via,
            evidence, expires_at, heard_at)
        values (:by, :at, :run_id, :commit, :stack, :note, :review, :mark, :told, :workflow, :via, :evidence,
            :expires, :heard) on conflict do nothing""",
        {
            "by": approval.by, "at": approval.at, "run_id": approval.run_id, "commit": approval.commit,
            "stack": approval.stack, "note": approval.note, "review": approval.review,
            "mark": approval.mark or uuid.uuid4().hex, "told": approval.told, "workflow": approval.workflow,
            "via": approval.via, "evidence": approval.evidence, "expires": approval.expires_at,
            "heard": approval.heard_at or approval.at,
        },
    ))  # fmt: skip


def revoke(db: Database, mark: str, at: datetime, who: str, why: str, heard: datetime) -> bool:
    """Store that one does not hold any more, also before it is known; False: that was known."""
    return bool(run(
        db,
        """insert into approval_end (mark, at, who, why, heard_at) values (:mark, :at, :who, :why, :heard)
        on conflict do nothing""",
        {"mark": mark, "at": at, "who": who, "why": why, "heard": heard},
    ))  # fmt: skip


def withdraw(db: Database, said: Approval, heard: datetime) -> bool:
    """Store that somebody asked for changes to a commit on a stack, whatever they had approved; False: it was known."""
    ended = said.mark and revoke(db, _asked(said, said.at), said.at, said.by, said.evidence, heard)
    return bool(ended)


def withdrawn(db: Database, given: Approval) -> tuple[datetime, str] | None:
    """(when, where) the giver of an approval asked for changes to the same after it; None: never."""
    found = row(
        db,
        """select at, why from approval_end where mark like :of || '%' escape '!' and at >= :at order by at limit 1""",
        {"of": _asked(given, None).replace("!", "!!").replace("%", "!%").replace("_", "!_"), "at": given.at},
    )
    return None if found is None else (time(found["at"]), found["why"])


def _asked(one: Approval, at: datetime | None) -> str:
    """The mark under which it is kept that somebody asked for changes; without a time, how all such begin."""
    moment = "" if at is None else at.isoformat()
    return f"changes {one.via} {one.by.casefold()} {one.commit} {one.stack} {moment}"


def of_commit(db: Database, stack: str, commit: str, via: str) -> list[Approval]:
    """Those of a commit on a stack that came one way."""
    found = rows(
        db, f"{_ALL} where a.run_id = '' and a.stack = :stack and a.commit_id = :commit and a.via = :via order by a.id",
        {"stack": stack, "commit": commit, "via": via},
    )  # fmt: skip
    return [_approval(each) for each in found]


def find(db: Database, mark: str) -> Approval | None:
    found = row(db, f"{_ALL} where a.mark = :mark", {"mark": mark})
    return None if found is None else _approval(found)


def since(db: Database, moment: datetime, until: datetime | None = None) -> list[Approval]:
    """All that were given since then and before *until*, the oldest first."""
    found = rows(
        db, f"{_ALL} where a.at >= :moment and (:until is null or a.at < :until) order by a.at, a.id",
        {"moment": moment, "until": until},
    )  # fmt: skip
    return [_approval(each) for each in found]


def newest(db: Database, limit: int) -> list[Approval]:
    """The latest first."""
    return [_approval(each) for each in rows(db, f"{_ALL} order by a.at desc, a.id desc limit :n", {"n": limit})]


def about(db: Database, run_id: str, within: str, stack: str, limit: int = 200) -> list[Approval]:
    """Those that name a run, or the run that it is part of, or a commit on its stack; the latest first."""
    found = rows(
        db,
        f"""{_ALL} where (a.run_id <> '' and a.run_id in (:run, :within)) or (a.run_id = '' and a.stack = :stack)
        order by a.at desc, a.id desc limit :n""",
        {"run": run_id, "within": within or run_id, "stack": stack, "n": limit},
    )
    return [_approval(each) for each in found]


def _approval(found: Mapping[str, Any]) -> Approval:
    return Approval(
        found["approver"], time(found["at"]), found["run_id"], found["commit_id"], found["stack"], found["note"],
        bool(found["review"]), found["told"], found["workflow"], found["via"], found["evidence"],
        time_or_none(found["expires_at"]), found["mark"], time_or_none(found["heard_at"]),
        time_or_none(found["revoked_at"]), found["revoked_by"] or "", found["revoked_why"] or "",
    )  # fmt: skip
