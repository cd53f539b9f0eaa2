"""What accounts and regions left as evidence, put together: each network, link and zone once, whoever sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from checks.estate import Seen
from checks.nets.blocks import Holding, parsed
from checks.nets.reach import Peering, Table

Fact = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Declared:
    """A DNS name that has to answer."""

    name: str  # db.example.com
    type: Literal["A", "AAAA", "CNAME", "MX", "TXT", "NS", "SRV", "CAA", "PTR"] = "A"  # of the record
    expect: tuple[str, ...] = ()  # values of which all must be among the answer; empty: any will do


@dataclass(slots=True)
class Facts:
    """What was left as evidence, sorted by what it is of."""

    vpcs: list[Fact] = field(default_factory=list)
    peerings: list[Fact] = field(default_factory=list)
    tables: list[Fact] = field(default_factory=list)
    zones: list[Fact] = field(default_factory=list)
    ours: list[Fact] = field(default_factory=list)
    foreign: list[tuple[str, Fact]] = field(default_factory=list)  # resource -> what its owner would tell

    @classmethod
    def of(cls, places: Iterable[Seen]) -> Facts:
        """Sort the evidence of all *places*, old or not: the gaps say what may be missing."""
        found = cls()
        lists = {"vpc": found.vpcs, "peering": found.peerings, "table": found.tables, "zone": found.zones,
                 "ours": found.ours}  # fmt: skip
        for place in places:
            for note in place.notes:
                one = note.evidence.get("network")
                if isinstance(one, Mapping) and one.get("what") in lists:
                    lists[str(one["what"])].append({**one, "seen_at": place.place})
                if isinstance(note.evidence.get("foreign"), Mapping):
                    found.foreign.append((note.resource, note.evidence["foreign"]))
        return found


def holdings(facts: Facts) -> list[Holding]:
    """Every network once, however many accounts see it, and those behind peering connections that nobody watches."""
    found: dict[tuple[str, str], Holding] = {}

    def add(vpc: str, text: str, account: str, region: str, name: str) -> None:
        block = parsed(text)
        if block is None:
            return
        known = found.get((vpc, str(block)))
        if known is None or (name and not known.name):
            found[(vpc, str(block))] = Holding(block, vpc, "vpc", account, region, name)

    for vpc in facts.vpcs:
        for text in vpc["blocks"]:
            add(vpc["id"], text, vpc["account"], vpc["region"], vpc["name"])
    seen = {vpc["id"] for vpc in facts.vpcs}
    for peering in facts.peerings:
        for side in peering["sides"]:
            if side["vpc"] not in seen:
                account, region = side["at"]
                for text in side["blocks"]:
                    add(side["vpc"], text, account, region, "")
    return list(found.values())


def joined(facts: Facts) -> tuple[list[Peering], list[Table]]:
    """What joins the networks."""
    peerings = {
        one["id"]: Peering(one["id"], one["sides"][0]["vpc"], one["sides"][1]["vpc"]) for one in facts.peerings
    }  # fmt: skip
    tables = []
    for one in facts.tables:
        routes = [(parsed(text), through) for text, through in one["routes"]]
        beyond = tuple(Holding(block, through, "route") for block, through in routes if block is not None)
        tables.append(Table(one["id"], frozenset(one["members"]), beyond))
    return list(peerings.values()), tables


def whereabouts(facts: Facts) -> Mapping[str, set[str]]:
    """Id -> the places that see it."""
    found: dict[str, set[str]] = {}
    for vpc in facts.vpcs:
        found.setdefault(vpc["id"], set()).add(vpc["seen_at"])
    for peering in facts.peerings:
        for side in peering["sides"]:
            found.setdefault(side["vpc"], set()).add(peering["seen_at"])
    for table in facts.tables:
        for _, through in table["routes"]:
            found.setdefault(through, set()).add(table["seen_at"])
        for member in table["members"]:
            found.setdefault(member, set()).add(table["seen_at"])
    return found
