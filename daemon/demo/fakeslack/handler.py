"""One HTTP request to the fake: read it, carry it out or fail it as scripted, record it, answer."""

from __future__ import annotations

import json
import socket
import struct
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from daemon.demo.fakeslack.faults import Fault, FaultKind
from daemon.demo.fakeslack.inbox import inbox_data, inbox_page
from daemon.demo.fakeslack.methods import METHODS, authorise
from daemon.demo.fakeslack.websocket import WebSocket, accept_key
from daemon.demo.fakeslack.workspace import SlackError

if TYPE_CHECKING:
    from daemon.demo.fakeslack.server import FakeSlack

MAX_BODY_BYTES = 10_000_000
UPLOAD = "upload"  # what faults and the journal call step two of a file
# Arguments that are JSON inside a form.
NESTED = ("blocks", "attachments", "metadata", "files")


def _part(headers: Message, body: bytes) -> bytes:
    """The file itself, of a body that is the file or a form with the one part."""
    if headers.get_content_type() != "multipart/form-data":
        return body
    mark = b"--" + (headers.get_param("boundary") or "").encode()  # type: ignore[union-attr]  # a str, of a plain header
    _, _, part = body.partition(mark)[2].partition(b"\r\n\r\n")
    return part.partition(b"\r\n" + mark)[0]


class _RateLimitedError(Exception):
    """Too many calls; the argument is the seconds to wait."""


