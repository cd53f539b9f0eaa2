"""Compliance: how well each stack keeps what its environment is expected to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from checks.aws import VERDICTS
from checks.base import Asks, Check, Reading, Scope
from checks.comply.hours import WorkingHours
from checks.comply.model import Exemption
from checks.comply.place import PlaceLook
from checks.comply.rules import BY_NAME, Expected, Naming, RequiredTag
from checks.comply.score import ScoreLook
from checks.estate import KEY as ESTATE
from checks.plans.ignore import fits


@dataclass(frozen=True)
class Compliance(Check):
    """Tags, names, logs, alarms, zones, protection and what else an environment is to have, scored for each stack."""

    tags: tuple[RequiredTag, ...] = ()  # that resources must have
    naming: tuple[Naming, ...] = ()  # how resources must be called
    working_hours: WorkingHours = field(default_factory=WorkingHours)
    """Outside which development is to be shut down."""
    log_retention_days: int = 30  # how long logs are kept at least
    exemptions: tuple[Exemption, ...] = ()  # rules that are switched off, each with reason and owner

    scope: ClassVar[Scope] = Scope.REGION
    more_scopes: ClassVar[tuple[Scope, ...]] = (Scope.ACCOUNT, Scope.ESTATE)
    every: ClassVar[timedelta] = timedelta(days=1)
    deadline: ClassVar[timedelta] = timedelta(minutes=30)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(20, 0.2), Scope.ACCOUNT: Asks(2, 0.4)}
    iam: ClassVar[tuple[str, ...]] = (
        "autoscaling:DescribeAutoScalingGroups",
        "cloudfront:GetDistributionConfig",
        "cloudfront:ListDistributions",
        "cloudfront:ListTagsForResource",
        "cloudwatch:DescribeAlarms",
        "codedeploy:GetDeploymentGroup",
        "codedeploy:ListApplications",
        "codedeploy:ListDeploymentGroups",
        "dynamodb:DescribeTable",
        "dynamodb:ListTables",
        "ec2:DescribeFlowLogs",
        "ec2:DescribeInstances",
        "ec2:DescribeNatGateways",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVolumes",
        "ec2:DescribeVpcs",
        "ecs:DescribeServices",
        "ecs:ListClusters",
        "ecs:ListServices",
        "eks:DescribeCluster",
        "eks:ListClusters",
        "elasticache:DescribeReplicationGroups",
        "elasticfilesystem:DescribeFileSystems",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "lambda:ListFunctions",
        "logs:DescribeDeliverySources",
        "logs:DescribeLogGroups",
        "rds:DescribeDBClusters",
        "rds:DescribeDBInstances",
        "s3:GetBucketLogging",
        "s3:GetBucketTagging",
        "s3:ListAllMyBuckets",
        "sns:ListTopics",
        "sqs:ListQueues",
        "tag:GetResources",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "rules_checked": "Rules that are about something of the stacks, those switched off left out.",
        "rules_passed": "Rules that all resources of a stack keep.",
        "rules_failed": "Rules that some resource of a stack does not keep.",
        "rules_unknown": "Rules of which nobody knows whether a stack keeps them.",
        "rules_off": "Rules that are switched off for all of a stack they are about.",
        "results_passed": "Resources that keep a rule, counted for each rule.",
        "score_ratio": "The mean over rules of the part of a stack's resources that keep it, 0 to 1.",
        "results_unknown": "Resources of which nobody knows whether they keep a rule, counted for each rule.",
        "results_failed": "Resources that do not keep a rule, counted for each rule.",
    }
    # The place is the whole estate, so each stack is named: as "scored", or as what is unmanaged in an account.
    measure_labels: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(measures, ("scored",))
    verdicts: ClassVar[Mapping[str, str]] = {
        "kept": "every rule is kept",
        "gaps": "some rule is not kept",
        "partial": "could not look: not all of it could be read, so there is no score",
        "gathered": "the resources of a place were read",
        "scored": "every stack has its score",
        "empty": "a stack has no resource that a rule is about",
        "waiting": "could not look: some accounts and regions were not looked at yet",
        "no_accounts": "no account is watched, and none ever was",
        **VERDICTS,
    }

    def __post_init__(self) -> None:
        for one in self.exemptions:
            if not any(fits(one.rule, name) for name in BY_NAME):
                raise ValueError(f"exemptions: no rule fits {one.rule}; there are: {', '.join(BY_NAME)}")

    def run(self, place: Any) -> Iterable[Reading]:
        """The readings of a region, an account, or the estate. Which of them *place* is, its key says."""
        if place.key == ESTATE:
            return ScoreLook(place, self.exemptions).readings()
        expected = Expected(
            place.now(), self.tags, self.naming, self.working_hours, self.log_retention_days, self.exemptions
        )  # fmt: skip
        look = PlaceLook(place, expected)
        return look.account() if place.key == place.account else look.region()
