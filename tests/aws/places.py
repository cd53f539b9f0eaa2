"""Places to look at: over the fake AWS, and over moto. Both are the real AwsAccountPlace and AwsRegionPlace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from checks.base import Check, Json, Owner, Scope
from daemon.aws import (
    Account,
    AwsAccountPlace,
    AwsContext,
    AwsRegionPlace,
    AwsSettings,
    ClientPool,
    Identity,
    Role,
    Sessions,
    Watching,
)
from tests.aws.fake import Answers, FakeAws, loader

ACCOUNT, REGION = "111111111111", "eu-west-1"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAME = "check"  # of the check, where a place asks for it


@dataclass
class Owned:
    """What the Terraform states hold. None: they could not be read."""

    owners: Mapping[str, Owner] | None = field(default_factory=dict)

    @property
    def known(self) -> bool:
        return self.owners is not None

    def find(self, identifier: str, account: str = "", region: str = "") -> Owner | None:
        return (self.owners or {}).get(identifier)


@dataclass
class Remembered:
    """What the check kept in earlier looks."""

    memory: Mapping[str, Json] = field(default_factory=dict)

    def recall(self, check: str, place: str, name: str) -> Json | None:
        return self.memory.get(name)


def fake_place(
    check: Check | type[Check],
    answers: Answers | FakeAws,
    *,
    account: str = ACCOUNT,
    region: str = REGION,
    now: datetime = NOW,
    owners: Mapping[str, Owner] | None = None,
    states_read: bool = True,
    memory: Mapping[str, Json] | None = None,
    labels: Mapping[str, str] | None = None,
    scope: Scope | None = None,
    regions: tuple[str, ...] = (),
) -> Any:
    """A place of the check's scope over the fake AWS, opened for one look.

    *owners*: identifier -> whose state holds it; *states_read* False: nobody knows. *labels*: stage, tenant, owner,
    name of the account. *scope*: of a check that has several; *regions*: the account's, where they are more than
    *region*. What the check keeps is in `.kept`; what was asked is in the FakeAws, if one is given.
    """
    fake = answers if isinstance(answers, FakeAws) else FakeAws(answers)
    key = f"ASIAFAKE{account}"
    fake.accounts[key] = account
    if region not in fake.pools:
        fake.pools[region] = ClientPool(Sessions(AwsSettings(region=region), loader()), prepare=fake.prepare, idle=64)
    pool = fake.pools[region]
    context = AwsContext(
        pool, lambda: now, owners=Owned((owners or {}) if states_read else None), memory=Remembered(memory or {}),
        strict=True,
    )  # fmt: skip
    identity = Identity(key, "canary-fake-secret")
    return _place(check, account, region, identity, context, labels or {}, scope, regions)


def moto_place(
    check: Check | type[Check],
    url: str,
    *,
    account: str = ACCOUNT,
    region: str = REGION,
    now: datetime = NOW,
    owners: Mapping[str, Owner] | None = None,
    role: bool = True,
    scope: Scope | None = None,
) -> Any:
    """A place of the check's scope over a moto server, opened for one look; moto gives each *account* its own world.

    Seed it with seed(). *role* False: with moto's own account, 123456789012, and without a role.
    """
    settings = AwsSettings(region=region, endpoint_url=url, attempts=1, connect_timeout=5, read_timeout=30)
    roles = (Role(f"arn:aws:iam::{account}:role/sweep", sts_endpoint=url),) if role else ()
    identity = Identity("test", "test", roles=roles)
    context = AwsContext(ClientPool(Sessions(settings, loader())), lambda: now, owners=Owned(owners or {}), strict=True)
    return _place(check, account, region, identity, context, {}, scope)


def seed(url: str, service: str, *, account: str = ACCOUNT, region: str = REGION) -> Any:
    """A client to put things into moto's *account* with."""
    sessions = Sessions(AwsSettings(region=region), loader())
    role = Role(f"arn:aws:iam::{account}:role/seed", sts_endpoint=url)
    session = sessions.of(Identity("test", "test", roles=(role,)))
    config = sessions.config(path_style=True, inject_host_prefix=False)
    return sessions.client(session, service, region_name=region, endpoint_url=url, config=config)


def _place(
    check: Check | type[Check],
    account: str,
    region: str,
    identity: Identity,
    context: AwsContext,
    labels: Mapping[str, str],
    scope: Scope | None = None,
    regions: tuple[str, ...] = (),
) -> Any:
    watching = Watching(NAME, check.actions(scope or check.scope))
    watched = Account(account, regions or (region,), identity=identity, **labels)
    if (scope or check.scope) is Scope.ACCOUNT:
        return AwsAccountPlace(watched, watching, context).opened(timedelta(minutes=10))
    return AwsRegionPlace(watched, region, watching, context).opened(timedelta(minutes=10))
