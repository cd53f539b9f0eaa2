"""`barograph demo` as a person runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from checks.kinds import Tier
from daemon.demo.mischief import LEAKED, all_mischief
from tests.daemon.demo.leftovers import processes_of
from tests.daemon.demo.test_docs import life


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """A short folder for temporary files that is empty, and must be empty again at the end."""
    folder = Path(f"/tmp/bd-{os.getpid()}")
    folder.mkdir()
    try:
        yield folder
    finally:
        folder.rmdir()  # fails when anything is left in it


def _demo(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(temporary), "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", "from daemon.cli import main; main()", "demo", "--port", "0", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=Path(__file__).parents[3]
    )


def _until(child: subprocess.Popen[str], word: str) -> str:
    """Read what it prints up to the line with *word*."""
    assert child.stdout is not None
    lines = []
    for line in child.stdout:
        lines.append(line)
        if word in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def test_once_finds_all_that_was_planted(temporary: Path) -> None:
    """One round finds every mischief and nothing else, shows no secret, and leaves no process and no file."""
    child = _demo(temporary, "--once")
    output, _ = child.communicate(timeout=280)
    assert child.returncode == 0, output
    assert "WRONG" not in output
    expected = [one for item in all_mischief() for one in item.expected]
    assert f" agree, of {len({one.check for one in expected})} checks" in output
    roots = re.findall(r"^  ┌ #[a-z-]+$", output, re.MULTILINE)
    assert len(roots) == sum(one.times for one in expected if one.tier is not Tier.INFO)
    for happens, says in life():
        assert re.search(f"{re.escape(happens)} .*{re.escape(says)} +as expected", output), happens
    assert f"{len(life())} of {len(life())} agree, of 5 ways" in output
    assert LEAKED not in output
    assert "Traceback" not in output
    assert processes_of(temporary) == []


def test_ctrl_c_ends_it_cleanly(temporary: Path) -> None:
    """Its pages are there while it runs; Ctrl-C in the middle of a look ends it with 0 and nothing is left."""
    child = _demo(temporary)
    try:
        shown = _until(child, "Metrics:")
        pages = dict(line.split(":", 1) for line in shown.splitlines() if ": " in line and "http" in line)
        for name in ("Status page", "Slack inbox", "Metrics"):
            with urlopen(pages[name].strip(), timeout=10) as answer:
                assert answer.status == 200
    finally:
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, output
    assert "everything of the demo is removed" in output
    assert "Traceback" not in output
    assert processes_of(temporary) == []


def test_a_taken_port_is_said_at_once(temporary: Path) -> None:
    """Before anything is made, a person hears that the port is taken and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        child = _demo(temporary, "--port", str(taken.getsockname()[1]))
        output, _ = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "give another --port" in output
    assert len(output.splitlines()) == 1
