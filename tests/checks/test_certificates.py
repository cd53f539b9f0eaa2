"""The certificates check over AWS: every holder, who uses what, and what it says where it could not look."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.tiers import tier_of
from checks.aws import AwsError, ErrorClass
from checks.base import UNMANAGED, Check, Fact, Kind, Outcome, Owner, Reading, Scope, Tier
from checks.certificates import Certificates
from tests.aws.blind import World
from tests.aws.fake import Answers, FakeAws, Fault
from tests.aws.places import ACCOUNT, NOW, REGION, fake_place, moto_place, seed
from tests.checks.certs.aws import (
    DAY,
    arn,
    authority,
    balancer,
    certificate_id,
    database,
    described,
    distribution,
    distributions,
    imported,
    listed,
    renewal,
    server_certificate,
    summary,
)
from tests.daemon.tls.world import issue

WEB = Owner("acme-prod", "web", "aws_lb.this", "production", "team-web")
GATE = Owner("acme-prod", "gate", "aws_acm_certificate.this", "production", "team-gate")
NOTHING: Answers = {
    ("acm", "list_certificates"): {"CertificateSummaryList": []},
    ("acm-pca", "list_certificate_authorities"): {"CertificateAuthorities": []},
    ("rds", "describe_db_instances"): {"DBInstances": []},
}  # fmt: skip


def look(answers: Answers | FakeAws, scope: Scope = Scope.REGION, **more: Any) -> dict[str, Reading]:
    """The readings of one look, by resource."""
    if not isinstance(answers, FakeAws) and scope is Scope.REGION:
        answers = {**NOTHING, **answers}
    place = fake_place(Certificates, answers, scope=scope, **more)
    found = list(Certificates().run(place))
    assert len({reading.resource for reading in found}) == len(found)
    found = [reading for reading in found if reading.verdict != "looked"]
    for reading in found:
        assert reading.verdict in Certificates.verdicts
        assert set(reading.values) <= set(Certificates.measures)
        json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
    return {reading.resource: reading for reading in found}


def acm(*rows: Mapping[str, Any], details: Mapping[str, Mapping[str, Any]] | None = None) -> Answers:
    return {("acm", "list_certificates"): listed(*rows), ("acm", "describe_certificate"): described(details or {})}


def tier(reading: Reading) -> Tier:
    [finding] = reading.findings
    return tier_of(finding.kind, finding.facts, {"stage": "production"}, reading.resource)[0]


# -- ACM ------------------------------------------------------------------------------------------------------------


def test_acm_shows_what_it_hides_by_default() -> None:
    """Every kind of key, what ACME issued, what was imported, and what Amazon's newer roots issued."""
    keys = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
    rows = [summary(f"key{number}", KeyAlgorithm=key) for number, key in enumerate(keys)]
    rows.append(summary("acme", CertificateKeyPairOrigin="ACME"))
    rows.append(imported("own"))
    rows += [summary(f"n{n}", RootHierarchyType=kind, KeyAlgorithm="EC_prime256v1")
             for n, kind in enumerate(["N2_AMAZON_MANAGED", "N2_SFG2_AMAZON_MANAGED"])]  # fmt: skip
    assert set(look(acm(*rows))) == {row["CertificateArn"] for row in rows}


@dataclass(frozen=True)
class Case:
    """One certificate of ACM, and what is said of it."""

    row: Mapping[str, Any]
    verdict: str
    tier: Tier | None
    details: Mapping[str, Any] | None = None
    described: bool = True


