"""Routes that lead nowhere, and NAT gateways that one zone's failure takes from another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TARGETS = (
    "GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId", "InstanceId",
    "LocalGatewayId", "CarrierGatewayId", "EgressOnlyInternetGatewayId", "CoreNetworkArn",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hole:
    """A route whose target is gone: what is sent there is dropped."""

    destination: str
    target: str


def destination(route: Mapping[str, Any]) -> str:
    """Where a route of a VPC's or a transit gateway's table leads: a block or a prefix list."""
    names = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId", "PrefixListId")
    return next((str(route[name]) for name in names if route.get(name)), "?")


def target(route: Mapping[str, Any]) -> str:
    """What a route of a VPC's table leads through."""
    return next((str(route[name]) for name in TARGETS if route.get(name)), "a target that is gone")


def holes(routes: Iterable[Mapping[str, Any]]) -> tuple[Hole, ...]:
    """The black holes among routes of a VPC's table."""
    found = (Hole(destination(one), target(one)) for one in routes if one.get("State") == "blackhole")
    return tuple(sorted(set(found), key=lambda hole: (hole.destination, hole.target)))


def tgw_holes(routes: Iterable[Mapping[str, Any]]) -> tuple[Hole, ...]:
    """The black holes among routes of a transit gateway's table that lost their attachment.

    A static black hole names no attachment: somebody asked for it, to drop traffic.
    """
    found = []
    for route in routes:
        attached = [str(one.get("TransitGatewayAttachmentId")) for one in route.get("TransitGatewayAttachments") or ()]
        if route.get("State") == "blackhole" and attached:
            found.append(Hole(destination(route), ", ".join(attached)))
    return tuple(sorted(set(found), key=lambda hole: (hole.destination, hole.target)))


@dataclass(frozen=True, slots=True)
class Egress:
    """A subnet that reaches the outside through a NAT gateway."""

    subnet: str
    zone: str
    nat: str
    nat_zone: str  # empty: the gateway is regional, or in a subnet that cannot be seen


def egresses(
    tables: Iterable[Mapping[str, Any]], zones: Mapping[str, str], vpc_of: Mapping[str, str], nats: Mapping[str, str]
) -> Iterator[Egress]:
    """Give each subnet's way out through a NAT gateway.

    *zones*: subnet -> availability zone; *vpc_of*: subnet -> VPC; *nats*: NAT gateway -> zone, empty where regional.
    A subnet without a table of its own uses its VPC's main one.
    """
    tables = list(tables)
    explicit: dict[str, Mapping[str, Any]] = {}
    main: dict[str, Mapping[str, Any]] = {}
    for table in tables:
        for association in table.get("Associations") or ():
            if association.get("SubnetId"):
                explicit[str(association["SubnetId"])] = table
            elif association.get("Main"):
                main[str(table.get("VpcId"))] = table
    for subnet, zone in sorted(zones.items()):
        used = explicit.get(subnet) or main.get(vpc_of.get(subnet, ""), {})
        for route in used.get("Routes") or ():
            nat = str(route.get("NatGatewayId") or "")
            if nat in nats and route.get("State") != "blackhole":
                yield Egress(subnet, zone, nat, nats[nat])


def crossing(found: Iterable[Egress]) -> Mapping[str, tuple[Egress, ...]]:
    """NAT gateway -> the subnets in other zones that depend on it: its zone's failure is theirs, and the way costs."""
    by_nat: dict[str, set[Egress]] = {}
    for one in found:
        if one.nat_zone and one.zone and one.nat_zone != one.zone:
            by_nat.setdefault(one.nat, set()).add(one)
    return {nat: tuple(sorted(some, key=lambda one: (one.zone, one.subnet))) for nat, some in by_nat.items()}
