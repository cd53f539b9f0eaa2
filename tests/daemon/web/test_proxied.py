"""A trusted proxy's identity header: who is believed, who is not, and what cannot be smuggled past it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.policy import Policy
from alerts.routes import Routes
from daemon.desk import Desk
from daemon.web import AuthSettings, Credential, Granted, Proxy, create_app, serving
from daemon.web.proxied import SpoofedError, claimed, credential, is_trusted, without_claims
from tests.daemon.web.test_http import ask
from tests.daemon.web.world import World, browsing, world

ACK = "/api/v1/incidents/v1:a/ack"


def proxy(*networks: str, **more: object) -> Proxy:
    made = Proxy(
        "X-Forwarded-User", tuple(ipaddress.ip_network(each) for each in networks), "X-Forwarded-Groups",
        (
            Granted(frozenset({"read", "acknowledge"}), group="platform"),
            Granted(frozenset({"ingest"}), user="*@bots.example"),
            Granted(frozenset({"read"}), user="boss@example.com", group="managers"),
        ),
        frozenset({"view"}),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]  # fields by name, in tests only


HERE, ELSEWHERE = proxy("127.0.0.1/32"), proxy("10.0.0.0/8")
BOB = Credential("bob", "token-of-bob", frozenset({"read", "acknowledge"}))


@contextmanager
def client(
    folder: Path, of: Proxy, refused: list[tuple[str, str, str]] | None = None, headers: dict[str, str] | None = None
) -> Iterator[tuple[World, httpx.Client]]:
    """A world with an incident behind Barograph, which trusts *of*."""
    with world(folder) as made:
        made.incident("v1:a")
        deps = replace(
            made.deps(auth=AuthSettings((BOB,), proxy=of)),
            desk=Desk(made.store, Policy(routes=Routes("C1")), made.clock),
            refused=lambda *what: refused.append(what) if refused is not None else None,
            public_url="https://watch.example",
        )  # fmt: skip
        with browsing(create_app(deps), **(headers or {})) as one:
            yield made, one


def test_who_the_proxy_names_gets_what_the_roles_allow(tmp_path: Path) -> None:
    """Groups and users give scopes; who fits no row is a viewer; without the header nobody is signed in."""
    with client(tmp_path, HERE) as (_, browser):
        for user, groups, reads, sees, acts in (
            ("anna", "platform", 200, 200, 200), ("anna", "other, platform", 200, 200, 200),
            ("anna", "platforms", 403, 200, 403), ("anna", "", 403, 200, 403),
            ("boss@example.com", "managers", 200, 200, 403), ("boss@example.com", "", 403, 200, 403),
            ("Boss@example.com", "managers", 403, 200, 403), ("x@bots.example", "", 403, 403, 403),
        ):  # fmt: skip
            headers = {"X-Forwarded-User": user, "X-Forwarded-Groups": groups}
            assert browser.get("/repository", headers=headers).status_code == reads, (user, groups)
            assert browser.get("/", headers=headers).status_code == sees, (user, groups)
            assert browser.post(ACK, json={}, headers=headers).status_code == acts, (user, groups)
        assert browser.get("/").status_code == 401
        assert browser.get("/", headers={"X-Forwarded-User": ""}).status_code == 401
        assert browser.get("/", headers={"X-Forwarded-Groups": "platform"}).status_code == 401


def test_the_identity_is_in_the_audit_trail(tmp_path: Path) -> None:
    """Who acknowledged is who the proxy named, and that the proxy did; `by` cannot stand in for it."""
    headers = {"X-Forwarded-User": "anna@example.com", "X-Forwarded-Groups": "platform"}
    with client(tmp_path, HERE, headers=headers) as (made, browser):
        assert browser.post(ACK, json={"by": "root"}).json()["changed"]
        silence = {"matcher": {"stacks": ["*"]}, "for": "1h", "reason": "work"}
        assert browser.post("/api/v1/silences", json=silence).json()["changed"]
        with made.store.read() as view:
            assert {line.who for line in view.audit()} == {
                "anna@example.com (HTTP, by the proxy)", "root, signed in as anna@example.com (HTTP, by the proxy)"
            }  # fmt: skip


def test_nobody_else_is_believed(tmp_path: Path) -> None:
    """From another address the header proves nothing, whatever else is sent along; a token still does."""
    refused: list[tuple[str, str, str]] = []
    with client(tmp_path, ELSEWHERE, refused) as (made, browser):
        for more in ({}, {"X-Forwarded-For": "10.0.0.7"}, {"X-Real-IP": "10.0.0.7"}, {"Forwarded": "for=10.0.0.7"}):
            headers = {"X-Forwarded-User": "anna", "X-Forwarded-Groups": "platform", **more}
            assert browser.get("/", headers=headers).status_code == 401
        assert refused[0][1] == "an identity header from where no trusted proxy is"
        by_token = {"X-Forwarded-User": "anna", "Authorization": "Bearer token-of-bob"}
        assert browser.post(ACK, json={}, headers=by_token).json()["changed"]
        with made.store.read() as view:
            assert [line.who for line in view.audit()] == ["bob (HTTP)"]


def test_through_the_proxy_its_word_goes_before_a_token(tmp_path: Path) -> None:
    """Proxies send tokens of their own along; a token without an identity is a program's."""
    with client(tmp_path, HERE) as (_, browser):
        headers = {"Authorization": "Bearer token-of-bob"}
        assert browser.get("/repository", headers=headers).status_code == 200
        assert browser.get("/repository", headers=headers | {"X-Forwarded-User": "guest"}).status_code == 403


