"""The fake's HTTP server and its face to tests and the demo."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from daemon.demo.fakeslack.faults import Fault, FaultScript
from daemon.demo.fakeslack.handler import Handler
from daemon.demo.fakeslack.journal import Entry, Journal
from daemon.demo.fakeslack.rates import Limiter, Rates
from daemon.demo.fakeslack.socketmode import SocketMode
from daemon.demo.fakeslack.workspace import Channel, Message, SlackError, Token, Workspace

BOT_TOKEN = "xoxb-fake-bot-token"  # noqa: S105 - opens only the fake
APP_TOKEN = "xapp-fake-app-token"  # noqa: S105 - opens only the fake


def _utc_now() -> datetime:
    return datetime.now(UTC)


class FakeSlack:
    """A Slack workspace on 127.0.0.1 that refuses what Slack refuses.

    Give `base_url` and `token` to slack_sdk. Posting takes a channel's id or name; editing, history and the rest
    take its id alone, as Slack does (`channel_id(name)`, or conversations.list).

    *rates*: `Rates.unlimited()` for tests that are not about rates. *history_lag*: seconds until a posted message
    shows in history. *page_size*: the most history gives at once. *journal_path*: each request is a JSON line there.
    """

    def __init__(
        self,
        channels: Iterable[str] = ("alerts",),
        *,
        port: int = 0,
        token: str = BOT_TOKEN,
        app_token: str = APP_TOKEN,
        rates: Rates | None = None,
        history_lag: float = 0.0,
        page_size: int = 0,
        journal_path: Path | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.token, self.app_token = token, app_token
        self.workspace = Workspace(clock, timedelta(seconds=history_lag), page_size)
        for name in channels:
            self.workspace.add_channel(name)
        self.workspace.tokens[token] = Token(token)
        self.workspace.tokens[app_token] = Token(app_token, frozenset({"connections:write"}))
        self.limiter = Limiter(rates or Rates())
        self.faults = FaultScript()
        self.log = Journal(journal_path)
        self.sockets = SocketMode()
        self.stopping = threading.Event()
        self._port = port
        self._server: _Server | None = None

    def start(self) -> FakeSlack:
        """Bind and serve in threads of its own. Raises OSError if the port is taken."""
        self._server = _Server(self, self._port)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="fake-slack", daemon=True).start()
        return self

    def stop(self) -> None:
        """End every connection and close the port. Journal and messages stay readable."""
        self.stopping.set()
        self.sockets.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> FakeSlack:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end. `/inbox` there is the page for people."""
        if self._server is None:
            raise RuntimeError("the fake Slack is not started")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        """For `slack_sdk.WebClient(base_url=…)`."""
        return f"{self.url}/api/"

    def script(self, *faults: Fault) -> None:
        """Add faults; see Fault for what they meet."""
        for fault in faults:
            self.faults.add(fault)

    def refuse_token(self, error: str = "token_revoked") -> None:
        """From now on the bot's token gets *error*; an empty one lets it in again."""
        with self.workspace.lock:
            self.workspace.tokens[self.token].refused = error

    def drop_scopes(self, *scopes: str) -> None:
        """Take scopes away from the bot's token."""
        with self.workspace.lock:
            token = self.workspace.tokens[self.token]
            token.scopes = token.scopes - set(scopes)

    def channel(self, name: str) -> Channel:
        """A channel by id or name, to archive it or take the bot out: `slack.channel("alerts").archived = True`.

        Raises SlackError (channel_not_found).
        """
        return self.workspace.channel(name, by_name=True)

    @property
    def journal(self) -> tuple[Entry, ...]:
        """Every request so far."""
        return self.log.entries()

    def accepted(self, method: str = "chat.postMessage", metadata_id: str = "") -> list[Entry]:
        """The journal's accepted calls of a method, with this metadata id if one is given."""
        return [
            entry
            for entry in self.journal
            if entry.accepted and entry.method == method and metadata_id in ("", entry.metadata_id)
        ]

    def messages(self, channel: str) -> list[Message]:
        """All messages of a channel as they stand now, replies included, in order of posting."""
        with self.workspace.lock:
            return list(self.channel(channel).messages.values())

    def visible_by_id(self, delivery_id: str) -> list[Message]:
        """Every message that carries this id in its metadata: one if it was delivered once."""
        with self.workspace.lock:
            return [message for message in self.workspace.all_messages() if message.metadata_id == delivery_id]

    def remove(self, channel: str, ts: str) -> None:
        """Delete a message as a person would. Raises SlackError (message_not_found)."""
        with self.workspace.lock:
            if self.channel(channel).messages.pop(ts, None) is None:
                raise SlackError("message_not_found")

    def click(
        self, channel: str, ts: str, action_id: str, *, user: str = "U0PERSON01", name: str = "person",
        envelope_id: str = "",
    ) -> str:  # fmt: skip
        """A person presses a button of a message: send the envelope and give its id, for `sockets.wait_for_ack`.

        Raises LookupError if the message has no such button, RuntimeError if no client is connected.
        """
        with self.workspace.lock:
            found = self.channel(channel)
            message = replace(found.messages[ts])
        action = next((item for item in _elements(message.blocks) if item.get("action_id") == action_id), None)
        if action is None:
            raise LookupError(f"message {ts} has no element with action_id {action_id!r}")
        payload = {
            "type": "block_actions",
            "team": {"id": "T0FAKE0001", "domain": "fake"},
            "user": {"id": user, "username": name, "team_id": "T0FAKE0001"},
            "api_app_id": "A0FAKE0001",
            "container": {"type": "message", "message_ts": ts, "channel_id": found.id, "is_ephemeral": False},
            "channel": {"id": found.id, "name": found.name},
            "message": {"ts": ts, "text": message.text, "blocks": list(message.blocks)},
            "actions": [{**action, "action_ts": f"{self.workspace.clock().timestamp():.6f}"}],
        }
        return self.sockets.send("interactive", payload, envelope_id=envelope_id)


def _elements(blocks: Iterable[Any]) -> Iterable[Mapping[str, Any]]:
    for block in blocks:
        for item in (*block.get("elements", ()), block.get("accessory")):
            if isinstance(item, dict) and "action_id" in item:
                yield {**item, "block_id": block.get("block_id", "")}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, slack: FakeSlack, port: int) -> None:
        self.slack = slack
        super().__init__(("127.0.0.1", port), Handler)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close; where a reset was scripted, without the orderly shutdown that would turn it into an EOF."""
        if isinstance(request, socket.socket):
            linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
            if struct.unpack("ii", linger) == (1, 0):
                self.close_request(request)
                return
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is an everyday event here; anything else is a bug and shows."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
