"""Live endpoints: real servers with real certificates, from the socket to the reading."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from checks.base import Fact, Finding, Kind, LookFailed, Outcome, Reading
from checks.certificates import Certificates
from checks.certs.targets import Endpoint, LiveTarget
from daemon.tls import LiveEndpoint, Prober
from tests.daemon.tls.world import CLIENTS_ONLY, DAY, HOST, NOW, Pki, issue, tcp_server, tls_server


def look(endpoint: Endpoint, seconds: float = 10, now: datetime = NOW) -> Reading:
    """The one reading of an endpoint, as the daemon would have it."""
    place = LiveEndpoint(LiveTarget(endpoint, seconds), Prober(), lambda: now)
    [reading] = Certificates().run(place)
    assert reading.resource == place.key
    assert reading.verdict in Certificates.verdicts
    assert set(reading.values) <= set(Certificates.measures)
    json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
    return reading


def at(port: int, pki: Pki, **more: Any) -> Endpoint:
    return Endpoint(HOST, port, **{"ca_bundle": pki.ca_bundle, "server_name": "localhost", **more})


def told(reading: Reading) -> dict[str, Finding]:
    return {finding.key: finding for finding in reading.findings}


def test_a_sound_endpoint_is_valid_and_exports_its_dates(pki: Pki) -> None:
    """Leaf, chain as sent, and chain as verified each have their date."""
    leaf = pki.leaf(ends=NOW + 80 * DAY)
    with tls_server(leaf, pki.middle) as port:
        reading = look(at(port, pki))
    assert (reading.outcome, reading.verdict, reading.findings) == (Outcome.HEALTHY, "valid", ())
    assert reading.values["not_after_timestamp_seconds"] == (NOW + 80 * DAY).timestamp()
    assert reading.values["not_before_timestamp_seconds"] == (NOW - 10 * DAY).timestamp()
    assert reading.values["verified_not_after_timestamp_seconds"] == (NOW + 80 * DAY).timestamp()
    [address] = reading.evidence["addresses"]
    assert [card["subject"] for card in address["chain"]] == ["localhost", "Test Issuing CA"]
    assert (address["protocol"], address["trust"]) == ("TLSv1.3", "trusted")
    assert address["chain"][0]["sha256"] == leaf.fingerprint


def test_an_expired_endpoint_is_critical_and_still_exports_its_dates(pki: Pki) -> None:
    """What clients refuse is what people must see the dates of; that its issuer is trusted is seen all the same."""
    with tls_server(pki.leaf(ends=NOW - 2 * DAY), pki.middle) as port:
        reading = look(at(port, pki))
    assert (reading.outcome, reading.verdict) == (Outcome.UNHEALTHY, "expired")
    assert reading.values["not_after_timestamp_seconds"] == (NOW - 2 * DAY).timestamp()
    [finding] = reading.findings
    assert (finding.kind, finding.key) == (Kind.CERTIFICATE_EXPIRY, "expiry")
    assert finding.facts == {Fact.EXPIRED}
    assert finding.remedy.startswith(f"openssl s_client -connect {HOST}:")


def test_a_certificate_for_another_name_is_told_and_still_exports_its_dates(pki: Pki) -> None:
    """The names it is for are named."""
    with tls_server(pki.leaf("other", names=("other.example", "*.other.example")), pki.middle) as port:
        reading = look(at(port, pki))
    assert (reading.outcome, reading.verdict) == (Outcome.UNHEALTHY, "wrong_name")
    assert told(reading)["name"].summary == ("the certificate is for other.example, *.other.example, not for localhost")
    assert "not_after_timestamp_seconds" in reading.values


def test_expired_mismatched_and_untrusted_are_three_findings(pki: Pki) -> None:
    """One problem does not hide another, and the worst gives the verdict."""
    with tls_server(issue("me", names=("else.example",), ends=NOW - DAY)) as port:
        reading = look(at(port, pki))
    assert reading.verdict == "expired"
    assert set(told(reading)) == {"expiry", "name", "trust"}
    assert "signed by itself" in told(reading)["trust"].summary


def test_a_chain_without_the_issuers_certificate_is_incomplete(pki: Pki) -> None:
    """Browsers may mend it; programs do not."""
    with tls_server(pki.leaf()) as port:
        reading = look(at(port, pki))
    assert reading.verdict == "incomplete_chain"
    assert "Test Issuing CA" in told(reading)["trust"].summary


def test_a_root_that_is_not_trusted_here_is_told(pki: Pki, tmp_path: Path) -> None:
    """A whole chain to a private root, looked at with another root."""
    (tmp_path / "other").mkdir()
    other = Pki(tmp_path / "other", issue("Other Root", authority=True))
    with tls_server(pki.leaf(), pki.middle, pki.root) as port:
        reading = look(at(port, pki, ca_bundle=other.ca_bundle))
        wanted = look(at(port, pki, ca_bundle=other.ca_bundle, expect_trusted=False))
    assert reading.verdict == "untrusted"
    assert "Test Root is not trusted here" in told(reading)["trust"].summary
    assert (wanted.outcome, wanted.verdict) == (Outcome.HEALTHY, "valid")


def test_an_authority_in_the_chain_that_ends_first_is_told(pki: Pki) -> None:
    """The leaf is young and the chain is not: expired is critical, near is a warning."""
    for ends, verdict, facts in (
        (NOW - DAY, "chain_expired", {Fact.EXPIRED}),
        (NOW + 5 * DAY, "chain_expiring", set()),
    ):
        middle = issue("Old CA", pki.root, authority=True, begins=NOW - 900 * DAY, ends=ends)
        with tls_server(pki.leaf(issuer=middle), middle) as port:
            reading = look(at(port, pki))
        assert reading.verdict == verdict
        assert set(told(reading)["chain"].facts) == facts
        assert reading.values["chain_not_after_timestamp_seconds"] == ends.timestamp()
        assert reading.values["verified_not_after_timestamp_seconds"] == ends.timestamp()


def test_an_expired_certificate_that_no_path_needs_is_no_alarm(pki: Pki) -> None:
    """An old cross-signed authority beside the good chain harms no client."""
    useless = issue("Gone CA", pki.root, authority=True, begins=NOW - 900 * DAY, ends=NOW - DAY)
    with tls_server(pki.leaf(), pki.middle, useless) as port:
        reading = look(at(port, pki))
    assert (reading.outcome, reading.verdict) == (Outcome.HEALTHY, "valid")
    assert reading.values["chain_not_after_timestamp_seconds"] == (NOW - DAY).timestamp()
    assert reading.values["verified_not_after_timestamp_seconds"] == (NOW + 80 * DAY).timestamp()


def test_a_certificate_whose_time_has_not_begun(pki: Pki) -> None:
    """A clock or a schedule is wrong; clients refuse it."""
    with tls_server(pki.leaf(begins=NOW + DAY), pki.middle) as port:
        assert look(at(port, pki)).verdict == "not_yet_valid"


def test_a_certificate_for_clients_is_none_for_servers(pki: Pki) -> None:
    """The extended key usage is looked at, as clients do."""
    with tls_server(pki.leaf(usage=CLIENTS_ONLY), pki.middle) as port:
        assert look(at(port, pki)).verdict == "untrusted"


@pytest.mark.parametrize("what", ["key", "protocol"])
def test_what_is_weak_is_seen_and_is_for_the_weekly_review(pki: Pki, what: str) -> None:
    """A handshake that strict clients refuse is still made, so that the dates are known."""
    key = rsa.generate_private_key(65537, 1024) if what == "key" else None
    version = ssl.TLSVersion.TLSv1_1 if what == "protocol" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's word on old protocols
        with tls_server(pki.leaf(key=key), pki.middle, version=version) as port:
            reading = look(at(port, pki))
    assert (reading.outcome, reading.verdict) == (Outcome.UNHEALTHY, "weak")
    assert told(reading)["weak"].kind is Kind.COMPLIANCE
    words = {"key": "RSA 1024 bits", "protocol": "TLSv1.1"}
    assert words[what] in told(reading)["weak"].summary
    assert "not_after_timestamp_seconds" in reading.values


def test_the_name_asked_for_decides_which_certificate_is_seen(pki: Pki) -> None:
    """SNI apart from the host that is connected to; what is served without a name is another endpoint."""
    shop, rest = pki.leaf("shop", names=("shop.example",)), pki.leaf("rest", names=("rest.example",))
    with tls_server(rest, pki.middle, by_name={"shop.example": shop}) as port:
        right = look(at(port, pki, server_name="shop.example"))
        wrong = look(at(port, pki, server_name="gone.example"))
        without = look(at(port, pki, server_name="", expect_name=False))
    assert right.evidence["addresses"][0]["chain"][0]["sha256"] == shop.fingerprint
    assert (right.verdict, wrong.verdict) == ("valid", "wrong_name")
    assert without.evidence["addresses"][0]["chain"][0]["sha256"] == rest.fingerprint


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_client_certificate_is_read_all_the_same(pki: Pki, version: ssl.TLSVersion) -> None:
    """It shows its own before it refuses."""
    with tls_server(pki.leaf(), pki.middle, wants_client_certificate=True, version=version) as port:
        reading = look(at(port, pki))
    assert (reading.verdict, len(reading.evidence["addresses"][0]["chain"])) == ("valid", 2)


def test_an_address_as_host_is_matched_as_an_address(pki: Pki) -> None:
    """No SNI, and the certificate must name the address."""
    with tls_server(pki.leaf(names=(HOST,)), pki.middle) as port:
        assert look(at(port, pki, server_name="")).verdict == "valid"
    with tls_server(pki.leaf(names=("127.0.0.2",)), pki.middle) as port:
        assert look(at(port, pki, server_name="")).verdict == "wrong_name"


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 on loopback")
def test_an_ipv6_literal(pki: Pki) -> None:
    """Written in brackets, connected to without them, matched as an address."""
    with tls_server(pki.leaf(names=("::1",)), pki.middle, host="::1") as port:
        endpoint = Endpoint(**Endpoint.from_text(f"[::1]:{port}"), ca_bundle=pki.ca_bundle)
        reading = look(endpoint)
    assert (endpoint.key, reading.verdict) == (f"[::1]:{port}", "valid")


def test_several_addresses_behind_one_name_are_each_looked_at(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two was forgotten at the last renewal: what it serves is told, with its address."""
    old, new = pki.leaf(ends=NOW + 3 * DAY), pki.leaf(ends=NOW + 80 * DAY)
    with tls_server(old, pki.middle) as one, tls_server(new, pki.middle, host="127.0.0.2") as two:
        _resolve(monkeypatch, [("127.0.0.1", one), ("127.0.0.2", two)])
        reading = look(Endpoint("localhost", 443, ca_bundle=pki.ca_bundle))
    assert (reading.outcome, reading.verdict) == (Outcome.UNHEALTHY, "expiring")
    assert "(at 127.0.0.1)" in told(reading)["expiry"].summary
    assert "127.0.0.2" in told(reading)["differs"].summary
    assert reading.values["not_after_timestamp_seconds"] == (NOW + 3 * DAY).timestamp()


