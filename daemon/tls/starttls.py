"""How each protocol is asked to go over to TLS: the least that it takes, over a wire with a deadline."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType

from checks.base import LookFailed
from daemon.tls.wire import MAX_ANSWER, Wire

MAX_LINES = 100
_LDAP_START_TLS = b"1.3.6.1.4.1.1466.20037"  # RFC 4511, 4.14.1
_POSTGRES_SSL = 80877103  # "Message Formats" of PostgreSQL: SSLRequest
_MYSQL_SSL = 0x0800  # CLIENT_SSL
_MYSQL_CAPABILITIES = 0x0800 | 0x0200 | 0x8000  # with CLIENT_PROTOCOL_41 and CLIENT_SECURE_CONNECTION
_MYSQL_ERROR = 0xFF
_LDAP_EXTENDED_RESPONSE = 0x78


def start(protocol: str, wire: Wire) -> None:
    """Ask for TLS by *protocol*; on return the wire is ready for the handshake. Raises LookFailed, with the reason."""
    _DIALOGS[protocol](wire)
    wire.must_be_quiet()


def _refused(protocol: str, answer: bytes) -> LookFailed:
    # Only the code: what a server says in words is its own text, and none of ours.
    code = re.match(rb"[0-9]{3}|[A-Za-z+*-]{1,10}", answer)
    said = f" (answer: {code[0].decode()})" if code else ""
    return LookFailed("failed", f"it offers no TLS by {protocol}{said}")


def _reply(wire: Wire) -> tuple[bytes, list[bytes]]:
    """A reply of SMTP or FTP: (code, lines). A line with a dash behind the code is not the last."""
    lines: list[bytes] = []
    code = b""
    for _ in range(MAX_LINES):
        line = wire.line()
        lines.append(line)
        code = code or line[:3]
        if not code.isdigit():
            break
        if line[:3] == code and line[3:4] != b"-":
            return code, lines
    raise LookFailed("failed", "its answer is none of this protocol")


def _smtp(wire: Wire) -> None:
    code, lines = _reply(wire)
    if code != b"220":
        raise _refused("SMTP", lines[-1])
    wire.send(b"EHLO barograph.invalid\r\n")
    code, lines = _reply(wire)
    if code != b"250" or not any(line[4:].strip().upper() == b"STARTTLS" for line in lines):
        raise _refused("SMTP STARTTLS", lines[-1])
    wire.send(b"STARTTLS\r\n")
    code, lines = _reply(wire)
    if code != b"220":
        raise _refused("SMTP STARTTLS", lines[-1])


def _ftp(wire: Wire) -> None:
    code, lines = _reply(wire)
    if code != b"220":
        raise _refused("FTP", lines[-1])
    wire.send(b"AUTH TLS\r\n")
    code, lines = _reply(wire)
    if code != b"234":
        raise _refused("FTP AUTH TLS", lines[-1])


def _imap(wire: Wire) -> None:
    greeting = wire.line()
    if not greeting.upper().startswith((b"* OK", b"* PREAUTH")):
        raise _refused("IMAP", greeting)
    wire.send(b"b1 STARTTLS\r\n")
    for _ in range(MAX_LINES):
        line = wire.line()
        if line.lower().startswith(b"b1 "):
            if line[3:].upper().startswith(b"OK"):
                return
            raise _refused("IMAP STARTTLS", line[3:])
    raise LookFailed("failed", "its answer is none of this protocol")


def _pop3(wire: Wire) -> None:
    greeting = wire.line()
    if not greeting.startswith(b"+OK"):
        raise _refused("POP3", greeting)
    wire.send(b"STLS\r\n")
    answer = wire.line()
    if not answer.startswith(b"+OK"):
        raise _refused("POP3 STLS", answer)


def _postgres(wire: Wire) -> None:
    wire.send(struct.pack("!ii", 8, _POSTGRES_SSL))
    answer = wire.exactly(1)
    if answer != b"S":
        raise _refused("PostgreSQL", answer)


def _mysql(wire: Wire) -> None:
    """Read the server's greeting, and answer it with the short form that asks for TLS.

    The connection is given up after the handshake, which MySQL counts against the host that looks (max_connect_errors).
    """
    head = wire.exactly(4)
    length = int.from_bytes(head[:3], "little")
    if not 1 <= length <= MAX_ANSWER:
        raise LookFailed("failed", "its answer is none of this protocol")
    greeting = wire.exactly(length)
    if greeting[0] == _MYSQL_ERROR:
        number = int.from_bytes(greeting[1:3], "little")
        raise LookFailed("denied", f"MySQL refuses connections from this machine (error {number})")
    # Protocol version, server version up to a NUL, thread id (4), first part of a nonce (8), a filler, capabilities.
    end = greeting.find(b"\0", 1)
    if greeting[0] != 10 or end < 0 or len(greeting) < end + 16:
        raise LookFailed("failed", "its answer is none of this protocol")
    capabilities = int.from_bytes(greeting[end + 14 : end + 16], "little")
    if not capabilities & _MYSQL_SSL:
        raise LookFailed("failed", "it offers no TLS by MySQL")
    body = struct.pack("<IIB23x", _MYSQL_CAPABILITIES, 1 << 24, 45)
    wire.send(len(body).to_bytes(3, "little") + bytes([head[3] + 1 & 0xFF]) + body)


def _ldap(wire: Wire) -> None:
    name = b"\x80" + bytes([len(_LDAP_START_TLS)]) + _LDAP_START_TLS
    request = b"\x02\x01\x01" + b"\x77" + bytes([len(name)]) + name  # message 1, ExtendedRequest
    wire.send(b"\x30" + bytes([len(request)]) + request)
    head = wire.exactly(2)
    size = head[1]
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise LookFailed("failed", "its answer is none of this protocol")
        size = int.from_bytes(wire.exactly(count), "big")
    body = wire.exactly(size)
    # The message id, then the response, whose first part is the result code (an enumerated of one byte).
    at = body.find(bytes([_LDAP_EXTENDED_RESPONSE]))
    code = body.find(b"\x0a\x01", at)
    if head[0] != 0x30 or at < 0 or code < 0 or len(body) <= code + 2:
        raise LookFailed("failed", "its answer is none of this protocol")
    if body[code + 2] != 0:
        raise LookFailed("failed", f"it offers no TLS by LDAP (result {body[code + 2]})")


_DIALOGS: Mapping[str, Callable[[Wire], None]] = MappingProxyType(
    {
        "smtp": _smtp,
        "imap": _imap,
        "pop3": _pop3,
        "ftp": _ftp,
        "postgres": _postgres,
        "mysql": _mysql,
        "ldap": _ldap,
    }
)
