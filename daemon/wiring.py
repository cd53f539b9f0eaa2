"""From the configuration to the settings of each part. One function per part; nothing here decides anything."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from alerts.policy import Policy
from alerts.silences import Silences
from alerts.tiers import TierOverride
from checks.base import Scope
from daemon.accounts import model as accounts
from daemon.answers import targets, windows
from daemon.aws import (
    OWN,
    Account,
    Aws,
    AwsSettings,
    Identity,
    Role,
)
from daemon.config.doors import ProxySection
from daemon.config.reporting import Weekday
from daemon.inventory.loader import InventoryLoader
from daemon.inventory.model import Inventory
from daemon.inventory.session import Run
from daemon.inventory.settings import STAGE_WORDS, RootModule, SourceKind, SourceSettings, StagePattern
from daemon.planning.copies import temporary
from daemon.planning.settings import PlanningSettings, PlanRule, inherited, workers_for
from daemon.processes import Processes
from daemon.reporting import MAIL, Plan
from daemon.repository.access import Access
from daemon.repository.address import parse
from daemon.repository.calls import Git
from daemon.repository.folder import CommittedFolder, Origin, PlainFolder
from daemon.repository.git import GitSource, Wanted
from daemon.repository.mirror import FetchLimits
from daemon.routing import calendars_of, routes_of
from daemon.runner import CheckPlan
from daemon.toolchain import Bench
from daemon.web import AuthSettings, Credential, Granted, Listeners, Proxy

if TYPE_CHECKING:
    from daemon.config import CheckSettings, Config
    from daemon.config.discovery import Organization
    from daemon.config.models import AwsAccount
    from daemon.config.models import PlanRule as PlanRuleSection

PLANS = "plans"  # the pool of threads that wait for Terraform
ENDPOINTS = "endpoints"  # the pool of threads that wait for hosts, of which there can be thousands
ENDPOINT_LOOKS = 16  # of them: a handshake takes 2 ms of CPU, and a host that hangs takes a thread for its timeout
NOWHERE = "log"  # the channel of an installation without Slack: messages are written to the log


def alert_policy(config: Config) -> Policy:
    """How incidents are tiered, routed and told."""
    alerts = config.alerts
    overrides = tuple(
        TierOverride(row.tier, row.why, row.kind, row.stage or "", row.stack or "", row.resource or "")
        for row in alerts.tiers
    )
    return Policy(
        routes=routes_of(alerts, NOWHERE),
        overrides=overrides,
        reopen_within=alerts.reopen_within,
        baseline_wait=alerts.baseline.wait,
        status_url=config.web.public_url or "",
        calendars=calendars_of(alerts, config.timezone),
        runbook_url=alerts.runbook_url or own_runbooks(config.web.public_url or ""),
        runbooks=alerts.runbooks,
        targets=targets(config),
        silences=Silences(windows=windows(config)),
        buttons=config.slack is not None and config.slack.app_token is not None,
    )


def own_runbooks(public_url: str) -> str:
    """The pattern of the runbooks that the daemon serves itself; empty where people have no address of it."""
    return f"{public_url.rstrip('/')}/runbooks/{{kind}}#{{verdict}}" if public_url else ""


def report_plan(config: Config) -> Plan:
    """When the weekly report is made, and who gets it."""
    weekly = config.report.weekly
    destinations = [weekly.channel] if weekly.channel else []
    destinations += [f"{MAIL}{address}" for address in weekly.mail.to] if weekly.mail else []
    return Plan(
        zone=weekly.timezone or config.timezone,
        destinations=tuple(destinations),
        weekday=list(get_args(Weekday)).index(weekly.day),
        at=weekly.time,
        status_url=config.web.public_url or "",
    )


def aws_settings(config: Config) -> AwsSettings:
    """How AWS is called."""
    aws = config.aws
    return AwsSettings(
        connect_timeout=aws.connect_timeout.total_seconds(),
        read_timeout=aws.read_timeout.total_seconds(),
        profile=aws.profile or "",
        region=aws.region or "",
        endpoint_url=aws.endpoint_url or "",
    )


def aws_accounts(config: Config) -> tuple[Account, ...]:
    """The accounts that the configuration names, each with the roles that lead into it."""
    return tuple(
        Account(
            id=row.id, regions=row.regions, name=row.name or "", stage=row.stage or "", tenant=row.tenant or "",
            owner=row.owner or "", identity=_identity(config, row),
        )
        for row in config.aws.accounts
    )  # fmt: skip


def discovery_settings(config: Config) -> accounts.Settings:
    """Which accounts and regions are watched, and where they are listed."""
    aws, found = config.aws, config.aws.discovery
    return accounts.Settings(
        static=aws_accounts(config),
        organization=_organization(config, found.organization) if found.organization is not None else None,
        stacks=found.stacks,
        regions=found.regions,
        identity=lambda account: _identity_in(config, account, found.role_arn, found.external_id),
        region=aws.region or "",
        every=found.every,
    )


def _organization(config: Config, row: Organization) -> accounts.Organization:
    arn = (row.role_arn or "").split(":")  # "arn", the partition, "iam", "", the account, the role
    partition = arn[1] if row.role_arn else Account("", (config.aws.region or "",)).partition
    return accounts.Organization(
        identity=_identity_in(config, "", row.role_arn, row.external_id),
        account=arn[4] if row.role_arn else "",
        partition=partition,
        include=row.include,
        exclude=row.exclude,
        units=row.units,
        exclude_units=row.exclude_units,
        tags=row.tags,
        exclude_tags=row.exclude_tags,
        stage_tags=row.stage_tags,
        tenant_tags=row.tenant_tags,
        owner_tags=row.owner_tags,
        patterns=tuple(
            accounts.Pattern(one.account, one.stage or "", one.tenant or "", one.owner or "") for one in row.patterns
        ),
        stage_words=stage_words(config),
    )


def payer_account(config: Config) -> Account | None:
    """The account that pays, with the role that leads into it; None: the configuration names none."""
    aws = config.aws
    if aws.payer_account is None:
        return None
    known = next((one for one in aws_accounts(config) if one.id == aws.payer_account), None)
    if known is not None and known.regions == (accounts.ENABLED,):
        known = replace(known, regions=())  # which these are, a payer is not asked
    account = known or Account(id=aws.payer_account, regions=(aws.region,) if aws.region else ())
    if known is not None and not aws.payer_role_arn:
        return known
    identity = _identity_in(config, aws.payer_account, aws.payer_role_arn, aws.payer_external_id)
    return replace(account, identity=identity)


def _identity(config: Config, row: AwsAccount) -> Identity:
    return _identity_in(config, row.id, row.role_arn, row.external_id)


def _identity_in(config: Config, account: str, role_arn: str | None, external_id: str | None) -> Identity:
    aws = config.aws
    roles = [(aws.hub_role_arn, aws.hub_external_id)] if aws.hub_role_arn and role_arn else []
    roles += [(role_arn.replace("{account}", account), external_id)] if role_arn else []
    return replace(
        OWN,
        profile=aws.profile or "",
        roles=tuple(Role(arn or "", external or "", sts_endpoint=aws.endpoint_url or "") for arn, external in roles),
    )


def given_environment(config: Config, environ: Mapping[str, str]) -> Mapping[str, str]:
    """What children may have of the daemon's environment, with what the configuration says of AWS laid over it."""
    said = {
        "AWS_PROFILE": config.aws.profile,
        "AWS_REGION": config.aws.region,
        "AWS_ENDPOINT_URL": config.aws.endpoint_url,
    }
    return {**inherited(environ, Path.home()), **{name: value for name, value in said.items() if value}}


