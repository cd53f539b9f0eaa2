"""Who reaches whom: networks that are peered, share a transit gateway's route table, or have a VPN behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from checks.nets.blocks import Block, Holding

# Routes of a whole private range, or of everything, are summaries: the longest prefix wins, and nothing is hidden that
# anybody said to be there.
SUMMARIES = frozenset(map(Block.parse, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
LEAST_PREFIX = 8  # a route wider than any private range is a default route, or half of one


@dataclass(frozen=True, slots=True)
class Peering:
    """Two VPCs with an active peering connection."""

    id: str
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Table:
    """A transit gateway's route table, or a VPN gateway: whom it joins, and what it leads to beyond them."""

    id: str
    members: frozenset[str]  # ids of the VPCs that are associated with it or that it leads to
    routes: tuple[Holding, ...] = ()  # to VPNs, Direct Connect, other transit gateways


@dataclass(frozen=True, slots=True)
class Domain:
    """Networks in which two equal addresses are a fault: one of the two cannot be reached."""

    id: str  # stable
    why: str  # "peered with vpc-1", for people
    members: frozenset[str]
    routes: tuple[Holding, ...] = ()


def domains(peerings: Iterable[Peering], tables: Iterable[Table]) -> Iterator[Domain]:
    """Give every domain once.

    Peering is not transitive, but a VPC that is peered with two others has one route for both: so each VPC with its
    peers is a domain. Of tables seen from several accounts the views are put together.
    """
    peers: dict[str, set[str]] = {}
    for peering in peerings:
        peers.setdefault(peering.one, set()).add(peering.other)
        peers.setdefault(peering.other, set()).add(peering.one)
    for vpc, others in sorted(peers.items()):
        if len(others) == 1 and next(iter(others)) > vpc and len(peers[next(iter(others))]) == 1:
            continue  # a pair by itself: told once
        yield Domain(f"peers-of-{vpc}", f"peered with {vpc}", frozenset({vpc, *others}))
    joined: dict[str, tuple[set[str], set[Holding]]] = {}
    for table in tables:
        members, routes = joined.setdefault(table.id, (set(), set()))
        members.update(table.members)
        routes.update(route for route in table.routes if not _summary(route.block))
    for name, (members, routes) in sorted(joined.items()):
        ordered = tuple(sorted(routes, key=lambda route: (route.block, route.id)))
        yield Domain(name, f"joined by {name}", frozenset(members), ordered)


def _summary(block: Block) -> bool:
    return block in SUMMARIES or (block.version == 4 and block.prefix < LEAST_PREFIX) or block.prefix < 7
