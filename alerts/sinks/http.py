"""One HTTP request to a sink: one attempt, bounded in time and size, and nothing secret in what is said of it.

Addresses of webhooks are secrets. Proxies of the environment are not used, redirects are not followed, and
certificates are verified.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from alerts.base import NotifyError

MOST_ANSWER = 64 * 1024  # bytes of an answer that are read
LONGEST_WAIT = 3_600.0  # seconds of a Retry-After that are believed


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. *url* and *body* may hold secrets, and never print."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case; *body* is its beginning, if it is long."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def retry_after(self, now: datetime) -> float | None:
        """Seconds that the answer asks for, as a number or as a date; None: it does not, or nobody can read it."""
        text = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(text) if text.isdecimal() else (parsedate_to_datetime(text) - now).total_seconds()
        except (ValueError, TypeError):  # no date; a date without a zone
            return None
        return min(LONGEST_WAIT, max(1.0, seconds))


class Http:
    """Sends requests. *timeout*: seconds for all of one. *ca_file*: roots trusted beside the machine's own."""

    def __init__(self, timeout: float, ca_file: Path | None = None) -> None:
        self.timeout = timeout
        self._ca_file = ca_file

    def send(self, request: Request) -> Answer:
        """Send once; give the answer, whatever its status. Raises NotifyError and nothing else.

        Its class is `not_sent` only where no connection was made; after that nobody knows what the other side did.
        """
        try:
            connection, path = self._connection(request.url)
        except (ValueError, OSError, http.client.HTTPException) as error:
            raise NotifyError("not_sent", f"no request could be made: {_words(error)}") from None
        with contextlib.closing(connection):
            try:
                connection.connect()
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise NotifyError("not_sent", f"no connection: {_words(error)}") from None
            try:
                return self._exchange(connection, request, path)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise NotifyError("ambiguous", f"no answer: {_words(error)}") from None

    def _connection(self, url: str) -> tuple[http.client.HTTPConnection, str]:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if parts.scheme == "http" and parts.hostname:
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout), path
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("the address is none")
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self.timeout, context=context), path

    def _exchange(self, connection: http.client.HTTPConnection, request: Request, path: str) -> Answer:
        # A socket's own timeout starts anew with every byte; this one does not.
        late = threading.Event()
        cut = threading.Timer(self.timeout, _cut, (connection.sock, late))
        cut.daemon = True
        cut.start()
        try:
            headers = {"User-Agent": "barograph", "Connection": "close", **request.headers}
            connection.request(request.method, path, request.body, headers)
            response = connection.getresponse()
            body = response.read(MOST_ANSWER)
            if late.is_set():
                raise TimeoutError  # what was cut off in its headers reads like an answer without a body
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, body)
        finally:
            cut.cancel()


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    """What went wrong, without the address: an exception's own text may quote it."""
    name = type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{name}: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "timed out"
    return f"{name}: {error.strerror}" if isinstance(error, OSError) and error.strerror else name


def refused(what: str, answer: Answer, *, repeatable: bool, said: str = "") -> NotifyError:
    """What an answer that is no success means. *said*: words of the other side that hold no secret.

    *repeatable*: the other side knows a repeat for what it is, so an error of its own needs no doubt.
    """
    status = answer.status
    text = f"{what}: HTTP {status}" + (f", {said}" if said else "")
    wait = answer.retry_after(datetime.now(UTC)) if status in (429, 503) else None
    if status == 429:
        return NotifyError("not_sent", text, retry_after=wait or 30.0)
    if status >= 500 or status in (408, 425):
        return NotifyError("not_sent" if repeatable else "ambiguous", text, retry_after=wait if repeatable else None)
    if status in (401, 403, 407):
        return NotifyError("credential", text)
    if status in (400, 413, 415, 422):
        return NotifyError("payload", text)
    return NotifyError("destination", text)
