"""The score of every stack, and of what no stack owns in each account, out of what the places left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from checks.base import UNMANAGED as NOBODY
from checks.base import Finding, Instance, Json, Outcome, Owner, Reading
from checks.comply.adherence import RUNS, STATES, Adherence, adherence, judged
from checks.comply.model import Exemption, Resource, Word, expired
from checks.comply.place import UNMANAGED
from checks.comply.rules import BY_NAME, Expected, results
from checks.comply.tally import Tally
from checks.estate import KEY, EstatePlace, Note, Seen

# Checks whose evidence under "compliance" is scored.
SOURCES = ("compliance",)
_WAIT = timedelta(minutes=5)
_NAMED, _LISTED = 5, 200  # resources in a finding's sentence, and in its evidence; the reading has all


@dataclass(slots=True)
class Scored:
    """A stack, or the unmanaged part of an account, while it is put together."""

    name: str
    owner: Owner
    stage: str = ""
    tally: Tally = field(default_factory=Tally)
    resources: int = 0
    steady: int = 0
    accounts: set[str] = field(default_factory=set)
    gaps: list[str] = field(default_factory=list)  # why not all of it is known
    changes: Adherence = field(default_factory=Adherence)


@dataclass(frozen=True, slots=True)
class ScoreLook:
    """One look at the estate."""

    place: EstatePlace
    off: Sequence[Exemption]

    def readings(self) -> Iterator[Reading]:
        """One reading for each stack, one for what is unmanaged in each account."""
        seen = [one for name in SOURCES for one in self.place.seen(name)]
        waiting = [one.place for one in seen if not one.tried]
        if not seen and self.place.recall("scored") is None:
            yield Reading(f"{KEY}/stacks", Outcome.NOT_APPLICABLE, "no_accounts", "no account is watched")
            return
        if waiting or not seen:
            told = f"{len(waiting)} accounts and regions are not looked at yet"
            yield Reading(f"{KEY}/stacks", Outcome.UNKNOWN, "waiting", told, look_again_in=_WAIT)
            return
        self.place.keep("scored", True)
        scored = self._stacks(seen)
        coverage = _coverage(self.place.seen("cost"))
        changes = adherence(self.place.seen(RUNS), self.place.seen(STATES))
        for one in sorted(scored.values(), key=lambda each: each.name):
            self._commitments(one, coverage)
            self._cycle(one, changes.get(one.owner.stack) if one.owner.managed else None)
            yield _reading(one, expired(self.off, self.place.now()))
        yield self._whole(seen, scored)

    def _stacks(self, seen: Sequence[Seen]) -> Mapping[str, Scored]:
        scored = {stack: Scored(stack, owner, owner.stage) for stack, owner in _owners(self.place.instances).items()}
        unread = _unread(seen)
        for place in seen:
            for note in place.notes:
                kept = note.evidence.get("compliance")
                if not isinstance(kept, Mapping) or not kept.get("known"):
                    continue
                one = _entry(scored, kept)
                one.tally.merge(kept["rules"])
                one.resources += int(kept["resources"])
                one.steady += int(kept["steady"])
                one.accounts.add(str(kept["account"]))
                if note.outcome is Outcome.UNKNOWN:
                    one.gaps.append(place.gap or f"{place.place}: {note.summary}")
        for instance in self.place.instances:
            if instance.enabled and not instance.abstract:
                scored[instance.stack].gaps += _gaps(instance, seen, unread)
        for one in scored.values():
            if not one.owner.managed:
                one.gaps += [why for place, why in unread.items() if place.partition("/")[0] in one.accounts]
        return scored

    def _commitments(self, one: Scored, coverage: Mapping[str, float] | None) -> None:
        """Add what the cost check says of how much of the accounts' load is committed, for stacks with steady load."""
        if not one.steady or coverage is None:
            return
        for account in sorted(one.accounts):
            known = {"covered_ratio": coverage[account]} if account in coverage else {}
            unread = {} if known else {"covered_ratio": "the cost check does not say how much is covered"}
            load = Resource(account, "account", account, one.owner, one.stage, known, unread)
            for result in results(load, Expected(self.place.now(), off=self.off)):
                if result.rule == "commitments":
                    one.tally.add(result)

    def _cycle(self, one: Scored, changes: Adherence | None) -> None:
        """Add how the stack was changed. Where no change was seen nothing is added: that is not known, not well."""
        if changes is None:
            return
        one.changes = changes
        expected = Expected(self.place.now(), off=self.off)
        for result in judged(one.owner.stack, one.owner, one.stage, changes, expected):
            one.tally.add(result)

    def _whole(self, seen: Sequence[Seen], scored: Mapping[str, Scored]) -> Reading:
        gaps = [f"{one.place}: {one.gap}" for one in seen if one.gap]
        if self.place.inventory_gap:
            gaps.append(f"repository: {self.place.inventory_gap}")
        if gaps:
            told = f"{len(scored)} scores, without what nobody knows of {'; '.join(gaps[:3])}"
            return Reading(f"{KEY}/stacks", Outcome.UNKNOWN, "partial", told, evidence={"gaps": gaps})
        return Reading(f"{KEY}/stacks", Outcome.HEALTHY, "scored", f"{len(scored)} scores")


