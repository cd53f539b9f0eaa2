"""Sends what earlier runs left in the spool."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from checks.runs import wire
from daemon.wrapper import spool
from daemon.wrapper.sending import Sender, taken

AWAY = 1
USAGE = 2
_BYTES = wire.MAX_BODY - 4_096


def flush(environ: Mapping[str, str]) -> int:
    """`barograph exec --flush`: gives the exit code. 0: nothing waits any more; 1: the daemon did not take it."""
    sender = Sender(environ)
    if not sender.knows_where:
        sys.stderr.write("barograph exec: BAROGRAPH_URL is to be the daemon's address, as in http://barograph:8080\n")
        return USAGE
    place = spool.folder(environ)
    events, runs, whole = send_left(sender, place) if place is not None else (0, 0, True)
    sys.stderr.write(f"barograph: {events} events of {runs} runs were sent" + ("\n" if whole else "; others wait\n"))
    return 0 if whole else AWAY


def send_left(
    sender: Sender, place: Path, but: str = "", go_on: Callable[[], bool] = lambda: True
) -> tuple[int, int, bool]:
    """Send what runs but *but* left; gives how many events of how many runs, and whether that was all."""
    events = runs = 0
    for found in spool.left(place, but):
        whole = False
        runs += 1
        try:
            while go_on():
                lines = found.waiting(wire.MAX_EVENTS, _BYTES)
                if not lines:
                    whole = True
                    break
                if not taken(sender, lines):
                    return events, runs, False
                found.taken(lines)
                events += len(lines)
        finally:
            found.close(whole=whole)
        if not whole:
            return events, runs, False
    return events, runs, True
