"""Options: what is watched, and how it is looked at."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.config.section import Section, Variables, as_written, group
from daemon.config.values import (
    AccountId,
    Count,
    FilePath,
    Glob,
    JsonMapping,
    OneOrMany,
    Program,
    Provider,
    Region,
    Role,
    Size,
    SomeDuration,
    Text,
    Url,
    wrong,
    wrong_at,
)


class Stage(StrEnum):
    """Environments of the guideline."""

    PRODUCTION = "production"
    STAGING = "staging"
    DEVELOPMENT = "development"


Globs = Annotated[tuple[Glob, ...], OneOrMany]


class Atmos(Section):
    """How Atmos is called."""

    command: Program = "atmos"
    """The Atmos program: a name on the PATH, or a path."""
    driver: Literal["atmos", "direct"] = "atmos"
    """Who prepares a plan: `atmos` goes through its CLI; `direct` writes backend and variables itself."""
    config_path: FilePath | None = None
    """Folder of `atmos.yaml`, where it is not the repository's own."""
    deadline: SomeDuration = timedelta(minutes=5)
    """How long one call of Atmos may take."""
    output_limit: Size = as_written("256MiB")
    """How much one call of Atmos may print."""


class Root(Section):
    """One Terraform root module; each of its workspaces is an instance."""

    path: Text
    """Folder of the root module, relative to the repository."""
    stack: Text
    """The stack it counts as."""
    component: Text | None = None
    """The component it counts as; the folder's name if not given."""
    workspaces: Annotated[tuple[Text, ...], OneOrMany] = ("default",)
    """Workspaces to watch. With more than one, the workspace's name is added to the component's."""
    var_files: Annotated[tuple[Text, ...], OneOrMany] = ()
    """Variable files, relative to the root module."""
    vars: JsonMapping = Field(default_factory=dict, repr=False)
    """Variables."""
    backend_config: JsonMapping = Field(default_factory=dict, repr=False)
    """Settings that complete the backend block, as `-backend-config`."""
    stage: Stage | None = None
    """Stage, where no pattern of `stages` says it."""
    tenant: Text | None = None
    """Tenant."""
    environment: Text | None = None
    """Environment, such as `euw1`."""
    region: Text | None = None
    """AWS region."""
    account: Text | None = None
    """AWS account id."""
    owner: Text | None = None
    """Who looks after it."""


class Source(Section):
    """Where the inventory comes from."""

    kind: Literal["atmos", "terraform", "file"]
    """What lists the instances: Atmos, the root modules in `roots`, or a saved `atmos describe stacks`."""
    path: FilePath
    """The repository's folder."""
    file: FilePath | None = None
    """The saved listing, for kind `file`."""
    atmos: Atmos = group()
    """How Atmos is called."""
    roots: tuple[Root, ...] = ()
    """Root modules, for kind `terraform`."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Source:
        if self.kind == "file" and self.file is None:
            raise wrong("needs file: the saved listing that kind file reads")
        if self.kind == "terraform" and not self.roots:
            raise wrong("needs roots: the root modules that kind terraform watches")
        if self.kind != "file" and self.file is not None:
            raise wrong_at("file", f"is for kind file, and kind is {self.kind}")
        if self.kind != "terraform" and self.roots:
            raise wrong_at("roots", f"is for kind terraform, and kind is {self.kind}")
        if not self.path.is_dir():
            raise wrong_at("path", "names no folder; it must be the repository, relative to this file")
        if self.file is not None and not self.file.is_file():
            raise wrong_at("file", "names no file")
        return self


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


class AwsAccount(Section):
    """An AWS account that is watched."""

    id: AccountId
    """Its id, 12 digits."""
    regions: Annotated[tuple[Region, ...], OneOrMany]
    """Regions to look at."""
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
        if self.external_id and not self.role_arn:
            raise wrong_at("external_id", "needs role_arn beside it: the role it is for")
        if not self.regions:
            raise wrong_at("regions", "must name at least one region, such as eu-west-1")
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
    hub_role_arn: Role | None = None
    """Role to take on first, from which the roles of `accounts` are taken on."""
    hub_external_id: Text | None = None
    """External id for taking on `hub_role_arn`."""
    accounts: tuple[AwsAccount, ...] = ()
    """Accounts to look at; without any, only the checks that need none run."""

    @model_validator(mode="after")
    def _fits(self) -> Aws:
        if self.hub_external_id and not self.hub_role_arn:
            raise wrong_at("hub_external_id", "needs hub_role_arn beside it: the role it is for")
        if self.hub_role_arn and "{account}" in self.hub_role_arn:
            raise wrong_at("hub_role_arn", "must name one account: the one that the other roles trust")
        seen: set[str] = set()
        for index, account in enumerate(self.accounts):
            if account.id in seen:
                raise wrong_at("accounts", f"names {account.id} a second time; keep one", index)
            seen.add(account.id)
        return self
