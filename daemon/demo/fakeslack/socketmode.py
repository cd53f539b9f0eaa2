"""Socket Mode: tickets, connections, envelopes and their acknowledgements."""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.demo.fakeslack.websocket import CLOSE, PING, PONG, TEXT, WebSocket


@dataclass
class SocketMode:
    """All connections of the app. `acks` are the answers of the app, by envelope id."""

    acks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _tickets: set[str] = field(default_factory=set)
    _connections: list[WebSocket] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def ticket(self) -> str:
        """A key for one connection, as apps.connections.open gives it."""
        ticket = secrets.token_urlsafe(16)
        with self._changed:
            self._tickets.add(ticket)
        return ticket

    def redeem(self, ticket: str) -> bool:
        """Whether this ticket is good; it is good once."""
        with self._changed:
            if ticket not in self._tickets:
                return False
            self._tickets.discard(ticket)
            return True

    def serve(self, connection: WebSocket) -> None:
        """Greet and listen until the client goes."""
        hello = {
            "type": "hello",
            "num_connections": len(self._connections) + 1,
            "debug_info": {"host": "fake", "approximate_connection_time": 18060},
            "connection_info": {"app_id": "A0FAKE0001"},
        }
        connection.send(TEXT, json.dumps(hello).encode())
        with self._changed:
            self._connections.append(connection)
            self._changed.notify_all()
        try:
            while (frame := connection.receive()) is not None and frame.opcode != CLOSE:
                if frame.opcode == PING:
                    connection.send(PONG, frame.payload)
                elif frame.opcode == TEXT:
                    self._acknowledge(frame.payload)
        except OSError:
            return  # gone while we answered a ping
        finally:
            with self._changed:
                self._connections.remove(connection)
                self._changed.notify_all()

    def _acknowledge(self, payload: bytes) -> None:
        message = json.loads(payload)
        with self._changed:
            self.acks[str(message.get("envelope_id", ""))] = message
            self._changed.notify_all()

    def wait_for_connections(self, count: int, timeout: float) -> bool:
        """Wait until exactly *count* connections stand."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._connections) == count, timeout)

    def send(self, kind: str, payload: Mapping[str, Any], *, envelope_id: str = "") -> str:
        """Send an envelope over one connection and give its id. Raises RuntimeError if nobody is connected."""
        envelope_id = envelope_id or str(uuid.uuid4())
        envelope = {
            "envelope_id": envelope_id, "type": kind, "accepts_response_payload": False, "payload": dict(payload),
        }  # fmt: skip
        with self._changed:
            if not self._connections:
                raise RuntimeError("no Socket Mode client is connected")
            connection = self._connections[-1]
        connection.send(TEXT, json.dumps(envelope).encode())
        return envelope_id

    def wait_for_ack(self, envelope_id: str, timeout: float) -> Mapping[str, Any] | None:
        """The app's acknowledgement of an envelope, or None if it does not come in *timeout* seconds."""
        with self._changed:
            self._changed.wait_for(lambda: envelope_id in self.acks, timeout)
            return self.acks.get(envelope_id)

    def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask every client to connect anew, as Slack does every few hours, and close."""
        for connection in self._now():
            connection.send(TEXT, json.dumps({"type": "disconnect", "reason": reason}).encode())
            connection.close()

    def close(self) -> None:
        for connection in self._now():
            connection.close()

    def _now(self) -> list[WebSocket]:
        with self._changed:
            return list(self._connections)
