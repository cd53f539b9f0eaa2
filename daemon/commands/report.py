"""`barograph report`: make the weekly report and that on compliance, and send or show them; draw the network."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from daemon.commands.config import USAGE, config_file, load_or_exit

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.report.model import Report
    from daemon.report.period import Week

STORE_TROUBLE = 4
COULD_NOT_LOOK = 3


@click.group()
def report() -> None:
    """Make reports: the weekly one, that on compliance, and a map of the network."""


@report.command()
@config_file
@click.option("--week", metavar="YYYY-Www", help="The ISO week, such as 2026-W47. Default: the last complete one.")
@click.option("--format", "form", type=click.Choice(["text", "html", "slack", "json", "csv"]), default="text",
              show_default=True, help="What is printed, or written to FILE.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only show it: nothing is kept, nothing is sent.")
@click.option("--force", is_flag=True, help="Make it again where it was made: the message that was sent is updated.")
@click.option("-o", "--output", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write it to FILE instead of printing it.")  # fmt: skip
def weekly(path: Path, week: str | None, form: str, dry_run: bool, force: bool, target: Path | None) -> None:
    """Make the report on a complete week, show it, keep it, and send it where the configuration says.

    It is sent once to each destination, however often this runs; --force updates what was sent. A daemon that runs on
    the store sends it; without one it waits in the store for the next that starts.

    Exit codes: 0 done; 2 wrong week or configuration; 4 the store cannot be used.
    """
    from daemon.report.period import last_complete, parse_week
    from daemon.store import StoreError
    from daemon.wiring import report_plan

    config = load_or_exit(path)
    now, zone = datetime.now(UTC), report_plan(config).zone
    try:
        wanted = parse_week(week, zone, now) if week else last_complete(now, zone)
    except ValueError as error:
        _fail(f"--week: {error}", USAGE)
    try:
        made = _shown(config, wanted, now)
        _write(written(made, form), target)
        if not dry_run:
            _send(config, wanted, force=force)
    except StoreError as error:
        _fail(str(error), STORE_TROUBLE)


@report.command()
@config_file
@click.option("--from", "since", metavar="TIME", required=True,
              help="The first moment: a day is its midnight in the report's zone; or 2026-01-01T09:00Z.")  # fmt: skip
@click.option("--to", "until", metavar="TIME", required=True, help="The moment before which it ends.")
@click.option("--format", "form", type=click.Choice(["html", "csv", "json"]), default="html", show_default=True,
              help="What is printed, or written to FILE.")  # fmt: skip
@click.option("-o", "--output", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write it to FILE instead of printing it.")  # fmt: skip
def compliance(path: Path, since: str, until: str, form: str, target: Path | None) -> None:
    """Show what ran in a period, who agreed to it, what was broken, and whether the audit trail is whole.

    Works beside the daemon; nothing is kept or sent. Anchors in S3 are fetched and compared.

    Exit codes: 0 done; 2 wrong period or configuration; 4 the store cannot be used.
    """
    from daemon.audit.ways import vault_of
    from daemon.complying import compliance_of, written_as
    from daemon.report.span import parse_span
    from daemon.store import StoreError, open_reader

    config = load_or_exit(path)
    made = compliance_of(config)
    try:
        span = parse_span(since, until, made.zone)
    except ValueError as error:
        _fail(str(error), USAGE)
    try:
        with open_reader(config.store.path) as view:
            shown = made.report(view, span, datetime.now(UTC), vault_of(config))
    except StoreError as error:
        _fail(str(error), STORE_TROUBLE)
    _write(written_as(shown, form), target)


@report.command()
@config_file
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True,
              help="What is printed, or written to FILE.")  # fmt: skip
@click.option("-o", "--output", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write it to FILE instead of printing it.")  # fmt: skip
def topology(path: Path, form: str, target: Path | None) -> None:
    """Draw the networks, what joins them and who shares addresses, as the check `network` last saw them.

    Asks AWS nothing. What could not be seen is drawn as unknown.

    Exit codes: 0 all of it was seen; 2 wrong configuration; 3 something could not be seen; 4 the store cannot be used.
    """
    from daemon.standing import standings
    from daemon.store import StoreError, open_reader
    from daemon.topology import topology as made_of_standings
    from daemon.topology.write import as_json, as_markdown

    config = load_or_exit(path)
    now = datetime.now(UTC)
    try:
        with open_reader(config.store.path) as view:
            found = made_of_standings(standings(view.jobs(), view.readings("network"), now), now)
    except StoreError as error:
        _fail(str(error), STORE_TROUBLE)
    _write((as_json if form == "json" else as_markdown)(found), target)
    sys.exit(0 if found.whole else COULD_NOT_LOOK)


def _shown(config: Config, week: Week, now: datetime) -> Report:
    """The report as it would be now. Reads the store beside a daemon that may be using it."""
    from daemon.reporting import made_of
    from daemon.store import open_reader

    with open_reader(config.store.path) as view:
        return made_of(view, week, now, config.web.public_url or "")


def written(made: Report, form: str) -> str:
    """The report in one of its forms."""
    from daemon.report import slack
    from daemon.report.as_csv import one_file
    from daemon.report.as_json import as_json
    from daemon.report.as_text import as_text
    from daemon.report.html import as_html

    if form == "slack":
        replies = [{"section": name, **body} for name, body in slack.replies(made)]
        return json.dumps({"message": slack.root(made), "thread": replies}, ensure_ascii=False, indent=1) + "\n"
    return {"text": as_text, "html": as_html, "json": as_json, "csv": one_file}[form](made)


def _write(text: str, target: Path | None) -> None:
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        _fail(f"{target}: cannot be written: {error.strerror}", USAGE)


def _send(config: Config, week: Week, *, force: bool) -> None:
    """Keep and queue it; through the daemon, if one runs."""
    from daemon.reporting import Reporter, order
    from daemon.store import InUseError, Store
    from daemon.wiring import report_plan

    plan = report_plan(config)
    try:
        with Store.open(config.store.path, lambda: datetime.now(UTC), config.store.backups) as store:
            made = Reporter(store, lambda: datetime.now(UTC), plan).make(week, force=force, who=_who())
    except InUseError:
        order(config.store.path, week, force=force, who=_who())
        click.echo(f"{week.name}: the running daemon was asked to make and send it; its log tells.", err=True)
        return
    if not plan.destinations:
        click.echo(f"{week.name}: kept, and sent to nobody: report.weekly has no channel.", err=True)
    elif made.queued:
        click.echo(f"{week.name}: queued for {', '.join(made.queued)}; sent when the daemon runs.", err=True)
    if made.before:
        click.echo(f"{week.name}: made before; --force makes it again.", err=True)


def _who() -> str:
    """Who types this, for the audit trail."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError, ImportError):  # a number that has no name
        return "command line"


def _fail(text: str, code: int) -> NoReturn:
    click.echo(f"barograph: {text}", err=True)
    raise SystemExit(code)
