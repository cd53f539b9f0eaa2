"""What we count ourselves, as the VPC user guide says that it counts."""

from __future__ import annotations

from typing import Any

import pytest

from checks.limits.counts import COUNTERS, LISTS, SERVICE, counted, own
from checks.limits.lists import rows
from checks.quotas import Quotas
from tests.aws.places import moto_place

EMPTY: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
V4, V6 = {"CidrIp": "10.0.0.0/8"}, {"CidrIpv6": "::/0"}
PAIR, LIST = {"GroupId": "sg-9"}, {"PrefixListId": "pl-1"}


def group(*ingress: dict[str, Any], egress: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"GroupId": "sg-1", "IpPermissions": list(ingress), "IpPermissionsEgress": list(egress)}


def route(origin: str = "CreateRoute", **to: str) -> dict[str, Any]:
    return {"Origin": origin, **to}


def entry(number: int, *, out: bool = False, six: bool = False) -> dict[str, Any]:
    block = {"Ipv6CidrBlock": "::/0"} if six else {"CidrBlock": "0.0.0.0/0"}
    return {"RuleNumber": number, "Egress": out, **block}


def endpoint(kind: str, state: str = "available") -> dict[str, Any]:
    return {"VpcEndpointType": kind, "State": state, "VpcId": "vpc-1"}


def peering(code: str, one: str, other: str) -> dict[str, Any]:
    return {"Status": {"Code": code}, "RequesterVpcInfo": {"VpcId": one}, "AccepterVpcInfo": {"VpcId": other}}


