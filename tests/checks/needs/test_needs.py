"""What new resources need: taken out of a plan, and asked of AWS; each question has three answers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from checks.base import Check, Scope
from checks.needs.asked import ACTIONS, items
from checks.needs.wanted import NAMES, Named, Wanted, wanted
from checks.plans.impact import reduced
from checks.toolchain import Answer
from tests.aws.fake import Answers, FakeAws, Fault
from tests.aws.places import NOW, fake_place
from tests.checks.plans.test_impact import SECRET, change, plan


@dataclass(frozen=True)
class Asking(Check):
    """What preflight may ask."""

    scope: ClassVar[Scope] = Scope.REGION
    iam: ClassVar[tuple[str, ...]] = ACTIONS


OFFERED = {"InstanceTypeOfferings": [
    {"InstanceType": "m5.large", "LocationType": "availability-zone", "Location": zone}
    for zone in ("eu-west-1a", "eu-west-1b")
]}  # fmt: skip
SUBNETS = {"Subnets": [{"SubnetId": "subnet-1", "AvailabilityZone": "eu-west-1c"}]}


def told(needs: Wanted, answers: Answers | FakeAws) -> list[tuple[str, Answer]]:
    return [(item.name, item.answer) for item in items(fake_place(Asking, answers), needs)]


def test_needs_are_taken_out_of_the_plan() -> None:
    """Of what is new; what the plan makes itself need not be there, and nothing secret is asked for."""
    instance = {"instance_type": "m5.large", "ami": "ami-1", "iam_instance_profile": "web", "subnet_id": "subnet-1"}
    whole = plan(
        change("aws_instance.a", ["create"], None, instance),
        change("aws_instance.b", ["create"], None, {**instance, "iam_instance_profile": "made"}),
        change("aws_instance.c", ["update"], {"instance_type": "t2.nano"}, {"instance_type": "t3.nano"}),
        change("aws_iam_instance_profile.p", ["create"], None, {"name": "made"}),
        change("aws_s3_bucket.a", ["create"], None, {"bucket": "acme-logs"}),
        change("aws_s3_bucket.b", ["create"], None, {"bucket": SECRET}, after_sensitive={"bucket": True}),
        change("aws_s3_bucket.c", ["create"], None, {}, after_unknown={"bucket": True}),
        change("aws_iam_role.r", ["delete", "create"], {"name": "kept"}, {"name": "kept"}),
    )
    assert wanted(whole, reduced(whole)) == Wanted(
        ("m5.large",), ("ami-1",), ("web",),
        (Named("aws_iam_instance_profile.p", "aws_iam_instance_profile", "made"),
         Named("aws_s3_bucket.a", "aws_s3_bucket", "acme-logs")), ("subnet-1",),
    )  # fmt: skip


TYPES: list[tuple[Wanted, Answers, list[tuple[str, Answer]]]] = [
    (Wanted(("m5.large",)), {("ec2", "describe_instance_type_offerings"): OFFERED},
     [("instance type m5.large", Answer.PASS)]),
    (Wanted(("x9.large",)), {("ec2", "describe_instance_type_offerings"): OFFERED},
     [("instance type x9.large", Answer.FAIL)]),
    (Wanted(("m5.large",), subnets=("subnet-1",)),
     {("ec2", "describe_instance_type_offerings"): OFFERED, ("ec2", "describe_subnets"): SUBNETS},
     [("instance type m5.large", Answer.FAIL)]),
    (Wanted(images=("ami-1",)), {("ec2", "describe_images"): {"Images": [{"State": "available"}]}},
     [("image ami-1", Answer.PASS)]),
    (Wanted(images=("ami-1",)), {("ec2", "describe_images"): {"Images": [{"State": "failed"}]}},
     [("image ami-1", Answer.FAIL)]),
    (Wanted(images=("ami-1",)), {("ec2", "describe_images"): {"Images": []}}, [("image ami-1", Answer.FAIL)]),
    (Wanted(images=("resolve:ssm:/a",)), {}, [("image resolve:ssm:/a", Answer.COULD_NOT_LOOK)]),
]  # fmt: skip


@pytest.mark.parametrize(("needs", "answers", "found"), TYPES)
def test_types_and_images_are_looked_for(needs: Wanted, answers: Answers, found: list[tuple[str, Answer]]) -> None:
    """A type that no zone of a subnet of the plan offers fails, and so does an image that is not there."""
    assert told(needs, answers) == found


ALL = Wanted(("m5.large",), ("ami-1",), ("web",), tuple(Named(f"{kind}.a", kind, "xxx") for kind in NAMES))


def test_a_name_that_something_has_is_told() -> None:
    """Of every type that is asked for."""
    having: Mapping[tuple[str, str], Any] = {
        ("s3", "get_bucket_location"): {"LocationConstraint": "eu-west-1"},
        ("iam", "get_role"): {"Role": {"Path": "/", "RoleName": "xxx", "RoleId": "a" * 16, "Arn": "a" * 20,
                                       "CreateDate": NOW}},
        ("iam", "get_instance_profile"): {"InstanceProfile": {
            "Path": "/", "InstanceProfileName": "xxx", "InstanceProfileId": "a" * 16, "Arn": "a" * 20,
            "CreateDate": NOW, "Roles": []}},
        ("rds", "describe_db_instances"): {"DBInstances": [{"DBInstanceIdentifier": "xxx"}]},
        ("rds", "describe_db_clusters"): {"DBClusters": [{"DBClusterIdentifier": "xxx"}]},
        ("dynamodb", "describe_table"): {"Table": {"TableName": "xxx"}},
        ("elbv2", "describe_load_balancers"): {"LoadBalancers": [{"LoadBalancerName": "xxx"}]},
        ("elbv2", "describe_target_groups"): {"TargetGroups": [{"TargetGroupName": "xxx"}]},
        ("ecr", "describe_repositories"): {"repositories": [{"repositoryName": "xxx"}]},
        ("logs", "describe_log_groups"): {"logGroups": [{"logGroupName": "xxxy"}, {"logGroupName": "xxx"}]},
        ("kms", "list_aliases"): {"Aliases": [{"AliasName": "xxx"}]},
        ("eks", "describe_cluster"): {"cluster": {"name": "xxx"}},
    }  # fmt: skip
    found = told(Wanted(names=ALL.names), having)
    assert [answer for _, answer in found] == [Answer.FAIL] * len(NAMES)


def test_what_is_denied_is_not_known() -> None:
    """Neither free nor taken, neither there nor not: of each question."""
    fake = FakeAws({})
    with ExitStack() as failing:
        for service, operation in _OPERATIONS:
            failing.enter_context(fake.failing(service, operation, Fault.DENIED))
        found = told(ALL, fake)
    assert {answer for _, answer in found} == {Answer.COULD_NOT_LOOK}
    assert len(found) == 3 + len(NAMES)


_OPERATIONS = [
    ("ec2", "describe_instance_type_offerings"), ("ec2", "describe_images"), ("iam", "get_instance_profile"),
    ("iam", "get_role"), ("s3", "get_bucket_location"), ("rds", "describe_db_instances"),
    ("rds", "describe_db_clusters"), ("dynamodb", "describe_table"), ("elbv2", "describe_load_balancers"),
    ("elbv2", "describe_target_groups"), ("ecr", "describe_repositories"), ("logs", "describe_log_groups"),
    ("kms", "list_aliases"), ("eks", "describe_cluster"),
]  # fmt: skip


def test_a_name_that_cannot_be_asked_for_is_not_known() -> None:
    """Whatever stands in a plan: the others are asked for all the same."""
    odd = Wanted(
        names=tuple(Named(f"{kind}.a", kind, name) for kind in NAMES for name in ("x", "a b", "\x00\x1b", "y" * 999))
    )
    assert {answer for _, answer in told(odd, {})} == {Answer.COULD_NOT_LOOK}