def source_settings(config: Config, environ: Mapping[str, str]) -> SourceSettings:
    """Where instances come from. *environ* is the daemon's own environment, of which listing gets little."""
    source, atmos = config.source, config.source.atmos
    return SourceSettings(
        kind=SourceKind(source.kind),
        path=source.path or _seen_from(config),
        file=source.file,
        modules=tuple(
            RootModule(
                path=root.path, stack=root.stack, component=root.component or "", workspaces=root.workspaces,
                var_files=root.var_files, vars=root.vars, backend_config=root.backend_config, stage=root.stage or "",
                tenant=root.tenant or "", environment=root.environment or "", account=root.account or "",
                region=root.region or "", owner=root.owner or "",
            )
            for root in source.roots
        ),
        atmos=atmos.command,
        config_path=_below(source.path or _seen_from(config), atmos.config_path),
        deadline=atmos.deadline,
        output_limit=atmos.output_limit,
        workers=config.planning.workers,
        environment=given_environment(config, environ),
        owner=config.owners.default or "",
        terraform=_programs(config),
        provider_mirror=config.planning.provider_mirror,
        stage_patterns=tuple(StagePattern(rule.stack, rule.stage) for rule in config.stages),
        stage_words=stage_words(config),
    )  # fmt: skip


def stage_words(config: Config) -> Mapping[str, str]:
    """What words mean which stage, in lower case."""
    return {**STAGE_WORDS, **{word.lower(): str(stage) for word, stage in config.stage_words.items()}}


