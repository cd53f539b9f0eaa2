"""Which overlaps matter: in one domain they break something, elsewhere they will once somebody joins the two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from checks.nets.blocks import Block, Holding, clusters
from checks.nets.reach import Domain

SHOWN = 6  # holdings named in a sentence; the evidence has all


@dataclass(frozen=True, slots=True)
class Reuse:
    """Addresses that are used more than once on purpose. Blocks that lie in them are not compared.

    Raises ValueError where the block is none, or no reason is given.
    """

    cidr: str  # the block: 100.64.0.0/10
    reason: str  # why it is fine
    owner: str = ""  # whom to ask
    expires: date | None = None  # the last day it applies, UTC; empty: for good

    def __post_init__(self) -> None:
        Block.parse(self.cidr)
        if not self.reason.strip():
            raise ValueError("an intended reuse of addresses needs a reason")

    def applies(self, now: datetime) -> bool:
        """Whether its last day is not over at *now* (aware UTC)."""
        return self.expires is None or now.date() <= self.expires


@dataclass(frozen=True, slots=True)
class Clash:
    """Holdings that lie in one block, the outermost first. *domain* None: none of them reaches another, so far."""

    group: tuple[Holding, ...]
    domain: Domain | None = None

    @property
    def key(self) -> str:
        """Stable while the outermost block and the domain are the same."""
        return f"{self.domain.id if self.domain else 'apart'}/{self.group[0].block}"

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(holding.id for holding in self.group)

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        outer, *inner = self.group
        how = self.domain.why if self.domain else "not connected so far"
        return f"{len(self.ids)} networks share addresses of {outer.block}, {how}: {named((outer, *inner))}"


def named(group: Sequence[Holding]) -> str:
    """Holdings for people, the first few by name."""
    more = f" and {len(group) - SHOWN} more" if len(group) > SHOWN else ""
    return ", ".join(holding.label for holding in group[:SHOWN]) + more


def compared(holdings: Iterable[Holding], reuse: Iterable[Reuse], now: datetime) -> list[Holding]:
    """Those of *holdings* that are not meant to be used more than once at *now*."""
    meant = [Block.parse(one.cidr) for one in reuse if one.applies(now)]
    return [holding for holding in holdings if not any(block.holds(holding.block) for block in meant)]


def clashes(
    networks: Sequence[Holding], domains: Iterable[Domain], reuse: Sequence[Reuse], now: datetime
) -> list[Clash]:
    """Give every overlap of *networks* (what exists), with the domain in which it breaks something, if there is one.

    A group that no domain joins is given only where it has a network which no single domain's clash tells of.
    """
    kept = compared(networks, reuse, now)
    by_id: dict[str, list[Holding]] = {}
    for holding in kept:
        by_id.setdefault(holding.id, []).append(holding)
    found: dict[tuple[Holding, ...], Clash] = {}
    for domain in domains:
        routes = compared(domain.routes, reuse, now)
        members = [holding for member in sorted(domain.members) for holding in by_id.get(member, ())]
        for group in clusters([*members, *routes]):
            # Routes that lie in one another are how routing works; one that lies over a network hides it.
            if any(holding.what != "route" for holding in group):
                found.setdefault(group, Clash(group, domain))
    told = [clash.ids for clash in found.values()]
    apart = (Clash(group) for group in clusters(kept))
    return [*found.values(), *(clash for clash in apart if not any(clash.ids <= ids for ids in told))]


def planned_clashes(
    planned: Sequence[Holding], networks: Sequence[Holding], reuse: Sequence[Reuse], now: datetime
) -> Iterator[tuple[Holding, tuple[Holding, ...]]]:
    """Give each planned block with what exists or is planned in the same addresses; with nothing where it is free."""
    kept = compared([*planned, *networks], reuse, now)
    beside: dict[Holding, list[Holding]] = {}
    for group in clusters(kept):
        for holding in group:
            if holding.what == "planned":
                beside.setdefault(holding, []).extend(
                    other for other in group if other.id != holding.id and other.block.overlaps(holding.block)
                )
    for holding in planned:
        yield holding, tuple(beside.get(holding, ()))
