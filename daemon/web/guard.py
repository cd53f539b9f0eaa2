"""What stands before every page: sign-in, the Host header, and headers that keep browsers from leaking anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse

from checks.runs.wire import SIGNATURE_HEADER
from daemon.web.auth import ACKNOWLEDGE, APPROVE, INGEST, READ, VIEW, AuthSettings, Credential, sign_in
from daemon.web.proxied import SpoofedError, claimed, credential, is_trusted, without_claims
from daemon.web.sent import OWN_HOSTS, RefusedError, refuse_foreign
from daemon.web.viewing import SEES_ALL
from daemon.web.webhooks import GITHUB, PAGERDUTY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/api/v1/"
EVENTS = f"{API}events"
PING = "/ping/"
APPROVALS, REVIEWS = f"{API}approvals", f"{API}reviews"
READS = ("GET", "HEAD")
READY = "/readyz"
OPEN_PATHS = frozenset({"/healthz", PAGERDUTY, GITHUB})  # a webhook's signature is its sign-in
# Who knows the UUID of a ping may ping: the handler looks whether it is one.
_PING_BY_SECRET = re.compile(r"/ping/[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?:/[^/]*)?")
_NETLOC = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]@/]+)(:\d*)?")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
# What can be shown without differences (daemon.web.viewing). All else that is there to be read needs `read`.
_VIEWABLE = re.compile(
    r"/|/metrics|/readyz|/runbooks(?:/[^/]+)?|/instances/.+|/incidents/[^/]+|/runs|/runs/[^/]+"
    r"|/api/v1/(?:openapi\.json|silences|(?:incidents|runs)(?:/[^/]+)?)"
)


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
        public = urlsplit(public_url).netloc.lower()
        self._hosts = (LOOPBACK_HOSTS | {_host(public)}) - {""}
        self._own = frozenset({public} - {""})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                keep_quiet(MutableHeaders(scope=message), self._policy)
            await send(message)

        scope[OWN_HOSTS] = self._own
        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, guarded_send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        claims = scope["headers"]
        if self._auth.proxy is not None:
            scope["headers"] = without_claims(self._auth.proxy, claims)  # nobody behind this can take them for true
        headers = Headers(scope=scope)
        if scope["path"] in OPEN_PATHS or _PING_BY_SECRET.fullmatch(scope["path"]):
            return None
        if scope["path"] == EVENTS and SIGNATURE_HEADER in headers and "authorization" not in headers:
            return None  # the handler asks for a right signature
        if not self._auth.required:
            if _host(headers.get("host", "")) not in self._hosts:
                return PlainTextResponse("This address is not one that Barograph answers to (web.public_url).\n", 421)
            scope[SEES_ALL] = True
            return _foreign(scope)
        # Nothing of the address that anybody could have made up: somebody may have put a token there.
        where = f"{'a read' if scope['method'] in READS else 'a write'} of {'the API' if _is_api(scope) else 'a page'}"
        try:
            who = self._proxied(scope, claims)
        except SpoofedError as error:
            self._refused("", f"behind the proxy: {error}", where)
            return PlainTextResponse(f"{str(error).capitalize()}.\n", 400)
        if who is not None and _host(headers.get("host", "")) not in self._hosts | _proxy_hosts(self._auth):
            # A page of another site that points its own name here would come from the proxy's own machine.
            named = "web.public_url, or web.auth.proxy.hosts"
            return PlainTextResponse(f"This address is not one that Barograph answers to ({named}).\n", 421)
        if who is None:
            given = headers.get("authorization", "")
            who = sign_in(self._auth, given)
            if who is None:
                asks = scope["path"] == READY and scope["method"] in READS
                if asks and not given and len(claims) == len(scope["headers"]):
                    return None  # whether, and to nobody why: probes cannot sign in
                if given:
                    self._refused("", "no such token, or user and password", where)
                elif len(claims) != len(scope["headers"]):
                    self._refused("", "an identity header from where no trusted proxy is", where)
                challenge = {"WWW-Authenticate": self._auth.challenge} if self._auth.challenge else None
                return PlainTextResponse("Sign in with a token or a user and password.\n", 401, challenge)
        needed = needed_scope(scope["method"], scope["path"])
        if not who.may(needed):
            self._refused(who.name, f"lacks the scope {needed}", where)
            return PlainTextResponse(f"This needs the scope {needed}.\n", 403)
        scope["user_name"], scope["user_by"], scope[SEES_ALL] = who.name, who.by, who.may(READ)
        return _foreign(scope)

    def _proxied(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Credential | None:
        """Who the proxy says it is; None: it is not the proxy's connection, or names nobody. Raises SpoofedError."""
        proxy, peer = self._auth.proxy, scope.get("client")
        if proxy is None or not peer or not is_trusted(proxy, peer[0]):
            return None
        claim = claimed(proxy, headers)
        return None if claim is None else credential(proxy, claim)


def needed_scope(method: str, path: str) -> str:
    """What a token must allow for a request."""
    if path == EVENTS or path.startswith(PING):
        return INGEST
    if method not in READS:
        if _below(path, APPROVALS, REVIEWS):
            return APPROVE
        return ACKNOWLEDGE if path.startswith(API) else READ
    return VIEW if _VIEWABLE.fullmatch(path) else READ


def _proxy_hosts(auth: AuthSettings) -> frozenset[str]:
    """The names under which the proxy asks."""
    return auth.proxy.hosts if auth.proxy is not None else frozenset()


def _foreign(scope: Scope) -> ASGIApp | None:
    """Refuse what a page of another site has a browser send: a browser signs it, whoever wrote it."""
    if scope["method"] in (*READS, "OPTIONS") and not scope["path"].startswith(PING):
        return None
    try:
        refuse_foreign(Request(scope))
    except RefusedError as error:
        return JSONResponse({"error": str(error)}, error.status)
    return None


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
