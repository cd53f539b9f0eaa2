"""What the daemon is told while it runs: it waits for a command, and takes a new configuration whole or not at all."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty

from checks import discover
from daemon.config import Config, ConfigError, load
from daemon.orders import RELOAD, STOP, Commands

log = logging.getLogger(__name__)

WAKE_SECONDS = 0.5


def wait(commands: Commands, reloaded: Callable[[], Config | None]) -> Config | None:
    """Wait for a command: give the new configuration, or None for STOP. One that will not do changes nothing."""
    while True:
        command = next_of(commands)
        if command == STOP or stop_waits(commands):
            return None
        new = reloaded()
        if new is not None:
            return new


def next_of(commands: Commands) -> str:
    """Wait for a command, waking now and then.

    A signal that comes in the moment before a wait begins is not handled until that wait ends, so none may be endless.
    """
    while True:
        with contextlib.suppress(Empty):
            return commands.get(timeout=WAKE_SECONDS)


def stop_waits(commands: Commands) -> bool:
    """Whether STOP is among the commands that wait: nothing else is worth beginning then."""
    waiting = []
    with contextlib.suppress(Empty):
        while True:
            waiting.append(commands.get_nowait())
    if STOP in waiting:
        return True
    if waiting:
        commands.put(RELOAD)  # several are one
    return False


def reloaded(config: Config, path: Path, environ: Mapping[str, str]) -> Config | None:
    """The new configuration, or None if it will not do; the log says why."""
    try:
        new = load(path, environ, discover())
    except ConfigError as error:
        for problem in error.problems:
            log.error("not reloaded: %s", problem)
        return None
    if new.store.path != config.store.path:
        log.error("not reloaded: store.path has changed, and that needs a restart")
        return None
    log.info("configuration reloaded")
    return new
