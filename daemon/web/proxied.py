"""Who a trusted proxy says is asking. Pure: a peer's address and raw headers in, a credential out.

A header proves nothing by itself: anybody can send one. It counts only on a connection that comes from one of the
proxy's own addresses, which the kernel tells and no header can change. `X-Forwarded-For` is never read.
"""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.web.auth import Credential, Proxy

LONGEST_NAME = 256  # characters
MOST_GROUPS = 500

Headers = Sequence[tuple[bytes, bytes]]


class SpoofedError(ValueError):
    """The proxy's headers do not say one thing. The text says what is wrong, and repeats nothing of them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the headers say."""

    user: str
    groups: tuple[str, ...] = ()


def is_trusted(proxy: Proxy, peer: str) -> bool:
    """Whether a connection comes from the proxy. IPv4 in IPv6's clothes is IPv4; what is no address is nobody."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in proxy.networks)


def without_claims(proxy: Proxy, headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers, without any that could be taken for the proxy's."""
    names = {_folded(proxy.header.encode())} | (
        {_folded(proxy.groups_header.encode())} if proxy.groups_header else set()
    )
    return [(name, value) for name, value in headers if _folded(name) not in names]


def claimed(proxy: Proxy, headers: Headers) -> Claim | None:
    """What the proxy says; None: it does not say who is asking. Raises SpoofedError."""
    user = _one(headers, proxy.header)
    groups = _one(headers, proxy.groups_header) if proxy.groups_header else None
    if user is None or not user.strip():
        return None
    name = user.strip()
    if "," in name:
        # Some proxies join what came twice with a comma: which half is theirs, nobody can tell.
        raise SpoofedError("the identity header names more than one")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise SpoofedError("the identity header holds what is no name")
    found = tuple(part for part in (each.strip() for each in (groups or "").split(",")) if part)
    if len(found) > MOST_GROUPS:
        raise SpoofedError(f"the groups header names more than {MOST_GROUPS}")
    return Claim(name, found)


def credential(proxy: Proxy, claim: Claim) -> Credential:
    """What the roles allow who is claimed: all that any fitting row does, else what everybody may."""
    fitting = [
        role
        for role in proxy.roles
        if (not role.user or fnmatch.fnmatchcase(claim.user, role.user))
        and (not role.group or role.group in claim.groups)
    ]
    scopes = frozenset[str]().union(*(role.scopes for role in fitting)) if fitting else proxy.everyone
    return Credential(claim.user, "", scopes, by="proxy")


def _one(headers: Headers, header: str) -> str | None:
    """The value of a header that may be there once, under its own name only. Raises SpoofedError."""
    wanted = _folded(header.encode())
    found = [(name, value) for name, value in headers if _folded(name) == wanted]
    if not found:
        return None
    if len(found) > 1 or found[0][0].lower() != header.encode().lower():
        # Twice, or `X_Forwarded_User`: something before the proxy tried to add one of its own.
        raise SpoofedError("the proxy's header came more than once, or under a name that only looks like it")
    try:
        return found[0][1].decode("utf-8")
    except UnicodeDecodeError:
        raise SpoofedError("the proxy's header is no UTF-8") from None


def _folded(name: bytes) -> bytes:
    return name.lower().replace(b"_", b"-")
