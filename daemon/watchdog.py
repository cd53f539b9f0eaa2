"""Ends the process when its clockwork has stopped: a monitor that only looks alive is worse than one that is down."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from daemon.scheduler import BEAT, CLOCK_LOOK

log = logging.getLogger(__name__)

STALE_AFTER = timedelta(seconds=60)
# Seconds between looks: longer than a clock that jumps keeps the scheduler from its next beat, whichever way it jumps.
EVERY = BEAT.total_seconds() + 2 * CLOCK_LOOK
EXIT_CODE = 70  # sysexits.h EX_SOFTWARE


def stalled(beat_at: datetime | None, started: datetime, now: datetime, after: timedelta = STALE_AFTER) -> str:
    """Give why the clockwork counts as stopped, or an empty string while it beats."""
    quiet = now - (beat_at if beat_at is not None else started)
    if quiet < -after:
        return "the clock was set back, and the scheduler has not beaten since"
    return f"the scheduler has not beaten for {quiet.total_seconds():.0f} s" if quiet > after else ""


class Watchdog:
    """Looks at the scheduler's beat from a thread of its own, and ends the process when it stops."""

    def __init__(
        self,
        beat_at: Callable[[], datetime | None],
        clock: Callable[[], datetime],
        end: Callable[[int], None] = os._exit,
    ) -> None:
        self._beat_at = beat_at
        self._clock = clock
        self._end = end

    def run(self, stop: threading.Event, every: float = EVERY) -> None:
        """Watch until *stop*. A clock that jumps gets one round's grace: the scheduler needs a beat to notice too."""
        started = self._clock()
        suspected = False
        while not stop.wait(every):
            why = stalled(self._beat_at(), started, self._clock())
            if why and suspected:
                log.critical("%s; ending, so that whatever started Barograph starts it again", why)
                logging.shutdown()
                self._end(EXIT_CODE)
                return
            suspected = bool(why)
