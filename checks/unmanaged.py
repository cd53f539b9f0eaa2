"""Unmanaged: what is in the accounts and in no Terraform state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from checks.aws import VERDICTS, AwsPlace
from checks.base import Asks, Check, Reading, Scope
from checks.strays.look import Choice, StrayLook
from checks.strays.model import Accepted


@dataclass(frozen=True)
class Unmanaged(Check):
    """Resources in the accounts that no Terraform state holds. Off unless it is switched on."""

    types: tuple[str, ...] = ("*",)  # patterns over kinds of resource that are looked at: ec2:*, rds:db
    tags: tuple[str, ...] = ()
    """Patterns, key or key=value, of tags that what something else than Terraform looks after has."""
    ignore: tuple[Accepted, ...] = ()  # resources that need no Terraform, each with reason, owner and last day
    grace: timedelta = timedelta(days=1)  # what has been there for less is not told yet
    explorer: bool = True  # whether Resource Explorer is asked too, where it is on

    opt_in: ClassVar[bool] = True
    scope: ClassVar[Scope] = Scope.REGION
    more_scopes: ClassVar[tuple[Scope, ...]] = (Scope.ACCOUNT,)
    every: ClassVar[timedelta] = timedelta(days=1)
    deadline: ClassVar[timedelta] = timedelta(minutes=30)
    # Beside its lists: each CloudFormation stack, each key and bucket that no state holds.
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(33, 0.1), Scope.ACCOUNT: Asks(10, 0.2)}
    iam: ClassVar[tuple[str, ...]] = (
        "autoscaling:DescribeAutoScalingGroups",
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",
        "cloudfront:ListDistributions",
        "dynamodb:ListTables",
        "ec2:DescribeAddresses",
        "ec2:DescribeInstances",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNatGateways",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVolumes",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcs",
        "ecs:ListClusters",
        "eks:ListClusters",
        "elasticache:DescribeCacheClusters",
        "elasticache:DescribeReplicationGroups",
        "elasticfilesystem:DescribeFileSystems",
        "elasticloadbalancing:DescribeLoadBalancers",
        "iam:GetAccountAuthorizationDetails",
        "kms:DescribeKey",
        "kms:ListKeys",
        "lambda:ListFunctions",
        "logs:DescribeLogGroups",
        "rds:DescribeDBClusters",
        "rds:DescribeDBInstances",
        "resource-explorer-2:GetDefaultView",
        "resource-explorer-2:GetIndex",
        "resource-explorer-2:GetView",
        "resource-explorer-2:ListResources",
        "route53:ListHostedZones",
        "s3:GetBucketTagging",
        "s3:ListAllMyBuckets",
        "secretsmanager:ListSecrets",
        "sns:ListTopics",
        "sqs:ListQueues",
        "tag:GetResources",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "resources": "Resources that no Terraform state holds, and nobody accepted.",
        "resources_managed": "Resources that a Terraform state holds.",
        "resources_of_others": "Resources that AWS, CloudFormation, Kubernetes and the like made and look after.",
        "resources_accepted": "Resources that no Terraform state holds, as somebody accepted.",
        "resources_new": "Resources that no Terraform state holds yet.",
        "managed_ratio": "Part of the resources that Terraform could hold that it holds, 0 to 1.",
    }
    measure_labels: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(measures, ("type",))
    verdicts: ClassVar[Mapping[str, str]] = {
        "managed": "every resource of a kind is in a Terraform state, or somebody else's",
        "unmanaged": "no Terraform state holds some resources of a kind",
        "explorer_off": "Resource Explorer is not on here: kinds without a list of their own are seen by tags only",
        "partial": "could not look: not every list could be read",
        "states_not_read": "could not look: not every Terraform state was read, so nothing can be called unmanaged",
        **VERDICTS,
    }

    def __post_init__(self) -> None:
        if self.grace < timedelta(hours=1):
            raise ValueError("grace must be at least 1h: for so long what is known of a Terraform state may be old")

    def run(self, place: AwsPlace) -> Iterable[Reading]:
        """Of a region: what it has. Of an account: what it has once, whatever the region."""
        choice = Choice(self.types, self.tags, self.ignore, self.grace, self.explorer)
        return StrayLook(place, choice, everywhere=place.key == place.account).readings()
