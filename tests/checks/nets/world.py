"""A region and an account as AWS lists them, with something right and something wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from checks.nets.traffic import METRICS
from tests.aws.fake import Answers, Call
from tests.aws.places import ACCOUNT, NOW, REGION


def vpc(name: str, *blocks: str, account: str = ACCOUNT) -> dict[str, Any]:
    state = {"State": "associated"}
    four, six = ([block for block in blocks if (":" in block) is six] for six in (False, True))
    return {
        "VpcId": name, "OwnerId": account, "CidrBlock": blocks[0], "State": "available",
        "CidrBlockAssociationSet": [{"CidrBlock": block, "CidrBlockState": state} for block in four],
        "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": block, "Ipv6CidrBlockState": state} for block in six],
    }  # fmt: skip


def subnet(name: str, block: str, free: int, zone: str = "a", account: str = ACCOUNT, **more: Any) -> dict[str, Any]:
    return {"SubnetId": name, "VpcId": "vpc-1", "OwnerId": account, "CidrBlock": block, "AvailableIpAddressCount": free,
            "AvailabilityZone": f"{REGION}{zone}", **more}  # fmt: skip


def table(name: str, *routes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"RouteTableId": name, "VpcId": "vpc-1", "OwnerId": ACCOUNT, "Routes": list(routes),
            "Associations": [{"Main": True, "RouteTableId": name}], **more}  # fmt: skip


def peering(name: str, state: str, one: str = ACCOUNT, other: str = ACCOUNT) -> dict[str, Any]:
    def side(account: str, name: str, block: str) -> dict[str, Any]:
        return {
            "VpcId": name,
            "OwnerId": account,
            "Region": REGION,
            "CidrBlock": block,
            "CidrBlockSet": [{"CidrBlock": block}],
        }

    return {
        "VpcPeeringConnectionId": name, "Status": {"Code": state, "Message": "words of AWS"},
        "RequesterVpcInfo": side(one, "vpc-1", "10.0.0.0/16"), "AccepterVpcInfo": side(other, "vpc-2", "10.1.0.0/16"),
    }  # fmt: skip


def vpn(*tunnels: str) -> dict[str, Any]:
    return {
        "VpnConnectionId": "vpn-1", "VpnGatewayId": "vgw-1", "State": "available", "Type": "ipsec.1",
        "CustomerGatewayConfiguration": "<pre_shared_key>canary-psk</pre_shared_key>",
        "Options": {"TunnelOptions": [{"PreSharedKey": "canary-psk", "OutsideIpAddress": "192.0.2.1"}]},
        "Routes": [{"DestinationCidrBlock": "10.50.0.0/16", "State": "available", "Source": "Static"}],
        "VgwTelemetry": [{"OutsideIpAddress": f"192.0.2.{n}", "Status": word} for n, word in enumerate(tunnels, 1)],
    }  # fmt: skip


def point(name: str, *values: float, status: str = "Complete") -> dict[str, Any]:
    """What CloudWatch gives of one metric, on one page."""
    return {"Id": name, "StatusCode": status, "Timestamps": [NOW] * len(values), "Values": list(values)}


def counted(errors: float | None = 0, dropped: float | None = 0, packets: float | None = 1000) -> Any:
    """CloudWatch's answers: for each gateway that is asked for, what it counted; None: no datapoint."""
    values = dict(zip(METRICS, (errors, dropped, packets, packets), strict=True))

    def answer(call: Call) -> Mapping[str, Any]:
        results = []
        for query in call.parameters["MetricDataQueries"]:
            value = values[query["MetricStat"]["Metric"]["MetricName"]]
            results.append(point(query["Id"], *(() if value is None else (value,))))
        return {"MetricDataResults": results}

    return answer


LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
OUT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}
HOLE = {"DestinationCidrBlock": "10.9.0.0/16", "VpcPeeringConnectionId": "pcx-9", "State": "blackhole"}
NAT = {"NatGatewayId": "nat-1", "State": "available", "SubnetId": "subnet-1", "VpcId": "vpc-1"}


