"""Routes that lead nowhere; NAT gateways across zones; links by their state."""

from __future__ import annotations

from typing import Any

import pytest

from checks.base import Outcome
from checks.nets import links
from checks.nets.routes import Egress, Hole, crossing, egresses, holes, tgw_holes


def test_black_holes_of_a_vpc_table() -> None:
    """Blocks of both families and prefix lists, each with the target that is gone."""
    routes = [
        {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
        {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"},
        {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "blackhole"},
        {"DestinationPrefixListId": "pl-1", "VpcPeeringConnectionId": "pcx-1", "State": "blackhole"},
        {"DestinationCidrBlock": "10.9.0.0/16", "State": "blackhole"},
    ]
    assert holes(routes) == (
        Hole("0.0.0.0/0", "nat-1"),
        Hole("10.9.0.0/16", "a target that is gone"),
        Hole("::/0", "eigw-1"),
        Hole("pl-1", "pcx-1"),
    )


def test_black_holes_of_a_transit_gateway_that_somebody_asked_for_are_none() -> None:
    """A static route to nowhere names no attachment."""
    lost = {"TransitGatewayAttachmentId": "tgw-attach-1"}
    routes: list[dict[str, Any]] = [
        {"DestinationCidrBlock": "10.1.0.0/16", "State": "blackhole", "Type": "static"},
        {"DestinationCidrBlock": "10.2.0.0/16", "State": "blackhole", "TransitGatewayAttachments": [lost]},
        {"DestinationCidrBlock": "10.3.0.0/16", "State": "active", "TransitGatewayAttachments": [lost]},
    ]
    assert tgw_holes(routes) == (Hole("10.2.0.0/16", "tgw-attach-1"),)


def _table(vpc: str, *associations: dict[str, Any], nat: str = "nat-a", state: str = "active") -> dict[str, Any]:
    return {
        "VpcId": vpc,
        "Associations": list(associations),
        "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": nat, "State": state}],
    }


def test_subnets_that_depend_on_another_zone() -> None:
    """By their own table or the VPC's main one; black holes and regional gateways do not count."""
    tables = [
        _table("vpc-1", {"Main": True}),
        _table("vpc-1", {"SubnetId": "s-own", "Main": False}, nat="nat-b"),
        _table("vpc-2", {"Main": True}, nat="nat-r"),
        _table("vpc-3", {"Main": True}, state="blackhole"),
    ]
    zones = {"s-same": "a", "s-other": "b", "s-own": "b", "s-regional": "c", "s-hole": "b"}
    vpcs = {"s-same": "vpc-1", "s-other": "vpc-1", "s-own": "vpc-1", "s-regional": "vpc-2", "s-hole": "vpc-3"}
    found = list(egresses(tables, zones, vpcs, {"nat-a": "a", "nat-b": "b", "nat-r": ""}))
    assert {one.subnet for one in found} == {"s-same", "s-other", "s-own", "s-regional"}
    assert crossing(found) == {"nat-a": (Egress("s-other", "b", "nat-a", "a"),)}


@pytest.mark.parametrize(
    ("state", "outcome", "verdict"),
    [
        ("active", Outcome.HEALTHY, "fine"),
        ("available", Outcome.HEALTHY, "fine"),
        ("Available", Outcome.HEALTHY, "fine"),
        ("pending-acceptance", Outcome.UNHEALTHY, "link_waiting"),
        ("pendingAcceptance", Outcome.UNHEALTHY, "link_waiting"),
        ("PendingAcceptance", Outcome.UNHEALTHY, "link_waiting"),
        ("failed", Outcome.UNHEALTHY, "link_failed"),
        ("Rejected", Outcome.UNHEALTHY, "link_failed"),
        ("expired", Outcome.UNHEALTHY, "link_failed"),
        ("Partial", Outcome.UNHEALTHY, "link_partial"),
        ("provisioning", Outcome.HEALTHY, "changing"),
        ("initiatingRequest", Outcome.HEALTHY, "changing"),
        ("quantum", Outcome.UNKNOWN, "unclear"),
        ("", Outcome.UNKNOWN, "unclear"),
    ],
)
def test_links(state: str, outcome: Outcome, verdict: str) -> None:
    """Every spelling that the services use; a state nobody knows is not health."""
    found = links.link("peering", state)
    assert found is not None
    assert (found.outcome, found.verdict) == (outcome, verdict)


@pytest.mark.parametrize("state", ["deleted", "deleting", "Deleting"])
def test_a_link_that_was_deleted_is_nothing(state: str) -> None:
    """AWS lists it for some hours yet."""
    assert links.link("peering", state) is None
    assert links.vpn({"State": state.lower()}) is None
    assert links.nat({"State": state.lower()}, QUIET, 0.0001) is None


def _tunnels(*states: str) -> dict[str, Any]:
    return {
        "State": "available",
        "VgwTelemetry": [{"OutsideIpAddress": f"192.0.2.{n}", "Status": state} for n, state in enumerate(states, 1)],
    }


@pytest.mark.parametrize(
    ("connection", "verdict", "down"),
    [
        (_tunnels("UP", "UP"), "fine", False),
        (_tunnels("UP", "DOWN"), "vpn_half_down", False),
        (_tunnels("DOWN", "DOWN"), "vpn_down", True),
        (_tunnels(), "unclear", False),
        (_tunnels("UP", ""), "unclear", False),
        ({"State": "available"}, "unclear", False),
        ({"State": "pending"}, "changing", False),
    ],
)
def test_vpn(connection: dict[str, Any], verdict: str, down: bool) -> None:
    """A connection that says nothing of its tunnels is not one whose tunnels are up."""
    found = links.vpn(connection)
    assert found is not None
    assert (found.verdict, found.down) == (verdict, down)


QUIET = links.NatTraffic(0, 0, 1e6)


@pytest.mark.parametrize(
    ("state", "traffic", "verdict"),
    [
        ("available", QUIET, "fine"),
        ("available", links.NatTraffic(0, 0, 0), "fine"),
        ("available", links.NatTraffic(3, 0, 1e6), "nat_ports"),
        ("available", links.NatTraffic(3, None, None), "nat_ports"),
        ("available", links.NatTraffic(0, 100, 1e6), "fine"),
        ("available", links.NatTraffic(0, 101, 1e6), "nat_drops"),
        ("available", links.NatTraffic(None, 0, 1e6), "unmeasured"),
        ("available", links.NatTraffic(0, None, 1e6), "unmeasured"),
        ("available", links.NatTraffic(None, None, None), "unmeasured"),
        ("failed", links.NatTraffic(None, None, None), "nat_failed"),
        ("pending", links.NatTraffic(None, None, None), "changing"),
        ("hovering", QUIET, "unclear"),
    ],
)
def test_nat(state: str, traffic: links.NatTraffic, verdict: str) -> None:
    """What was counted decides; no datapoint is not zero."""
    found = links.nat({"State": state, "FailureCode": "Gateway.NotAttached"}, traffic, 0.0001)
    assert found is not None
    assert found.verdict == verdict
    assert (found.outcome is Outcome.UNKNOWN) is (verdict in ("unmeasured", "unclear"))
