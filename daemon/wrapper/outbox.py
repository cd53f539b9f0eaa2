"""The thread of a scribe that sends what the spool holds while the job runs, and for a short time afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from checks.runs import wire
from daemon.wrapper.spool import Spool

if TYPE_CHECKING:
    from daemon.wrapper.sending import Sender

_GATHER = 1.0  # seconds for which events gather before they are sent
_PAUSES = (2.0, 5.0, 15.0, 60.0)  # seconds after a daemon did not answer, again and again
_BYTES = wire.MAX_BODY - 4_096


class Outbox:
    """The events of one run on their way."""

    def __init__(self, spool: Spool, environ: Mapping[str, str], place: Path | None, run_id: str) -> None:
        self._spool = spool
        self._environ = environ
        self._place = place
        self._run_id = run_id
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._done = threading.Event()
        self._over = False
        self._failures = 0
        self._looked = False

    def start(self) -> None:
        """Begin to send, if there is somebody to send to."""
        if not self._environ.get("BAROGRAPH_URL"):
            self._done.set()
            return
        threading.Thread(target=self._work, daemon=True).start()

    def add(self, line: bytes) -> None:
        """One event more."""
        with self._lock:
            self._spool.add(line)

    def hurry(self, seconds: float) -> bool:
        """Send what is there now, and go on; whether it is sent within *seconds*."""
        until = time.monotonic() + seconds
        self._wake.set()
        while True:
            with self._lock:
                waits = bool(self._spool.waiting(1, _BYTES))
            if not waits or self._failures or self._done.is_set() or time.monotonic() >= until:
                self._wake.clear()
                return not waits
            self._done.wait(0.02)

    def finish(self, seconds: float, away: Callable[[], None]) -> bool:
        """Wait until all is sent, for *seconds* at most; whether it is.

        *away* is called at once where the daemon is known not to answer: nobody needs to wait for it.
        """
        self._over = True
        if self._failures:
            away()
        self._wake.set()
        self._done.wait(seconds)
        with self._lock:
            sent = not self._spool.waiting(1, _BYTES)
            self._spool.close()
        return sent

    def _work(self) -> None:
        from daemon.wrapper.sending import Sender  # with all of HTTP: only where there is somebody to send to

        try:
            sender = Sender(self._environ)
            while sender.knows_where:
                over = self._over
                if not self._send(sender):
                    self._failures += 1
                    if over:
                        return
                    self._wake.wait(_PAUSES[min(self._failures, len(_PAUSES)) - 1])
                    continue
                self._failures = 0
                if over:
                    return
                self._send_left(sender)
                self._wake.wait(_GATHER)
        finally:
            self._done.set()

    def _send(self, sender: Sender) -> bool:
        """Send what waits; whether the daemon took it."""
        from daemon.wrapper.sending import taken

        while True:
            with self._lock:
                lines = self._spool.waiting(wire.MAX_EVENTS, _BYTES)
            if not lines:
                return True
            if not taken(sender, lines):
                return False
            with self._lock:
                self._spool.taken(len(lines))

    def _send_left(self, sender: Sender) -> None:
        """What earlier runs could not send, once; our own end goes before it."""
        if self._place is None or self._looked:
            return
        self._looked = True
        from daemon.wrapper.flushing import send_left

        send_left(sender, self._place, self._run_id, lambda: not self._over)
