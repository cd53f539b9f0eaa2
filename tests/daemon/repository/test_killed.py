"""Fetches that are killed, and credentials that are looked for everywhere while and after they are used."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from daemon.repository.faults import FetchError
from tests.daemon.repository.support import TOKEN, USER, Bench, HttpServer, Remote, git, http_server

SIGNED_IN: dict[str, Any] = {"token": TOKEN, "username": USER}
ROOT = Path(__file__).parents[3]


def killing_git(folder: Path, at: int, *, before: bool) -> str:
    """A PATH whose git kills the process that started it, at its call number *at*, before or after doing its work."""
    folder.mkdir(parents=True)
    real = shutil.which("git")
    kill = "kill -9 $PPID"
    (folder / "git").write_text(
        f'#!/bin/sh\necho x >> {folder}/calls\nnumber=$(wc -l < {folder}/calls)\n'
        f'if [ "$number" -eq {at} ]; then {kill if before else ":"}; fi\n'
        f'{real} "$@"\ncode=$?\nif [ "$number" -eq {at} ]; then {":" if before else kill}; fi\nexit $code\n'
    )  # fmt: skip
    (folder / "git").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def run_child(url: str, folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.daemon.repository.child", url, str(folder), path],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("before", [True, False])
def test_a_process_killed_at_any_call_heals(
    tmp_path: Path, bench: Bench, served: Remote, http: HttpServer, before: bool
) -> None:
    """SIGKILL before or after each call of git, with a mirror and without: the next process gets it right."""
    folder = bench.folder
    number = killed = 0
    while True:
        number += 1
        made = served.push({"main.tf": f"# {number} {before}\n"})
        ended = run_child(http.url, folder, killing_git(tmp_path / f"bin-{number}", number, before=before))
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        killed += 1
        if number % 2:  # else what was left is found by the next process that is killed, too
            source = bench.source(http.url, "main", **SIGNED_IN)
            tree = source.now()
            assert (tree.commit, (tree.path / "main.tf").read_text()) == (made, f"# {number} {before}\n")
            source.close()
    assert killed >= 5, "so many calls does a fetch make"
    assert ended.stdout.split()[0] == made


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_git_that_is_killed_heals(bench: Bench, served: Remote, number: signal.Signals) -> None:
    """The pack is half there when git is ended: told, and the next fetch gets it all."""
    gate = threading.Event()
    (served.work / "blob").write_bytes(os.urandom(2 * 1024 * 1024))
    made = served.push({"main.tf": "# two\n"})
    with http_server(served.bare.parent, TOKEN, slow=gate) as server:
        source = bench.source(server.url, "main", **SIGNED_IN)
        failed: list[FetchError] = []

        def fetch() -> None:
            try:
                source.now()
            except FetchError as error:
                failed.append(error)

        thread = threading.Thread(target=fetch)
        thread.start()
        victims: list[int] = []
        until = time.monotonic() + 30
        while not (victims := our_gits(bench.folder, "fetch")) and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(victims[0], number)
        server.slow = None
        gate.set()
        thread.join(60)
        assert len(failed) <= 1
        tree = source.now()
        assert (tree.commit, (tree.path / "main.tf").read_text()) == (made, "# two\n")


def our_gits(folder: Path, word: str) -> list[int]:
    """Processes of git that work in *folder* and have *word* among their arguments."""
    found = []
    for pid, argv, _ in processes():
        if argv[:1] and argv[0].endswith("git") and word in argv and any(str(folder) in one for one in argv):
            found.append(pid)
    return found


def processes() -> Iterator[tuple[int, list[str], bytes]]:
    """Every process of this machine: id, arguments, environment."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                yield int(entry.name), argv, (entry / "environ").read_bytes()


@contextmanager
def watching(folder: Path) -> Iterator[dict[str, set[str]]]:
    """Look for the token in every argument, environment and file of ours for as long as the block takes."""
    found: dict[str, set[str]] = {"arguments": set(), "environment": set(), "files": set(), "gits": set()}
    done = threading.Event()
    own = os.getpid()

    def look() -> None:
        while not done.is_set():
            for pid, argv, environ in processes():
                if pid == own:
                    continue
                if any("git" in one for one in argv[:1]):
                    found["gits"].add(" ".join(argv))
                if any(TOKEN in one for one in argv):
                    found["arguments"].add(" ".join(argv))
                if TOKEN.encode() in environ and b"GIT_CONFIG_GLOBAL" in environ:
                    found["environment"].add(" ".join(argv))
            found["files"] |= files_with_token(folder)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def files_with_token(folder: Path) -> set[str]:
    found = set()
    for parent, _, names in os.walk(folder):  # which goes on where a folder is gone by now; rglob() does not
        for path in (Path(parent, name) for name in names):
            with suppress(OSError):
                if path.is_file() and TOKEN.encode() in path.read_bytes():
                    found.add(str(path))
    return found


def test_the_token_is_nowhere(bench: Bench, served: Remote) -> None:
    """Not in an argument, an environment or a file of ours, while git runs and afterwards, also where it is refused."""
    gate = threading.Event()
    (served.work / "blob").write_bytes(os.urandom(1024 * 1024))
    served.push({"main.tf": "# two\n"})
    with http_server(served.bare.parent, TOKEN, slow=gate) as server, watching(bench.folder) as found:
        threading.Timer(1.5, gate.set).start()
        source = bench.source(server.url, "main", **SIGNED_IN)
        source.now()
        server.token = "another"
        served.push({"main.tf": "# three\n"})
        with pytest.raises(FetchError) as caught:
            source.now()
        assert TOKEN not in str(caught.value)
    assert any(re.search(r"remote-http|fetch", line) for line in found["gits"]), "it was watched while it ran"
    assert {name: where for name, where in found.items() if name != "gits" and where} == {}
    assert files_with_token(bench.folder) == set()
    assert git(served.bare, "rev-parse", "HEAD")
