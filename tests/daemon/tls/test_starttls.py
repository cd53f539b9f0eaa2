"""Going over to TLS in each protocol, against servers that speak it, refuse it, hang, or try to slip something in."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.base import LookFailed
from checks.certs.targets import Endpoint, StartTls
from daemon.tls import Prober
from daemon.tls.starttls import start
from daemon.tls.wire import MAX_ANSWER, Wire
from tests.daemon.tls.world import HOST, NOW, Dialog, Pki, read_line, tcp_server, tls_server

PROTOCOLS = [protocol for protocol in get_args(StartTls) if protocol != "none"]


def _smtp(offer: bool) -> Dialog:
    def talk(connection: socket.socket) -> bool:
        connection.sendall(b"220-mail.example ESMTP\r\n220 ready\r\n")
        assert read_line(connection).startswith(b"EHLO ")
        connection.sendall(b"250-mail.example\r\n" + (b"250-STARTTLS\r\n" if offer else b"") + b"250 8BITMIME\r\n")
        if not offer or read_line(connection) != b"STARTTLS":
            return False
        connection.sendall(b"220 go ahead\r\n")
        return True

    return talk


def _ftp(offer: bool) -> Dialog:
    def talk(connection: socket.socket) -> bool:
        connection.sendall(b"220-Welcome\r\n some words\r\n220 ready\r\n")
        assert read_line(connection) == b"AUTH TLS"
        connection.sendall(b"234 go ahead\r\n" if offer else b"502 no\r\n")
        return offer

    return talk


def _imap(offer: bool) -> Dialog:
    def talk(connection: socket.socket) -> bool:
        connection.sendall(b"* OK ready\r\n")
        tag, command = read_line(connection).split()
        assert command == b"STARTTLS"
        connection.sendall(b"* a word between\r\n" + tag + (b" OK go\r\n" if offer else b" BAD no\r\n"))
        return offer

    return talk


def _pop3(offer: bool) -> Dialog:
    def talk(connection: socket.socket) -> bool:
        connection.sendall(b"+OK ready\r\n")
        assert read_line(connection) == b"STLS"
        connection.sendall(b"+OK go\r\n" if offer else b"-ERR no\r\n")
        return offer

    return talk


def _postgres(offer: bool) -> Dialog:
    def talk(connection: socket.socket) -> bool:
        assert struct.unpack("!ii", connection.recv(8)) == (8, 80877103)
        connection.sendall(b"S" if offer else b"N")
        return offer

    return talk


def _mysql(offer: bool) -> Dialog:
    def talk(connection: socket.socket) -> bool:
        capabilities = 0xF7FF if not offer else 0xFFFF
        greeting = (
            b"\x0a8.0.36\0" + struct.pack("<I8sxH", 7, b"8 random", capabilities) + b"\xff\x02\0\xff\xc1" + 20 * b"\0"
        )
        connection.sendall(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
        if not offer:
            return False
        head = connection.recv(4)
        assert head == b"\x20\0\0\x01"
        flags, _, charset = struct.unpack("<IIB23x", connection.recv(32))
        assert flags & 0x0800
        assert charset
        return True

    return talk


def _ldap(offer: bool) -> Dialog:
    def talk(connection: socket.socket) -> bool:
        assert b"1.3.6.1.4.1.1466.20037" in connection.recv(100)
        # protocolError is what a server without TLS answers (RFC 4511, 4.14.2).
        result = b"\x0a\x01\x00" if offer else b"\x0a\x01\x02"
        connection.sendall(b"\x30\x0c\x02\x01\x01\x78\x07" + result + b"\x04\x00\x04\x00")
        return offer

    return talk


DIALOGS: dict[str, Callable[[bool], Dialog]] = {
    "smtp": _smtp, "ftp": _ftp, "imap": _imap, "pop3": _pop3, "postgres": _postgres, "mysql": _mysql, "ldap": _ldap,
}  # fmt: skip


def test_every_protocol_that_can_be_configured_is_tested_here() -> None:
    """A new one needs its dialog."""
    assert sorted(DIALOGS) == sorted(PROTOCOLS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_goes_over_to_tls_and_the_chain_is_read(protocol: StartTls, pki: Pki) -> None:
    """The whole dialog, then the handshake on the same connection."""
    leaf = pki.leaf()
    with tls_server(leaf, pki.middle, dialog=DIALOGS[protocol](True)) as port:
        look = Prober().look(Endpoint(HOST, port, starttls=protocol, ca_bundle=pki.ca_bundle), 10, NOW)
    [served] = look.served
    assert [card.label for card in served.chain] == ["localhost", "Test Issuing CA"]
    assert served.trust.status == "trusted"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_offers_no_tls_is_told_as_that(protocol: StartTls, pki: Pki) -> None:
    """Its refusal is no answer about a certificate."""
    with tls_server(pki.leaf(), dialog=DIALOGS[protocol](False)) as port:
        look = Prober().look(Endpoint(HOST, port, starttls=protocol), 10, NOW)
    [missed] = look.not_served
    assert (missed.reason, missed.message[:15]) == ("failed", "it offers no TL")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("silence", ["hangs", "closes"])
def test_a_server_that_says_nothing_ends_in_time(protocol: StartTls, silence: str) -> None:
    """One deadline for everything."""

    def serve(connection: socket.socket) -> None:
        if silence == "hangs":
            while connection.recv(1024):
                pass

    with tcp_server(serve) as port:
        look = Prober().look(Endpoint(HOST, port, starttls=protocol), 0.3, NOW)
    [missed] = look.not_served
    assert missed.reason == {"hangs": "timeout", "closes": "unavailable"}[silence]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_never_ends_its_answer_is_cut_off(protocol: StartTls) -> None:
    """Reads are bounded, in bytes and in lines."""

    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"220-" + 60 * b"a" + b"\r\n" if protocol in ("smtp", "ftp") else 1024 * b"a")

    with tcp_server(flood) as port:
        look = Prober().look(Endpoint(HOST, port, starttls=protocol), 10, NOW)
    [missed] = look.not_served
    assert missed.reason == "failed"


def test_what_is_said_beside_the_answer_is_refused() -> None:
    """Plain text behind the go-ahead would be taken for what came through TLS."""

    def inject(connection: socket.socket) -> None:
        connection.sendall(b"+OK ready\r\n")
        read_line(connection)
        connection.sendall(b"+OK go\r\n+OK slipped in\r\n")
        connection.recv(1)

    with tcp_server(inject) as port:
        look = Prober().look(Endpoint(HOST, port, starttls="pop3"), 10, NOW)
    assert "said more than its answer" in look.not_served[0].message


def test_mysql_says_when_it_refuses_the_host() -> None:
    """`Host is blocked` comes in place of the greeting."""

    def refuse(connection: socket.socket) -> None:
        body = b"\xff" + (1129).to_bytes(2, "little") + b"Host '10.0.0.1' is blocked; secret-canary"
        connection.sendall(len(body).to_bytes(3, "little") + b"\0" + body)
        connection.recv(1)

    with tcp_server(refuse) as port:
        look = Prober().look(Endpoint(HOST, port, starttls="mysql"), 10, NOW)
    [missed] = look.not_served
    assert (missed.reason, missed.message) == ("denied", "MySQL refuses connections from this machine (error 1129)")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PROTOCOLS), st.binary(max_size=300))
def test_whatever_a_server_says_ends_in_an_answer(protocol: str, said: bytes) -> None:
    """Any bytes: the dialog ends well or with LookFailed, never with another error, never later than its deadline."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        failed = _end_of(protocol, Wire.over(ours, 2))
    if failed is not None:
        assert failed.reason in ("timeout", "unavailable", "failed", "denied")
        assert not any(word in str(failed) for word in _long_words(said))


def _end_of(protocol: str, wire: Wire) -> LookFailed | None:
    try:
        start(protocol, wire)
    except LookFailed as error:
        return error
    return None


def _long_words(said: bytes) -> list[str]:
    """What would be a quotation if it stood in a message."""
    return [word for word in said.decode("latin-1").split() if len(word) > 12]


def test_lengths_that_a_server_makes_up_are_not_believed() -> None:
    """A length of 4 GiB is refused before anything of it is read."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\x30\x84\xff\xff\xff\xff")
        with pytest.raises(LookFailed) as caught:
            start("ldap", Wire.over(ours, 2))
    assert "too long" in str(caught.value)
    assert MAX_ANSWER < 1 << 20
