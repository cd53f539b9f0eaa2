"""Whether what can be restored is as new as was asked. Pure: points and a demand in, verdict and reason out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from checks.base import Outcome
from checks.recovery.model import Copy, DataStore, Demand, Destination, Origin, Point
from checks.recovery.words import moment, span

# A time this far ahead is a clock that is set a little differently; what lies further ahead is no proof of anything.
AHEAD = timedelta(minutes=15)

ORIGINS = {
    Origin.CONTINUOUS: "point-in-time recovery",
    Origin.SNAPSHOT: "snapshot",
    Origin.AWS_BACKUP: "AWS Backup",
    Origin.LIFECYCLE_MANAGER: "Data Lifecycle Manager",
    Origin.VERSIONING: "versioning",
}


class Word(StrEnum):
    """What is said of a data store, or of one copy of it."""

    PROTECTED = "protected"
    NEW = "new"
    LATE = "late"
    PARTIAL = "partial"
    NEVER = "never_backed_up"
    NOT_READ = "not_read"
    NOT_REQUIRED = "not_required"
    NOTHING_TO_LOSE = "nothing_to_lose"
    EXEMPT = "exempt"


OUTCOMES = {
    Word.PROTECTED: Outcome.HEALTHY,
    Word.NEW: Outcome.HEALTHY,
    Word.LATE: Outcome.UNHEALTHY,
    Word.PARTIAL: Outcome.UNHEALTHY,
    Word.NEVER: Outcome.UNHEALTHY,
    Word.NOT_READ: Outcome.UNKNOWN,
    Word.NOT_REQUIRED: Outcome.NOT_APPLICABLE,
    Word.NOTHING_TO_LOSE: Outcome.NOT_APPLICABLE,
    Word.EXEMPT: Outcome.NOT_APPLICABLE,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, why, and the newest whole recovery point it rests on (None: there is none)."""

    word: Word
    reason: str
    newest: Point | None = None

    @property
    def outcome(self) -> Outcome:
        return OUTCOMES[self.word]


def judge(store: DataStore, points: Iterable[Point], demand: Demand, now: datetime, doubts: Sequence[str]) -> Judgement:
    """Given every recovery point that was read, what is asked, and what could not be read, give the verdict.

    A fresh point is proof whatever else could not be read. Without one, *doubts* make it NOT_READ: the point that is
    missing may be there. The newest point may be as old as the RPO, to the second.
    """
    if store.nothing_to_lose:
        return Judgement(Word.NOTHING_TO_LOSE, store.nothing_to_lose)
    if demand.rpo is None:
        return Judgement(Word.NOT_REQUIRED, f"no backup is asked for: {demand.why}")
    # What is older than the store is of another that had its name before.
    since = None if store.idle else store.created
    mine = [point for point in points if point.at <= now + AHEAD and (since is None or point.at >= since)]
    known = sorted(mine, key=lambda point: point.at)
    newest = next((point for point in reversed(known) if not point.partial), None)
    if newest is not None and (store.idle or now - newest.at <= demand.rpo):
        return Judgement(Word.PROTECTED, _protected(store, newest), newest)
    if doubts:
        return Judgement(Word.NOT_READ, f"could not look at everything: {'; '.join(doubts)}", newest)
    return _unprotected(store, known, newest, demand, now)


def _protected(store: DataStore, newest: Point) -> str:
    if newest.origin is Origin.VERSIONING:
        return "versioning keeps what is overwritten or deleted"
    idle = f" ({store.idle}: nothing is written to it)" if store.idle else ""
    return f"can be restored as of {moment(newest.at)}, by {ORIGINS[newest.origin]}{idle}"


def _unprotected(
    store: DataStore, known: Sequence[Point], newest: Point | None, demand: Demand, now: datetime
) -> Judgement:
    rpo = demand.rpo or timedelta(0)
    asked = f"{span(rpo)} are asked for by {demand.why}"
    off = "; the service's own backups are off" if store.automatic is False else ""
    if known and known[-1].partial and now - known[-1].at <= rpo:
        whole = f"the last whole one is of {moment(newest.at)}" if newest else "there is no whole one"
        return Judgement(Word.PARTIAL, f"the backup of {moment(known[-1].at)} saved only a part; {whole}{off}", newest)
    if newest is not None:
        reason = f"the newest recovery point is of {moment(newest.at)}, by {ORIGINS[newest.origin]}; {asked}{off}"
        return Judgement(Word.LATE, reason, newest)
    if known:
        return Judgement(Word.LATE, f"no recovery point holds all of it; {asked}{off}", None)
    if store.created is not None and timedelta(0) <= now - store.created <= rpo:
        due = moment(store.created + rpo)
        return Judgement(Word.NEW, f"created {moment(store.created)}; its first backup is due by {due}{off}", None)
    return Judgement(Word.NEVER, f"nothing backs this up{off}; {asked}", None)


def judge_copy(
    store: DataStore, asked: Destination, copies: Iterable[Copy], since: datetime, why: str, doubts: Sequence[str]
) -> Judgement:
    """Given the copies of *store* that were found, tell whether *asked* holds one at least as new as *since*."""
    there = [copy for copy in copies if asked.has(copy, store.account)]
    dated = sorted((copy for copy in there if copy.at is not None), key=lambda copy: copy.at or since)
    newest = dated[-1] if dated else None
    if newest is not None and newest.at is not None and newest.at >= since:
        return Judgement(Word.PROTECTED, f"{asked.words} holds a copy of {moment(newest.at)} ({newest.by})")
    if doubts:
        return Judgement(Word.NOT_READ, f"could not look for the copy in {asked.words}: {'; '.join(doubts)}")
    if newest is not None and newest.at is not None:
        reason = f"the newest copy in {asked.words} is of {moment(newest.at)} ({newest.by}); {why}"
        return Judgement(Word.LATE, reason)
    return Judgement(Word.NEVER, f"{asked.words} holds no copy; {why}")
