"""What stands before every page: sign-in, the Host header, and headers that keep browsers from leaking anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from checks.runs.wire import SIGNATURE_HEADER
from daemon.web.auth import ACKNOWLEDGE, APPROVE, INGEST, READ, AuthSettings, sign_in
from daemon.web.webhooks import GITHUB, PAGERDUTY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/api/v1/"
EVENTS = f"{API}events"
PING = "/ping/"
APPROVALS, REVIEWS = f"{API}approvals", f"{API}reviews"
READS = ("GET", "HEAD")
OPEN_PATHS = frozenset({"/healthz", PAGERDUTY, GITHUB})  # a webhook's signature is its sign-in
# Who knows the UUID of a ping may ping: the handler looks whether it is one.
_PING_BY_SECRET = re.compile(r"/ping/[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?:/[^/]*)?")
_NETLOC = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]@/]+)(:\d*)?")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Guard:
    """ASGI middleware. Without sign-in only the names of this machine are answered to, against DNS rebinding."""

    def __init__(
        self, app: ASGIApp, auth: AuthSettings, policy: str, public_url: str = "",
        refused: Callable[[str, str, str], None] = lambda who, why, where: None,
    ) -> None:  # fmt: skip
        """*refused* is told of every sign-in that proves nothing, or not enough: who, why, what was asked for."""
        self._app = app
        self._auth = auth
        self._policy = policy
        self._refused = refused
        self._hosts = (LOOPBACK_HOSTS | {_host(urlsplit(public_url).netloc)}) - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                keep_quiet(MutableHeaders(scope=message), self._policy)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, guarded_send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if scope["path"] in OPEN_PATHS or _PING_BY_SECRET.fullmatch(scope["path"]):
            return None
        if scope["path"] == EVENTS and SIGNATURE_HEADER in headers and "authorization" not in headers:
            return None  # the handler asks for a right signature
        if not self._auth.required:
            if _host(headers.get("host", "")) in self._hosts:
                return None
            return PlainTextResponse("This address is not one that Barograph answers to (web.public_url).\n", 421)
        given = headers.get("authorization", "")
        who = sign_in(self._auth, given)
        # Nothing of the address that anybody could have made up: somebody may have put a token there.
        where = f"{'a read' if scope['method'] in READS else 'a write'} of {'the API' if _is_api(scope) else 'a page'}"
        if who is None:
            if given:
                self._refused("", "no such token, or user and password", where)
            challenge = {"WWW-Authenticate": self._auth.challenge}
            return PlainTextResponse("Sign in with a token or a user and password.\n", 401, challenge)
        needed = needed_scope(scope["method"], scope["path"])
        if not who.may(needed):
            self._refused(who.name, f"lacks the scope {needed}", where)
            return PlainTextResponse(f"This needs the scope {needed}.\n", 403)
        scope["user_name"] = who.name
        return None


def needed_scope(method: str, path: str) -> str:
    """What a token must allow for a request."""
    if path == EVENTS or path.startswith(PING):
        return INGEST
    reads = method in READS
    if not reads and _below(path, APPROVALS, REVIEWS):
        return APPROVE
    return ACKNOWLEDGE if path.startswith(API) and not reads else READ


def _below(path: str, *roots: str) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _is_api(scope: Scope) -> bool:
    return str(scope["path"]).startswith(API)


def keep_quiet(headers: MutableHeaders, policy: str) -> None:
    """Add what keeps a browser from running, fetching, framing, guessing, remembering or telling anything."""
    headers.setdefault("Content-Security-Policy", policy)  # a report has a style of its own
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers.setdefault("Cache-Control", "no-store")


def _host(netloc: str) -> str:
    """The host of `host:port`, in lower case; IPv6 keeps its brackets. Empty: it is none."""
    found = _NETLOC.fullmatch(netloc.lower())
    return found["host"] if found else ""
