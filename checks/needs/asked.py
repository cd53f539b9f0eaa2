"""Asks one region whether it has what new resources need. Each question has three answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from checks.aws import AwsError, AwsPlace, ErrorClass
from checks.needs.wanted import Named, Wanted
from checks.toolchain import Answer, Item

ACTIONS: tuple[str, ...] = (
    "dynamodb:DescribeTable", "ec2:DescribeImages", "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeSubnets",
    "ecr:DescribeRepositories", "eks:DescribeCluster", "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups", "iam:GetInstanceProfile", "iam:GetRole", "kms:ListAliases",
    "logs:DescribeLogGroups", "rds:DescribeDBClusters", "rds:DescribeDBInstances", "s3:GetBucketLocation",
)  # fmt: skip
_NAME, _BUCKET = re.compile(r"[A-Za-z0-9_+=,.@/-]{3,255}"), re.compile(r"[A-Za-z0-9.-]{3,63}")
_MOST = 100  # names that are asked for


def items(place: AwsPlace, needs: Wanted) -> Iterator[Item]:
    """One item for each thing that is needed; none: nothing is."""
    if needs.types:
        yield from _types(place, needs)
    for image in needs.images:
        yield _image(place, image)
    for profile in needs.profiles:
        yield _exists(f"instance profile {profile}", partial(_profile, place, profile), "make it, or name another one")
    for named in needs.names[:_MOST]:
        yield _free(place, named)
    if len(needs.names) > _MOST:
        told = f"{len(needs.names) - _MOST} further names were not asked for"
        yield Item("names", Answer.COULD_NOT_LOOK, told, "plan and apply it in parts")


def _types(place: AwsPlace, needs: Wanted) -> Iterator[Item]:
    """In the zones of the subnets that are named; where none is, in any zone of the region."""
    try:
        zones = _zones(place, needs.subnets)
        offered = _offered(place, needs.types)
    except AwsError as error:
        yield from (_unread(f"instance type {each}", error) for each in needs.types)
        return
    for each in needs.types:
        there = offered.get(each, set())
        missing = sorted(zones - there)
        name = f"instance type {each}"
        if not there:
            yield Item(name, Answer.FAIL, f"{place.region} does not offer it", "choose another type")
        elif missing:
            told = f"it is not offered in {', '.join(missing)}, where a subnet of the plan is"
            yield Item(name, Answer.FAIL, told, f"choose another type, or subnets in {', '.join(sorted(there))}")
        else:
            yield Item(name, Answer.PASS, f"offered in {', '.join(sorted(zones or there))}")


def _offered(place: AwsPlace, types: Sequence[str]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    filters = [{"Name": "instance-type", "Values": list(types)}]
    for one in place.pages(
        "ec2", "describe_instance_type_offerings", "InstanceTypeOfferings", LocationType="availability-zone",
        Filters=filters,
    ):  # fmt: skip
        found.setdefault(str(one.get("InstanceType")), set()).add(str(one.get("Location")))
    return found


def _zones(place: AwsPlace, subnets: Sequence[str]) -> set[str]:
    if not subnets:
        return set()
    found = place.pages("ec2", "describe_subnets", "Subnets", SubnetIds=list(subnets))
    return {str(one.get("AvailabilityZone")) for one in found}


def _image(place: AwsPlace, image: str) -> Item:
    name = f"image {image}"
    if image.startswith("resolve:ssm:"):
        told = "which image it is is decided when the instance starts"
        return Item(name, Answer.COULD_NOT_LOOK, told, f"aws ssm get-parameter --name {image[12:]}")
    try:
        found = _found(place, "ec2", "describe_images", member="Images", ImageIds=[image])
    except AwsError as error:
        return _unread(name, error)
    if found is None:
        return Item(name, Answer.FAIL, f"there is no such image in {place.region} for this account", "share or copy it")
    state = str(found.get("State"))
    if state != "available":
        return Item(name, Answer.FAIL, f"it is {state}", "choose another image")
    return Item(name, Answer.PASS, "it is there")


def _exists(name: str, ask: Callable[[], Any], remedy: str) -> Item:
    try:
        found = ask()
    except AwsError as error:
        return _unread(name, error)
    if found is None:
        return Item(name, Answer.FAIL, "it is not there", remedy)
    return Item(name, Answer.PASS, "it is there")


def _free(place: AwsPlace, named: Named) -> Item:
    title = f"name {named.name}"
    if not (_BUCKET if named.type == "aws_s3_bucket" else _NAME).fullmatch(named.name):
        told = f"{named.address}: AWS takes no question for a name like this"
        return Item(title, Answer.COULD_NOT_LOOK, told, "see whether AWS takes the name at all")
    try:
        found = _ASK[named.type](place, named.name)
    except AwsError as error:
        if named.type == "aws_s3_bucket" and error.error_class is ErrorClass.PERMISSION:
            told = f"{named.address}: somebody has a bucket of this name, or it may not be asked for"
            return Item(title, Answer.COULD_NOT_LOOK, told, f"aws s3api head-bucket --bucket {named.name}")
        return _unread(title, error)
    if found is None:
        return Item(title, Answer.PASS, f"{named.address}: nothing has it")
    told = f"{named.address} is to be created, and something has its name already"
    return Item(title, Answer.FAIL, told, f"import it as {named.address}, or give it another name")


def _unread(name: str, error: AwsError) -> Item:
    return Item(name, Answer.COULD_NOT_LOOK, str(error), "barograph preflight --aws")


def _found(place: AwsPlace, service: str, operation: str, *, member: str = "", **parameters: Any) -> Any:
    """The answer, or the first of its *member*; None: there is none. Raises AwsError."""
    try:
        answer = place.call(service, operation, **parameters)
    except AwsError as error:
        if error.error_class is ErrorClass.RACE:  # what is named does not exist
            return None
        raise
    if not member:
        return answer
    listed = answer.get(member) or ()
    return listed[0] if listed else None


def _bucket(place: AwsPlace, name: str) -> Any:
    return _found(place, "s3", "get_bucket_location", Bucket=name)


def _role(place: AwsPlace, name: str) -> Any:
    return _found(place, "iam", "get_role", RoleName=name)


def _profile(place: AwsPlace, name: str) -> Any:
    return _found(place, "iam", "get_instance_profile", InstanceProfileName=name)


def _database(place: AwsPlace, name: str) -> Any:
    return _found(place, "rds", "describe_db_instances", member="DBInstances", DBInstanceIdentifier=name)


def _cluster(place: AwsPlace, name: str) -> Any:
    return _found(place, "rds", "describe_db_clusters", member="DBClusters", DBClusterIdentifier=name)


def _table(place: AwsPlace, name: str) -> Any:
    return _found(place, "dynamodb", "describe_table", TableName=name)


def _balancer(place: AwsPlace, name: str) -> Any:
    return _found(place, "elbv2", "describe_load_balancers", member="LoadBalancers", Names=[name])


def _targets(place: AwsPlace, name: str) -> Any:
    return _found(place, "elbv2", "describe_target_groups", member="TargetGroups", Names=[name])


def _images_of(place: AwsPlace, name: str) -> Any:
    return _found(place, "ecr", "describe_repositories", member="repositories", repositoryNames=[name])


def _kubernetes(place: AwsPlace, name: str) -> Any:
    return _found(place, "eks", "describe_cluster", name=name)


def _log_group(place: AwsPlace, name: str) -> Any:
    listed = place.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    return next((one for one in listed if one.get("logGroupName") == name), None)


def _alias(place: AwsPlace, name: str) -> Any:
    return next((one for one in place.pages("kms", "list_aliases", "Aliases") if one.get("AliasName") == name), None)


_ASK: Mapping[str, Callable[[AwsPlace, str], Any]] = {
    "aws_s3_bucket": _bucket, "aws_iam_role": _role, "aws_iam_instance_profile": _profile,
    "aws_db_instance": _database, "aws_rds_cluster": _cluster, "aws_dynamodb_table": _table, "aws_lb": _balancer,
    "aws_lb_target_group": _targets, "aws_ecr_repository": _images_of, "aws_cloudwatch_log_group": _log_group,
    "aws_kms_alias": _alias, "aws_eks_cluster": _kubernetes,
}  # fmt: skip
