"""The server's side of one WebSocket (RFC 6455), as much of it as Socket Mode uses: unfragmented text, ping, close."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from io import BufferedIOBase
from typing import NamedTuple

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
MAX_FRAME_BYTES = 1_000_000
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class Frame(NamedTuple):
    """One whole frame, unmasked."""

    opcode: int
    payload: bytes


def accept_key(key: str) -> str:
    """The Sec-WebSocket-Accept that answers a client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


class WebSocket:
    """A connection after its handshake. Sending is safe from any thread; receiving belongs to one."""

    def __init__(self, connection: socket.socket, reader: BufferedIOBase) -> None:
        self._connection = connection
        self._reader = reader
        self._lock = threading.Lock()

    def send(self, opcode: int, payload: bytes) -> None:
        """Send one frame. Raises OSError if the connection is gone."""
        size = len(payload)
        if size < 126:
            header = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 65_536:
            header = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            header = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        with self._lock:
            self._connection.sendall(header + payload)

    def receive(self) -> Frame | None:
        """The next frame; None when the client is gone or breaks the protocol."""
        try:
            return self._receive()
        except (OSError, ValueError, EOFError):
            return None

    def _receive(self) -> Frame:
        first, second = self._exactly(2)
        masked, size = second & 0x80, second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        if not masked or not first & 0x80 or size > MAX_FRAME_BYTES:
            raise ValueError("a client's frames are masked, whole and small")
        mask = self._exactly(4)
        payload = bytes(byte ^ mask[number % 4] for number, byte in enumerate(self._exactly(size)))
        return Frame(first & 0x0F, payload)

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def close(self) -> None:
        """End the connection; the thread that receives gets None."""
        try:
            self.send(CLOSE, struct.pack("!H", 1000))
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already, which is what was asked