SMUGGLED = [
    b"X-Forwarded-User: guest\r\nX-Forwarded-User: anna\r\n",
    b"X-Forwarded-User: guest\r\nx-forwarded-USER: guest\r\n",
    b"X-Forwarded-User: guest\r\nX_Forwarded_User: anna\r\n",
    b"X_Forwarded_User: anna\r\nX-Forwarded-Groups: platform\r\n",
    b"X-Forwarded_User: anna\r\n",
    b"X-Forwarded-User: guest\r\nX-Forwarded-Groups: other\r\nX_Forwarded-Groups: platform\r\n",
    b"X-Forwarded-User: guest\r\nX-Forwarded-Groups: a\r\nX-Forwarded-Groups: platform\r\n",
    b"X-Forwarded-User: guest, anna\r\n",
    b"X-Forwarded-User: an\xffna\r\n",
    b"X-Forwarded-User: \xe2\x80\xaeanna\r\n",
    b"X-Forwarded-User: " + b"a" * 300 + b"\r\n",
    b"X-Forwarded-User : anna\r\nX-Forwarded-Groups: platform\r\n",
]


@pytest.mark.parametrize("sent", SMUGGLED)
def test_what_is_not_one_plain_header_is_refused(tmp_path: Path, sent: bytes) -> None:
    """Twice, with underscores, folded, joined by a comma, hidden characters: never a page."""
    with ExitStack() as stack:
        made = stack.enter_context(world(tmp_path))
        port = stack.enter_context(serving(create_app(made.deps(auth=AuthSettings(proxy=HERE)))))
        answer = ask(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + sent + b"\r\n")
        assert answer.split(b" ")[1] == b"400", answer[:200]


def test_a_page_that_points_its_name_here_is_not_the_proxy(tmp_path: Path) -> None:
    """A browser on the proxy's machine comes from its address too: names that are not ours are refused."""
    user = {"X-Forwarded-User": "anna"}
    hosts = (("evil.example", 421), ("watch.example", 200), ("127.0.0.1:9877", 200), ("barograph.internal:80", 421))
    with client(tmp_path, HERE, headers=user) as (_, browser):
        for host, status in hosts:
            assert browser.get("/", headers={"Host": host}).status_code == status, host
    with client(tmp_path / "..", replace(HERE, hosts=frozenset({"barograph.internal"})), headers=user) as (_, browser):
        assert browser.get("/", headers={"Host": "Barograph.internal:80"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200), ({"Origin": "https://watch.example", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403), ({"Origin": "https://watch.example.evil.example"}, 403),
    ],
)  # fmt: skip
def test_a_page_of_another_site_cannot_act_for_who_is_signed_in(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    """The proxy signs whatever the browser sends; the page's own address is the public one, whatever Host says."""
    who = {"X-Forwarded-User": "anna", "X-Forwarded-Groups": "platform", "Host": "127.0.0.1:9877"}
    with client(tmp_path, HERE, headers=who) as (_, browser):
        assert browser.post(ACK, json={}, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("peer", "networks", "trusted"),
    [
        ("10.1.2.3", ["10.0.0.0/8"], True), ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("11.0.0.1", ["10.0.0.0/8"], False),
        ("::ffff:11.0.0.1", ["10.0.0.0/8"], False), ("fe80::1%eth0", ["fe80::/64"], True),
        ("::1", ["127.0.0.0/8"], False),
        ("::10.1.2.3", ["10.0.0.0/8"], False), ("64:ff9b::a01:203", ["10.0.0.0/8"], False), ("", ["10.0.0.0/8"], False),
        ("unix:", ["10.0.0.0/8"], False), ("010.1.2.3", ["10.0.0.0/8"], False), ("::1", ["::1/128"], True),
        ("10.1.2.3", [], False),
    ],
)  # fmt: skip
def test_which_connections_are_the_proxys(peer: str, networks: list[str], trusted: bool) -> None:
    """By the address that the kernel tells; IPv4 in IPv6's clothes is IPv4, and what only looks like it is not."""
    assert is_trusted(proxy(*networks), peer) is trusted


NAMES = st.sampled_from(
    [b"x-forwarded-user", b"X-Forwarded-User", b"x_forwarded_user", b"x-forwarded-groups", b"accept"]
)
VALUES = st.sampled_from([b"", b"anna", b"bob", b"a,b", b"platform", b"\xff", b" ", b"\xc2\xa0"])


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
def test_one_plain_header_or_nobody(headers: list[tuple[bytes, bytes]]) -> None:
    """Whatever is sent: a header that is there once names somebody; none is left for who comes after."""
    meant = [value for name, value in headers if name.lower().replace(b"_", b"-") == b"x-forwarded-user"]
    try:
        found = claimed(HERE, headers)
    except SpoofedError:
        found = None
    if found is not None:
        assert [found.user.encode()] == [value.strip() for value in meant]
        assert credential(HERE, found).by == "proxy"
    left = without_claims(HERE, headers)
    assert {name for name, _ in left} <= {b"accept"}
