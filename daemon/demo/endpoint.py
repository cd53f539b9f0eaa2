"""The demo's web shop: a live TLS endpoint on this machine, with a certificate of the demo's own authority."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST, NAME = "127.0.0.1", "shop.acme.example"
LIFE = timedelta(days=90)  # of its certificates
_SECONDS = 5.0  # for one handshake


@dataclass(frozen=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Shop:
    """Listens once it is started, and ends with close(). Its files lie in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.roots = folder / "roots.pem"  # what clients trust
        self._leaf = folder / "shop.pem"
        self._folder = folder
        self._authority: _Authority | None = None
        self._context: ssl.SSLContext | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        assert self._socket is not None, "start() first"
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Serve a certificate that is good for a while."""
        self._folder.mkdir()
        self._authority = _authority()
        self.roots.write_bytes(self._authority.certificate.public_bytes(Encoding.PEM))
        self.serve(timedelta(days=80))
        self._socket = socket.create_server((HOST, 0))
        threading.Thread(target=self._accept, args=(self._socket,), name="demo-shop", daemon=True).start()

    def serve(self, left: timedelta) -> None:
        """From now on, serve a certificate that has so much of its life left."""
        assert self._authority is not None, "start() first"
        self._leaf.write_bytes(_leaf(self._authority, datetime.now(UTC) + left))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._leaf)
        self._context = context

    def close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # wakes the thread that waits in accept()
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return  # closed
            with connection, suppress(OSError):
                connection.settimeout(_SECONDS)
                context = self._context
                assert context is not None
                with context.wrap_socket(connection, server_side=True) as served:
                    served.recv(1)


def _authority() -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = _named("Acme Internal Authority"), datetime.now(UTC)
    built = (
        _builder(name, name, key.public_key(), now - timedelta(days=400), now + timedelta(days=3000))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
    )
    return _Authority(built.sign(key, hashes.SHA256()), key)


def _leaf(authority: _Authority, ends: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        _builder(_named(NAME), authority.certificate.subject, key.public_key(), ends - LIFE, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return built.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM) + private


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs, crl_sign=signs, encipher_only=False, decipher_only=False,
    )  # fmt: skip
