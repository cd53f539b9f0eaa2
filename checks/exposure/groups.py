"""What security groups let in from the world. Pure."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.exposure.model import Weakness
from checks.plans.reach import is_world

# Ports of administration, of data stores and of clusters: (what, ports).
SENSITIVE: tuple[int, ...] = (
    20, 21, 22, 23, 111, 135, 137, 138, 139, 389, 445, 512, 513, 514, 873, 1433, 1434, 1521, 2049, 2375, 2376, 2379,
    2380, 3306, 3389, 4333, 5432, 5439, 5500, 5601, 5672, 5900, 5984, 5985, 5986, 6379, 6443, 7000, 7001, 7199, 8182,
    9042, 9092, 9160, 9200, 9300, 10250, 10255, 11211, 15672, 27017, 27018, 27019, 50070,
)  # fmt: skip
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_PING = frozenset({"icmp", "icmpv6"})  # reaches no service
_HALF_V4, _HALF_V6 = 2**31, 2**124  # addresses: half of IPv4, and of the part of IPv6 that is given out


@dataclass(frozen=True, slots=True)
class Opening:
    """Ports of a group that the world reaches. Protocol "all": every one."""

    protocol: str
    low: int
    high: int
    sources: tuple[str, ...]  # "0.0.0.0/0", "pl-1 (0.0.0.0/0)"

    @property
    def ports(self) -> str:
        """ "tcp/22", "tcp/8000-8080", "all"."""
        if self.protocol == "all":
            return "all"
        return f"{self.protocol}/{self.low}" + (f"-{self.high}" if self.high != self.low else "")

    def reaches(self, port: int) -> bool:
        return self.protocol == "all" or (self.protocol in ("tcp", "udp") and self.low <= port <= self.high)

    def within(self, ports: frozenset[int]) -> bool:
        """Whether it opens nothing but *ports* of TCP and UDP."""
        if self.protocol not in ("tcp", "udp") or self.high - self.low >= len(ports):
            return False
        return all(port in ports for port in range(self.low, self.high + 1))


def prefix_lists(group: Mapping[str, Any]) -> frozenset[str]:
    """The prefix lists that its incoming rules name."""
    return frozenset(
        str(each["PrefixListId"])
        for rule in group.get("IpPermissions") or () for each in rule.get("PrefixListIds") or ()
        if each.get("PrefixListId")
    )  # fmt: skip


def openings(group: Mapping[str, Any], listed: Mapping[str, Sequence[str]]) -> Iterator[Opening]:
    """What the group lets in from the world. *listed*: prefix list -> its blocks, of all that prefix_lists() names."""
    for rule in group.get("IpPermissions") or ():
        protocol = str(rule.get("IpProtocol", "-1")).lower()
        protocol = "all" if protocol == "-1" else _PROTOCOLS.get(protocol, protocol)
        if protocol in _PING:
            continue
        named = {str(each["CidrIp"]): str(each["CidrIp"]) for each in rule.get("IpRanges") or () if each.get("CidrIp")}
        for each in rule.get("Ipv6Ranges") or ():
            named[str(each["CidrIpv6"])] = str(each["CidrIpv6"])
        for each in rule.get("PrefixListIds") or ():
            name = str(each["PrefixListId"])
            for block in listed[name]:
                named.setdefault(block, f"{name} ({block})")
        sources = world(named)
        if sources:
            low, high = rule.get("FromPort"), rule.get("ToPort")
            some = protocol in ("tcp", "udp") and isinstance(low, int) and isinstance(high, int) and low >= 0
            yield Opening(protocol, int(low) if some else 0, int(high) if some else 65535, tuple(sorted(sources)))


def world(named: Mapping[str, str]) -> list[str]:
    """Of *named* (block -> what to call it) those that are the world, or all if together they are half of it."""
    wide = [name for block, name in named.items() if is_world(block)]
    if wide:
        return wide
    v4, v6 = [], []
    for block in named:
        network = ipaddress.ip_network(block, strict=False)  # AWS gives nothing else; is_world() has kept the rest
        if isinstance(network, ipaddress.IPv4Network):
            v4.append(network)
        else:
            v6.append(network)
    half = (
        sum(one.num_addresses for one in ipaddress.collapse_addresses(v4)) >= _HALF_V4
        or sum(one.num_addresses for one in ipaddress.collapse_addresses(v6)) >= _HALF_V6
    )
    return [f"{len(named)} blocks that are half of the internet"] if half else []


def judge(
    group: Mapping[str, Any],
    found: Iterable[Opening],
    *,
    sensitive: Iterable[int],
    allowed: Iterable[int],
    region: str,
) -> list[Weakness]:
    """What is wrong with a group that something uses. *allowed*: ports that the world may reach here."""
    secret, open_to_all = frozenset(sensitive), frozenset(allowed)
    name = str(group["GroupId"])
    look = f"aws ec2 describe-security-groups --group-ids {shlex.quote(name)} --region {region}"
    told: dict[str, Weakness] = {}
    for one in found:
        if one.within(open_to_all):
            continue
        rule = "group_open_sensitive" if any(map(one.reaches, secret - open_to_all)) else "group_open"
        key = f"{rule}:{one.ports}"
        before = told.get(key)
        sources = sorted({*one.sources, *(before.evidence["from"] if before else ())})
        told[key] = Weakness(
            rule, f"security group {name} lets {_from(sources)} in to {_what(one)}", key, look,
            f"name the addresses that need {one.ports}",
            evidence={"ports": one.ports, "from": sources, "name": str(group.get("GroupName", ""))},
        )  # fmt: skip
    return sorted(told.values(), key=lambda one: (one.rule != "group_open_sensitive", one.name))


def _from(sources: Sequence[str]) -> str:
    return "the world" if not sources else f"the world ({', '.join(sources[:4])})"


def _what(one: Opening) -> str:
    return "every port" if one.protocol == "all" else one.ports


def of_load_balancer(interface: Mapping[str, Any]) -> bool:
    """Whether a network interface is a load balancer's own. Descriptions are not asked: anybody can write them."""
    managed = bool(interface.get("RequesterManaged"))
    kinds = ("network_load_balancer", "gateway_load_balancer", "load_balancer")
    return managed and (interface.get("InterfaceType") in kinds or interface.get("RequesterId") == "amazon-elb")
