"""Security: what is open to the world, unencrypted or unguarded, and what other services of AWS have found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import ClassVar, Literal

from checks.aws import AwsPlace
from checks.base import Asks, Check, Reading, Scope
from checks.exposure.account import AccountLook
from checks.exposure.databases import DatabaseLook
from checks.exposure.groups import SENSITIVE
from checks.exposure.identity import Limits
from checks.exposure.model import Suppression
from checks.exposure.region import RegionLook
from checks.exposure.settings import Settings
from checks.exposure.told import MEASURES, VERDICTS, Teller
from checks.exposure.verdicts import VerdictLook


@dataclass(frozen=True)
class Security(Check):
    """What is open to the world, unencrypted or unguarded, and what other services of AWS have found."""

    suppress: tuple[Suppression, ...] = ()  # findings nobody wants to hear of, each with reason, owner and expiry
    sensitive_ports: tuple[int, ...] = SENSITIVE  # of administration and data stores
    public_ports: tuple[int, ...] = ()  # that the world may reach anywhere
    load_balancer_ports: tuple[int, ...] = (80, 443)  # that the world may reach at load balancers
    internal_listeners: bool = False  # also judge load balancers that serve their own network only
    key_age: timedelta = timedelta(days=90)  # an access key may be so old
    unused_after: timedelta = timedelta(days=90)  # a key or password that was not used for so long is told of
    root_used_within: timedelta = timedelta(hours=24)  # the root user's acts are told of for so long
    password_length: int = 14  # passwords must be at least so long
    password_reuse: int = 24  # so many of the last passwords must not be used again
    required_services: tuple[Literal["config", "guardduty", "securityhub", "access-analyzer"], ...] = (
        "config", "guardduty",
    )  # fmt: skip
    """Services that must be on in every region."""
    least_severity: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] = "HIGH"  # of Security Hub's and GuardDuty's findings
    config_rules: tuple[str, ...] = ("*",)  # globs: rules of AWS Config whose verdicts are told of
    most_findings: int = 500  # that are read of one service, or one rule, in one region

    scope: ClassVar[Scope] = Scope.REGION
    more_scopes: ClassVar[tuple[Scope, ...]] = (Scope.ACCOUNT,)
    every: ClassVar[timedelta] = timedelta(hours=6)
    deadline: ClassVar[timedelta] = timedelta(minutes=15)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(23, 0.1), Scope.ACCOUNT: Asks(10, 0.6)}
    rests: ClassVar[tuple[str, ...]] = (  # none of a data store is nothing wrong; none of what watches is
        "efs:describe_file_systems",
        "elasticache:describe_cache_clusters",
        "elasticache:describe_replication_groups",
        "rds:describe_db_clusters",
        "rds:describe_db_instances",
        "redshift-serverless:list_workgroups",
        "redshift:describe_clusters",
    )
    iam: ClassVar[tuple[str, ...]] = (
        "access-analyzer:ListAnalyzers",
        "access-analyzer:ListFindings",
        "apigateway:GET",
        "cloudfront:ListDistributions",
        "config:DescribeComplianceByConfigRule",
        "config:DescribeConfigurationRecorderStatus",
        "config:GetComplianceDetailsByConfigRule",
        "ec2:DescribeImages",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
        "ec2:GetEbsEncryptionByDefault",
        "ec2:GetManagedPrefixListEntries",
        "ec2:GetSnapshotBlockPublicAccessState",
        "elasticache:DescribeCacheClusters",
        "elasticache:DescribeReplicationGroups",
        "elasticfilesystem:DescribeFileSystems",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "es:DescribeDomains",
        "es:ListDomainNames",
        "guardduty:GetDetector",
        "guardduty:GetFindings",
        "guardduty:ListDetectors",
        "guardduty:ListFindings",
        "iam:GenerateCredentialReport",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetAccountPasswordPolicy",
        "iam:GetAccountSummary",
        "iam:GetCredentialReport",
        "ram:ListResources",
        "rds:DescribeDBClusterParameters",
        "rds:DescribeDBClusters",
        "rds:DescribeDBClusterSnapshotAttributes",
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBInstances",
        "rds:DescribeDBParameters",
        "rds:DescribeDBSnapshotAttributes",
        "rds:DescribeDBSnapshots",
        "redshift-serverless:ListWorkgroups",
        "redshift:DescribeClusterParameters",
        "redshift:DescribeClusters",
        "s3:GetAccountPublicAccessBlock",
        "s3:GetBucketAcl",
        "s3:GetBucketPolicy",
        "s3:GetBucketPolicyStatus",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetEncryptionConfiguration",
        "s3:ListAllMyBuckets",
        "securityhub:DescribeHub",
        "securityhub:GetFindings",
    )
    measures: ClassVar[Mapping[str, str]] = MEASURES
    verdicts: ClassVar[Mapping[str, str]] = VERDICTS

    def __post_init__(self) -> None:
        if self.most_findings < 1:
            raise ValueError("most_findings must be at least 1")
        for name in ("sensitive_ports", "public_ports", "load_balancer_ports"):
            wrong = [port for port in getattr(self, name) if not 0 <= port <= 65535]
            if wrong:
                raise ValueError(f"{name}: there is no port {wrong[0]}")

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        """A reading for every resource of a region, or of an account as a whole."""
        teller, settings = Teller(place, self.suppress), self._settings()
        if place.key == place.account:
            yield from AccountLook(place, teller, settings).readings()
            return
        own = chain(RegionLook(place, teller, settings).readings(), DatabaseLook(place, teller).readings())
        yield from teller.settle(own)
        yield from VerdictLook(place, teller, settings).readings()

    def _settings(self) -> Settings:
        limits = Limits(
            self.key_age, self.unused_after, self.root_used_within, self.password_length, self.password_reuse
        )
        return Settings(
            self.sensitive_ports, self.public_ports, self.load_balancer_ports, self.internal_listeners,
            self.required_services, self.least_severity, self.most_findings, self.config_rules, limits,
        )  # fmt: skip
