"""Agreeing to runs and to commits, whoever carries it here: the command line, HTTP, GitHub. One transaction each.

Who agreed is who signed in. What is agreed to is kept whatever it is worth, and the answer says at once what that is.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from alerts.escape import clean
from checks.base import Json
from checks.plans.redact import Scrubber
from checks.runs.agreed import Approval, Subject, moment, why_not
from daemon.audit.redact import text as redacted
from daemon.executions.guideline import STEP, Guideline, Run, run_of
from daemon.store import Reader, Transaction, approvals, executions

LONGEST = 1_000  # characters of evidence
MOST = 100  # approvals by one person of one thing
HOLDS = timedelta(days=7)  # where no guideline says another
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
GIVE, REVOKE, REJECT, REVIEW = "approval.give", "approval.revoke", "approval.reject", "review.give"


class Storing(Protocol):
    """What is needed of the store."""

    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def read(self) -> AbstractContextManager[Reader]: ...


@dataclass(frozen=True, slots=True)
class Signed:
    """Who acts: *name* as they signed in, *via* what. *told*: whom they say that it is from; nobody has proven it."""

    name: str
    via: str
    told: str = ""

    def __str__(self) -> str:
        return f"{self.told}, signed in as {self.name} ({self.via})" if self.told else f"{self.name} ({self.via})"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is agreed to: a run; the run of a workflow that goes on at a stack; or a commit on a stack."""

    run_id: str = ""
    workflow: str = ""
    stack: str = ""
    commit: str = ""
    evidence: str = ""
    note: str = ""
    expires_at: datetime | None = None
    lasts: timedelta | None = None
    review: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it, for people. *known* False: there is no such thing; *refused*: it cannot be done.

    *counts* None: it is not known yet, for nothing has begun that it is of.
    """

    text: str
    changed: bool = False
    refused: bool = False
    known: bool = True
    counts: bool | None = None
    approvals: tuple[Approval, ...] = ()


@dataclass
class Approving:
    """Safe to call from any thread; every method raises StoreError where nothing was stored."""

    store: Storing
    clock: Callable[[], datetime]
    guideline: Guideline | None = None
    secrets: Iterable[str] = field(default=(), repr=False)
    on_stored: Callable[[str], None] = lambda stack: None  # that something of a stack is to be judged again

    def __post_init__(self) -> None:
        self._scrubber = Scrubber([secret for secret in self.secrets if secret])

    @property
    def holds(self) -> timedelta:
        return HOLDS if self.guideline is None else self.guideline.rules.approval_holds

    def give(self, wanted: Wanted, signed: Signed) -> Answer:
        """Agree to a run or a commit; the same again changes nothing."""
        wanted, now = self._scrubbed(wanted), self.clock()
        ends = wanted.expires_at or (None if wanted.lasts is None else now + wanted.lasts)
        if ends is not None and ends <= now:
            return Answer("it would have ended already", refused=True)
        with self.store.transaction() as tx:
            found = self._named(tx, wanted)
            if isinstance(found, Answer):
                return found
            if wanted.review and found is not None and not found.emergency:
                return Answer(f"{found.subject.run_id} is no emergency, and owes no review", refused=True)
            one = Approval(
                signed.name, now, found.subject.run_id if found else "", wanted.commit, wanted.stack, wanted.note,
                wanted.review, signed.told, wanted.workflow if wanted.commit else "", signed.via, wanted.evidence, ends,
                uuid.uuid4().hex, now,
            )  # fmt: skip
            stack = found.subject.stack if found else wanted.stack
            before = [each for each in self._about(tx, found, wanted) if each.by == one.by and not each.revoked_at]
            again = next((each for each in before if _alike(each, one) and now - each.at < self.holds), None)
            if again is not None:
                return self._answer(again, found, f"already so since {moment(again.at)}", changed=False)
            if len(before) >= MOST:
                return Answer(f"{one.by} has agreed to this {MOST} times; revoke some", refused=True)
            approvals.add(tx.db, one)
            answer = self._answer(one, found, "reviewed" if one.review else "approved", changed=True)
            tx.audit(str(signed), REVIEW if one.review else GIVE, told(one) | {"stack": stack, "worth": answer.text})
        self.on_stored(stack)
        return answer

    def revoke(self, wanted: Wanted, signed: Signed, mark: str = "") -> Answer:
        """Take back one by its id, or all that are of what *wanted* names. What has been applied stays as it was."""
        wanted, now = self._scrubbed(wanted), self.clock()
        with self.store.transaction() as tx:
            if mark:
                one = approvals.find(tx.db, mark)
                if one is None:
                    return Answer("there is no such approval", known=False)
                given, stack = [one], one.stack
            else:
                found = self._named(tx, wanted, over=True)
                if isinstance(found, Answer):
                    return found
                given = [each for each in self._about(tx, found, wanted) if each.review is wanted.review]
                stack = found.subject.stack if found else wanted.stack
            live = [each for each in given if each.revoked_at is None]
            for each in live:
                approvals.revoke(tx.db, each.mark, now, str(signed), wanted.note, now)
                tx.audit(str(signed), REVOKE, told(each) | {"of": each.by, "why": wanted.note})
            if each_run := next((each.run_id for each in live if each.run_id and not stack), ""):
                row = executions.find(tx.db, each_run)
                stack = row.stack if row is not None else ""
        if not live:
            return Answer("nothing that holds is of it" if not given else "already revoked", approvals=tuple(given))
        self.on_stored(stack)
        ended = tuple(replace(each, revoked_at=now, revoked_by=str(signed)) for each in live)
        return Answer(f"revoked: {len(live)}", changed=True, approvals=ended)

    def keep(self, tx: Transaction, given: Iterable[Approval]) -> bool:
        """Store what another service says that people agreed to; each once, by its mark. In an open transaction."""
        changed = False
        for one in given:
            clear = replace(
                one, evidence=self._clear(one.evidence), note=self._clear(one.note), by=clean(one.by, 80),
                heard_at=self.clock(),
            )  # fmt: skip
            if approvals.add(tx.db, clear):
                tx.audit(f"{clear.by} ({clear.via})", GIVE, told(clear))
                known = approvals.find(tx.db, clear.mark)
                if known is not None and known.revoked_at is not None:
                    tx.audit(known.revoked_by, REVOKE, told(known) | {"why": known.revoked_why})
                elif known is not None:
                    self._withdrawn(tx, known)
                changed = True
        return changed

    def end(self, tx: Transaction, mark: str, at: datetime, who: str, why: str) -> bool:
        """Store that another service says that one does not hold any more, which may be heard before it."""
        if not approvals.revoke(tx.db, mark, at, clean(who, 200), self._clear(why), self.clock()):
            return False
        known = approvals.find(tx.db, mark)
        if known is not None:  # else it may have been no approval; should it come yet, it is told then
            tx.audit(known.revoked_by, REVOKE, told(known) | {"why": known.revoked_why})
        return True

    def withdraw(self, tx: Transaction, said: Iterable[Approval]) -> bool:
        """Store that people ask for changes to what they approved at another service: what they had approved of it
        until then does not hold any more, also where that is heard later."""
        changed = False
        for each in said:
            one = replace(each, by=clean(each.by, 80), evidence=self._clear(each.evidence))
            changed |= approvals.withdraw(tx.db, one, self.clock())
            for given in approvals.of_commit(tx.db, one.stack, one.commit, one.via):
                changed |= self._withdrawn(tx, given)
        return changed

    def _withdrawn(self, tx: Transaction, given: Approval) -> bool:
        """Revoke one whose giver asked for changes afterwards."""
        found = approvals.withdrawn(tx.db, given)
        if found is None or given.revoked_at is not None:
            return False
        at, why = found
        return self.end(tx, given.mark, at, f"{given.by} ({given.via})", f"changes requested: {why}")

    def of_run(self, view: Reader, run_id: str) -> list[tuple[Approval, str]]:
        """Approvals of a run, each with why it does not count; empty: it does."""
        named = self.guideline.named if self.guideline is not None else ()
        found = run_of(view, run_id, named)
        if found is None:
            return []
        subject = found.subject
        given = approvals.about(view.db, run_id, subject.within, subject.stack)
        judged = [(one, self._worth(one, found)) for one in given]
        # What is of another commit of the stack is of no interest here.
        return [(one, why) for one, why in judged if one.run_id or _same_commit(one, subject)]

    def _named(self, tx: Transaction, wanted: Wanted, *, over: bool = False) -> Run | Answer | None:
        """The run that is meant; None: a commit is; an answer: neither can be told."""
        named = self.guideline.named if self.guideline is not None else ()
        if wanted.run_id:
            found = run_of(tx, wanted.run_id[:100], named)
            return found or Answer(f"there is no run {clean(wanted.run_id, 80)}", known=False)
        if wanted.commit:
            if not _COMMIT.fullmatch(wanted.commit):
                return Answer("give the whole id of the commit: a short one may be another commit's", refused=True)
            return None if wanted.stack else Answer("say on which stack the commit is to be applied", refused=True)
        if not (wanted.workflow and wanted.stack):
            return Answer("say what is agreed to: a run, or workflow and stack, or commit and stack", refused=True)
        known = [
            row for row in executions.listed(tx.db, 200, place=wanted.stack)
            if row.workflow == wanted.workflow and row.stack == wanted.stack and (over or row.state == "running")
        ]  # fmt: skip
        if len(known) == 1 or (over and known):
            return run_of(tx, known[0].run_id, named) or Answer("it is gone", known=False)
        many = "several runs" if known else "no run"
        text = f"{many} of {clean(wanted.workflow, 80)} on {clean(wanted.stack, 80)} go on: name the run, or the commit"
        return Answer(text, known=bool(known), refused=bool(known))

    def _about(self, tx: Transaction, found: Run | None, wanted: Wanted) -> list[Approval]:
        run_id = found.subject.run_id if found else ""
        given = approvals.about(tx.db, run_id, "", wanted.stack, 1_000)
        return [
            each for each in given
            if (each.run_id == run_id if run_id else not each.run_id and each.commit == wanted.commit)
        ]  # fmt: skip

    def _answer(self, one: Approval, found: Run | None, what: str, *, changed: bool) -> Answer:
        if found is None:
            text = f"{what}: commit {one.commit[:12]} on {one.stack}; what is applied of it is held against this"
            return Answer(text, changed, approvals=(one,))
        why = self._worth(one, found)
        subject = found.subject
        where = f"{subject.workflow} on {subject.stack}" if subject.stack else subject.workflow
        if why:
            text = f"{what}, BUT IT DOES NOT COUNT: {why} ({where}, {subject.run_id})"
        elif found.subject.began is None and not one.review:
            text = f"{what}: {where}, {subject.run_id}; it counts if the apply begins after it"
        elif self.guideline is None:
            text = f"{what}: {where}, {subject.run_id}; nothing is held against it, for executions.guideline is not set"
        else:
            text = f"{what}: {where}, {subject.run_id}"
        open_ = not why and subject.began is None and not one.review
        return Answer(text, changed, counts=None if open_ else not why, approvals=(one,))

    def _worth(self, one: Approval, found: Run) -> str:
        return why_not(one, found.subject, self.holds)

    def _scrubbed(self, wanted: Wanted) -> Wanted:
        return replace(
            wanted, evidence=self._clear(wanted.evidence), note=self._clear(wanted.note),
            commit=wanted.commit.strip().lower(), workflow=self._clear(wanted.workflow),
            stack=self._clear(wanted.stack), run_id=wanted.run_id.strip(),
        )  # fmt: skip

    def _clear(self, text: str) -> str:
        """One line without secrets."""
        return clean(redacted(self._scrubber.text(" ".join(text.split()))), LONGEST)


def _alike(one: Approval, other: Approval) -> bool:
    """Whether the second says nothing that the first does not."""
    mine, theirs = (
        (each.told, each.review, each.workflow, each.evidence, each.note, each.expires_at) for each in (one, other)
    )
    return mine == theirs


def _same_commit(one: Approval, subject: Subject) -> bool:
    return bool(subject.commit) and one.commit.startswith(subject.commit.lower()[:40])


def keep_steps(tx: Transaction, given: Iterable[Approval], now: datetime) -> None:
    """Note approvals that were given by running the step of that name, once an apply rests on them; each once."""
    for one in given:
        if one.via == STEP and one.by.strip() and approvals.add(tx.db, replace(one, heard_at=now)):
            tx.audit(f"{clean(one.by, 80)} ({one.via})", GIVE, told(one))


def told(one: Approval) -> dict[str, Json]:
    """An approval as the audit trail has it."""
    said: dict[str, Json] = {
        "approval": one.mark, "by": one.by, "for": one.told, "run": one.run_id, "commit": one.commit,
        "stack": one.stack, "workflow": one.workflow, "evidence": one.evidence, "note": one.note,
        "given_at": one.at, "expires_at": one.expires_at,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value not in ("", None)}


def approval_json(one: Approval, why: str | None = None) -> dict[str, Any]:
    """For programs. *why*: why it does not count, where it was held against a run."""
    found: dict[str, Any] = {
        "id": one.mark, "by": one.by, "for": one.told, "via": one.via, "at": _iso(one.at), "run_id": one.run_id,
        "commit": one.commit, "stack": one.stack, "workflow": one.workflow, "evidence": one.evidence, "note": one.note,
        "review": one.review, "expires_at": _iso(one.expires_at), "revoked_at": _iso(one.revoked_at),
        "revoked_by": one.revoked_by, "revoked_why": one.revoked_why,
    }  # fmt: skip
    return found if why is None else {**found, "counts": not why, "why_not": why}


def answer_json(answer: Answer) -> Mapping[str, Any]:
    return {
        "changed": answer.changed, "text": answer.text, "counts": answer.counts,
        "approvals": [approval_json(one) for one in answer.approvals],
    }  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
