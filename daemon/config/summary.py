"""What a configuration will do, in lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.config.load import Config
from daemon.config.models import Source
from daemon.config.options import CheckSettings
from daemon.config.units import format_duration


def summary(config: Config) -> Iterator[str]:
    """Say what is watched, what looks how often, and where the news goes."""
    source = config.source
    detail = {
        "atmos": f"through {source.atmos.command}, plans by the {source.atmos.driver} driver",
        "terraform": f"{len(source.roots)} root modules",
        "file": f"listing {source.file}, plans by the {source.atmos.driver} driver",
    }[source.kind]
    yield f"source   {source.kind}: {_place(source)} ({detail})"
    for name, settings in config.checks.items():
        yield f"check    {name}: {_pace(settings) if settings.enabled else 'off'}"
    if not any(settings.enabled for settings in config.checks.values()):
        yield "check    none is on: nothing will be looked at"
    for account in config.aws.accounts:
        role = f"as {account.role_arn}" if account.role_arn else "with the credentials as they are"
        yield f"account  {account.id} {account.name or ''} in {', '.join(account.regions)}, {role}".replace("  ", " ")
    yield f"plans    {config.planning.workers} at a time, {format_duration(config.planning.deadline)} each at most"
    yield from _news(config)
    yield f"store    {config.store.path}, kept {format_duration(config.store.retention)}"
    yield f"web      http://{config.web.listen} ({_doors(config)})"


def _place(source: Source) -> str:
    """Where the repository comes from."""
    if source.url is None:
        return f"{source.path}, {'as it is' if source.uncommitted == 'plan' else 'what is committed of it'}"
    every = format_duration(source.fetch_every)
    return f"{source.url} at {source.ref or 'its HEAD'}, fetched every {every}"


def _pace(settings: CheckSettings) -> str:
    pace = f"every {format_duration(settings.every)}"
    for stage, every in settings.every_by_stage.items():
        pace += f", {stage} every {format_duration(every)}"
    return f"{pace}; {format_duration(settings.deadline)} at most"


def _news(config: Config) -> Iterator[str]:
    if config.slack is None:
        yield "slack    not configured: messages are written to the log"
        return
    for row in config.alerts.routes:
        conditions = [*row.tiers, *row.kinds, *row.stages, *row.stacks]
        mention = f", mentions {row.mention}" if row.mention else ""
        yield f"slack    {' '.join(map(str, conditions)) or 'everything'} -> {row.channel}{mention}"
    yield f"slack    everything else -> {config.alerts.default_channel}"
    if config.alerts.fallback_channel:
        yield f"slack    where a channel refuses -> {config.alerts.fallback_channel}"


def _doors(config: Config) -> str:
    auth = config.web.auth
    if not auth.tokens and not auth.basic:
        return "open to this machine, no sign-in"
    return f"{len(auth.tokens)} tokens, {len(auth.basic)} logins"
