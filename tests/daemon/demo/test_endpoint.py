"""The demo's web shop: a real TLS endpoint, whose certificate can be exchanged."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.demo.endpoint import HOST, NAME, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop that is open."""
    found = Shop(tmp_path / "shop")
    found.start()
    yield found
    found.close()


def _left(shop: Shop) -> timedelta:
    """How long the certificate is good for that a client is shown, who trusts the shop's authority alone."""
    context = ssl.create_default_context(cafile=str(shop.roots))
    with (
        socket.create_connection((HOST, shop.port), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=NAME) as served,
    ):
        shown = served.getpeercert()
    assert shown is not None
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    return ends - datetime.now(UTC)


def test_it_serves_what_it_is_told_to(shop: Shop) -> None:
    """Trusted and named rightly from the start; a certificate put back is shown to the next client."""
    assert timedelta(days=79) < _left(shop) <= timedelta(days=80)
    shop.serve(timedelta(days=3))
    assert timedelta(days=2) < _left(shop) <= timedelta(days=3)


def test_who_says_nothing_keeps_nobody_waiting_for_long(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that hangs is let go of after the time for a handshake, and the next one is served."""
    monkeypatch.setattr("daemon.demo.endpoint._SECONDS", 0.2)
    with socket.create_connection((HOST, shop.port), timeout=10):
        assert _left(shop) > timedelta(0)


def test_closed_it_leaves_no_thread(tmp_path: Path) -> None:
    """Its port is free, and nobody listens any more."""
    shop = Shop(tmp_path / "shop")
    shop.start()
    port = shop.port
    [thread] = [one for one in threading.enumerate() if one.name == "demo-shop"]
    shop.close()
    thread.join(10)
    assert not thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port), timeout=10)
