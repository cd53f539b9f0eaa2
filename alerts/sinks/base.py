"""What every sink is: a Notifier that takes events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from alerts.base import Delivery, NotifyError
from alerts.sinks.http import Answer, Http, Request


class Form(Protocol):
    """How a kind of sink is spoken to: pure."""

    def request(self, delivery: Delivery, now: datetime) -> Request | None:
        """The request that tells of an event; None: this sink has nothing to be told.

        A delivery whose error_class is `payload` was refused in full before, and gets its smallest form.
        """

    def problem(self, answer: Answer) -> NotifyError | None:
        """What an answer means; None: the event has arrived."""


class Sink:
    """alerts.base.Notifier over a Form. A message's `ts` is its own id, which nothing needs here."""

    def __init__(self, form: Form, http: Http, clock: Callable[[], datetime]) -> None:
        self._form = form
        self._http = http
        self._clock = clock

    def post(self, delivery: Delivery) -> str:
        request = self._form.request(delivery, self._clock())
        if request is not None:
            error = self._form.problem(self._http.send(request))
            if error is not None:
                raise error
        return delivery.id

    def update(self, delivery: Delivery) -> str:
        return self.post(delivery)

    def find(self, delivery: Delivery) -> str | None:
        """No sink can be asked what it has; an event in doubt is repeated."""
        return None

    def probe(self) -> None:
        """None can be asked whether it would take an event: the next one finds out."""


def as_json(value: Mapping[str, Any] | list[Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "replace")


JSON = {"Content-Type": "application/json"}
