"""Gives events to the daemon over HTTP. No answer, and no lack of one, is more than a reason to try again later."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from checks.runs import wire

PATH = "/api/v1/events"
_SECONDS = 3.0  # for each step of a request, and for all of it twice as long
_ANSWER = 65_536


class Answer(Enum):
    """What became of a batch."""

    TAKEN = "taken"
    REFUSED = "refused"  # it will never be taken as it is
    LATER = "later"


class Sender:
    """One daemon. Keeps no connection: jobs outlive those."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Takes BAROGRAPH_URL, BAROGRAPH_TOKEN and BAROGRAPH_HMAC_SECRET."""
        try:
            self._url = urlsplit(environ.get("BAROGRAPH_URL", "").strip())
        except ValueError:
            self._url = urlsplit("")
        self._token = environ.get("BAROGRAPH_TOKEN", "").strip()
        self._secret = environ.get("BAROGRAPH_HMAC_SECRET", "").strip()

    @property
    def knows_where(self) -> bool:
        """Whether an address was given that can be used."""
        return self._url.scheme in ("http", "https") and bool(self._url.hostname)

    def send(self, lines: list[bytes]) -> Answer:
        """Give *lines* to the daemon."""
        raw = wire.body(lines)
        try:
            status, told = self._post(raw)
        except (OSError, http.client.HTTPException, ValueError):
            return Answer.LATER
        if status in (400, 413, 422):
            return Answer.REFUSED
        # Whatever else answers at this address, such as a portal that says 200 to everything, has taken nothing.
        if status not in (200, 202) or not _is_count(told.get("accepted")) or not _is_count(told.get("duplicates")):
            return Answer.LATER
        return Answer.TAKEN

    def _post(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        until = time.monotonic() + 2 * _SECONDS
        host = self._url.hostname or ""
        make = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = make(host, self._url.port, timeout=_SECONDS)
        try:
            connection.request("POST", self._url.path.rstrip("/") + PATH, raw, self._headers(raw))
            response = connection.getresponse()
            body = b""
            while len(body) < _ANSWER:
                piece = response.read1(4096)
                if not piece:
                    break
                body += piece
                if time.monotonic() > until:
                    raise TimeoutError
            return response.status, _object(body)
        finally:
            connection.close()

    def _headers(self, raw: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "barograph-exec", "Connection": "close"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._secret:
            stamp = str(int(time.time()))
            headers[wire.TIMESTAMP_HEADER] = stamp
            headers[wire.SIGNATURE_HEADER] = wire.signature(self._secret, stamp, raw)
        return headers


def taken(sender: Sender, lines: list[bytes]) -> bool:
    """Send *lines*; whether each was taken, or was refused for good by itself."""
    answer = sender.send(lines)
    if answer is Answer.REFUSED and len(lines) > 1:
        half = len(lines) // 2
        return taken(sender, lines[:half]) and taken(sender, lines[half:])
    return answer is not Answer.LATER


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
