"""Approvals of runs: whether one counts for what ran, and why not. Pure.

What somebody agreed to is kept whatever it is worth; what it is worth is said here, of each apply anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SKEW = timedelta(minutes=2)  # between the clocks of the machines that steps run on


@dataclass(frozen=True, slots=True)
class Approval:
    """That somebody agreed to a run, or to a commit on a stack; *review*: afterwards, to an emergency.

    *by* is who signed in; *told* whom they say that it is from, which nobody has proven.
    """

    by: str
    at: datetime
    run_id: str = ""
    commit: str = ""
    stack: str = ""  # empty: any, where a run is named
    note: str = ""
    review: bool = False
    told: str = ""
    workflow: str = ""  # empty: any
    via: str = ""  # how it came: a token, the command line, GitHub
    evidence: str = ""  # a link, or a text
    expires_at: datetime | None = None
    mark: str = ""  # names it; the same again is the same
    heard_at: datetime | None = None  # when it was stored
    revoked_at: datetime | None = None
    revoked_by: str = ""
    revoked_why: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an approval is held against. *within*: the run of GitHub that it is part of. *began*: None, not yet."""

    run_id: str
    stack: str
    commit: str = ""
    actor: str = ""
    workflow: str = ""
    within: str = ""
    began: datetime | None = None
    heard: datetime | None = None  # when that it began was stored here; None: not known


def names(approval: Approval, subject: Subject) -> bool:
    """Whether it is of this run: by its id; or by stack and commit, so that a later commit is not approved with it."""
    if approval.workflow and approval.workflow != subject.workflow:
        return False
    if approval.run_id:
        other = approval.commit and subject.commit and not same(approval.commit, subject.commit)
        elsewhere = approval.stack and subject.stack and approval.stack != subject.stack
        return approval.run_id in (subject.run_id, subject.within) and not other and not elsewhere
    return bool(
        approval.commit and subject.commit and same(approval.commit, subject.commit) and approval.stack == subject.stack
    )


def in_time(approval: Approval, subject: Subject, holds: timedelta) -> str:
    """Why it does not hold when the apply begins; empty: it does, or nothing has begun yet."""
    began = subject.began
    if began is None:
        return "it was revoked" if approval.revoked_at is not None else ""
    here = approval.at == approval.heard_at  # by the clock by which the begin was heard, so that no two differ
    if approval.at > began + SKEW or (here and subject.heard is not None and approval.at > max(began, subject.heard)):
        return f"it was given after the apply began at {moment(began)}"
    if began - approval.at > holds:
        return f"it was given more than {holds} before the apply began"
    if approval.expires_at is not None and began >= approval.expires_at:
        return f"it ended at {moment(approval.expires_at)}, before the apply began"
    if approval.revoked_at is not None and approval.revoked_at <= began:
        return f"it was revoked at {moment(approval.revoked_at)}, before the apply began"
    return ""


def others(approval: Approval, actor: str) -> bool:
    """Whether somebody else approved; who nobody knows ran it may be anybody, so that is none."""
    who = {name.casefold().strip() for name in (approval.by, approval.told) if name.strip()}
    return bool(actor.strip()) and bool(who) and actor.casefold().strip() not in who


def why_not(approval: Approval, subject: Subject, holds: timedelta) -> str:
    """Why an approval of this subject does not count for it, for people; empty: it does."""
    if not names(approval, subject):
        return "it is of another run, commit or stack"
    if approval.review:
        if approval.revoked_at is not None:
            return f"it was revoked at {moment(approval.revoked_at)}"
    elif late := in_time(approval, subject, holds):
        return late
    if not others(approval, subject.actor):
        ran = "ran it" if subject.actor else "may have run it, for nobody told who did"
        return f"{approval.told or approval.by} {ran}, and somebody else has to agree"
    return ""


def same(one: str, other: str) -> bool:
    """Whether two names of commits are of one; a short one is the beginning of a long one."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return len(short) >= 7 and long.startswith(short)


def moment(at: datetime) -> str:
    """`2026-03-01 09:00 UTC`."""
    return at.strftime("%Y-%m-%d %H:%M UTC")