def test_an_address_that_nobody_could_look_at_leaves_the_whole_in_doubt(
    pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other address serves may be the old certificate: nothing resolves by half a look."""
    with tls_server(pki.leaf(), pki.middle) as port:
        _resolve(monkeypatch, [("127.0.0.1", port), ("127.0.0.3", _closed_port())])
        reading = look(Endpoint("localhost", 443, ca_bundle=pki.ca_bundle))
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "partly_seen")
    [finding] = reading.findings
    assert finding.kind is Kind.MONITORING
    assert "127.0.0.3: the connection was refused" in finding.summary


def test_a_family_that_this_machine_has_no_way_to_is_no_gap(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container without IPv6 looks at the IPv4 addresses, and says what it did not look at."""
    with tls_server(pki.leaf(), pki.middle) as port:
        # A group address stands for what this machine has no route to: the system's answer is the same.
        _resolve(monkeypatch, [("127.0.0.1", port), ("224.0.0.9", port)])
        reading = look(Endpoint("localhost", 443, ca_bundle=pki.ca_bundle))
    assert (reading.outcome, reading.verdict) == (Outcome.HEALTHY, "valid")
    assert reading.evidence["not_looked_at"] == [{"address": "224.0.0.9", "why": "this machine has no route to it"}]


def _resolve(monkeypatch: pytest.MonkeyPatch, addresses: list[tuple[str, int]]) -> None:
    """Let every name stand for these addresses; a name of the system's resolver has one at best."""

    def answer(*_: object) -> list[tuple[Any, ...]]:
        return [
            (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host, port in addresses
        ]

    monkeypatch.setattr("daemon.tls.probe.socket.getaddrinfo", answer)


def _closed_port() -> int:
    with socket.create_server((HOST, 0)) as one:
        port: int = one.getsockname()[1]
    return port


def _hangs(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.recv(65536)  # until the client gives up


def _closes(connection: socket.socket) -> None:
    connection.recv(65536)


def _plain(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nserver: secret-canary\r\n\r\n")


def _nonsense(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x03\x00\x04\x02\xff\xff\xff" * 100)


def _floods(connection: socket.socket) -> None:
    connection.recv(65536)
    while True:  # HelloRequest, which a client passes over for as long as it comes
        connection.sendall(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 1000)


def _drips(connection: socket.socket) -> None:
    for byte in b"\x16\x03\x03\x00\x7a\x02" + 200 * b"\x00":
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.1)


@pytest.mark.parametrize(
    ("serve", "reason", "message"),
    [
        (_floods, "failed", "its handshake has more than 512 KiB"),
        (_drips, "timeout", "no answer in time"),
        (_hangs, "timeout", "no answer in time"),
        (_closes, "unavailable", "closed the connection"),
        (_plain, "failed", "what it speaks is no TLS"),
        (_nonsense, "failed", "the handshake failed"),
    ],
)
def test_a_server_that_gives_no_certificate_is_unknown(serve: Any, reason: str, message: str) -> None:
    """Could not look, with the reason; what the server said is not repeated."""
    with tcp_server(serve) as port, pytest.raises(LookFailed) as caught:
        look(Endpoint(HOST, port), seconds=0.5)
    assert caught.value.reason == reason
    assert message in str(caught.value)
    assert str(port) in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "reason", "message"),
    [
        (HOST, "unavailable", "the connection was refused"),
        ("no-such-host.invalid", "unavailable", "stands for no address"),
    ],
)
def test_what_cannot_be_reached_is_unknown(host: str, reason: str, message: str) -> None:
    """A refusal and a name without an address are no statement about the certificate."""
    with pytest.raises(LookFailed) as caught:
        look(Endpoint(host, _closed_port()))
    assert caught.value.reason == reason
    assert message in str(caught.value)


def test_a_listener_that_accepts_nobody_is_given_up_on() -> None:
    """A full backlog hangs the connection itself."""
    with socket.create_server((HOST, 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((HOST, port))
        with pytest.raises(LookFailed) as caught:
            look(Endpoint(HOST, port), seconds=0.3)
        for one in waiting:
            one.close()
    assert caught.value.reason == "timeout"


def test_without_any_root_trust_is_not_known(pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without ca-certificates must not call the whole world untrusted, nor trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    with tls_server(pki.leaf(), pki.middle) as port:
        reading = look(at(port, pki, ca_bundle=None))
        wrong = look(at(port, pki, ca_bundle=tmp_path / "gone.pem"))
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "unverified")
    assert (wrong.outcome, wrong.verdict) == (Outcome.UNKNOWN, "unverified")
    assert "gone.pem: no such file" in wrong.summary


def test_the_machines_own_roots_are_found(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file is given, what this machine trusts is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.ca_bundle))
    with tls_server(pki.leaf(), pki.middle) as port:
        assert look(at(port, pki, ca_bundle=None)).verdict == "valid"


def test_who_renews_it_moves_the_alarm(pki: Pki) -> None:
    """cert-manager renews at a third; it alarms when that is late."""
    with tls_server(pki.leaf(begins=NOW - 65 * DAY, ends=NOW + 25 * DAY), pki.middle) as port:
        assert look(at(port, pki)).verdict == "expiring"
        assert look(at(port, pki, renewed_by="cert-manager")).verdict == "renewing"
        late = look(at(port, pki, renewed_by="cert-manager"), now=NOW + 15 * DAY)
    assert late.verdict == "renewal_late"
