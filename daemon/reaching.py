"""How the command line reaches the desk: the store has one writer.

Where a daemon runs it holds the store's lock, and is asked over HTTP. Where none runs, the command takes the lock
itself for as long as it takes; a daemon that starts in that moment says that the store is in use, and can be started
again. What is stored then is posted by the next daemon.
"""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from daemon.config import Config
from daemon.desk import Desk, Done
from daemon.deskwork import Verb, done_json, new_silence, on_incident
from daemon.executions.approving import Answer, Approving, answer_json
from daemon.executions.settings import guideline_of
from daemon.store import InUseError, Store, StoreError
from daemon.web.auth import ACKNOWLEDGE
from daemon.wiring import alert_policy

SECONDS = 15.0
OK, NOT_FOUND, CONFLICT = 200, 404, 409


class UnreachableError(Exception):
    """Nothing was done, and it is not known by whom it could be. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A status of HTTP and what came with it."""

    status: int
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        return str(self.body.get("text") or self.body.get("error") or "")


@dataclass(frozen=True, slots=True)
class Remote:
    """A daemon, asked over HTTP. *authorization* is the header; empty: nobody signs in there."""

    url: str
    authorization: str = ""

    def act(self, verb: Verb, fingerprint: str, body: Mapping[str, Any]) -> Reply:
        return self._ask("POST", f"incidents/{quote(fingerprint, safe=':')}/{verb}", body)

    def silence(self, body: Mapping[str, Any]) -> Reply:
        return self._ask("POST", "silences", body)

    def unsilence(self, silence: str, body: Mapping[str, Any]) -> Reply:
        return self._ask("DELETE", f"silences/{quote(silence, safe='')}", body)

    def agree(self, method: str, path: str, body: Mapping[str, Any]) -> Reply:
        """Ask for what daemon.web.approvals answers."""
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any]) -> Reply:
        url = f"{self.url.rstrip('/')}/api/v1/{path}"
        headers = {"Content-Type": "application/json"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        data = json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - http(s), by the options
        try:
            with _opener(url).open(request, timeout=SECONDS) as answer:
                return Reply(answer.status, _json(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, _json(error.read()))
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise UnreachableError(f"{self.url} does not answer: {reason}") from None


@dataclass(frozen=True, slots=True)
class Local:
    """The store itself, whose lock this process holds."""

    desk: Desk
    who: str

    def act(self, verb: Verb, fingerprint: str, body: Mapping[str, Any]) -> Reply:
        return _reply(on_incident(self.desk, verb, fingerprint, _plain(body), self.who))

    def silence(self, body: Mapping[str, Any]) -> Reply:
        return _reply(new_silence(self.desk, _plain(body), self.who))

    def unsilence(self, silence: str, body: Mapping[str, Any]) -> Reply:
        return _reply(self.desk.unsilence(silence, self.who))


Reached = Remote | Local


def reach(config: Config, token: str, who: str, clock: Callable[[], datetime], do: Callable[[Reached], Reply]) -> Reply:
    """Have *do* done by the daemon that runs, or here where none does.

    *token*: empty, then one of the configuration that may acknowledge. Raises UnreachableError, StoreError,
    BadRequestError.
    """
    if not config.store.path.exists():
        raise StoreError(f"{config.store.path}: there is no store yet; start the daemon first: barograph run")
    try:
        with Store.open(config.store.path, clock, config.store.backups) as store:
            return do(Local(Desk(store, alert_policy(config), clock), f"{who} (command line)"))
    except InUseError:
        return do(Remote(address(config.web.listen), authorization(config, token)))


def reach_to_agree(
    config: Config, token: str, clock: Callable[[], datetime], here: Callable[[Approving], Answer],
    there: Callable[[Remote], Reply],
) -> Reply:  # fmt: skip
    """The same for approvals: *here* where no daemon runs, *there* where one does. No token of the configuration is
    borrowed, for its name would be the approver. Raises UnreachableError, StoreError, BadRequestError."""
    if not config.store.path.exists():
        raise StoreError(f"{config.store.path}: there is no store yet; start the daemon first: barograph run")
    try:
        with Store.open(config.store.path, clock, config.store.backups) as store:
            answer = here(Approving(store, clock, guideline_of(config), config.secrets()))
            status = NOT_FOUND if not answer.known else CONFLICT if answer.refused else OK
            return Reply(status, answer_json(answer))
    except InUseError:
        if not token and (config.web.auth.tokens or config.web.auth.basic):
            raise UnreachableError(
                "a daemon runs, and whose token is used has agreed: give yours, with the scope approve, in "
                "BAROGRAPH_TOKEN"
            ) from None
        return there(Remote(address(config.web.listen), f"Bearer {token}" if token else ""))


def address(listen: str) -> str:
    """Where a daemon that listens there is reached from this machine."""
    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - not bound to
    return f"http://{host}:{port}"


def authorization(config: Config, token: str) -> str:
    """The header to sign in with. Raises UnreachableError where nobody who is configured may acknowledge."""
    if token:
        return f"Bearer {token}"
    auth = config.web.auth
    for one in auth.tokens:
        if ACKNOWLEDGE in map(str, one.scopes):
            return f"Bearer {one.token.reveal()}"
    for login in auth.basic:
        if ACKNOWLEDGE in map(str, login.scopes):
            return "Basic " + base64.b64encode(f"{login.user}:{login.password.reveal()}".encode()).decode()
    if auth.tokens or auth.basic:
        raise UnreachableError(
            "a daemon runs, and no token of web.auth has the scope acknowledge; add one, or give BAROGRAPH_TOKEN"
        )
    return ""


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Without a proxy for this machine, which no proxy can reach."""
    host = urlsplit(url).hostname or ""
    here = host in ("localhost", "::1") or host.startswith("127.")
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))


def _json(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {"error": data.decode("utf-8", "replace").strip()[:500]}
    return found if isinstance(found, dict) else {}


def _plain(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in body.items() if name != "by"}


def _reply(done: Done) -> Reply:
    status = NOT_FOUND if not done.known else CONFLICT if done.refused else OK
    return Reply(status, done_json(done))
