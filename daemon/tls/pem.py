"""Files of certificates -> cards. Read line by line: of a private key in the file, no line is kept."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from checks.base import LookFailed
from checks.certs.model import Card, PemLook
from daemon.tls.cards import NotACertificate, card_of_der

MAX_BYTES = 16 * 1024 * 1024  # of one file; the bundle of all public roots has 0.2 MB
MAX_FILES = 10_000  # of one pattern
ENDINGS = frozenset({".pem", ".crt", ".cer", ".cert", ".der", ".p12", ".pfx", ".jks", ".keystore", ".p7b"})
_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
_HARMLESS = frozenset(
    {"DH PARAMETERS", "EC PARAMETERS", "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "PUBLIC KEY"}
)
_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_KEYSTORES = {b"\xfe\xed\xfe\xed": "a Java keystore (JKS)", b"\xce\xce\xce\xce": "a Java keystore (JCEKS)"}


def files(pattern: Path) -> tuple[Path, ...]:
    """The files that *pattern* stands for: a file, a folder's certificates, or a glob. Raises LookFailed for none."""
    text = str(pattern)
    try:
        if any(mark in text for mark in "*?["):
            found = _within_bounds(_glob(pattern), text)
        elif pattern.is_dir():
            found = _within_bounds((one for one in pattern.iterdir() if one.suffix.lower() in ENDINGS), text)
        else:
            return (pattern,)
    except (OSError, ValueError) as error:
        raise LookFailed("failed", f"{text} cannot be searched: {_why(error)}") from None
    if not found:
        raise LookFailed("unavailable", f"{text} stands for no file: give a path that has certificates, or take it out")
    return tuple(sorted(found))


def _glob(pattern: Path) -> Iterator[Path]:
    """Folders that fit are passed over; a fixed part of the pattern that is not there finds nothing."""
    parts = pattern.parts
    fixed = next(number for number, part in enumerate(parts) if any(mark in part for mark in "*?["))
    root = Path(*parts[:fixed])
    root.stat()  # raises where it is not there or not allowed; a glob would only find nothing
    return (one for one in root.glob(str(Path(*parts[fixed:]))) if not one.is_dir())


def _within_bounds(found: Iterator[Path], text: str) -> list[Path]:
    kept: list[Path] = []
    for path in found:
        kept.append(path)
        if len(kept) > MAX_FILES:
            raise LookFailed("failed", f"{text} stands for more than {MAX_FILES:,} files: narrow it down")
    return kept


def read(path: Path) -> PemLook:
    """Read one file. What is wrong with it is in the answer; nothing is raised for it."""
    name = str(path)
    try:
        # Opened without waiting: a pipe in the folder would hold the look up for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return PemLook(name, problems=(f"it cannot be read: {_why(error)}",))
    with os.fdopen(handle, "rb") as stream:
        info = os.fstat(stream.fileno())
        if not stat.S_ISREG(info.st_mode):
            return PemLook(name, problems=("it is no ordinary file",))
        if info.st_size > MAX_BYTES:
            return PemLook(
                name, problems=(f"it has more than {MAX_BYTES // 1024 // 1024} MiB; that is no certificate",)
            )
        try:
            return _read(name, stream)
        except OSError as error:
            return PemLook(name, problems=(f"it cannot be read: {_why(error)}",))


def _read(name: str, stream: IO[bytes]) -> PemLook:
    head = stream.read(64)
    stream.seek(0)
    store = next((what for mark, what in _KEYSTORES.items() if head.startswith(mark)), "")
    if store or name.lower().endswith((".jks", ".keystore")):
        problem = f"{store or 'a Java keystore'} is not supported: export its certificates as PEM (keytool -exportcert)"
        return PemLook(name, problems=(problem,))
    if head[:1] == b"\x30":
        return _binary(name, stream.read(MAX_BYTES))
    return _text(name, stream)


def _binary(name: str, der: bytes) -> PemLook:
    try:
        return PemLook(name, (card_of_der(der),))
    except NotACertificate:
        what = "PKCS #12 and other binary containers are not supported"
        return PemLook(name, problems=(f"{what}: export its certificates as PEM (openssl pkcs12 -nokeys)",))


def _text(name: str, stream: IO[bytes]) -> PemLook:
    cards: list[Card] = []
    problems: list[str] = []
    key = False
    number = 0
    for kind, body in _blocks(stream):
        number += kind in _CERTIFICATES
        if kind.endswith("PRIVATE KEY"):
            key = True
        elif kind in _CERTIFICATES:
            card = _card(body, trusted=kind.startswith("TRUSTED"))
            if card is None:
                problems.append(f"certificate {number} in it cannot be read")
            else:
                cards.append(card)
        elif kind not in _HARMLESS:
            problems.append(f"a block {kind} is not supported: export its certificates as PEM")
    return PemLook(name, tuple(cards), tuple(problems), key)


def _card(body: bytes | None, *, trusted: bool) -> Card | None:
    if body is None:
        return None
    try:
        der = base64.b64decode(body, validate=True)
        return card_of_der(_first_der(der) if trusted else der)
    except (binascii.Error, ValueError, NotACertificate):
        return None


def _first_der(der: bytes) -> bytes:
    """The certificate of a `TRUSTED CERTIFICATE`, behind which OpenSSL writes what it is trusted for."""
    if len(der) < 4 or der[0] != 0x30 or der[1] & 0x80 == 0:
        raise NotACertificate("it is no certificate")
    count = der[1] & 0x7F
    return der[: 2 + count + int.from_bytes(der[2 : 2 + count], "big")]


def _blocks(stream: IO[bytes]) -> Iterator[tuple[str, bytes | None]]:
    """Every PEM block as (kind, base64 text); the text is kept of certificates only. None: the block has no end."""
    kind, body = "", bytearray()
    for line in stream:
        begun = _BEGIN.search(line)
        if begun is not None:
            if kind:
                yield kind, None
            kind, body = begun[1].decode(), bytearray()
        elif kind and line.strip().startswith(b"-----END "):
            yield kind, bytes(body)
            kind = ""
        elif kind in _CERTIFICATES:
            body += line.strip()
    if kind:
        yield kind, None


def _why(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return text[:1].lower() + text[1:]
