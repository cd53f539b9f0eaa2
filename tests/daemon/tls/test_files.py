"""Files of certificates: every kind of file that people point at, from the disk to the reading."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from hypothesis import given
from hypothesis import strategies as st

from checks.base import Fact, Kind, LookFailed, Outcome, Reading
from checks.certificates import Certificates
from checks.certs.targets import FilesTarget
from daemon.tls import PemFiles, pem
from tests.daemon.tls.world import DAY, NOW, Issued, Pki, issue


def look(pattern: Path) -> list[Reading]:
    """The readings of a pattern, as the daemon would have them."""
    place = PemFiles(FilesTarget(pattern), lambda: NOW)
    found = list(Certificates().run(place))
    for reading in found:
        assert reading.verdict in Certificates.verdicts
        assert set(reading.values) <= set(Certificates.measures)
        json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
    return found


def one(path: Path) -> Reading:
    [reading] = look(path)
    assert reading.resource == str(path)
    return reading


def test_a_bundle_is_read_whole_and_its_first_end_counts(pki: Pki, tmp_path: Path) -> None:
    """The leaf is fine; what stands behind it is not."""
    soon = issue("Soon CA", pki.root, authority=True, begins=NOW - 900 * DAY, ends=NOW + 30 * DAY)
    path = tmp_path / "bundle.pem"
    path.write_bytes(pki.leaf().pem + soon.pem + pki.root.pem)
    reading = one(path)
    assert (reading.outcome, reading.verdict) == (Outcome.UNHEALTHY, "expiring")
    assert reading.values["not_after_timestamp_seconds"] == (NOW + 30 * DAY).timestamp()
    assert reading.values["seen"] == 3
    [finding] = reading.findings
    assert f"Soon CA in {path} (number 2 of 3)" in finding.summary
    assert finding.remedy.startswith("openssl storeutl")


def test_several_ends_in_one_bundle_are_one_finding_that_names_them(tmp_path: Path) -> None:
    """Nothing of it is lost, and it is critical once one has expired."""
    path = tmp_path / "roots.pem"
    made = [issue(f"Root {n}", authority=True, ends=NOW - DAY) for n in range(5)]
    path.write_bytes(b"".join(each.pem for each in made))
    [finding] = one(path).findings
    assert finding.facts == {Fact.EXPIRED}
    assert finding.summary.endswith("; and 2 more")
    assert len(finding.evidence["reasons"]) == 5


def test_a_private_key_beside_a_certificate_is_never_kept(pki: Pki, tmp_path: Path) -> None:
    """Neither in what is read nor in what is told."""
    leaf = pki.leaf()
    path = tmp_path / "both.pem"
    path.write_bytes(leaf.key_pem + leaf.pem)
    seen = pem.read(path)
    assert (len(seen.cards), seen.private_key) == (1, True)
    body = leaf.key_pem.decode().splitlines()[1]
    assert body not in repr(seen)
    assert body not in repr(one(path))
    assert one(path).verdict == "valid"


def test_a_private_key_alone_is_nothing_to_look_at(pki: Pki, tmp_path: Path) -> None:
    """certbot's privkey.pem lies in the same folder."""
    path = tmp_path / "privkey.pem"
    path.write_bytes(pki.leaf().key_pem)
    reading = one(path)
    assert (reading.outcome, reading.findings) == (Outcome.NOT_APPLICABLE, ())


def _broken(leaf: Issued) -> bytes:
    return leaf.pem.replace(b"MII", b"MI!", 1)


def _cut(leaf: Issued) -> bytes:
    return leaf.pem[:-40]


CASES: list[tuple[str, Any, str, str]] = [
    ("x.pem", lambda leaf: b"", "no_certificate", "holds no certificate"),
    ("x.pem", lambda leaf: b"just words\n", "no_certificate", "holds no certificate"),
    ("x.pem", _broken, "unreadable", "certificate 1 in it cannot be read"),
    ("x.pem", _cut, "unreadable", "certificate 1 in it cannot be read"),
    ("x.pem", lambda leaf: leaf.pem + _broken(leaf), "unreadable", "certificate 2 in it cannot be read"),
    ("x.jks", lambda leaf: b"\xfe\xed\xfe\xed\0\0\0\x02" + 90 * b"x", "unreadable",
     "Java keystore (JKS) is not supported"),
    ("x.jks", lambda leaf: b"\x30\x82\x01\x00" + 90 * b"x", "unreadable", "Java keystore is not supported"),
    ("x.p12", lambda leaf: serialize_key_and_certificates(b"x", leaf.key, leaf.certificate, None, NoEncryption()),
     "unreadable", "PKCS #12 and other binary containers are not supported"),
    ("x.p7b", lambda leaf: b"-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n", "unreadable",
     "a block PKCS7 is not supported"),
    ("x.pem", lambda leaf: b"a" * (pem.MAX_BYTES + 1), "unreadable", "more than 16 MiB"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "verdict", "told"), CASES)
