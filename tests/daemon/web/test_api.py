"""The API over real HTTP: who may do what, what is refused, and that a browser cannot be made to do it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerts.base import IncidentState
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Tier
from daemon.desk import Desk
from daemon.web import AuthSettings, Credential, create_app
from tests.daemon.web.world import NOW, World, browsing, world

POLICY = Policy(routes=Routes("C1"))
AUTH = AuthSettings(
    tokens=(
        Credential("reader", "token-of-a-reader", frozenset({"read"})),
        Credential("oncall", "token-of-oncall", frozenset({"read", "acknowledge"})),
        Credential("bot", "token-of-a-bot", frozenset({"acknowledge"})),
    ),
    logins=(Credential("anna", "password-of-anna", frozenset({"read", "acknowledge"})),),
)
ACK = "/api/v1/incidents/v1:a/ack"
ONCALL = {"Authorization": "Bearer token-of-oncall"}


@contextmanager
def serving(folder: Path, auth: AuthSettings = AUTH) -> Iterator[tuple[World, httpx.Client]]:
    """A world with one warning and one critical incident, and a client that has not signed in."""
    with world(folder) as made:
        made.incident("v1:a")
        made.incident("v1:b", tier=Tier.CRITICAL, summary="Port 22 is open")
        desk = Desk(made.store, POLICY, made.clock)
        with browsing(create_app(replace(made.deps(auth=auth), desk=desk))) as client:
            yield made, client


def post(client: httpx.Client, path: str, body: Any = None, **headers: str) -> httpx.Response:
    return client.post(path, json={} if body is None else body, headers={**ONCALL, **headers})


def test_acknowledging_over_http_is_once_and_on_record(tmp_path: Path) -> None:
    """The answer says what was changed; again, that nothing was; who did it is in the audit trail."""
    with serving(tmp_path) as (made, client):
        first = post(client, ACK, {"for": "8h", "by": "anna\nof\tops"})
        again = post(client, ACK)

        assert (first.status_code, first.json()["changed"]) == (200, True)
        assert first.json()["text"] == (
            "acknowledged by anna of ops, signed in as oncall (HTTP), until 2026-03-01 17:00 UTC"
        )
        assert (again.status_code, again.json()["changed"]) == (200, False)
        shown = client.get("/api/v1/incidents/v1:a", headers=ONCALL).json()
        assert shown["state"] == "acknowledged"
        assert shown["acknowledged_until"] == "2026-03-01T17:00:00Z"
        assert [fact["action"] for fact in shown["transitions"]] == ["open", "acknowledge"]
        with made.store.read() as view:
            assert [(line.who, line.action) for line in view.audit()] == [
                ("anna of ops, signed in as oncall (HTTP)", "acknowledge")
            ]


@pytest.mark.parametrize(
    ("headers", "reads", "acts"),
    [
        ({}, 401, 401),
        ({"Authorization": "Bearer token-of-a-reader"}, 200, 403),
        ({"Authorization": "Bearer token-of-a-bot"}, 403, 200),
        (ONCALL, 200, 200),
        ({"Authorization": "Bearer wrong"}, 401, 401),
    ],
)
def test_reading_and_acting_need_their_own_scopes(
    tmp_path: Path, headers: dict[str, str], reads: int, acts: int
) -> None:
    """A token that may read acknowledges nothing."""
    with serving(tmp_path) as (made, client):
        assert client.get("/api/v1/incidents", headers=headers).status_code == reads
        assert client.post(ACK, json={}, headers=headers).status_code == acts
        assert client.request("DELETE", "/api/v1/silences/x", json={}, headers=headers).status_code in (acts, 404)
        state = made.store.incidents()[0].state if acts != 200 else None
        assert state in (None, IncidentState.OPEN)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_a_page_of_another_site_cannot_make_a_browser_act(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    """A browser sends the password it remembers along with anything: what a foreign page can send is refused."""
    with serving(tmp_path) as (made, client):
        sent = {"Content-Type": "application/json", **headers}
        answer = client.post(ACK, content=b"{}", headers=sent, auth=("anna", "password-of-anna"))

        assert answer.status_code == status
        assert "access-control-allow-origin" not in answer.headers
        found = {each.fingerprint: each.state for each in made.store.incidents()}
        assert (found["v1:a"] is IncidentState.ACKNOWLEDGED) == (status == 200)


def test_a_preflight_of_a_browser_is_not_answered(tmp_path: Path) -> None:
    """So a foreign page may not send JSON."""
    with serving(tmp_path, AuthSettings()) as (_, client):
        answer = client.options(ACK, headers={
            "Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        })  # fmt: skip
        assert answer.status_code == 405
        assert not any(name.startswith("access-control") for name in answer.headers)
        assert client.post(ACK, json={}, headers={"Host": "evil.example"}).status_code == 421
        assert client.post(ACK, json={}).json()["text"].startswith("acknowledged by somebody (HTTP)")


@pytest.mark.parametrize(
    ("path", "body", "status", "why"),
    [
        (ACK, {"for": "soon"}, 400, "for must be a duration"),
        (ACK, {"for": 3}, 400, "for must be a duration"),
        (ACK, {"for": "60d"}, 409, "30 days"),
        (ACK, {"until": "x"}, 400, "until is not known here"),
        (ACK, {"by": 7}, 400, "by must be a text"),
        (ACK, [], 400, "send a JSON object"),
        ("/api/v1/incidents/v1:none/ack", {}, 404, "there is no incident v1:none"),
        ("/api/v1/incidents/v1:a/explode", {}, 404, "an incident takes ack, silence, unsilence, diff"),
        ("/api/v1/incidents/v1:a/silence", {"for": "1h"}, 400, "reason is missing"),
        ("/api/v1/incidents/v1:a/unsilence", {}, 200, "it is not silenced"),
        ("/api/v1/silences", {"for": "1h", "reason": "x"}, 400, "matcher must be an object"),
        ("/api/v1/silences", {"matcher": {"stacks": "a"}, "reason": "x"}, 400, "for is missing"),
        ("/api/v1/silences", {"matcher": {}, "for": "1h", "reason": "x"}, 409, "what it is for"),
        ("/api/v1/silences", {"matcher": {"stacks": ["a"]}, "for": "31d", "reason": "x"}, 409, "30 days"),
        ("/api/v1/silences", {"matcher": {"planets": "a"}, "for": "1h", "reason": "x"}, 400, "planets is not known"),
        ("/api/v1/silences", {"matcher": {"kinds": ["x"]}, "for": "1h", "reason": "x"}, 400, "there is no kind among"),
        ("/api/v1/silences", {"matcher": {"stacks": [1]}, "for": "1h", "reason": "x"}, 400, "must be a list of texts"),
        ("/api/v1/silences", {"matcher": {"stacks": ["x" * 501]}, "for": "1h", "reason": "x"}, 400, "at most"),
        ("/api/v1/silences", {"matcher": {"stacks": "a"}, "for": "1h", "reason": "x", "starts_at": "1"}, 400, "zone"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_told_why_and_changes_nothing(
    tmp_path: Path, path: str, body: Any, status: int, why: str
) -> None:
    """In one sentence, with what to do."""
    with serving(tmp_path) as (made, client):
        answer = post(client, path, body)

        assert answer.status_code == status
        assert why in (answer.json().get("error") or answer.json()["text"])
        with made.store.read() as view:
            assert view.audit() == []


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 5_000, b'{"for": 1e999}'])
def test_what_is_no_json_is_told_so(tmp_path: Path, content: bytes) -> None:
    """No bytes make it fail."""
    with serving(tmp_path) as (_, client):
        sent = client.post(ACK, content=content, headers={**ONCALL, "Content-Type": "application/json"})
        assert sent.status_code == 400


def test_a_body_without_end_is_refused(tmp_path: Path) -> None:
    """Nobody fills the memory."""
    with serving(tmp_path) as (_, client):
        answer = client.post(ACK, content=b" " * 70_000, headers={**ONCALL, "Content-Type": "application/json"})
        assert answer.status_code == 413


def test_a_silence_is_made_listed_and_ended(tmp_path: Path) -> None:
    """With author, reason and end; its end by hand is on record too."""
    with serving(tmp_path) as (made, client):
        body = {"matcher": {"stacks": ["acme-*"], "tiers": "warning"}, "for": "4h", "reason": "moving"}
        silence = post(client, "/api/v1/silences", body).json()["silence"]
        assert silence["matcher"] == {"stacks": ["acme-*"], "tiers": ["warning"]}
        assert (silence["author"], silence["ends_at"]) == ("oncall (HTTP)", "2026-03-01T13:00:00Z")
        assert client.get("/api/v1/silences", headers=ONCALL).json()["silences"] == [silence]
        path = f"/api/v1/silences/{silence['id']}"
        assert client.request("DELETE", path, json={}, headers=ONCALL).json()["changed"]
        assert client.request("DELETE", path, json={}, headers=ONCALL).status_code == 404
        (ended,) = client.get("/api/v1/silences", headers=ONCALL).json()["silences"]
        assert (ended["removed_by"], ended["removed_at"]) == ("oncall (HTTP)", "2026-03-01T09:00:00Z")
        with made.store.read() as view:
            assert [line.action for line in view.audit()] == ["silence.remove", "silence.create"]


def test_one_incident_is_silenced_shown_and_seen_again(tmp_path: Path) -> None:
    """Its page and the API say what hides it."""
    with serving(tmp_path) as (made, client):
        done = post(client, "/api/v1/incidents/v1:b/silence", {"for": "4h", "reason": "<script>"})
        assert done.json()["changed"]
        page = client.get("/incidents/v1:b", headers=ONCALL).text
        assert "silenced until 2026-03-01 13:00 UTC by oncall (HTTP): &lt;script&gt;" in page
        assert "1 silenced: not posted" in client.get("/", headers=ONCALL).text
        assert post(client, "/api/v1/incidents/v1:b/unsilence").json()["changed"]
        assert post(client, "/api/v1/incidents/v1:b/diff").json()["changed"]
        assert not made.store.incident("v1:b").silence  # type: ignore[union-attr]  # it is there


def test_incidents_are_listed_by_state(tmp_path: Path) -> None:
    """The live ones if nothing is said."""
    with serving(tmp_path) as (made, client):
        made.incident("v1:c", state=IncidentState.RESOLVED, resolved_at=NOW)

        def listed(query: str) -> set[str]:
            found = client.get(f"/api/v1/incidents{query}", headers=ONCALL).json()
            return {each["fingerprint"] for each in found["incidents"]}

        assert listed("") == {"v1:a", "v1:b"}
        assert listed("?state=resolved") == {"v1:c"}
        assert listed("?state=resolved&state=open") == {"v1:a", "v1:b", "v1:c"}
        assert client.get("/api/v1/incidents?state=lost", headers=ONCALL).status_code == 400
        assert client.get("/api/v1/incidents/v1:none", headers=ONCALL).status_code == 404


def test_a_store_that_cannot_write_is_told(tmp_path: Path) -> None:
    """Nothing was stored, and the answer says so."""
    with serving(tmp_path) as (made, client):
        made.store.close()
        answer = post(client, ACK)
        assert answer.status_code == 503
        assert "nothing was stored" in answer.json()["error"]
