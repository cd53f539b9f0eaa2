"""What lies idle, against moto's server: real clients and real parsers, for the services that moto has right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from checks.base import Outcome, Reading, Scope
from checks.cost import Cost
from tests.aws.places import REGION, moto_place, seed

ACCOUNT = "271828182845"


@dataclass
class Seen:
    """One look a month later, and the ids of what it found."""

    readings: dict[str, Reading]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def seen(moto: str) -> Seen:
    """A look at an account with one of each that nobody uses, and an address that somebody does."""
    ec2, elbv2 = (seed(moto, name, account=ACCOUNT) for name in ("ec2", "elbv2"))
    network = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=network, CidrBlock=f"10.7.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        ["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]  # fmt: skip
    used, free = (ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2))
    gateway = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=used)["NatGateway"]["NatGatewayId"]
    balancer = elbv2.create_load_balancer(Name="quiet", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    seed(moto, "s3", account=ACCOUNT).create_bucket(
        Bucket=f"logs-{ACCOUNT}", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    now = datetime.now(UTC) + timedelta(days=30)
    place = moto_place(Cost, moto, account=ACCOUNT, now=now, scope=Scope.REGION)
    ids = {"volume": volume, "used": used, "free": free, "gateway": gateway, "balancer": balancer}
    return Seen({reading.resource: reading for reading in Cost().run(place)}, ids)


@pytest.mark.parametrize(
    ("name", "resource", "verdict"),
    [
        ("volume", "volume/{}", "unattached"),
        ("free", "elastic-ip/{}", "unattached"),
        ("used", "elastic-ip/{}", "in_use"),
        ("gateway", "natgateway/{}", "no_data"),  # moto's CloudWatch knows nothing of it, which is not 0
    ],
)
def test_what_lies_idle(seen: Seen, name: str, resource: str, verdict: str) -> None:
    """As moto's server tells it over the wire."""
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:{resource.format(seen.ids[name])}"
    assert seen.readings[arn].verdict == verdict


def test_a_load_balancer_of_which_cloudwatch_tells_nothing_is_unknown(seen: Seen) -> None:
    """Neither idle nor in use."""
    assert seen.readings[seen.ids["balancer"]].outcome is Outcome.UNKNOWN


def test_what_moto_does_not_have_is_unknown_and_hides_nothing(seen: Seen) -> None:
    """Its buckets have no region, and it knows no recommendations."""
    unknown = {name.rpartition("/")[2] for name, one in seen.readings.items() if one.outcome is Outcome.UNKNOWN}
    assert {"savings", "buckets"} <= unknown
