"""A role that was refused is not asked for again by everybody who would need it: for a while, the refusal stands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from checks.aws_errors import ErrorClass, classify
from daemon.aws.errors import code_of, status_of

# Longer than a sweep of all checks, shorter than anybody waits who has just mended a trust policy.
REFUSED_SECONDS = 300.0
_DEFINITE = frozenset({ErrorClass.PERMISSION, ErrorClass.ROLE_REFUSED, ErrorClass.SCP})


class Refusals:
    """Takes on one role, and remembers that AWS said no. Thread-safe: of many who ask at once, one asks AWS.

    A throttle, a timeout or an expired token is no refusal: the next one asks again.
    """

    def __init__(self, fetch: Callable[[], Any], ticks: Callable[[], float]) -> None:
        """*fetch* gives credentials, or raises what botocore raises. *ticks*: seconds of a clock that never steps."""
        self._fetch = fetch
        self._ticks = ticks
        self._lock = threading.Lock()
        self._refused: ClientError | None = None
        self._until = 0.0

    def fetch(self) -> Any:
        """The credentials. Raises the ClientError with which AWS refused them up to REFUSED_SECONDS ago."""
        with self._lock:
            if self._refused is not None and self._ticks() < self._until:
                raise ClientError(self._refused.response, self._refused.operation_name)
            self._refused = None
            try:
                return self._fetch()
            except ClientError as error:
                if _is_refusal(error):
                    self._refused, self._until = error, self._ticks() + REFUSED_SECONDS
                raise


def _is_refusal(error: ClientError) -> bool:
    said = str(error.response.get("Error", {}).get("Message", ""))
    return classify(code_of(error), said, status_of(error), error.operation_name) in _DEFINITE
