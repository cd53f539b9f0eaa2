"""What can be configured: one class per group of options. A docstring below an option is its line in the docs.

Relative paths start from the configuration file's folder. Durations are `timedelta`, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from daemon.config.answering import Deadlines, InfoDigest, WindowRow
from daemon.config.auditing import Audit
from daemon.config.doors import ProxySection, RoleRow, Scope
from daemon.config.executing import Executions, GithubRow, ScheduleRow
from daemon.config.reporting import Mail, Reports, Weekly
from daemon.config.routing import CalendarRow, EscalationRow, RouteRow
from daemon.config.section import Section, as_written, group
from daemon.config.sources import Atmos, Root, Source
from daemon.config.stages import Stage
from daemon.config.telling import (
    Alerts,
    Auth,
    Baseline,
    Login,
    Pacing,
    Slack,
    TierRow,
    Token,
    Web,
)
from daemon.config.values import (
    Count,
    FilePath,
    SomeDuration,
    Text,
    Zone,
)
from daemon.config.watching import (
    Aws,
    AwsAccount,
    Owners,
    Planning,
    PlanRule,
    StageRule,
)


class Store(Section):
    """The database: one SQLite file on a local disk."""

    path: FilePath = Path("barograph.db")
    """The file."""
    retention: SomeDuration = timedelta(days=400)
    """How long readings, transitions and sent messages are kept. Open incidents are kept always."""
    backups: FilePath | None = None
    """Folder for the copies made before a migration; `backups` beside the database if not given."""


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
    report: Reports = group()
    """Reports on complete periods."""
    executions: Executions = group()
    """The record of runs of workflows and Terraform."""
    audit: Audit = group()
    """The audit trail."""
    timezone: Zone = as_written("UTC")
    """Time zone of reports and of times shown to people."""


__all__ = [
    "Alerts",
    "Atmos",
    "Audit",
    "Auth",
    "Aws",
    "AwsAccount",
    "Baseline",
    "CalendarRow",
    "Deadlines",
    "EscalationRow",
    "Executions",
    "GithubRow",
    "InfoDigest",
    "Log",
    "Login",
    "Mail",
    "Metrics",
    "Owners",
    "Pacing",
    "PlanRule",
    "Planning",
    "ProxySection",
    "Reports",
    "RoleRow",
    "Root",
    "RouteRow",
    "ScheduleRow",
    "Scope",
    "Settings",
    "Slack",
    "Source",
    "Stage",
    "StageRule",
    "Store",
    "TierRow",
    "Token",
    "Web",
    "Weekly",
    "WindowRow",
]  # fmt: skip
