"""The network check at a region and at an account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checks.base import Check, Kind, Outcome, Owner, Reading, Scope
from checks.network import Network
from tests.aws.blind import World
from tests.aws.fake import Answers, FakeAws, Fault
from tests.aws.places import ACCOUNT, NOW, REGION, fake_place, moto_place, seed
from tests.checks.nets.world import (
    ANSWERS,
    GLOBAL,
    NAT,
    attachment,
    counted,
    interface,
    peering,
    point,
    routed,
    subnet,
)  # fmt: skip

OTHER = "222222222222"


class AtAccount(Network):
    """The same check, for the places that tests make by a check's scope."""

    scope: ClassVar[Scope] = Scope.ACCOUNT


def arn(kind: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:ec2:{REGION}:{account}:{kind}/{name}"


def look(
    changed: Answers | None = None, *, answers: Answers = ANSWERS, check: Check | None = None, **place: Any
) -> dict[str, Reading]:
    """The readings by resource, each with verdicts and measures that the check declares, and JSON for evidence."""
    asking = check or Network()
    found = list(asking.run(fake_place(asking, {**answers, **(changed or {})}, **place)))
    for reading in found:
        assert reading.verdict in Network.verdicts, reading.verdict
        assert set(reading.values) <= set(Network.measures)
        assert "canary" not in json.dumps(
            [reading.summary, dict(reading.evidence), [dict(one.evidence) for one in reading.findings]]
        )
    by_resource = {reading.resource: reading for reading in found}
    assert len(by_resource) == len(found)
    return by_resource


def told(found: Mapping[str, Reading]) -> dict[str, tuple[str, Kind]]:
    """Resource -> verdict and kind, of what a person would hear."""
    return {resource: (reading.verdict, one.kind) for resource, reading in found.items() for one in reading.findings}


def test_what_is_wrong_in_a_region_and_of_which_kind() -> None:
    """Each with the guideline's kind that fits what it does."""
    found = look()
    assert told(found) == {
        arn("subnet", "subnet-2"): ("nearly_full", Kind.UTILIZATION),
        f"{arn('subnet', 'subnet-3')}/prefixes": ("no_prefix", Kind.UTILIZATION),
        arn("route-table", "rtb-2"): ("black_hole", Kind.UTILIZATION),
        f"{arn('natgateway', 'nat-1')}/zones": ("nat_other_zone", Kind.COMPLIANCE),
        arn("vpn-connection", "vpn-1"): ("vpn_half_down", Kind.COMPLIANCE),
        arn("vpc-endpoint", "vpce-1"): ("link_failed", Kind.UTILIZATION),
    }
    assert all(reading.outcome is not Outcome.UNKNOWN for reading in found.values())


def test_what_a_region_leaves_for_the_estate() -> None:
    """All blocks of a VPC, whom tables join, and what records can point at; nothing secret of a VPN."""
    found = look(owners={"vpc-1": Owner("acme-prod", "vpc", stage="production")})
    facts = [reading.evidence["network"] for reading in found.values() if "network" in reading.evidence]
    assert facts == [
        {"what": "vpc", "id": "vpc-1", "account": ACCOUNT, "region": REGION, "name": "", "stack": "acme-prod",
         "component": "vpc", "blocks": ["10.0.0.0/16", "100.64.0.0/16", "2001:db8::/56"]},
        {"what": "table", "id": "vgw-1", "members": ["vpc-1"], "routes": [["10.50.0.0/16", "vpn-1"]]},
        {"what": "peering", "id": "pcx-1", "sides": [
            {"vpc": "vpc-1", "at": [ACCOUNT, REGION], "blocks": ["10.0.0.0/16"]},
            {"vpc": "vpc-2", "at": [ACCOUNT, REGION], "blocks": ["10.1.0.0/16"]},
        ]},
        {"what": "ours", "addresses": ["52.1.2.3", "52.1.2.4"],
         "hosts": ["old.elb.amazonaws.com", "web-1.eu-west-1.elb.amazonaws.com"]},
        {"what": "table", "id": "tgw-rtb-1", "members": ["vpc-1", "vpc-2", "vpc-3"],
         "routes": [["10.60.0.0/16", "vpn-2"]]},
    ]  # fmt: skip


def test_the_measures_of_a_region() -> None:
    """Sums over resources, as metrics show them."""
    sums: dict[str, float] = {}
    for reading in look().values():
        for name, value in reading.values.items():
            sums[name] = sums.get(name, 0) + value
    assert sums == {
        "vpcs": 1, "subnets": 3, "subnet_addresses": 251 + 251 + 59, "subnet_addresses_free": 229,
        "subnet_prefixes_free": 0, "routes_black_hole": 1, "nat_gateways": 1, "nat_port_errors": 0,
        "nat_packets_dropped": 0, "vpn_tunnels_down": 1,
    }  # fmt: skip


def test_of_an_empty_region_it_says_what_it_looked_for() -> None:
    """A run without a reading would be taken for one that saw nothing."""
    nothing: dict[tuple[str, str], Any] = {
        ("ec2", "describe_vpcs"): {"Vpcs": []}, ("ec2", "describe_subnets"): {"Subnets": []},
        ("ec2", "describe_network_interfaces"): {"NetworkInterfaces": []},
        ("ec2", "describe_route_tables"): {"RouteTables": []}, ("ec2", "describe_nat_gateways"): {"NatGateways": []},
        ("ec2", "describe_vpn_connections"): {"VpnConnections": []},
        ("ec2", "describe_vpc_peering_connections"): {"VpcPeeringConnections": []},
        ("ec2", "describe_vpc_endpoints"): {"VpcEndpoints": []}, ("ec2", "describe_addresses"): {"Addresses": []},
        ("elbv2", "describe_load_balancers"): {"LoadBalancers": []},
        ("elb", "describe_load_balancers"): {"LoadBalancerDescriptions": []},
        ("ec2", "describe_transit_gateway_attachments"): {"TransitGatewayAttachments": []},
        ("ec2", "describe_transit_gateway_route_tables"): {"TransitGatewayRouteTables": []},
    }  # fmt: skip
    found = look(answers=nothing)
    assert {name.rpartition("/")[2] for name in found} == {
        "vpcs", "subnets", "prefixes", "routes", "nat", "vpn", "peerings", "endpoints", "addresses", "transit",
    }  # fmt: skip
    assert {reading.outcome for reading in found.values()} == {Outcome.HEALTHY}


def test_a_subnet_that_another_account_shares_is_told_by_that_account() -> None:
    """Here it is seen, kept for the estate, and not counted."""
    shared = {("ec2", "describe_subnets"): {"Subnets": [subnet("subnet-9", "10.9.0.0/24", 0, account=OTHER)]}}
    reading = look(shared)[arn("subnet", "subnet-9", OTHER)]
    assert (reading.verdict, reading.outcome, reading.findings, reading.values) == (
        "told_elsewhere", Outcome.UNHEALTHY, (), {},
    )  # fmt: skip
    assert reading.evidence["foreign"]["place"] == f"{OTHER}/{REGION}"
    assert [one["kind"] for one in reading.evidence["foreign"]["findings"]] == ["utilization"]


@pytest.mark.parametrize(
    ("state", "one", "other", "here"),
    [
        ("failed", ACCOUNT, OTHER, True),
        ("failed", OTHER, ACCOUNT, False),
        ("pending-acceptance", ACCOUNT, OTHER, False),
        ("pending-acceptance", OTHER, ACCOUNT, True),
        ("pending-acceptance", ACCOUNT, ACCOUNT, True),
    ],
)
def test_a_peering_is_told_once(state: str, one: str, other: str, here: bool) -> None:
    """By who has to do something: who accepts, or who asked for it."""
    changed = {
        ("ec2", "describe_vpc_peering_connections"): {"VpcPeeringConnections": [peering("pcx-1", state, one, other)]}
    }
    reading = look(changed)[arn("vpc-peering-connection", "pcx-1")]
    assert bool(reading.findings) is here
    assert reading.outcome is Outcome.UNHEALTHY


@pytest.mark.parametrize(
    ("stage", "owner", "expected"),
    [
        ("production", None, "nat_other_zone"),
        ("", None, "nat_other_zone"),
        ("development", None, "fine"),
        ("production", Owner("acme-dev", "vpc", stage="development"), "fine"),
        ("development", Owner("acme-prod", "vpc", stage="production"), "nat_other_zone"),
    ],
)
def test_one_nat_gateway_for_several_zones_is_told_of_in_production(
    stage: str, owner: Owner | None, expected: str
) -> None:
    """The owner's stage before the account's; not known counts as production."""
    found = look(labels={"stage": stage}, owners={"nat-1": owner} if owner else {})
    assert found[f"{arn('natgateway', 'nat-1')}/zones"].verdict == expected


def test_a_regional_nat_gateway_is_in_every_zone() -> None:
    """It depends on none."""
    changed = {("ec2", "describe_nat_gateways"): {"NatGateways": [{**NAT, "AvailabilityMode": "regional"}]}}
    assert look(changed)[f"{arn('natgateway', 'nat-1')}/zones"].verdict == "fine"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (counted(errors=2), "nat_ports"),
        (counted(dropped=50), "nat_drops"),
        (counted(errors=None), "unmeasured"),
        (counted(packets=None), "unmeasured"),
        ({"MetricDataResults": []}, "unmeasured"),
        ({"MetricDataResults": [point("q0", 0.0, status="InternalError")]}, "unmeasured"),
        ({"MetricDataResults": [point("q0", 1.0, status="PartialData")]}, "unmeasured"),
        ({"MetricDataResults": [point("q0", 1.0, status="PartialData"), point("q0", 2.0)]}, "nat_ports"),
    ],
)  # fmt: skip
def test_what_nat_gateways_counted(answer: Any, verdict: str) -> None:
    """Missing datapoints are not zero; parts of one result are put together."""
    reading = look({("cloudwatch", "get_metric_data"): answer})[arn("natgateway", "nat-1")]
    assert reading.verdict == verdict
    if verdict == "unmeasured":
        assert reading.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("one", "other", "resource"),
    [
        (
            {("ec2", "describe_subnets"): {"Subnets": [subnet("subnet-2", "10.0.1.0/24", 7)]}},
            {("ec2", "describe_subnets"): {"Subnets": [subnet("subnet-2", "10.0.1.0/24", 6)]}},
            arn("subnet", "subnet-2"),
        ),
        (
            {("cloudwatch", "get_metric_data"): counted(errors=3)},
            {("cloudwatch", "get_metric_data"): counted(errors=4)},
            arn("natgateway", "nat-1"),
        ),
        (
            {("cloudwatch", "get_metric_data"): counted(dropped=30)},
            {("cloudwatch", "get_metric_data"): counted(dropped=40)},
            arn("natgateway", "nat-1"),
        ),
    ],
    ids=["free addresses", "port errors", "packets"],
)
def test_a_finding_does_not_move_with_the_numbers_of_each_look(one: Answers, other: Answers, resource: str) -> None:
    """The reading has them; a finding that changes is told again each hour."""
    first, second = look(one)[resource], look(other)[resource]
    assert first.findings == second.findings != ()
    assert first.summary != second.summary


