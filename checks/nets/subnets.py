"""How full a subnet is, when it will be full, and whether a node of EKS still finds a whole /28 in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from checks.nets.blocks import Block

RESERVED = 5  # AWS keeps the first four addresses and the last one of every subnet (VPC guide, "Subnet sizing")
PREFIX = 16  # addresses of a /28, what prefix delegation hands to a network interface
DAY = 86_400.0
LEAST_SAMPLES = 6
LEAST_SPAN = DAY  # seconds of history before a trend is one
KEPT_SAMPLES = 56  # a week's
SPACING = 3 * 3600.0  # seconds between kept samples: what is kept stays small, however often is looked

Sample = tuple[float, float]  # Unix time, free addresses


def capacity(block: Block) -> int:
    """How many addresses a subnet can give away: 251 of a /24."""
    return max(0, block.last - block.first + 1 - RESERVED)


def free_prefixes(block: Block, used: Iterable[Block]) -> int:
    """How many aligned /28 in *block* have no address that AWS keeps or that is in *used* (addresses and prefixes)."""
    slots = (block.last - block.first + 1) // PREFIX
    if slots == 0:
        return 0
    taken = {0, slots - 1}
    for one in used:
        if block.holds(one):
            taken.update(range((one.first - block.first) // PREFIX, (one.last - block.first) // PREFIX + 1))
    return slots - len(taken)


def remembered(samples: Sequence[Sample], now: float, free: float) -> list[Sample]:
    """The history with this look added, the oldest dropped, and what lies in the future (a clock set back)."""
    past = [sample for sample in samples if sample[0] < now]
    if len(past) > 1 and past[-1][0] - past[-2][0] < SPACING:
        past.pop()  # the look before this one came soon after the one before it
    return [*past, (now, free)][-KEPT_SAMPLES:]


def seconds_to_full(samples: Sequence[Sample]) -> float | None:
    """Seconds from the last sample until none is free, by a straight line through all; None where none can be told.

    Infinite where it is not getting fuller.
    """
    if len(samples) < LEAST_SAMPLES or samples[-1][0] - samples[0][0] < LEAST_SPAN:
        return None
    start = samples[0][0]
    mean_at = math.fsum(at - start for at, _ in samples) / len(samples)
    mean_free = math.fsum(free for _, free in samples) / len(samples)
    spread = math.fsum((at - start - mean_at) ** 2 for at, _ in samples)
    slope = math.fsum((at - start - mean_at) * (free - mean_free) for at, free in samples) / spread
    if slope >= 0:
        return math.inf
    return max(0.0, samples[-1][1]) / -slope


@dataclass(frozen=True, slots=True)
class Limits:
    """When a subnet is too full."""

    ratio: float  # of its addresses free
    least: int  # addresses free, however large it is
    within: float  # seconds to full by its trend
    prefixes: int  # whole /28 free, where prefix delegation is used


@dataclass(frozen=True, slots=True)
class Fill:
    """How full a subnet is."""

    capacity: int
    free: int
    to_full: float | None = None  # seconds; None: no trend yet


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of a subnet: *now* with this look's numbers, *told* without: a finding that moves is news."""

    verdict: str
    now: str
    told: str = ""


def judged(fill: Fill, limits: Limits) -> Judged:
    """Say whether a subnet is exhausted, nearly_full, filling, or fine."""
    now = f"{fill.free} of {fill.capacity} addresses free"
    if fill.free <= 0:
        told = f"none of its {fill.capacity} addresses is free: nothing new can start in it"
        return Judged("exhausted", told, told)
    if fill.free < limits.least:
        return Judged("nearly_full", now, f"fewer than {limits.least} of its {fill.capacity} addresses are free")
    if fill.free < limits.ratio * fill.capacity:
        return Judged("nearly_full", now, f"less than {limits.ratio:.0%} of its {fill.capacity} addresses are free")
    if fill.to_full is not None and fill.to_full < limits.within:
        told = f"at its pace it will be full within {limits.within / DAY:.0f} days"
        return Judged("filling", f"{now}; at this pace none is in {fill.to_full / DAY:.1f} days", told)
    return Judged("fine", now)


def judged_prefixes(free: int, limits: Limits) -> Judged:
    """Say whether a subnet in which prefixes are handed out has no_prefix left, or is fine."""
    now = f"{free} whole /28 left for prefix delegation"
    if free >= limits.prefixes:
        return Judged("fine", now)
    return Judged("no_prefix", now, f"fewer than {limits.prefixes} whole /28 are left for prefix delegation")
