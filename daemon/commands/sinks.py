"""`barograph sinks`: try a way out before it is needed."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from alerts.base import Delivery
    from alerts.sinks.http import Request
    from daemon.config import Config


@click.group()
def sinks() -> None:
    """Try the sinks of the configuration."""


@sinks.command("test")
@click.argument("name")
@click.option("-c", "--config", "config", type=click.Path(path_type=Path), default=Path("barograph.yml"),
              show_default=True, help="The configuration.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing.")
def test(name: str, config: Path, dry_run: bool) -> None:
    """Send a made-up incident to the sink NAME, and its end: one of tier info, which is told to be a test."""
    from alerts.base import NotifyError
    from daemon.outlets import form_of, http_of

    loaded = _load(config)
    section = loaded.alerts.sinks.get(name)
    if section is None:
        known = ", ".join(loaded.alerts.sinks) or "none"
        _fail(f"{config}: alerts.sinks has no {name}; there are: {known}", 2)
    form, http = form_of(section), http_of(section)
    for delivery in _sample(name, datetime.now(UTC)):
        action = delivery.body["action"]
        request = form.request(delivery, datetime.now(UTC))
        if request is None:
            click.echo(f"{action}: a {section.kind} is not told of it")
            continue
        if dry_run:
            click.echo(f"{action}: {_shown(request, loaded)}")
            continue
        try:
            error = form.problem(http.send(request))
        except NotifyError as failed:
            error = failed
        if error is not None:
            _fail(f"{action}: {error} ({error.error_class})", 1)
        click.echo(f"{action}: taken")


def _sample(name: str, now: datetime) -> list[Delivery]:
    from alerts.base import Delivery, Incident, IncidentState
    from alerts.events import EventAction, EventView, event
    from checks.base import Kind, Tier

    opened = Incident(
        fingerprint=f"test:{now:%Y%m%d%H%M%S}", check="barograph", place="self", resource="self", key="test",
        kind=Kind.MONITORING, tier=Tier.INFO, tier_reason="a test of this sink, by hand", state=IncidentState.OPEN,
        summary="This is a test of Barograph's sink. There is nothing to do.", first_seen=now, opened_at=now,
        last_seen=now, changed_at=now, seq=1, labels={"stage": "development"},
    )  # fmt: skip
    later = now + timedelta(seconds=1)
    ended = replace(opened, state=IncidentState.RESOLVED, seq=2, resolved_at=later, changed_at=later)
    drafts = [
        event(opened, name, EventAction.TRIGGER, EventView("somebody tries the sink")),
        event(ended, name, EventAction.RESOLVE, EventView("the test is over")),
    ]
    return [
        Delivery(draft.dedupe_key, draft.subject, draft.kind, draft.channel, draft.tier, draft.body, id=f"test-{n}")
        for n, draft in enumerate(drafts)
    ]


def _shown(request: Request, config: Config) -> str:
    """The request for people: its address is a secret, and whatever else is one in the configuration is taken out."""
    text = request.body.decode("utf-8", "replace")
    for secret in sorted(config.secrets(), key=len, reverse=True):
        text = text.replace(secret, "<secret>")
    names = ", ".join(sorted(request.headers))
    return f"{request.method} with the headers {names}\n{text}"


def _load(path: Path) -> Config:
    from checks import discover
    from daemon.config import ConfigError, load

    try:
        return load(path, os.environ, discover())
    except ConfigError as error:
        _fail(str(error), 2)


def _fail(text: str, code: int) -> NoReturn:
    click.echo(text, err=True)
    raise SystemExit(code)
