"""From the configuration to the settings of each part. One function per part; nothing here decides anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.policy import Policy
from alerts.routes import Route, Routes
from alerts.tiers import TierOverride
from daemon.aws import AwsSettings
from daemon.inventory.settings import STAGE_WORDS, RootModule, SourceKind, SourceSettings, StagePattern
from daemon.planning.settings import PlanningSettings, PlanRule, inherited

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.config.models import PlanRule as PlanRuleSection

NOWHERE = "log"  # the channel of an installation without Slack: messages are written to the log


def alert_policy(config: Config) -> Policy:
    """How incidents are tiered, routed and told."""
    alerts = config.alerts
    rows = [
        Route(row.channel, row.mention, tier, kind, stage, stack)
        for row in alerts.routes
        for tier in row.tiers or (None,)
        for kind in row.kinds or (None,)
        for stage in row.stages or ("",)
        for stack in row.stacks or ("",)
    ]
    overrides = tuple(
        TierOverride(row.tier, row.why, row.kind, row.stage or "", row.stack or "", row.resource or "")
        for row in alerts.tiers
    )
    return Policy(
        routes=Routes(alerts.default_channel or NOWHERE, tuple(rows), alerts.default_mention),
        overrides=overrides,
        reopen_within=alerts.reopen_within,
        baseline_wait=alerts.baseline.wait,
        status_url=config.web.public_url or "",
    )


def aws_settings(config: Config) -> AwsSettings:
    """How AWS is called."""
    return AwsSettings(
        connect_timeout=config.aws.connect_timeout.total_seconds(), read_timeout=config.aws.read_timeout.total_seconds()
    )


def source_settings(config: Config, environ: Mapping[str, str]) -> SourceSettings:
    """Where instances come from. *environ* is the daemon's own environment, of which listing gets little."""
    source, atmos = config.source, config.source.atmos
    return SourceSettings(
        kind=SourceKind(source.kind),
        path=source.path,
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
        config_path=_below(source.path, atmos.config_path),
        deadline=atmos.deadline,
        output_limit=atmos.output_limit,
        workers=config.planning.workers,
        environment=inherited(environ, Path.home()),
        owner=config.owners.default or "",
        stage_patterns=tuple(StagePattern(rule.stack, rule.stage) for rule in config.stages),
        stage_words={**STAGE_WORDS, **{word.lower(): str(stage) for word, stage in config.stage_words.items()}},
    )  # fmt: skip


def planning_settings(config: Config, scratch: Path, environ: Mapping[str, str]) -> PlanningSettings:
    """How plans are made."""
    planning, source = config.planning, config.source
    return PlanningSettings(
        scratch=scratch,
        driver="direct" if source.kind != "atmos" else source.atmos.driver,
        workers=planning.workers,
        deadline_seconds=planning.deadline.total_seconds(),
        atmos=source.atmos.command,
        atmos_config=_below(source.path, source.atmos.config_path) or ".",
        terraform=planning.terraform or ("terraform", "tofu"),
        plugin_cache=planning.plugin_cache or scratch.with_name(f"{scratch.name}-plugins"),
        provider_mirror=planning.provider_mirror,
        rules=tuple(each for rule in planning.rules for each in _plan_rules(rule)),
        inherited=inherited(environ, Path.home()),
    )


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