VPCS = [{"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}]
SIZED = [{"PrefixListId": "pl-1", "MaxEntries": 10}, {"PrefixListId": "pl-aws"}]


@pytest.mark.parametrize(
    ("code", "rows", "found"),
    [
        # Rules of a security group: each direction, IPv4 and IPv6 apart; groups and prefix lists count in both.
        ("L-0EA8095F", {"security_groups": [group({"IpRanges": [V4, V4]}, {"IpRanges": [V4]})]}, {"sg-1": 3}),
        ("L-0EA8095F", {"security_groups": [group({"IpRanges": [V4], "Ipv6Ranges": [V6, V6]})]}, {"sg-1": 2}),
        ("L-0EA8095F", {"security_groups": [group({"IpRanges": [V4], "UserIdGroupPairs": [PAIR, PAIR]})]}, {"sg-1": 3}),
        ("L-0EA8095F", {"security_groups": [group({"IpRanges": [V4]}, egress=({"IpRanges": [V4] * 5},))]}, {"sg-1": 5}),
        ("L-0EA8095F", {"security_groups": [group({"PrefixListIds": [LIST]})], "prefix_lists": SIZED}, {"sg-1": 10}),
        ("L-0EA8095F", {"security_groups": [group({"PrefixListIds": [{"PrefixListId": "pl-aws"}]})],
                        "prefix_lists": SIZED}, {"sg-1": 1}),
        ("L-0EA8095F", {"security_groups": [group()]}, {"sg-1": 0}),
        ("L-E79EC296", {"security_groups": [group(), group()]}, {"": 2}),
        ("L-2AFB9258", {"network_interfaces": [{"NetworkInterfaceId": "eni-1", "Groups": [{}, {}]}]}, {"eni-1": 2}),
        ("L-DF5E4CA3", {"network_interfaces": [{"NetworkInterfaceId": "eni-1"}]}, {"": 1}),
        # Routes that people made.
        ("L-93826ACB", {"route_tables": [{"RouteTableId": "rtb-1", "Routes": [
            route("CreateRouteTable"), route("EnableVgwRoutePropagation"), route(DestinationCidrBlock="0.0.0.0/0"),
            route(DestinationIpv6CidrBlock="::/0")]}]}, {"rtb-1": 1}),
        ("L-93826ACB", {"route_tables": [{"RouteTableId": "rtb-1", "Routes": [
            route(DestinationPrefixListId="pl-1"), route(DestinationCidrBlock="10.0.0.0/8")]}],
            "prefix_lists": SIZED}, {"rtb-1": 11}),
        # Network ACLs: one direction, one family, without the rule at the end.
        ("L-2AEEBF1A", {"network_acls": [{"NetworkAclId": "acl-1", "Entries": [
            entry(100), entry(110), entry(100, out=True), entry(120, six=True), entry(32767),
            entry(32768, six=True)]}]},
         {"acl-1": 2}),
        ("L-2AEEBF1A", {"network_acls": [{"NetworkAclId": "acl-1", "Entries": []}]}, {"acl-1": 0}),
        # VPCs and what is in them.
        ("L-F678F1CE", {"vpcs": VPCS}, {"": 2}),
        ("L-83CA0A9D", {"vpcs": [{"VpcId": "vpc-1", "CidrBlockAssociationSet": [
            {"CidrBlockState": {"State": "associated"}}, {"CidrBlockState": {"State": "disassociated"}},
            {"CidrBlockState": {"State": "associating"}}]}]}, {"vpc-1": 2}),
        ("L-085A6257", {"vpcs": [{"VpcId": "vpc-1", "Ipv6CidrBlockAssociationSet": [
            {"Ipv6CidrBlockState": {"State": "associated"}}]}]}, {"vpc-1": 1}),
        ("L-407747CB", {"vpcs": VPCS, "subnets": [
            {"SubnetId": "s-1", "VpcId": "vpc-1"}, {"SubnetId": "s-2", "VpcId": "vpc-1"}]},
         {"vpc-1": 2, "vpc-2": 0}),
        ("L-589F43AA", {"vpcs": VPCS, "route_tables": [{"RouteTableId": "r", "VpcId": "vpc-2"}]},
         {"vpc-1": 0, "vpc-2": 1}),
        ("L-B4A6D682", {"vpcs": VPCS, "network_acls": [{"NetworkAclId": "a", "VpcId": "vpc-2"}]},
         {"vpc-1": 0, "vpc-2": 1}),
        ("L-29B6F2EB", {"vpcs": VPCS, "endpoints": [
            endpoint("Interface"), endpoint("GatewayLoadBalancer", "Pending"), endpoint("Gateway"),
            endpoint("Interface", "Deleted")]}, {"vpc-1": 2, "vpc-2": 0}),
        ("L-1B52E74A", {"endpoints": [endpoint("Gateway"), endpoint("Interface")]}, {"": 1}),
        ("L-7E9ECCDB", {"vpcs": VPCS, "peerings": [
            peering("active", "vpc-1", "vpc-2"), peering("active", "vpc-9", "vpc-1"),
            peering("pending-acceptance", "vpc-1", "vpc-8")]}, {"vpc-1": 2, "vpc-2": 1}),
        ("L-FE5A380F", {"subnets": [{"SubnetId": "s-1", "AvailabilityZone": "a"}], "nat_gateways": [
            {"SubnetId": "s-1", "State": "available"}, {"SubnetId": "s-1", "State": "deleted"},
            {"SubnetId": "s-1", "State": "deleting"}]}, {"a": 2}),
        ("L-A4707A72", {"internet_gateways": [{}]}, {"": 1}),
    ],
)  # fmt: skip
def test_counts(code: str, rows: dict[str, list[dict[str, Any]]], found: dict[str, float]) -> None:
    """Each quota by the resource it is for; of the region, without one."""
    everything = list(counted({**EMPTY, **rows}, lambda name: True))
    assert {resource: used for known, resource, used in everything if known == code} == found


def test_every_counter_reads_known_lists() -> None:
    """And each list is read for a counter."""
    assert {name for each in COUNTERS for name in each.lists} == set(LISTS)
    assert len({each.code for each in COUNTERS}) == len(COUNTERS)


@pytest.mark.parametrize("missing", sorted(LISTS))
def test_a_list_that_could_not_be_read_counts_nothing(missing: str) -> None:
    """A quota is counted from all of its lists or not at all: half a list is no count."""
    rows = {name: found for name, found in EMPTY.items() if name != missing}
    expected = {each.code for each in COUNTERS if missing not in each.lists and each.count(EMPTY)}
    assert {code for code, _, _ in counted(rows, rows.__contains__)} == expected


def test_every_code_is_one_that_service_quotas_has(moto: str) -> None:
    """moto's list of defaults is a copy of AWS' own for VPCs; a code that is mistyped would count for nothing."""
    place = moto_place(Quotas, moto, account="271828182845")
    known = {row["QuotaCode"]: row["QuotaName"] for row in rows(place, "list_aws_default_service_quotas", SERVICE)}
    assert {each.code for each in COUNTERS} <= set(known)
    assert known["L-0EA8095F"] == "Inbound or outbound rules per security group"


def test_what_another_account_shares_counts_against_the_other() -> None:
    """A VPC that is shared is its owner's."""
    rows = [{"VpcId": "vpc-1", "OwnerId": "1"}, {"VpcId": "vpc-2", "OwnerId": "2"}, {"VpcId": "vpc-3"}]
    assert [row["VpcId"] for row in own("vpcs", rows, "1")] == ["vpc-1", "vpc-3"]
    assert own("nat_gateways", rows, "1") == rows
