"""Who may see what over HTTP: bearer tokens and basic authentication, compared in constant time; a trusted proxy."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

VIEW = "view"  # reading without differences; whoever may read may view
READ = "read"
ACKNOWLEDGE = "acknowledge"
INGEST = "ingest"
APPROVE = "approve"
ADMIN = "admin"  # allows all that the others do


@dataclass(frozen=True, slots=True)
class Credential:
    """One token, or one user and password. *name* is the token's name or the user; *secret* never prints."""

    name: str
    secret: str = field(repr=False)
    scopes: frozenset[str] = frozenset({READ})
    by: str = ""  # "proxy": the trusted proxy says who it is, and there is no secret

    def may(self, scope: str) -> bool:
        """Whether it allows what needs *scope*."""
        return scope in self.scopes or ADMIN in self.scopes or (scope == VIEW and READ in self.scopes)


@dataclass(frozen=True, slots=True)
class Granted:
    """What the proxy's people may do: whose name fits *user* (a pattern) and who is in *group*; empty fits all."""

    scopes: frozenset[str]
    user: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that signs people in and names them in a header. *hosts*: names under which it asks, in lower case."""

    header: str
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    groups_header: str = ""
    roles: tuple[Granted, ...] = ()
    everyone: frozenset[str] = frozenset()  # what those may whom no role fits
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """All who may sign in. With none, everybody may do everything: only for loopback."""

    tokens: tuple[Credential, ...] = ()
    logins: tuple[Credential, ...] = ()
    proxy: Proxy | None = None

    @property
    def required(self) -> bool:
        return bool(self.tokens or self.logins or self.proxy)

    @property
    def challenge(self) -> str:
        """The WWW-Authenticate header that tells a client how to sign in."""
        ways = ['Basic realm="Barograph", charset="UTF-8"'] if self.logins else []
        return ", ".join([*ways, *(['Bearer realm="Barograph"'] if self.tokens else [])])


def sign_in(settings: AuthSettings, authorization: str) -> Credential | None:
    """Who an Authorization header proves to be; None if it proves nothing."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return _match(settings.tokens, given.strip())
    if scheme.lower() == "basic":
        try:
            user, colon, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
        except ValueError:  # no ASCII, no base64, no UTF-8
            return None
        # User and password as one secret: whether a user exists cannot be told by the time an answer takes.
        pairs = [(each, f"{each.name}:{each.secret}") for each in settings.logins]
        return _first(pairs, f"{user}:{password}") if colon else None
    return None


def _match(known: Iterable[Credential], secret: str) -> Credential | None:
    return _first([(each, each.secret) for each in known], secret) if secret else None


def _first(known: Iterable[tuple[Credential, str]], given: str) -> Credential | None:
    """Compare with every secret, and by hash, so that neither order nor length shows in the time it takes."""
    digest = hashlib.sha256(given.encode()).digest()
    found = None
    for credential, secret in known:
        if hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), digest) and found is None:
            found = credential
    return found
