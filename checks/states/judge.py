"""What a look at a state means: one verdict, told from thirteen others. Pure, and every verdict says why.

How Terraform reads a state (backend/remote-state/s3/client.go, states/statefile/read.go): no byte is no state; the
digest in the lock table is compared with the object, or with nothing where the object is gone; a digest that is not
there is a warning only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from checks.states.locks import age
from checks.states.model import DIGEST, STATE, Damage, LockSeen, StateFacts, StateLook

_DIGEST = re.compile(r"[0-9a-fA-F]{32}")


class Verdict(StrEnum):
    """What a look at a state can say."""

    OK = "ok"
    ABSENT = "absent"
    EMPTY = "empty"
    LOCKED = "locked"
    BUSY = "busy"
    STALE_LOCK = "stale_lock"
    UNREADABLE_LOCK = "unreadable_lock"
    NO_DIGEST = "no_digest"
    OLD_VERSION = "old_version"
    DIGEST_MISMATCH = "digest_mismatch"
    ORPHAN_DIGEST = "orphan_digest"
    UNPARSABLE = "unparsable"
    UNSUPPORTED_VERSION = "unsupported_version"
    DELETED = "deleted"
    LOST = "lost"
    EMPTIED = "emptied"
    SERIAL_REGRESSED = "serial_regressed"
    LINEAGE_CHANGED = "lineage_changed"
    COLLAPSED = "collapsed"
    UNREADABLE = "unreadable"


DAMAGE = frozenset(
    {
        Verdict.DIGEST_MISMATCH, Verdict.ORPHAN_DIGEST, Verdict.UNPARSABLE, Verdict.UNSUPPORTED_VERSION,
        Verdict.DELETED, Verdict.LOST, Verdict.EMPTIED, Verdict.SERIAL_REGRESSED, Verdict.LINEAGE_CHANGED,
        Verdict.COLLAPSED,
    }
)  # fmt: skip
# What a writer between object and digest looks like: said only when it stays so.
PASSING = DAMAGE | {Verdict.NO_DIGEST}
# What a writer can be in the middle of, as long as it holds the lock. An object is never half written.
IN_THE_MIDDLE = PASSING - {Verdict.UNPARSABLE, Verdict.UNSUPPORTED_VERSION}
# What only the version before tells.
COMPARED = frozenset({Verdict.SERIAL_REGRESSED, Verdict.LINEAGE_CHANGED, Verdict.COLLAPSED})
# After these the version before is still the last one known to be right.
_SAYS_NOTHING = (DAMAGE - COMPARED) | {Verdict.BUSY, Verdict.UNREADABLE}


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is too old, or too much lost."""

    stale_lock: timedelta
    collapse_from: int
    collapse_to: float
    accept_after: timedelta


@dataclass(frozen=True, slots=True)
class Before:
    """What was last known to be right of a state, or was accepted as that."""

    lineage: str
    serial: int
    resources: int
    since: datetime | None = None  # when it was first seen that this is not what is there; None: it is

    def plain(self, shown: str) -> dict[str, Any]:
        """As JSON takes it; *shown* is where the state lies."""
        since = self.since.isoformat() if self.since else None
        said = {"lineage": self.lineage, "serial": self.serial, "resources": self.resources, "since": since}
        return {**said, "where": shown}


