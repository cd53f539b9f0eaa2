"""The clients that checks look through: one per (service, region), for all accounts."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import UnknownRegionError

from daemon.aws.credentials import AccountCredentials, SpeakersProvider, renew_when_expired, speaking_for
from daemon.aws.ledger import Ledger
from daemon.aws.sessions import Identity, Sessions

IDLE_CLIENTS = 64  # kept for the next who asks; half a megabyte each
SOCKETS = 56  # kept and in use; 64 with those that are being closed. More only for more requests at one time


class EmptyAnswerError(Exception):
    """AWS said yes with no body, or one that nobody can read, where there has to be one: nothing was seen."""


@dataclass(slots=True)
class _Lent:
    client: Any
    users: int = 0
    sockets: int = 0  # at most: it opens one for each request that is under way, and keeps it for the next


class Sts:
    """What AssumeRoleCredentialFetcher needs of a source of credentials, and of a client that takes on a role."""

    def __init__(self, source: AccountCredentials, lease: Callable[[], AbstractContextManager[Any]]) -> None:
        self._source = source
        self._lease = lease

    def get_frozen_credentials(self) -> Any:
        return self._source.frozen()

    def assume_role(self, **question: Any) -> Any:
        """Ask in the words of the source."""
        with self._lease() as client, speaking_for(self._source):
            return client.assume_role(**question)


class ClientPool:
    """Lends clients. Thread-safe; nothing is called when it is made. close() leaves no socket open."""

    def __init__(
        self,
        sessions: Sessions,
        ledger: Ledger | None = None,
        *,
        idle: int = IDLE_CLIENTS,
        sockets: int = SOCKETS,
        prepare: Callable[[Any, str], None] = lambda client, service: None,
    ) -> None:
        """*idle*: how many clients that nobody uses are kept; *sockets*: how many may be open, of all clients.

        *prepare* is given each new client with its service.
        """
        self.ledger = ledger or Ledger()
        self._sessions = sessions
        self._idle = idle
        self._sockets = sockets
        self._prepare = prepare
        self._lock = threading.Lock()
        self._lent: OrderedDict[tuple[str, str], _Lent] = OrderedDict()  # the longest unused first
        self._accounts: dict[Identity, AccountCredentials] = {}
        self._regions: dict[Identity, str] = {}
        self._answered: set[tuple[str, str]] = set()
        self._session: Any = None

    def account(self, identity: Identity) -> AccountCredentials:
        """The credentials of *identity*, the same object for all who ask."""
        with self._lock:
            return self._accounts.setdefault(identity, AccountCredentials(identity, self._take_on))

    def _take_on(self, identity: Identity) -> Any:
        """botocore's credentials of *identity*. Its last role is taken on through a client of this pool."""
        settings = self._sessions.settings
        if not identity.roles or identity.roles[-1].sts_endpoint != settings.endpoint_url:
            return self._sessions.of(identity).get_credentials()
        source = self.account(replace(identity, roles=identity.roles[:-1]))
        sts = Sts(source, lambda: self.lease("sts", self._region_of(identity)))
        return self._sessions.taken_on(identity.roles[-1], sts, lambda *_, **__: sts)

    def _region_of(self, identity: Identity) -> str:
        """Where roles are taken on: in the region of the profile, if no other is said."""
        first = replace(identity, roles=())
        if first not in self._regions:
            region = self._sessions.of(first).get_config_variable("region")
            self._regions[first] = region or "us-east-1"
        return self._regions[first]

    @contextmanager
    def lease(self, service: str, region: str) -> Iterator[Any]:
        """A client that is not closed inside the block. It signs for whom the thread speaks: speaking_for()."""
        key = (service, region)
        with self._lock:
            lent = self._lent.get(key)
            if lent is None:
                lent = self._lent[key] = _Lent(self._make(service, region))
            self._lent.move_to_end(key)
            lent.users += 1
            lent.sockets = max(lent.sockets, lent.users)
            for client in self._over():
                client.close()  # before anybody opens another one
        try:
            yield lent.client
        finally:
            with self._lock:
                lent.users -= 1
                closing = self._surplus()
                if lent.users == 0 and self._lent.get(key) is not lent:
                    closing.append(lent.client)  # close() has come meanwhile
            for client in closing:
                client.close()

    @property
    def open_clients(self) -> int:
        with self._lock:
            return len(self._lent)

    def offers(self, service: str, region: str) -> bool:
        """Whether there may be *service* in *region*: it has answered before, or the SDK does not say otherwise."""
        if self._sessions.settings.endpoint_url or (service, region) in self._answered:
            return True
        session = self._base()
        try:
            partition = session.get_partition_for_region(region)
        except UnknownRegionError:
            return True
        known = session.get_available_regions(service, partition)
        newer = region not in session.get_available_regions("ec2", partition)  # than the SDK: every region has EC2
        return newer or not known or region in known

    def close_idle(self, region: str) -> None:
        """Close the clients of *region* that nobody uses: no more is asked there for now."""
        with self._lock:
            unused = [key for key, lent in self._lent.items() if key[1] == region and lent.users == 0]
            closing = [self._lent.pop(key).client for key in unused]
        for client in closing:
            client.close()

    def close(self) -> None:
        """Close every client. One still in use opens its connections again, and closes them when it is let go."""
        with self._lock:
            closing = [lent.client for lent in self._lent.values()]
            self._lent.clear()
        for client in closing:
            client.close()

    def _surplus(self) -> list[Any]:
        """Take out the clients, longest unused first, that are more than may be kept."""
        unused = [key for key, lent in self._lent.items() if lent.users == 0]
        return [self._lent.pop(key).client for key in unused[: max(0, len(unused) - self._idle)]]

    def _over(self) -> list[Any]:
        """The clients whose kept connections are to be closed, so that no more are open than may be.

        They stay as they are, and open new ones when they are used: making a client takes far longer than that. Those
        that nobody uses come first, the longest unused of them first: of one in use, kept connections are only closed
        when the requests are answered that are under way.
        """
        over = sum(lent.sockets for lent in self._lent.values()) - self._sockets
        closing = []
        for lent in sorted(self._lent.values(), key=lambda lent: lent.users > 0) if over > 0 else ():
            if over <= 0:
                break
            if lent.sockets > lent.users:
                over -= lent.sockets - lent.users
                lent.sockets = lent.users
                closing.append(lent.client)
        return closing

    def _base(self) -> Any:
        if self._session is None:
            session = self._sessions.new()
            session.get_component("credential_provider").insert_before("env", SpeakersProvider())
            self._session = session
        return self._session

    def _make(self, service: str, region: str) -> Any:
        settings = self._sessions.settings
        # Nothing of one account may stick to a client that serves them all, its id in an address included.
        more: dict[str, Any] = {"account_id_endpoint_mode": "disabled"}
        if settings.endpoint_url:
            more["inject_host_prefix"] = False  # "111111111111.127.0.0.1" is no host
        client = self._sessions.client(
            self._base(), service, region_name=region, endpoint_url=settings.endpoint_url or None,
            config=self._sessions.config(path_style=bool(settings.endpoint_url), **more),
        )  # fmt: skip
        if settings.endpoint_url:
            client.meta.events.register("before-sign", partial(_to_host, urlsplit(settings.endpoint_url).netloc))
        client.meta.events.register("after-call", _refuse_nothing)
        client.meta.events.register("needs-retry", renew_when_expired)
        client.meta.events.register("response-received", partial(self._note_answer, (service, region)))
        self.ledger.watch(client, service)
        self._prepare(client, service)
        return client

    def _note_answer(self, where: tuple[str, str], exception: Any = None, **_: Any) -> None:
        if exception is None:
            self._answered.add(where)


