"""A job under `barograph exec` is as without it: bytes, exit code, signals, terminal."""

from __future__ import annotations

import hashlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.daemon.wrapper.support import COMMAND, Shop, of, wait_for

NOISE = """
import sys, hashlib
out, err = sys.stdout.buffer, sys.stderr.buffer
block = bytes(range(256)) * 256
for number in range(%d):
    out.write(block[number %% 256:] + b"%%d" %% number)
    if number %% 16 == 0:
        err.write(b"e%%d\\n" %% number); err.flush()
out.flush()
"""


def noisy(megabytes: int) -> list[str]:
    return [sys.executable, "-c", NOISE % (megabytes * 16)]


def test_twenty_megabytes_of_binary_output_come_out_as_they_went_in(shop: Shop) -> None:
    """On both streams, each in its order, and without an end of line."""
    job = noisy(20)
    bare, wrapped = shop.bare(*job), shop.run(*job)
    assert len(wrapped.stdout) > 20_000_000
    assert hashlib.sha256(bare.stdout).digest() == hashlib.sha256(wrapped.stdout).digest()
    assert bare.stderr == wrapped.stderr
    end = of(shop.record(), "run.end")[0]
    assert (end["rc"], end["missed"] == 0) == (0, end["complete"])


@pytest.mark.parametrize("data", [b"", b"\n", b"no end of line", b"\r\n\x00\xff\x1b[31m", b"a" * 65_537])
def test_any_bytes_pass_both_ways(shop: Shop, data: bytes) -> None:
    """Standard input is the job's own."""
    done = shop.run("cat", stdin=None, input=data)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")


def test_where_both_streams_are_one_file_their_order_is_kept(shop: Shop) -> None:
    """As `2>&1` in a CI job has it."""
    script = "i=0; while [ $i -lt 2000 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"
    done = shop.run("sh", "-c", script, capture_output=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout.split() == [word for n in range(2000) for word in (b"o%d" % n, b"e%d" % n)]


def test_streams_that_are_two_stay_two(shop: Shop) -> None:
    """Nothing of one is in the other."""
    done = shop.run("sh", "-c", "echo out; echo err >&2; echo out2")
    assert (done.stdout, done.stderr) == (b"out\nout2\n", b"err\n")


@pytest.mark.parametrize("code", [0, 1, 2, 97, 255])
def test_the_exit_code_is_the_jobs(shop: Shop, code: int) -> None:
    """And is in the record."""
    assert shop.run("sh", "-c", f"exit {code}").returncode == code
    assert of(shop.record(), "run.end")[0]["rc"] == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGHUP, signal.SIGPIPE])
def test_a_job_that_dies_by_a_signal_takes_us_with_it(shop: Shop, number: signal.Signals) -> None:
    """So that whoever waits sees the same death; 128 and the number are in the record."""
    assert shop.run("sh", "-c", f"kill -{number.value} $$").returncode == -number
    end = of(shop.record(), "run.end")[0]
    assert (end["rc"], end["signal"]) == (128 + number, number)


@pytest.mark.parametrize(("argv", "code"), [(["no-such-program"], 127), (["/no/such"], 127), (["/etc/passwd"], 126)])
def test_what_cannot_be_started_ends_as_in_a_shell(shop: Shop, argv: list[str], code: int) -> None:
    """With a line that says why."""
    done = shop.run(*argv)
    assert done.returncode == code
    assert done.stderr.startswith(b"barograph: " + argv[0].encode())
    assert of(shop.record(), "run.end")[0]["rc"] == code


def test_a_script_without_a_first_line_runs_as_in_a_shell(shop: Shop) -> None:
    """By sh."""
    script = shop.root / "script"
    script.write_text("echo $1; exit 4\n")
    script.chmod(0o755)
    done = shop.run(str(script), "x")
    assert (done.returncode, done.stdout) == (4, b"x\n")


def test_the_job_has_the_environment_of_the_caller(shop: Shop) -> None:
    """But for our own variables and the folder in front of its PATH."""
    job = [sys.executable, "-S", "-c", "import os, json; print(json.dumps(dict(os.environ), sort_keys=True))"]
    bare = dict(eval(shop.bare(*job).stdout))
    wrapped = dict(eval(shop.run(*job).stdout))
    assert wrapped["PATH"].partition(":")[2] == bare["PATH"]
    ours = {name for name in wrapped if name.startswith("BAROGRAPH_")}
    assert {n: v for n, v in wrapped.items() if n not in ours | {"PATH"}} == {
        n: v for n, v in bare.items() if n not in ours | {"PATH"}
    }


