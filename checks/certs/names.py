"""Whether a certificate is for a name: RFC 6125 as clients apply it today (the common name does not count)."""

from __future__ import annotations

import ipaddress

from checks.certs.model import Card


def is_for(card: Card, name: str) -> bool:
    """Whether *card* names *name*, a DNS name (in its ASCII form) or an IP address."""
    address = _address(name)
    if address is not None:
        return any(_address(one) == address for one in card.addresses)
    wanted = _labels(name)
    return any(_fits(_labels(pattern), wanted) for pattern in card.names)


def _fits(pattern: list[str], name: list[str]) -> bool:
    """A wildcard is a whole first label, stands for exactly one label, and has at least two labels behind it."""
    if pattern[0] == "*" and len(pattern) > 2:
        return len(name) == len(pattern) and name[0] != "" and pattern[1:] == name[1:]
    return pattern == name


def _labels(name: str) -> list[str]:
    return name.rstrip(".").lower().split(".")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
