"""Who may come in: network ranges of security groups and access lists, and what IAM policies allow."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.plans.normalise import canonical, normalise

# A prefix this short is the world in pieces: 0.0.0.0/1 and 128.0.0.0/1 open what 0.0.0.0/0 opens.
_WIDE_V4, _WIDE_V6 = 7, 15


@dataclass(frozen=True, slots=True)
class Range:
    """Ports that a range of addresses reaches. Protocol -1 and ports 0 to 65535 mean all."""

    protocol: str
    low: int
    high: int
    cidr: str

    def within(self, other: Range) -> bool:
        """Whether everything of this range was open in *other* already."""
        protocol = other.protocol in ("-1", self.protocol)
        ports = other.protocol == "-1" or (other.low <= self.low and self.high <= other.high)
        return protocol and ports and _inside(self.cidr, other.cidr)

    @property
    def text(self) -> str:
        """For people: "tcp port 22 from 0.0.0.0/0"."""
        if self.protocol == "-1":
            return f"all traffic from {self.cidr}"
        ports = f"port {self.low}" if self.low == self.high else f"ports {self.low}-{self.high}"
        return f"{self.protocol} {ports} from {self.cidr}"


def _inside(cidr: str, other: str) -> bool:
    try:
        one, two = ipaddress.ip_network(cidr, strict=False), ipaddress.ip_network(other, strict=False)
    except ValueError:
        return cidr == other
    if isinstance(one, ipaddress.IPv4Network) and isinstance(two, ipaddress.IPv4Network):
        return one.subnet_of(two)
    return isinstance(one, ipaddress.IPv6Network) and isinstance(two, ipaddress.IPv6Network) and one.subnet_of(two)


def is_world(cidr: object) -> bool:
    """Whether a range is the whole world or a great part of it. What is no range could be: then it counts."""
    if not isinstance(cidr, str) or not cidr:
        return False
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return True
    return network.prefixlen <= (_WIDE_V4 if network.version == 4 else _WIDE_V6)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def _port(value: Any, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else otherwise


def ranges(block: Mapping[str, Any]) -> Iterator[Range]:
    """What one rule opens to the world: a block of a security group, or a rule that is a resource of its own."""
    protocol = str(block.get("protocol", block.get("ip_protocol")) or "-1").lower()
    protocol = {"6": "tcp", "17": "udp", "1": "icmp", "all": "-1"}.get(protocol, protocol)
    cidrs = [
        cidr
        for name in ("cidr_blocks", "ipv6_cidr_blocks", "cidr_block", "ipv6_cidr_block", "cidr_ipv4", "cidr_ipv6")
        for cidr in _list(block.get(name))
    ]
    low, high = _port(block.get("from_port"), 0), _port(block.get("to_port"), 65535)
    for cidr in cidrs:
        if is_world(cidr):
            yield Range(protocol, low, high, str(cidr))


def world_of_group(values: Any) -> list[Range]:
    """What the ingress blocks of a security group open to the world."""
    blocks = values.get("ingress") if isinstance(values, Mapping) else None
    return [one for block in _list(blocks) if isinstance(block, Mapping) for one in ranges(block)]


def world_of_rule(values: Any) -> list[Range]:
    """What a rule resource opens to the world; egress rules open nothing."""
    if not isinstance(values, Mapping) or values.get("type") == "egress" or values.get("egress") is True:
        return []
    if str(values.get("rule_action", "allow")).lower() == "deny":
        return []
    return list(ranges(values))


def world_of_access_list(values: Any) -> tuple[list[Range], set[str]]:
    """(what a network access list opens to the world, its denying rules in one form each)."""
    blocks = values.get("ingress") if isinstance(values, Mapping) else None
    opened: list[Range] = []
    denies: set[str] = set()
    for block in _list(blocks):
        if not isinstance(block, Mapping):
            continue
        if str(block.get("action", block.get("rule_action"))).lower() == "allow":
            opened.extend(ranges(block))
        else:
            denies.add(canonical(normalise(dict(block))))
    return opened, denies


def new_ranges(before: Iterable[Range], after: Iterable[Range]) -> list[Range]:
    """What is open after and was not before, also not as part of something wider."""
    known = list(before)
    return [one for one in after if not any(one.within(other) for other in known)]


def statements(policy: Any) -> list[Mapping[str, Any]] | None:
    """The statements of an expanded policy; None if it cannot be read."""
    if policy in (None, "", {}, []):
        return []
    held = policy.get("Statement") if isinstance(policy, Mapping) else None
    if not isinstance(held, list) or not all(isinstance(item, Mapping) for item in held):
        return None
    return held


def is_public(statement: Mapping[str, Any]) -> bool:
    """Whether a statement allows everybody something, with no condition that could narrow it."""
    if str(statement.get("Effect", "Allow")).lower() == "deny" or normalise(statement.get("Condition")) is not None:
        return False
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    return any(item == "*" for item in _principals(principal))


def _principals(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _principals(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _principals(inner)
    else:
        yield value


def widened(before: Any, after: Any) -> tuple[bool, bool]:
    """(whether a policy allows more than it did, whether it allows everybody something new).

    A policy that cannot be read may allow anything: then it counts as wider.
    """
    old, new = statements(before), statements(after)
    if new is None:
        return canonical(before) != canonical(after), False
    known = {_form(item) for item in old or ()}
    added = [item for item in new if _form(item) not in known]
    left = {_form(item) for item in new}
    lost_denials = any(str(item.get("Effect", "")).lower() == "deny" and _form(item) not in left for item in old or ())
    allows = any(str(item.get("Effect", "Allow")).lower() != "deny" for item in added)
    public = any(is_public(item) for item in added) and not any(
        _form({**item, "Sid": ""}) in {_form({**other, "Sid": ""}) for other in old or ()} for item in added
    )
    return allows or lost_denials or old is None, public


def _form(statement: Mapping[str, Any]) -> str:
    return canonical(normalise(dict(statement)))
