"""Listeners of their own for metrics and webhooks: what each serves and does not, and that none starves another."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from daemon.web import AuthSettings, Credential, Listeners, WebDeps, listening
from daemon.web.serving import MAX_CONNECTIONS
from tests.daemon.web.test_http import ask
from tests.daemon.web.world import World, full_world

ANY = "127.0.0.1:0"
TOKEN = {"Authorization": "Bearer token-of-everybody"}
AUTH = AuthSettings((Credential("all", "token-of-everybody", frozenset({"read", "ingest"})),))


async def heard(request: Request) -> Response:
    await request.body()
    return PlainTextResponse("heard")


@pytest.fixture
def deps(tmp_path: Path) -> Iterator[WebDeps]:
    with full_world(tmp_path) as made:
        yield deps_of(made)


def deps_of(made: World) -> WebDeps:
    snapshots = made.snapshots()
    snapshots.refresh()
    hook = Route("/api/v1/events", heard, methods=["POST"])
    return replace(made.deps(snapshots, AUTH), hooks=[hook])


def get(address: str, path: str, method: str = "GET") -> int:
    with httpx.Client(trust_env=False, timeout=20) as client:
        return client.request(method, f"{address}{path}", headers=TOKEN).status_code


PEOPLE, METRICS, HOOKS = ("/", "GET"), ("/metrics", "GET"), ("/api/v1/events", "POST")


def test_each_listener_serves_its_own_and_nothing_else(deps: WebDeps) -> None:
    """Pages, metrics and webhooks are each at one address only; health and readiness are at all three."""
    with listening(deps, Listeners(ANY, ANY, ANY)) as at:
        assert len({at.people, at.metrics, at.webhooks}) == 3
        for address, own in ((at.people, PEOPLE), (at.metrics, METRICS), (at.webhooks, HOOKS)):
            for path, method in (PEOPLE, METRICS, HOOKS):
                assert get(address, path, method) == (200 if (path, method) == own else 404), (address, path)
            assert get(address, "/healthz") == 200
            assert get(address, "/readyz") == 200
            page_only = ["/runs", "/api/v1/runs", "/reports/", "/instances/acme-prod/vpc", "/api/v1/openapi.json"]
            assert {get(address, path) for path in page_only} == {200 if own == PEOPLE else 404}


@pytest.mark.parametrize(("metrics", "webhooks"), [("", ""), (ANY, ""), ("", ANY)])
def test_what_has_no_listener_of_its_own_is_where_people_are(deps: WebDeps, metrics: str, webhooks: str) -> None:
    """One listener alone serves all; one that is set apart takes its own away from it."""
    with listening(deps, Listeners(ANY, metrics, webhooks)) as at:
        assert get(at.people, "/") == 200
        assert get(at.people, "/metrics") == (404 if metrics else 200)
        assert get(at.people, "/api/v1/events", "POST") == (404 if webhooks else 200)
        assert get(at.metrics, "/metrics") == 200
        assert get(at.webhooks, "/api/v1/events", "POST") == 200


TRICKS = [
    b"//metrics", b"/./metrics", b"/x/../metrics", b"/%2fmetrics", b"/metrics.", b"/metrics%00", b"/METRICS",
    b"/metrics;a", b"/%6d%65trics", b"/metrics/", b"/instances/../metrics", b"http://127.0.0.1/metrics",
    b"/metrics%3f", b"/metrics%20",
]  # fmt: skip


@pytest.mark.parametrize("path", TRICKS)
def test_no_spelling_of_a_path_leads_to_another_listener(deps: WebDeps, path: bytes) -> None:
    """What is not served at an address is not there under any of its names."""
    with listening(deps, Listeners(ANY, ANY, ANY)) as at:
        for address in (at.people, at.webhooks):
            request = (
                b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                b"Authorization: Bearer token-of-everybody\r\n\r\n"
            )
            answer = ask(int(address.rpartition(":")[2]), request)
            assert answer.split(b" ")[1] in (b"404", b"400"), (path, answer[:200])
            assert b"barograph_" not in answer


def test_a_port_that_is_taken_names_its_option_and_nothing_is_served(deps: WebDeps) -> None:
    """The first listener does not stay behind when the second cannot be bound."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            people = free.getsockname()[1]
        with (
            pytest.raises(OSError, match=f"web.metrics_listen: 127.0.0.1:{taken} cannot be bound") as caught,
            listening(deps, Listeners(f"127.0.0.1:{people}", f"127.0.0.1:{taken}")),
        ):
            pytest.fail("served without its metrics")
        assert caught.value.errno == errno.EADDRINUSE
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", people))


def test_all_listeners_end_together(deps: WebDeps) -> None:
    """Idle connections at each of three hold the stop up no longer than one would."""
    with ExitStack() as idle:
        with listening(deps, Listeners(ANY, ANY, ANY)) as at:
            ports = [int(address.rpartition(":")[2]) for address in (at.people, at.metrics, at.webhooks)]
            for port in ports:
                idle.enter_context(closing(socket.create_connection(("127.0.0.1", port))))
            begun = time.monotonic()
        assert time.monotonic() - begun < 2.5
        for port in ports:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("web ")]


def test_slow_clients_of_one_listener_starve_no_other(deps: WebDeps) -> None:
    """With every connection of the webhooks taken by clients that never finish, pages and metrics answer at once."""
    begin = (
        b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-of-everybody\r\nContent-Length: 9\r\n"
    )
    with ExitStack() as slow, listening(deps, Listeners(ANY, ANY, ANY)) as at:
        hooks = int(at.webhooks.rpartition(":")[2])
        for number in range(MAX_CONNECTIONS + 10):
            connection = slow.enter_context(closing(socket.create_connection(("127.0.0.1", hooks))))
            connection.sendall(begin + (b"\r\n{" if number % 2 else b""))
        begun = time.monotonic()
        assert get(at.metrics, "/metrics") == 200
        assert get(at.people, "/healthz") == 200
        assert time.monotonic() - begun < 5
