"""From the configuration to what the record of executions needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from checks.runs import after
from checks.runs.cycle import Rules
from daemon.config import Config
from daemon.config.executing import ScheduleRow
from daemon.config.guideline import WindowRow, moment_of
from daemon.config.secrets import Secret
from daemon.executions.cron import parse
from daemon.executions.github import Mapped
from daemon.executions.guideline import Guideline, Named
from daemon.executions.schedules import Schedule
from daemon.executions.windows import Freeze, Window
from daemon.routing import calendar_of


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """See daemon.config.executing. *secrets*: what is known to be secret and is taken out of what runs say."""

    signing: tuple[str, ...] = field(repr=False)
    github_secrets: tuple[str, ...] = field(repr=False)
    schedules: tuple[Schedule, ...] = field(repr=False)
    mapped: tuple[Mapped, ...]
    github_silence: timedelta
    stuck_after: timedelta | None
    retention: timedelta
    secrets: tuple[str, ...] = field(repr=False)


def execution_settings(config: Config) -> ExecutionSettings:
    """What the configuration says."""
    section = config.executions
    signing = _revealed((section.signing_secret, section.signing_secret_before))
    github = _revealed((section.github_secret, section.github_secret_before))
    schedules = tuple(_schedule(row, config) for row in section.schedules)
    return ExecutionSettings(
        signing, github, schedules,
        tuple(
            Mapped(row.repository, row.workflow, row.stack, row.component or "", row.environment or "", row.reviews)
            for row in section.github_workflows
        ),
        section.github_silence, section.stuck_after, section.retention,
        tuple(sorted(config.secrets())),
    )  # fmt: skip


def _schedule(row: ScheduleRow, config: Config) -> Schedule:
    return Schedule(
        row.name, row.workflow or row.name, row.stack or "", row.component or "", str(row.stage or ""), row.every,
        None if row.cron is None else parse(row.cron), row.grace, "" if row.uuid is None else row.uuid.reveal(),
        row.timezone or config.timezone,
    )  # fmt: skip


def _revealed(secrets: Iterable[Secret | None]) -> tuple[str, ...]:
    return tuple(secret.reveal() for secret in secrets if secret is not None)


def after_rules(config: Config) -> after.Rules:
    """How stacks are watched after applies."""
    section = config.executions.after_apply
    return after.Rules(enabled=section.enabled, watch=section.watch, every=section.every, plan=section.plan)


def guideline_of(config: Config) -> Guideline | None:
    """What applies are held against; None: nothing is configured."""
    section = config.executions.guideline
    if section is None:
        return None
    rules = Rules(
        fresh=section.fresh, approval_holds=section.approval_holds, validated_within=section.validated_within,
        review_within=section.review_within, told=section.told, rollback=section.rollback, staged=section.staged,
    )  # fmt: skip
    freezes = (Freeze(moment_of(row.begins), moment_of(row.ends), row.why or "", row.stack) for row in section.freezes)
    return Guideline(
        rules, tuple(Named(row.match, str(row.step)) for row in section.steps),
        tuple(_window(row, config) for row in section.windows), tuple(freezes),
        {row.component: tuple(row.needs) for row in section.depends_on},
    )  # fmt: skip


def _window(row: WindowRow, config: Config) -> Window:
    cron = None if row.cron is None else parse(row.cron)
    return Window(row.stack, calendar_of(row, config.timezone), cron, row.lasts)
