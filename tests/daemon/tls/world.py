"""Real certificates and real TLS servers on loopback, made for one test each."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
HOST = "127.0.0.1"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass
class Issued:
    """A certificate with its key, and who issued it (None: itself)."""

    certificate: x509.Certificate
    key: Key
    issuer: Issued | None = None

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def issue(
    subject: str,
    issuer: Issued | None = None,
    *,
    names: Sequence[str] = (),
    begins: datetime = NOW - 10 * DAY,
    ends: datetime = NOW + 80 * DAY,
    authority: bool = False,
    key: Key | None = None,
    usage: x509.ObjectIdentifier | None = None,
) -> Issued:
    """Make a certificate. *names*: DNS names and addresses."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(issuer.certificate.subject if issuer else called)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    signer = issuer.key if issuer else own
    return Issued(builder.sign(signer, hashes.SHA256()), own, issuer)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


CLIENTS_ONLY = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass
class Pki:
    """A root, an intermediate, and leaves issued by it."""

    folder: Path
    root: Issued = field(default_factory=lambda: issue("Test Root", authority=True, ends=NOW + 3650 * DAY))
    middle: Issued = field(init=False)

    def __post_init__(self) -> None:
        self.middle = issue("Test Issuing CA", self.root, authority=True, ends=NOW + 1000 * DAY)
        self.ca_bundle.write_bytes(self.root.pem)

    @property
    def ca_bundle(self) -> Path:
        return self.folder / "root.pem"

    def leaf(self, subject: str = "localhost", **more: object) -> Issued:
        names = more.pop("names", ("localhost", HOST))
        issuer = more.pop("issuer", self.middle)
        return issue(subject, issuer, names=names, **more)  # type: ignore[arg-type]  # keywords of issue, handed on


Dialog = Callable[[socket.socket], bool]  # before TLS; False: no TLS follows


@contextmanager
def tls_server(
    leaf: Issued,
    *sent: Issued,
    dialog: Dialog | None = None,
    by_name: dict[str, Issued] | None = None,
    wants_client_certificate: bool = False,
    version: ssl.TLSVersion | None = None,
    host: str = HOST,
) -> Iterator[int]:
    """Serve *leaf* followed by the certificates *sent* on a free port of *host*, until the block is left."""

    def shake(connection: socket.socket) -> None:
        if dialog is None or dialog(connection):
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)

    with TemporaryDirectory() as folder:
        context = _context(Path(folder), leaf, sent)
        others = {name: _context(Path(folder), one, sent) for name, one in (by_name or {}).items()}
        if others:

            def choose(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
                if name in others:
                    tls.context = others[name]

            context.sni_callback = choose
        if wants_client_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=leaf.pem.decode())
        if version is not None:
            context.minimum_version = context.maximum_version = version
        with tcp_server(shake, host=host) as port:
            yield port


def _context(folder: Path, leaf: Issued, sent: Sequence[Issued]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    file = folder / f"{leaf.fingerprint}.pem"
    file.write_bytes(b"".join([leaf.key_pem, leaf.pem, *(one.pem for one in sent)]))
    context.load_cert_chain(file)
    return context


@contextmanager
def tcp_server(serve: Callable[[socket.socket], None], *, host: str = HOST) -> Iterator[int]:
    """Run *serve* with each connection in a thread, on a free port. What goes wrong in it is the client's to see."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:

        def one(connection: socket.socket) -> None:
            connection.settimeout(20)
            with connection, suppress(OSError, ssl.SSLError):
                serve(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def read_line(connection: socket.socket) -> bytes:
    """The next line that the client sent; empty at its end."""
    line = b""
    while not line.endswith(b"\n"):
        more = connection.recv(1)
        if not more:
            return b""
        line += more
    return line.strip()
