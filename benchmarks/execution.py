"""What `barograph exec` costs a job: time until its end, and CPU of everything, the scribe included."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_ENTRY = [sys.executable, "-c", "import sys; from daemon.entry import main; sys.exit(main())", "exec"]
_SUBREAPER = 36  # prctl(2): orphans become ours, so that their CPU is counted
_APPLY = """
import sys, time
for number in range(400):
    print(f"aws_instance.web[{number}]: Still creating... [10s elapsed]", flush=True)
    time.sleep(0.01)
"""
_FLOOD = "import sys\nline = b'x' * 99 + b'\\n'\nfor _ in range(1000): sys.stdout.buffer.write(line * 1000)"
_MAIN = 'resource "terraform_data" "a" {\n  count = 50\n  input = count.index\n}\n'


def execution() -> Iterator[tuple[str, str, str]]:
    """The wrapper beside the bare job."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "BAROGRAPH_SPOOL": f"{folder}/spool"}
        env.pop("BAROGRAPH_URL", None)
        yield from _short(env)
        yield from _long(env)
        yield from _flood(env)
        if shutil.which("terraform"):
            yield from _terraform(env, Path(folder))


def _short(env: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    job = ["true"]
    bare, python, wrapped, waited = _alternating(
        [job, [sys.executable, "-c", "pass"], [*_ENTRY, "--no-wait", "--", *job], [*_ENTRY, "--", *job]], env, 15
    )
    yield (
        "`true` under `barograph exec --no-wait`",
        f"{(wrapped - bare) * 1000:.0f} ms more",
        (f"limit: 50 ms; starting Python takes {(python - bare) * 1000:.0f} ms of it"),
    )
    yield "the same, until the record is on disk", f"{(waited - bare) * 1000:.0f} ms more", "at most 250 ms are waited"


def _long(env: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    job = [sys.executable, "-S", "-c", _APPLY]
    bare, wrapped = _alternating([job, [*_ENTRY, "--no-wait", "--", *job]], env, 3)
    used, with_us = _cpu(job, env), _cpu([*_ENTRY, "--", *job], env)
    yield "a job of 4 s that prints 100 lines a second", f"{(wrapped / bare - 1) * 100:.1f} % longer", "limit: 2 %"
    yield (
        "CPU beside it, of all our processes",
        f"{with_us - used:.2f} s",
        f"{(with_us - used) / bare * 100:.1f} % of a core",
    )


def _flood(env: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    job = ["sh", "-c", f'{sys.executable} -S -c "{_FLOOD}" ']
    bare, wrapped = _alternating([job, [*_ENTRY, "--no-wait", "--", *job]], env, 5)
    yield "a job that does nothing but print 100 MB", f"{wrapped - bare:.2f} s more", f"{bare:.2f} s bare"


def _terraform(env: dict[str, str], folder: Path) -> Iterator[tuple[str, str, str]]:
    (folder / "main.tf").write_text(_MAIN)
    apply = "terraform apply -auto-approve -no-color"
    line = f"cd {folder} && terraform init -no-color && {apply} && rm -rf .terraform terraform.*"
    job = ["sh", "-c", line]
    bare, wrapped, plain = _alternating(
        [job, [*_ENTRY, "--no-wait", "--", *job], [*_ENTRY, "--no-wait", "--no-shim", "--", *job]], env, 9
    )
    yield (
        "`terraform init` and `apply` of 50 built-in resources",
        f"{(wrapped - bare) * 1000:.0f} ms more",
        (f"{bare:.2f} s bare; {(plain - bare) * 1000:.0f} ms more without stand-ins"),
    )


def _alternating(jobs: Sequence[Sequence[str]], env: dict[str, str], times: int) -> list[float]:
    """The median of each, run in turn, so that other work on the machine touches all alike."""
    taken: list[list[float]] = [[] for _ in jobs]
    for _ in range(times):
        for number, job in enumerate(jobs):
            began = time.perf_counter()
            subprocess.run(job, env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            taken[number].append(time.perf_counter() - began)
            _reap()
    return [statistics.median(one) for one in taken]


def _cpu(job: Sequence[str], env: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(job, env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    _reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _reap() -> None:
    """Wait for the scribe: it is to weigh on no other measurement."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