def test_the_job_inherits_no_descriptor_and_no_signal_of_ours(shop: Shop) -> None:
    """What Python ignores and what we hold is not so in the job."""
    job = ("sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l")
    bare, wrapped = shop.bare(*job).stdout.split(), shop.run(*job).stdout.split()
    inner = 0b11 << 31  # 32 and 33 are the C library's own: its posix_spawn ignores them, and every program sets them
    assert bare[:3] + bare[4:] == wrapped[:3] + wrapped[4:]
    assert int(bare[3], 16) & ~inner == int(wrapped[3], 16) & ~inner


COUNT = """
import os, signal, sys, time
seen = []
def say(*words):  # not print: a handler may come while it writes
    os.write(1, " ".join(map(str, words)).encode() + b"\\n")
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
    signal.signal(number, lambda n, f: (seen.append(n), say("got", int(n))))
say("ready")
until = time.monotonic() + 60
while len(seen) < int(sys.argv[1]) and time.monotonic() < until:
    time.sleep(0.01)
time.sleep(0.5)
say("saw", *map(int, seen))
sys.exit(5)
"""


@pytest.mark.parametrize("to_group", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_reaches_the_job_once(shop: Shop, number: signal.Signals, to_group: bool) -> None:
    """Sent to us or to our whole process group: a second one would have Terraform leave its state behind."""
    job = shop.start(sys.executable, "-c", COUNT, "1")
    assert job.stdout is not None
    assert job.stdout.readline() == b"ready\n"
    (os.killpg if to_group else os.kill)(job.pid, number)
    out, _ = job.communicate(timeout=60)
    assert (out.splitlines()[-1], job.returncode) == (b"saw %d" % number, 5)


def test_two_signals_in_a_row_are_two_for_the_job(shop: Shop) -> None:
    """The second one is what makes Terraform give up at once."""
    job = shop.start(sys.executable, "-c", COUNT, "2")
    assert job.stdout is not None
    job.stdout.readline()
    for kill in (os.killpg, os.kill):
        kill(job.pid, signal.SIGINT)
        assert job.stdout.readline() == b"got 2\n"
    assert job.communicate(timeout=60)[0] == b"saw 2 2\n"
    assert [told["signal"] for told in of(shop.record(), "interrupt")] == [2, 2]


def test_a_stopped_job_stops_us_and_goes_on_with_us(shop: Shop) -> None:
    """As Ctrl-Z and `fg` do: the signal goes to the whole group."""
    job = shop.start("sh", "-c", "echo ready; read x; echo $x", stdin=subprocess.PIPE)
    assert job.stdout is not None
    job.stdout.readline()
    # The group of a session without a terminal is an orphan, whose members the kernel does not stop by SIGTSTP.
    os.killpg(job.pid, signal.SIGSTOP)
    assert os.WIFSTOPPED(os.waitpid(job.pid, os.WUNTRACED)[1])
    os.killpg(job.pid, signal.SIGCONT)
    assert job.communicate(b"on\n", timeout=60)[0] == b"on\n"


def test_a_reader_that_goes_away_ends_the_job_as_without_us(shop: Shop) -> None:
    """`| head -1`: the job gets SIGPIPE, and does not write for ever."""
    line = f"{' '.join(repr(word) for word in [*COMMAND, '--', 'yes'])} | head -1; echo ${{PIPESTATUS[0]}}"
    done = shop.bare("bash", "-c", line)
    assert done.stdout == b"y\n141\n"


def test_what_a_job_leaves_running_keeps_its_output(shop: Shop) -> None:
    """The job's end is not awaited for it, and what it prints later still comes out."""
    out = shop.root / "out"
    began = time.monotonic()
    with out.open("wb") as file:
        done = shop.run(
            "sh", "-c", "(sleep 3; echo later) & echo now", capture_output=False, stdout=file, stderr=subprocess.DEVNULL
        )
    assert (done.returncode, out.read_bytes()) == (0, b"now\n")
    assert time.monotonic() - began < 3
    wait_for(lambda: out.read_bytes() == b"now\nlater\n")


def test_when_the_wrapper_is_killed_the_job_goes_on_with_its_output(shop: Shop) -> None:
    """It does not die of a pipe that nobody reads; the record has what it said, and no end."""
    out = shop.root / "out"
    finished = shop.root / "finished"
    applied = "Apply complete! Resources: 2 added, 0 changed, 0 destroyed."
    script = f"echo begun; sleep 1.5; echo more; echo '{applied}'; touch {finished}"
    with out.open("wb") as file:
        job = shop.start("sh", "-c", script, stdout=file, stderr=subprocess.DEVNULL)
        wait_for(lambda: out.read_bytes() == b"begun\n")
        job.send_signal(signal.SIGKILL)
        job.wait()
    wait_for(finished.exists)
    wait_for(lambda: b"2 added" in out.read_bytes())
    wait_for(lambda: of(shop.written(), "summary"))
    assert not of(shop.written(), "run.end")


def test_without_a_standard_output_the_job_runs_unrecorded(shop: Shop) -> None:
    """Nothing of ours may take its descriptors."""
    made = shop.root / "made"
    words = " ".join(repr(word) for word in [*COMMAND, "--", "sh", "-c", f"touch {made}; exit 3"])
    assert shop.bare("bash", "-c", f"{words} >&-").returncode == 3
    assert made.exists()


class Terminal:
    """A terminal with a shell's place in it: a session of its own."""

    def __init__(self, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        self.seen = b""

    def until(self, text: bytes) -> None:
        """Read until *text* was shown."""
        end = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.fd, 4096)
                except OSError:
                    break
        assert text in self.seen, self.seen

    def type(self, text: bytes) -> None:
        os.write(self.fd, text)

    def end(self) -> int:
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


ASK = """
import os, sys
print(*(os.isatty(fd) for fd in (0, 1, 2)), os.get_terminal_size(1), flush=True)
print("answer?", end=" ", flush=True)
said = input()
print("said", said, flush=True)
open("/dev/tty", "w").write("by tty\\n")
"""


def test_on_a_terminal_the_job_has_one_and_can_ask(shop: Shop) -> None:
    """Input, output and /dev/tty; its size; an answer is shown once."""
    terminal = Terminal(shop.command(sys.executable, "-c", ASK), shop.env, shop.root)
    termios.tcsetwinsize(terminal.fd, (33, 101))
    terminal.until(b"answer?")
    assert b"True True True" in terminal.seen
    terminal.type(b"yes\n")
    terminal.until(b"said yes\r\n")
    terminal.until(b"by tty\r\n")
    assert terminal.seen.count(b"yes") == 2
    assert terminal.end() == 0


def test_the_keyboard_interrupts_the_job_once(shop: Shop) -> None:
    """The terminal tells the whole group, so that nothing is passed on."""
    terminal = Terminal(shop.command(sys.executable, "-c", COUNT, "1"), shop.env, shop.root)
    terminal.until(b"ready")
    terminal.type(b"\x03")
    terminal.until(b"saw 2\r\n")
    assert terminal.end() == 5


def test_a_shell_stops_and_resumes_the_job_from_the_keyboard(shop: Shop) -> None:
    """Ctrl-Z and `fg`, with job control."""
    words = " ".join(f"'{word}'" for word in shop.command("sh", "-c", "echo begun; read x; echo $x; exit 6"))
    terminal = Terminal(["bash", "--norc", "--noediting", "-i"], shop.env | {"PS1": "$ "}, shop.root)
    terminal.type(words.encode() + b"\n")
    terminal.until(b"$ begun\r\n")
    terminal.type(b"\x1a")
    terminal.until(b"Stopped")
    terminal.seen = b""
    terminal.type(b"fg\n")
    terminal.until(b"exit 6'\r\n")
    terminal.type(b"go on\n")
    terminal.until(b"go on\r\ngo on\r\n")  # as it was typed, and as the job says it
    terminal.type(b"echo code $?; exit\n")
    terminal.until(b"code 6")
    terminal.end()


def test_where_only_the_output_is_no_terminal_it_is_a_pipe(shop: Shop) -> None:
    """And error output is a terminal still."""
    words = " ".join(
        f"'{word}'" for word in shop.command("sh", "-c", "[ -t 0 ] && [ -t 2 ] && ! [ -t 1 ] && echo right")
    )
    terminal = Terminal(["sh", "-c", f"{words} | cat"], shop.env, shop.root)
    terminal.until(b"right")
    assert terminal.end() == 0


def test_wrong_options_are_told_before_anything_runs(shop: Shop) -> None:
    """With the option that is wrong."""
    for options, said in ((["--stak", "x"], b"--stak"), (["--stack"], b"needs a value")):
        done = shop.run("touch", "made", options=options)
        assert (done.returncode, said in done.stderr) == (2, True)
    assert not (shop.root / "made").exists()
