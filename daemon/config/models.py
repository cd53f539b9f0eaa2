"""What can be configured: one class per group of options. A docstring below an option is its line in the docs.

Relative paths start from the configuration file's folder. Durations are `timedelta`, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from checks.kinds import Kind, Tier
from daemon.config.section import SecretPath, SecretText, Section, Variables, as_written, group
from daemon.config.values import (
    Channel,
    Count,
    Duration,
    FilePath,
    Glob,
    JsonMapping,
    Listen,
    Mention,
    OneOrMany,
    Program,
    Rate,
    Role,
    Size,
    SomeDuration,
    Text,
    Url,
    Zone,
    is_loopback,
    wrong,
    wrong_at,
)


class Stage(StrEnum):
    """Environments of the guideline."""

    PRODUCTION = "production"
    STAGING = "staging"
    DEVELOPMENT = "development"


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    ACKNOWLEDGE = "acknowledge"
    INGEST = "ingest"
    APPROVE = "approve"
    ADMIN = "admin"


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
    output_limit: Size = 256 * 2**20
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
    """Workspaces to watch. With more than one, the workspace's name is added to the stack's."""
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
    """`atmos`: an Atmos repository; `terraform`: the modules in `roots`; `file`: a saved `atmos describe stacks`."""
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
    allowed_providers: Annotated[tuple[Glob, ...] | None, OneOrMany] = None
    """Patterns of provider addresses that may run, such as `registry.terraform.io/hashicorp/*`; all if not given."""
    terraform: Program | None = None
    """The Terraform or OpenTofu program for these stacks."""


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


class Aws(Section):
    """How AWS is reached. Credentials come from the usual chain of the AWS SDK."""

    region: Text | None = None
    """Region for what has none of its own."""
    endpoint_url: Url | None = None
    """Address that stands in for all of AWS, for tests and private endpoints."""
    profile: Text | None = None
    """Profile of the shared AWS configuration."""
    role: Role | None = None
    """Role to assume first."""
    external_id: Text | None = None
    """External id for assuming `role`."""
    connect_timeout: SomeDuration = timedelta(seconds=5)
    """How long opening a connection may take."""
    read_timeout: SomeDuration = timedelta(seconds=30)
    """How long an answer may take."""


class TierRow(Section):
    """A row that goes before the guideline's table of tiers. A condition that is not given fits everything."""

    tier: Tier
    """The tier."""
    why: Text
    """The reason, which every message shows."""
    kind: Kind | None = None
    """Kind of alert."""
    stage: Stage | None = None
    """Stage."""
    stack: Glob | None = None
    """Pattern of stack names."""
    resource: Glob | None = None
    """Pattern of resources, such as `acme-prod/service/*`."""


class RouteRow(Section):
    """Where some of the incidents go. A condition that is not given fits everything."""

    channel: Channel
    """ID of the Slack channel."""
    mention: Mention = ""
    """Whom the message mentions: `here`, `channel`, or the ID of a user group or person."""
    tiers: Annotated[tuple[Tier, ...], OneOrMany] = ()
    """Tiers."""
    kinds: Annotated[tuple[Kind, ...], OneOrMany] = ()
    """Kinds of alert."""
    stages: Annotated[tuple[Stage, ...], OneOrMany] = ()
    """Stages."""
    stacks: Globs = ()
    """Patterns of stack names."""


class Baseline(Section):
    """The first look over what is already there."""

    wait: Duration = timedelta(hours=1)
    """How long the one message about a first look waits for slower places."""


class Alerts(Section):
    """What is posted where."""

    default_channel: Channel | None = None
    """ID of the channel for what no route fits. Required with `slack`: no alert may go nowhere."""
    default_mention: Mention = ""
    """Whom a critical message mentions that no route fits."""
    fallback_channel: Channel | None = None
    """ID of the channel used when Slack refuses a message's own: archived, deleted, not invited."""
    routes: tuple[RouteRow, ...] = ()
    """Rows in order; the first that fits decides."""
    tiers: tuple[TierRow, ...] = ()
    """Rows in order that go before the guideline's table; the first that fits decides."""
    baseline: Baseline = group()
    """The first look."""
    reopen_within: Duration = timedelta(minutes=30)
    """A comeback sooner than this goes on in the old thread."""


class Pacing(Section):
    """How fast messages leave, per channel."""

    per_second: Rate = 1.0
    """Messages per second in the long run. Slack allows about one."""
    burst: Count = 3
    """Messages that may leave at once after a pause."""


