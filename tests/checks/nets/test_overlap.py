"""Overlap judged by who reaches whom."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from checks.nets.blocks import Block, Holding
from checks.nets.overlap import Clash, Reuse, clashes, planned_clashes
from checks.nets.reach import Domain, Peering, Table, domains

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def vpc(name: str, block: str, what: str = "vpc") -> Holding:
    return Holding(Block.parse(block), name, what, "111111111111", "eu-west-1")


def route(block: str, through: str = "vpn-1") -> Holding:
    return Holding(Block.parse(block), through, "route")


def keys(found: list[Clash]) -> dict[str, set[str]]:
    return {clash.key: set(clash.ids) for clash in found}


def joined(*members: str, routes: tuple[Holding, ...] = ()) -> list[Domain]:
    return list(domains([], [Table("tgw-rtb-1", frozenset(members), routes)]))


A, B, C = vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.0.128.0/20"), vpc("vpc-c", "10.1.0.0/16")


@pytest.mark.parametrize(
    ("networks", "found", "expected"),
    [
        ([A, B, C], [], {"apart/10.0.0.0/16": {"vpc-a", "vpc-b"}}),
        ([A, C], [], {}),
        ([A, B, C], joined("vpc-a", "vpc-b", "vpc-c"), {"tgw-rtb-1/10.0.0.0/16": {"vpc-a", "vpc-b"}}),
        ([A, B, C], joined("vpc-a", "vpc-c"), {"apart/10.0.0.0/16": {"vpc-a", "vpc-b"}}),
        ([A, C], joined("vpc-a", routes=(route("10.0.4.0/24"),)), {"tgw-rtb-1/10.0.0.0/16": {"vpc-a", "vpn-1"}}),
        ([A, C], joined("vpc-a", routes=(route("10.0.0.0/14"),)), {"tgw-rtb-1/10.0.0.0/14": {"vpc-a", "vpn-1"}}),
        ([A, C], joined("vpc-a", routes=(route("10.0.0.0/8"),)), {}),
        ([A, C], joined("vpc-a", routes=(route("0.0.0.0/0"), route("0.0.0.0/1", "vpn-2"))), {}),
        ([C], joined("vpc-c", routes=(route("10.8.0.0/16"), route("10.8.1.0/24", "vpn-2"))), {}),
        (
            [vpc("vpc-6", "2001:db8::/56"), vpc("vpc-7", "2001:db8::/56")],
            joined("vpc-6", "vpc-7"),
            {"tgw-rtb-1/2001:db8::/56": {"vpc-6", "vpc-7"}},
        ),
    ],
    ids=[
        "not connected", "side by side", "in one table", "only one of them joined", "a route into a network",
        "a route over a network", "a summary of the private range", "default routes", "routes in routes", "IPv6",
    ],
)  # fmt: skip
def test_clashes(networks: list[Holding], found: list[Domain], expected: dict[str, set[str]]) -> None:
    """Each overlap once, with the domain in which it breaks something."""
    assert keys(clashes(networks, found, (), NOW)) == expected


def test_a_network_between_two_that_overlap_is_a_domain() -> None:
    """Neither reaches the other, and the one in the middle has one route for both."""
    far = vpc("vpc-d", "10.0.0.0/16")
    found = list(domains([Peering("pcx-1", "vpc-c", "vpc-a"), Peering("pcx-2", "vpc-d", "vpc-c")], []))
    assert keys(clashes([A, C, far], found, (), NOW)) == {"peers-of-vpc-c/10.0.0.0/16": {"vpc-a", "vpc-d"}}


def test_a_pair_of_peers_is_told_once() -> None:
    """Seen from both ends it is one overlap."""
    found = list(domains([Peering("pcx-1", "vpc-a", "vpc-b")], []))
    assert keys(clashes([A, B], found, (), NOW)) == {"peers-of-vpc-b/10.0.0.0/16": {"vpc-a", "vpc-b"}}


def test_views_of_one_table_from_several_accounts_are_one() -> None:
    """Each account sees its own attachments only."""
    views = [Table("tgw-rtb-1", frozenset({"vpc-a"})), Table("tgw-rtb-1", frozenset({"vpc-b"}))]
    assert [domain.members for domain in domains([], views)] == [frozenset({"vpc-a", "vpc-b"})]


def test_a_group_told_by_a_domain_is_told_apart_only_for_another_member() -> None:
    """The third that nobody reaches is still worth a line."""
    third = vpc("vpc-e", "10.0.0.0/24")
    found = keys(clashes([A, B, third], joined("vpc-a", "vpc-b"), (), NOW))
    assert found == {
        "tgw-rtb-1/10.0.0.0/16": {"vpc-a", "vpc-b"},
        "apart/10.0.0.0/16": {"vpc-a", "vpc-b", "vpc-e"},
    }


@pytest.mark.parametrize(
    ("reuse", "quiet"),
    [
        (Reuse("10.0.0.0/16", "on purpose"), True),
        (Reuse("10.0.0.0/16", "on purpose", expires=date(2026, 6, 1)), True),
        (Reuse("10.0.0.0/16", "on purpose", expires=date(2026, 5, 31)), False),
        (Reuse("10.0.128.0/20", "a part"), True),
        (Reuse("10.0.128.0/24", "less than what is reused"), False),
    ],
)
def test_intended_reuse(reuse: Reuse, quiet: bool) -> None:
    """Blocks that lie in it are not compared, until its last day is over."""
    assert (clashes([A, B], joined("vpc-a", "vpc-b"), (reuse,), NOW) == []) is quiet


@pytest.mark.parametrize(("cidr", "reason"), [("10.0.0.0/40", "x"), ("ten", "x"), ("10.0.0.0/8", " ")])
def test_reuse_that_says_nothing_is_refused(cidr: str, reason: str) -> None:
    """A block that is none, or no reason."""
    with pytest.raises(ValueError, match=r"needs a reason|must be a block"):
        Reuse(cidr, reason)


def test_planned_blocks_are_held_against_what_exists_and_what_is_planned() -> None:
    """Each with all that lies in the same addresses, and with nothing where it is free."""
    one, two = vpc("acme-dev/vpc", "10.0.0.0/24", "planned"), vpc("acme-new/vpc", "10.0.0.0/20", "planned")
    free = vpc("acme-prod/vpc", "10.9.0.0/16", "planned")
    found = dict(planned_clashes([one, two, free], [A, C], (), NOW))
    assert {holding.id: {other.id for other in others} for holding, others in found.items()} == {
        "acme-dev/vpc": {"vpc-a", "acme-new/vpc"},
        "acme-new/vpc": {"vpc-a", "acme-dev/vpc"},
        "acme-prod/vpc": set(),
    }


def test_850_default_vpcs_are_one_line() -> None:
    """Every account and region has one with the same block."""
    many = [vpc(f"vpc-{n}", "172.31.0.0/16") for n in range(850)]
    (clash,) = clashes(many, [], (), NOW)
    assert len(clash.ids) == 850
    assert clash.summary.startswith("850 networks share addresses of 172.31.0.0/16, not connected so far: ")
    assert len(clash.summary) < 800
