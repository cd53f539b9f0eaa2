"""Sign-in, health, methods, headers, and clients that behave badly."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from daemon.health import Health, why_not_alive, why_not_ready
from daemon.web import AuthSettings, Credential, create_app, serving
from daemon.web.serving import ImpatientProtocol
from tests.daemon.web.world import HOUR, NOW, World, browsing, full_world, reading, world

TOKEN, PASSWORD = "token-of-prometheus", "pass:word with ünïcode"
AUTH = AuthSettings(
    tokens=(Credential("prometheus", TOKEN), Credential("ci", "token-of-ci", frozenset({"ingest"}))),
    logins=(Credential("alice", PASSWORD),),
)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    with full_world(tmp_path) as one:
        yield one


Browser = Callable[..., httpx.Client]


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Serves an application for the length of a test, and gives a client of it that sends these headers."""
    with ExitStack() as stack:

        def opened(app: Starlette, **headers: str) -> httpx.Client:
            return stack.enter_context(browsing(app, **headers))

        yield opened


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


SIGN_IN = [
    ("", 401), (f"Bearer {TOKEN}", 200), (f"bearer {TOKEN}", 200), ("Bearer token-of-ci", 403), ("Bearer wrong", 401),
    ("Bearer", 401), (f"Token {TOKEN}", 401), (basic("alice", PASSWORD), 200), (basic("alice", "wrong"), 401),
    (basic("bob", PASSWORD), 401), (basic("alice", ""), 401), (basic("prometheus", TOKEN), 401), ("Basic !!!", 401),
    ("Basic " + base64.b64encode(b"\xff\xfe").decode(), 401), ("Basic " + base64.b64encode(b"alice").decode(), 401),
    (f"Bearer {PASSWORD.partition(':')[0]}", 401),
]  # fmt: skip


@pytest.mark.parametrize(("header", "status"), SIGN_IN)
def test_who_gets_in(made: World, header: str, status: int, browser: Browser) -> None:
    """The whole table of credentials, at every path that needs one; health is open to everybody."""
    snapshots = made.snapshots()
    snapshots.refresh()
    client = browser(create_app(made.deps(snapshots, AUTH)), **({"Authorization": header} if header else {}))
    for path in ("/", "/metrics", *(["/readyz"] if header else []), "/instances/acme-prod/network", "/incidents/v1:a"):
        answer = client.get(path)
        assert answer.status_code == status, path
        if status == 401:
            assert (
                answer.headers["WWW-Authenticate"]
                == 'Basic realm="Barograph", charset="UTF-8", Bearer realm="Barograph"'
            )
            assert "acme" not in answer.text
    assert client.get("/healthz").status_code == 200
    assert client.get("/nowhere").status_code == (404 if status == 200 else status)


def test_a_probe_that_cannot_sign_in_is_told_whether_and_not_why(made: World, browser: Browser) -> None:
    """A kubelet has no token: it gets the status alone. Who signs in gets the reasons too."""
    made.health = replace(made.health, inventory_loaded_at=None)
    app = create_app(made.deps(None, AUTH))
    answer = browser(app).get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    known = browser(app, Authorization=f"Bearer {TOKEN}").get("/readyz")
    assert known.status_code == 503
    assert "the inventory is not loaded" in known.json()["reasons"]
    assert browser(app, Authorization="Bearer wrong").get("/readyz").status_code == 401


def test_secrets_never_print() -> None:
    """Neither token nor password is in the text of the settings."""
    assert TOKEN not in repr(AUTH)
    assert PASSWORD not in repr(AUTH)


def test_without_sign_in_only_this_machine_is_answered(made: World, browser: Browser) -> None:
    """A page of somebody else that points its own name here gets nothing; the public address does."""
    app = create_app(replace(made.deps(), public_url="https://watch.example:8443/"))
    for host, status in (("127.0.0.1:9877", 200), ("localhost", 200), ("[::1]:80", 200), ("watch.example", 200),
                         ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421)):  # fmt: skip
        assert browser(app, Host=host).get("/").status_code == status, host
    assert browser(app, Host="evil.example").get("/healthz").status_code == 200