class Slack(Section):
    """The Slack workspace. Without this group, messages are stored and shown, not sent."""

    token: SecretText
    """Bot token (`xoxb-…`) with `chat:write` and `channels:history` (`groups:history` for private channels)."""
    token_file: SecretPath | None = None
    """File that holds `token`."""
    app_token: SecretText | None = None
    """App-level token (`xapp-…`) for buttons over Socket Mode."""
    app_token_file: SecretPath | None = None
    """File that holds `app_token`."""
    api_url: Url = "https://slack.com/api/"
    """Address of Slack's Web API."""
    timeout: SomeDuration = timedelta(seconds=10)
    """How long one call may take."""
    settle: Duration = timedelta(seconds=30)
    """How long after `timeout` an unclear message may still appear in the channel's history."""
    pacing: Pacing = group()
    """How fast messages leave."""


class Store(Section):
    """The database: one SQLite file on a local disk."""

    path: FilePath = Path("barograph.db")
    """The file."""
    retention: SomeDuration = timedelta(days=400)
    """How long readings, transitions and sent messages are kept. Open incidents are kept always."""
    backups: FilePath | None = None
    """Folder for the copies made before a migration; `backups` beside the database if not given."""


class Token(Section):
    """A bearer token for programs and people."""

    name: Text
    """Who holds it; shown in the audit trail."""
    token: SecretText
    """The token."""
    token_file: SecretPath | None = None
    """File that holds `token`."""
    scopes: Annotated[tuple[Scope, ...], OneOrMany] = (Scope.READ,)
    """What it allows."""


class Login(Section):
    """A user and password for browsers (HTTP basic authentication)."""

    user: Text
    """The user's name; shown in the audit trail."""
    password: SecretText
    """The password."""
    password_file: SecretPath | None = None
    """File that holds `password`."""
    scopes: Annotated[tuple[Scope, ...], OneOrMany] = (Scope.READ,)
    """What it allows."""


class Auth(Section):
    """Who may see and do what over HTTP. Health is open to everybody."""

    tokens: tuple[Token, ...] = ()
    """Bearer tokens."""
    basic: tuple[Login, ...] = ()
    """Users and passwords."""

    @model_validator(mode="after")
    def _no_name_twice(self) -> Auth:
        _unique("tokens", [token.name for token in self.tokens])
        _unique("basic", [login.user for login in self.basic])
        return self


def _unique(key: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise wrong_at(key, "holds one name twice; the audit trail could not tell them apart", index)


class Web(Section):
    """The status page, the metrics and the API."""

    listen: Listen = "127.0.0.1:9877"
    """Address and port. One that other machines can reach needs `auth`."""
    public_url: Url | None = None
    """Address of the status page as people reach it; messages link to it."""
    auth: Auth = group()
    """Who may see and do what."""

    @model_validator(mode="after")
    def _not_open_to_all(self) -> Web:
        if not is_loopback(self.listen) and not self.auth.tokens and not self.auth.basic:
            raise wrong_at(
                "listen",
                f"is {self.listen}, which other machines can reach, and nobody would have to sign in; "
                "add web.auth with tokens or basic, or listen on 127.0.0.1",
            )
        return self


class Log(Section):
    """The program's own log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object per line."""


class Metrics(Section):
    """Prometheus metrics."""

    series_limit: Count = 20_000
    """Most time series that `/metrics` gives; what is left out is counted in a metric of its own."""


class Settings(Section):
    """The configuration file, apart from `checks`, whose options the checks themselves define."""

    source: Source
    """Where the inventory comes from."""
    stages: tuple[StageRule, ...] = ()
    """Patterns that give a stack its stage where Atmos' vars do not; the first that fits decides."""
    stage_words: Mapping[Text, Stage] = Field(default_factory=dict)
    """What other words for a stage mean, such as `uat: staging`."""
    owners: Owners = group()
    """Who is told."""
    planning: Planning = group()
    """How plans are made."""
    aws: Aws = group()
    """How AWS is reached."""
    alerts: Alerts = group()
    """What is posted where."""
    slack: Slack | None = None
    """The Slack workspace."""
    store: Store = group()
    """The database."""
    web: Web = group()
    """The status page, the metrics and the API."""
    log: Log = group()
    """The program's own log."""
    metrics: Metrics = group()
    """Prometheus metrics."""
    timezone: Zone = as_written("UTC")
    """Time zone of reports and of times shown to people."""