class Handler(BaseHTTPRequestHandler):
    """`/api/METHOD` as Slack, `/upload/ID` for files, `/link` for Socket Mode, `/inbox` for people."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "fake-slack", ""

    @property
    def slack(self) -> FakeSlack:
        return self.server.slack  # type: ignore[attr-defined, no-any-return]  # it is our own _Server that made this handler

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """The journal is the log."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/link":
            self._socket_mode()
        elif path == "/inbox":
            page, policy = inbox_page(self.slack.workspace)
            self._answer(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": policy})
        elif path == "/inbox.json":
            self._json(inbox_data(self.slack.workspace))
        else:
            self.do_POST()

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MAX_BODY_BYTES))
        if path.startswith("/api/"):
            self._call(path.removeprefix("/api/"), body)
        elif path.startswith("/upload/"):
            self._upload(path.removeprefix("/upload/"), body)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")

    def _call(self, method: str, body: bytes) -> None:
        try:
            arguments = self._arguments(body)
        except SlackError as error:
            self._json({"ok": False, "error": error.error})
            return
        token = str(arguments.pop("token", "")) or self.headers.get("Authorization", "").removeprefix("Bearer ")
        channel = str(arguments.get("channel") or arguments.get("channel_id") or "")
        names = self.slack.workspace.names(channel) if channel else frozenset({""})
        fault = self.slack.faults.strike(method, names)
        if fault is not None and fault.kind is FaultKind.DELAY and not fault.committed:
            self.slack.stopping.wait(fault.seconds)  # in flight: it lands late, even if the caller has given up
        if fault is not None and fault.kind is not FaultKind.DELAY and not fault.committed:
            word = fault.error if fault.kind is FaultKind.ERROR else f"fault: {fault.kind.value}"
            self._record(method, channel, arguments, error=word, fault=fault)
            self._fail(fault)
            return
        try:
            answer = self._carry_out(method, token, channel, arguments, fault)
        except _RateLimitedError as limited:
            self._too_many(int(limited.args[0]))
            return
        if fault is not None:
            self.slack.stopping.wait(fault.seconds if fault.committed else 0)
            if fault.kind is not FaultKind.DELAY:
                self._fail(fault)
                return
        self._json(answer)

    def _carry_out(
        self, method: str, token: str, channel: str, arguments: dict[str, Any], fault: Fault | None
    ) -> dict[str, Any]:
        """Do it and record it in one step, so that the journal and the messages never disagree."""
        workspace = self.slack.workspace
        with workspace.lock:
            known = channel
            try:
                authorise(workspace, method, token)
                if channel:
                    known = next(
                        (c.id for c in workspace.channels.values() if channel in workspace.names(c.id)), channel
                    )
                wait = self.slack.limiter.take(method, known, workspace.clock())
                if wait:
                    self._record(method, known, arguments, error="ratelimited", fault=fault)
                    raise _RateLimitedError(wait)
                answer = {"ok": True, **self._method(method, arguments)}
            except SlackError as error:
                self._record(method, known, arguments, error=error.error, fault=fault)
                return {"ok": False, "error": error.error, **error.extra}
            self._record(method, known, arguments, ts=str(answer.get("ts", "")), fault=fault)
            return answer

    def _method(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method == "apps.connections.open":
            port = self.slack.url.rsplit(":", 1)[1]
            return {"url": f"ws://127.0.0.1:{port}/link?ticket={self.slack.sockets.ticket()}"}
        if method not in METHODS:
            raise SlackError("unknown_method", req_method=method)
        answer = METHODS[method](self.slack.workspace, arguments)
        if "upload_path" in answer:
            answer["upload_url"] = self.slack.url + answer.pop("upload_path")
        return answer

    def _record(
        self, method: str, channel: str, arguments: dict[str, Any], *, error: str = "", ts: str = "",
        fault: Fault | None = None,
    ) -> None:  # fmt: skip
        self.slack.log.add(
            self.slack.workspace.clock(), method, channel, arguments,
            accepted=not error, error=error, ts=ts, fault=fault.kind.value if fault else "",
        )  # fmt: skip

    def _arguments(self, body: bytes) -> dict[str, Any]:
        """The arguments of a call from query, form or JSON body. Raises SlackError where Slack cannot read them."""
        arguments: dict[str, Any] = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get_content_type()
        if kind == "application/json":
            try:
                given = json.loads(body or b"{}")
            except ValueError:
                raise SlackError("invalid_json") from None
            if not isinstance(given, dict):
                raise SlackError("json_not_object")
            arguments |= given
        elif body:
            arguments |= parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        for name in NESTED:
            if isinstance(arguments.get(name), str) and arguments[name]:
                try:
                    arguments[name] = json.loads(arguments[name])
                except ValueError:
                    raise SlackError("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from None
        return arguments

    def _fail(self, fault: Fault) -> None:
        if fault.kind is FaultKind.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif fault.kind is FaultKind.EOF:
            self.close_connection = True
        elif fault.kind is FaultKind.RATE_LIMITED:
            self._too_many(fault.retry_after)
        elif fault.kind is FaultKind.HTTP:
            self._answer(HTTPStatus(fault.status), b"<html><h1>upstream trouble</h1></html>", "text/html")
        elif fault.kind is FaultKind.MALFORMED:
            self._answer(HTTPStatus.OK, b'{"ok": true, "ts": "17', "application/json; charset=utf-8")
        else:
            self._json({"ok": False, "error": fault.error})

    def _too_many(self, seconds: int) -> None:
        body = json.dumps({"ok": False, "error": "ratelimited"}).encode()
        self._answer(
            HTTPStatus.TOO_MANY_REQUESTS, body, "application/json; charset=utf-8", {"Retry-After": str(seconds)}
        )

    def _upload(self, file_id: str, body: bytes) -> None:
        """Step two of a file. It takes as many bytes as were announced, once; faults meet it as method "upload"."""
        fault = self.slack.faults.strike(UPLOAD, frozenset({""}))
        told = {"file": file_id, "length": len(body)}
        if fault is not None and fault.kind is not FaultKind.DELAY and not fault.committed:
            self._record(UPLOAD, "", told, error=f"fault: {fault.kind.value}", fault=fault)
            self._fail(fault)
            return
        if fault is not None:
            self.slack.stopping.wait(fault.seconds)
        with self.slack.workspace.lock:
            file = self.slack.workspace.files.get(file_id)
            fits = file is not None and file["content"] is None and file["size"] == len(_part(self.headers, body))
            if file is not None and fits:
                file["content"] = _part(self.headers, body)
            self._record(UPLOAD, "", told, error="" if fits else "refused", fault=fault)
        if fault is not None and fault.kind is not FaultKind.DELAY:
            self._fail(fault)
            return
        status = HTTPStatus.OK if fits else HTTPStatus.BAD_REQUEST if file is not None else HTTPStatus.NOT_FOUND
        self._answer(status, f"OK - {len(body)}".encode() if fits else b"refused", "text/plain")

    def _socket_mode(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        key = self.headers.get("Sec-WebSocket-Key", "")
        if self.headers.get("Upgrade", "").lower() != "websocket" or not key:
            self._answer(HTTPStatus.UPGRADE_REQUIRED, b"a WebSocket lives here", "text/plain")
            return
        if not self.slack.sockets.redeem(query.get("ticket", "")):
            self._answer(HTTPStatus.FORBIDDEN, b"no such ticket", "text/plain")
            return
        self.send_response(HTTPStatus.SWITCHING_PROTOCOLS)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept_key(key))
        self.end_headers()
        self.close_connection = True
        self.slack.sockets.serve(WebSocket(self.connection, self.rfile))

    def _json(self, answer: dict[str, Any]) -> None:
        self._answer(HTTPStatus.OK, json.dumps(answer).encode(), "application/json; charset=utf-8")

    def _answer(self, status: HTTPStatus, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
