"""What a region pays for and nobody uses, found by ourselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checks.aws import AwsPlace, arn_at, guarded, looked, owner_of, setting, tags, unsaid
from checks.base import Outcome, Reading
from checks.spend.purse import Purse
from checks.spend.told import opportunity

VERDICTS: Mapping[str, str] = {
    "in_use": "something uses it",
    "young": "it is too new to be called idle",
    "unattached": "it is paid for, and attached to nothing",
    "idle": "it is paid for, and nothing went through it",
    "no_data": "could not look: CloudWatch tells nothing of it, which is not 0",
    "old_snapshot": "a snapshot that is older than is asked for, and no image is made of it",
    "has_lifecycle": "the bucket has a lifecycle rule that is on",
    "no_lifecycle": "no lifecycle rule of the bucket is on: what is put there stays, and is paid for, for ever",
}
_BATCH = 500  # queries that GetMetricData takes at once
_STEP = timedelta(days=1)


@dataclass(frozen=True)
class Idle:
    """How long something must have been idle; see the options of the check."""

    after: timedelta = timedelta(days=14)
    snapshots_after: timedelta = timedelta(days=365)
    metrics_every: timedelta = timedelta(hours=24)  # GetMetricData is paid for
    buckets: bool = True


@dataclass(frozen=True, slots=True)
class _Thing:
    """One thing, and whether it is idle."""

    arn: str
    id: str
    name: str  # of its kind, for people: "volume vol-1 (100 GiB)"
    word: str  # a verdict
    remedy: str


def idle_readings(place: AwsPlace, purse: Purse, how: Idle) -> Iterator[Reading]:
    """Readings of everything that can lie idle.

    Raises CappedError where the metrics of load balancers and NAT gateways may not be paid for; all else is told first.
    """
    for what, find in _FREE.items():
        yield from guarded(f"{place.key}/{what}", f"which {what} are idle", _found, place, what, find, how)
    if how.buckets:
        yield from guarded(f"{place.key}/buckets", "which buckets there are", _buckets, place)
    for what, lister in _METERED.items():
        yield from guarded(f"{place.key}/{what}", f"which {what} are idle", _metered, place, purse, what, lister, how)


def _found(
    place: AwsPlace,
    what: str,
    find: Callable[[AwsPlace, Idle], list[_Thing]],
    how: Idle,
) -> Iterator[Reading]:
    things = find(place, how)
    yield looked(place, what, len(things))
    for thing in things:
        yield _reading(place, thing)


_BAD = frozenset({"unattached", "idle", "old_snapshot", "no_lifecycle"})


def _reading(place: AwsPlace, thing: _Thing) -> Reading:
    told = f"{thing.name}: {VERDICTS[thing.word]}"
    if thing.word == "no_data":
        return Reading(thing.arn, Outcome.UNKNOWN, thing.word, told)
    if thing.word not in _BAD:
        return Reading(thing.arn, Outcome.HEALTHY, thing.word, told)
    finding = opportunity(
        thing.word, told, f"cost:{thing.word}:{thing.name.partition(' ')[0]}", thing.remedy, addresses=(thing.arn,),
        owner=owner_of(place, thing.arn, thing.id),
    )  # fmt: skip
    return Reading(thing.arn, Outcome.UNHEALTHY, thing.word, told, (finding,), {"idle": 1.0}, {"verdict": thing.word})


def _volumes(place: AwsPlace, how: Idle) -> list[_Thing]:
    found = []
    for one in place.shared("ec2", "describe_volumes", "Volumes"):
        young = place.now() - one["CreateTime"] < how.after
        word = "in_use" if one.get("State") != "available" else "young" if young else "unattached"
        volume = str(one["VolumeId"])
        remedy = f"aws ec2 create-snapshot --volume-id {volume} --region {place.region}  # then delete the volume"
        name = f"volume {volume} ({one.get('Size', '?')} GiB)"
        found.append(_Thing(arn_at(place, "ec2", f"volume/{volume}"), volume, name, word, remedy))
    return found


def _addresses(place: AwsPlace, how: Idle) -> list[_Thing]:
    answer = place.call("ec2", "describe_addresses")
    if answer.get("Addresses") is None:
        raise unsaid(place, "ec2", "DescribeAddresses", "no list in the answer")
    found = []
    for one in answer["Addresses"]:
        word = "in_use" if one.get("AssociationId") or one.get("InstanceId") else "unattached"
        allocation = str(one.get("AllocationId") or one.get("PublicIp"))
        remedy = f"aws ec2 release-address --allocation-id {allocation} --region {place.region}"
        arn = arn_at(place, "ec2", f"elastic-ip/{allocation}")
        found.append(_Thing(arn, allocation, f"address {one.get('PublicIp', allocation)}", word, remedy))
    return found


def _snapshots(place: AwsPlace, how: Idle) -> list[_Thing]:
    """The old ones only: there can be many thousands. What AWS Backup made has a plan that ends it."""
    imaged = {
        str(device.get("Ebs", {}).get("SnapshotId"))
        for image in place.shared("ec2", "describe_images", "Images", Owners=["self"])
        for device in image.get("BlockDeviceMappings") or ()
    }
    found = []
    for one in place.shared("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"]):
        snapshot, named = str(one["SnapshotId"]), tags(one.get("Tags"))
        kept = snapshot in imaged or any(name.startswith(("aws:backup:", "aws:dlm:")) for name in named)
        if kept or place.now() - one["StartTime"] < how.snapshots_after:
            continue
        remedy = f"aws ec2 delete-snapshot --snapshot-id {snapshot} --region {place.region}"
        name = f"snapshot {snapshot} of {one['StartTime'].date().isoformat()} ({one.get('VolumeSize', '?')} GiB)"
        arn = arn_at(place, "ec2", f"snapshot/{snapshot}", account="")
        found.append(_Thing(arn, snapshot, name, "old_snapshot", remedy))
    return found


def _classic(place: AwsPlace, how: Idle) -> list[_Thing]:
    """Classic load balancers: those with no instance behind them pass nothing on."""
    found = []
    for one in place.shared("elb", "describe_load_balancers", "LoadBalancerDescriptions"):
        name = str(one["LoadBalancerName"])
        young = place.now() - one["CreatedTime"] < how.after
        word = "in_use" if one.get("Instances") else "young" if young else "idle"
        remedy = f"aws elb delete-load-balancer --load-balancer-name {name} --region {place.region}"
        arn = arn_at(place, "elasticloadbalancing", f"loadbalancer/{name}")
        found.append(_Thing(arn, name, f"classic load balancer {name}", word, remedy))
    return found


_FREE: Mapping[str, Callable[[AwsPlace, Idle], list[_Thing]]] = {
    "volumes": _volumes,
    "addresses": _addresses,
    "snapshots": _snapshots,
    "classic_load_balancers": _classic,
}


# -- what only CloudWatch tells ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Metered:
    """A thing with the metric that tells whether anything went through it, and that AWS gives also where it is 0."""

    thing: _Thing
    namespace: str
    metric: str
    dimension: tuple[str, str]
    created: datetime


def _balancers(place: AwsPlace) -> Iterator[_Metered]:
    spaces = {"application": "AWS/ApplicationELB", "network": "AWS/NetworkELB", "gateway": "AWS/GatewayELB"}
    for one in place.shared("elbv2", "describe_load_balancers", "LoadBalancers"):
        arn = str(one["LoadBalancerArn"])
        remedy = f"aws elbv2 delete-load-balancer --load-balancer-arn {arn} --region {place.region}"
        thing = _Thing(arn, arn, f"load balancer {one.get('LoadBalancerName', arn)}", "in_use", remedy)
        suffix = arn.partition(":loadbalancer/")[2]
        space = spaces.get(str(one.get("Type")), "AWS/ApplicationELB")
        # Requests and flows are left out where there are none; capacity units are told always.
        yield _Metered(thing, space, "ConsumedLCUs", ("LoadBalancer", suffix), one["CreatedTime"])


def _gateways(place: AwsPlace) -> Iterator[_Metered]:
    for one in place.shared("ec2", "describe_nat_gateways", "NatGateways"):
        if one.get("State") != "available":
            continue
        gateway = str(one["NatGatewayId"])
        remedy = f"aws ec2 delete-nat-gateway --nat-gateway-id {gateway} --region {place.region}"
        arn = arn_at(place, "ec2", f"natgateway/{gateway}")
        thing = _Thing(arn, gateway, f"NAT gateway {gateway}", "in_use", remedy)
        yield _Metered(thing, "AWS/NATGateway", "BytesOutToDestination", ("NatGatewayId", gateway), one["CreateTime"])


_METERED: Mapping[str, Callable[[AwsPlace], Iterator[_Metered]]] = {
    "load_balancers": _balancers,
    "nat_gateways": _gateways,
}


def _metered(
    place: AwsPlace,
    purse: Purse,
    what: str,
    lister: Callable[[AwsPlace], Iterator[_Metered]],
    how: Idle,
) -> Iterator[Reading]:
    listed = sorted(lister(place), key=lambda one: one.thing.arn)
    old = [one for one in listed if place.now() - one.created >= how.after]
    sums: Mapping[str, float | None] = {}
    if old:
        asked = [one.dimension[1] for one in old]
        sums, _ = purse.remembered(f"sums:{what}", how.metrics_every, asked, lambda: _sums(place, purse, old, how))
    yield looked(place, what, len(listed))
    for one in listed:
        word = "young"
        if one in old:
            total = sums.get(one.dimension[1])
            word = "no_data" if total is None else "in_use" if total > 0 else "idle"
        thing = one.thing
        yield _reading(place, _Thing(thing.arn, thing.id, thing.name, word, thing.remedy))


def _sums(place: AwsPlace, purse: Purse, asked: Sequence[_Metered], how: Idle) -> dict[str, float | None]:
    """What went through each over the whole time; None: CloudWatch does not tell all of its days."""
    end = place.now().replace(hour=0, minute=0, second=0, microsecond=0)
    # A day less: the oldest is only known in part for what was made on it.
    days = max(how.after // _STEP, 2) - 1
    found: dict[str, float | None] = {}
    for start in range(0, len(asked), _BATCH):
        some = asked[start : start + _BATCH]
        values: dict[str, list[float]] = {}
        whole: dict[str, bool] = {}
        for page in purse.pages(
            "cloudwatch", "get_metric_data", "NextToken", MetricDataQueries=[*map(_query, range(len(some)), some)],
            StartTime=end - days * _STEP, EndTime=end,
        ):  # fmt: skip
            if page.get("MetricDataResults") is None:
                raise unsaid(place, "cloudwatch", "GetMetricData", "no results in the answer")
            for each in page["MetricDataResults"]:
                values.setdefault(each["Id"], []).extend(each.get("Values") or ())
                whole[each["Id"]] = each.get("StatusCode") == "Complete"
        for number, one in enumerate(some):
            told = values.get(f"m{number}", [])
            total = math.fsum(told)
            # Use that is seen is use, however little is known; that there was none takes every day.
            known = total > 0 or (whole.get(f"m{number}", False) and len(told) >= days)
            found[one.dimension[1]] = total if known else None
    return found


def _query(number: int, one: _Metered) -> dict[str, Any]:
    name, value = one.dimension
    metric = {
        "Namespace": one.namespace,
        "MetricName": one.metric,
        "Dimensions": [{"Name": name, "Value": value}],
    }
    return {
        "Id": f"m{number}",
        "MetricStat": {"Metric": metric, "Period": int(_STEP.total_seconds()), "Stat": "Sum"},
        "ReturnData": True,
    }


# -- buckets ----------------------------------------------------------------------------------------------------


def _buckets(place: AwsPlace) -> Iterator[Reading]:
    mine = []
    for one in place.shared("s3", "list_buckets", "Buckets"):
        if not one.get("BucketRegion"):
            raise unsaid(place, "s3", "ListBuckets", "a bucket without a region")
        if one["BucketRegion"] == place.region:
            mine.append(str(one["Name"]))
    yield looked(place, "buckets", len(mine))
    for name in mine:
        arn = arn_at(place, "s3", name, region="", account="")
        yield from guarded(arn, "whether it has a lifecycle rule", _bucket, place, arn, name, listed=True)


def _bucket(place: AwsPlace, arn: str, name: str) -> Iterator[Reading]:
    found = setting(place, "s3", "get_bucket_lifecycle_configuration", Bucket=name)
    on = found is not None and any(rule.get("Status") == "Enabled" for rule in found.get("Rules") or ())
    remedy = f"aws s3api put-bucket-lifecycle-configuration --bucket {name} --lifecycle-configuration file://RULES.json"
    thing = _Thing(arn, name, f"bucket {name}", "has_lifecycle" if on else "no_lifecycle", remedy)
    yield _reading(place, thing)
