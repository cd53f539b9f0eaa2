from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerts.sinks.pagerduty_hook import is_signed
from daemon import web
from daemon.metrics.snapshot import Snapshot
from daemon.store import Store
from daemon.web.webhooks import PAGERDUTY, PagerDutyHook

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEW, OLD = "the-new-secret", "the-old-secret"
KEY = "v1:0123456789abcdef0123456789abcdef"


def event(kind: str = "incident.acknowledged", number: str = "01EV1", by: str = "user_reference", **more: Any) -> bytes:
    """An event as PagerDuty's documentation shows it."""
    return json.dumps(
        {
            "event": {
                "id": number, "event_type": kind, "resource_type": "incident",
                "occurred_at": "2026-03-02T08:59:30.000Z",
                "agent": {"id": "PXPGF42", "type": by, "summary": "Earline Greenholt", "html_url": "https://x"},
                "client": None,
                "data": {"id": "PT4KHLK", "type": "incident", "number": 1, "status": "acknowledged",
                         "incident_key": KEY, "title": "drift"},
                **more,
            }
        }
    ).encode()  # fmt: skip


def signed(body: bytes, *secrets: str) -> dict[str, str]:
    made = [f"v1={hmac.new(s.encode(), body, hashlib.sha256).hexdigest()}" for s in secrets]
    return {"X-PagerDuty-Signature": ",".join(made), "Content-Type": "application/json"}


class Here:
    """The web server with the hook, and what was acknowledged by it."""

    def __init__(self, path: Path) -> None:
        self.now = NOW
        self.acknowledged: list[tuple[str, str]] = []
        self.times: list[datetime] = []
        self.store = Store.open(path / "barograph.db", lambda: self.now)
        hook = PagerDutyHook((NEW, OLD), self.acknowledge, self.store, lambda: self.now)
        auth = web.AuthSettings(tokens=(web.Credential("someone", "a-token-of-somebody"),))
        deps = web.WebDeps(
            store=self.store, snapshot=lambda: Snapshot(b"", b""), health=lambda: pytest.fail("not asked"),
            clock=lambda: self.now, auth=auth, hooks=hook.routes(),
        )  # fmt: skip
        self._serving = web.serving(web.create_app(deps))
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self._serving.__enter__()}", trust_env=False)

    def close(self) -> None:
        self.client.close()
        self._serving.__exit__(None, None, None)
        self.store.close()

    def acknowledge(self, fingerprint: str, who: str, at: datetime) -> None:
        self.acknowledged.append((fingerprint, who))
        self.times.append(at)

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        return int(self.client.post(PAGERDUTY, content=body, headers=headers).status_code)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    made = Here(tmp_path)
    yield made
    made.close()


def test_an_acknowledgement_there_is_one_here_once(here: Here) -> None:
    """Without sign-in, by signature; a repeat changes nothing, over a restart too."""
    body = event()
    assert [here.post(body, signed(body, NEW)) for _ in range(3)] == [200] * 3
    assert here.acknowledged == [(KEY, "Earline Greenholt (PagerDuty)")]
    assert here.times == [NOW - timedelta(seconds=30)]


def test_a_resolving_there_is_an_acknowledgement_here(here: Here) -> None:
    """Only a look says that a thing is over."""
    body = event("incident.resolved")
    assert here.post(body, signed(body, NEW)) == 200
    assert [key for key, _ in here.acknowledged] == [KEY]


def test_who_sends_no_event_is_not_waited_for(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has signed in yet: a connection whose body never comes is answered and free again."""
    monkeypatch.setattr("daemon.web.sent.BODY_SECONDS", 0.2)
    url = here.client.base_url
    with closing(socket.create_connection((url.host, url.port or 0), timeout=10)) as connection:
        connection.sendall(f"POST {PAGERDUTY} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 408")
    assert here.acknowledged == []


@pytest.mark.parametrize(
    "body",
    [event("incident.triggered"), event("incident.acknowledged", by="service_reference"), event("pagey.ping"),
     event(data={"id": "x"}), event(data=None), event(agent=None)],
)  # fmt: skip
def test_what_asks_nothing_of_us_does_nothing(here: Here, body: bytes) -> None:
    """Our own events that come back, pings, other kinds."""
    assert here.post(body, signed(body, NEW)) == 200
    assert here.acknowledged == []


def test_secrets_can_be_replaced_on_both_sides(here: Here) -> None:
    """One of several signatures, made with one of our secrets, is enough."""
    for number, secrets in enumerate([(OLD,), ("other", NEW), (NEW, OLD)]):
        body = event(number=f"e{number}")
        assert here.post(body, signed(body, *secrets)) == 200
    assert len(here.acknowledged) == 3


@pytest.mark.parametrize(
    "header",
    ["", "v1=", "v1=00", "v0=x", "v1=" + "é" * 3, ",".join(["v1=aa"] * 1000)],
)
def test_what_is_not_signed_is_refused(here: Here, header: str) -> None:
    """Whatever stands in the header."""
    body = event()
    assert (
        here.client.post(PAGERDUTY, content=body, headers=[(b"X-PagerDuty-Signature", header.encode())]).status_code
        == 401
    )
    assert here.acknowledged == []


def test_a_body_that_was_changed_is_refused(here: Here) -> None:
    """The signature is of every byte."""
    body = event()
    assert here.post(body.replace(b"PT4KHLK", b"PT4KHLL"), signed(body, NEW)) == 401


def test_an_empty_secret_opens_nothing() -> None:
    """Else everybody could sign."""
    body = event()
    assert not is_signed(("",), signed(body, "")["X-PagerDuty-Signature"], body)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"event": 1}', b"\xff", event(id=1), event(occurred_at="now")])
def test_what_is_no_event_is_refused_though_signed(here: Here, body: bytes) -> None:
    """In plain words, without a traceback."""
    assert here.post(body, signed(body, NEW)) == 400


def test_an_old_event_is_a_replay(here: Here) -> None:
    """Its id may be forgotten by then."""
    here.now = NOW + timedelta(days=8)
    body = event()
    assert here.post(body, signed(body, NEW)) == 400


def test_too_much_is_refused_and_nothing_else_is_opened(here: Here) -> None:
    """The webhook's address takes POST only; every other page still wants sign-in."""
    assert here.post(b"x" * 300_000, {}) == 413
    assert here.client.get(PAGERDUTY).status_code == 405
    assert here.client.get("/").status_code == 401
    assert here.client.post(f"{PAGERDUTY}/x").status_code == 401


def test_names_from_there_are_data(here: Here) -> None:
    """One line, no secret, of bounded length."""
    agent = {"type": "user_reference", "summary": "A\nB AKIAIOSFODNN7EXAMPLE " + "x" * 500}
    body = event(agent=agent)
    here.post(body, signed(body, NEW))
    ((_, who),) = here.acknowledged
    assert re.fullmatch(r"A B \(secret removed\) x+ \(PagerDuty\)", who)
    assert len(who) < 120
