"""Accounts that are watched, and the places they give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from checks.base import Check, Place, Role, Scope
from daemon.aws.context import AwsContext, Watching
from daemon.aws.place import AwsAccountPlace, AwsRegionPlace, NoPayerPlace
from daemon.aws.sessions import OWN, Identity

# Where the global services of a partition (IAM, Organizations, Route 53, Cost Explorer) are asked.
GLOBAL_REGIONS: Mapping[str, str] = {
    "aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account that is watched."""

    id: str
    regions: tuple[str, ...]
    name: str = ""
    stage: str = ""
    tenant: str = ""
    owner: str = ""
    identity: Identity = field(default=OWN)

    @property
    def partition(self) -> str:
        """From the region's name: "aws", "aws-cn"."""
        region = self.regions[0] if self.regions else ""
        prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"}
        return next((name for prefix, name in prefixes.items() if region.startswith(prefix)), "aws")

    @property
    def global_region(self) -> str:
        return GLOBAL_REGIONS[self.partition]

    @property
    def labels(self) -> Mapping[str, str]:
        return {
            "account": self.id, "account_name": self.name, "stage": self.stage, "tenant": self.tenant,
            "owner": self.owner,
        }  # fmt: skip


def aws_places(
    accounts: Iterable[Account], scope: Scope, watching: Watching, context: AwsContext
) -> Mapping[str, Place]:
    """Give the places of one check by key: an account each, or a region of an account each."""
    if scope is Scope.ACCOUNT:
        found: list[Place] = [AwsAccountPlace(account, watching, context) for account in accounts]
    elif scope is Scope.REGION:
        found = [
            AwsRegionPlace(account, region, watching, context) for account in accounts for region in account.regions
        ]
    else:
        found = []
    return {place.key: place for place in found}


def places_of(
    name: str,
    check: Check | type[Check],
    accounts: tuple[Account, ...],
    payer: Account | None,
    context: AwsContext,
) -> Mapping[str, Place]:
    """Give the AWS places of every scope of a check, each with the actions that the check declares there.

    Of a check with the role PAYER the places of its first scope are the *payer*'s alone. Where accounts are watched
    and nobody said who pays, one place stands for the payer, so that the check can say that it did not look.
    """
    found: dict[str, Place] = {}
    for scope in check.scopes():
        pays = check.role is Role.PAYER and scope is check.scope
        if pays and payer is None:
            found |= {one.key: one for one in (NoPayerPlace(context.clock),) if accounts}
            continue
        where = (payer,) if pays and payer is not None else accounts
        found |= aws_places(where, scope, Watching(name, check.actions(scope)), context)
    return found