def _programs(config: Config) -> tuple[str, ...]:
    """Every Terraform that may plan something."""
    planning = config.planning
    own = (rule.terraform for rule in planning.rules if rule.terraform)
    return tuple(dict.fromkeys((*(planning.terraform or ("terraform", "tofu")), *own)))


def planning_settings(config: Config, scratch: Path, environ: Mapping[str, str]) -> PlanningSettings:
    """How plans are made."""
    planning, source = config.planning, config.source
    return PlanningSettings(
        scratch=scratch,
        driver="direct" if source.kind != "atmos" else source.atmos.driver,
        workers=plan_workers(config),
        deadline_seconds=planning.deadline.total_seconds(),
        atmos=source.atmos.command,
        atmos_config=_below(source.path or _seen_from(config), source.atmos.config_path) or ".",
        terraform=planning.terraform or ("terraform", "tofu"),
        plugin_cache=planning.plugin_cache or scratch.with_name(f"{scratch.name}-plugins"),
        provider_mirror=planning.provider_mirror,
        rules=tuple(each for rule in planning.rules for each in _plan_rules(rule)),
        inherited=given_environment(config, environ),
    )


def _seen_from(config: Config) -> Path:
    """What paths in a fetched repository are written relative to: like all others, to the configuration's folder."""
    return config.path.absolute().parent


def open_origin(config: Config, folder: Path, processes: Processes, environ: Mapping[str, str]) -> Origin:
    """Where the repository's content comes from. *folder* is for this process alone; nothing is fetched yet."""
    source = config.source
    limits = FetchLimits(source.fetch_deadline.total_seconds(), source.fetch_limit)
    environment = given_environment(config, environ)
    if source.path is not None:
        if source.uncommitted == "plan":
            return PlainFolder(source.path, processes.run, environment)
        return CommittedFolder(source.path, folder, Git(processes.run, folder, environment), processes.run, limits)
    address = parse(source.url or "")
    access = Access(
        origin=address.origin,
        username=source.username or "",
        token=source.token.reveal() if source.token is not None else "",
        ssh_key_file=source.ssh_key_file,
        known_hosts_file=source.known_hosts_file,
    )
    wanted = Wanted(address, source.ref or "", source.subfolder or "", source.submodules)
    return GitSource(wanted, folder, Git(processes.run, folder, environment, access), limits)


def source_title(config: Config) -> str:
    """What is watched, for people: a folder, or an address and a ref; no credentials."""
    source = config.source
    if source.url is None:
        return f"folder {source.path}"
    return f"{parse(source.url)} at {source.ref or 'its HEAD'}"


def scratch_of(config: Config) -> Path:
    """Where the daemon keeps private copies."""
    return config.planning.scratch or config.store.path.with_name(f"{config.store.path.name}.scratch")


def toolchain_bench(
    config: Config, scratch: Path, environ: Mapping[str, str], run: Run, aws: Aws | None = None
) -> Bench:
    """What the checklist of the toolchain looks at."""
    title = str(config.source.path or parse(config.source.url or ""))
    return Bench(
        source=replace(source_settings(config, environ), name=title),
        planning=planning_settings(config, scratch, environ),
        run=run,
        aws=aws or Aws(aws_settings(config)),
        memory_bytes=memory_bytes(),
        region=config.aws.region or "",
        endpoint_url=config.aws.endpoint_url or "",
        slack_url=config.slack.api_url if config.slack is not None else "",
        accounts=bool(config.aws.accounts) or config.aws.discovery.finds_accounts,
        folder=config.source.path,
    )


