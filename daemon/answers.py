"""From the configuration to deadlines and maintenance windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.digest import Digest
from alerts.policy import Targets
from alerts.silences import Matcher, Window
from daemon.routing import DAYS

if TYPE_CHECKING:
    from daemon.config import Config


def targets(config: Config) -> Targets:
    """How soon incidents are to be answered."""
    given = config.alerts.deadlines
    return Targets(
        remind_after=given.remind_after, remind_every=given.remind_every, warning_within=given.warning_within,
        acknowledge_for=given.acknowledge_for, silence_for=given.silence_for,
    )  # fmt: skip


def info_digest(config: Config) -> Digest | None:
    """The daily digest; None: there is none."""
    given, channel = config.alerts.info_digest, config.alerts.default_channel
    if given is None or not (given.channel or channel):
        return None
    return Digest(given.at, given.timezone or config.timezone, given.channel or channel or "")


def windows(config: Config) -> tuple[Window, ...]:
    """Maintenance that comes again."""
    return tuple(
        Window(
            name=row.name, days=frozenset(DAYS.index(day) for day in row.days), start=row.start, end=row.end,
            zone=row.timezone or config.timezone, reason=row.reason, author=row.author,
            matcher=Matcher(
                kinds=row.kinds, tiers=row.tiers, checks=row.checks, tenants=row.tenants,
                stages=tuple(map(str, row.stages)), stacks=row.stacks, components=row.components,
                resources=row.resources,
            ),
        )
        for row in config.alerts.windows
    )  # fmt: skip
