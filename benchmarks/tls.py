"""Live TLS endpoints in thousands: real handshakes on loopback, through the check, in as many threads as there are.

The server is a process of its own on the same machine: its half of each handshake is in the wall-clock time, not in
the CPU time.
"""

from __future__ import annotations

import os
import resource
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from checks.base import Outcome
from checks.certificates import Certificates
from checks.certs.targets import Endpoint, LiveTarget
from daemon.tls import LiveEndpoint, Prober
from daemon.wiring import ENDPOINT_LOOKS

NUMBER = 10_000
NAME = "bench.example"
Row = tuple[str, str, str]


def endpoints() -> Iterator[Row]:
    """10,000 endpoints, each with an address of its own: all of 127.0.0.0/8 is this machine."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as port:
        prober, check = Prober(), Certificates()
        places = [
            LiveEndpoint(
                LiveTarget(
                    Endpoint(f"127.1.{n // 250}.{n % 250 + 1}", port, NAME, ca_bundle=Path(folder) / "root.pem"), 30
                ),
                prober,
                lambda: datetime.now(UTC),
            )
            for n in range(NUMBER)
        ]
        list(check.run(places[0]))  # the libraries are loaded
        before, cpu, began = _rss(), time.process_time(), time.perf_counter()
        largest = 0

        def look(place: LiveEndpoint) -> bool:
            [reading] = check.run(place)
            return reading.outcome is Outcome.HEALTHY

        with ThreadPoolExecutor(ENDPOINT_LOOKS) as pool:
            well = sum(pool.map(look, places))
            largest = len(os.listdir("/proc/self/fd"))
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert well == NUMBER, f"{NUMBER - well} endpoints could not be looked at"
    beside = f"{NUMBER / took:,.0f} a second, {cpu / NUMBER * 1e3:.1f} ms of CPU each, {ENDPOINT_LOOKS} threads"
    yield f"{NUMBER:,} TLS endpoints on loopback, verified", f"{took:.1f} s", beside
    grown = (_rss() - before) / 1024
    yield "memory that they took", f"{grown:.0f} MiB", f"{largest} open files after"


def _rss() -> int:
    """Largest resident memory so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def _server(folder: Path) -> Iterator[int]:
    root, leaf = _certificates()
    (folder / "root.pem").write_bytes(root)
    (folder / "leaf.pem").write_bytes(leaf)
    with Popen([sys.executable, "-m", "benchmarks.tls", str(folder / "leaf.pem")], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _certificates() -> tuple[bytes, bytes]:
    """(root, leaf with its key and the root), in PEM."""
    now, pem = datetime.now(UTC), Encoding.PEM
    keys = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    made = []
    for key, name, days in ((keys[0], "Benchmark Root", 3650), (keys[1], NAME, 90)):
        made.append(
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Benchmark Root")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=name != NAME, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name.replace(" ", "-"))]), critical=False)
            .sign(keys[0], hashes.SHA256())
            .public_bytes(pem)
        )
    return made[0], keys[1].private_bytes(pem, PrivateFormat.PKCS8, NoEncryption()) + made[1] + made[0]


def _serve(file: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.num_tickets = 0
    listener = socket.create_server(("0.0.0.0", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)

    def work() -> None:
        while True:
            connection, _ = listener.accept()
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    for _ in range(15):
        threading.Thread(target=work, daemon=True).start()
    work()


if __name__ == "__main__":
    _serve(sys.argv[1])
