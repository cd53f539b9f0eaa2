"""EKS: the health of clusters and their node groups, and how long their version is supported. Asks AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from checks.aws import AwsPlace, arn_at, guarded, owner_of, unsaid
from checks.base import Finding, Kind, Outcome, Owner, Reading
from checks.recovery.remedies import line

_COMING, _GOING = ("CREATING", "PENDING"), ("DELETING",)
_FAILED = ("FAILED", "DEGRADED", "CREATE_FAILED", "DELETE_FAILED")


def clusters(place: AwsPlace, within: timedelta) -> Iterator[Reading]:
    """Each cluster, its version, and its node groups. *within*: how long before its end support is told to end."""
    for name in place.shared("eks", "list_clusters", "clusters"):
        arn = arn_at(place, "eks", f"cluster/{name}")
        yield from guarded(arn, "whether it is well", _cluster, place, arn, name, within, listed=True)


def _cluster(place: AwsPlace, arn: str, name: str, within: timedelta) -> Iterator[Reading]:
    cluster = place.call("eks", "describe_cluster", name=name).get("cluster")
    if not cluster or not cluster.get("status"):
        raise unsaid(place, "eks", "DescribeCluster", "no status in the answer")
    owner = owner_of(place, arn)
    remedy = line(
        place.region, ["eks", "describe-cluster", "--name", name, "--query", "cluster.health"], "what is wrong"
    )
    yield health(arn, f"cluster {name}", cluster, owner, remedy)
    where = f"{arn}#version"
    yield from guarded(where, "how long its version is supported", _supported, place, where, name, cluster, within)
    what = "which node groups it has"
    yield from guarded(f"{arn}#nodegroups", what, _groups, place, arn, name, listed=True)


def _groups(place: AwsPlace, arn: str, name: str) -> Iterator[Reading]:
    groups = place.shared("eks", "list_nodegroups", "nodegroups", clusterName=name)
    many = f"{len(groups)} node groups"
    yield Reading(f"{arn}#nodegroups", Outcome.HEALTHY, "looked", many)
    for group in groups:
        where = f"{arn}/nodegroup/{group}"
        yield from guarded(where, "whether its nodes are well", _group, place, where, name, group, listed=True)


def _group(place: AwsPlace, where: str, name: str, group: str) -> Iterator[Reading]:
    found = place.call("eks", "describe_nodegroup", clusterName=name, nodegroupName=group).get("nodegroup")
    if not found or not found.get("status"):
        raise unsaid(place, "eks", "DescribeNodegroup", "no status in the answer")
    words = ["eks", "describe-nodegroup", "--cluster-name", name, "--nodegroup-name", group]
    remedy = line(place.region, [*words, "--query", "nodegroup.health"], "what is wrong")
    owner = owner_of(place, str(found.get("nodegroupArn") or ""), f"{name}:{group}")
    yield health(where, f"node group {name}/{group}", found, owner, remedy)


def health(resource: str, what: str, row: Mapping[str, Any], owner: Owner | None, remedy: str) -> Reading:
    """What EKS itself says of a cluster or of the nodes of a group."""
    status = str(row.get("status") or "")
    codes = sorted({str(each.get("code") or "unnamed") for each in (row.get("health") or {}).get("issues") or ()})
    if status in _FAILED or codes:
        why = ", ".join(([status] if status in _FAILED else []) + codes)
        summary = f"eks {what}: {why}"
        finding = Finding(
            Kind.UTILIZATION, "health", summary, cause=f"utilization:eks:{why}", remedy=remedy, addresses=(resource,),
            owner=owner, evidence={"issues": codes},
        )  # fmt: skip
        return Reading(resource, Outcome.UNHEALTHY, "impaired", summary, (finding,), {"impaired": 1.0})
    if status in (*_COMING, *_GOING):
        return Reading(resource, Outcome.NOT_APPLICABLE, "new" if status in _COMING else "gone", f"it is {status}")
    return Reading(resource, Outcome.HEALTHY, "within", f"{status}, without issues", values={"impaired": 0.0})


def _supported(
    place: AwsPlace, resource: str, name: str, cluster: Mapping[str, Any], within: timedelta
) -> Iterator[Reading]:
    versions = place.shared("eks", "describe_cluster_versions", "clusterVersions", includeAll=True)
    version = str(cluster.get("version") or "")
    found = version_of(versions, version)
    if found is None:
        raise unsaid(place, "eks", "DescribeClusterVersions", f"nothing is said of version {version}")
    yield support(place, resource, name, version, found, within)


def version_of(versions: Sequence[Mapping[str, Any]], version: str) -> tuple[datetime, datetime | None] | None:
    """When standard and extended support of *version* end; None: AWS says nothing of it."""
    for each in versions:
        if each.get("clusterVersion") == version and each.get("endOfStandardSupportDate"):
            return each["endOfStandardSupportDate"], each.get("endOfExtendedSupportDate")
    return None


def support(
    place: AwsPlace, resource: str, name: str, version: str, ends: tuple[datetime, datetime | None], within: timedelta
) -> Reading:
    """Whether a version is supported for longer than *within*."""
    now, (standard, extended) = place.now(), ends
    values = {"support_end_timestamp_seconds": standard.timestamp()}
    said = f"version {version}: standard support ends on {standard.date().isoformat()}"
    if standard > now + within:
        return Reading(resource, Outcome.HEALTHY, "within", said, values=values)
    if standard <= now:
        said = f"version {version}: standard support ended on {standard.date().isoformat()}"
        last = f", AWS upgrades it by itself after {extended.date().isoformat()}" if extended else ""
        said += f"; extended support costs extra{last}"
    remedy = (
        f"aws eks list-insights --cluster-name {name} --region {place.region}  # what stands in the way of upgrading"
    )
    finding = Finding(
        Kind.UTILIZATION, "version", f"eks cluster {name}: {said}", cause=f"utilization:eks:version:{version}",
        remedy=remedy, addresses=(resource.partition("#")[0],), owner=owner_of(place, resource.partition("#")[0]),
    )  # fmt: skip
    return Reading(resource, Outcome.UNHEALTHY, "support_ends", said, (finding,), values)
