"""`barograph demo`: the whole service on an embedded world."""

from __future__ import annotations

import logging
import signal
import sys
from datetime import UTC, datetime
from types import FrameType

import click

DISAGREES, INTERRUPTED = 1, 130


@click.command()
@click.option("--once", is_flag=True, help="Do one round, print what was planted against what was found, and end.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=9877, show_default=True,
    help="Port of the status page on this machine; 0 takes a free one.",
)  # fmt: skip
def demo(once: bool, port: int) -> None:
    """Watch an embedded world: moto as AWS, a real Terraform, and mischief. No account and no network are needed.

    Stacks are applied, Barograph has its first look, something goes wrong for every check, and the terminal shows what
    Slack would show, in short. Then incidents are acknowledged, silenced and mended, deadlines pass on a clock that
    jumps, and a simulated quarter ends in a weekly report. Ctrl-C ends it and leaves nothing behind.

    Exit codes of --once: 0 everything planted was found, nothing else, and the rest came out as it must; 1 it was not
    so; 130 it was interrupted.
    """
    missing = missing_packages()
    if missing:
        raise click.ClickException(f"the demo needs {', '.join(missing)}: pip install 'barograph[demo]'")
    from daemon.demo.api import ApiError
    from daemon.demo.programs import DemoError
    from daemon.demo.service import open_service
    from daemon.demo.show import perform

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    try:
        code = perform(open_service, once=once, port=port, say=click.echo, clock=lambda: datetime.now(UTC))
    except KeyboardInterrupt:
        click.echo("\nEnded; everything of the demo is removed.")
        code = INTERRUPTED if once else 0
    except (DemoError, ApiError) as error:
        click.echo(f"barograph demo: {error}", err=True)
        code = DISAGREES
    sys.exit(code)


def missing_packages() -> list[str]:
    """Those of the demo's packages that are not installed."""
    from importlib.util import find_spec

    return [name for name in ("moto", "flask", "flask_cors", "py_partiql_parser", "tf") if find_spec(name) is None]


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Being told to end is as Ctrl-C: everything is taken down in order, and a second Ctrl-C does not break into it."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
