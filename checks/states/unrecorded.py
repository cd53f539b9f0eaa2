"""Changes of a state that no recorded run explains: what is kept of them, and what is told.

The first look is a baseline. A version is compared once it has settled: nobody holds the lock, and it was written a
while ago. What was found is held against the recorded runs again at each look, as a run may be heard of late.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from checks.base import Finding, Instance, Json, Kind, LookFailed, Outcome, Reading
from checks.kinds import DEVELOPMENT, STAGING
from checks.states.changes import NOTHING, SKEW, RunSeen, Snapshot, Version, compare, legs, run_of
from checks.states.judge import DAMAGE, Judgement, Verdict
from checks.states.model import LockSeen, StateLook

KEPT = "changes"  # under which name the check keeps it
SETTLED = timedelta(minutes=2)
TOLD = timedelta(days=30)  # for so long an unrecorded change is told of
RECORDED = timedelta(days=7)  # and so long one that belongs to a run
LATE = timedelta(minutes=15)  # from the last look at a lock to the last write of who held it, at most
MOST_LEGS = 10  # read in one look; what is left is read in the next
MOST_KEPT = 50
MOST_LOCKS = 5
NAMED = 50  # addresses
_PLAN = "OperationTypePlan"  # writes nothing
_FORMAT = 1

VERDICTS: Mapping[str, str] = {
    "changes_recorded": "what was written into the state since the first look belongs to runs that were recorded",
    "changes_unrecorded": "the state was changed, and no recorded run explains it",
    "changes_unknown": "could not look: what was changed in the state could not be told",
    "changes_baseline": "the first look at what the state holds: later ones are compared with it",
}


class History(Protocol):
    """Earlier versions of one state, and the runs on it. Every method raises LookFailed."""

    def version(self, mark: str) -> str:
        """The id of the version that a look's mark names; empty: the place keeps no versions."""

    def versions(self, after: str, since: datetime) -> Sequence[Version] | None:
        """All versions after one, oldest first; None: they are not kept, or may not be listed."""

    def snapshot(self, version: str, md5: str) -> Snapshot:
        """That version, by its id or by its digest, whichever is known; both empty: what is there now."""

    def runs(self, since: datetime, until: datetime) -> Sequence[RunSeen]:
        """The runs that may have written it, of those that went on between the two."""

    def forget_others(self, digests: Iterable[str]) -> None:
        """Keep only what is named."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, as it is kept. *counts* None: too many instances to compare."""

    first_at: datetime
    last_at: datetime
    serials: tuple[int, int]
    terraform: tuple[str, str]
    md5: str
    versions: int = 1
    counts: tuple[int, int, int] | None = (0, 0, 0)
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    destroyed: tuple[str, ...] = ()
    rest: bool = False
    who: str = ""  # whose lock it was; empty: nobody saw one
    skipped: bool = False  # versions between could not be read

    @property
    def key(self) -> str:
        return f"change:{self.serials[1]}:{self.md5[:12]}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who held the lock, and from when until when that is known."""

    who: str
    since: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept from look to look. *md5* None: there was no look yet; empty: there was no state."""

    md5: str | None = None
    version: str = ""
    at: datetime | None = None
    serial: int = 0
    lineage: str = ""
    changes: tuple[Change, ...] = ()
    holders: tuple[Holder, ...] = ()
    dropped: int = 0

    def plain(self) -> Json:
        return _plain({"format": _FORMAT, **asdict(self)})


@dataclass(frozen=True, slots=True)
class Found:
    """One reading, and what to keep."""

    reading: Reading
    memory: Memory


@dataclass(frozen=True, slots=True)
class Rules:
    """*recorded*: whether runs are recorded at all; without, a change is told of as a deployment and no more."""

    recorded: bool = True


def memory_of(kept: Json | None) -> Memory:
    """What was kept; what cannot be read is no memory, so that the next look is a baseline."""
    if not isinstance(kept, Mapping) or kept.get("format") != _FORMAT:
        return Memory()
    try:
        return _memory({name: value for name, value in kept.items() if name != "format"})
    except (TypeError, ValueError, KeyError):
        return Memory()


def look(
    instance: Instance, seen: StateLook, judgement: Judgement, history: History, kept: Json | None, rules: Rules,
    now: datetime,
) -> Found:  # fmt: skip
    """What was changed since the version that was compared last. *judgement*: of the same look at the state."""
    memory = replace(memory_of(kept), holders=_holders(memory_of(kept).holders, seen.locks, now))
    memory = replace(memory, changes=tuple(one for one in memory.changes if now - one.last_at < TOLD))
    note = ""
    try:
        if judgement.verdict in (Verdict.UNREADABLE, Verdict.BUSY):
            note = "the state could not be read"
        elif judgement.verdict in DAMAGE - {Verdict.COLLAPSED}:
            note = f"what is there is compared with nothing: {judgement.reason}"
        elif seen.locks and not judgement.stale:
            pass  # somebody works on it: what comes of it is looked at when it is free
        else:
            memory = _followed(memory, seen, history, now)
        if not note and seen.facts is not None and memory.md5 != seen.facts.md5:
            note = "a new version is not compared yet: it is being worked on, or has just come"
        runs = [
            run_of(one.first_at, one.last_at, history.runs(one.first_at - SKEW, one.last_at + SKEW))
            for one in memory.changes
        ]
    except LookFailed as failed:
        return Found(_unknown(seen, f"could not look for changes: {failed}"), memory)
    return Found(_reading(instance, seen, memory, runs, rules, note, now), memory)


def _followed(memory: Memory, seen: StateLook, history: History, now: datetime) -> Memory:
    facts = seen.facts
    if facts is None or facts.damage:
        # Known not to be there: what is written next is all new.
        return replace(memory, md5="", version="", at=now, serial=0, lineage="")
    newest = Version(history.version(seen.mark), seen.modified_at or now)
    if memory.md5 is None:
        return _at(memory, history.snapshot("", facts.md5), newest)
    if facts.md5 == memory.md5:
        return replace(memory, version=newest.id, at=newest.at)
    if now - newest.at < SETTLED and newest.at <= now:
        return memory
    began = memory.md5
    base = NOTHING if began == "" else history.snapshot(memory.version, memory.md5)
    if base.md5 and (base.lineage != facts.lineage or facts.serial < base.serial):
        return _at(
            memory, history.snapshot("", facts.md5), newest
        )  # put in its place, and told of by the state's verdict
    between = history.versions(memory.version, memory.at or now) if newest.id else None
    versions = [one for one in between or () if one.id != newest.id and one.at <= newest.at]
    runs = history.runs(min((one.at for one in versions), default=newest.at) - SKEW, newest.at + SKEW)
    found = legs([*versions, newest], runs)
    changes: list[Change] = []
    for leg in found[:MOST_LEGS]:
        last = leg.last
        after = history.snapshot("", facts.md5) if last is newest else history.snapshot(last.id, "")
        if after.lineage != (base.lineage or after.lineage) or after.serial < base.serial:
            # Something was put in its place and taken away again: no line from the one to the other.
            memory, base = _at(memory, after, last), after
            continue
        skipped = between is None and base is not NOTHING and after.serial > base.serial + 1
        change = _change(base, after, leg.versions, memory.holders, skipped=skipped)
        if change is not None:
            changes.append(change)
        memory, base = _at(memory, after, last), after
    kept = (*memory.changes, *changes)
    # What the store keeps is the version before, too: this look may not be stored.
    history.forget_others({began, base.md5, facts.md5} - {""})
    return replace(memory, changes=kept[-MOST_KEPT:], dropped=memory.dropped + max(0, len(kept) - MOST_KEPT))


def _at(memory: Memory, snapshot: Snapshot, version: Version) -> Memory:
    return replace(
        memory, md5=snapshot.md5, version=version.id, at=version.at, serial=snapshot.serial, lineage=snapshot.lineage
    )


def _change(
    before: Snapshot, after: Snapshot, versions: Sequence[Version], holders: Sequence[Holder], *, skipped: bool
) -> Change | None:
    if before.md5 == after.md5:
        return None
    found = compare(before, after)
    counts = (len(found.added), len(found.changed), len(found.destroyed)) if found.known else None
    if before is NOTHING and counts == (0, 0, 0):
        return None  # an empty state, as init leaves one
    first, last = versions[0].at, versions[-1].at
    return Change(
        first, last, (before.serial, after.serial), (before.terraform_version, after.terraform_version), after.md5,
        len(versions), counts, found.added[:NAMED], found.changed[:NAMED], found.destroyed[:NAMED], found.rest,
        _who(first, last, holders), skipped,
    )  # fmt: skip


def _holders(known: Sequence[Holder], locks: Sequence[LockSeen], now: datetime) -> tuple[Holder, ...]:
    found = {(one.who, one.since): one for one in known}
    for lock in locks:
        if lock.readable and lock.who and lock.created is not None and lock.operation != _PLAN:
            found[lock.who, lock.created] = Holder(lock.who, lock.created, now)
    return tuple(sorted(found.values(), key=lambda one: one.seen)[-MOST_LOCKS:])


def _who(first: datetime, last: datetime, holders: Iterable[Holder]) -> str:
    """Whose lock was held when it was written; empty: no lock was seen then."""
    fitting = [one for one in holders if one.since - SKEW <= first and last <= one.seen + LATE]
    return max(fitting, key=lambda one: one.since).who if fitting else ""


def _reading(
    instance: Instance,
    seen: StateLook,
    memory: Memory,
    runs: Sequence[RunSeen | None],
    rules: Rules,
    note: str,
    now: datetime,
) -> Reading:
    findings: list[Finding] = []
    recorded: list[Json] = []
    unrecorded = 0
    for change, run in zip(memory.changes, runs, strict=True):
        if run is not None:
            recorded.append({"run": run.id, "workflow": run.workflow, **_facts(change)})
        if run is None and rules.recorded:
            unrecorded += 1
            findings.append(_unrecorded(instance, seen, change))
        elif (run is None or not run.told) and now - change.last_at < RECORDED:
            findings.append(_deployment(seen, change, run))
    evidence: dict[str, Json] = {"state": seen.shown, "recorded": recorded[-10:]}
    if unrecorded:
        evidence["unrecorded"] = unrecorded
    if memory.dropped:
        evidence["left_out"] = memory.dropped
    resource = f"changes of {seen.shown}"
    if unrecorded:
        word = "changes belong" if unrecorded > 1 else "change belongs"
        text = f"{unrecorded} {word} to no recorded run"
        return Reading(
            resource, Outcome.UNHEALTHY, "changes_unrecorded", f"{text}{f'; {note}' if note else ''}",
            tuple(findings), evidence=evidence,
        )  # fmt: skip
    if note:
        return replace(_unknown(seen, note), findings=tuple(findings), evidence=evidence)
    if memory.md5 is None:
        return _unknown(seen, "it was not looked at yet while nobody works on it")
    if not (memory.changes or memory.md5):
        return Reading(
            resource, Outcome.NOT_APPLICABLE, "changes_baseline", "there is no state yet to compare with",
            evidence=evidence,
        )  # fmt: skip
    text = (
        f"{len(memory.changes)} in the last days, each of a recorded run" if memory.changes
        else f"none since serial {memory.serial}"
    )  # fmt: skip
    return Reading(
        resource, Outcome.HEALTHY, "changes_recorded", f"changes: {text}", tuple(findings), evidence=evidence
    )


def _unknown(seen: StateLook, why: str) -> Reading:
    return Reading(f"changes of {seen.shown}", Outcome.UNKNOWN, "changes_unknown", why)


def _unrecorded(instance: Instance, seen: StateLook, change: Change) -> Finding:
    production = instance.stage not in (STAGING, DEVELOPMENT)
    who = f"whose lock it was: {change.who}" if change.who else "who: unknown"
    summary = f"unrecorded change of {seen.shown}: {_did(change)}; no recorded run explains it; {who}"
    lines = ["# ask who applied it, and review it; wrap such runs in `barograph exec`, so that they are recorded"]
    if instance.atmos:
        lines.append(f"atmos terraform plan {shlex.quote(instance.component)} -s {shlex.quote(instance.stack)}")
    return Finding(
        Kind.SECURITY_VIOLATION if production else Kind.COMPLIANCE, change.key, summary,
        cause=f"unrecorded change:{seen.shown}", remedy="\n".join(lines),
        addresses=tuple(dict.fromkeys((*change.destroyed, *change.added, *change.changed)))[:NAMED],
        evidence={"state": seen.shown, **({"likely_who": change.who} if change.who else {}), **_facts(change)},
    )  # fmt: skip


def _deployment(seen: StateLook, change: Change, run: RunSeen | None) -> Finding:
    by = f"by {run.workflow or 'a recorded run'}" if run is not None else "by a run that nobody records"
    evidence: dict[str, Json] = {"state": seen.shown, **_facts(change)}
    if run is not None:
        evidence |= {"run_id": run.id, "workflow": run.workflow, "actor": run.actor}
    elif change.who:
        evidence["likely_who"] = change.who
    return Finding(Kind.DEPLOYMENT, change.key, f"{seen.shown} was changed {by}: {_did(change)}", evidence=evidence)


def _did(change: Change) -> str:
    if change.counts is None:
        what = "more instances than are compared"
    elif change.counts == (0, 0, 0):
        what = "no resource; its outputs" if change.rest else "no resource and no output"
    else:
        what = "{} added, {} changed, {} destroyed".format(*change.counts)
    old, new = change.terraform
    version = f"Terraform {old} to {new}" if old and old != new else f"Terraform {new or 'unknown'}"
    serials = f"serial {change.serials[0]} to {change.serials[1]}"
    skipped = ", versions between could not be read" if change.skipped else ""
    return f"{what} ({serials}, {version}{skipped}) at {change.last_at:%Y-%m-%d %H:%M} UTC"


def _facts(change: Change) -> dict[str, Json]:
    facts: dict[str, Json] = {
        "first_at": change.first_at.isoformat(), "written": change.last_at.isoformat(),
        "serial_before": change.serials[0], "serial": change.serials[1], "terraform_version": change.terraform[1],
        "versions": change.versions,
    }  # fmt: skip
    if change.counts is not None:
        facts |= dict(zip(("added", "changed", "destroyed"), change.counts, strict=True))
    for name in ("added", "changed", "destroyed"):
        if named := getattr(change, name):
            facts[f"{name}_addresses"] = list(named)
    return facts


def _plain(value: Any) -> Json:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    plain: Json = value
    return plain


def _memory(kept: Mapping[str, Any]) -> Memory:
    changes = tuple(
        Change(**{
            **one, "first_at": _time(one["first_at"]), "last_at": _time(one["last_at"]),
            "serials": (int(one["serials"][0]), int(one["serials"][1])),
            "terraform": (str(one["terraform"][0]), str(one["terraform"][1])),
            "counts": None if one["counts"] is None else tuple(int(n) for n in one["counts"]),
            **{name: tuple(one[name]) for name in ("added", "changed", "destroyed")},
        })
        for one in kept["changes"]
    )  # fmt: skip
    holders = tuple(Holder(str(one["who"]), _time(one["since"]), _time(one["seen"])) for one in kept["holders"])
    at = None if kept["at"] is None else _time(kept["at"])
    return Memory(**{**kept, "at": at, "changes": changes, "holders": holders})


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found