def before_of(kept: object, shown: str) -> Before | None:
    """What Before.plain() gave of the same place; None for anything else: one that moved is compared with nothing."""
    if not isinstance(kept, Mapping) or kept.get("where") != shown:
        return None
    try:
        since = kept["since"]
        at = datetime.fromisoformat(since) if since else None
        return Before(str(kept["lineage"]), int(kept["serial"]), int(kept["resources"]), at)
    except (KeyError, TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a state, why, and the locks that are too old."""

    verdict: Verdict
    reason: str
    stale: tuple[LockSeen, ...] = ()


def judge(look: StateLook, before: Before | None, limits: Limits, now: datetime) -> Judgement:
    """Given a look and what was known before (None: nothing), give the verdict."""
    stale = tuple(lock for lock in look.locks if _is_stale(lock, limits, now))
    found = _of_object(look, before, limits)
    if found is None and look.gaps:
        first = next(iter(look.gaps.values()))
        needs = f": it takes {first.action}" if first.reason == "denied" and first.action else ""
        found = Judgement(Verdict.UNREADABLE, f"{first.what} could not be read ({first.reason}){needs}")
    if found is None:
        found = _of_locks(look, stale) or _fine(look)
    elif found.verdict in IN_THE_MIDDLE and len(stale) < len(look.locks):
        holder = next(lock for lock in look.locks if lock not in stale)
        found = Judgement(Verdict.BUSY, f"{who(holder)} holds the lock and is writing it: {found.reason}")
    return replace(found, stale=stale)


def remember(
    look: StateLook, before: Before | None, judgement: Judgement, limits: Limits, now: datetime
) -> Before | None:
    """What to compare the next look with.

    What a comparison found is told for as long as *accept_after* says; then what is there counts as right.
    """
    facts = look.facts
    if facts is None or facts.damage is not Damage.NONE or judgement.verdict in _SAYS_NOTHING:
        return before
    here = Before(facts.lineage, facts.serial, facts.resources)
    if before is None or _compared(facts, before, limits) is None:
        return here
    if before.since is None:
        return replace(before, since=now)
    return here if now - before.since >= limits.accept_after else before


def signature(look: StateLook) -> tuple[str, str]:
    """What must stay the same for two looks to have seen the same thing."""
    return look.mark, look.digest


def _of_object(look: StateLook, before: Before | None, limits: Limits) -> Judgement | None:
    facts = look.facts
    if facts is None:
        return None if STATE in look.gaps else _missing(look, before)
    if _is_digest(look.digest) and look.digest.lower() != facts.md5:
        return Judgement(
            Verdict.DIGEST_MISMATCH,
            f"the object does not match its digest in the lock table {look.table}: Terraform refuses to read it",
        )
    if facts.damage is Damage.EMPTY:
        if before is not None and before.resources:
            return Judgement(Verdict.EMPTIED, f"the object is empty; it held {before.resources} resources before")
        return Judgement(Verdict.EMPTY, "the object is empty, which Terraform takes for no state")
    if facts.damage is Damage.UNPARSABLE:
        return Judgement(Verdict.UNPARSABLE, f"Terraform cannot read the state: {facts.why}")
    if facts.damage is Damage.UNSUPPORTED:
        old = 0 < facts.version < 4
        return Judgement(Verdict.OLD_VERSION if old else Verdict.UNSUPPORTED_VERSION, facts.why)
    compared = _compared(facts, before, limits)
    if compared is not None:
        return compared
    if look.table and not _is_digest(look.digest) and DIGEST not in look.gaps:
        return Judgement(Verdict.NO_DIGEST, f"the lock table {look.table} holds no digest of it: damage goes unnoticed")
    return None


def _missing(look: StateLook, before: Before | None) -> Judgement:
    has_digest = _is_digest(look.digest)
    left = f"; its digest is still in {look.table}" if has_digest else ""
    if look.deleted is not None:
        last = look.deleted.before
        held = last.resources if last is not None and last.damage is Damage.NONE else None
        if held is None and before is not None:
            held = before.resources
        if held == 0 and not has_digest:
            return Judgement(Verdict.ABSENT, "there is no state: an empty one was deleted")
        what = f"with {held} resources in it" if held is not None else "and what was in it is not known"
        return Judgement(Verdict.DELETED, f"the state was deleted, {what}; an earlier version can be restored{left}")
    if has_digest:
        return Judgement(
            Verdict.ORPHAN_DIGEST,
            f"there is no state object, but its digest is still in {look.table}: Terraform refuses to go on",
        )
    if before is not None and before.resources:
        copy = f"; a copy is at {look.backup}" if look.backup else ""
        return Judgement(Verdict.LOST, f"the state is gone, with {before.resources} resources in it{copy}")
    return Judgement(Verdict.ABSENT, "there is no state: never deployed")


def _is_digest(text: str) -> bool:
    """Whether Terraform would compare with it: what is no MD5 in hex it passes over with a warning."""
    return _DIGEST.fullmatch(text) is not None


def _compared(facts: StateFacts, before: Before | None, limits: Limits) -> Judgement | None:
    if before is None:
        return None
    if facts.lineage != before.lineage:
        return Judgement(
            Verdict.LINEAGE_CHANGED,
            "another state is in its place: "
            f"its lineage is {facts.lineage or 'none'}, it was {before.lineage or 'none'}",
        )
    if facts.serial < before.serial:
        return Judgement(Verdict.SERIAL_REGRESSED, f"the state went back from serial {before.serial} to {facts.serial}")
    if before.resources >= limits.collapse_from and facts.resources <= before.resources * limits.collapse_to:
        return Judgement(
            Verdict.COLLAPSED,
            f"it holds {facts.resources} resources at serial {facts.serial}; "
            f"it held {before.resources} at serial {before.serial}",
        )
    return None


def _of_locks(look: StateLook, stale: tuple[LockSeen, ...]) -> Judgement | None:
    if not look.locks:
        return None
    if stale:
        unreadable = [lock for lock in stale if not lock.readable]
        if unreadable:
            return Judgement(Verdict.UNREADABLE_LOCK, f"a lock in {unreadable[0].where} says not whose it is")
        return Judgement(Verdict.STALE_LOCK, f"{who(stale[0])} holds the lock {since(stale[0])}")
    return Judgement(Verdict.LOCKED, f"{who(look.locks[0])} holds the lock {since(look.locks[0])}")


def _is_stale(lock: LockSeen, limits: Limits, now: datetime) -> bool:
    """Whether it is held for too long. One that says not since when is of nobody who could be waited for."""
    held = age(lock, now)
    return held is None or held >= limits.stale_lock


def who(lock: LockSeen) -> str:
    """Whose lock it is, for what."""
    return f"{lock.who or 'somebody unknown'}{f' ({lock.operation})' if lock.operation else ''}"


def since(lock: LockSeen) -> str:
    return f"since {lock.created:%Y-%m-%d %H:%M} UTC" if lock.created else "since nobody knows when"


def _fine(look: StateLook) -> Judgement:
    facts = look.facts
    if facts is None:  # judged before this: said so that nothing becomes green by a gap in the rules
        return Judgement(Verdict.UNREADABLE, "nothing is known of the state")
    return Judgement(Verdict.OK, f"serial {facts.serial}, {facts.resources} resources, {facts.size} bytes")
