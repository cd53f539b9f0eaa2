"""Instances, volumes and functions: what runs, its health, and what to ask CloudWatch about it. Asks AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checks.aws import AwsPlace, arn_at, owner_of, unsaid
from checks.base import Finding, Kind, Outcome, Reading
from checks.cloudwatch import STEP, Metric
from checks.recovery.remedies import line
from checks.usage.model import Probe, Service

# Seconds that a request may wait in the queue of a volume that works as fast as it can: queue = rate x time.
_WAIT = 0.010
_BURSTING = {"gp2": 1000, "st1": 12_288, "sc1": 12_288}  # GiB up to which a type lives on burst credits
_CHECKS = {"SystemStatus": "system", "InstanceStatus": "instance", "AttachedEbsStatus": "attached volumes"}


def running(place: AwsPlace) -> Mapping[str, Mapping[str, Any]]:
    """Instances that run, by id."""
    found = place.shared("ec2", "describe_instances", "Reservations")
    every = (each for reservation in found for each in reservation.get("Instances") or ())
    return {each["InstanceId"]: each for each in every if (each.get("State") or {}).get("Name") == "running"}


def instances(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Load and status checks of each running instance."""
    here = running(place)
    told = {each["InstanceId"]: each for each in place.shared("ec2", "describe_instance_status", "InstanceStatuses")}
    for id_, each in here.items():
        arn = arn_at(place, "ec2", f"instance/{id_}")
        metric = Metric("AWS/EC2", "CPUUtilization", (("InstanceId", id_),), "Average")
        yield Probe(Service.EC2, "cpu", arn, id_, (metric,), 0.01, born=each.get("LaunchTime"), ids=(id_,))
        yield status(place, arn, id_, told.get(id_))


def status(place: AwsPlace, arn: str, id_: str, told: Mapping[str, Any] | None) -> Reading:
    """What EC2's own status checks say of an instance. *told* None: they say nothing of it."""
    resource = f"{arn}#status"
    words = {what: str(((told or {}).get(key) or {}).get("Status") or "") for key, what in _CHECKS.items()}
    wrong = [what for what, word in words.items() if word == "impaired"]
    if wrong:
        summary = f"ec2 {id_}: the status check of the {' and the '.join(wrong)} fails"
        remedy = line(
            place.region, ["ec2", "describe-instance-status", "--instance-ids", id_], "what fails, since when"
        )
        finding = Finding(
            Kind.UTILIZATION, "status_check", summary, cause="utilization:ec2:status_check", remedy=remedy,
            addresses=(arn,), owner=owner_of(place, arn, id_),
        )  # fmt: skip
        return Reading(resource, Outcome.UNHEALTHY, "impaired", summary, (finding,), {"impaired": 1.0})
    if told is None or "insufficient-data" in words.values() or not (words["system"] and words["instance"]):
        return Reading(resource, Outcome.UNKNOWN, "no_data", "not known: its status checks say nothing yet")
    if "initializing" in words.values():
        return Reading(resource, Outcome.NOT_APPLICABLE, "new", "it has just started, and is being checked")
    return Reading(resource, Outcome.HEALTHY, "within", "its status checks pass", values={"impaired": 0.0})


def volumes(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Queues and burst credits of volumes of running instances; of others CloudWatch says nothing."""
    here = running(place)
    for each in place.shared("ec2", "describe_volumes", "Volumes"):
        if not any(to.get("InstanceId") in here for to in each.get("Attachments") or ()):
            continue
        id_, sort = each["VolumeId"], str(each.get("VolumeType", ""))
        arn, named = arn_at(place, "ec2", f"volume/{id_}"), (("VolumeId", id_),)
        users = [to for to in each["Attachments"] if to.get("InstanceId") in here]
        times = [to.get("AttachTime") for to in users] + [here[to["InstanceId"]].get("LaunchTime") for to in users]
        born = max((at for at in times if at), default=None)
        # Of hard disks EC2 tells no rate.
        if each.get("Iops"):
            queue, iops = Metric("AWS/EBS", "VolumeQueueLength", named, "Average"), int(each["Iops"])
            yield Probe(
                Service.EBS, "queue", arn, id_, (queue,), 1 / (iops * _WAIT), born=born, ids=(id_,),
                ceiling=f"{iops} IOPS",
            )  # fmt: skip
        if sort in _BURSTING and int(each.get("Size") or 0) < _BURSTING[sort]:
            burst = Metric("AWS/EBS", "BurstBalance", named, "Average")
            yield Probe(Service.EBS, "burst", arn, id_, (burst,), 0.01, inverse=True, born=born, ids=(id_,))


def functions(place: AwsPlace) -> Iterator[Probe | Reading]:
    """Errors and throttles of each function, and how many run at once against the account's limit."""
    for each in place.shared("lambda", "list_functions", "Functions"):
        name, arn = each["FunctionName"], each["FunctionArn"]
        at = (("FunctionName", name),)
        calls, errors, throttles = (
            Metric("AWS/Lambda", metric, at, "Sum") for metric in ("Invocations", "Errors", "Throttles")
        )
        yield Probe(Service.LAMBDA, "errors", arn, name, (errors, calls), quiet=True)
        yield Probe(Service.LAMBDA, "throttles", arn, name, (throttles, calls), beside=True, quiet=True)


def concurrency(place: AwsPlace) -> Iterator[Probe | Reading]:
    """How many functions run at once, against what the account may."""
    limit = (place.call("lambda", "get_account_settings").get("AccountLimit") or {}).get("ConcurrentExecutions")
    if not limit:
        raise unsaid(place, "lambda", "GetAccountSettings", "no limit of concurrent executions in the answer")
    used = Metric("AWS/Lambda", "ConcurrentExecutions", (), "Maximum")
    yield Probe(
        Service.LAMBDA, "concurrency", f"{place.key}/lambda", "of the account", (used,), 1 / limit, quiet=True,
        ceiling=str(limit),
    )  # fmt: skip


def per_second(capacity: float) -> float:
    """What the sum of a step is to be multiplied with, to be a part of *capacity* per second."""
    return 1 / (capacity * STEP.total_seconds())
