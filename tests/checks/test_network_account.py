"""The network check at an account: zones, health checks, domains, and what records can point at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from checks.base import Fact, Kind, Outcome, Reading
from tests.aws.fake import Answers, Call
from tests.aws.places import ACCOUNT, NOW
from tests.checks.nets.world import GLOBAL, ZONE
from tests.checks.test_network import AtAccount, look, told


def account(changed: Answers | None = None) -> dict[str, Reading]:
    return look(changed, answers=GLOBAL, check=AtAccount())


def test_what_an_account_has_everywhere() -> None:
    """Zones and what records point at are kept for the estate; the rest is judged here."""
    found = account()
    assert told(found) == {"arn:aws:route53:::healthcheck/hc-1": ("health_failed", Kind.UTILIZATION)}
    assert {name: reading.verdict for name, reading in found.items()} == {
        ZONE: "seen",
        f"{ACCOUNT}/zones": "seen",
        f"{ACCOUNT}/health-checks": "looked",
        f"{ACCOUNT}/domains": "looked",
        "arn:aws:route53:::healthcheck/hc-1": "health_failed",
        "arn:aws:route53:::healthcheck/hc-2": "follows_others",
        "arn:aws:route53:::healthcheck/hc-3": "switched_off",
        f"{ACCOUNT}/domain/example.com": "registered",
        f"{ACCOUNT}/distributions": "seen",
        f"{ACCOUNT}/buckets": "seen",
    }
    assert found[ZONE].evidence["network"]["pointers"] == [["www.example.com", "address", "52.1.2.3"]]
    assert found[ZONE].evidence["network"]["servers"] == ["ns-1.awsdns-1.com"]


def test_a_health_check_of_which_nobody_reports_is_not_known() -> None:
    """Neither reached nor not."""
    changed: Answers = {("route53", "get_health_check_status"): {"HealthCheckObservations": []}}
    assert account(changed)["arn:aws:route53:::healthcheck/hc-1"].outcome is Outcome.UNKNOWN


def test_the_finding_of_a_health_check_does_not_move_with_its_checkers() -> None:
    """A change of numbers is no news."""

    def status(*words: str) -> Answers:
        seen = [{"StatusReport": {"Status": f"{word}: x"}} for word in words]
        return {("route53", "get_health_check_status"): {"HealthCheckObservations": seen}}

    found = [account(status(*words)) for words in (["Failure"] * 9, ["Failure"] * 9 + ["Success"])]
    one, other = (readings["arn:aws:route53:::healthcheck/hc-1"] for readings in found)
    assert one.findings == other.findings
    assert one.summary != other.summary


@pytest.mark.parametrize(
    ("domain", "verdict", "kind", "facts"),
    [
        ({"AutoRenew": True, "Expiry": NOW + timedelta(days=100)}, "registered", None, set()),
        ({"AutoRenew": False, "Expiry": NOW + timedelta(days=100)}, "domain_not_renewed", Kind.COMPLIANCE, set()),
        ({"AutoRenew": False, "Expiry": NOW + timedelta(days=20)}, "domain_expires", Kind.CERTIFICATE_EXPIRY, set()),
        (
            {"AutoRenew": True, "Expiry": NOW - timedelta(days=1)},
            "domain_expired",
            Kind.CERTIFICATE_EXPIRY,
            {Fact.EXPIRED},
        ),
        ({"AutoRenew": True}, "no_expiry", Kind.MONITORING, set()),
    ],
)
def test_domains(domain: Mapping[str, Any], verdict: str, kind: Kind | None, facts: set[Fact]) -> None:
    """What ends has the kind of what expires, and is critical once it has."""
    changed = {("route53domains", "list_domains"): {"Domains": [{"DomainName": "Example.com", **domain}]}}
    reading = account(changed)[f"{ACCOUNT}/domain/example.com"]
    assert reading.verdict == verdict
    assert [(one.kind, set(one.facts)) for one in reading.findings] == ([(kind, facts)] if kind else [])
    assert (reading.outcome is Outcome.UNKNOWN) is (verdict == "no_expiry")


def test_a_zone_without_name_servers_is_not_believed() -> None:
    """Every zone has them, so an answer without is no answer."""
    changed = {
        ("route53", "list_resource_record_sets"): {"ResourceRecordSets": [], "IsTruncated": False, "MaxItems": "300"}
    }
    assert account(changed)[ZONE].outcome is Outcome.UNKNOWN


def test_records_come_in_pages() -> None:
    """All of them are looked through."""

    def page(call: Call) -> Mapping[str, Any]:
        last = call.parameters.get("StartRecordName") == "www.example.com."
        name = "www.example.com." if last else "example.com."
        kind, value = ("A", "52.1.2.3") if last else ("NS", "ns-1.awsdns-1.com.")
        found: dict[str, Any] = {
            "ResourceRecordSets": [{"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}],
            "IsTruncated": not last, "MaxItems": "1",
        }  # fmt: skip
        return found if last else {**found, "NextRecordName": "www.example.com.", "NextRecordType": "A"}

    assert account({("route53", "list_resource_record_sets"): page})[ZONE].evidence["network"]["pointers"] == [
        ["www.example.com", "address", "52.1.2.3"]
    ]


def test_no_domains_are_asked_for_where_there_is_no_such_service() -> None:
    """Of China's partition, one would ask in vain for ever."""
    answers = {key: value for key, value in GLOBAL.items() if key[0] != "route53domains"}
    found = look(answers=answers, check=AtAccount(), region="cn-north-1")
    assert all(reading.outcome is not Outcome.UNKNOWN for reading in found.values())
