"""Subnets: what is free, for how long, and in whole /28."""

from __future__ import annotations

import ipaddress
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.nets.blocks import Block
from checks.nets.subnets import (
    DAY,
    KEPT_SAMPLES,
    Fill,
    Limits,
    Sample,
    capacity,
    free_prefixes,
    judged,
    judged_prefixes,
    remembered,
    seconds_to_full,
)

LIMITS = Limits(ratio=0.1, least=8, within=7 * DAY, prefixes=4)


@pytest.mark.parametrize(("text", "addresses"), [("10.0.0.0/28", 11), ("10.0.0.0/24", 251), ("10.0.0.0/16", 65531)])
def test_capacity_leaves_out_what_aws_keeps(text: str, addresses: int) -> None:
    """2^(32-p) - 5."""
    assert capacity(Block.parse(text)) == addresses


@given(st.integers(22, 30), st.lists(st.integers(0, 1023), max_size=60), st.lists(st.integers(0, 63), max_size=6))
def test_free_prefixes_are_those_that_counting_every_address_finds(
    length: int, addresses: list[int], prefixes: list[int]
) -> None:
    """Against a walk over every aligned /28 and every address in it."""
    network = ipaddress.ip_network(f"10.0.0.0/{length}")
    base, size = int(network.network_address), network.num_addresses
    taken = {base, base + 1, base + 2, base + 3, base + size - 1}
    used = [Block(4, base + one % size, base + one % size) for one in addresses]
    used += [Block(4, base + 16 * one, base + 16 * one + 15) for one in prefixes]
    for block in used:
        if block.last < base + size:
            taken.update(range(block.first, block.last + 1))
    expected = sum(
        not any(base + start + step in taken for step in range(16)) for start in range(0, size - size % 16, 16)
    )
    assert free_prefixes(Block.parse(str(network)), used) == expected


def _line(start: float, per_day: float, days: float = 3, count: int = 24) -> list[Sample]:
    return [(1e9 + n * days * DAY / count, start + per_day * n * days / count) for n in range(count + 1)]


@pytest.mark.parametrize(
    ("samples", "days"),
    [
        (_line(200, -50), 1.0),
        (_line(200, -10), 17.0),
        (_line(200, 0), math.inf),
        (_line(200, 10), math.inf),
        (_line(100, -50), 0.0),
    ],
)
def test_days_to_full_follow_the_line(samples: list[Sample], days: float) -> None:
    """What is left, at the pace of the history."""
    found = seconds_to_full(samples)
    assert found is not None
    assert found / DAY == pytest.approx(days)


@pytest.mark.parametrize("samples", [[], _line(200, -50)[:3], _line(200, -500, days=0.5)])
def test_a_short_history_is_no_trend(samples: list[Sample]) -> None:
    """Neither few samples nor a few hours say where it goes."""
    assert seconds_to_full(samples) is None


@given(st.lists(st.tuples(st.floats(1, 1e6), st.integers(0, 999)), max_size=300))
def test_the_history_stays_small_in_order_and_ends_with_now(looks: list[tuple[float, int]]) -> None:
    """Whatever the clock does."""
    kept: list[Sample] = []
    for at, free in looks:
        kept = remembered(kept, at, free)
        assert kept[-1] == (at, free)
        assert kept == sorted(kept)
        assert len(kept) <= KEPT_SAMPLES


def test_hourly_looks_keep_a_week() -> None:
    """The samples are thinned to some hours apart, so that a week fits."""
    kept: list[Sample] = []
    for hour in range(24 * 30):
        kept = remembered(kept, 1e9 + 3600.0 * hour, 100)
    assert 6 * DAY < kept[-1][0] - kept[0][0] < 8 * DAY
    assert len(kept) == KEPT_SAMPLES


@pytest.mark.parametrize(
    ("fill", "verdict"),
    [
        (Fill(251, 200), "fine"),
        (Fill(251, 0), "exhausted"),
        (Fill(251, 20), "nearly_full"),
        (Fill(11, 7), "nearly_full"),
        (Fill(11, 8), "fine"),
        (Fill(251, 100, to_full=3 * DAY), "filling"),
        (Fill(251, 100, to_full=30 * DAY), "fine"),
        (Fill(251, 100, to_full=None), "fine"),
    ],
)
def test_verdicts(fill: Fill, verdict: str) -> None:
    """By ratio, by number, by trend."""
    assert judged(fill, LIMITS).verdict == verdict


@pytest.mark.parametrize(("free", "verdict"), [(0, "no_prefix"), (3, "no_prefix"), (4, "fine")])
def test_verdicts_of_prefixes(free: int, verdict: str) -> None:
    """By number."""
    assert judged_prefixes(free, LIMITS).verdict == verdict