def plan_workers(config: Config) -> int:
    """How many plans run side by side: as many as are configured, or fewer where memory does not allow for them."""
    return workers_for(memory_bytes(), config.planning.workers)


def memory_bytes() -> int:
    """How much memory there is for this process: the machine's, or less where a control group bounds it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [machine]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path(path).read_text()))
        except (OSError, ValueError):  # not there, or the word "max"
            continue
    return min(limits)


def _plan_rules(rule: PlanRuleSection) -> list[PlanRule]:
    return [
        PlanRule(
            stacks=stack,
            components=component,
            plan_role=rule.plan_role or "",
            external_id=rule.external_id or "",
            environment={name: value.reveal() for name, value in rule.environment.items()},
            variables={name: value.reveal() for name, value in rule.variables.items()},
            allowed_providers=rule.allowed_providers,
            terraform=rule.terraform or "",
        )
        for stack in rule.stacks
        for component in rule.components
    ]


def _below(repository: Path, path: Path | None) -> str:
    """*path* as seen from *repository*; a private copy of the repository is used in its place."""
    if path is None:
        return ""
    try:
        return path.resolve().relative_to(repository.resolve()).as_posix()
    except ValueError:
        return str(path)


def web_auth(config: Config) -> AuthSettings:
    """Who may see what over HTTP."""
    auth = config.web.auth
    return AuthSettings(
        tokens=tuple(Credential(one.name, one.token.reveal(), frozenset(map(str, one.scopes))) for one in auth.tokens),
        logins=tuple(
            Credential(one.user, one.password.reveal(), frozenset(map(str, one.scopes))) for one in auth.basic
        ),
        proxy=None if auth.proxy is None else _proxy(auth.proxy),
    )


def _proxy(given: ProxySection) -> Proxy:
    return Proxy(
        given.header, given.addresses, given.groups_header or "",
        tuple(Granted(frozenset(map(str, one.scopes)), one.user or "", one.group or "") for one in given.roles),
        frozenset(map(str, given.everyone)), frozenset(given.hosts),
    )  # fmt: skip


def web_listeners(config: Config) -> Listeners:
    """Where what is served."""
    return Listeners(config.web.listen, config.web.metrics_listen or "", config.web.webhooks_listen or "")


def open_inventory(config: Config, environ: Mapping[str, str], memory: str = "") -> Inventory:
    """Load the inventory once, for the command line. Raises InventoryError.

    *memory*: what a daemon remembers of its last listing; the changes since are then told.
    """
    processes = Processes()
    with temporary("barograph-inventory-source-") as folder, ExitStack() as stack:
        stack.callback(processes.close)
        origin = open_origin(config, folder / "repository", processes, environ)
        settings = source_settings(config, environ)
        loader = InventoryLoader(settings, processes.run, lambda: datetime.now(UTC), origin)
        stack.callback(loader.close)
        loader.remember(memory, ())
        return loader.load()


def check_plans(config: Config) -> Mapping[str, CheckPlan]:
    """The checks that are switched on, each with its schedule by stage, its deadline and its pool of threads."""
    return {
        name: CheckPlan(
            name=name,
            check=settings.check,
            interval=partial(_interval, settings),
            deadline=settings.deadline,
            pool=_pool(settings.check.scopes()),
        )
        for name, settings in config.checks.items()
        if settings.enabled
    }


def is_of_instances(plans: Mapping[str, CheckPlan], check: str) -> bool:
    """Whether *check* looks at component instances, so that the inventory says which of its places there are."""
    return check in plans and Scope.INSTANCE in plans[check].check.scopes()


def _pool(scopes: Collection[Scope]) -> str:
    if Scope.INSTANCE in scopes:
        return PLANS
    return ENDPOINTS if Scope.ENDPOINT in scopes else "default"


def _interval(settings: CheckSettings, labels: Mapping[str, str]) -> timedelta:
    return settings.interval(labels.get("stage", ""))
