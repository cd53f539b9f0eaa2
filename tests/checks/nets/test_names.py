"""DNS: where records lead, what names and zones answer, when domains end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.base import LookFailed
from checks.estate import Answer
from checks.nets.names import (
    Ours,
    Pointer,
    Points,
    Registration,
    Target,
    delegated,
    health,
    leads,
    pointers,
    registered,
    resolved,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def _alias(host: str) -> dict[str, Any]:
    return {"Name": "www.example.com.", "Type": "A", "AliasTarget": {"DNSName": host, "HostedZoneId": "Z1"}}


def _record(kind: str, *values: str, name: str = "www.example.com.") -> dict[str, Any]:
    return {"Name": name, "Type": kind, "ResourceRecords": [{"Value": value} for value in values]}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            _alias("dualstack.web-1.eu-west-1.elb.amazonaws.com."),
            [("load_balancer", "web-1.eu-west-1.elb.amazonaws.com")],
        ),
        (_alias("net-1.elb.eu-west-1.amazonaws.com."), [("load_balancer", "net-1.elb.eu-west-1.amazonaws.com")]),
        (_alias("D111.CloudFront.net."), [("distribution", "d111.cloudfront.net")]),
        (_alias("s3-website-eu-west-1.amazonaws.com."), [("bucket", "www.example.com")]),
        (_alias("s3-website.eu-central-1.amazonaws.com."), [("bucket", "www.example.com")]),
        (_record("CNAME", "shop.s3-website-eu-west-1.amazonaws.com"), [("bucket", "shop")]),
        (_record("CNAME", "shop.assets.s3.eu-west-1.amazonaws.com."), [("bucket", "shop.assets")]),
        (_record("CNAME", "shop.s3.amazonaws.com"), [("bucket", "shop")]),
        (_record("CNAME", "env.eu-west-1.elasticbeanstalk.com"), [("other", "env.eu-west-1.elasticbeanstalk.com")]),
        (_record("CNAME", "example.github.io"), []),
        (_record("A", "52.1.2.3", "10.0.0.1"), [("address", "52.1.2.3")]),
        (_record("AAAA", "2A05:D018::1"), [("address", "2a05:d018::1")]),
        (_record("A", "not an address"), []),
        (_record("TXT", "52.1.2.3"), []),
        ({"Name": "x.", "Type": "A"}, []),
    ],
)
def test_what_records_point_at(record: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Things of AWS and public addresses; nothing else."""
    assert [(str(one.kind), one.target) for one in pointers([record])] == expected


ADDRESS = Pointer("www.example.com", Target.ADDRESS, "52.1.2.3")


def _site(alias: str) -> Ours:
    return Ours(distributions={"d111.cloudfront.net": frozenset({alias})})


SITE = Pointer("www.example.com", Target.DISTRIBUTION, "d111.cloudfront.net")


@pytest.mark.parametrize(
    ("pointer", "ours", "before", "exists", "whole", "expected"),
    [
        (ADDRESS, Ours(addresses=frozenset({"52.1.2.3"})), set(), None, True, Points.OURS),
        (ADDRESS, Ours(), {"52.1.2.3"}, None, True, Points.RELEASED),
        (ADDRESS, Ours(), {"52.1.2.3"}, None, False, Points.ELSEWHERE),
        (ADDRESS, Ours(), set(), None, True, Points.ELSEWHERE),
        (SITE, _site("www.example.com"), set(), None, True, Points.OURS),
        (SITE, _site("*.example.com"), set(), None, True, Points.OURS),
        (SITE, _site("example.com"), set(), None, True, Points.UNCLAIMED),
        (SITE, Ours(), set(), False, False, Points.GONE),
        (SITE, Ours(), set(), True, True, Points.ELSEWHERE),
        (SITE, Ours(), {"d111.cloudfront.net"}, None, True, Points.RELEASED),
        (Pointer("a.b", Target.BUCKET, "shop"), Ours(buckets=frozenset({"shop"})), set(), None, True, Points.OURS),
        (Pointer("a.b", Target.LOAD_BALANCER, "x"), Ours(hosts=frozenset({"x"})), set(), None, True, Points.OURS),
    ],
)  # fmt: skip
def test_where_a_record_leads(
    pointer: Pointer, ours: Ours, before: set[str], exists: bool | None, whole: bool, expected: Points
) -> None:
    """Released needs that it was ours, and that every account was seen; else nobody can tell."""
    assert leads(pointer, ours, before, exists, whole=whole) is expected


