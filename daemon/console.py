"""The way out of an installation without Slack: messages are written to the program's log, once each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from alerts.base import Delivery
from alerts.blocks import as_text

log = logging.getLogger("barograph.messages")


class LogNotifier:
    """Takes messages as Slack would, and logs their text. Writing to a log cannot be in doubt."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def post(self, delivery: Delivery) -> str:
        log.warning("%s\n%s", delivery.tier, as_text(delivery.body))
        return f"{self._clock().timestamp():.6f}"

    def update(self, delivery: Delivery) -> str:
        log.info("now: %s", as_text(delivery.body).splitlines()[0])
        return delivery.root_ts

    def find(self, delivery: Delivery) -> str | None:
        """A log cannot be searched: a message in doubt is written again."""
        return None

    def probe(self) -> None:
        """There is no credential to lose."""
