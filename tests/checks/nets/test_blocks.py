"""Address ranges, and the sweep against the naive comparison of all pairs."""

from __future__ import annotations

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.nets.blocks import Block, Holding, clusters, parsed


@pytest.mark.parametrize(
    ("text", "shown", "prefix"),
    [
        ("10.0.0.0/16", "10.0.0.0/16", 16),
        (" 10.1.2.3/24 ", "10.1.2.0/24", 24),
        ("0.0.0.0/0", "0.0.0.0/0", 0),
        ("192.0.2.1/32", "192.0.2.1/32", 32),
        ("2001:db8::/56", "2001:db8::/56", 56),
        ("::/0", "::/0", 0),
    ],
)
def test_a_block_is_read_and_shown(text: str, shown: str, prefix: int) -> None:
    """Bits behind the mask are dropped; both families keep their prefix length."""
    block = Block.parse(text)
    assert (str(block), block.prefix) == (shown, prefix)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "10.0.0.0",
        "{{ .vars.cidr }}",
        "<masked>",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "010.0.0.0/8",
        "10.0.0.0/",
        "fe80::1%eth0/64",
        None,
        10,
        ["10.0.0.0/8"],
    ],
)
def test_what_is_no_block_is_none(value: object) -> None:
    """A template, a masked value or a bare address is not taken for a range."""
    assert parsed(value) is None


@given(st.text(alphabet="0123456789./:abcdefx+-_ \0٣", max_size=24) | st.text(max_size=24))
def test_a_text_is_read_as_ipaddress_reads_it_or_not_at_all(text: str) -> None:
    """Never otherwise than the standard library would; netmasks in place of a length are left to nobody."""
    block = parsed(text)
    if block is not None:
        assert str(block) == str(ipaddress.ip_network(text.strip(), strict=False))


V4 = st.tuples(st.integers(0, 2**12 - 1), st.integers(20, 32)).map(
    lambda pair: str(ipaddress.ip_network((pair[0], pair[1]), strict=False))
)
V6 = st.tuples(st.integers(0, 2**10 - 1), st.integers(118, 128)).map(
    lambda pair: str(ipaddress.ip_network((ipaddress.IPv6Address(pair[0]), pair[1]), strict=False))
)
HOLDINGS = st.lists(
    st.builds(Holding, (V4 | V6).map(Block.parse), st.sampled_from(["a", "b", "c", "d", "e"]), st.just("vpc")),
    max_size=40,
)


@given(HOLDINGS)
def test_the_sweep_finds_the_groups_that_comparing_all_pairs_finds(holdings: list[Holding]) -> None:
    """Connected by overlap, by way of ipaddress' own `overlaps`; groups of a single thing left out."""
    items = sorted(set(holdings), key=str)
    parent = {item: item for item in items}

    def root(item: Holding) -> Holding:
        while parent[item] is not item:
            item = parent[item]
        return item

    for one, other in combinations(items, 2):
        left, right = (ipaddress.ip_network(str(item.block)) for item in (one, other))
        if left.version == right.version and left.overlaps(right):
            parent[root(one)] = root(other)
    naive: dict[Holding, set[Holding]] = {}
    for item in items:
        naive.setdefault(root(item), set()).add(item)
    expected = {frozenset(group) for group in naive.values() if len({item.id for item in group}) > 1}
    found = list(clusters(holdings))
    assert {frozenset(group) for group in found} == expected
    assert all(group[0].block.holds(item.block) for group in found for item in group)


def test_the_same_vpc_twice_is_one() -> None:
    """A VPC's own blocks, and the view of it from another account, clash with nothing."""
    block = Block.parse("10.0.0.0/16")
    inner = Block.parse("10.0.1.0/24")
    assert list(clusters([Holding(block, "vpc-1", "vpc"), Holding(inner, "vpc-1", "vpc", "2")])) == []
