"""The sign of life: sent to somebody outside while looks are on time and messages leave. Its silence is an alarm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.base import NotifyError
from alerts.sinks.http import Http, Request

log = logging.getLogger(__name__)

MOST = 10_000  # characters of reasons
GRACE = timedelta(minutes=10)


@dataclass(slots=True)
class DeadMan:
    """Pings an address as Healthchecks.io takes it: `/start` once, itself while all is well, `/fail` with the reasons.

    *reasons* gives why nobody should rely on us now; empty: all is well. Until that was so once, a beginning is no
    failure: for GRACE nothing but the start is sent.
    """

    url: str
    http: Http
    reasons: Callable[[], Sequence[str]]
    clock: Callable[[], datetime]
    _began: datetime | None = None
    _started: bool = False
    _was_well: bool = False

    def __repr__(self) -> str:
        return "DeadMan()"  # whoever knows the address can ping for us

    def ping(self) -> None:
        """Send one sign. What goes wrong is logged; the other side raises the alarm by itself."""
        self._began = self._began or self.clock()
        if not self._started:
            # A start that nothing follows is an alarm too.
            self._started = self._send("/start", "")
        try:
            reasons = list(self.reasons())
        except Exception as error:  # noqa: BLE001 - whatever keeps us from knowing how we are is a reason not to say "well"
            reasons = [f"it cannot be told how Barograph is: {type(error).__name__}"]
        self._was_well = self._was_well or not reasons
        if reasons and not self._was_well and timedelta(0) <= self.clock() - self._began < GRACE:
            return
        self._send("/fail" if reasons else "", "\n".join(reasons)[:MOST])

    def _send(self, what: str, body: str) -> bool:
        base, question, query = self.url.partition("?")
        try:
            answer = self.http.send(
                Request(f"{base.rstrip('/')}{what}{question}{query}", body.encode("utf-8", "replace"))
            )
        except NotifyError as error:
            log.warning("dead man: the sign of life could not be sent: %s", error)
            return False
        if not 200 <= answer.status < 300:
            log.warning("dead man: the sign of life was not taken: HTTP %d", answer.status)
            return False
        return True
