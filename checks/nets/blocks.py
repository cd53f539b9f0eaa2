"""Address ranges, and which of many overlap: sorted once, swept once."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple


class Block(NamedTuple):
    """A CIDR block, IPv4 or IPv6, from its *first* address to its *last*. Two are apart, or one is in the other."""

    version: int
    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Block:
        """Read a block such as 10.0.0.0/16; bits behind the mask are dropped. Raises ValueError for anything else."""
        # By hand, as the module ipaddress takes five times as long, and a fleet has thousands.
        address, slash, length = text.strip().partition("/")
        version, family, bits = (6, AF_INET6, 128) if ":" in address else (4, AF_INET, 32)
        try:
            number = int.from_bytes(inet_pton(family, address), "big")
        except OSError as error:
            raise ValueError("must be a block of addresses such as 10.0.0.0/16") from error
        if slash and not (length.isascii() and length.isdigit() and int(length) <= bits):
            raise ValueError(f"must be a block of addresses with a prefix length of 0 to {bits}")
        rest = (1 << (bits - (int(length) if slash else bits))) - 1
        return cls(version, number & ~rest, number | rest)

    @property
    def prefix(self) -> int:
        """The prefix length: 16 of 10.0.0.0/16."""
        return (32 if self.version == 4 else 128) - (self.last - self.first).bit_length()

    def holds(self, other: Block) -> bool:
        """Whether all of *other* is in it."""
        return self.version == other.version and self.first <= other.first and other.last <= self.last

    def overlaps(self, other: Block) -> bool:
        """Whether they have an address in common."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        address = ipaddress.IPv4Address if self.version == 4 else ipaddress.IPv6Address
        return f"{address(self.first)}/{self.prefix}"


def parsed(text: object) -> Block | None:
    """The block that *text* is, or None where it is none: a template, a masked value, anything else."""
    if not isinstance(text, str) or "/" not in text:
        return None
    try:
        return Block.parse(text)
    except ValueError:  # a NUL in it, too
        return None


@dataclass(frozen=True, slots=True)
class Holding:
    """Addresses that something holds, plans to hold, or leads to."""

    block: Block
    id: str  # of the thing: a VPC's id wherever it is seen, so that a shared one is one
    what: str  # vpc, planned, vpn, route
    account: str = ""  # of its owner
    region: str = ""
    name: str = ""  # for people

    @property
    def label(self) -> str:
        """It for people: its block, its name and id, whose it is."""
        named = f"{self.name} ({self.id})" if self.name and self.name != self.id else self.id
        where = " ".join(part for part in (self.account, self.region) if part)
        return f"{self.block} of {named}" + (f" in {where}" if where else "")


def _order(holding: Holding) -> tuple[int, int, int, str]:
    # The outermost first, so that whatever begins inside the one before it lies in it as a whole.
    return holding.block.version, holding.block.first, -holding.block.last, holding.id


def clusters(holdings: Iterable[Holding]) -> Iterator[tuple[Holding, ...]]:
    """Give each group of holdings that lie in one outermost block, it first, where they belong to two things or more.

    CIDR blocks nest or are apart, so a sort and one sweep find all: O(n log n), however many overlap.
    Blocks of one thing are its own affair: a group of which all have one id is none.
    """
    group: list[Holding] = []
    for holding in sorted(holdings, key=_order):
        if group and group[0].block.holds(holding.block):
            if holding != group[-1]:  # the same twice stands side by side
                group.append(holding)
            continue
        yield from _clashing(group)
        group = [holding]
    yield from _clashing(group)


def _clashing(group: list[Holding]) -> Iterator[tuple[Holding, ...]]:
    if len({holding.id for holding in group}) > 1:
        yield tuple(group)
