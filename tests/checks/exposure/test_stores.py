"""Data stores, and what clients talk to."""

from __future__ import annotations

from typing import Any

import pytest

from checks.exposure import listeners, stores
from checks.exposure.stores import Forced
from tests.checks.exposure.account_world import distribution
from tests.checks.exposure.world import FORWARD, TO_HTTPS


@pytest.mark.parametrize(("encrypted", "wrong"), [(True, False), (False, True), (None, True), ("", True)])
def test_what_aws_does_not_call_encrypted_is_not(encrypted: object, wrong: bool) -> None:
    """Encrypted is what AWS says True of."""
    assert bool(stores.unencrypted("volume v", encrypted, "look", "encrypted = true")) is wrong


@pytest.mark.parametrize(
    ("engine", "parameter"),
    [
        ("postgres", "rds.force_ssl"),
        ("aurora-postgresql", "rds.force_ssl"),
        ("sqlserver-ex", "rds.force_ssl"),
        ("mysql", "require_secure_transport"),
        ("mariadb", "require_secure_transport"),
        ("aurora-mysql", "require_secure_transport"),
        ("aurora", "require_secure_transport"),
        ("docdb", "tls"),
        ("neptune", "neptune_enforce_ssl"),
        ("oracle-ee", ""),
        ("custom-oracle-ee", ""),
        ("db2-se", ""),
        ("", ""),
    ],
)
def test_the_switch_of_an_engine(engine: str, parameter: str) -> None:
    """An engine without one is not judged, and not called fine."""
    switch = stores.tls_switch(engine)
    assert (switch.parameter if switch else "") == parameter


def parameter(value: str | None, apply: str = "static", name: str = "rds.force_ssl") -> dict[str, Any]:
    return {"ParameterName": name, "ApplyType": apply} | ({} if value is None else {"ParameterValue": value})


@pytest.mark.parametrize(
    ("engine", "found", "in_sync", "expected"),
    [
        ("postgres", [parameter("1")], True, Forced.YES),
        ("postgres", [parameter("0")], True, Forced.NO),
        ("postgres", [parameter(None)], True, Forced.NO),
        ("postgres", [parameter("1")], False, Forced.AFTER_REBOOT),
        ("postgres", [parameter("1", "dynamic")], False, Forced.YES),
        ("postgres", [parameter("0")], False, Forced.NO),
        ("postgres", [], True, None),
        ("postgres", [parameter("1", name="other")], True, None),
        ("mysql", [parameter("ON", name="require_secure_transport")], True, Forced.YES),
        ("mysql", [parameter("OFF", name="require_secure_transport")], True, Forced.NO),
        ("docdb", [parameter("enabled", name="tls")], True, Forced.YES),
        ("docdb", [parameter("tls1.2+", name="tls")], True, Forced.YES),
        ("docdb", [parameter("disabled", name="tls")], True, Forced.NO),
    ],
)
def test_whether_tls_is_forced(engine: str, found: Any, in_sync: bool, expected: Forced | None) -> None:
    """A value that waits for a reboot forces nothing yet."""
    switch = stores.tls_switch(engine)
    assert switch is not None
    assert stores.forced(switch, found, in_sync=in_sync) is expected


@pytest.mark.parametrize(
    ("cache", "wrong"),
    [
        ({"TransitEncryptionEnabled": True}, False),
        ({"TransitEncryptionEnabled": True, "TransitEncryptionMode": "required"}, False),
        ({"TransitEncryptionEnabled": True, "TransitEncryptionMode": "preferred"}, True),
        ({"TransitEncryptionEnabled": False}, True),
        ({}, True),
    ],
)
def test_caches(cache: dict[str, Any], wrong: bool) -> None:
    """One that takes both does not insist."""
    assert bool(stores.cache_transport("cache c", cache, "look")) is wrong


