"""All networks and names at once, from what each account and region left: overlaps, planned blocks, dangling records.

Gaps count: what a region could not tell lately may hold anything, so with a gap nothing is said to be free of overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from checks.base import Finding, Json, Kind, Outcome, Owner, Reading
from checks.estate import KEY, UNKNOWN_VALUE, EstatePlace, Seen
from checks.nets.blocks import Holding, parsed
from checks.nets.facts import Declared, Fact, Facts, holdings, joined, whereabouts
from checks.nets.overlap import Clash, Reuse, clashes, named, planned_clashes
from checks.nets.reach import domains
from checks.nets.told import BREAKS, WEAKNESS, healthy, unhealthy
from checks.nets.zones import Asking, name_readings, zone_readings

_WAIT = timedelta(minutes=5)
_TOLD = "told"  # what is kept: findings of the last looks, and at which places they would have to be looked for


@dataclass(frozen=True, slots=True)
class EstateLook:
    """One look at everything."""

    place: EstatePlace
    check: str
    cidr_vars: Sequence[str]
    reuse: Sequence[Reuse]
    names: Sequence[Declared]

    def readings(self) -> Iterator[Reading]:
        """Overlaps, planned blocks, declared names, records and zones, and how much of it all could be judged."""
        places = self.place.seen(self.check)
        waiting = [seen.place for seen in places if not seen.tried]
        asking = Asking(self.place)
        yield from name_readings(asking, self.names)
        if not places and self.place.recall(_TOLD) is None:
            if not self.names:
                yield Reading(f"{KEY}/networks", Outcome.NOT_APPLICABLE, "no_accounts", "no account is watched")
            return
        if waiting or not places:
            # Judged by halves, the first look would be no baseline of anything.
            yield Reading(
                f"{KEY}/networks", Outcome.UNKNOWN, "waiting",
                f"{len(waiting)} accounts and regions are not looked at yet", look_again_in=_WAIT,
            )  # fmt: skip
            return
        facts = Facts.of(places)
        whole = frozenset(seen.place for seen in places if not seen.gap)
        missing = len(whole) < len(places) or self.place.inventory_gap
        gap = "not all that exists was seen just now" if missing else ""
        told: dict[str, list[str]] = {}
        found = [
            *self._overlaps(facts, told),
            *self._planned(facts, gap),
            *self._foreign(facts, {seen.place for seen in places}),
            *zone_readings(asking, facts, whole, gap, told),
        ]
        yield from found
        yield from self._over(told, {reading.resource for reading in found}, whole)
        yield self._coverage(places, facts, found)

    def _overlaps(self, facts: Facts, told: dict[str, list[str]]) -> Iterator[Reading]:
        networks = holdings(facts)
        at = whereabouts(facts)
        for clash in clashes(networks, domains(*joined(facts)), self.reuse, self.place.now()):
            resource = f"overlap/{clash.key}"
            told[resource] = sorted({place for one in clash.ids for place in at.get(one, ())})
            yield _clash(resource, clash)

    def _planned(self, facts: Facts, gap: str) -> Iterator[Reading]:
        networks = holdings(facts)
        given = self.place.variables(self.cidr_vars)
        instances = {one.key: one for one in self.place.instances}
        planned: list[Holding] = []
        unclear: dict[str, list[str]] = {}
        for key, variables in sorted(given.items()):
            for name, value in sorted(variables.items()):
                blocks, known = _blocks(value)
                if not known:
                    unclear.setdefault(key, []).append(name)
                one = instances[key]
                planned += [Holding(block, key, "planned", one.account, one.region) for block in blocks]
        stacks = {(vpc["id"], str(parsed(text))): vpc for vpc in facts.vpcs for text in vpc["blocks"]}
        beside: dict[str, list[tuple[Holding, tuple[Holding, ...]]]] = {}
        for holding, others in planned_clashes(planned, networks, self.reuse, self.place.now()):
            instance = instances[holding.id]
            foreign = tuple(
                other for other in others
                if not (other.what == "vpc" and other.block == holding.block
                        and _same_thing(instance.stack, holding, stacks.get((other.id, str(other.block)), {})))
            )  # fmt: skip
            beside.setdefault(holding.id, []).append((holding, foreign))
        for key in sorted(given):
            clashing = [(holding, others) for holding, others in beside.get(key, ()) if others]
            instance = instances[key]
            owner = Owner(instance.stack, instance.component, stage=instance.stage, owner=instance.owner)
            yield from _planned_reading(key, owner, clashing, unclear.get(key, []), len(beside.get(key, ())), gap)

    def _foreign(self, facts: Facts, watched: set[str]) -> Iterator[Reading]:
        """What is shared with us by accounts that nobody watches: told here, once."""
        found: dict[str, Fact] = {}
        for resource, told in facts.foreign:
            if told.get("place") not in watched:
                found.setdefault(resource, told)
        for resource, told in sorted(found.items()):
            findings = tuple(
                Finding(Kind(str(one["kind"])), str(one["key"]), str(one["summary"]), addresses=(resource,))
                for one in told["findings"]
            )
            summary = findings[0].summary if findings else ""
            yield Reading(resource, Outcome.UNHEALTHY, str(told["verdict"]), summary, findings)

    def _over(self, told: Mapping[str, Sequence[str]], seen: set[str], whole: frozenset[str]) -> Iterator[Reading]:
        """What was told of and is not there any more, where all places it was about were looked at just now.

        So that one account that refuses does not keep all that was mended open.
        """
        before: Mapping[str, list[str]] = self.place.recall(_TOLD) or {}
        kept = dict(told)
        for resource, places in before.items():
            if resource in seen:
                continue
            if set(places) <= whole:
                yield healthy(resource, "over", "looked again, and it is gone")
            else:
                kept[resource] = places
        self.place.keep(_TOLD, kept)

    def _coverage(self, places: Sequence[Seen], facts: Facts, found: Sequence[Reading]) -> Reading:
        counts = {"overlaps_reachable": 0.0, "overlaps_apart": 0.0, "records_dangling": 0.0}
        for reading in found:
            name = {"overlap": "overlaps_reachable", "overlap_apart": "overlaps_apart", "dangling": "records_dangling"}
            if reading.verdict in name:
                counts[name[reading.verdict]] += 1
        gaps = [(seen.place, seen.gap) for seen in places if seen.gap]
        if self.place.inventory_gap:
            gaps.append(("repository", self.place.inventory_gap))
        networks = {vpc["id"] for vpc in facts.vpcs}
        if not gaps:
            summary = f"{len(networks)} VPCs of {len(places)} accounts and regions were compared"
            return healthy(f"{KEY}/networks", "compared", summary, values=counts)
        first = "; ".join(f"{place}: {gap}" for place, gap in gaps[:3])
        more = f"; and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        return Reading(
            f"{KEY}/networks", Outcome.UNKNOWN, "partial",
            f"{len(networks)} VPCs were compared; nobody knows what else there is in {first}{more}",
            values=counts, evidence={"gaps": [list(gap) for gap in gaps]},
        )  # fmt: skip


def _clash(resource: str, clash: Clash) -> Reading:
    shown: dict[str, Json] = {
        "networks": [
            {"block": str(one.block), "id": one.id, "account": one.account, "region": one.region, "name": one.name}
            for one in clash.group
        ],
        "joined_by": clash.domain.id if clash.domain else "",
    }
    verdict, kind = ("overlap", BREAKS) if clash.domain else ("overlap_apart", WEAKNESS)
    return unhealthy(
        resource, verdict, clash.summary, kind, key="overlap", addresses=tuple(sorted(clash.ids)), shown=shown,
        evidence={"overlap": shown},
    )  # fmt: skip


def _blocks(value: Json) -> tuple[list[Any], bool]:
    """The blocks in a variable's value, and whether all of it could be read: text, or lists and mappings of text."""
    if value is UNKNOWN_VALUE:
        return [], False
    if isinstance(value, str):
        block = parsed(value)
        return ([block], True) if block is not None else ([], value == "")
    if value is None or isinstance(value, bool | int | float):
        return [], True
    items = list(value.values()) if isinstance(value, Mapping) else list(value)
    # A mapping may hold names and switches beside its blocks: only a text that is no block at the top is unclear.
    return [block for item in items for block in _blocks(item)[0]], all(item is not UNKNOWN_VALUE for item in items)


