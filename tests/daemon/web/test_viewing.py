"""A viewer sees how everything stands, and no value anywhere: every route is walked with a canary in every text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from checks import discover
from checks.base import Scope
from daemon.web import AuthSettings, Credential, create_app
from daemon.web.viewing import PLAIN, bare, quotes
from daemon.web.webhooks import GITHUB, PAGERDUTY
from tests.daemon.executions.world import RUN
from tests.daemon.web.whole import whole_world
from tests.daemon.web.world import browsing

CANARY = "canary-7f3a"
AUTH = AuthSettings(
    tokens=(
        Credential("viewer", "token-of-a-viewer", frozenset({"view"})),
        Credential("on call", "token-of-a-viewer-on-call", frozenset({"view", "acknowledge"})),
        Credential("reader", "token-of-a-reader", frozenset({"read"})),
        Credential("nobody", "token-of-nobody", frozenset()),
        Credential("all", "token-of-everybody", frozenset({"read", "acknowledge", "ingest", "approve", "admin"})),
    ),
)
VALUES = {"place": "acme-prod/network", "fingerprint": "v1:a", "run": RUN, "id": "x", "verb": "ack", "name": "2026-W09",
          "action": "start"}  # fmt: skip
OPEN = {"/healthz"}
PROVE_THEMSELVES = {PAGERDUTY, GITHUB}  # by a signature over the body


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """Everything Barograph can show, with the canary wherever a value of an attribute could be."""
    with whole_world(tmp_path_factory.mktemp("whole"), CANARY, AUTH) as (_, deps):
        yield create_app(deps)


@pytest.fixture(scope="module")
def client(app: Starlette) -> Iterator[httpx.Client]:
    with ExitStack() as stack:
        yield stack.enter_context(browsing(app))


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: quote(VALUES[found[1]], safe="/:"), path)


def asked(app: Starlette, client: httpx.Client) -> list[tuple[str, str]]:
    """(method, address) of every route of the application and of the OpenAPI document."""
    found = {
        (method, filled(route.path))
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    document = client.get("/api/v1/openapi.json", headers=bearer("token-of-a-viewer")).json()
    found |= {(method.upper(), filled(path)) for path, methods in document["paths"].items() for method in methods}
    for form in ("html", "csv", "json"):
        found.add(("GET", f"/reports/compliance?from=2026-02-01&to=2026-03-01&format={form}"))
    for form in (".json", ".csv", ".zip"):
        found.add(("GET", f"/reports/2026-W09{form}"))
    more = (
        "/?show=all", "/?q=network", "/?stack=acme-prod", "/instances/acme-prod/vpc", "/instances/acme-prod/dns",
        "/incidents/v1:b", "/incidents/v1:c", "/runs?state=running", "/api/v1/incidents/v1:b",
        "/api/v1/incidents/v1:c", "/api/v1/runs?place=acme-prod",
    )  # fmt: skip
    return sorted(found | {("GET", address) for address in more})


def test_a_viewer_finds_no_value_at_any_address(app: Starlette, client: httpx.Client) -> None:
    """Every page, every form, every answer of the API: no canary for viewers, and for readers it is there."""
    seen_by_readers, shown = set(), set()
    for method, address in asked(app, client):
        for token in ("token-of-a-viewer", "token-of-a-viewer-on-call"):
            answer = client.request(method, address, headers=bearer(token), json={} if method == "POST" else None)
            assert CANARY not in answer.text, (method, address)
            assert CANARY not in json.dumps(dict(answer.headers)), (method, address)
            if answer.status_code == 200 and method == "GET":
                shown.add(address)
        if method == "GET" and CANARY in client.get(address, headers=bearer("token-of-a-reader")).text:
            seen_by_readers.add(address)
    assert {"/", "/instances/acme-prod/network", "/incidents/v1:a", f"/runs/{RUN}", "/api/v1/incidents",
            "/api/v1/incidents/v1:a", f"/api/v1/runs/{RUN}"} <= shown & seen_by_readers  # fmt: skip
    assert {"/reports/2026-W09", "/reports/2026-W09.csv", "/reports/", "/api/v1/approvals"} <= seen_by_readers - shown


def test_readers_see_what_a_plan_does_and_viewers_do_not(client: httpx.Client) -> None:
    """The impact that a run told of is among what the walk above would find."""
    for path in (f"/runs/{RUN}", f"/api/v1/runs/{RUN}"):
        assert "aws_vpc.n" in client.get(path, headers=bearer("token-of-a-reader")).text
        assert "aws_vpc.n" not in client.get(path, headers=bearer("token-of-a-viewer")).text


def test_every_address_needs_a_scope(app: Starlette, client: httpx.Client) -> None:
    """Nothing but health is open: not without a token, not with a wrong one, not with one that allows nothing.

    Readiness says whether, and not why, to who brings no token at all.
    """
    addresses = asked(app, client)
    assert len(addresses) > 40
    for method, address in addresses:
        path = address.partition("?")[0]
        for headers, refusal in (({}, 401), (bearer("wrong"), 401), (bearer("token-of-nobody"), 403)):
            answer = client.request(method, address, headers=headers)
            if path == "/readyz" and not headers and method in ("GET", "HEAD"):
                assert answer.status_code in (200, 503)
                assert "reasons" not in answer.text
                continue
            status = answer.status_code
            expected = 200 if path in OPEN else 401 if path in PROVE_THEMSELVES else refusal
            assert status == (405 if path in PROVE_THEMSELVES and method != "POST" else expected), (method, address)


def test_the_document_says_what_is_asked_for(app: Starlette, client: httpx.Client) -> None:
    """A token with one of the scopes that the document names is not refused; one with all others is."""
    document = client.get("/api/v1/openapi.json", headers=bearer("token-of-a-viewer")).json()
    tokens = {"view": "token-of-a-viewer", "read": "token-of-a-reader"}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["x-scopes"], (method, path)
            for scope, token in tokens.items():
                status = client.request(method, filled(path), headers=bearer(token)).status_code
                assert (status == 403) == (scope not in operation["x-scopes"]), (method, path, scope)


def test_who_may_acknowledge_and_not_read_has_no_difference_shown(client: httpx.Client) -> None:
    """A viewer on call acknowledges; that the difference goes to Slack is for those who may read it."""
    here = bearer("token-of-a-viewer-on-call")
    assert client.post("/api/v1/incidents/v1:c/diff", json={}, headers=here).status_code == 403
    assert client.post("/api/v1/incidents/v1:c/ack", json={}, headers=here).json()["changed"]
    assert client.post("/api/v1/incidents/v1:c/diff", json={}, headers=bearer("token-of-everybody")).status_code == 200


def test_a_viewer_still_sees_how_things_stand(client: httpx.Client) -> None:
    """Verdict, tier, where, since, how many resources, and their addresses; and no link leads to what is refused."""
    here = bearer("token-of-a-viewer")
    page = client.get("/incidents/v1:a", headers=here).text
    for piece in ("critical", "drift: 1 resource", "acme-prod/network", "aws_s3_bucket.a", "@net"):
        assert piece in page
    run = client.get(f"/runs/{RUN}", headers=here).text
    for piece in ("deploy", "apply", "anna", "not to viewers"):
        assert piece in run
    for path in ("/", "/incidents/v1:a", "/instances/acme-prod/network", "/runs", f"/runs/{RUN}"):
        for link in re.findall(r'href="(/[^"]*)"', client.get(path, headers=here).text):
            assert client.get(link.replace("&amp;", "&"), headers=here).status_code in (200, 503), (path, link)


def test_checks_that_plan_or_read_code_are_never_taken_for_plain() -> None:
    """Only checks of accounts and endpoints may tell in their own words; whatever is new may not."""
    found = discover()
    assert set(found) >= PLAIN
    inside = {name for name, check in found.items() if check.scope in (Scope.INSTANCE, Scope.STATE, Scope.REPOSITORY)}
    assert not inside & PLAIN
    assert {"drift", "state", "repository"} <= inside
    assert quotes("a_check_of_tomorrow")
    assert quotes("security", {"differences": []})


def test_options_are_left_out_and_names_are_not() -> None:
    """Workflows whose names have a dash are not taken for one: of two, the failed one would be behind the other."""
    names = ("terraform apply -var=a=b", "aws s3 --profile x", "CI - prod", "CI - dev", "a-b")
    assert [bare(name) for name in names] == [
        "terraform apply", "aws s3", "CI - prod", "CI - dev", "a-b",
    ]  # fmt: skip
