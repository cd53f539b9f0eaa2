"""State: whether each Terraform state is whole, free and the one it was, and whether its bucket keeps it safe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol

from checks.base import Asks, Check, Fact, Finding, Instance, Json, Kind, Outcome, Place, Reading, Role, Scope
from checks.states import commands, settings, unrecorded
from checks.states.judge import (
    DAMAGE,
    PASSING,
    Judgement,
    Limits,
    Verdict,
    before_of,
    judge,
    remember,
    signature,
    since,
    who,
)
from checks.states.model import BackendLook, LockSeen, StateLook

_AGAIN = timedelta(minutes=1)
_STEP = 2.0  # seconds between two looks at what may be passing: as often as Terraform itself tries
_LONGEST = timedelta(seconds=60)  # then it is being written, again and again
_KEPT = "before"

_MEANING: Mapping[Verdict, str] = {
    Verdict.OK: "there, whole, free, and further than before or the same",
    Verdict.ABSENT: "there is no state: never deployed, or an empty one was removed",
    Verdict.EMPTY: "an object without a byte, which Terraform takes for no state",
    Verdict.LOCKED: "whole, and locked by somebody who works on it",
    Verdict.BUSY: "being written during the look: looked at again soon",
    Verdict.STALE_LOCK: "whole, and locked for too long",
    Verdict.UNREADABLE_LOCK: "locked, and the lock does not say by whom",
    Verdict.NO_DIGEST: "whole, but the lock table has no digest of it",
    Verdict.OLD_VERSION: "written by a Terraform before 0.12",
    Verdict.DIGEST_MISMATCH: "the object is not what its digest says: Terraform refuses to read it",
    Verdict.ORPHAN_DIGEST: "the object is gone and its digest is not: Terraform refuses to go on",
    Verdict.UNPARSABLE: "the object is no whole JSON, or no state",
    Verdict.UNSUPPORTED_VERSION: "of a format that Terraform does not read",
    Verdict.DELETED: "deleted; an earlier version can be restored",
    Verdict.LOST: "gone, and no earlier version is known",
    Verdict.EMPTIED: "without a byte, and it held resources before",
    Verdict.SERIAL_REGRESSED: "an older state was put in its place",
    Verdict.LINEAGE_CHANGED: "a state of another lineage was put in its place",
    Verdict.COLLAPSED: "nearly all resources have gone from it",
    Verdict.UNREADABLE: "could not look: the state, its digest or its lock could not be read",
}


class StatePlace(Place, Protocol):
    """The state of one component instance. Raises LookFailed where nothing at all can be looked at."""

    @property
    def instance(self) -> Instance: ...

    def look(self) -> StateLook: ...

    def wait(self, seconds: float) -> None: ...

    def recall(self, name: str) -> Json | None: ...

    def keep(self, name: str, value: Json) -> None: ...

    @property
    def history(self) -> unrecorded.History | None:
        """Earlier versions and recorded runs; None: nobody keeps them, so that changes are not looked at."""


class BackendPlace(Place, Protocol):
    """A bucket that states are kept in, with the lock tables used beside it."""

    def settings(self) -> BackendLook: ...


@dataclass(frozen=True)
class State(Check):
    """Terraform states: digest, content, lineage, serial, locks; and what keeps them safe where they are kept."""

    stale_lock: timedelta = timedelta(hours=2)  # a lock held for so long is told of
    confirm: timedelta = timedelta(seconds=12)  # damage is told of once it has stayed the same for so long
    collapse_from: int = 20  # a loss of resources is told of where the state held at least so many
    collapse_to: float = 0.1  # and holds at most this part of them now
    accept_after: timedelta = timedelta(hours=24)  # another lineage, serial or size counts as right after this
    keep_versions: timedelta = timedelta(days=30)  # earlier versions must be kept for so long
    runs_recorded: bool = True  # a change that no recorded run explains is a violation; false: a deployment

    scope: ClassVar[Scope] = Scope.STATE
    role: ClassVar[Role] = Role.STATE
    every: ClassVar[timedelta] = timedelta(minutes=15)
    deadline: ClassVar[timedelta] = timedelta(minutes=5)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.STATE: Asks(6, data=True)}
    iam: ClassVar[tuple[str, ...]] = (
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:GetBucketVersioning",
        "s3:GetEncryptionConfiguration",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketPolicyStatus",
        "s3:GetLifecycleConfiguration",
        "dynamodb:GetItem",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeContinuousBackups",
        "kms:Decrypt",
        "sts:AssumeRole",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "serial": "Serial of the state.",
        "size_bytes": "Size of the state object.",
        "resources": "Managed resource instances in the state.",
        "tainted": "Instances in the state that the next apply replaces.",
        "deposed": "Instances in the state that were replaced and not yet destroyed.",
        "locks": "Locks that are held.",
        "lock_created_timestamp_seconds": "When the oldest lock that is held was taken; absent if none is.",
        "written_timestamp_seconds": "When the state was last written.",
    }
    verdicts: ClassVar[Mapping[str, str]] = {
        **{str(word): meaning for word, meaning in _MEANING.items()},
        **settings.VERDICTS,
        **unrecorded.VERDICTS,
    }

    def run(self, place: StatePlace | BackendPlace) -> Iterable[Reading]:
        """One or two readings for a state and its changes, or one for each setting of a bucket and its lock tables."""
        if hasattr(place, "settings"):
            yield from settings.readings(place.settings(), self.keep_versions)
            return
        limits = Limits(self.stale_lock, self.collapse_from, self.collapse_to, self.accept_after)
        look = place.look()
        before = before_of(place.recall(_KEPT), look.shown)
        judgement = judge(look, before, limits, place.now())
        began, same_since = place.now(), place.now()
        while judgement.verdict in PASSING and place.now() - same_since < self.confirm:
            place.wait(_STEP)
            again = place.look()
            if signature(again) != signature(look):
                same_since = place.now()
            look, judgement = again, judge(again, before, limits, place.now())
            if judgement.verdict in PASSING and place.now() - began > _LONGEST + self.confirm:
                judgement = Judgement(Verdict.BUSY, "it is being written again and again", judgement.stale)
        after = remember(look, before, judgement, limits, place.now())
        if after is not None:
            place.keep(_KEPT, after.plain(look.shown))
        yield _reading(place.instance, look, judgement)
        if place.history is not None:
            kept, rules = place.recall(unrecorded.KEPT), unrecorded.Rules(self.runs_recorded)
            found = unrecorded.look(place.instance, look, judgement, place.history, kept, rules, place.now())
            place.keep(unrecorded.KEPT, found.memory.plain())
            yield found.reading


def _reading(instance: Instance, look: StateLook, judgement: Judgement) -> Reading:
    return Reading(
        resource=look.shown,
        outcome=_outcome(judgement),
        verdict=judgement.verdict.value,
        summary=judgement.reason,
        findings=tuple(_findings(instance, look, judgement)),
        values=_values(look),
        evidence=_evidence(look),
        look_again_in=_AGAIN if judgement.verdict is Verdict.BUSY else None,
    )


def _outcome(judgement: Judgement) -> Outcome:
    match judgement.verdict:
        case Verdict.ABSENT | Verdict.EMPTY:
            return Outcome.UNHEALTHY if judgement.stale else Outcome.NOT_APPLICABLE
        case Verdict.BUSY | Verdict.UNREADABLE:
            return Outcome.UNKNOWN
        case Verdict.OK | Verdict.LOCKED:
            return Outcome.HEALTHY
        case _:
            return Outcome.UNHEALTHY


def _values(look: StateLook) -> Mapping[str, float]:
    """What is known; nothing is 0 because it could not be read."""
    values: dict[str, float] = {}
    facts = look.facts
    if facts is not None:
        values["size_bytes"] = float(facts.size)
    if facts is not None and not facts.damage:
        values |= {
            "serial": float(facts.serial),
            "resources": float(facts.resources),
            "tainted": float(facts.tainted),
            "deposed": float(facts.deposed),
        }
    if look.modified_at is not None:
        values["written_timestamp_seconds"] = look.modified_at.timestamp()
    if "lock" not in look.gaps:
        values["locks"] = float(len(look.locks))
    created = [lock.created.timestamp() for lock in look.locks if lock.created is not None]
    return values | ({"lock_created_timestamp_seconds": min(created)} if created else {})


def _evidence(look: StateLook) -> Mapping[str, Json]:
    shown: dict[str, Json] = {"state": look.shown}
    facts = look.facts
    if facts is not None and not facts.damage:
        shown |= {"serial": facts.serial, "lineage": facts.lineage, "terraform_version": facts.terraform_version}
    if look.locks:
        shown["locks"] = [_lock_shown(lock) for lock in look.locks]
    if look.gaps:
        shown["not_read"] = [f"{gap.what} ({gap.reason}) {gap.action}".rstrip() for gap in look.gaps.values()]
    return shown


def _lock_shown(lock: LockSeen) -> Json:
    created = lock.created.isoformat() if lock.created else ""
    return {"where": lock.where, "who": lock.who, "operation": lock.operation, "since": created, "id": lock.id}


def _findings(instance: Instance, look: StateLook, judgement: Judgement) -> Iterable[Finding]:
    verdict = judgement.verdict
    if verdict in DAMAGE:
        facts = frozenset({Fact.RESOURCES_GONE} if verdict is Verdict.COLLAPSED else ())
        # One finding, whatever the damage is called: it is one object that a person has to put right.
        yield Finding(
            Kind.STATE_CORRUPTION, "state", judgement.reason, facts, cause=f"state:{verdict}:{look.shown}",
            remedy=_remedy(look, verdict), evidence=_stable(look),
        )  # fmt: skip
    elif verdict in (Verdict.NO_DIGEST, Verdict.OLD_VERSION):
        yield Finding(
            Kind.COMPLIANCE, verdict.value, judgement.reason, cause=f"state:{verdict}",
            remedy="# the next apply that changes anything writes it" if verdict is Verdict.NO_DIGEST else "",
        )  # fmt: skip
    elif verdict is Verdict.UNREADABLE:
        reasons = sorted({f"{gap.reason} {gap.action}".rstrip() for gap in look.gaps.values()})
        denied = [gap for gap in look.gaps.values() if gap.reason == "denied" and gap.action]
        wanted = "\n".join(f"# allow {gap.action} on {gap.what}" for gap in denied)
        yield Finding(
            Kind.MONITORING, "could_not_look", f"could not look: {judgement.reason}",
            cause=f"state:{' '.join(reasons)}", remedy=wanted,
        )  # fmt: skip
    for lock in judgement.stale:
        yield _lock_finding(instance, look, lock)


def _lock_finding(instance: Instance, look: StateLook, lock: LockSeen) -> Finding:
    if lock.readable:
        summary = f"{who(lock)} holds the lock of {look.shown} in {lock.where} {since(lock)}"
    else:
        summary = f"a lock of {look.shown} in {lock.where} is held {since(lock)}, and it does not say by whom"
    return Finding(
        Kind.STATE_CORRUPTION, f"lock:{lock.kind}", summary, frozenset({Fact.LOCK_HELD}),
        cause=f"lock:{lock.who or 'unknown'}", remedy=commands.unlock(instance, look, lock),
        evidence={"lock": _lock_shown(lock)},
    )  # fmt: skip


def _remedy(look: StateLook, verdict: Verdict) -> str:
    match verdict:
        case Verdict.DELETED:
            lines = [commands.undelete(look), "# if it was meant, disable the component in its stack"]
        case Verdict.ORPHAN_DIGEST:
            lines = [commands.versions(look), commands.drop_digest(look)]
        case Verdict.DIGEST_MISMATCH:
            lines = [
                commands.versions(look),
                "# find out who wrote it last; restore the version that matches the digest",
            ]
        case _:
            lines = [
                commands.versions(look),
                "# find out who wrote it last; restore an earlier version if it was not meant",
            ]
    return "\n".join(line for line in lines if line)


def _stable(look: StateLook) -> Mapping[str, Json]:
    """What identifies the damage, and does not change from look to look."""
    shown: dict[str, Json] = {"state": look.shown}
    if look.facts is not None:
        shown |= {"md5": look.facts.md5, "size": look.facts.size}
    if look.digest:
        shown["digest"] = look.digest
    if look.modified_at is not None:
        shown["written"] = look.modified_at.isoformat()
    return shown
