"""Use that we count ourselves: quotas for each security group, table or VPC, which AWS tells no use of. Pure.

Codes are Service Quotas' own, of service `vpc`; what each counts is from the Amazon VPC user guide, "quotas".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Inventory = Mapping[str, Rows]  # name of a list -> its rows
Count = Callable[[Inventory], Mapping[str, float]]  # by resource; empty: of the region
Fits = Callable[[Mapping[str, Any]], bool]
SERVICE = "vpc"

# Name of a list -> (operation, member of the answer), of service ec2. The other checks ask for the same.
LISTS: Mapping[str, tuple[str, str]] = {
    "security_groups": ("describe_security_groups", "SecurityGroups"),
    "network_interfaces": ("describe_network_interfaces", "NetworkInterfaces"),
    "route_tables": ("describe_route_tables", "RouteTables"),
    "vpcs": ("describe_vpcs", "Vpcs"),
    "subnets": ("describe_subnets", "Subnets"),
    "network_acls": ("describe_network_acls", "NetworkAcls"),
    "endpoints": ("describe_vpc_endpoints", "VpcEndpoints"),
    "nat_gateways": ("describe_nat_gateways", "NatGateways"),
    "internet_gateways": ("describe_internet_gateways", "InternetGateways"),
    "peerings": ("describe_vpc_peering_connections", "VpcPeeringConnections"),
    "prefix_lists": ("describe_managed_prefix_lists", "PrefixLists"),
}

_DEFAULT_ACL_RULE = 32767
_GONE = frozenset({"deleted", "deleting", "failed", "rejected", "expired"})


@dataclass(frozen=True, slots=True)
class Counted:
    """One quota that is counted: its code, the lists that takes, and the count by resource (empty: of the region)."""

    code: str
    lists: tuple[str, ...]
    count: Count


def rules_per_group(rows: Inventory) -> Mapping[str, float]:
    """Rules of a security group: the fuller of its directions, of IPv4 and IPv6 apart.

    A rule with a group counts in both; one with a prefix list as many times as the list may have entries.
    """
    sizes = _list_sizes(rows)

    def heavier(permissions: Iterable[Mapping[str, Any]]) -> float:
        four = six = 0.0
        for each in permissions:
            both = float(len(each.get("UserIdGroupPairs") or ()))
            both += sum(sizes.get(str(one.get("PrefixListId")), 1) for one in each.get("PrefixListIds") or ())
            four += both + len(each.get("IpRanges") or ())
            six += both + len(each.get("Ipv6Ranges") or ())
        return max(four, six)

    return {
        str(group["GroupId"]): max(
            heavier(group.get("IpPermissions") or ()), heavier(group.get("IpPermissionsEgress") or ())
        )
        for group in rows["security_groups"]
    }


def groups_per_interface(rows: Inventory) -> Mapping[str, float]:
    """Security groups of a network interface."""
    return {
        str(each["NetworkInterfaceId"]): float(len(each.get("Groups") or ())) for each in rows["network_interfaces"]
    }


def routes_per_table(rows: Inventory) -> Mapping[str, float]:
    """Routes of a route table that people made, IPv4 and IPv6 apart: propagated and local ones do not count."""
    sizes = _list_sizes(rows)
    found: dict[str, float] = {}
    for table in rows["route_tables"]:
        four = six = 0.0
        for route in table.get("Routes") or ():
            if route.get("Origin") != "CreateRoute":
                continue
            if route.get("DestinationIpv6CidrBlock"):
                six += 1
            else:
                four += sizes.get(str(route.get("DestinationPrefixListId")), 1)
        found[str(table["RouteTableId"])] = max(four, six)
    return found


def rules_per_acl(rows: Inventory) -> Mapping[str, float]:
    """Rules of a network ACL in its fuller direction, IPv4 and IPv6 apart; the one at the end does not count."""
    found: dict[str, float] = {}
    for acl in rows["network_acls"]:
        counted = Counter(
            (bool(entry.get("Egress")), bool(entry.get("Ipv6CidrBlock")))
            for entry in acl.get("Entries") or ()
            if entry.get("RuleNumber", 0) < _DEFAULT_ACL_RULE
        )
        found[str(acl["NetworkAclId"])] = float(max(counted.values(), default=0))
    return found


def blocks_per_vpc(member: str, state: str) -> Count:
    """Address blocks of a VPC that are associated or about to be."""

    def counts(block: Mapping[str, Any]) -> bool:
        return (block.get(state) or {}).get("State") in ("associated", "associating")

    def count(rows: Inventory) -> Mapping[str, float]:
        return {str(vpc["VpcId"]): float(sum(map(counts, vpc.get(member) or ()))) for vpc in rows["vpcs"]}

    return count


def per_vpc(name: str, fits: Fits = lambda row: True) -> Count:
    """How many rows of a list each VPC has; a VPC that has none is counted too."""

    def count(rows: Inventory) -> Mapping[str, float]:
        found = Counter(str(row.get("VpcId")) for row in rows[name] if fits(row))
        return {str(vpc["VpcId"]): float(found[str(vpc["VpcId"])]) for vpc in rows["vpcs"]}

    return count


def of_region(name: str, fits: Fits = lambda row: True) -> Count:
    """How many rows a list has."""
    return lambda rows: {"": float(sum(fits(row) for row in rows[name]))}


def gateways_per_zone(rows: Inventory) -> Mapping[str, float]:
    """NAT gateways of an availability zone, those that are being deleted among them (VPC user guide)."""
    zones = {str(subnet["SubnetId"]): str(subnet.get("AvailabilityZone", "")) for subnet in rows["subnets"]}
    found = Counter(
        zones.get(str(each.get("SubnetId")), "")
        for each in rows["nat_gateways"]
        if each.get("State") in ("pending", "available", "deleting")
    )
    return {zone: float(count) for zone, count in found.items() if zone}


def peerings_per_vpc(rows: Inventory) -> Mapping[str, float]:
    """Active peering connections of a VPC, whichever side asked."""
    found: Counter[str] = Counter()
    for each in rows["peerings"]:
        if (each.get("Status") or {}).get("Code") == "active":
            sides = (each.get("RequesterVpcInfo") or {}, each.get("AccepterVpcInfo") or {})
            found.update({str(side["VpcId"]) for side in sides if side.get("VpcId")})
    return {str(vpc["VpcId"]): float(found[str(vpc["VpcId"])]) for vpc in rows["vpcs"]}


def _list_sizes(rows: Inventory) -> Mapping[str, float]:
    """By id, how many entries a prefix list counts for. AWS' own tell no size; they count once here, at the least."""
    return {
        str(each["PrefixListId"]): float(each["MaxEntries"])
        for each in rows["prefix_lists"]
        if each.get("MaxEntries") is not None
    }


