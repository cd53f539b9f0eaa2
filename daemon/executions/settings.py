"""From the configuration to what the record of executions needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from daemon.config import Config
from daemon.config.executing import ScheduleRow
from daemon.config.secrets import Secret
from daemon.executions.cron import parse
from daemon.executions.github import Mapped
from daemon.executions.schedules import Schedule


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
        tuple(Mapped(row.repository, row.workflow, row.stack, row.component or "") for row in section.github_workflows),
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