def interface(where: str, *addresses: str, prefixes: tuple[str, ...] = (), public: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {
        "NetworkInterfaceId": "eni-1", "SubnetId": where,
        "PrivateIpAddresses": [{"PrivateIpAddress": address} for address in addresses],
        "Ipv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in prefixes],
    }  # fmt: skip
    return found | ({"Association": {"PublicIp": public}} if public else {})


def attachment(name: str, what: str, state: str = "available", kind: str = "vpc", **more: Any) -> dict[str, Any]:
    return {"TransitGatewayAttachmentId": name, "TransitGatewayOwnerId": ACCOUNT, "ResourceId": what,
            "ResourceType": kind, "State": state, **more}  # fmt: skip


def routed(block: str, kind: str, what: str, state: str = "active") -> dict[str, Any]:
    through = {"TransitGatewayAttachmentId": f"tgw-attach-{what}", "ResourceType": kind, "ResourceId": what}
    return {"DestinationCidrBlock": block, "State": state, "Type": "static", "TransitGatewayAttachments": [through]}


ANSWERS: Answers = {
    ("ec2", "describe_vpcs"): [{"Vpcs": [vpc("vpc-1", "10.0.0.0/16", "100.64.0.0/16", "2001:db8::/56")]}, {"Vpcs": []}],
    ("ec2", "describe_subnets"): [
        {"Subnets": [subnet("subnet-1", "10.0.0.0/24", 200)]},
        {"Subnets": [subnet("subnet-2", "10.0.1.0/24", 3, zone="b"), subnet("subnet-3", "10.0.2.0/26", 26)]},
    ],
    ("ec2", "describe_network_interfaces"): {
        "NetworkInterfaces": [
            interface("subnet-1", "10.0.0.9", public="52.1.2.3"),
            interface("subnet-3", "10.0.2.8", prefixes=("10.0.2.16/28", "10.0.2.32/28")),
        ]
    },
    ("ec2", "describe_route_tables"): {
        "RouteTables": [table("rtb-1", LOCAL, OUT), table("rtb-2", LOCAL, HOLE, Associations=[])]
    },
    ("ec2", "describe_nat_gateways"): {"NatGateways": [NAT]},
    ("cloudwatch", "get_metric_data"): counted(),
    ("ec2", "describe_vpn_connections"): {"VpnConnections": [vpn("UP", "DOWN")]},
    ("ec2", "describe_vpn_gateways"): {
        "VpnGateways": [{"VpnGatewayId": "vgw-1", "VpcAttachments": [{"VpcId": "vpc-1", "State": "attached"}]}]
    },
    ("ec2", "describe_vpc_peering_connections"): {"VpcPeeringConnections": [peering("pcx-1", "active")]},
    ("ec2", "describe_vpc_endpoints"): {
        "VpcEndpoints": [{"VpcEndpointId": "vpce-1", "OwnerId": ACCOUNT, "State": "Failed", "ServiceName": "s3"}]
    },
    ("ec2", "describe_addresses"): {"Addresses": [{"PublicIp": "52.1.2.4", "AllocationId": "eipalloc-1"}]},
    ("elbv2", "describe_load_balancers"): {"LoadBalancers": [{"DNSName": "Web-1.eu-west-1.elb.amazonaws.com"}]},
    ("elb", "describe_load_balancers"): {"LoadBalancerDescriptions": [{"DNSName": "old.elb.amazonaws.com"}]},
    ("ec2", "describe_transit_gateway_attachments"): {
        "TransitGatewayAttachments": [
            attachment("tgw-attach-1", "vpc-1", Association={"TransitGatewayRouteTableId": "tgw-rtb-1"}),
            attachment("tgw-attach-2", "vpc-2"),
        ]
    },
    ("ec2", "describe_transit_gateway_route_tables"): {
        "TransitGatewayRouteTables": [{"TransitGatewayRouteTableId": "tgw-rtb-1", "State": "available"}]
    },
    ("ec2", "get_transit_gateway_route_table_propagations"): {
        "TransitGatewayRouteTablePropagations": [
            {"ResourceId": "vpc-2", "ResourceType": "vpc", "State": "enabled"}
        ]
    },
    ("ec2", "search_transit_gateway_routes"): {
        "Routes": [routed("10.60.0.0/16", "vpn", "vpn-2"), routed("0.0.0.0/0", "vpc", "vpc-3")],
        "AdditionalRoutesAvailable": False,
    },
}  # fmt: skip

ZONE = "arn:aws:route53:::hostedzone/Z1"
GLOBAL: Answers = {
    ("route53", "list_hosted_zones"): {
        "HostedZones": [
            {"Id": "/hostedzone/Z1", "Name": "example.com.", "CallerReference": "1", "Config": {"PrivateZone": False}},
            {"Id": "/hostedzone/Z2", "Name": "internal.", "CallerReference": "2", "Config": {"PrivateZone": True}},
        ],
        "Marker": "", "IsTruncated": False, "MaxItems": "100",
    },
    ("route53", "list_resource_record_sets"): {
        "ResourceRecordSets": [
            {"Name": "example.com.", "Type": "NS", "TTL": 60, "ResourceRecords": [{"Value": "ns-1.awsdns-1.com."}]},
            {"Name": "www.example.com.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "52.1.2.3"}]},
        ],
        "IsTruncated": False, "MaxItems": "300",
    },
    ("route53", "list_health_checks"): {
        "HealthChecks": [
            {"Id": "hc-1", "CallerReference": "1", "HealthCheckVersion": 1,
             "HealthCheckConfig": {"Type": "HTTPS", "FullyQualifiedDomainName": "www.example.com"}},
            {"Id": "hc-2", "CallerReference": "2", "HealthCheckVersion": 1,
             "HealthCheckConfig": {"Type": "CALCULATED"}},
            {"Id": "hc-3", "CallerReference": "3", "HealthCheckVersion": 1,
             "HealthCheckConfig": {"Type": "TCP", "IPAddress": "52.1.2.3", "Disabled": True}},
        ],
        "Marker": "", "IsTruncated": False, "MaxItems": "100",
    },
    ("route53", "get_health_check_status"): {
        "HealthCheckObservations": [{"StatusReport": {"Status": "Failure: Connection timed out"}}] * 4
    },
    ("route53domains", "list_domains"): {
        "Domains": [{"DomainName": "example.com", "AutoRenew": True, "Expiry": NOW + timedelta(days=200)}]
    },
    ("cloudfront", "list_distributions"): {
        "DistributionList": {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": 0}
    },
    ("s3", "list_buckets"): {"Buckets": [{"Name": "logs"}]},
}  # fmt: skip