UNUSED: dict[str, Any] = {"InUse": False, "RenewalEligibility": "INELIGIBLE"}
CASES: dict[str, Case] = {
    "young": Case(summary("c"), "valid", None, described=False),
    "renewal under way": Case(
        summary("c", left=50), "renewing", None, {"RenewalSummary": renewal("PENDING_AUTO_RENEWAL")}
    ),
    "renewal late": Case(
        summary("c", left=20), "renewal_late", Tier.WARNING, {"RenewalSummary": renewal("PENDING_AUTO_RENEWAL")}
    ),
    "renewal never begun": Case(summary("c", left=20), "renewal_late", Tier.WARNING, {}),
    "renewal failed early": Case(
        summary("c", left=70), "renewal_failed", Tier.WARNING, {"RenewalSummary": renewal("FAILED", "CAA_ERROR")}
    ),
    "record gone from DNS": Case(
        summary("c", left=70), "renewal_blocked", Tier.WARNING,
        {"RenewalSummary": renewal("PENDING_VALIDATION", waiting=["c.example.com"])},
    ),
    "renewed": Case(summary("c", left=80), "valid", None, {"RenewalSummary": renewal("SUCCESS")}),
    "imported, in use": Case(imported("c", life=365, left=40), "expiring", Tier.WARNING),
    "imported, not used": Case(imported("c", life=365, left=40, InUse=False), "unused", None, described=False),
    "expired, in use": Case(imported("c", left=-3, Status="EXPIRED"), "expired", Tier.CRITICAL),
    "expired, not used": Case(
        imported("c", left=-3, Status="EXPIRED", InUse=False), "expired_unused", Tier.INFO, described=False
    ),
    "not eligible": Case(summary("c", left=40, RenewalEligibility="INELIGIBLE"), "expiring", Tier.WARNING),
    "eligibility not told": Case(summary("c", left=40, RenewalEligibility=None), "expiring", Tier.WARNING),
    "exported, so used elsewhere": Case(
        summary("c", left=40, InUse=False, Exported=True, RenewalEligibility="INELIGIBLE"), "expiring", Tier.WARNING,
        {"InUseBy": []},
    ),
    "by ACME, so used elsewhere": Case(
        summary("c", life=47, left=10, **UNUSED, CertificateKeyPairOrigin="ACME"), "expiring", Tier.WARNING,
        {"InUseBy": []},
    ),
    "47 days, under way": Case(summary("c", life=47, left=12), "renewing", None, {}),
    "47 days, late": Case(summary("c", life=47, left=7), "renewal_late", Tier.WARNING, {}),
    "revoked, in use": Case(
        summary("c", Status="REVOKED"), "revoked", Tier.WARNING,
        {"RevocationReason": "KEY_COMPROMISE", "InUseBy": [balancer("web")]},
    ),
    "revoked, not used": Case(summary("c", Status="REVOKED", InUse=False), "revoked", Tier.INFO, {"InUseBy": []}),
    "not valid yet": Case(summary("c", life=90, left=91), "not_yet_valid", Tier.WARNING, described=False),
    "first validation": Case(
        summary("c", Status="PENDING_VALIDATION", NotAfter=None, NotBefore=None, **UNUSED), "pending", None,
        {"InUseBy": []},
    ),
    "validation timed out": Case(
        summary("c", Status="VALIDATION_TIMED_OUT", NotAfter=None, NotBefore=None, **UNUSED), "not_issued", Tier.INFO,
        described=False,
    ),
    "request failed": Case(
        summary("c", Status="FAILED", NotAfter=None, NotBefore=None, **UNUSED), "not_issued", Tier.INFO,
        {"FailureReason": "CAA_ERROR", "InUseBy": []},
    ),
    "date only in the details": Case(summary("c", NotAfter=None), "valid", None, {"NotAfter": NOW + 150 * DAY}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_certificate_of_acm_has_its_verdict_and_tier(name: str) -> None:
    """From ACM's own answers to what a person hears; asked in detail only where that can matter."""
    case = CASES[name]
    fake = FakeAws({**NOTHING, **acm(case.row, details={"c": case.details} if case.details is not None else {})})
    [reading] = look(fake).values()
    assert reading.verdict == case.verdict
    assert reading.outcome is (Outcome.UNHEALTHY if case.tier else Outcome.HEALTHY)
    assert (tier(reading) if case.tier else None) == case.tier
    assert (("acm", "describe_certificate") in fake.asked) is case.described


def test_a_date_that_nobody_tells_is_unknown_and_no_number() -> None:
    """Neither expired nor valid, and absent from the metrics."""
    [reading] = look(acm(summary("c", NotAfter=None))).values()
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "no_date")
    assert "not_after_timestamp_seconds" not in reading.values
    assert reading.findings[0].kind is Kind.MONITORING


def test_a_blocked_renewal_names_the_record_to_put_back() -> None:
    """The command, and the line for DNS."""
    details = {"RenewalSummary": renewal("PENDING_VALIDATION", waiting=["b.example.com", "a.example.com"])}
    [reading] = look(acm(summary("c", left=70), details={"c": details})).values()
    [finding] = reading.findings
    assert "waits for the validation of a.example.com, b.example.com" in finding.summary
    assert f"aws acm describe-certificate --region {REGION} --certificate-arn {arn('c')}" in finding.remedy
    assert "# put into DNS: _x.a.example.com. CNAME _y.acm-validations.aws." in finding.remedy


def test_who_uses_it_is_told_with_their_owners() -> None:
    """Three by name, the others counted; the page has all."""
    users = [balancer(name) for name in ("a", "b", "c", "d", "e")]
    answers = acm(imported("c", left=-1, Status="EXPIRED"), details={"c": {"InUseBy": users}})
    [reading] = look(answers, owners={users[0]: WEB, arn("c"): GATE}).values()
    [finding] = reading.findings
    assert (
        "used by elasticloadbalancing loadbalancer/app/a/50dc6c495c0c9188 (acme-prod/web aws_lb.this)"
        in finding.summary
    )
    assert finding.summary.endswith("and 2 more") or ", 2 more" in finding.summary
    assert finding.owner == GATE
    assert [user["arn"] for user in reading.evidence["used_by"]] == users
    assert set(users) < set(finding.addresses)


def test_a_certificate_that_no_state_holds_goes_to_those_who_use_it() -> None:
    """Its own owner first, then a user's; unmanaged only where the states were read; else nobody knows."""
    answers = acm(imported("c", left=-1, Status="EXPIRED"))

    def owner(**more: Any) -> Owner | None:
        [reading] = look(answers, **more).values()
        return reading.findings[0].owner

    assert owner(owners={balancer("web"): WEB}) == WEB
    assert owner() == UNMANAGED
    assert owner(states_read=False) is None


def test_the_words_of_a_finding_do_not_change_with_time() -> None:
    """Two looks a day apart at the same certificate say the same: no message is edited for it."""
    answers = acm(imported("c", life=365, left=40))
    first, second = (next(iter(look(answers, now=NOW + days * DAY).values())).findings for days in (0, 1))
    assert first == second


def test_near_and_then_past_its_end_is_one_incident() -> None:
    """The same key, so that a warning becomes critical and is not told as something new."""
    answers = acm(imported("c", life=365, left=10))
    near, past = (next(iter(look(answers, now=NOW + days * DAY).values())).findings[0] for days in (0, 11))
    assert (near.kind, near.key) == (past.kind, past.key)
    assert (set(near.facts), set(past.facts)) == (set(), {Fact.EXPIRED})


def test_pages_are_read_to_the_end() -> None:
    """Of 250 certificates none is missed."""
    rows = [summary(f"c{number}") for number in range(250)]
    assert len(look({("acm", "list_certificates"): listed(*rows)})) == 250


def test_a_refused_detail_hides_one_renewal_and_no_expiry() -> None:
    """What the list says still counts; what only the details say is unknown, not well."""
    rows = [summary("a", left=50), imported("b", left=-1, Status="EXPIRED"), summary("c")]
    fake = FakeAws({**NOTHING, **acm(*rows)})
    with fake.failing("acm", "describe_certificate", Fault.DENIED):
        found = look(fake)
    assert found[arn("a")].outcome is Outcome.UNKNOWN
    assert [finding.kind for finding in found[arn("a")].findings] == [Kind.MONITORING]
    assert found[arn("b")].outcome is Outcome.UNKNOWN
    assert Fact.EXPIRED in found[arn("b")].findings[1].facts
    assert found[arn("c")].outcome is Outcome.HEALTHY


def test_a_certificate_deleted_between_list_and_details_is_dropped() -> None:
    """It was there, and is not: nothing to say."""

    class Gone(FakeAws):
        def prepare(self, client: Any, service: str) -> None:
            super().prepare(client, service)
            if service == "acm":
                from botocore.exceptions import ClientError

                def refuse(**_: Any) -> None:
                    raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeCertificate")

                client.meta.events.register_first("before-call.acm.DescribeCertificate", refuse)

    found = look(Gone({**NOTHING, **acm(summary("a", left=20), summary("b"))}))
    assert set(found) == {arn("b")}


def test_certificates_in_use_and_not_are_counted_apart() -> None:
    """The dates of what nobody uses are no metric: an alert on them would never end."""
    found = look(acm(imported("a", left=-9, Status="EXPIRED", InUse=False), imported("b", left=300, life=365)))
    assert found[arn("a")].values == {
        "seen": 1, "unused": 1, "expired": 0, "near_end": 0, "renewals_troubled": 0, "misplaced": 0, "weak": 0,
    }  # fmt: skip
    assert found[arn("b")].values["not_after_timestamp_seconds"] == (NOW + 300 * DAY).timestamp()


def test_a_region_without_certificates_was_looked_at() -> None:
    """Healthy, and not silent: each list says that it was read to its end."""
    found = list(Certificates().run(fake_place(Certificates, NOTHING)))
    assert {reading.resource for reading in found} == {
        f"{ACCOUNT}/{REGION}/{name}" for name in ("acm", "acm-n2", "acm-pca", "rds")
    }
    assert {(reading.outcome, reading.verdict) for reading in found} == {(Outcome.HEALTHY, "looked")}


# -- private authorities, RDS ---------------------------------------------------------------------------------------

AUTHORITIES = {
    "ACTIVE, long": (authority("c", 900), "valid", None),
    "ACTIVE, half a year": (authority("c", 170), "expiring", Tier.WARNING),
    "EXPIRED": (authority("c", -1, "EXPIRED"), "expired", Tier.CRITICAL),
    "DISABLED": (authority("c", 100, "DISABLED"), "unused", None),
    "DISABLED and past": (authority("c", -1, "DISABLED"), "expired_unused", Tier.INFO),
    "CREATING": (authority("c", 1, "CREATING"), "pending", None),
    "FAILED": (authority("c", 1, "FAILED", FailureReason="REQUEST_TIMED_OUT"), "not_issued", Tier.INFO),
}


@pytest.mark.parametrize("name", AUTHORITIES)
def test_private_authorities(name: str) -> None:
    """By their state and their own end, of which there is longer notice."""
    row, verdict, expected = AUTHORITIES[name]
    [reading] = look({("acm-pca", "list_certificate_authorities"): {"CertificateAuthorities": [row]}}).values()
    assert (reading.verdict, tier(reading) if reading.findings else None) == (verdict, expected)


def test_a_deleted_authority_is_none() -> None:
    """It is listed for as long as it can be restored."""
    rows = [authority("c", 100, "DELETED")]
    assert look({("acm-pca", "list_certificate_authorities"): {"CertificateAuthorities": rows}}) == {}


DATABASES = {
    "renewed by RDS, long": (database("d", 200), "valid", None),
    "renewed by RDS, in time": (database("d", 20), "renewing", None),
    "renewed by RDS, late": (database("d", 10), "renewal_late", Tier.WARNING),
    "an old authority, near": (database("d", 20, "rds-ca-2019"), "expiring", Tier.WARNING),
    "an old authority, past": (database("d", -20, "rds-ca-2019"), "expired", Tier.CRITICAL),
    "no date of its own": (database("d", None, "rds-ca-2015"), "expired", Tier.CRITICAL),
}


@pytest.mark.parametrize("name", DATABASES)
def test_server_certificates_of_databases(name: str) -> None:
    """Newer authorities renew by themselves; without a date of its own it ends no later than its authority."""
    row, verdict, expected = DATABASES[name]
    answers: dict[tuple[str, str], Any] = {("rds", "describe_db_instances"): {"DBInstances": [row]}}
    if "CertificateDetails" not in row:
        answers["rds", "describe_certificates"] = {
            "Certificates": [{"CertificateIdentifier": "rds-ca-2015", "ValidTill": NOW - 900 * DAY}]
        }
    [reading] = look(answers).values()
    assert (reading.verdict, tier(reading) if reading.findings else None) == (verdict, expected)
    assert all("aws rds " in finding.remedy for finding in reading.findings)


def test_a_database_that_tells_no_date_at_all_is_unknown() -> None:
    """An authority that nobody lists gives none either."""
    answers: Answers = {
        ("rds", "describe_db_instances"): {"DBInstances": [database("d", None, "")]},
        ("rds", "describe_certificates"): {"Certificates": []},
    }
    [reading] = look(answers).values()
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "no_date")


