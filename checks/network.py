"""Network: addresses that overlap or run out, routes and links that lead nowhere, names that fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from checks.aws import VERDICTS, AwsPlace
from checks.base import Asks, Check, Reading, Scope
from checks.estate import KEY as ESTATE
from checks.nets.account import AccountLook
from checks.nets.estate import EstateLook
from checks.nets.facts import Declared
from checks.nets.overlap import Reuse
from checks.nets.region import RegionLook
from checks.nets.subnets import Limits
from checks.nets.transit import TransitLook

SHARED_SPACE = Reuse("100.64.0.0/10", "shared address space of RFC 6598: pods and carriers use it again on purpose")


@dataclass(frozen=True)
class Network(Check):
    """Address ranges that overlap, subnets that fill up, routes and links that lead nowhere, names that fail."""

    cidr_vars: tuple[str, ...] = (
        "cidr_block", "vpc_cidr", "vpc_cidr_block", "ipv4_primary_cidr_block", "ipv4_cidrs",
        "ipv4_additional_cidr_block_associations", "secondary_cidr_blocks",
    )  # fmt: skip
    """Variables of components that hold planned blocks."""
    reuse: tuple[Reuse, ...] = (SHARED_SPACE,)  # addresses that are used more than once on purpose
    free_ratio: float = 0.1  # of a subnet's addresses free, below which it is told of
    free_addresses: int = 8  # addresses free, below which a subnet of any size is told of
    free_prefixes: int = 4  # whole /28 free, below which a subnet with prefix delegation is told of
    full_within: timedelta = timedelta(days=7)  # a subnet that will be full so soon by its trend is told of
    nat_drop_ratio: float = 0.0001  # of a NAT gateway's packets dropped in an hour, above which it is told of
    names: tuple[Declared, ...] = ()  # DNS names that have to answer
    domain_within: timedelta = timedelta(days=30)  # how long before a domain's end it is told of

    scope: ClassVar[Scope] = Scope.REGION
    more_scopes: ClassVar[tuple[Scope, ...]] = (Scope.ACCOUNT, Scope.ESTATE)
    every: ClassVar[timedelta] = timedelta(hours=1)
    deadline: ClassVar[timedelta] = timedelta(minutes=10)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(13), Scope.ACCOUNT: Asks(5)}
    iam: ClassVar[tuple[str, ...]] = (
        "ec2:DescribeVpcs",
        "ec2:DescribeSubnets",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeNatGateways",
        "ec2:DescribeAddresses",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpnConnections",
        "ec2:DescribeVpnGateways",
        "ec2:DescribeTransitGatewayAttachments",
        "ec2:DescribeTransitGatewayRouteTables",
        "ec2:GetTransitGatewayRouteTablePropagations",
        "ec2:SearchTransitGatewayRoutes",
        "cloudwatch:GetMetricData",
        "elasticloadbalancing:DescribeLoadBalancers",
        "route53:ListHostedZones",
        "route53:ListResourceRecordSets",
        "route53:ListHealthChecks",
        "route53:GetHealthCheckStatus",
        "route53domains:ListDomains",
        "cloudfront:ListDistributions",
        "s3:ListAllMyBuckets",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "vpcs": "VPCs that the region has or that are shared with it.",
        "subnets": "Subnets with IPv4 addresses that belong to the account.",
        "subnet_addresses": "IPv4 addresses that these subnets can give away.",
        "subnet_addresses_free": "IPv4 addresses of these that are free.",
        "subnet_prefixes_free": "Whole /28 that are free in subnets all of whose addresses in use are visible.",
        "subnet_full_timestamp_seconds": "When the first subnet will be full by its trend.",
        "routes_black_hole": "Routes whose target is gone.",
        "nat_gateways": "NAT gateways.",
        "nat_port_errors": "Times in the last full hour that a NAT gateway had no port left.",
        "nat_packets_dropped": "Packets that NAT gateways dropped in the last full hour.",
        "vpn_tunnels_down": "VPN tunnels that are down.",
        "overlaps_reachable": "Groups of networks that share addresses and reach each other or one third.",
        "overlaps_apart": "Groups of networks that share addresses and are not connected so far.",
        "records_dangling": "Records that point at what is not ours any more.",
        "records_elsewhere": "Records of public zones whose target is in no account that is seen.",
        "domain_expiry_timestamp_seconds": "When the first of the account's domains ends.",
    }
    verdicts: ClassVar[Mapping[str, str]] = {
        "fine": "looked at, and nothing is wrong",
        "seen": "listed, for the estate to be judged by",
        "changing": "being made right now",
        "nearly_full": "a subnet has few addresses left",
        "filling": "a subnet will be full soon at its pace",
        "exhausted": "a subnet has no address left",
        "no_prefix": "a subnet has hardly a whole /28 left for prefix delegation",
        "black_hole": "routes lead to what is gone",
        "nat_failed": "a NAT gateway failed",
        "nat_ports": "a NAT gateway found no free port",
        "nat_drops": "a NAT gateway drops packets",
        "nat_other_zone": "production subnets depend on the NAT gateway of another zone",
        "unmeasured": "could not look: CloudWatch has no datapoint",
        "vpn_down": "every tunnel of a VPN is down",
        "vpn_half_down": "a VPN has lost some of its tunnels",
        "link_failed": "a peering, endpoint or attachment failed, expired or was refused",
        "link_waiting": "a peering, endpoint or attachment waits to be accepted",
        "link_partial": "an endpoint works in a part of its zones",
        "told_elsewhere": "wrong, and told by the account it belongs to",
        "too_many_routes": "could not look: a route table has more routes than AWS gives",
        "unclear": "could not look: AWS gave no answer that is known here",
        "overlap": "networks that reach each other, or one third, share addresses",
        "overlap_apart": "networks that are not connected so far share addresses",
        "over": "an overlap or a dangling record that is gone",
        "planned_overlap": "a planned block is held by something else",
        "planned_free": "nobody else holds the planned blocks",
        "planned_unknown": "could not look: a planned block is masked, or its template was not worked out",
        "compared": "the networks of all accounts and regions were compared",
        "partial": "could not look: what some account or region has is not known just now",
        "no_accounts": "no account is watched, and none ever was",
        "waiting": "could not look: some accounts and regions were not looked at yet",
        "resolves": "a declared name answers",
        "name_missing": "a declared name does not exist, or has no such record",
        "name_differs": "a declared name answers something else",
        "dns_no_answer": "could not look: DNS does not answer",
        "delegated": "a zone is delegated to its own name servers",
        "delegated_in_part": "a zone is also delegated to servers that are not its own",
        "delegated_elsewhere": "a zone is delegated to other servers",
        "not_delegated": "a zone is not delegated",
        "dangling": "a record points at what is not ours any more, or does not exist",
        "points_home": "every record of a zone points at what is ours",
        "points_elsewhere": "records point at what no account that is seen has: could not tell whose it is",
        "registered": "a domain is registered for long enough",
        "domain_expires": "a domain ends soon",
        "domain_expired": "a domain has ended",
        "domain_not_renewed": "a domain does not renew by itself",
        "no_expiry": "could not look: a domain does not say when it ends",
        "health_ok": "a Route 53 health check reaches its target",
        "health_failed": "a Route 53 health check does not reach its target",
        "health_unknown": "could not look: no checker reports",
        "switched_off": "a health check is switched off",
        "follows_others": "a health check that follows others or an alarm: these are looked at themselves",
        **VERDICTS,
    }

    def run(self, place: Any) -> Iterable[Reading]:
        """Every reading of a region, an account, or the estate. Which of them *place* is, its key says."""
        if place.key == ESTATE:
            return EstateLook(place, __name__.rpartition(".")[2], self.cidr_vars, self.reuse, self.names).readings()
        if place.key == place.account:
            return AccountLook(place, self.domain_within).readings()
        return self._region(place)

    def _region(self, place: AwsPlace) -> Iterator[Reading]:
        limits = Limits(self.free_ratio, self.free_addresses, self.full_within.total_seconds(), self.free_prefixes)
        yield from RegionLook(place, limits, self.nat_drop_ratio).readings()
        yield from TransitLook(place).readings()
