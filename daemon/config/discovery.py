"""Options: where the AWS accounts that are watched come from, beside those that the configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from daemon.config.section import Section
from daemon.config.stages import Globs, Stage
from daemon.config.values import (
    Glob,
    Interval,
    OneOrMany,
    OrganizationalUnit,
    RegionOrEnabled,
    Role,
    Switch,
    Text,
    wrong_at,
)

ENABLED = "enabled"
Texts = Annotated[tuple[Text, ...], OneOrMany]
Units = Annotated[tuple[OrganizationalUnit, ...], OneOrMany]
Regions = Annotated[tuple[RegionOrEnabled, ...], OneOrMany]


def check_regions(regions: tuple[str, ...]) -> None:
    """Raise PydanticCustomError where `enabled` stands beside regions: it means all of them."""
    if ENABLED in regions and len(regions) > 1:
        raise wrong_at("regions", "is either enabled, which means every region, or a list of regions; keep one of both")


class AccountRow(Section):
    """What accounts are whose tags do not say it."""

    account: Glob
    """Pattern of names or ids."""
    stage: Stage | None = None
    """Their stage."""
    tenant: Text | None = None
    """Their tenant."""
    owner: Text | None = None
    """Who looks after what no stack is known to own."""


class Organization(Section):
    """The accounts of an AWS organization. Suspended and closed ones are never watched."""

    role_arn: Role | None = None
    """Role to list them with, in the management account or that of a delegated administrator; else the credentials
    as they are."""
    external_id: Text | None = None
    """External id for taking on `role_arn`."""
    include: Globs = ("*",)
    """Patterns of names or ids of the accounts that are watched."""
    exclude: Globs = ()
    """Patterns of names or ids of accounts that are not."""
    units: Units = ()
    """Ids of organizational units or roots: only accounts in them, and in the units within, are watched."""
    exclude_units: Units = ()
    """The same of accounts that are not watched."""
    tags: Mapping[Text, Glob] = Field(default_factory=dict)
    """Tag to pattern: only accounts whose tags fit all of them are watched."""
    exclude_tags: Mapping[Text, Glob] = Field(default_factory=dict)
    """Tag to pattern: accounts of which any fits are not watched."""
    stage_tags: Texts = ("stage", "environment")
    """Tags that say an account's stage in one of the words of `stage_words`; upper and lower case are one."""
    tenant_tags: Texts = ("tenant",)
    """Tags that say its tenant."""
    owner_tags: Texts = ("owner",)
    """Tags that say who looks after what no stack is known to own."""
    patterns: tuple[AccountRow, ...] = ()
    """What accounts are whose tags do not say it; the first that fits and says it decides."""

    @model_validator(mode="after")
    def _fits(self) -> Organization:
        if self.external_id and not self.role_arn:
            raise wrong_at("external_id", "needs role_arn beside it: the role it is for")
        if self.role_arn and "{account}" in self.role_arn:
            raise wrong_at("role_arn", "must name one account: that of the management or of a delegated administrator")
        return self


class Discovery(Section):
    """Accounts that are found rather than listed. What `accounts` says of one goes before what is found."""

    every: Interval = timedelta(hours=1)
    """How often accounts and regions are listed anew."""
    role_arn: Role | None = None
    """Read-only role to take on in each account that is found; `{account}` stands for its id."""
    external_id: Text | None = None
    """External id for taking on `role_arn`."""
    regions: Regions = (ENABLED,)
    """Regions to look at in them: a list, or `enabled` for all that an account has switched on."""
    organization: Organization | None = None
    """The accounts of an AWS organization; `{}` for all of them. Off if not given."""
    stacks: Switch = False
    """The accounts that the stacks of the inventory name."""

    @model_validator(mode="after")
    def _fits(self) -> Discovery:
        if self.external_id and not self.role_arn:
            raise wrong_at("external_id", "needs role_arn beside it: the role it is for")
        check_regions(self.regions)
        if not self.regions:
            raise wrong_at("regions", "must name at least one region, such as eu-west-1, or be enabled")
        for source in ("organization", "stacks"):
            # Without a role, one account would be looked at under the names of all.
            if getattr(self, source) not in (None, False) and not (self.role_arn and "{account}" in self.role_arn):
                raise wrong_at(source, "needs discovery.role_arn with {account}: the role to take on in each account")
        return self

    @property
    def finds_accounts(self) -> bool:
        return self.organization is not None or self.stacks