@pytest.mark.parametrize(
    ("answer", "expect", "verdict"),
    [
        (Answer(True, ("192.0.2.1",)), (), "resolves"),
        (Answer(True, ("192.0.2.1", "192.0.2.2")), ("192.0.2.2",), "resolves"),
        (Answer(True, ("LB.example.com.",)), ("lb.example.com",), "resolves"),
        (Answer(True, ("192.0.2.1",)), ("192.0.2.9",), "name_differs"),
        (Answer(True), (), "name_missing"),
        (Answer(False), (), "name_missing"),
        (LookFailed("timeout", "no answer"), (), "dns_no_answer"),
    ],
)
def test_declared_names(answer: Answer | LookFailed, expect: tuple[str, ...], verdict: str) -> None:
    """No answer says nothing of a name; NXDOMAIN does."""
    assert resolved("db.example.com", answer, expect)[0] == verdict


OWN = ("ns-1.awsdns-1.com.", "ns-2.awsdns-2.org")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(True, ("NS-1.awsdns-1.com", "ns-2.awsdns-2.org.")), "delegated"),
        (Answer(True, ("ns-1.awsdns-1.com",)), "delegated"),
        (Answer(True, ("ns-1.awsdns-1.com", "ns.other.net")), "delegated_in_part"),
        (Answer(True, ("ns.other.net",)), "delegated_elsewhere"),
        (Answer(True), "not_delegated"),
        (Answer(False), "not_delegated"),
        (LookFailed("unavailable", "refused"), "dns_no_answer"),
    ],
)
def test_delegation(answer: Answer | LookFailed, verdict: str) -> None:
    """The parent's word against the zone's."""
    assert delegated("example.com", OWN, answer)[0] == verdict


@pytest.mark.parametrize(
    ("days", "renews", "verdict"),
    [
        (300, True, "registered"),
        (300, False, "domain_not_renewed"),
        (29, False, "domain_expires"),
        (29, True, "registered"),
        (14, True, "domain_expires"),
        (0, True, "domain_expired"),
        (-3, False, "domain_expired"),
        (None, True, "no_expiry"),
    ],
)
def test_domains(days: int | None, renews: bool, verdict: str) -> None:
    """One that should have renewed itself and is still short is told as well."""
    expires = None if days is None else NOW + timedelta(days=days)
    assert registered(Registration("example.com", expires, renews), NOW, timedelta(days=30))[0] == verdict


def _seen(*words: str) -> list[dict[str, Any]]:
    return [{"StatusReport": {"Status": f"{word}: HTTP Status Code"}} for word in words]


@pytest.mark.parametrize(
    ("observations", "verdict"),
    [
        (_seen(*["Success"] * 16), "health_ok"),
        (_seen(*["Success"] * 3, *["Failure"] * 13), "health_ok"),
        (_seen(*["Success"] * 2, *["Failure"] * 14), "health_failed"),
        (_seen(*["Failure"] * 16), "health_failed"),
        (_seen("Resolving"), "health_unknown"),
        ([{}], "health_unknown"),
        ([], "health_unknown"),
    ],
)
def test_health_checks(observations: list[dict[str, Any]], verdict: str) -> None:
    """Route 53's own rule of 18 %; no report is not a failure."""
    assert health(observations)[0] == verdict
