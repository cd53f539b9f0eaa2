"""What the configuration says about planning, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

GIB = 1024**3
BYTES_PER_PLAN = int(0.8 * GIB)  # a plan with the AWS provider holds about 640 MB

# What children may see of the daemon's own environment: where programs, certificates and the way out are.
INHERITED = (
    "PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip

# What tells the AWS libraries who the daemon is. Children get it unless a rule gives credentials of its own.
AWS_IDENTITY = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanRule:
    """What planning needs beyond the repository, for the instances whose stack and component fit the globs.

    All rules that fit apply; of two that say something about one thing, the later one counts.
    """

    stacks: str = "*"
    components: str = "*"
    plan_role: str = ""  # ARN; may hold {account}. Put in place of the AWS provider's own role
    external_id: str = field(default="", repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)  # Terraform variables, as TF_VAR_…
    allowed_providers: tuple[str, ...] | None = None  # "hashicorp/aws"; None: says nothing; () allows none
    terraform: str = ""  # path or name of the binary; empty: by required_version


@dataclass(frozen=True, slots=True)
class PlanningSettings:
    """How plans are made. Relative paths are never resolved against the daemon's own folder: give absolute ones."""

    scratch: Path  # holds private copies while they are needed; wiped at start
    driver: str = "auto"  # atmos, direct; auto: atmos for instances that come from Atmos
    workers: int = 1
    deadline_seconds: float = 900.0  # of one plan, init and show included
    output_limit: int = 256 * 1024 * 1024  # bytes that one child may print; a large plan's JSON is tens of millions
    atmos: str = "atmos"
    atmos_config: str = "."  # folder of atmos.yaml, relative to the repository
    atmos_base: str = ""  # base path, relative to the repository; empty: as atmos.yaml says
    terraform: tuple[str, ...] = ("terraform",)  # names or paths, first choice first
    plugin_cache: Path | None = None
    provider_mirror: Path | None = None  # a filesystem mirror, as `terraform providers mirror` makes it
    cli_config: Path | None = None  # a Terraform CLI configuration file that is used as it is
    rules: tuple[PlanRule, ...] = ()
    inherited: Mapping[str, str] = field(default_factory=dict, repr=False)  # see inherited()


@dataclass(frozen=True, slots=True)
class Grant:
    """What all rules that fit one instance come to."""

    plan_role: str = ""
    external_id: str = field(default="", repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_providers: tuple[str, ...] | None = None
    terraform: str = ""


def grant(rules: tuple[PlanRule, ...], stack: str, component: str, account: str) -> Grant:
    """What *rules* give to *component* in *stack* of *account*. Raises ValueError.

    That is when a role needs the account and it is not known.
    """
    fitting = [rule for rule in rules if fnmatchcase(stack, rule.stacks) and fnmatchcase(component, rule.components)]
    given = Grant()
    for rule in fitting:
        given = Grant(
            plan_role=rule.plan_role or given.plan_role,
            external_id=rule.external_id if rule.plan_role else given.external_id,
            environment={**given.environment, **rule.environment},
            variables={**given.variables, **rule.variables},
            allowed_providers=given.allowed_providers if rule.allowed_providers is None else rule.allowed_providers,
            terraform=rule.terraform or given.terraform,
        )
    if "{account}" not in given.plan_role:
        return given
    if not account:
        raise ValueError(f"plan_role {given.plan_role} needs the account, and the account of {stack} is not known")
    return replace(given, plan_role=given.plan_role.replace("{account}", account))


def inherited(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """What children may have of the daemon's environment. Their HOME is private, so ~/.aws is named outright."""
    kept = {name: environ[name] for name in (*INHERITED, *AWS_IDENTITY) if name in environ}
    for name, file in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        if name not in kept and (home / ".aws" / file).is_file():
            kept[name] = str(home / ".aws" / file)
    return kept


def workers_for(memory_bytes: int, wanted: int) -> int:
    """How many plans may run side by side in *memory_bytes*: at least one, at most *wanted*."""
    return max(1, min(wanted, memory_bytes // BYTES_PER_PLAN))