def test_what_cannot_be_read_is_told_and_is_never_fine(
    pki: Pki, tmp_path: Path, name: str, content: Any, verdict: str, told: str
) -> None:
    """Could not look: as a finding, with what to do."""
    (tmp_path / name).write_bytes(content(pki.leaf()))
    reading = one(tmp_path / name)
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, verdict)
    [finding] = reading.findings
    assert finding.kind is Kind.MONITORING
    assert told in finding.summary


def test_an_expired_certificate_beside_a_broken_one_is_told_too(pki: Pki, tmp_path: Path) -> None:
    """What could be read is not lost for what could not; the whole stays unknown, so that nothing resolves."""
    path = tmp_path / "mixed.pem"
    path.write_bytes(pki.leaf(ends=NOW - DAY).pem + _broken(pki.leaf()))
    reading = one(path)
    assert reading.outcome is Outcome.UNKNOWN
    assert {finding.kind for finding in reading.findings} == {Kind.CERTIFICATE_EXPIRY, Kind.MONITORING}


@pytest.mark.parametrize("form", ["der", "trusted", "crlf", "words around"])
def test_other_ways_to_write_a_certificate(pki: Pki, tmp_path: Path, form: str) -> None:
    """DER, OpenSSL's trusted form, line ends of Windows, the text that `openssl x509 -text` puts before it."""
    leaf = pki.leaf()
    content = {
        "der": leaf.certificate.public_bytes(Encoding.DER),
        "trusted": leaf.pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
        "crlf": leaf.pem.replace(b"\n", b"\r\n"),
        "words around": b"Certificate:\n    Data:\n" + leaf.pem + b"\nmore\n",
    }[form]
    (tmp_path / "x.crt").write_bytes(content)
    assert one(tmp_path / "x.crt").verdict == "valid"


def test_a_missing_file_is_unknown(tmp_path: Path) -> None:
    """A path that is wrong, or a file that was not written: not silence."""
    reading = one(tmp_path / "gone.pem")
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "unreadable")
    assert "no such file or directory" in reading.findings[0].summary


def test_a_pattern_or_folder_that_stands_for_nothing_could_not_be_looked_at(tmp_path: Path) -> None:
    """The whole place is unknown."""
    for pattern in (tmp_path / "*.pem", tmp_path, tmp_path / "gone" / "*.pem"):
        with pytest.raises(LookFailed):
            look(pattern)


def test_a_folder_gives_its_certificates_and_a_pattern_goes_deeper(pki: Pki, tmp_path: Path) -> None:
    """Other files of the folder are no business of ours; with ** folders below are searched."""
    (tmp_path / "root.pem").unlink()
    (tmp_path / "live" / "a").mkdir(parents=True)
    (tmp_path / "live" / "a" / "cert.pem").write_bytes(pki.leaf().pem)
    (tmp_path / "live" / "b.crt").write_bytes(pki.leaf().pem)
    (tmp_path / "live" / "README").write_text("words")
    assert [reading.resource for reading in look(tmp_path / "live")] == [str(tmp_path / "live" / "b.crt")]
    assert [reading.resource for reading in look(tmp_path / "live" / "**" / "*.*")] == [
        str(tmp_path / "live" / "a" / "cert.pem"),
        str(tmp_path / "live" / "b.crt"),
    ]


def test_a_pipe_does_not_hold_the_look_up(tmp_path: Path) -> None:
    """A file that nobody writes into would be waited for without end."""
    os.mkfifo(tmp_path / "x.pem")
    assert "no ordinary file" in one(tmp_path / "x.pem").findings[0].summary


def test_too_many_files_are_refused_not_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern that fits half of the disk is a mistake to be told of."""
    monkeypatch.setattr(pem, "MAX_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}.pem").touch()
    with pytest.raises(LookFailed, match="more than 3 files: narrow it down"):
        look(tmp_path / "*.pem")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


_LINES = st.lists(
    st.sampled_from(
        [b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----", b"-----BEGIN PRIVATE KEY-----",
         b"-----END PRIVATE KEY-----", b"-----BEGIN X-----", b"MIIBszCCAVmgAwIBAgIU", b"SECRETCANARY", b""]
    ) | st.binary(max_size=40),
    max_size=25,
)  # fmt: skip


@given(_LINES)
def test_any_bytes_in_a_file_give_a_reading_and_no_secret(folder: Path, lines: list[bytes]) -> None:
    """Nothing in a file ends the look, nothing unreadable is fine, and no line of it is repeated."""
    path = folder / "x.pem"
    path.write_bytes(b"\n".join(lines))
    reading = one(path)
    assert reading.outcome in (Outcome.UNKNOWN, Outcome.NOT_APPLICABLE)
    assert "SECRETCANARY" not in repr(reading)
