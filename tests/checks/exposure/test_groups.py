"""What security groups let in from the world."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.exposure.groups import SENSITIVE, judge, of_load_balancer, openings, prefix_lists
from tests.checks.exposure.world import group, interface, rule

LISTS = {
    "pl-office": ["198.51.100.0/24"],
    "pl-world": ["10.0.0.0/8", "0.0.0.0/0"],
    "pl-six": ["::/0"],
    "pl-quarters": ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2"],
    "pl-eighths": [f"{number}.0.0.0/8" for number in range(128)],
    "pl-some": [f"{number}.0.0.0/8" for number in range(100)],
    "pl-empty": [],
}


@pytest.mark.parametrize(
    ("rules", "allowed", "expected"),
    [
        ([], (), []),
        ([rule("tcp", 22, 22, "10.0.0.0/8")], (), []),
        ([rule("tcp", 22, 22, "0.0.0.0/0")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 22, 22, "::/0")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("6", 22, 22, "0.0.0.0/0")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 8443, 8443, "0.0.0.0/0")], (), ["group_open:tcp/8443"]),
        ([rule("tcp", 443, 443, "0.0.0.0/0")], (), ["group_open:tcp/443"]),
        ([rule("tcp", 443, 443, "0.0.0.0/0")], (80, 443), []),
        ([rule("udp", 443, 443, "0.0.0.0/0")], (80, 443), []),
        ([rule("tcp", 80, 443, "0.0.0.0/0")], (80, 443), ["group_open_sensitive:tcp/80-443"]),
        ([rule("tcp", 80, 81, "0.0.0.0/0")], (80, 443), ["group_open:tcp/80-81"]),
        ([rule("tcp", 20, 25, "0.0.0.0/0")], (), ["group_open_sensitive:tcp/20-25"]),
        ([rule("tcp", 0, 65535, "0.0.0.0/0")], (80, 443), ["group_open_sensitive:tcp/0-65535"]),
        ([rule("-1", None, None, "0.0.0.0/0")], (80, 443), ["group_open_sensitive:all"]),
        ([rule("-1", None, None, "::/0")], range(65536), ["group_open:all"]),
        ([rule("icmp", 8, -1, "0.0.0.0/0"), rule("icmpv6", -1, -1, "::/0"), rule("58", -1, -1, "::/0")], (), []),
        ([rule("50", None, None, "0.0.0.0/0")], (), ["group_open:50/0-65535"]),
        # An octet of 0 in front of a short prefix is the world in pieces.
        ([rule("tcp", 22, 22, "0.0.0.0/1", "128.0.0.0/1")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 22, 22, "0.0.0.0/7")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 22, 22, "11.0.0.0/8")], (), []),
        ([rule("tcp", 22, 22, "2000::/3")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 22, 22, "pl-office")], (), []),
        ([rule("tcp", 22, 22, "pl-empty")], (), []),
        ([rule("tcp", 22, 22, "pl-world")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 22, 22, "pl-six")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 22, 22, "pl-quarters")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 22, 22, "pl-eighths")], (), ["group_open_sensitive:tcp/22"]),
        ([rule("tcp", 22, 22, "pl-some")], (), []),
        # The worst first, each port a finding of its own.
        (
            [rule("tcp", 8080, 8080, "0.0.0.0/0"), rule("tcp", 3306, 3306, "::/0")],
            (),
            ["group_open_sensitive:tcp/3306", "group_open:tcp/8080"],
        ),
        # One port, opened by two rules, is one finding.
        ([rule("tcp", 22, 22, "0.0.0.0/0"), rule("tcp", 22, 22, "::/0")], (), ["group_open_sensitive:tcp/22"]),
    ],
)
def test_a_group_is_judged_by_what_it_opens(rules: list[Any], allowed: Any, expected: list[str]) -> None:
    """Every way to write "the world", every way to write a port."""
    one = group("sg-1", *rules)
    found = judge(one, openings(one, LISTS), sensitive=SENSITIVE, allowed=allowed, region="eu-west-1")
    assert [weakness.name for weakness in found] == expected


@given(st.sets(st.integers(0, 255), min_size=128), st.integers(8, 10))
def test_the_world_in_pieces_is_the_world(parts: set[int], length: int) -> None:
    """Half of the internet or more, in however many blocks and in whichever order, is open to the world."""
    blocks = [
        str(block) for part in parts for block in ipaddress.ip_network(f"{part}.0.0.0/8").subnets(new_prefix=length)
    ]
    one = group("sg-1", rule("tcp", 22, 22, *blocks))
    assert [each.ports for each in openings(one, {})] == ["tcp/22"]


@given(st.sets(st.integers(0, 255), max_size=127))
def test_less_than_half_of_the_internet_is_a_list(parts: set[int]) -> None:
    """Long lists of addresses are no violation."""
    one = group("sg-1", rule("tcp", 22, 22, *(f"{part}.0.0.0/8" for part in parts)))
    assert list(openings(one, {})) == []


def test_both_worlds_are_named() -> None:
    """Who closes one of two doors must know of the other."""
    one = group("sg-1", rule("tcp", 22, 22, "0.0.0.0/0"), rule("tcp", 22, 22, "::/0"))
    (found,) = judge(one, openings(one, {}), sensitive=SENSITIVE, allowed=(), region="eu-west-1")
    assert found.evidence["from"] == ["0.0.0.0/0", "::/0"]
    assert "0.0.0.0/0, ::/0" in found.summary
    assert found.look == "aws ec2 describe-security-groups --group-ids sg-1 --region eu-west-1"


def test_egress_opens_nothing() -> None:
    """What may go out is another question."""
    one = group("sg-1") | {"IpPermissionsEgress": [rule("-1", None, None, "0.0.0.0/0", "pl-world")]}
    assert list(openings(one, {})) == []
    assert prefix_lists(one) == frozenset()


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (interface("sg-1"), False),
        (interface("sg-1", requester="amazon-elb"), True),
        (interface("sg-1", kind="network_load_balancer"), True),
        (interface("sg-1", kind="gateway_load_balancer"), True),
        (interface("sg-1", kind="lambda"), False),
        (interface("sg-1", kind="nat_gateway"), False),
        # What anybody can write does not make a load balancer.
        (interface("sg-1") | {"Description": "ELB app/web/1"}, False),
        (interface("sg-1", requester="amazon-elb") | {"RequesterManaged": False}, False),
    ],
)
def test_a_load_balancers_own_interface(one: dict[str, Any], expected: bool) -> None:
    """Port 443 of a load balancer is no violation; of a machine it is."""
    assert of_load_balancer(one) is expected
