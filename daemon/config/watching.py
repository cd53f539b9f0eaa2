"""Options: what is watched, and how it is looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from daemon.config.discovery import Discovery, Regions, check_regions
from daemon.config.section import Section, Variables, group
from daemon.config.stages import Globs, Stage
from daemon.config.values import (
    AccountId,
    Count,
    Dollars,
    FilePath,
    Glob,
    OneOrMany,
    Program,
    Provider,
    Role,
    SomeDuration,
    Text,
    Url,
    wrong_at,
)


class StageRule(Section):
    """Stacks of one stage, by their name."""

    stack: Glob
    """Pattern of stack names."""
    stage: Stage
    """Their stage."""


class Owners(Section):
    """Who is told where nobody else is named."""

    default: Text | None = None
    """Owner of what neither `settings.barograph` nor CODEOWNERS gives one."""


class PlanRule(Section):
    """What planning some of the stacks needs. Where several rules fit, the later one wins, option by option."""

    stacks: Globs = ("*",)
    """Patterns of stack names."""
    components: Globs = ("*",)
    """Patterns of component names."""
    plan_role: Role | None = None
    """Read-only role put in place of the provider's own; `{account}` stands for the instance's account."""
    external_id: Text | None = None
    """External id for assuming `plan_role`."""
    environment: Variables = Field(default_factory=dict)
    """Environment variables: name to a value, `${NAME}`, or `{file: path}`."""
    variables: Variables = Field(default_factory=dict)
    """Terraform variables, given as `TF_VAR_…`: name to a value, `${NAME}`, or `{file: path}`."""
    allowed_providers: Annotated[tuple[Provider, ...] | None, OneOrMany] = None
    """Providers that may run, such as `hashicorp/aws`; all if not given."""
    terraform: Program | None = None
    """The Terraform or OpenTofu program for these stacks."""

    @model_validator(mode="after")
    def _id_has_a_role(self) -> PlanRule:
        if self.external_id and not self.plan_role:
            raise wrong_at("external_id", "needs plan_role beside it: the role it is for")
        return self


class Planning(Section):
    """How plans are made."""

    workers: Count = 2
    """Plans at the same time. One takes up to a core and, with the AWS provider, about 1 GiB of memory."""
    deadline: SomeDuration = timedelta(minutes=15)
    """How long one plan may take, initialisation included."""
    scratch: FilePath | None = None
    """Folder for private working copies; a folder of the system's for temporary files if not given."""
    plugin_cache: FilePath | None = None
    """Folder that keeps provider plugins between plans; inside `scratch` if not given."""
    provider_mirror: FilePath | None = None
    """Folder with a filesystem mirror of providers, used before the registry."""
    terraform: Annotated[tuple[Program, ...], OneOrMany] = ()
    """Terraform or OpenTofu programs to choose from by `required_version`; those on the PATH if not given."""
    rules: tuple[PlanRule, ...] = ()
    """What planning some of the stacks needs."""


def _leads_into(account: str, option: str, role_arn: str | None) -> None:
    """Raise PydanticCustomError where a role leads into another account: that one would be looked at in its place."""
    found = role_arn.split(":")[4] if role_arn else account
    if found not in (account, "{account}"):
        raise wrong_at(option, f"leads into account {found}, not into {account}")


class AwsAccount(Section):
    """An AWS account that is watched."""

    id: AccountId
    """Its id, 12 digits."""
    regions: Regions = ()
    """Regions to look at: a list, or `enabled` for all that the account has switched on; those of `discovery` if not
    given."""
    name: Text | None = None
    """What people call it."""
    stage: Stage | None = None
    """Its stage, for resources of which no stack is known; not known counts as production."""
    tenant: Text | None = None
    """Tenant."""
    owner: Text | None = None
    """Who looks after what no stack is known to own."""
    role_arn: Role | None = None
    """Read-only role to take on in it; the credentials as they are if not given. `{account}` stands for the id."""
    external_id: Text | None = None
    """External id for taking on `role_arn`."""

    @model_validator(mode="after")
    def _whole(self) -> AwsAccount:
        _leads_into(self.id, "role_arn", self.role_arn)
        if self.external_id and not self.role_arn:
            raise wrong_at("external_id", "needs role_arn beside it: the role it is for")
        if "regions" in self.model_fields_set and not self.regions:
            raise wrong_at("regions", "must name at least one region, such as eu-west-1, or be enabled")
        check_regions(self.regions)
        return self


class Aws(Section):
    """How AWS is reached. Credentials come from the usual chain of the AWS SDK."""

    region: Text | None = None
    """Region for what has none of its own."""
    endpoint_url: Url | None = None
    """Address that stands in for all of AWS, for tests and private endpoints."""
    profile: Text | None = None
    """Profile of the shared AWS configuration; a role to take on first is said there."""
    connect_timeout: SomeDuration = timedelta(seconds=5)
    """How long opening a connection may take."""
    read_timeout: SomeDuration = timedelta(seconds=30)
    """How long an answer may take."""
    paid_usd_per_day: Dollars = 5.0
    """What may be spent a day (UTC) on requests that AWS charges for; then checks cannot look. `check` has its own."""
    hub_role_arn: Role | None = None
    """Role to take on first, from which the roles of `accounts` are taken on."""
    hub_external_id: Text | None = None
    """External id for taking on `hub_role_arn`."""
    accounts: tuple[AwsAccount, ...] = ()
    """Accounts to look at; without any, only the checks that need none run."""
    discovery: Discovery = group()
    """Accounts that are found rather than listed: in an AWS organization, in the stacks."""
    payer_account: AccountId | None = None
    """Account that pays, or its delegate, where spend is asked for; without it nobody looks at spend."""
    payer_role_arn: Role | None = None
    """Read-only role to take on in `payer_account`; else as in `accounts`, else the credentials as they are."""
    payer_external_id: Text | None = None
    """External id for taking on `payer_role_arn`."""

    @model_validator(mode="after")
    def _payer_is_whole(self) -> Aws:
        if self.payer_role_arn and not self.payer_account:
            raise wrong_at("payer_role_arn", "needs payer_account beside it: the account that pays")
        _leads_into(self.payer_account or "", "payer_role_arn", self.payer_role_arn)
        if self.payer_external_id and not self.payer_role_arn:
            raise wrong_at("payer_external_id", "needs payer_role_arn beside it: the role it is for")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Aws:
        if self.hub_external_id and not self.hub_role_arn:
            raise wrong_at("hub_external_id", "needs hub_role_arn beside it: the role it is for")
        if self.hub_role_arn and "{account}" in self.hub_role_arn:
            raise wrong_at("hub_role_arn", "must name one account: the one that the other roles trust")
        seen: set[str] = set()
        for index, account in enumerate(self.accounts):
            if not account.regions and not self.discovery.finds_accounts:
                raise wrong_at("accounts", "needs regions", index)
            if account.id in seen:
                raise wrong_at("accounts", f"names {account.id} a second time; keep one", index)
            seen.add(account.id)
        return self
