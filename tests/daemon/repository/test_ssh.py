"""SSH with a key, against a real sshd on a port of its own: keys, hosts, and no questions."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.repository.faults import Fault, FetchError
from tests.daemon.repository.support import Bench, Remote, git

SSHD = shutil.which("sshd") or ("/usr/sbin/sshd" if Path("/usr/sbin/sshd").is_file() else None)

pytestmark = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None,
    reason="SKIP: no sshd on this machine (Debian: apt-get install openssh-server)",
)


@dataclass(frozen=True)
class Sshd:
    """A server that lets one key in."""

    port: int
    key: Path
    known_hosts: Path

    def url(self, bare: Path) -> str:
        return f"ssh://{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1:{self.port}{bare}"


def keygen(path: Path, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """sshd in the foreground, on a free port, with its own host key."""
    folder = tmp_path / "sshd"
    folder.mkdir(mode=0o700)
    host, key = keygen(folder / "host"), keygen(folder / "key")
    shutil.copy(folder / "key.pub", folder / "authorized")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd, started by root, shuts itself in
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
    )
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
        yield Sshd(port, key, known)
    finally:
        server.terminate()
        server.wait(10)


def fault(bench: Bench, sshd: Sshd, served: Remote, key: Path, known: Path) -> FetchError:
    source = bench.source(sshd.url(served.bare), "main", ssh_key_file=key, known_hosts_file=known)
    with pytest.raises(FetchError) as caught:
        source.now()
    source.close()
    return caught.value


def test_a_key_signs_in(bench: Bench, sshd: Sshd, served: Remote) -> None:
    """The branch is followed over SSH, shallow like over any other transport."""
    source = bench.source(sshd.url(served.bare), "main", ssh_key_file=sshd.key, known_hosts_file=sshd.known_hosts)
    assert source.now().commit == git(served.work, "rev-parse", "HEAD")
    made = served.push({"new.tf": "# new\n"})
    assert (source.now().path / "new.tf").read_text() == "# new\n"
    assert source.now().commit == made


def test_a_host_that_is_not_known(bench: Bench, sshd: Sshd, served: Remote) -> None:
    """Refused, and not noted down: nobody is asked, and nothing is trusted on first use."""
    empty = sshd.known_hosts.with_name("empty")
    empty.touch()
    error = fault(bench, sshd, served, sshd.key, empty)
    assert error.fault is Fault.HOST_KEY_UNKNOWN
    assert "source.known_hosts_file" in str(error)
    assert empty.read_text() == ""


def test_a_host_whose_key_has_changed(bench: Bench, sshd: Sshd, served: Remote) -> None:
    """A reason of its own, in words that say what it may mean."""
    other = keygen(sshd.key.with_name("other-host"))
    known = sshd.known_hosts.with_name("changed")
    known.write_text(f"[127.0.0.1]:{sshd.port} {other.with_suffix('.pub').read_text()}")
    error = fault(bench, sshd, served, sshd.key, known)
    assert error.fault is Fault.HOST_KEY_CHANGED
    assert "somebody may be in between" in str(error)


def test_a_key_that_is_not_let_in(bench: Bench, sshd: Sshd, served: Remote) -> None:
    """Wrong credentials, told as that."""
    error = fault(bench, sshd, served, keygen(sshd.key.with_name("stranger")), sshd.known_hosts)
    assert error.fault is Fault.CREDENTIALS


def test_a_key_that_cannot_be_used(bench: Bench, sshd: Sshd, served: Remote) -> None:
    """One with a passphrase or that others can read is told with its remedy, and no question hangs."""
    sealed = keygen(sshd.key.with_name("sealed"), "a passphrase")
    shutil.copy(sshd.key, sshd.key.with_name("open"))
    sshd.key.with_name("open").chmod(0o644)
    sshd.key.with_name("rubbish").write_text("rubbish\n")
    sshd.key.with_name("rubbish").chmod(0o600)
    for name in (sealed.name, "open", "rubbish"):
        error = fault(bench, sshd, served, sshd.key.with_name(name), sshd.known_hosts)
        assert error.fault in (Fault.KEY, Fault.CREDENTIALS), name
        assert "source.ssh_key_file" in str(error)


def test_no_such_repository_there(bench: Bench, sshd: Sshd, served: Remote) -> None:
    """The server is reached, and says so."""
    with pytest.raises(FetchError) as caught:
        bench.source(
            sshd.url(served.bare.with_name("none.git")), ssh_key_file=sshd.key, known_hosts_file=sshd.known_hosts
        ).now()
    assert caught.value.fault is Fault.MISSING
