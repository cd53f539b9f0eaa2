"""The other sides, over real HTTP: each refuses what the real one refuses, and keeps what it was told."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from daemon.demo.fakeslack.limits import validate_message

ROUTING_KEY = "R0123456789abcdef0123456789abcde"
SECRET = "a-shared-secret-of-the-webhook"


@dataclass
class Trouble:
    """What goes wrong with the next request. *committed*: it is carried out, and only the answer goes wrong."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reset: bool = False
    drip: float = 0.0  # seconds between the bytes of an answer that does not end
    committed: bool = False


class Other:
    """One other side: what came in, what was refused, and what it made of it."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.troubles: list[Trouble] = []
        self.url = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.requests.append({"path": path, "headers": headers, "body": body})
        found = self.judge(path, headers, body)
        if found is not None:
            self.refused.append(found)
            return 400, self.words(found)
        return self.accept(headers, body)

    def judge(self, path: str, headers: dict[str, str], body: bytes) -> str | None:
        raise NotImplementedError

    def words(self, found: str) -> bytes:
        return found.encode()

    def accept(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        raise NotImplementedError


class FakePagerDuty(Other):
    """Events API v2 (developer.pagerduty.com/docs/send-alert-event): `alerts` is the state of each dedup_key."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, str] = {}
        self.opened: list[str] = []  # each key, whenever an alert was opened: a page
        self.events: list[dict[str, Any]] = []

    def judge(self, path: str, headers: dict[str, str], body: bytes) -> str | None:
        event = json.loads(body)
        if path != "/v2/enqueue" or headers.get("content-type") != "application/json" or len(body) > 512_000:
            return "not an event"
        unknown = set(event) - {
            "routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"
        }  # fmt: skip
        if unknown:
            return f"unknown {unknown}"
        if len(event.get("routing_key", "")) != 32:
            return "Length of 'routing_key' is incorrect (should be 32 characters)"
        if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            return "'event_action' is invalid"
        if not 0 < len(event.get("dedup_key", "")) <= 255:
            return "'dedup_key' is missing or too long"
        if event["event_action"] != "trigger":
            return None
        payload = event.get("payload", {})
        if not 0 < len(payload.get("summary", "")) <= 1024 or not payload.get("source"):
            return "'payload.summary' or 'payload.source' is missing or too long"
        if payload.get("severity") not in ("critical", "error", "warning", "info"):
            return "'payload.severity' is invalid"
        datetime.fromisoformat(payload["timestamp"])
        if any(set(link) - {"href", "text"} or not link["href"].startswith("http") for link in event.get("links", [])):
            return "'links' is invalid"
        return None

    def words(self, found: str) -> bytes:
        return json.dumps({"status": "invalid event", "message": "Event object is invalid", "errors": [found]}).encode()

    def accept(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        event = json.loads(body)
        self.events.append(event)
        key, action = event["dedup_key"], event["event_action"]
        if action == "trigger" and self.alerts.get(key) in (None, "resolved"):
            self.alerts[key] = "triggered"
            self.opened.append(key)
        elif action != "trigger" and self.alerts.get(key) not in (None, "resolved"):
            self.alerts[key] = f"{action}d"
        return 202, json.dumps({"status": "success", "message": "Event processed", "dedup_key": key}).encode()


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class FakeAlertmanager(Other):
    """POST /api/v2/alerts as Alertmanager validates it; `alerts` are the latest of each label set."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}

    def judge(self, path: str, headers: dict[str, str], body: bytes) -> str | None:
        if path != "/api/v2/alerts" or headers.get("content-type") != "application/json":
            return "not found"
        for alert in json.loads(body):
            if set(alert) - {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}:
                return f"unknown fields {set(alert)}"
            if not alert.get("labels"):
                return "at least one label pair required"
            for name, text in [*alert["labels"].items(), *alert.get("annotations", {}).items()]:
                if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) or not isinstance(text, str) or not text:
                    return f"invalid label {name!r}"
            if not all(_TIME.fullmatch(alert[key]) for key in ("startsAt", "endsAt")):
                return "not a time"
            if datetime.fromisoformat(alert["endsAt"]) <= datetime.fromisoformat(alert["startsAt"]):
                return "start time must be before end time"
        return None

    def accept(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        for alert in json.loads(body):
            self.alerts[tuple(sorted(alert["labels"].items()))] = alert
        return 200, b""

    def firing(self, now: datetime) -> list[dict[str, Any]]:
        return [one for one in self.alerts.values() if datetime.fromisoformat(one["endsAt"]) > now]


class FakeReceiver(Other):
    """What docs/sinks.md tells a receiver to do: check the signature and the age, and know a repeat by its id."""

    def __init__(self, secret: str = SECRET) -> None:
        super().__init__()
        self.secret = secret
        self.events: dict[str, dict[str, Any]] = {}
        self.repeats: list[str] = []

    def judge(self, path: str, headers: dict[str, str], body: bytes) -> str | None:
        signed = headers["x-barograph-timestamp"].encode() + b"." + body
        expected = "v1=" + hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        given = headers["x-barograph-signature"].split(",")
        if not any(hmac.compare_digest(expected, one) for one in given):
            return "bad signature"
        if json.loads(body)["id"] != headers["x-barograph-id"]:
            return "the id is another one"
        return None

    def accept(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        event = json.loads(body)
        if event["id"] in self.events:
            self.repeats.append(event["id"])
        self.events[event["id"]] = event
        return 204, b""


class FakeSlackWebhook(Other):
    """An incoming webhook: "ok", or a word; the message is held against Slack's limits."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []

    def judge(self, path: str, headers: dict[str, str], body: bytes) -> str | None:
        found = validate_message(json.loads(body))
        return "invalid_blocks" if found else None

    def accept(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.messages.append(json.loads(body))
        return 200, b"ok"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        pass

    def do_POST(self) -> None:
        other: Other = self.server.other  # type: ignore[attr-defined]  # it is our own server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = other.troubles.pop(0) if other.troubles else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = 0, b""
        if trouble is None or trouble.committed:
            status, answer = other.take(self.path, headers, body)
        if trouble is not None and trouble.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if trouble is not None and trouble.drip:
            self._drip(trouble.drip)
            return
        if trouble is not None:
            status, answer = trouble.status, trouble.body
        self.send_response(status)
        for name, value in (trouble.headers if trouble is not None else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST  # noqa: N815 - the name is http.server's

    def _drip(self, pause: float) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        stop: threading.Event = self.server.stop  # type: ignore[attr-defined]  # it is our own server
        while not stop.wait(pause):
            try:
                self.wfile.write(b"x")
                self.wfile.flush()
            except OSError:
                return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, other: Other) -> None:
        self.other = other
        self.stop = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
            if struct.unpack("ii", linger) == (1, 0):
                self.close_request(request)
                return
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is an everyday event here."""


T = TypeVar("T", bound=Other)


@contextmanager
def served(other: T) -> Iterator[T]:
    """*other*, listening; `other.url` has no path."""
    server = _Server(other)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    other.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield other
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
