"""Counts what is asked of AWS: every request that leaves, retries included."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from checks.aws_errors import classify
from daemon.aws.errors import code_of

OK = "ok"


class Ledger:
    """Requests by (service, operation, result); a result is "ok" or an ErrorClass. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], int] = {}

    def watch(self, client: Any, service: str) -> None:
        """Count every request of *client*."""
        client.meta.events.register("response-received", partial(self._received, service))

    def counts(self) -> Mapping[tuple[str, str, str], int]:
        """How many requests there were, by (service, operation, result)."""
        with self._lock:
            return dict(self._counts)

    def _received(
        self, service: str, event_name: str, parsed_response: Any = None, exception: Any = None, **_: Any
    ) -> None:
        operation = event_name.rpartition(".")[2]
        key = (service, operation, _result(operation, parsed_response, exception))
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1


def _result(operation: str, parsed: Any, exception: Any) -> str:
    if exception is not None:
        return str(classify(code_of(exception), operation=operation))
    status = int(parsed.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if status < 300:
        return OK
    error = parsed.get("Error", {})
    code = str(error.get("Code") or status)
    return str(classify(code, str(error.get("Message", "")), status, operation))
