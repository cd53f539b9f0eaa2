"""Names, records and zones of the whole estate: what answers, what points at things that are not ours any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from checks.base import LookFailed, Outcome, Owner, Reading
from checks.estate import Answer, EstatePlace
from checks.nets.facts import Declared, Fact, Facts
from checks.nets.names import CLAIMABLE, MEANING, Ours, Pointer, Points, Target, delegated, leads, resolved
from checks.nets.told import BREAKS, TAKEOVER, WEAKNESS, command, healthy, unhealthy, unknown

_ENOUGH = 8  # questions without an answer, one after the other
_BEFORE = "pointed_at"  # what is kept: targets of records that were ours


@dataclass(slots=True)
class Asking:
    """Asks DNS each question once, and none any more once several in a row had no answer: a look has its deadline."""

    place: EstatePlace
    answers: dict[tuple[str, str], Answer | LookFailed] = field(default_factory=dict)
    failed: int = 0  # in a row

    def resolve(self, name: str, kind: str) -> Answer | LookFailed:
        """The answer, or why there is none."""
        return self._once((name, kind), lambda: self.place.resolve(name, kind))

    def delegation(self, zone: str) -> Answer | LookFailed:
        """The same of a zone's delegation."""
        return self._once((zone, "delegation"), lambda: self.place.delegation(zone))

    def _once(self, question: tuple[str, str], ask: Callable[[], Answer]) -> Answer | LookFailed:
        if question not in self.answers:
            if self.failed >= _ENOUGH:
                return LookFailed("unavailable", f"not asked, as DNS did not answer {_ENOUGH} questions in a row")
            try:
                self.answers[question] = ask()
                self.failed = 0
            except LookFailed as error:
                self.answers[question] = error
                self.failed += 1
        return self.answers[question]


def name_readings(asking: Asking, names: Sequence[Declared]) -> Iterator[Reading]:
    """A reading for each declared name."""
    for one in names:
        verdict, summary = resolved(one.name, asking.resolve(one.name, one.type), one.expect)
        resource = f"name/{one.name}/{one.type}"
        if verdict == "resolves":
            yield healthy(resource, verdict, summary)
        elif verdict == "dns_no_answer":
            yield unknown(resource, verdict, summary, cause="dns_no_answer")
        else:
            yield unhealthy(resource, verdict, summary, BREAKS, key="name", addresses=(one.name,))


def zone_readings(
    asking: Asking, facts: Facts, whole: frozenset[str], gap: str, told: dict[str, list[str]]
) -> Iterator[Reading]:
    """Readings of every public zone: its delegation, and each record that points at what is not ours any more.

    *whole*: the places that were seen just now and wholly; *gap*: why these are not all, empty where they are.
    Findings are noted in *told* with the place of their zone.
    """
    ours, fresh = _ours(facts.ours), _ours([one for one in facts.ours if one["seen_at"] in whole])
    before: Mapping[str, str] = asking.place.recall(_BEFORE) or {}
    kept: dict[str, str] = {}  # what no record points at any more is forgotten
    for zone in sorted({one["arn"]: one for one in facts.zones}.values(), key=lambda one: str(one["arn"])):
        old = "" if zone["seen_at"] in whole else "the zone could not be read just now"
        yield _delegation(asking, zone, old)
        elsewhere = []
        for pointer in sorted({Pointer(name, Target(kind), target) for name, kind, target in zone["pointers"]}):
            if ours.has(pointer) or pointer.target in before:
                kept[pointer.target] = str(pointer.kind)
            exists = _exists(asking, pointer, ours)
            leads_to = leads(pointer, ours, before.keys(), exists, whole=not gap)
            if leads_to is Points.ELSEWHERE or (leads_to is Points.OURS and not fresh.has(pointer)):
                elsewhere.append(f"{pointer.name} -> {pointer.target}")
            elif leads_to is not Points.OURS:
                resource = f"{zone['arn']}/{pointer.name}/{pointer.target}"
                told[resource] = [str(zone["seen_at"])]
                yield _dangling(resource, zone, pointer, leads_to)
        yield _records(zone, elsewhere, old, gap)
    asking.place.keep(_BEFORE, kept)