def _to_host(netloc: str, request: Any, **_: Any) -> None:
    """Send a request to the endpoint's own host. Rules of S3 Control put the account in front, and that is no host."""
    parts = urlsplit(request.url)
    if parts.netloc.endswith(f".{netloc}"):
        request.url = parts._replace(netloc=netloc).geturl()


def _refuse_nothing(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    """Raise EmptyAnswerError for a success that says nothing where its shape has something to say.

    botocore takes no body, or one that is no JSON, for an answer without members: it would pass for "none".
    """
    if http_response.status_code not in (200, 201, 202, 203) or model.has_streaming_output:
        return
    if model.output_shape is None or model.http.get("method") == "HEAD":
        return
    in_body = [name for name, shape in model.output_shape.members.items() if not shape.serialization.get("location")]
    if not in_body:
        return
    body = http_response.content
    if not body.strip() or not (any(parsed.get(name) for name in in_body) or _is_answer(body, model)):
        raise EmptyAnswerError


def _is_answer(body: bytes, model: Any) -> bool:
    """Whether a body of which botocore made nothing is one of the operation, and no page of a proxy in its place."""
    if "json" in model.service_model.resolved_protocol:
        try:
            said = json.loads(body)
        except ValueError:
            return False
        members = model.output_shape.members.items()
        known = {shape.serialization.get("name", name) for name, shape in members}
        return isinstance(said, dict) and (not said or bool(known & said.keys()))
    root = _ROOT.match(body)
    if root is None:
        return False
    name = root[1].decode()
    if model.service_model.resolved_protocol in ("ec2", "query"):
        return name == f"{model.name}Response"
    return name.lower() not in _NO_ANSWER  # S3's roots are in no model


# The root element, after a declaration, a document type and comments.
_ROOT = re.compile(rb"\s*(?:<[?!][^>]*>\s*)*<(?:[\w.-]+:)?([\w.-]+)")
_NO_ANSWER = frozenset({"html", "error", "errorresponse"})
