"""What a configuration will do, in lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.routes import Route
from daemon.config.load import Config
from daemon.config.models import Source
from daemon.config.options import CheckSettings
from daemon.config.units import format_duration
from daemon.routing import routes_of


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
        regions = _regions(account.regions or config.aws.discovery.regions)
        yield f"account  {account.id} {account.name or ''} in {regions}, {role}".replace("  ", " ")
    yield from _found(config)
    yield f"plans    {config.planning.workers} at a time, {format_duration(config.planning.deadline)} each at most"
    yield from _news(config)
    yield f"store    {config.store.path}, kept {format_duration(config.store.retention)}"
    yield f"web      http://{config.web.listen} ({_doors(config)})"
    for option, listen in config.web.listeners()[1:]:
        yield f"web      http://{listen} for {option.removesuffix('_listen')} alone"


def _regions(regions: tuple[str, ...]) -> str:
    return "every region that it has switched on" if regions == ("enabled",) else ", ".join(regions)


def _found(config: Config) -> Iterator[str]:
    """Which accounts are found rather than listed."""
    found = config.aws.discovery
    sources = (["the organization"] if found.organization is not None else []) + (
        ["the stacks"] if found.stacks else []
    )
    if sources:
        every = format_duration(found.every)
        yield f"accounts those of {' and '.join(sources)}, as {found.role_arn}, listed every {every}"


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
    routes = routes_of(config.alerts, "nowhere")
    for row in routes.rows:
        yield f"slack    {row} -> {', '.join(_heard(row))}"
    yield f"slack    everything else -> {routes.default}"
    if routes.default_escalation:
        yield f"slack    critical and not acknowledged -> {routes.default_escalation.channel}"
    if config.alerts.fallback_channel:
        yield f"slack    where a channel refuses -> {config.alerts.fallback_channel}"


def _heard(row: Route) -> Iterator[str]:
    if row.channel:
        yield row.channel
    if row.mention:
        yield f"mentions {row.mention}"
    if row.escalation:
        yield f"escalates to {row.escalation.channel}"
    if row.calendar:
        yield f"on the calendar {row.calendar}"
    if row.sinks:
        yield f"sinks {' '.join(row.sinks)}"
    if row.further:
        yield "and goes on"


def _doors(config: Config) -> str:
    auth = config.web.auth
    if not auth.asks:
        return "open to this machine, no sign-in"
    proxy = "" if auth.proxy is None else f", {auth.proxy.header} from {', '.join(map(str, auth.proxy.addresses))}"
    return f"{len(auth.tokens)} tokens, {len(auth.basic)} logins{proxy}"