def _same_thing(stack: str, planned: Holding, vpc: Fact) -> bool:
    """Whether a VPC with the very block is what the plan has made: by its owner, else by where it is."""
    if vpc.get("stack"):
        return bool(vpc["stack"] == stack)
    account = planned.account if planned.account.isdigit() else ""
    return account in ("", vpc.get("account")) and planned.region in ("", vpc.get("region"))


def _planned_reading(
    key: str,
    owner: Owner,
    clashing: Sequence[tuple[Holding, tuple[Holding, ...]]],
    unclear: Sequence[str],
    blocks: int,
    gap: str,
) -> Iterator[Reading]:
    resource = f"planned/{key}"
    if clashing:
        told = "; ".join(
            f"{holding.block} of {key} is also held by {named(others)}" for holding, others in clashing[:3]
        )
        yield unhealthy(
            resource, "planned_overlap", told, WEAKNESS, key="planned", owner=owner, addresses=(key,),
            shown={"blocks": {str(holding.block): [other.label for other in others] for holding, others in clashing}},
        )  # fmt: skip
    elif unclear:
        yield Reading(
            resource, Outcome.UNKNOWN, "planned_unknown", f"{key}: nobody here can know {', '.join(unclear)}"
        )  # fmt: skip
    elif blocks and gap:
        yield Reading(
            resource, Outcome.UNKNOWN, "partial", f"{key}: nobody else that was seen holds its blocks, but {gap}"
        )
    elif blocks:
        yield healthy(resource, "planned_free", f"{blocks} planned blocks of {key} are held by nobody else")