@pytest.mark.parametrize(
    ("attributes", "public"),
    [
        ([], False),
        ([{"AttributeName": "restore", "AttributeValues": []}], False),
        ([{"AttributeName": "restore", "AttributeValues": ["222222222222"]}], False),
        ([{"AttributeName": "restore", "AttributeValues": ["222222222222", "all"]}], True),
        ([{"AttributeName": "other", "AttributeValues": ["all"]}], False),
    ],
)
def test_snapshots_that_are_shared_with_all(attributes: Any, public: bool) -> None:
    """Shared with some account is another thing."""
    assert stores.shared_with_all(attributes) is public


REFUSE = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
ANSWER = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
TO_HTTP = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP", "StatusCode": "HTTP_301"}}
AS_IT_CAME = {"Type": "redirect", "RedirectConfig": {"Protocol": "#{protocol}", "StatusCode": "HTTP_301"}}


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([TO_HTTPS], True),
        ([REFUSE], True),
        ([FORWARD], False),
        ([ANSWER], False),
        ([TO_HTTP], False),
        ([AS_IT_CAME], False),
        ([{"Type": "authenticate-oidc"}, FORWARD], False),
        ([], False),
    ],
)
def test_a_rule_that_sends_to_https(actions: Any, expected: bool) -> None:
    """Only a redirect to HTTPS and a refusal give nothing away."""
    assert listeners.redirects(actions) is expected


@pytest.mark.parametrize(
    ("protocol", "port", "expected"),
    [
        ("HTTP", 80, True), ("HTTP", 8443, True), ("HTTPS", 443, False), ("TLS", 443, False), ("TCP", 80, True),
        ("TCP", 8080, True), ("TCP", 5432, None), ("TCP", 443, None), ("TCP_UDP", 80, True), ("UDP", 53, None),
        ("GENEVE", 6081, None), ("QUIC", 443, False), ("SSL", 443, None),
    ],
)  # fmt: skip
def test_a_plain_listener(protocol: str, port: int, expected: bool | None) -> None:
    """What is passed on as it comes is not known, and never called encrypted."""
    assert listeners.is_plain({"Protocol": protocol, "Port": port}) is expected


def origins(policy: str) -> dict[str, Any]:
    return {"Quantity": 1, "Items": [{"Id": "o", "CustomOriginConfig": {"OriginProtocolPolicy": policy}}]}


def paths(**policies: str) -> dict[str, Any]:
    return {"Items": [{"PathPattern": path, "ViewerProtocolPolicy": policy} for path, policy in policies.items()]}


OWN = {"ACMCertificateArn": "arn", "CloudFrontDefaultCertificate": False}
HTTPS = "redirect-to-https"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (distribution("E", HTTPS), []),
        (distribution("E", "https-only"), []),
        (distribution("E", "allow-all"), ["distribution_plain:viewers"]),
        (distribution("E", HTTPS, CacheBehaviors=paths(images="allow-all")), ["distribution_plain:viewers"]),
        (distribution("E", HTTPS, CacheBehaviors=paths(images="https-only")), []),
        (distribution("E", HTTPS, Origins=origins("https-only")), []),
        (distribution("E", HTTPS, Origins=origins("http-only")), ["distribution_plain:origins"]),
        (distribution("E", HTTPS, Origins=origins("match-viewer")), []),
        (distribution("E", "allow-all", Origins=origins("match-viewer")),
         ["distribution_plain:viewers", "distribution_plain:origins"]),
        (distribution("E", HTTPS, ViewerCertificate={**OWN, "MinimumProtocolVersion": "TLSv1.2_2021"}), []),
        (distribution("E", HTTPS, ViewerCertificate={**OWN, "MinimumProtocolVersion": "TLSv1_2016"}), ["tls_outdated"]),
        # CloudFront's own domain has TLSv1 and no choice.
        (distribution("E", HTTPS, ViewerCertificate={"CloudFrontDefaultCertificate": True,
                                                     "MinimumProtocolVersion": "TLSv1"}), []),
    ],
)  # fmt: skip
def test_a_distribution(given: dict[str, Any], expected: list[str]) -> None:
    """Every behaviour and every origin, not the default alone."""
    assert [weakness.name for weakness in listeners.distribution(given)] == expected
