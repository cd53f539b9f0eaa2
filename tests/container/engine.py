"""Builds and runs images with what Debian has: mmdebstrap, buildah, podman, runc. Nothing is pulled from a registry."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAMS = ("buildah", "podman", "runc", "mmdebstrap")
INSTALL = "apt-get install -y --no-install-recommends buildah podman runc mmdebstrap uidmap"
SUITE = "trixie"  # has the Python that the published image has
BASE = f"localhost/barograph-test-base:{SUITE}"
BASE_FRESH_FOR = 7 * 86400  # seconds; then it is made anew
_BASE_PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Some machines neither let a container raise its limits nor have what podman's own networks need: say both.
_HOST = ("--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
# What docs/container.md tells people to run it with.
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp")
# No systemd is needed: nobody but the test asks for health.
_NO_TIMER = ("--health-interval=disable",)


def why_not_here() -> str:
    """What lacks for this, and how to get it; "" if nothing does."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if missing:
        return f"no {', '.join(missing)}: {INSTALL}"
    return "" if os.geteuid() == 0 else "needs root (chroot isolation, mmdebstrap, host processes)"


def call(*argv: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
    """Run *argv* with the environment and *more*; its output is text. Raises AssertionError if *check* and it fails."""
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PATH": _path(), **more}
    )
    assert not check or done.returncode == 0, f"{' '.join(argv)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def podman(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return call("podman", "--runtime", "runc", *argv, check=check)


def base_image() -> str:
    """A Debian with Python, from the mirror that this machine's apt uses; gives its name. One of this week will do."""
    old = call("podman", "image", "inspect", "--format", "{{.Created.Unix}}", BASE, check=False)
    if old.returncode == 0 and time.time() - int(old.stdout) < BASE_FRESH_FOR:
        return BASE
    with tempfile.TemporaryDirectory() as folder:
        archive = f"{folder}/base.tar"
        slim = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
        wanted = "--include=python3,python3-venv,ca-certificates"
        call("mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io", *slim, wanted, SUITE, archive,
             _mirror())  # fmt: skip
        podman("import", "-q", "--change", _BASE_PATH, archive, BASE)
    return BASE


def build(image: str, arguments: Mapping[str, str], *options: str, check: bool = True) -> tuple[int, str]:
    """Build *image* as docs/container.md says, on the base of the tests; give the exit code and what was said."""
    flags = [f"--build-arg {name}={value}" for name, value in {"PYTHON_IMAGE": base_image(), **arguments}.items()]
    done = call(
        "make", "image", f"IMAGE={image}", f"BUILD_ARGS={' '.join([*flags, *options])}", check=check,
        BAROGRAPH_BUILDER="buildah", BUILDAH_ISOLATION="chroot", BAROGRAPH_BUILD_CERTS=_certs(),
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def once(image: str, *argv: str, options: Sequence[str] = (), check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `barograph ARGV` in a hardened container that is gone afterwards."""
    return podman("run", "--rm", *_HOST, *_NO_TIMER, *HARDENED, *options, image, *argv, check=check)


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a container, as the host sees it."""

    pid: int
    state: str  # S, R, Z, …
    words: str  # its command line; "" of a zombie
    status: Mapping[str, str]  # of /proc/PID/status


@dataclass(frozen=True, slots=True)
class Container:
    """A hardened container that runs in the background."""

    name: str

    def start(self, image: str, *options: str) -> None:
        podman("run", "--detach", "--name", self.name, *_HOST, *_NO_TIMER, *HARDENED, *options, image)

    def exec(self, *argv: str, check: bool = True) -> str:
        return podman("exec", self.name, *argv, check=check).stdout

    def health(self) -> int:
        """The health check's exit code: 0 healthy, 1 not."""
        return podman("healthcheck", "run", self.name, check=False).returncode

    def inspect(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(podman("container", "inspect", self.name).stdout)
        return found[0]

    def logs(self) -> str:
        done = podman("logs", self.name, check=False)
        return done.stdout + done.stderr

    def stop(self, seconds: int = 10) -> tuple[int, float]:
        """SIGTERM, and SIGKILL *seconds* later; gives the exit code and how long it took."""
        began = time.monotonic()
        podman("stop", "--time", str(seconds), self.name)
        return int(self.inspect()["State"]["ExitCode"]), time.monotonic() - began

    def remove(self) -> None:
        podman("rm", "--force", "--time", "0", self.name, check=False)

    def processes(self) -> list[Process]:
        """All that share its process namespace."""
        space = os.readlink(f"/proc/{self.inspect()['State']['Pid']}/ns/pid")
        return [each for pid in Path("/proc").glob("[0-9]*") if (each := _process(pid, space)) is not None]


def wait_for(what: str, done: Callable[[], bool], seconds: float = 60, log: Callable[[], str] = str) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"{what} did not happen in {seconds:.0f} s\n{log()}"
        time.sleep(0.2)


def _process(folder: Path, space: str) -> Process | None:
    try:
        if os.readlink(folder / "ns/pid") != space:
            return None
        status = dict(re.findall(r"^(\w+):\t(.*)$", (folder / "status").read_text(), re.MULTILINE))
        words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None  # it has ended since, or is one that even root may not look into: none of a container
    return Process(int(folder.name), status["State"][:1], words, status)


def _certs() -> str:
    """The folder of the roots that this machine was told to trust, if it was: the build must trust them too."""
    for name in ("BAROGRAPH_BUILD_CERTS", "SSL_CERT_DIR"):
        if folder := os.environ.get(name):
            return folder
    listed = call(sys.executable, "-m", "pip", "config", "list", check=False).stdout
    told = re.search(r"^(?:global|:env:)\.cert='(.+)'$", listed, re.MULTILINE)
    file = os.environ.get("SSL_CERT_FILE") or (told[1] if told else "")
    return str(Path(file).parent) if file else ""


def _mirror() -> str:
    """The mirror that apt uses here."""
    targets = call("apt-get", "indextargets", "--format", "$(SITE) $(ORIGIN)", "Created-By: Packages").stdout
    sites = [line.split()[0] for line in targets.splitlines() if line.endswith(" Debian")]
    mirror = os.environ.get("BAROGRAPH_DEBIAN_MIRROR") or next(iter(sites), "")
    assert mirror, "apt knows no mirror of Debian here: set BAROGRAPH_DEBIAN_MIRROR"
    return mirror


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
