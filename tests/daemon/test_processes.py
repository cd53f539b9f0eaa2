"""Running programs: bounded in time and output, with exactly the environment given, and nothing left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from daemon.processes import Finished, Processes, ProcessesClosedError, ProgramMissingError

PYTHON = sys.executable
PATH = {"PATH": os.environ["PATH"]}


def run(code: str, folder: Path, **options: object) -> Finished:
    asked: dict[str, object] = {"cwd": folder, "env": PATH, "deadline": 30.0, **options}
    grace = Processes(grace_seconds=0.3)
    return grace.run([PYTHON, "-c", code], **asked)  # type: ignore[arg-type]  # options vary by test


def gone(pid: int) -> bool:
    """Whether a process ends soon (a zombie that nobody waits for has ended)."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def wait_for(path: Path) -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path} did not come")


def test_output_exit_code_and_memory_come_back(tmp_path: Path) -> None:
    """What a child says and how it ends is given as it was."""
    finished = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", tmp_path)
    assert (finished.rc, finished.signal, finished.stdout, finished.stderr) == (3, None, b"out\n", b"err\n")
    assert (finished.timed_out, finished.truncated, finished.stopped) == (False, False, False)
    assert finished.max_rss_bytes > 1_000_000
    assert finished.seconds > 0


def test_memory_counts_children_of_the_child(tmp_path: Path) -> None:
    """A small wrapper round a large program shows the large program's memory."""
    hungry = "x = bytearray(120_000_000)"
    finished = run(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hungry!r}])", tmp_path)
    assert finished.max_rss_bytes > 120_000_000


def test_the_environment_is_exactly_what_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of our own environment reaches a child."""
    monkeypatch.setenv("OWN_SECRET", "canary")
    finished = run("import os; print('OWN_SECRET' in os.environ, os.environ['GIVEN'])", tmp_path, env={"GIVEN": "yes"})
    assert finished.stdout == b"False yes\n"


def test_standard_input_is_empty_or_what_is_given(tmp_path: Path) -> None:
    """A child that asks gets nothing, unless it was given something."""
    code = "import sys; print(len(sys.stdin.buffer.read()))"
    assert run(code, tmp_path).stdout == b"0\n"
    assert run(code, tmp_path, stdin=b"x" * 300_000).stdout == b"300000\n"
    assert run("pass", tmp_path, stdin=b"x" * 300_000).rc == 0


def test_a_deadline_ends_the_whole_group(tmp_path: Path) -> None:
    """A child that ignores SIGTERM, and its own child, are both killed."""
    note = tmp_path / "grandchild"
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    finished = run(code, tmp_path, deadline=2.0)
    assert (finished.timed_out, finished.signal) == (True, signal.SIGKILL)
    assert gone(int(note.read_text()))


def test_a_grandchild_that_outlives_its_parent_is_killed(tmp_path: Path) -> None:
    """What a child leaves running, with our pipe in its hand, neither blocks us nor stays."""
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
    finished = run(code, tmp_path)
    assert (finished.rc, finished.seconds < 20) == (0, True)
    assert gone(int(finished.stdout))


@pytest.mark.parametrize("limit", ["stdout_limit", "stderr_limit"])
def test_output_over_the_limit_ends_the_child(tmp_path: Path, limit: str) -> None:
    """Output is kept up to the limit, and the child is ended."""
    code = "import sys\nwhile True: sys.stdout.write('x' * 1000); sys.stderr.write('x' * 1000)"
    finished = run(code, tmp_path, **{limit: 5000})
    assert finished.truncated
    assert not finished.timed_out
    assert len(getattr(finished, limit.removesuffix("_limit"))) == 5000


def test_a_missing_program_or_folder_is_named(tmp_path: Path) -> None:
    """The message says what is not there."""
    with pytest.raises(ProgramMissingError, match="no-such-program"):
        Processes().run(["no-such-program"], cwd=tmp_path, env=PATH, deadline=5)
    with pytest.raises(ProgramMissingError, match="nowhere"):
        Processes().run([PYTHON], cwd=tmp_path / "nowhere", env=PATH, deadline=5)
    (tmp_path / "plain").write_text("no program")
    with pytest.raises(ProgramMissingError, match="cannot be started"):
        Processes().run([str(tmp_path / "plain")], cwd=tmp_path, env=PATH, deadline=5)


def test_close_ends_what_lives_and_starts_nothing_more(tmp_path: Path) -> None:
    """close() returns within seconds even for a child that ignores SIGTERM; later runs fail."""
    processes = Processes(grace_seconds=0.3)
    ready = tmp_path / "ready"
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"open({str(ready)!r}, 'w').write('1'); time.sleep(60)"
    )
    done: list[Finished] = []
    thread = threading.Thread(
        target=lambda: done.append(processes.run([PYTHON, "-c", code], cwd=tmp_path, env=PATH, deadline=60))
    )
    thread.start()
    wait_for(ready)
    processes.close()
    thread.join(20)
    assert (done[0].stopped, done[0].timed_out, done[0].signal) == (True, False, signal.SIGKILL)
    with pytest.raises(ProcessesClosedError):
        processes.run([PYTHON], cwd=tmp_path, env=PATH, deadline=1)


def test_runs_side_by_side_do_not_mix(tmp_path: Path) -> None:
    """Each of several concurrent children gives its own output and code."""
    processes = Processes()
    found: dict[int, Finished] = {}

    def one(number: int) -> None:
        code = f"import sys; print({number}); sys.exit({number})"
        found[number] = processes.run([PYTHON, "-c", code], cwd=tmp_path, env=PATH, deadline=30)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: (int(end.stdout), end.rc) for number, end in found.items()} == {n: (n, n) for n in range(6)}


@pytest.mark.parametrize(
    ("word", "env"), [("a\0b", {}), ("x", {"X": "canary\0"}), ("x", {"A=B": "canary"}), ("x", {"X": "canary\ud800"})]
)
def test_what_no_program_can_be_given_is_a_program_that_cannot_be_started(
    tmp_path: Path, word: str, env: dict[str, str]
) -> None:
    """The message says so, and quotes no value."""
    with pytest.raises(ProgramMissingError) as told:
        Processes().run([PYTHON, "-c", "", word], cwd=tmp_path, env={**PATH, **env}, deadline=10)
    assert "zero byte" in str(told.value)
    assert "canary" not in str(told.value)