def test_metrics_are_asked_in_batches() -> None:
    """300 gateways are 1,200 queries, of which one request takes 500."""
    nats = [{**NAT, "NatGatewayId": f"nat-{n}"} for n in range(300)]
    fake = FakeAws({**ANSWERS, ("ec2", "describe_nat_gateways"): {"NatGateways": nats}})
    found = list(Network().run(fake_place(Network(), fake)))
    asked = [call for call in fake.calls if call.operation == "get_metric_data"]
    assert [len(call.parameters["MetricDataQueries"]) for call in asked] == [500, 500, 200]
    assert {call.parameters["EndTime"] - call.parameters["StartTime"] for call in asked} == {timedelta(hours=1)}
    assert sum(reading.values.get("nat_gateways", 0) for reading in found) == 300


def test_a_gateway_that_failed_is_told_though_cloudwatch_refuses() -> None:
    """What it counted does not matter any more; of one that works it does."""
    failed = {"NatGatewayId": "nat-2", "State": "failed", "FailureCode": "InsufficientFreeAddressesInSubnet"}
    fake = FakeAws({**ANSWERS, ("ec2", "describe_nat_gateways"): {"NatGateways": [NAT, failed]}})
    with fake.failing("cloudwatch", "get_metric_data", Fault.DENIED):
        found = {one.resource: one for one in Network().run(fake_place(Network(), fake))}
    assert found[arn("natgateway", "nat-2")].verdict == "nat_failed"
    assert found[arn("natgateway", "nat-1")].outcome is Outcome.UNKNOWN
    assert "cloudwatch:GetMetricData" in found[arn("natgateway", "nat-1")].summary


