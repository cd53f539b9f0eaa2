"""One look at an endpoint: resolve, connect, ask for TLS, shake hands without judging, and verify apart from that."""

from __future__ import annotations

import socket
import threading
import time
from datetime import datetime
from pathlib import Path

from cryptography import x509
from OpenSSL import SSL

from checks.base import LookFailed
from checks.certs.model import Card, NotServed, Served, TlsLook, Trust
from checks.certs.targets import Endpoint
from daemon.tls.cards import card_of
from daemon.tls.starttls import start
from daemon.tls.trust import Roots, verify
from daemon.tls.wire import NoRoute, Wire

_LEGACY_RENEGOTIATION = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: an old server's dates are wanted too
MAX_HANDSHAKE = 512 * 1024  # bytes of the server's; OpenSSL takes chains of up to 100 KiB
_FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_Address = tuple[socket.AddressFamily, tuple[object, ...], str]


class Prober:
    """Looks at endpoints. One for the whole daemon, safe from any thread; keeps no connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: SSL.Context | None = None
        self._roots: dict[Path | None, Roots] = {}

    def look(self, endpoint: Endpoint, seconds: float, now: datetime) -> TlsLook:
        """Look at every address of *endpoint*, each for at most *seconds*; all together for four times that.

        Raises LookFailed where its name stands for no address. What each address has to say is in the answer.
        """
        roots = self._roots_of(endpoint.ca_bundle)
        until = time.monotonic() + 4 * seconds
        served: list[Served] = []
        missed: list[NotServed] = []
        for family, address, text in _addresses(endpoint):
            left = min(seconds, until - time.monotonic())
            try:
                if left <= 0:
                    raise LookFailed("timeout", "the time for this endpoint was up")
                served.append(self._at(endpoint, family, address, text, left, roots, now))
            except LookFailed as error:
                missed.append(NotServed(text, error.reason, str(error), isinstance(error, NoRoute)))
        return TlsLook(tuple(served), tuple(missed))

    def _at(
        self,
        endpoint: Endpoint,
        family: socket.AddressFamily,
        address: tuple[object, ...],
        text: str,
        seconds: float,
        roots: Roots,
        now: datetime,
    ) -> Served:
        with Wire.to(family, address, seconds) as wire:
            if endpoint.starttls != "none":
                start(endpoint.starttls, wire)
            chain, protocol, note = self._handshake(wire, endpoint.sni)
        cards = tuple(card_of(one) for one in chain)
        return Served(text, cards, _trust(chain, cards, roots, now), protocol, note)

    def _handshake(self, wire: Wire, sni: str) -> tuple[list[x509.Certificate], str, str]:
        connection = SSL.Connection(self._shared_context(), None)
        if sni:
            connection.set_tlsext_host_name(sni.encode("ascii"))
        connection.set_connect_state()
        note = ""
        try:
            _shake(connection, wire)
        except LookFailed as error:
            # Who wants a certificate of the client has shown its own before it refuses.
            note = str(error)
            chain = _chain(connection)
            if not chain:
                raise
        else:
            chain = _chain(connection)
        if not chain:
            raise LookFailed("failed", "it showed no certificate")
        return chain, connection.get_protocol_version_name(), note

    def _shared_context(self) -> SSL.Context:
        """Accepts all that can still be spoken: what is too weak is told, not refused. Verifies nothing."""
        with self._lock:
            if self._context is None:
                context = SSL.Context(SSL.TLS_CLIENT_METHOD)
                context.set_verify(SSL.VERIFY_NONE)
                context.set_min_proto_version(SSL.TLS1_VERSION)
                context.set_cipher_list(b"ALL:!aNULL:!eNULL:@SECLEVEL=0")
                context.set_options(_LEGACY_RENEGOTIATION)
                context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
                self._context = context
            return self._context

    def _roots_of(self, file: Path | None) -> Roots:
        with self._lock:
            return self._roots.setdefault(file, Roots(file))


def _trust(chain: list[x509.Certificate], cards: tuple[Card, ...], roots: Roots, now: datetime) -> Trust:
    try:
        return verify(chain, roots, now)
    except LookFailed as error:
        return Trust("unknown", str(error))
    except (ValueError, TypeError):
        return Trust("untrusted", f"the chain of {cards[0].label} cannot be verified: a certificate in it is malformed")


def _addresses(endpoint: Endpoint) -> list[_Address]:
    """Every address that the name stands for, each once. Raises LookFailed for none."""
    family = _FAMILIES[endpoint.family]
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, family, socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise LookFailed("unavailable", f"the name {endpoint.host} stands for no address ({error.strerror})") from None
    except (OSError, UnicodeError, ValueError):
        raise LookFailed("unavailable", f"the name {endpoint.host} cannot be looked up") from None
    addresses: dict[str, _Address] = {}
    for kind, _, _, _, address in found:
        addresses.setdefault(str(address[0]), (kind, address, str(address[0])))
    return list(addresses.values())


def _shake(connection: SSL.Connection, wire: Wire) -> None:
    """The handshake, within the wire's deadline. Raises LookFailed.

    OpenSSL gets its bytes from us: left alone with a socket, it reads for as long as a server sends messages that it
    may pass over (HelloRequest), and knows no deadline.
    """
    taken = 0
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            _send(connection, wire)
        except SSL.ZeroReturnError:
            raise LookFailed("unavailable", "it ended TLS during the handshake") from None
        except SSL.Error as error:
            raise LookFailed("failed", _words(error)) from None
        else:
            _send(connection, wire)
            return
        data = wire.receive("the handshake")
        taken += len(data)
        if not data:
            raise LookFailed("unavailable", "it closed the connection during the handshake")
        if taken > MAX_HANDSHAKE:
            raise LookFailed("failed", f"its handshake has more than {MAX_HANDSHAKE // 1024} KiB")
        connection.bio_write(data)


def _send(connection: SSL.Connection, wire: Wire) -> None:
    """Send what OpenSSL has to say."""
    while True:
        try:
            wire.send(connection.bio_read(16 * 1024))
        except SSL.WantReadError:
            return


def _words(error: SSL.Error) -> str:
    """OpenSSL's own words for what went wrong: constants of the library, nothing of what the server sent."""
    reasons = [str(entry[-1]) for entry in (error.args[0] if error.args else ()) if entry]
    told = ", ".join(dict.fromkeys(reason for reason in reasons if reason)) or "no reason given"
    if any(mark in told for mark in ("wrong version number", "packet length too long", "http request")):
        return f"what it speaks is no TLS ({told})"
    return f"the handshake failed ({told})"


def _chain(connection: SSL.Connection) -> list[x509.Certificate]:
    try:
        return connection.get_peer_cert_chain(as_cryptography=True) or []
    except ValueError:
        raise LookFailed("failed", "it showed a certificate that cannot be read") from None