# -- the account: IAM, CloudFront, load balancers -------------------------------------------------------------------


def listener(name: str, protocol: str, *certificates: str) -> dict[str, Any]:
    return {
        "ListenerArn": f"{balancer(name).replace('loadbalancer', 'listener')}/f2f7dc8efc522ab2", "Protocol": protocol,
        "LoadBalancerArn": balancer(name), "Certificates": [{"CertificateArn": one} for one in certificates],
    }  # fmt: skip


def iam(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:server-certificate/{name}"


def account(
    *certificates: Mapping[str, Any],
    front: Mapping[str, Any] | None = None,
    listeners: tuple[Mapping[str, Any], ...] = (),
    more: tuple[str, ...] = (),
    classic: tuple[str, ...] = (),
) -> Answers:
    """What an account answers: IAM's certificates, CloudFront, the listeners of one balancer, a classic one."""
    held = {"ServerCertificateMetadataList": list(certificates), "IsTruncated": False}
    answers: dict[tuple[str, str], Any] = {
        ("iam", "list_server_certificates"): held,
        ("cloudfront", "list_distributions"): front or distributions(distribution("e0")),
    }  # fmt: skip
    if certificates:
        found = [{"LoadBalancerArn": balancer("web"), "LoadBalancerName": "web"}]
        answers["elbv2", "describe_load_balancers"] = {"LoadBalancers": found}
        answers["elbv2", "describe_listeners"] = {"Listeners": list(listeners)}
        if any(one["Protocol"] in ("HTTPS", "TLS") for one in listeners):
            answers["elbv2", "describe_listener_certificates"] = {
                "Certificates": [{"CertificateArn": one, "IsDefault": False} for one in more]
            }
        spoken = [
            {"Listener": {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstancePort": 80, "SSLCertificateId": one}}
            for one in classic
        ]
        answers["elb", "describe_load_balancers"] = {
            "LoadBalancerDescriptions": [{"LoadBalancerName": "old", "ListenerDescriptions": spoken}]
        }
    return answers


def look_at_account(answers: Answers | FakeAws, **more: Any) -> dict[str, Reading]:
    return look(answers, Scope.ACCOUNT, region="us-east-1", **{"regions": (REGION,), **more})


def test_iam_certificates_are_joined_with_everybody_who_can_use_them() -> None:
    """The default certificate of a listener, one for SNI, a classic balancer, CloudFront; and one that nobody uses."""
    names = ("default", "sni", "classic", "front", "nobody")
    found = look_at_account(
        account(
            *(server_certificate(name, -1) for name in names),
            front=distributions(distribution("e1", IAMCertificateId=certificate_id("front"), CertificateSource="iam")),
            listeners=(listener("web", "HTTPS", iam("default")), listener("web", "HTTP")),
            more=(iam("sni"),),
            classic=(iam("classic"),),
        )
    )
    assert {name: found[iam(name)].verdict for name in names} == {
        **dict.fromkeys(names, "expired"), "nobody": "expired_unused",
    }  # fmt: skip
    assert tier(found[iam("nobody")]) is Tier.INFO
    assert "loadbalancer/old" in found[iam("classic")].findings[0].summary
    assert "cloudfront distribution/e1" in found[iam("front")].findings[0].summary


def test_an_account_without_iam_certificates_asks_no_load_balancer() -> None:
    """The calls for each listener are made only where they can tell something."""
    fake = FakeAws(account())
    assert look_at_account(fake) == {}
    assert fake.asked == {("iam", "list_server_certificates"), ("cloudfront", "list_distributions")}


def test_where_a_balancer_could_not_be_asked_nobody_says_unused() -> None:
    """An expired certificate stays critical, and what is not seen to be used is unknown."""
    answers = account(server_certificate("a", -1), server_certificate("b", 400))
    for service, operation in (("elb", "describe_load_balancers"), ("elbv2", "describe_listeners")):
        fake = FakeAws(answers)
        with fake.failing(service, operation, Fault.DENIED):
            found = look_at_account(fake)
        assert {found[iam(name)].outcome for name in "ab"} == {Outcome.UNKNOWN}
        assert Fact.EXPIRED in found[iam("a")].findings[1].facts


def test_an_iam_certificate_without_a_date_is_unknown() -> None:
    """Expiration is not required by the model."""
    found = look_at_account(account(server_certificate("a", None), listeners=(listener("web", "TLS", iam("a")),)))
    assert (found[iam("a")].outcome, found[iam("a")].verdict) == (Outcome.UNKNOWN, "no_date")


def test_cloudfronts_certificates_are_looked_at_where_nobody_watches_their_region() -> None:
    """They are in us-east-1 always; where that is watched, the region tells of them, once."""
    used = arn("front", "us-east-1")
    front = distributions(distribution("e1", ACMCertificateArn=used, CertificateSource="acm"))
    details = {
        **imported("front", region="us-east-1", life=365, left=20),
        "InUseBy": [front["DistributionList"]["Items"][0]["ARN"]],
    }
    for gone in ("InUse", "Exported"):
        del details[gone]
    answers = {**account(front=front), ("acm", "describe_certificate"): described({"front": details})}
    found = look_at_account(answers)
    assert (found[used].verdict, tier(found[used])) == ("expiring", Tier.WARNING)
    assert "cloudfront distribution/e1" in found[used].findings[0].summary
    assert look_at_account(account(front=front), regions=("us-east-1", REGION)) == {}


def test_a_partition_without_cloudfront_is_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no such service, nothing can be bound there: IAM's certificates are judged all the same."""
    place = fake_place(Certificates, account(server_certificate("a", -1)), scope=Scope.ACCOUNT, regions=(REGION,))
    asked = place.shared

    def shared(service: str, *rest: Any, **more: Any) -> Any:
        if service == "cloudfront":
            raise AwsError(ErrorClass.NOT_ENABLED, service=service, operation="ListDistributions")
        return asked(service, *rest, **more)

    monkeypatch.setattr(place, "shared", shared)
    verdicts = {reading.resource: reading.verdict for reading in Certificates().run(place)}
    assert verdicts == {iam("a"): "expired_unused", f"{ACCOUNT}/iam": "looked"}


# -- could not look -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Worlds:
    """One world for each kind of AWS place that the check looks at."""

    worlds: tuple[World, ...]

    def prove(self, check: Check, folder: Path) -> None:
        for number, world in enumerate(self.worlds):
            (folder / str(number)).mkdir()
            world.prove(check, folder / str(number))


REGIONAL: Answers = {
    **acm(summary("young"), summary("late", left=20), summary("n2", RootHierarchyType="N2_AMAZON_MANAGED")),
    ("acm-pca", "list_certificate_authorities"): {"CertificateAuthorities": [authority("root", 100)]},
    ("rds", "describe_db_instances"): {"DBInstances": [database("a", 200), database("b", None, "rds-ca-2019")]},
    ("rds", "describe_certificates"): {
        "Certificates": [{"CertificateIdentifier": "rds-ca-2019", "ValidTill": NOW - DAY}]
    },
}  # fmt: skip
_FRONT = arn("front", "us-east-1")
GLOBAL: Answers = {
    **account(
        server_certificate("front", 400), server_certificate("balanced", -1), server_certificate("idle", -1),
        front=distributions(
            distribution("e1", IAMCertificateId=certificate_id("front"), CertificateSource="iam"),
            distribution("e2", ACMCertificateArn=_FRONT, CertificateSource="acm"),
        ),
        listeners=(listener("web", "HTTPS", iam("balanced")),),
    ),
    ("acm", "describe_certificate"): described(
        {"front": {"Status": "ISSUED", "NotAfter": NOW + 90 * DAY, "NotBefore": NOW - DAY, "InUseBy": [balancer("x")]}}
    ),
}  # fmt: skip
WORLD = Worlds((World(REGIONAL), World(GLOBAL, scope=Scope.ACCOUNT, region="us-east-1", regions=(REGION,))))


# -- moto, where it is right ----------------------------------------------------------------------------------------


def test_moto_inventory(moto: str) -> None:
    """Real requests over HTTP: issued and imported certificates, keys of both kinds."""
    now = datetime.now(UTC)  # moto lives in real time
    client = seed(moto, "acm", account="222233334444")
    made = issue("own.example.com", names=("own.example.com",), begins=now - 80 * DAY, ends=now + 10 * DAY)
    own = client.import_certificate(Certificate=made.pem, PrivateKey=made.key_pem)["CertificateArn"]
    asked = client.request_certificate(DomainName="new.example.com", ValidationMethod="DNS")["CertificateArn"]
    place = moto_place(Certificates, moto, account="222233334444", now=now)
    found = {reading.resource: reading for reading in Certificates().run(place)}
    assert (found[own].verdict, found[own].evidence["type"]) == ("unused", "IMPORTED")
    assert found[own].evidence["key"] == "EC_prime256v1"
    assert found[asked].verdict == "pending"