def _owners(instances: Sequence[Instance]) -> Mapping[str, Owner]:
    """Stack -> whose its findings are, of all that is switched on."""
    found: dict[str, Owner] = {}
    for one in instances:
        if one.enabled and not one.abstract and (one.stack not in found or not found[one.stack].stage):
            labels = {"tenant": one.tenant, "environment": one.environment}
            found[one.stack] = Owner(one.stack, stage=one.stage, owner=one.owner, labels=labels)
    return found


def _entry(scored: dict[str, Scored], kept: Mapping[str, Any]) -> Scored:
    stack, account = str(kept.get("stack") or ""), str(kept["account"])
    name = stack or f"{UNMANAGED} in {account}"
    if name not in scored:
        owner = Owner(stack, stage=str(kept["stage"])) if stack else NOBODY
        scored[name] = Scored(name, owner, str(kept["stage"]))
    return scored[name]


def _unread(seen: Sequence[Seen]) -> Mapping[str, str]:
    """Place -> why its lists are not whole. A stack of which it says nothing may have something there all the same."""
    found: dict[str, str] = {}
    for one in seen:
        gathered = next((note for note in one.notes if note.resource == f"{one.place}/resources"), None)
        if gathered is None or gathered.outcome is Outcome.UNKNOWN:
            why = gathered.summary if gathered is not None and not one.gap else one.gap
            found[one.place] = f"{one.place}: {why or 'it was not read'}"
        elif any(_ownerless(note) for note in one.notes):
            found[one.place] = f"{one.place}: whose its resources are is not known"
    return found


def _ownerless(note: Note) -> bool:
    kept = note.evidence.get("compliance")
    return isinstance(kept, Mapping) and not kept.get("known")


def _gaps(instance: Instance, seen: Sequence[Seen], unread: Mapping[str, str]) -> list[str]:
    """Why what an instance made may not have been seen: its region, and the global services of its account."""
    ids = {
        str(one.labels.get("account_name")): one.place.partition("/")[0]
        for one in seen
        if one.labels.get("account_name")
    }
    account = instance.account if instance.account.isdigit() else ids.get(instance.account, "")
    if not account:
        return list(unread.values())  # it may be anywhere
    places = {one.place for one in seen if one.place.partition("/")[0] == account}
    if not places:
        return [f"account {account} is not watched"]
    region = f"{account}/{instance.region}"
    if instance.region and region not in places:
        return [f"{region} is not watched"]
    wanted = {account, region} if instance.region else places
    return [unread[place] for place in sorted(wanted & unread.keys())]


def _coverage(seen: Sequence[Seen]) -> Mapping[str, float] | None:
    """Account -> the part of its load that is committed, as the cost check keeps it; None: nobody asks for it.

    That check is off then, or the configuration names no account that pays.
    """
    payers = [note for one in seen if "/" not in one.place for note in one.notes]
    if not seen or (payers and all(note.verdict == "not_looked" for note in payers)):
        return None
    return {
        str(account): float(ratio)
        for one in seen for note in one.notes if note.outcome is not Outcome.UNKNOWN
        for account, ratio in (note.evidence.get("coverage") or {}).items()
    }  # fmt: skip


def _reading(one: Scored, over: Sequence[str]) -> Reading:
    tally, score = one.tally, one.tally.score
    gaps = list(dict.fromkeys(one.gaps))
    values = {**tally.values(), **({} if score is None else {"score_ratio": score})}
    evidence: dict[str, Json] = {
        "scored": one.name,
        "score": None if score is None else round(score, 4),
        "stage": one.stage,
        "accounts": sorted(one.accounts),
        "resources": one.resources,
        "rules": {rule: {"about": BY_NAME[rule].about, **counts} for rule, counts in tally.kept().items()},
        "gaps": gaps,
        "expired_exemptions": list(over),
        "cycle": one.changes.json(),
    }
    resource = f"stack/{one.name}" if one.owner.managed else one.name
    shown = "no score" if score is None else f"{score:.0%}"
    told = (
        f"{one.name}: {shown}; of {values['rules_checked']:.0f} rules {values['rules_passed']:.0f} are kept, "
        f"{values['rules_failed']:.0f} are not, {values['rules_unknown']:.0f} are not known"
    )
    findings = tuple(_finding(one, rule) for rule in tally.failed())
    if gaps or tally.unclear:
        why = f"; the score is not known, as not all was read: {gaps[0]}" if gaps else ""
        return Reading(resource, Outcome.UNKNOWN, "partial", told + why, findings, evidence=evidence)
    if not one.resources and score is None:
        return Reading(resource, Outcome.NOT_APPLICABLE, "empty", f"{one.name} has no resources", evidence=evidence)
    if findings:
        return Reading(resource, Outcome.UNHEALTHY, "gaps", told, findings, values, evidence)
    return Reading(resource, Outcome.HEALTHY, "kept", told, values=values, evidence=evidence)


def _finding(one: Scored, name: str) -> Finding:
    rule, failing = BY_NAME[name], one.tally.listed(name, Word.FAILED)
    first = ", ".join(resource for resource, _ in failing[:_NAMED])
    more = f" and {len(failing) - _NAMED} more" if len(failing) > _NAMED else ""
    return Finding(
        rule.kind, f"rule:{name}", f"{one.name}: {rule.lack} ({len(failing)}): {first}{more}",
        cause=f"compliance:{name}", addresses=tuple(resource for resource, _ in failing[:_LISTED]),
        evidence={"rule": name, "number": len(failing), "failed": [list(each) for each in failing[:_LISTED]]},
        owner=one.owner,
    )  # fmt: skip