def _ours(found: Sequence[Fact]) -> Ours:
    distributions: dict[str, frozenset[str]] = {}
    for one in found:
        for host, aliases in one.get("distributions", {}).items():
            distributions[host] = distributions.get(host, frozenset()) | frozenset(aliases)

    def every(name: str) -> frozenset[str]:
        return frozenset(str(item) for one in found for item in one.get(name, ()))

    return Ours(every("addresses"), every("hosts"), distributions, every("buckets"))


def _exists(asking: Asking, pointer: Pointer, ours: Ours) -> bool | None:
    """Whether DNS knows the target. The endpoints of S3 always answer, whatever the bucket; addresses have no name."""
    if pointer.kind in (Target.ADDRESS, Target.BUCKET) or ours.has(pointer):
        return None
    answer = asking.resolve(pointer.target, "A")
    return None if isinstance(answer, LookFailed) else answer.exists


def _dangling(resource: str, zone: Fact, pointer: Pointer, leads_to: Points) -> Reading:
    what = {Target.ADDRESS: "address", Target.BUCKET: "bucket", Target.DISTRIBUTION: "CloudFront distribution",
            Target.LOAD_BALANCER: "load balancer"}.get(pointer.kind, "target")  # fmt: skip
    kind = TAKEOVER if pointer.kind in CLAIMABLE else BREAKS
    return unhealthy(
        resource, "dangling", f"{pointer.name} points at {what} {pointer.target}, which {MEANING[leads_to]}", kind,
        key="dangling", owner=_owner(zone), addresses=(pointer.name,), remedy=_look_at(zone, pointer.name),
        shown={"zone": zone["name"], "target": pointer.target, "because": str(leads_to)},
    )  # fmt: skip


def _look_at(zone: Fact, name: str) -> str:
    return command(
        "us-east-1", "see the record", "route53", "list-resource-record-sets", "--hosted-zone-id", str(zone["id"]),
        "--query", f"ResourceRecordSets[?Name=='{name}.']",
    )  # fmt: skip


def _records(zone: Fact, elsewhere: Sequence[str], old: str, gap: str) -> Reading:
    resource, name = f"{zone['arn']}/records", zone["name"]
    if old:
        return Reading(resource, Outcome.UNKNOWN, "partial", f"zone {name}: {old}")
    values = {"records_elsewhere": float(len(elsewhere))}
    if not elsewhere:
        return healthy(resource, "points_home", f"zone {name}: every record points at what is ours", values=values)
    evidence = {"elsewhere": list(elsewhere)}
    summary = f"zone {name}: could not tell whose the targets of {len(elsewhere)} records are: no account has them"
    if gap:
        return Reading(resource, Outcome.UNKNOWN, "partial", f"{summary}, and {gap}", values=values, evidence=evidence)
    return healthy(resource, "points_elsewhere", f"{summary} that is seen", values=values, evidence=evidence)


def _delegation(asking: Asking, zone: Fact, old: str) -> Reading:
    resource = f"{zone['arn']}/delegation"
    if old:
        return Reading(resource, Outcome.UNKNOWN, "partial", f"zone {zone['name']}: {old}")
    verdict, summary = delegated(str(zone["name"]), zone["servers"], asking.delegation(str(zone["name"])))
    if verdict == "dns_no_answer":
        return unknown(resource, verdict, summary, cause="dns_no_answer")
    if verdict == "delegated":
        return healthy(resource, verdict, summary)
    # Resolvers ask the strange servers too, now and then; a zone that nobody asks is only left over.
    kind = BREAKS if verdict == "delegated_in_part" else WEAKNESS
    return unhealthy(resource, verdict, summary, kind, key="delegation", owner=_owner(zone), addresses=(zone["name"],))


def _owner(zone: Fact) -> Owner | None:
    if not zone.get("stack"):
        return None
    return Owner(str(zone["stack"]), str(zone.get("component", "")), stage=str(zone.get("stage", "")))
