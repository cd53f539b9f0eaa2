"""An organization over the fake AWS: accounts and regions that come and go, and lists that fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.accounts.directory import Directory
from daemon.accounts.model import Organization, Settings
from daemon.aws import AwsContext, AwsSettings, ClientPool, Identity, Sessions
from tests.aws.fake import Call, FakeAws, loader

HUB, PROD, DEV, OLD = "000000000001", "000000000011", "000000000012", "000000000013"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALL = {"eu-west-1": "opt-in-not-required", "us-east-1": "opt-in-not-required", "af-south-1": "not-opted-in"}


def identity(account: str) -> Identity:
    """Keys by which the fake knows an account."""
    return Identity(f"ASIAFAKE{account}", "canary-fake-secret")


@dataclass
class Clock:
    """A clock that moves when told."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def hour(self) -> None:
        self.now += timedelta(hours=1)


@dataclass
class Cloud:
    """What AWS answers; change it between two refreshes."""

    accounts: dict[str, str] = field(default_factory=lambda: {HUB: "ACTIVE", PROD: "ACTIVE", DEV: "ACTIVE"})
    names: dict[str, str] = field(default_factory=lambda: {HUB: "management", PROD: "acme-prod", DEV: "acme-dev"})
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    units: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)  # id -> accounts, units
    regions: dict[str, dict[str, str]] = field(default_factory=dict)  # account -> region -> status of EC2
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.aws = FakeAws(
            {
                ("organizations", "list_accounts"): self._pages,
                ("organizations", "list_accounts_for_parent"): lambda call: {
                    "Accounts": [self._account(one) for one in self.units[call.parameters["ParentId"]][0]]
                },
                ("organizations", "list_organizational_units_for_parent"): lambda call: {
                    "OrganizationalUnits": [{"Id": one} for one in self.units[call.parameters["ParentId"]][1]]
                },
                ("organizations", "list_tags_for_resource"): lambda call: {
                    "Tags": [
                        {"Key": key, "Value": value}
                        for key, value in self.tags.get(call.parameters["ResourceId"], {}).items()
                    ]
                },
                ("ec2", "describe_regions"): lambda call: {
                    "Regions": [
                        {"RegionName": name, "OptInStatus": status}
                        for name, status in self.regions.get(call.account, ALL).items()
                    ]
                },
            }
        )
        pool = ClientPool(Sessions(AwsSettings(region="eu-west-1"), loader()), prepare=self.aws.prepare)
        self.context = AwsContext(pool, self.clock, strict=True)

    def directory(self, settings: Settings, memory: str = "") -> Directory:
        """A directory of this cloud, that knows what *memory* says."""
        self.aws.accounts.update({f"ASIAFAKE{one}": one for one in (HUB, PROD, DEV, OLD, *self.accounts)})
        made = Directory(settings, self.context, self.clock)
        made.remember(memory)
        return made

    def _account(self, account: str) -> Mapping[str, Any]:
        said = {"Id": account, "Name": self.names.get(account, f"acme-{account}")}
        state = self.accounts[account]
        return said | ({"State": state} if state else {})

    def _pages(self, call: Call) -> Mapping[str, Any]:
        """One account on each page, after an empty one: AWS may send such."""
        at = int(call.parameters.get("NextToken", "0"))
        ids = [None, *self.accounts]
        answer: dict[str, Any] = {"Accounts": [self._account(one) for one in ids[at : at + 1] if one is not None]}
        return answer | ({"NextToken": str(at + 1)} if at + 1 < len(ids) else {})


def organization(**wanted: Any) -> Organization:
    """All accounts of the organization, listed from HUB."""
    return Organization(identity=identity(HUB), account=HUB, **wanted)


def settings(**wanted: Any) -> Settings:
    """Every account of the organization, each with its own keys."""
    return Settings(**{"organization": organization(), "identity": identity, "region": "eu-west-1", **wanted})