@pytest.mark.parametrize(
    ("addresses", "prefixes", "free", "verdict"),
    [
        (("10.0.2.8",), ("10.0.2.16/28",), 42, "no_prefix"),
        (("10.0.2.8",), (), 58, None),
        (("10.0.2.8",), ("10.0.2.16/28",), 41, "unclear"),
    ],
)
def test_whole_prefixes(addresses: tuple[str, ...], prefixes: tuple[str, ...], free: int, verdict: str | None) -> None:
    """Asked where prefixes are handed out, and not known where addresses are in use that nobody shows."""
    interfaces = [interface("subnet-3", *addresses, prefixes=prefixes)]
    found = look({
        ("ec2", "describe_subnets"): {"Subnets": [subnet("subnet-3", "10.0.2.0/26", free)]},
        ("ec2", "describe_network_interfaces"): {"NetworkInterfaces": interfaces},
    })  # fmt: skip
    reading = found.get(f"{arn('subnet', 'subnet-3')}/prefixes")
    assert (reading.verdict if reading else None) == verdict


def test_a_subnet_that_fills_up_is_told_before_it_is_full() -> None:
    """By what was kept at earlier looks: 20 addresses a day for three days, 30 left above the limit."""
    history = [[(NOW - timedelta(hours=6 * n)).timestamp(), 100 + 5 * n] for n in range(12, 0, -1)]
    place = fake_place(
        Network(),
        {**ANSWERS, ("ec2", "describe_subnets"): {"Subnets": [subnet("subnet-1", "10.0.0.0/24", 100)]}},
        memory={"free_addresses": {"subnet-1": history}},
    )
    found = {one.resource: one for one in Network().run(place)}
    reading = found[arn("subnet", "subnet-1")]
    assert reading.verdict == "filling"
    assert reading.values["subnet_full_timestamp_seconds"] == pytest.approx(
        (NOW + timedelta(days=5)).timestamp(), abs=60
    )
    assert place.kept["free_addresses"]["subnet-1"][-1] == [NOW.timestamp(), 100]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"Routes": [], "AdditionalRoutesAvailable": False}, "fine"),
        ({"Routes": [], "AdditionalRoutesAvailable": True}, "too_many_routes"),
        ({"AdditionalRoutesAvailable": False}, "too_many_routes"),
        (
            {"Routes": [routed("10.2.0.0/16", "vpc", "vpc-9", "blackhole")], "AdditionalRoutesAvailable": False},
            "black_hole",
        ),
    ],
)
def test_routes_of_a_transit_gateway(answer: Any, verdict: str) -> None:
    """More routes than one answer holds are not all of them."""
    reading = look({("ec2", "search_transit_gateway_routes"): answer})[arn("transit-gateway-route-table", "tgw-rtb-1")]
    assert reading.verdict == verdict


