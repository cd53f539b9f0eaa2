"""DNS names: which records point at things of AWS that are no longer ours, and whether names and zones answer."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from checks.base import LookFailed
from checks.estate import Answer


class Target(StrEnum):
    """What a record points at."""

    ADDRESS = "address"  # a public IP address
    LOAD_BALANCER = "load_balancer"
    DISTRIBUTION = "distribution"  # CloudFront
    BUCKET = "bucket"  # S3, by name
    OTHER = "other"  # another name that AWS gives


# Whoever gets the address, the bucket's name, the environment's name or the distribution's alias next answers for us.
CLAIMABLE = frozenset({Target.ADDRESS, Target.BUCKET, Target.DISTRIBUTION, Target.OTHER})

_BUCKET_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:website[.-])?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?")
_PATTERNS = (
    (re.compile(r".+\.elb(?:\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?"), Target.LOAD_BALANCER),
    (re.compile(r".+\.cloudfront\.net"), Target.DISTRIBUTION),
    (re.compile(r".+\.elasticbeanstalk\.com"), Target.OTHER),
)


@dataclass(frozen=True, slots=True, order=True)
class Pointer:
    """One record of a public zone that points at something of AWS."""

    name: str  # of the record, without the last dot
    kind: Target
    target: str  # an address, a host name without "dualstack.", a bucket's name


def plain(name: str) -> str:
    """A DNS name as we compare it: lower case, no last dot, Route 53's escape of the wildcard undone."""
    return name.rstrip(".").lower().replace("\\052", "*")


def pointers(records: Iterable[Mapping[str, Any]]) -> Iterator[Pointer]:
    """Give what record sets of a zone point at, as far as it is AWS' or a public address."""
    for record in records:
        name = plain(str(record.get("Name", "")))
        alias = record.get("AliasTarget") or {}
        if alias.get("DNSName"):
            yield from _named(name, plain(str(alias["DNSName"])))
        for one in record.get("ResourceRecords") or ():
            value = str(one.get("Value", ""))
            if record.get("Type") == "CNAME":
                yield from _named(name, plain(value))
            elif record.get("Type") in ("A", "AAAA") and _public(value):
                yield Pointer(name, Target.ADDRESS, str(ipaddress.ip_address(value)))


def _named(name: str, host: str) -> Iterator[Pointer]:
    host = host.removeprefix("dualstack.")
    found = _BUCKET_HOST.fullmatch(host)
    if found:
        # The host of an alias names only the region: the bucket has the record's own name.
        yield Pointer(name, Target.BUCKET, found["bucket"] or name)
        return
    for pattern, kind in _PATTERNS:
        if pattern.fullmatch(host):
            yield Pointer(name, kind, host)


def _public(value: str) -> bool:
    try:
        return ipaddress.ip_address(value).is_global
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Ours:
    """What the accounts have that a record can point at, as last seen."""

    addresses: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()  # of load balancers and other things with a name
    distributions: Mapping[str, frozenset[str]] = field(default_factory=dict)  # host -> the names it answers for
    buckets: frozenset[str] = frozenset()

    def has(self, pointer: Pointer) -> bool:
        """Whether the target is one of ours."""
        if pointer.kind is Target.ADDRESS:
            return pointer.target in self.addresses
        if pointer.kind is Target.BUCKET:
            return pointer.target in self.buckets
        return pointer.target in (self.distributions if pointer.kind is Target.DISTRIBUTION else self.hosts)


class Points(StrEnum):
    """Where a record leads."""

    OURS = "ours"
    RELEASED = "released"  # it was ours, and is not any more
    GONE = "gone"  # nobody has it
    UNCLAIMED = "unclaimed"  # our distribution does not answer for the record's name
    ELSEWHERE = "elsewhere"  # in no account that can be seen: could not tell


MEANING: Mapping[Points, str] = {
    Points.RELEASED: "was ours and has been released: whoever gets it next answers under this name",
    Points.GONE: "does not exist",
    Points.UNCLAIMED: "does not list this name, so another account can claim it",
}


