"""`barograph run`: the daemon."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

import click

from daemon.commands.config import USAGE, config_file
from daemon.orders import RELOAD, STOP, Commands

if TYPE_CHECKING:
    from daemon.app import Running
    from daemon.config import Config

STORE_TROUBLE = 4
FAULT = 70  # as the watchdog's

log = logging.getLogger(__name__)


@click.command()
@config_file
def run(path: Path) -> None:
    """Watch on schedule, until SIGTERM or SIGINT. SIGHUP takes the configuration anew: all of it or none.

    Exit codes: 0 stopped; 2 wrong configuration; 4 the store or the address cannot be used; 70 a fault of its own, or
    the scheduler died.
    """
    commands: Commands = SimpleQueue()
    # Before all that takes time: process 1 of a container would miss a SIGTERM that comes while modules are imported.
    handle(commands, {signal.SIGTERM: STOP, signal.SIGINT: STOP, signal.SIGHUP: RELOAD})
    from daemon.app import serve
    from daemon.config import ConfigError
    from daemon.store import StoreError

    try:
        serve(path, commands, environ=os.environ, on_config=_set_up_logging, on_ready=_say)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(USAGE)
    except (StoreError, OSError) as error:
        click.echo(f"barograph: {error}", err=True)
        sys.exit(STORE_TROUBLE)
    except Exception as error:
        log.critical("ended by %s", type(error).__name__, exc_info=error)
        sys.exit(FAULT)


def handle(commands: Commands, words: dict[signal.Signals, str]) -> None:
    """Turn signals into commands. As process 1 of a container, Python would ignore SIGTERM without a handler."""

    def put(number: int, frame: FrameType | None) -> None:
        commands.put(words[signal.Signals(number)])

    for number in words:
        signal.signal(number, put)


def _say(running: Running) -> None:
    click.echo(f"barograph: watching; status page at {running.address}", err=True)


def _set_up_logging(config: Config) -> None:
    from daemon.logs import set_up

    set_up(config.log.level, config.log.format, config.secrets())
    threading.excepthook = _log_end_of_thread


def _log_end_of_thread(end: threading.ExceptHookArgs) -> None:
    """A thread that dies is told in the log, scrubbed; Python's own way is standard error, with all that it knows."""
    if end.exc_type is not SystemExit:
        name = end.thread.name if end.thread is not None else "?"
        what = (end.exc_type, end.exc_value or end.exc_type(), end.exc_traceback)
        log.critical("the thread %s ended with %s", name, end.exc_type.__name__, exc_info=what)
