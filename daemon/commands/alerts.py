"""`barograph alerts`: what is open, who has it, what is silenced."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from daemon.commands.config import USAGE, config_file, load_or_exit
from daemon.commands.verdict import printable

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.reaching import Reached, Reply

F = TypeVar("F", bound=Callable[..., object])
REFUSED, TROUBLE = 1, 4
TOKEN = "BAROGRAPH_TOKEN"  # noqa: S105 - the name of a variable
_PATTERNS = ("kind", "tier", "check", "tenant", "stage", "stack", "component", "resource")
_EPILOG = """Exit codes: 0 done, or it was so already; 1 refused, or there is no such thing; 2 usage; 4 the store or the
daemon cannot be reached."""


@click.group()
def alerts() -> None:
    """List incidents, acknowledge and silence them.

    Reading works beside a running daemon. What changes something is asked of the daemon over HTTP where one runs, with
    the token in BAROGRAPH_TOKEN or one of web.auth that may acknowledge; where none runs, it is stored directly, and
    posted when the daemon starts.
    """


def _as_json(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@alerts.command("list")
@config_file
@click.option("--all", "everything", is_flag=True, help="Those that have ended, too.")
@click.option("--silences", is_flag=True, help="Silences that hold, in place of incidents.")
@_as_json
def list_(path: Path, *, everything: bool, silences: bool, as_json: bool) -> None:
    """List what is open, critical first."""
    from alerts.base import LIVE
    from daemon.deskwork import incident_json, silence_json
    from daemon.store import Reader
    from daemon.web.status import by_urgency

    config = load_or_exit(path)
    now = datetime.now(UTC)
    if silences:
        made = _read(config, lambda view: view.silences(now))
        if as_json:
            click.echo(json.dumps({"silences": [silence_json(one) for one in made]}, indent=2))
            return
        for one in made:
            _line(f"{one.id}  until {one.ends_at:%Y-%m-%d %H:%M} UTC  {one.matcher}  {one.author}: {one.reason}")
        return

    def wanted(view: Reader) -> list[Any]:
        return view.incidents(None if everything else LIVE)

    found = by_urgency(_read(config, wanted))
    if as_json:
        click.echo(json.dumps({"incidents": [incident_json(one) for one in found]}, indent=2))
        return
    if not found:
        click.echo("Nothing is open.")
    for one in found:
        silenced = " silenced" if one.silence else ""
        _line(
            f"{one.fingerprint}  {one.tier:8} {one.state}{silenced}  since {one.opened_at:%Y-%m-%d %H:%M} UTC  "
            f"{one.place}: {one.summary}"
        )


@alerts.command()
@config_file
@click.argument("incident")
@_as_json
def show(path: Path, incident: str, *, as_json: bool) -> None:
    """Show one incident and all that happened to it. INCIDENT is its fingerprint, or the beginning of it."""
    from alerts.render import standing
    from daemon.deskwork import incident_json

    config = load_or_exit(path)
    fingerprint = _whole(config, incident)
    found, transitions = _read(config, lambda view: (view.incident(fingerprint), view.transitions(fingerprint)))
    if found is None:
        _fail(f"there is no incident {incident}", REFUSED)
    if as_json:
        click.echo(json.dumps(incident_json(found, transitions), indent=2))
        return
    _line(f"{found.tier} {found.kind}, {found.state}: {found.summary}")
    for label, value in (("where", found.place), ("resource", found.resource), ("why this tier", found.tier_reason)):
        _line(f"  {label}: {value}")
    for label, value in standing(found):
        _line(f"  {label.lower()}: {value}")
    for line in found.remedy.splitlines():
        _line(f"  {line}")
    for each in transitions:
        _line(f"{each.at:%Y-%m-%d %H:%M:%S} UTC  {each.action}: {each.reason}")


@alerts.command(epilog=_EPILOG)
@config_file
@click.argument("incident")
@click.option("--for", "length", metavar="DURATION", help="How long, such as 8h; as configured if not given.")
@_as_json
def ack(path: Path, incident: str, length: str | None, *, as_json: bool) -> None:
    """Say that you have an incident in hand: reminders end until then."""
    from daemon.deskwork import Verb

    config = load_or_exit(path)
    fingerprint = _whole(config, incident)
    body = _body() | ({"for": length} if length else {})
    _say(_reach(config, lambda desk: desk.act(Verb.ACK, fingerprint, body)), as_json)


def _matching(command: F) -> F:
    for name in reversed(_PATTERNS):
        glob = name in ("tenant", "stack", "component", "resource")
        command = click.option(
            f"--{name}", multiple=True, help=f"{'Pattern' if glob else 'Name'} of a {name}; may be repeated."
        )(command)
    return command


@alerts.command(epilog=_EPILOG)
@config_file
@click.argument("incident", required=False)
@click.option("--for", "length", metavar="DURATION", required=True, help="How long, such as 4h; 30d at most.")
@click.option("--reason", required=True, help="Why; the report repeats it.")
@_matching
@_as_json
def silence(
    path: Path, incident: str | None, length: str, reason: str, *, as_json: bool, **patterns: tuple[str, ...]
) -> None:
    """Post nothing of an incident, or of all that fits the options, for a while.

    What is silenced is stored and shown; what is still open when the silence ends is posted then.
    """
    from daemon.deskwork import Verb

    config = load_or_exit(path)
    matcher = {f"{name}s": list(values) for name, values in patterns.items() if values}
    body = _body() | {"for": length, "reason": reason}
    if bool(incident) == bool(matcher):
        _fail("give an incident, or options such as --stack 'acme-*'", USAGE)
    if incident:
        fingerprint = _whole(config, incident)
        _say(_reach(config, lambda desk: desk.act(Verb.SILENCE, fingerprint, body)), as_json)
    else:
        _say(_reach(config, lambda desk: desk.silence(body | {"matcher": matcher})), as_json)


@alerts.command(epilog=_EPILOG)
@config_file
@click.argument("which", metavar="SILENCE|INCIDENT")
@_as_json
def unsilence(path: Path, which: str, *, as_json: bool) -> None:
    """End a silence, or what hides an incident. What is still open is posted."""
    config = load_or_exit(path)
    known = which if ":" not in which else _whole(config, which)
    _say(_reach(config, lambda desk: desk.unsilence(known, _body())), as_json)


def _body() -> dict[str, Any]:
    return {"by": _user()}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"  # a container's user need not have a name


def _read(config: Config, ask: Callable[[Any], Any]) -> Any:
    from daemon.store import StoreError, open_reader

    try:
        with open_reader(config.store.path) as view:
            return ask(view)
    except StoreError as error:
        _fail(str(error), TROUBLE)


def _whole(config: Config, given: str) -> str:
    """The fingerprint that *given* is the beginning of; *given* itself where that is not one."""
    found = _read(config, lambda view: [one.fingerprint for one in view.incidents()])
    fits = [one for one in found if one.startswith(given)]
    if given in fits or not fits:
        return given
    if len(fits) > 1:
        _fail(f"{len(fits)} incidents begin with {given}; give more of it", REFUSED)
    return str(fits[0])


def _reach(config: Config, do: Callable[[Reached], Reply]) -> Reply:
    from daemon.deskwork import BadRequestError
    from daemon.reaching import UnreachableError, reach
    from daemon.store import StoreError

    try:
        return reach(config, os.environ.get(TOKEN, ""), _user(), lambda: datetime.now(UTC), do)
    except BadRequestError as error:
        _fail(str(error), USAGE)
    except (StoreError, UnreachableError) as error:
        _fail(str(error), TROUBLE)


def _say(reply: Reply, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dict(reply.body), indent=2))
    else:
        click.echo(printable(reply.text), err=reply.status != 200)
    if reply.status != 200:
        sys.exit({400: USAGE, 404: REFUSED, 409: REFUSED}.get(reply.status, TROUBLE))


def _line(text: str) -> None:
    click.echo(printable(text))


def _fail(text: str, code: int) -> NoReturn:
    click.echo(printable(text), err=True)
    sys.exit(code)