def _interface(endpoint: Mapping[str, Any]) -> bool:
    kind, state = str(endpoint.get("VpcEndpointType", "")), str(endpoint.get("State", "")).lower()
    return kind in ("Interface", "GatewayLoadBalancer") and state not in _GONE


def _gateway(endpoint: Mapping[str, Any]) -> bool:
    return endpoint.get("VpcEndpointType") == "Gateway" and str(endpoint.get("State", "")).lower() not in _GONE


COUNTERS: tuple[Counted, ...] = (
    Counted("L-0EA8095F", ("security_groups", "prefix_lists"), rules_per_group),
    Counted("L-2AFB9258", ("network_interfaces",), groups_per_interface),
    Counted("L-93826ACB", ("route_tables", "prefix_lists"), routes_per_table),
    Counted("L-2AEEBF1A", ("network_acls",), rules_per_acl),
    Counted("L-83CA0A9D", ("vpcs",), blocks_per_vpc("CidrBlockAssociationSet", "CidrBlockState")),
    Counted("L-085A6257", ("vpcs",), blocks_per_vpc("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlockState")),
    Counted("L-407747CB", ("vpcs", "subnets"), per_vpc("subnets")),
    Counted("L-589F43AA", ("vpcs", "route_tables"), per_vpc("route_tables")),
    Counted("L-B4A6D682", ("vpcs", "network_acls"), per_vpc("network_acls")),
    Counted("L-29B6F2EB", ("vpcs", "endpoints"), per_vpc("endpoints", _interface)),
    Counted("L-7E9ECCDB", ("vpcs", "peerings"), peerings_per_vpc),
    Counted("L-FE5A380F", ("subnets", "nat_gateways"), gateways_per_zone),
    Counted("L-1B52E74A", ("endpoints",), of_region("endpoints", _gateway)),
    Counted("L-DF5E4CA3", ("network_interfaces",), of_region("network_interfaces")),
    Counted("L-E79EC296", ("security_groups",), of_region("security_groups")),
    Counted("L-A4707A72", ("internet_gateways",), of_region("internet_gateways")),
    Counted("L-F678F1CE", ("vpcs",), of_region("vpcs")),
)  # fmt: skip


def counted(rows: Inventory, readable: Callable[[str], bool]) -> Iterator[tuple[str, str, float]]:
    """Give (code, resource, used) of every quota all of whose lists could be read."""
    for each in COUNTERS:
        if all(map(readable, each.lists)):
            for resource, used in each.count(rows).items():
                yield each.code, resource, used


def own(name: str, rows: Rows, account: str) -> Rows:
    """The rows of a list that count against *account*: what another shares with it counts against the other."""
    return [row for row in rows if row.get("OwnerId") in (None, account)] if name in _SHARED else rows


_SHARED = frozenset({"vpcs", "subnets", "route_tables", "network_acls", "security_groups"})
