"""Options: a proxy that signs people in, and where the status page, metrics and webhooks listen."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema, model_validator

from daemon.config.problems import echo
from daemon.config.section import Section
from daemon.config.values import Glob, OneOrMany, Text, must_be, wrong, wrong_at

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
# Headers that anything on the way may set or that mean something else, and those whose proof is not looked at here.
_NO_IDENTITY = frozenset({
    "accept", "connection", "content-length", "content-type", "cookie", "forwarded", "host", "origin", "referer",
    "user-agent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip",
})  # fmt: skip
_SIGNED = frozenset({"authorization", "proxy-authorization", "x-amzn-oidc-data", "x-amzn-oidc-accesstoken"})


class Scope(StrEnum):
    """What a token allows."""

    VIEW = "view"
    READ = "read"
    ACKNOWLEDGE = "acknowledge"
    INGEST = "ingest"
    APPROVE = "approve"
    ADMIN = "admin"


def _header(value: Any) -> str:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise must_be("the name of a header such as X-Forwarded-User", value)
    if value.lower() in _SIGNED:
        raise wrong(
            f"is {value}, whose signature is not looked at here; name a header with the plain user, "
            "such as X-Forwarded-User or x-amzn-oidc-identity"
        )
    if value.lower() in _NO_IDENTITY:
        raise wrong(f"is {value}, which says nothing of who is asking; name a header such as X-Forwarded-User")
    return str(value)


def _network(value: Any) -> Network:
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    if not isinstance(value, str) or not value:
        raise must_be("an address or a network such as 10.0.0.7 or 10.0.0.0/24", value)
    try:
        found = ipaddress.ip_network(str(value))
    except ValueError:
        try:
            meant = ipaddress.ip_network(str(value), strict=False)
        except ValueError:
            raise must_be("an address or a network such as 10.0.0.7 or 10.0.0.0/24", value) from None
        raise wrong(f"is {echo(value)}, an address inside a network; write {meant}, or the address alone") from None
    if found.prefixlen == 0:
        raise wrong(f"is {echo(value)}, everybody; only the proxy's own addresses may be trusted")
    if isinstance(found, ipaddress.IPv6Network) and found.network_address.ipv4_mapped is not None:
        raise wrong(f"is {echo(value)}, IPv4 written as IPv6; write it as IPv4")
    return found


def _host_name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\]", value):
        raise must_be("a name without a port, such as barograph.internal", value)
    return value.lower()


_TEXT = {"type": "string"}
HeaderName = Annotated[str, BeforeValidator(_header), WithJsonSchema(_TEXT)]
NetworkText = Annotated[Network, BeforeValidator(_network), PlainSerializer(str), WithJsonSchema(_TEXT)]
HostName = Annotated[str, BeforeValidator(_host_name), WithJsonSchema(_TEXT)]


class RoleRow(Section):
    """What somebody may do whom the proxy names. All that rows which fit allow is allowed."""

    user: Glob | None = None
    """Pattern of users, as the header writes them: upper and lower case differ."""
    group: Text | None = None
    """Name of a group, as `groups_header` writes it."""
    scopes: Annotated[tuple[Scope, ...], OneOrMany]
    """What it allows."""

    @model_validator(mode="after")
    def _fits_somebody(self) -> RoleRow:
        if self.user is None and self.group is None:
            raise wrong("needs user or group; what everybody may who is signed in is web.auth.proxy.everyone")
        return self


class ProxySection(Section):
    """A proxy that signs people in, such as oauth2-proxy, and says in a header who is asking."""

    header: HeaderName = "X-Forwarded-User"
    """Header with the user. It counts on connections from `addresses` only, and is dropped from all others."""
    addresses: Annotated[tuple[NetworkText, ...], OneOrMany]
    """Addresses or networks that the proxy connects from. Nothing else may be able to connect from there."""
    groups_header: HeaderName | None = None
    """Header with the user's groups, with commas between them."""
    roles: tuple[RoleRow, ...] = ()
    """Rows that say who may do what."""
    everyone: Annotated[tuple[Scope, ...], OneOrMany] = ()
    """What those may who are signed in and whom no row fits; nothing if not given."""
    hosts: Annotated[tuple[HostName, ...], OneOrMany] = ()
    """Names in the Host header that the proxy uses beside that of `public_url`, without ports."""

    @model_validator(mode="after")
    def _can_work(self) -> ProxySection:
        if not self.addresses:
            raise wrong_at("addresses", "is empty; name the addresses that the proxy connects from")
        if not self.roles and not self.everyone:
            raise wrong("allows nobody anything; add roles, or everyone: [view]")
        if self.groups_header is None and any(row.group is not None for row in self.roles):
            index = next(n for n, row in enumerate(self.roles) if row.group is not None)
            raise wrong_at("roles", "names a group, and groups_header does not say where groups are told", index)
        if self.groups_header is not None and self.groups_header.lower() == self.header.lower():
            raise wrong_at("groups_header", "is the same as header")
        return self


def same_place(listens: Iterable[tuple[str, str]]) -> tuple[str, str, str] | None:
    """The first two options that listen at one port of one address: (second, first, the second's address)."""
    seen: list[tuple[str, str, str]] = []
    for option, listen in listens:
        host, _, port = listen.rpartition(":")
        for other, other_host, other_port in seen:
            if port == other_port != "0" and (host == other_host or _is_any(host) or _is_any(other_host)):
                return option, other, listen
        seen.append((option, host, port))
    return None


def _is_any(host: str) -> bool:
    return host in ("0.0.0.0", "[::]", "")  # noqa: S104 - compared, not bound