def test_routes_of_a_transit_gateway_come_in_pages() -> None:
    """A black hole on the second page is found."""
    pages = {
        None: {"Routes": [routed("10.60.0.0/16", "vpn", "vpn-2")], "AdditionalRoutesAvailable": True, "NextToken": "2"},
        "2": {"Routes": [routed("10.2.0.0/16", "vpc", "vpc-9", "blackhole")], "AdditionalRoutesAvailable": False},
    }
    changed: Answers = {("ec2", "search_transit_gateway_routes"): lambda call: pages[call.parameters.get("NextToken")]}
    assert look(changed)[arn("transit-gateway-route-table", "tgw-rtb-1")].verdict == "black_hole"


def test_an_attachment_that_waits_is_told_by_the_gateways_account() -> None:
    """It has to accept."""
    waiting = attachment("tgw-attach-1", "vpc-1", "pendingAcceptance", TransitGatewayOwnerId=OTHER)
    changed = {("ec2", "describe_transit_gateway_attachments"): {"TransitGatewayAttachments": [waiting]}}
    reading = look(changed)[arn("transit-gateway-attachment", "tgw-attach-1")]
    assert (reading.verdict, reading.findings) == ("told_elsewhere", ())


@dataclass(frozen=True)
class BothPlaces:
    """The worlds of a region and of an account, one after the other."""

    region: World = field(default_factory=lambda: World(ANSWERS))
    account: World = field(default_factory=lambda: World(GLOBAL))

    def prove(self, check: Check, folder: Path) -> None:
        """As World.prove(), at both."""
        self.region.prove(check, folder / "region")
        self.account.prove(AtAccount(), folder / "account")


WORLD = BothPlaces()


def test_over_moto(moto: str) -> None:
    """VPCs with secondary blocks, a subnet whose addresses go, routes, NAT gateways, peerings: as moto answers them."""
    mine = "333333333301"
    ec2 = seed(moto, "ec2", account=mine)
    one = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.20.0.0/20")["Vpc"]["VpcId"]
    ec2.associate_vpc_cidr_block(VpcId=one, CidrBlock="10.21.0.0/16")
    small = ec2.create_subnet(VpcId=one, CidrBlock="10.20.1.0/28")["Subnet"]["SubnetId"]
    for _ in range(5):
        ec2.create_network_interface(SubnetId=small)
    nat = ec2.create_nat_gateway(SubnetId=small, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    link = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)["VpcPeeringConnection"][
        "VpcPeeringConnectionId"
    ]
    check = Network()
    found = {reading.resource: reading for reading in check.run(moto_place(check, moto, account=mine))}
    facts = [reading.evidence["network"] for reading in found.values() if "network" in reading.evidence]
    blocks = {fact["id"]: fact["blocks"] for fact in facts if fact["what"] == "vpc"}
    assert blocks[one] == ["10.20.0.0/16", "10.21.0.0/16"]
    assert blocks[other] == ["10.20.0.0/20"]
    assert found[arn("subnet", small, mine)].verdict == "nearly_full"
    assert found[arn("natgateway", nat, mine)].verdict == "unmeasured"
    assert found[arn("vpc-peering-connection", link, mine)].verdict == "link_waiting"
