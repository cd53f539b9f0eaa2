"""`barograph routes`: where incidents go, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checks.kinds import Kind
from daemon.commands.config import config_file, load_or_exit
from daemon.commands.incidents import labels_of, of_tier, reading, refuse, sampled, stored, with_labels
from daemon.commands.verdict import printable

if TYPE_CHECKING:
    from alerts.base import Incident
    from alerts.routes import Route, Routes

FIRST_LINES = 4


@click.group()
def routes() -> None:
    """Show where incidents go, and why. Sends nothing."""


@routes.command()
@config_file
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(path: Path, *, as_json: bool) -> None:
    """Print the table of routes in the order in which they are asked, the default last."""
    from daemon.wiring import alert_policy

    table = list(_table(alert_policy(load_or_exit(path)).routes))
    if as_json:
        click.echo(json.dumps(table, indent=2, ensure_ascii=False))
        return
    for row in table:
        click.echo(f"{row['number'] or 'default':>7}  {row['fits']}")
        for line in _heard(row):
            click.echo(f"{'':7}    {line}")


def _table(routes: Routes) -> Iterator[dict[str, Any]]:
    reached = True
    for number, row in enumerate(routes.rows, start=1):
        yield {"number": number, "fits": str(row), **_says(row), "reached": reached}
        reached = reached and (row.further or bool([values for _, values in row.conditions() if values]))
    escalation = routes.default_escalation
    yield {
        "number": None, "fits": "everything else", "channel": routes.default,
        "mention": routes.default_mention, "mentions_for": "critical",
        "escalation": {"channel": escalation.channel, "mention": escalation.mention} if escalation else None,
        "calendar": routes.default_calendar, "sinks": list(routes.default_sinks), "continue": False,
        "reached": reached,
    }  # fmt: skip


def _says(row: Route) -> dict[str, Any]:
    escalation = row.escalation
    return {
        "conditions": {name: list(values) for name, values in row.conditions() if values},
        "channel": row.channel, "mention": row.mention, "calendar": row.calendar, "sinks": list(row.sinks),
        "escalation": {"channel": escalation.channel, "mention": escalation.mention} if escalation else None,
        "continue": row.further,
    }  # fmt: skip


def _heard(row: Mapping[str, Any]) -> Iterator[str]:
    """What a row says, a line each; *row* as in the JSON."""
    if row.get("channel"):
        only = f" ({row['mentions_for']} only)" if row.get("mentions_for") and row["mention"] else ""
        yield f"channel     {_place(row)}{only}"
    for copy in row.get("copies", ()):
        yield f"also        {_place(copy)} ({copy['reason']})"
    if row.get("escalation"):
        yield f"escalation  {_place(row['escalation'])}"
    if row.get("calendar"):
        yield f"calendar    {row['calendar']}"
    if row.get("sinks"):
        yield f"sinks       {', '.join(row['sinks'])}"
    if row.get("continue"):
        yield "continue    the rows below are asked too"
    if row.get("reached") is False:
        yield "never asked: a row above takes everything"


def _place(said: Mapping[str, Any]) -> str:
    return f"{said['channel']}, mentions {said['mention']}" if said["mention"] else str(said["channel"])


@routes.command()
@config_file
@click.argument("fingerprint", required=False)
@click.option("--all-open", is_flag=True, help="Every open incident of the store.")
@of_tier
@click.option("--kind", type=click.Choice([*map(str, Kind)]), help="The sample's kind; drift if not given.")
@with_labels
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def test(
    path: Path, fingerprint: str | None, tier: str | None, kind: str | None, labels: tuple[str, ...],
    *, all_open: bool, as_json: bool,
) -> None:  # fmt: skip
    """Say where a sample would go, or the stored incident whose FINGERPRINT begins so, and by which row.

    Exit codes: 0 shown; 2 wrong usage, configuration, or no such incident.
    """
    from alerts.preview import decision
    from daemon.commands.check import utc_now
    from daemon.wiring import alert_policy

    config = load_or_exit(path)
    policy = alert_policy(config)
    if (fingerprint is not None or all_open) and (tier or kind or labels):
        refuse("--tier, --kind and --label make a sample; a stored incident has its own.")
    if fingerprint is not None and all_open:
        refuse("Give a fingerprint or --all-open, not both.")
    if all_open:
        incidents = _open(config.store.path)
    elif fingerprint is not None:
        incidents = [stored(config.store.path, fingerprint)]
    else:
        incidents = sampled([kind or str(Kind.DRIFT)], tier, labels_of(labels), policy)
    decisions = [decision(one, policy, utc_now()) for one in incidents]
    if as_json:
        click.echo(json.dumps(decisions, indent=2, ensure_ascii=False))
        return
    for each in decisions:
        for line in _told(each):
            click.echo(printable(line))
    if not decisions:
        click.echo("No incident is open.")


def _open(path: Path) -> list[Incident]:
    from alerts.base import LIVE

    with reading(path) as reader:
        return reader.incidents(LIVE)


def _told(decision: Mapping[str, Any]) -> Iterator[str]:
    shown = [line for line in decision["message"] if line][:FIRST_LINES]
    yield shown[0]
    yield from (f"    | {line}" for line in shown[1:])
    yield f"    tier        {decision['tier']}: {decision['tier_reason']}"
    yield f"    because     {decision['reason']}"
    yield from (f"    {line}" for line in _heard(decision))
    if not decision["posted"]:
        yield f"    not posted  {decision['posted_because']}"
    yield ""
