"""X.509 certificates -> cards. What is malformed in a certificate costs what it says, never the whole look."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from checks.certs.model import Card

MAX_NAMES = 1000  # names of one certificate that are kept; real ones have at most some hundreds
_SERVERS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
_NO_NAMES: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
_T = TypeVar("_T")


class NotACertificate(Exception):  # noqa: N818 - named for what it is, as it reads in a sentence
    """The bytes are no certificate. The text is for people and quotes none of them."""


def card_of_der(der: bytes) -> Card:
    """Read one certificate in DER. Raises NotACertificate."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, x509.InvalidVersion):
        raise NotACertificate("it cannot be read as an X.509 certificate") from None
    return card_of(certificate)


def card_of(certificate: x509.Certificate) -> Card:
    """What *certificate* says. A date or a name that cannot be read is left out."""
    key_type, key_bits = _read(lambda: _key(certificate), ("", 0))
    names, addresses = _read(lambda: _names(certificate), _NO_NAMES)
    subject, issuer = _read(lambda: certificate.subject, None), _read(lambda: certificate.issuer, None)
    return Card(
        subject=_label(subject),
        issuer=_label(issuer),
        not_before=_read(lambda: certificate.not_valid_before_utc, None),
        not_after=_read(lambda: certificate.not_valid_after_utc, None),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        serial=_read(lambda: format(certificate.serial_number, "x"), ""),
        names=names,
        addresses=addresses,
        key_type=key_type,
        key_bits=key_bits,
        signature_hash=_read(lambda: _signature_hash(certificate), ""),
        authority=_read(lambda: _authority(certificate), False),
        self_issued=subject is not None and subject == issuer,
        for_servers=_read(lambda: _for_servers(certificate), True),
    )


def _read(read: Callable[[], _T], otherwise: _T) -> _T:
    """Fields are parsed when they are asked for, and each can be malformed in its own way."""
    try:
        return read()
    except (ValueError, TypeError, OverflowError, LookupError, x509.InvalidVersion, x509.UnsupportedGeneralNameType):
        return otherwise
    except x509.DuplicateExtension:
        return otherwise


def _label(name: x509.Name | None) -> str:
    if name is None:
        return ""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(kind)
        if found:
            return _text(found[0].value)
    return _text(name.rfc4514_string())


def _text(value: str | bytes) -> str:
    text = value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
    return "".join(char for char in text if char.isprintable())[:200]


def _key(certificate: x509.Certificate) -> tuple[str, int]:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.curve.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", 456
    return type(key).__name__.removesuffix("PublicKey").removeprefix("_"), 0


def _signature_hash(certificate: x509.Certificate) -> str:
    algorithm = certificate.signature_hash_algorithm
    return algorithm.name if algorithm is not None else ""


def _names(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), ()
    names = found.get_values_for_type(x509.DNSName)[:MAX_NAMES]
    addresses = found.get_values_for_type(x509.IPAddress)[:MAX_NAMES]
    return tuple(names), tuple(map(str, addresses))


def _authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _for_servers(certificate: x509.Certificate) -> bool:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return any(
        usage in (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE) for usage in usages
    )
