"""One region of an account: VPCs, subnets, routes, NAT gateways, links; and what the estate is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.aws import AwsError, AwsPlace, arn_at, could_not_look, guarded, looked, owner_of, production, tags
from checks.base import Json, Outcome, Reading
from checks.nets import links
from checks.nets.blocks import Block, parsed
from checks.nets.routes import crossing, egresses, holes
from checks.nets.subnets import (
    Fill,
    Judged,
    Limits,
    Sample,
    capacity,
    free_prefixes,
    judged,
    judged_prefixes,
    remembered,
    seconds_to_full,
)
from checks.nets.told import BREAKS, RUNS_OUT, WEAKNESS, command, fact, healthy, name_of, unhealthy, unknown
from checks.nets.traffic import nat_traffic

Found = Mapping[str, Any]  # one thing, as AWS lists it
_HISTORY = "free_addresses"  # what is kept from look to look


@dataclass(frozen=True, slots=True)
class RegionLook:
    """One look at a region. Each part that AWS refuses is one UNKNOWN reading, and spoils no other."""

    place: AwsPlace
    limits: Limits
    drop_ratio: float

    def readings(self) -> Iterator[Reading]:
        """Everything in the region that is judged by itself."""
        for name, what, look in (
            ("vpcs", "which VPCs there are", self._vpcs),
            ("subnets", "how full its subnets are", self._subnets),
            ("prefixes", "how many whole /28 its subnets have free", self._prefixes),
            ("routes", "whether its routes lead anywhere", self._tables),
            ("nat", "whether its NAT gateways work", self._nats),
            ("vpn", "whether its VPNs are up", self._vpns),
            ("peerings", "how its peering connections stand", self._peerings),
            ("endpoints", "how its VPC endpoints stand", self._endpoints),
            ("addresses", "which public addresses and load balancers it has", self._ours),
        ):
            yield from guarded(f"{self.place.key}/{name}", what, look)

    # -- VPCs and subnets ---------------------------------------------------------------------------------------

    def _vpcs(self) -> Iterator[Reading]:
        vpcs = self.place.shared("ec2", "describe_vpcs", "Vpcs")
        for vpc in vpcs:
            name, owner_id = str(vpc["VpcId"]), str(vpc.get("OwnerId") or self.place.account)
            arn = arn_at(self.place, "ec2", f"vpc/{name}", account=owner_id)
            owner = owner_of(self.place, arn, name)
            blocks = vpc_blocks(vpc)
            yield healthy(
                arn, "seen", f"holds {', '.join(blocks) or 'no addresses'}",
                evidence=fact(
                    "vpc", id=name, account=owner_id, region=self.place.region, name=name_of(tags(vpc.get("Tags"))),
                    blocks=blocks, stack=owner.stack if owner else "", component=owner.component if owner else "",
                ),
            )  # fmt: skip
        yield healthy(f"{self.place.key}/vpcs", "seen", f"{len(vpcs)} VPCs", values={"vpcs": float(len(vpcs))})

    def _subnets(self) -> Iterator[Reading]:
        history: Mapping[str, list[Sample]] = self.place.recall(_HISTORY) or {}
        kept: dict[str, list[Sample]] = {}
        subnets = self.place.shared("ec2", "describe_subnets", "Subnets")
        yield looked(self.place, "subnets", len(subnets))
        for subnet in subnets:
            name, free = str(subnet["SubnetId"]), subnet.get("AvailableIpAddressCount")
            block = parsed(subnet.get("CidrBlock"))
            if subnet.get("Ipv6Native") or (block is None and free is None):
                continue  # of IPv6 alone there is no end
            if block is None or not isinstance(free, int):
                yield unknown(self._subnet_arn(subnet), "unclear", f"AWS does not say how full subnet {name} is")
                continue
            past = [(float(at), float(count)) for at, count in history.get(name, ())]
            kept[name] = remembered(past, float(int(self.place.now().timestamp())), free)
            yield self._subnet(subnet, Fill(capacity(block), free, seconds_to_full(kept[name])))
        self.place.keep(_HISTORY, kept)

    def _subnet(self, subnet: Found, fill: Fill) -> Reading:
        values = {"subnets": 1.0, "subnet_addresses": float(fill.capacity), "subnet_addresses_free": float(fill.free)}
        if fill.to_full is not None and fill.to_full != float("inf"):
            values["subnet_full_timestamp_seconds"] = self.place.now().timestamp() + fill.to_full
        return self._filled(subnet, self._subnet_arn(subnet), judged(fill, self.limits), values)

    def _prefixes(self) -> Iterator[Reading]:
        """Subnets in which network interfaces hold whole prefixes, as nodes of EKS do."""
        used: dict[str, list[Block]] = {}
        interfaces = self.place.shared("ec2", "describe_network_interfaces", "NetworkInterfaces")
        subnets = self.place.shared("ec2", "describe_subnets", "Subnets")
        yield looked(self.place, "prefixes", len(interfaces))
        for interface in interfaces:
            used.setdefault(str(interface.get("SubnetId")), []).extend(_held(interface))
        for subnet in subnets:
            block, free = parsed(subnet.get("CidrBlock")), subnet.get("AvailableIpAddressCount")
            held = {one for one in used.get(str(subnet["SubnetId"]), ()) if block is not None and block.holds(one)}
            if block is None or all(one.first == one.last for one in held):
                continue
            arn = f"{self._subnet_arn(subnet)}/prefixes"
            if capacity(block) - sum(one.last - one.first + 1 for one in held) != free:
                # Somebody's addresses are not seen: of a subnet that is shared, or kept by a reservation.
                told = f"whole /28 of subnet {subnet['SubnetId']}: addresses are in use that no network interface shows"
                yield Reading(arn, Outcome.UNKNOWN, "unclear", told)
                continue
            found = free_prefixes(block, held)
            yield self._filled(
                subnet, arn, judged_prefixes(found, self.limits), {"subnet_prefixes_free": float(found)}
            )  # fmt: skip

    def _filled(self, subnet: Found, arn: str, said: Judged, values: Mapping[str, float]) -> Reading:
        name, account = str(subnet["SubnetId"]), str(subnet.get("OwnerId") or self.place.account)
        if account != self.place.account:
            values = {}  # counted where it belongs
        named = f"subnet {name} ({subnet.get('CidrBlock')})"
        if said.verdict == "fine":
            return healthy(arn, said.verdict, f"{named}: {said.now}", values=values)
        plain_arn = self._subnet_arn(subnet)
        reading = unhealthy(
            arn, said.verdict, f"{named}: {said.now}", RUNS_OUT, key="subnet", told=f"{named}: {said.told}",
            owner=owner_of(self.place, plain_arn, name), addresses=(plain_arn,),
            remedy=command(
                self.place.region, "see what holds the addresses", "ec2", "describe-network-interfaces", "--filters",
                f"Name=subnet-id,Values={name}",
            ),
            shown={"vpc": str(subnet.get("VpcId", "")), "zone": str(subnet.get("AvailabilityZone", ""))},
            values=values,
        )  # fmt: skip
        return told_by(reading, self.place, account, self.place.region)

    # -- routes and NAT gateways --------------------------------------------------------------------------------

    def _tables(self) -> Iterator[Reading]:
        tables = self.place.shared("ec2", "describe_route_tables", "RouteTables")
        yield looked(self.place, "routes", len(tables))
        for table in tables:
            if str(table.get("OwnerId") or self.place.account) != self.place.account:
                continue
            name = str(table["RouteTableId"])
            arn = arn_at(self.place, "ec2", f"route-table/{name}")
            found = holes(table.get("Routes") or ())
            values = {"routes_black_hole": float(len(found))}
            if not found:
                yield healthy(arn, "fine", "every route leads somewhere", values=values)
                continue
            first = ", ".join(f"{hole.destination} through {hole.target}" for hole in found[:4])
            more = f" and {len(found) - 4} more" if len(found) > 4 else ""
            yield unhealthy(
                arn, "black_hole", f"route table {name} of {table.get('VpcId')} drops what is sent to {first}{more}",
                BREAKS, key="black_hole", owner=owner_of(self.place, arn, name), values=values,
                remedy=command(self.place.region, "see its routes", "ec2", "describe-route-tables",
                               "--route-table-ids", name),
                shown={"routes": [f"{hole.destination} -> {hole.target}" for hole in found]},
            )  # fmt: skip

    def _nats(self) -> Iterator[Reading]:
        nats = {
            str(one["NatGatewayId"]): one
            for one in self.place.shared("ec2", "describe_nat_gateways", "NatGateways")
            if str(one.get("State")) not in links.GONE
        }
        yield looked(self.place, "nat", len(nats))
        counted: Mapping[str, links.NatTraffic] = {}
        refused = None
        live = sorted(name for name, one in nats.items() if one.get("State") == "available")
        try:
            counted = nat_traffic(self.place, live) if live else {}
        except AwsError as error:
            refused = error
        nothing = links.NatTraffic(None, None, None)
        for name, gateway in sorted(nats.items()):
            arn = arn_at(self.place, "ec2", f"natgateway/{name}")
            if refused is not None and name in live:
                yield could_not_look(arn, refused, "whether the NAT gateway runs out of ports")
                continue
            traffic = counted.get(name, nothing)
            state = links.nat(gateway, traffic, self.drop_ratio)
            if state is not None:
                yield self._state(arn, name, state, key="nat", values=_nat_values(traffic))
        yield from guarded(
            f"{self.place.key}/nat-zones", "which zones depend on another's NAT gateway", self._zones, nats
        )

    def _zones(self, nats: Mapping[str, Found]) -> Iterator[Reading]:
        subnets = self.place.shared("ec2", "describe_subnets", "Subnets")
        tables = self.place.shared("ec2", "describe_route_tables", "RouteTables")
        zones = {str(one["SubnetId"]): str(one.get("AvailabilityZone") or "") for one in subnets}
        vpcs = {str(one["SubnetId"]): str(one.get("VpcId")) for one in subnets}
        nat_zones = {
            name: "" if one.get("AvailabilityMode") == "regional" else zones.get(str(one.get("SubnetId")), "")
            for name, one in nats.items()
        }
        crossed = crossing(egresses(tables, zones, vpcs, nat_zones))
        for name in sorted(nats):
            resource = f"{arn_at(self.place, 'ec2', f'natgateway/{name}')}/zones"
            owner = owner_of(self.place, resource.removesuffix("/zones"), name)
            found = crossed.get(name, ())
            if not found or not production(self.place.labels, owner):
                yield healthy(resource, "fine", "no production subnet depends on another zone's NAT gateway")
                continue
            others = sorted({one.zone for one in found})
            yield unhealthy(
                resource, "nat_other_zone",
                f"{len(found)} subnets in {', '.join(others)} reach the outside through NAT gateway {name} in "
                f"{found[0].nat_zone}: if that zone fails, so do they, and the way between zones is paid for",
                WEAKNESS, key="nat_zones", owner=owner, addresses=(resource.removesuffix("/zones"),),
                shown={"subnets": [one.subnet for one in found], "zones": others},
            )  # fmt: skip

    # -- links --------------------------------------------------------------------------------------------------

    def _vpns(self) -> Iterator[Reading]:
        # Not shared: the answer holds the tunnels' keys, which are not to stay anywhere.
        connections = list(self.place.pages("ec2", "describe_vpn_connections", "VpnConnections"))
        gateways = self.place.shared("ec2", "describe_vpn_gateways", "VpnGateways") if connections else ()
        attached = {
            str(one["VpnGatewayId"]): sorted(
                str(vpc["VpcId"]) for vpc in one.get("VpcAttachments") or () if vpc.get("State") == "attached"
            )
            for one in gateways
        }
        yield looked(self.place, "vpn", len(connections))
        for connection in connections:
            state = links.vpn(connection)
            if state is None:
                continue
            name = str(connection["VpnConnectionId"])
            gateway = str(connection.get("VpnGatewayId") or "")
            blocks = [str(one.get("DestinationCidrBlock")) for one in connection.get("Routes") or ()
                      if one.get("State") not in links.GONE]  # fmt: skip
            evidence: Mapping[str, Json] = {}
            if gateway:
                evidence = fact("table", id=gateway, members=attached.get(gateway, []),
                                routes=[[block, name] for block in blocks])  # fmt: skip
            down = sum(one.get("Status") == "DOWN" for one in connection.get("VgwTelemetry") or ())
            yield self._state(
                arn_at(self.place, "ec2", f"vpn-connection/{name}"), name, state, key="vpn",
                values={"vpn_tunnels_down": float(down)}, evidence=evidence,
            )  # fmt: skip

    def _peerings(self) -> Iterator[Reading]:
        peerings = self.place.shared("ec2", "describe_vpc_peering_connections", "VpcPeeringConnections")
        yield looked(self.place, "peerings", len(peerings))
        for peering in peerings:
            status = peering.get("Status") or {}
            state = links.link("VPC peering connection", str(status.get("Code", "")), str(status.get("Message", "")))
            if state is None:
                continue
            name = str(peering["VpcPeeringConnectionId"])
            sides = [_side(peering.get(which) or {}) for which in ("RequesterVpcInfo", "AccepterVpcInfo")]
            evidence: Mapping[str, Json] = {}
            if status.get("Code") == "active":
                evidence = fact("peering", id=name, sides=sides)
            # Whoever has to accept is told that it waits; else it is the requester's.
            account, region = (sides[1] if state.verdict == "link_waiting" else sides[0])["at"]
            reading = self._state(
                arn_at(self.place, "ec2", f"vpc-peering-connection/{name}"), name, state, key="peering",
                evidence=evidence,
            )  # fmt: skip
            yield told_by(reading, self.place, account or self.place.account, region or self.place.region)

    def _endpoints(self) -> Iterator[Reading]:
        endpoints = self.place.shared("ec2", "describe_vpc_endpoints", "VpcEndpoints")
        yield looked(self.place, "endpoints", len(endpoints))
        for endpoint in endpoints:
            if str(endpoint.get("OwnerId") or self.place.account) != self.place.account:
                continue
            name = str(endpoint["VpcEndpointId"])
            said = str((endpoint.get("LastError") or {}).get("Code") or "")
            what = f"VPC endpoint {name} to {endpoint.get('ServiceName', 'a service')}"
            state = links.link(what, str(endpoint.get("State", "")), said)
            if state is not None:
                yield self._state(arn_at(self.place, "ec2", f"vpc-endpoint/{name}"), name, state, key="endpoint")

    def _state(self, arn: str, name: str, state: links.State, *, key: str, **more: Any) -> Reading:
        summary = state.summary if name in state.summary else f"{name}: {state.summary}"
        if state.verdict == "unclear":
            return unknown(arn, state.verdict, summary, **more)
        if state.outcome is not Outcome.UNHEALTHY:
            return Reading(arn, state.outcome, state.verdict, summary, **more)
        kind = BREAKS if state.down else WEAKNESS
        told = f"{name}: {state.told}" if state.told else ""
        return unhealthy(
            arn, state.verdict, summary, kind, key=key, told=told, owner=owner_of(self.place, arn, name), **more
        )  # fmt: skip

    # -- what records can point at ------------------------------------------------------------------------------

    def _ours(self) -> Iterator[Reading]:
        addresses = {
            str(one["PublicIp"]) for one in self.place.shared("ec2", "describe_addresses", "Addresses")
            if one.get("PublicIp")
        }  # fmt: skip
        for interface in self.place.shared("ec2", "describe_network_interfaces", "NetworkInterfaces"):
            given = [interface, *(interface.get("PrivateIpAddresses") or ())]
            addresses |= {str(one["Association"]["PublicIp"]) for one in given
                          if (one.get("Association") or {}).get("PublicIp")}  # fmt: skip
            addresses |= {str(one["Ipv6Address"]) for one in interface.get("Ipv6Addresses") or ()}
        balancers = [
            *self.place.shared("elbv2", "describe_load_balancers", "LoadBalancers"),
            *self.place.shared("elb", "describe_load_balancers", "LoadBalancerDescriptions"),
        ]
        hosts = sorted({str(one["DNSName"]).lower() for one in balancers if one.get("DNSName")})
        yield healthy(
            f"{self.place.key}/addresses", "seen", f"{len(addresses)} public addresses, {len(hosts)} load balancers",
            evidence=fact("ours", addresses=sorted(addresses), hosts=hosts),
        )  # fmt: skip

    def _subnet_arn(self, subnet: Found) -> str:
        owner = str(subnet.get("OwnerId") or self.place.account)
        return arn_at(self.place, "ec2", f"subnet/{subnet['SubnetId']}", account=owner)


def vpc_blocks(vpc: Found) -> list[str]:
    """All blocks of a VPC: the first, the others, and IPv6; those on their way out left out."""
    first = [str(vpc["CidrBlock"])] if vpc.get("CidrBlock") else []
    others = [
        str(one[block])
        for listed, state, block in (
            ("CidrBlockAssociationSet", "CidrBlockState", "CidrBlock"),
            ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlockState", "Ipv6CidrBlock"),
        )
        for one in vpc.get(listed) or ()
        if _there(one.get(state))
    ]
    return list(dict.fromkeys(first + others))


def _there(state: Any) -> bool:
    return str((state or {}).get("State", "associated")) in ("associated", "associating")


def _held(interface: Found) -> Iterator[Block]:
    """The addresses and prefixes that a network interface holds."""
    given = [f"{one.get('PrivateIpAddress')}/32" for one in interface.get("PrivateIpAddresses") or ()]
    given += [str(one.get("Ipv4Prefix")) for one in interface.get("Ipv4Prefixes") or ()]
    yield from (block for block in map(parsed, given) if block is not None)


def _side(info: Found) -> dict[str, Any]:
    """One end of a peering connection, with its blocks: the other end may be in an account that nobody watches."""
    blocks = [str(one["CidrBlock"]) for one in info.get("CidrBlockSet") or () if one.get("CidrBlock")]
    blocks += [str(one["Ipv6CidrBlock"]) for one in info.get("Ipv6CidrBlockSet") or () if one.get("Ipv6CidrBlock")]
    if info.get("CidrBlock"):
        blocks.insert(0, str(info["CidrBlock"]))
    return {
        "vpc": str(info.get("VpcId") or ""),
        "at": [str(info.get("OwnerId") or ""), str(info.get("Region") or "")],
        "blocks": list(dict.fromkeys(blocks)),
    }


def _nat_values(traffic: links.NatTraffic) -> dict[str, float]:
    counted = {"nat_port_errors": traffic.port_errors, "nat_packets_dropped": traffic.dropped}
    return {"nat_gateways": 1.0, **{name: value for name, value in counted.items() if value is not None}}


def told_by(reading: Reading, place: AwsPlace, account: str, region: str) -> Reading:
    """The reading as it is where the thing belongs to *account* and *region*; seen from elsewhere, without findings.

    What is shared is seen from several accounts and told by one: where nobody watches that, by the estate.
    """
    if (account, region) == (place.account, place.region) or not reading.findings:
        return reading
    told = {
        "place": f"{account}/{region}",
        "verdict": reading.verdict,
        "findings": [{"kind": str(one.kind), "key": one.key, "summary": one.summary} for one in reading.findings],
    }
    return Reading(
        reading.resource, Outcome.UNHEALTHY, "told_elsewhere", f"{reading.summary} (told by account {account})",
        values=reading.values, evidence={**reading.evidence, "foreign": told},
    )  # fmt: skip