@pytest.mark.parametrize("host", [b"", b":80", b"[::1]evil.example", b"localhost@evil.example"])
def test_no_name_is_not_the_name_of_this_machine(made: World, host: bytes) -> None:
    """Without a public address the empty name is nobody's, and half an address is no address."""
    with serving(create_app(made.deps())) as port:
        answer = ask(port, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 421 ")


def test_a_credential_that_is_no_text_is_refused(made: World) -> None:
    """Bytes that are no ASCII prove nothing, and are no fault that fills the log."""
    for proof in (b"Basic \xe9\xff", b"Bearer \xe9\xff", b"Basic /////w=="):
        with serving(create_app(made.deps(None, AUTH))) as port:
            request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + proof + b"\r\n\r\n"
            assert ask(port, request).startswith(b"HTTP/1.1 401 "), proof


def test_metrics_that_stand_still_make_it_useless(made: World, browser: Browser) -> None:
    """Old numbers look like any others: readiness says that nobody renews them."""
    snapshots = made.snapshots()
    snapshots.refresh()
    client = browser(create_app(made.deps(snapshots)))
    assert client.get("/readyz").json()["reasons"] == []
    made.now += timedelta(seconds=90)
    made.health = replace(made.health, scheduler_beat=made.now)
    assert client.get("/readyz").json()["reasons"] == ["the metrics are 90 s old"]


def test_methods_and_missing_pages(made: World, browser: Browser) -> None:
    """HEAD has no body, other methods are refused with Allow, what is not there is a page that says so."""
    client = browser(create_app(made.deps()))
    head = client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    refused = client.post("/")
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD"}
    for path in ("/nowhere", "/instances/acme-prod/nothing", "/incidents/v1:none", "/instances/"):
        missing = client.get(path)
        assert missing.status_code == 404
        assert "There is no such page" in missing.text


def test_every_answer_keeps_browsers_quiet(made: World, browser: Browser) -> None:
    """Policy, type and cache headers are on every answer, and no answer says what software it is."""
    snapshots = made.snapshots()
    snapshots.refresh()
    client = browser(create_app(made.deps(snapshots)))
    for path in ("/", "/metrics", "/healthz", "/readyz", "/nowhere"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "server" not in headers


def test_metrics_come_in_the_format_that_is_asked_for(made: World, browser: Browser) -> None:
    """Cached bytes as text, or OpenMetrics to those who accept it; 503 before the first snapshot."""
    snapshots = made.snapshots()
    client = browser(create_app(made.deps(snapshots)))
    assert client.get("/metrics").status_code == 503
    kept = snapshots.refresh()
    made.store.close()  # a scrape does not touch the store
    text = client.get("/metrics")
    assert (text.content, text.headers["content-type"]) == (kept.text, "text/plain; version=0.0.4; charset=utf-8")
    accept = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5"
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.content == kept.openmetrics
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")


def test_a_store_that_cannot_be_read_is_told(made: World, browser: Browser) -> None:
    """Pages and readiness answer 503 with the reason; liveness and metrics do not depend on it."""
    client = browser(create_app(made.deps()))
    made.store.close()
    page, ready = client.get("/"), client.get("/readyz")
    assert (page.status_code, ready.status_code) == (503, 503)
    assert "the store is closed" in page.text
    assert "the store is closed" in ready.json()["reasons"][0]
    assert client.get("/healthz").status_code == 200


def test_a_bug_tells_nothing(made: World, browser: Browser) -> None:
    """An exception gives a page without its text; the secret in it stays inside."""

    def broken() -> Health:
        raise RuntimeError("secret-in-exception")

    answer = browser(create_app(replace(made.deps(), health=broken))).get("/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "secret-in-exception" not in answer.text
    assert "Traceback" not in answer.text


def test_alive_is_a_beating_scheduler(made: World, browser: Browser) -> None:
    """Alive while the scheduler beats, or has just been started; not when it has stopped."""
    client = browser(create_app(made.deps()))
    assert client.get("/healthz").json() == {"alive": True}
    made.health = replace(made.health, scheduler_beat=None, started_at=NOW)
    assert client.get("/healthz").status_code == 200
    made.now += timedelta(seconds=61)
    assert client.get("/healthz").status_code == 503
    assert why_not_alive(made.health, made.now) == ["the scheduler has not beaten for 61 s"]


UNREADY: list[tuple[dict[str, Any], str]] = [
    ({"store_open": False}, "the store is closed"),
    ({"scheduler_beat": None}, "the scheduler has not started"),
    ({"inventory_loaded_at": None}, "the inventory is not loaded"),
    ({"delivery_troubles": ("Slack refuses the token",)}, "Slack refuses the token"),
]


@pytest.mark.parametrize(("change", "reason"), UNREADY)
def test_what_makes_it_useless(made: World, change: dict[str, Any], reason: str, browser: Browser) -> None:
    """Each reason alone makes it not ready, and is told."""
    client = browser(create_app(made.deps()))
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": []})
    made.health = replace(made.health, **change)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert any(reason in each for each in answer.json()["reasons"])


def test_overdue_jobs_and_waiting_messages_make_it_useless(tmp_path: Path) -> None:
    """A look missing for a whole period counts, unless it runs now; so does a message that waits for ten minutes."""
    with world(tmp_path) as made:
        made.look("vpc", reading("acme-prod/vpc"), ago=timedelta(0))
        jobs = made.store.jobs()
        late = NOW + 2 * HOUR + timedelta(seconds=1)
        fresh = replace(made.health, scheduler_beat=late)
        assert why_not_ready(fresh, jobs, {}, NOW + HOUR + timedelta(minutes=59)) == []
        assert why_not_ready(fresh, jobs, {}, late) == ["1 jobs are overdue, drift at acme-prod/vpc among them"]
        assert why_not_ready(replace(fresh, running=frozenset({("drift", "acme-prod/vpc")})), jobs, {}, late) == []
        watched = {("drift", "acme-prod/network"): {"stack": "acme-prod"}}
        assert why_not_ready(replace(fresh, expected=watched), jobs, {}, late) == [], "it is left out of the inventory"
        waiting = {"C1": (3, NOW - timedelta(minutes=11))}
        beating = replace(made.health, scheduler_beat=NOW)
        assert why_not_ready(beating, [], waiting, NOW) == ["3 messages wait for C1, the oldest for 11 minutes"]


def ask(port: int, request: bytes) -> bytes:
    """Send bytes and read until the server hangs up."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer


def test_serving_starts_and_stops_at_once(made: World) -> None:
    """It answers as soon as it is entered, without naming itself, and the port is free within two seconds after."""
    with serving(create_app(made.deps())) as port:
        answer = ask(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"\r\nserver:" not in answer.lower()
        assert json.loads(answer.split(b"\r\n\r\n")[1]) == {"alive": True}
        idle = socket.create_connection(("127.0.0.1", port))
        begun = time.monotonic()
    took = time.monotonic() - begun
    idle.close()
    assert took < 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_that_is_taken_is_said(made: World) -> None:
    """A second server on the port fails with the address in its message."""
    with serving(create_app(made.deps())) as port:  # noqa: SIM117 - the second needs the first one's port
        with (
            pytest.raises(OSError, match=f"127.0.0.1:{port} cannot be bound"),
            serving(create_app(made.deps()), port=port),
        ):
            pytest.fail("served twice")


def test_big_headers_are_refused(made: World) -> None:
    """A header that goes on for ever ends with an error, not with memory."""
    with serving(create_app(made.deps())) as port:
        try:
            answer = ask(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n")
        except (ConnectionResetError, BrokenPipeError):
            answer = b""  # it hung up before reading all of it, which is as good
        assert not answer.startswith(b"HTTP/1.1 200")
        assert ask(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_slow_clients_are_hung_up_on(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not finish a request in time is hung up on, at the first request and at a later one."""
    monkeypatch.setattr(ImpatientProtocol, "request_seconds", 0.3)
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(create_app(made.deps())) as port:
        assert ask(port, b"") == b""
        assert ask(port, b"GET / HTTP/1.1\r\nHost:") == b""
        with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
            connection.sendall(whole)
            answer = b""
            while not answer.endswith(b'{"alive":true}'):
                answer += connection.recv(65_536)
            connection.sendall(b"GET / HTTP/1.1\r\n")
            assert connection.recv(65_536) == b""