def leads(pointer: Pointer, ours: Ours, before: Collection[str], exists: bool | None, *, whole: bool) -> Points:
    """Say where *pointer* leads.

    *before*: targets that were ours at an earlier look; *exists*: whether DNS knows the target's name (None: not
    asked, or no answer); *whole*: whether all accounts and regions were seen just now, so that what is not among
    *ours* is not ours.
    """
    if ours.has(pointer):
        if pointer.kind is Target.DISTRIBUTION and not _claimed(pointer, ours.distributions[pointer.target]):
            return Points.UNCLAIMED
        return Points.OURS
    if exists is False:
        return Points.GONE
    if whole and pointer.target in before:
        return Points.RELEASED
    return Points.ELSEWHERE


def _claimed(pointer: Pointer, aliases: Collection[str]) -> bool:
    wild = "*." + pointer.name.partition(".")[2]
    return pointer.name in aliases or wild in aliases


def resolved(name: str, answer: Answer | LookFailed, expect: Collection[str]) -> tuple[str, str]:
    """Judge a declared name: (verdict, sentence). *expect*: values of which all must be there; none: any will do."""
    if isinstance(answer, LookFailed):
        return "dns_no_answer", f"{name}: {answer}"
    if not answer.exists:
        return "name_missing", f"{name} does not exist"
    if not answer.values:
        return "name_missing", f"{name} exists and has no such record"
    lacking = sorted(set(map(plain, expect)) - set(map(plain, answer.values)))
    if lacking:
        return "name_differs", f"{name} is {', '.join(answer.values[:5])}, without {', '.join(lacking)}"
    return "resolves", f"{name} is {', '.join(answer.values[:5])}"


def delegated(zone: str, own: Collection[str], answer: Answer | LookFailed) -> tuple[str, str]:
    """Judge a zone's delegation by what its parent says: (verdict, sentence). *own*: the zone's name servers."""
    if isinstance(answer, LookFailed):
        return "dns_no_answer", f"{zone}: the parent zone's answer is missing: {answer}"
    parent, mine = set(map(plain, answer.values)), set(map(plain, own))
    if not answer.exists or not parent:
        return "not_delegated", f"{zone} is not delegated: the parent zone has no name servers for it"
    if not parent & mine:
        return (
            "delegated_elsewhere",
            f"{zone} is delegated to {', '.join(sorted(parent))}, none of which serves it here",
        )
    if parent - mine:
        return (
            "delegated_in_part",
            f"{zone} is also delegated to {', '.join(sorted(parent - mine))}, which is not its own",
        )
    return "delegated", f"{zone} is delegated to its own name servers"


@dataclass(frozen=True, slots=True)
class Registration:
    """A domain that the account has registered."""

    name: str
    expires: datetime | None
    renews: bool  # by itself


def registered(domain: Registration, now: datetime, within: timedelta) -> tuple[str, str]:
    """Judge a domain's end: (verdict, sentence). One that renews itself and is short all the same was not renewed."""
    if domain.expires is None:
        return "no_expiry", f"{domain.name}: its registration does not say when it ends"
    day: date = domain.expires.date()
    left = domain.expires - now
    if left <= timedelta(0):
        return "domain_expired", f"{domain.name} expired on {day}"
    if left < (within / 2 if domain.renews else within):
        why = "though it should renew by itself" if domain.renews else "and does not renew by itself"
        return "domain_expires", f"{domain.name} expires on {day} {why}"
    if not domain.renews:
        return "domain_not_renewed", f"{domain.name} does not renew by itself and expires on {day}"
    return "registered", f"{domain.name} is registered until {day} and renews by itself"


def health(observations: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """Judge a Route 53 health check by its checkers' reports: (verdict, sentence).

    Route 53 takes an endpoint for healthy while more than 18 % of its checkers do (developer guide, "How Route 53
    determines whether a health check is healthy").
    """
    told = [str((one.get("StatusReport") or {}).get("Status") or "") for one in observations]
    known = [text for text in told if text.startswith(("Success", "Failure"))]
    if not known:
        return "health_unknown", "no checker of the health check reports"
    good = sum(text.startswith("Success") for text in known)
    sentence = f"{good} of {len(known)} checkers reach it"
    return ("health_ok" if good > 0.18 * len(known) else "health_failed"), sentence
