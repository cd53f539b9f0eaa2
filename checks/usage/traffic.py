"""Load balancers and NAT gateways: their targets' health, and what to ask CloudWatch. Asks AWS through the place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checks.aws import AwsPlace, arn_at, guarded, owner_of, unsaid
from checks.base import Finding, Kind, Outcome, Reading
from checks.cloudwatch import Metric
from checks.recovery.remedies import line
from checks.usage.model import Probe, Service

_WELL, _ILL = ("healthy",), ("unhealthy", "unhealthy.draining", "unavailable")


def balancers(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Failed requests of application load balancers, and the targets of every target group that is in use."""
    listed = place.shared("elbv2", "describe_load_balancers", "LoadBalancers")
    for each in listed:
        if each.get("Type") == "application" and (each.get("State") or {}).get("Code") != "provisioning":
            yield from _application(each)
    for group in place.shared("elbv2", "describe_target_groups", "TargetGroups"):
        if group.get("LoadBalancerArns"):
            arn = str(group["TargetGroupArn"])
            yield from guarded(f"{arn}#targets", "whether its targets are well", _targets, place, group, listed=True)


def _application(row: Mapping[str, Any]) -> Iterator[Probe]:
    arn, name = row["LoadBalancerArn"], row["LoadBalancerName"]
    at = (("LoadBalancer", str(arn).partition(":loadbalancer/")[2]),)
    own, theirs, calls = (
        Metric("AWS/ApplicationELB", metric, at, "Sum")
        for metric in ("HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count", "RequestCount")
    )
    # RequestCount has only those requests that got as far as a target.
    yield Probe(Service.ELBV2, "errors", arn, name, (own, calls), beside=True, quiet=True)
    yield Probe(Service.ELBV2, "target_errors", arn, name, (theirs, calls), quiet=True)


def _targets(place: AwsPlace, group: Mapping[str, Any]) -> Iterator[Reading]:
    arn, name = str(group["TargetGroupArn"]), str(group["TargetGroupName"])
    told = place.call("elbv2", "describe_target_health", TargetGroupArn=arn).get("TargetHealthDescriptions")
    if told is None:
        raise unsaid(place, "elbv2", "DescribeTargetHealth", "no targets in the answer, not even none")
    states = [str((each.get("TargetHealth") or {}).get("State") or "") for each in told]
    remedy = line(place.region, ["elbv2", "describe-target-health", "--target-group-arn", arn], "which, and why")
    yield targets(place, Service.ELBV2, arn, f"target group {name}", states, remedy)


def classic(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Failed requests and instances of classic load balancers."""
    for each in place.shared("elb", "describe_load_balancers", "LoadBalancerDescriptions"):
        name = each["LoadBalancerName"]
        arn, at = arn_at(place, "elasticloadbalancing", f"loadbalancer/{name}"), (("LoadBalancerName", name),)
        failed, calls = (Metric("AWS/ELB", metric, at, "Sum") for metric in ("HTTPCode_ELB_5XX", "RequestCount"))
        yield Probe(Service.ELB, "errors", arn, name, (failed, calls), beside=True, quiet=True, ids=(name,))
        yield from guarded(
            f"{arn}#targets", "whether its instances are well", _instances, place, arn, name, listed=True
        )


def _instances(place: AwsPlace, arn: str, name: str) -> Iterator[Reading]:
    told = place.call("elb", "describe_instance_health", LoadBalancerName=name).get("InstanceStates")
    words = {"InService": "healthy", "OutOfService": "unhealthy"}
    if told is None:
        raise unsaid(place, "elb", "DescribeInstanceHealth", "no instances in the answer, not even none")
    states = [words.get(str(each.get("State")), "unknown") for each in told]
    remedy = line(place.region, ["elb", "describe-instance-health", "--load-balancer-name", name], "which, and why")
    yield targets(place, Service.ELB, arn, f"load balancer {name}", states, remedy)


def targets(place: AwsPlace, service: Service, arn: str, name: str, states: Iterable[str], remedy: str) -> Reading:
    """What the *states* of the targets of *arn* mean: those that are ill, none that is well, or none at all."""
    resource, evidence = f"{arn}#targets", {"service": service.value}
    count = Counter("well" if s in _WELL else "ill" if s in _ILL else s for s in states)
    well, ill, silent = count["well"], count["ill"], count["unknown"] + count[""]
    values = {"targets_healthy": float(well), "targets_unhealthy": float(ill)}
    if not ill and silent:
        return Reading(resource, Outcome.UNKNOWN, "no_data", "not known: nothing is said of some of its targets")
    if not count:
        summary = "it has no targets"
        return Reading(resource, Outcome.NOT_APPLICABLE, "no_targets", summary, values=values, evidence=evidence)
    if not ill:
        summary = f"{well} of {count.total()} targets are healthy, and none is unhealthy"
        outcome, word = (Outcome.HEALTHY, "within") if well else (Outcome.NOT_APPLICABLE, "new")
        return Reading(resource, outcome, word, summary, values=values, evidence=evidence)
    # How many are ill changes from look to look; that some are, or that none is left, is news.
    told = f"{name}: some targets are unhealthy" if well else f"{name}: no target is healthy"
    finding = Finding(
        Kind.UTILIZATION, "targets", told, cause="utilization:targets", remedy=remedy, addresses=(arn,),
        owner=owner_of(place, arn), evidence={"service": service.value},
    )  # fmt: skip
    summary = f"{ill} of {count.total()} targets are unhealthy"
    return Reading(resource, Outcome.UNHEALTHY, "targets_unhealthy", summary, (finding,), values, evidence)


def gateways(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Packets that a NAT gateway drops. Ports that it runs out of are the check network's."""
    for each in place.shared("ec2", "describe_nat_gateways", "NatGateways"):
        if each.get("State") != "available":
            continue
        id_ = each["NatGatewayId"]
        arn, at = arn_at(place, "ec2", f"natgateway/{id_}"), (("NatGatewayId", id_),)
        metrics = tuple(
            Metric("AWS/NATGateway", name, at, "Sum")
            for name in ("PacketsDropCount", "PacketsInFromSource", "PacketsInFromDestination")
        )
        yield Probe(Service.NAT, "drops", arn, id_, metrics, born=each.get("CreateTime"), ids=(id_,))
