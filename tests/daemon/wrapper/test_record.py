"""What is written down and sent of a job, and that nothing of it reaches the job."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from checks.runs import wire
from tests.daemon.wrapper.support import Daemon, Shop, daemon, of, raw_server, wait_for

LOG = """\
terraform_data.a: Creating...
terraform_data.a: Creation complete after 1s [id=1]
Apply complete! Resources: 1 added, 0 changed, 0 destroyed.
"""
JOB = ("printf", "%s", LOG)


def test_a_run_is_written_down_from_its_start_to_its_end(shop: Shop) -> None:
    """With what was asked for, what the output says, and numbers without a gap."""
    options = ["--workflow", "deploy", "--stack=acme-dev", "--component", "vpc", "--step", "one", "--step", "two"]
    options += ["--emergency", "--dry-run", "--rollback", "https://example.com/undo"]
    shop.run(*JOB, options=options)
    events = shop.record()
    assert list(range(len(events))) == [told["seq"] for told in events]
    assert [told["event"] for told in events][:2] != ["run.start", "phase.start"]
    start, end = events[0], events[-1]
    assert (start["workflow"], start["stack"], start["component"]) == ("deploy", "acme-dev", "vpc")
    assert (start["expected_steps"], start["argv"][0]) == (["one", "two"], "printf")
    assert (start["emergency"], start["dry_run"], start["rollback"]) == (True, True, "https://example.com/undo")
    assert (end["event"], end["rc"], end["complete"]) == ("run.end", 0, True)
    assert [told["status"] for told in of(events, "resource")] == ["started", "done"]
    assert of(events, "summary")[0]["add"] == 1
    assert len({told["run_id"] for told in events}) == 1
    assert all(wire.parse(told) for told in events)
    assert oct(next(shop.spool.glob("*.jsonl")).stat().st_mode & 0o777) == "0o600"
    assert datetime.fromisoformat(start["ts"]) <= datetime.fromisoformat(end["ts"])


def test_an_error_comes_with_its_class_and_place(shop: Shop) -> None:
    """From error output, in a frame."""
    frame = (
        "╷\n│ Error: creating S3 Bucket: AccessDenied\n│ \n│   with aws_s3_bucket.b,\n"
        '│   on main.tf line 3, in resource "aws_s3_bucket" "b":\n│    3: resource {\n│ \n╵\n'
    )
    shop.run("sh", "-c", f"printf '%s' '{frame}' >&2; exit 1")
    (error,) = of(shop.record(), "error")
    assert (error["class"], error["address"], error["file"], error["line"]) == (
        "access_denied", "aws_s3_bucket.b", "main.tf", 3,
    )  # fmt: skip


def test_nothing_secret_is_written_or_sent(shop: Shop) -> None:
    """Of arguments, variables of the environment and output; the job itself sees all of it."""
    secret, other, third, fourth = "hunter2hunter2", "Zx9-quiet-value", "corr3ct-horse", "s0me-token-value"
    env = {"DB_PASSWORD": other, "BAROGRAPH_TOKEN": fourth, "TF_VAR_api_token": third}
    words = ["sh", "-c", 'echo "$@"; echo "Error: $DB_PASSWORD $TF_VAR_api_token $BAROGRAPH_TOKEN" >&2', "x"]
    words += ["-var", f"password={secret}", f"-var=token={secret}1", "--api-key", f"{secret}2"]
    with daemon() as told:
        done = shop.run(*words, env=env | {"BAROGRAPH_URL": told.url})
        assert secret.encode() in done.stdout
        assert other.encode() in done.stderr
        wait_for(lambda: told.named("run.end"))
    kept = b"".join(told.bodies) + b"".join(path.read_bytes() for path in shop.spool.iterdir())
    assert told.named("error")
    assert [value for value in (secret, other, third, fourth) if value.encode() in kept] == []


def test_the_commit_and_the_actor_are_told(shop: Shop) -> None:
    """As git and the CI say."""
    for words in ("init -q -b work", "commit -q --allow-empty -m x"):
        shop.bare("git", "-c", "user.name=a", "-c", "user.email=a@b", *words.split())
    env = {
        "GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "ada", "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/infra", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2",
    }  # fmt: skip
    sha = shop.bare("git", "rev-parse", "HEAD").stdout.decode().strip()
    shop.run("sleep", "2", env=env)
    start = of(shop.record(), "run.start")[0]
    assert (start["git_sha"], start["git_branch"], start["git_dirty"]) == (sha, "work", False)
    committed = shop.bare("git", "log", "-1", "--format=%ct").stdout.decode().strip()
    assert datetime.fromisoformat(start["git_committed_at"]).timestamp() == int(committed)
    assert (start["actor"], start["ci"], start["attempt"]) == ("ada", "github", 2)
    assert start["ci_url"] == "https://github.com/acme/infra/actions/runs/7/attempts/2"


def test_a_run_inside_another_names_it(shop: Shop) -> None:
    """So that the outer one is its parent."""
    inner = shop.command("true")
    shop.run(*inner)
    starts = of(shop.record(2), "run.start")
    assert {told.get("parent") for told in starts} == {None, min(told["run_id"] for told in starts)}


def test_a_daemon_gets_every_event_once_and_the_spool_is_empty(shop: Shop) -> None:
    """With the token, and in order of their numbers."""
    with daemon() as told:
        shop.run(*JOB, env={"BAROGRAPH_URL": told.url + "/", "BAROGRAPH_TOKEN": "t-1"})
        wait_for(lambda: told.named("run.end") and not list(shop.spool.iterdir()))
    assert told.repeats == 0
    assert sorted(seq for _, seq in told.events) == list(range(len(told.events)))
    assert {(h["path"], h["Authorization"]) for h in told.headers} == {("/api/v1/events", "Bearer t-1")}


def test_a_body_is_signed_where_there_is_a_secret(shop: Shop) -> None:
    """By the time and the body."""
    with daemon() as told:
        shop.run("true", env={"BAROGRAPH_URL": told.url, "BAROGRAPH_HMAC_SECRET": "s"})
        wait_for(lambda: told.named("run.end"))
    stamp = told.headers[0][wire.TIMESTAMP_HEADER]
    assert told.headers[0][wire.SIGNATURE_HEADER] == wire.signature("s", stamp, told.bodies[0])


def test_the_job_does_not_wait_to_be_sent(shop: Shop) -> None:
    """With --no-wait: its end comes at once, and what it told comes all the same."""
    with daemon() as told:
        shop.run(*JOB, options=["--no-wait"], env={"BAROGRAPH_URL": told.url})
        wait_for(lambda: told.named("run.end"))


def _silent(connection: socket.socket) -> None:
    time.sleep(60)


def _endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 202 Accepted\r\n\r\n{")
    while True:
        connection.sendall(b"x" * 65_536)


def _drip(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 202 Accepted\r\nContent-Length: 900\r\n\r\n" + b"1" * 900:
        connection.sendall(bytes([byte]))
        time.sleep(0.5)


def _garbage(connection: socket.socket) -> None:
    connection.sendall(os.urandom(4096))


def _portal(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>")


def _elsewhere(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")


def _hang_up(connection: socket.socket) -> None:
    return


HOSTILE = [_silent, _endless, _drip, _garbage, _portal, _elsewhere, _hang_up]


@pytest.mark.parametrize("speak", HOSTILE)
def test_a_slow_wrong_or_hostile_daemon_never_touches_the_job(
    shop: Shop, speak: Callable[[socket.socket], None]
) -> None:
    """Same bytes, same code, no long wait; the events stay until a good one takes them, once each."""
    with raw_server(speak) as url:
        began = time.monotonic()
        done = shop.run("sh", "-c", "echo out; echo err >&2; exit 3", env={"BAROGRAPH_URL": url})
        seconds = time.monotonic() - began
        assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
        assert of(shop.record(), "run.end")
    assert (
        seconds < 10
    )  # on a busy machine; what is waited for is a quarter of a second at most, and 2 s where one answers
    _flushed(shop, of(shop.written(), "run.end")[0]["run_id"])


def _flushed(shop: Shop, run_id: str) -> None:
    """A later --flush gives what waits to a good daemon, each event once."""
    env = {"BAROGRAPH_SPOOL": str(shop.spool)}
    with daemon() as told:
        flush = [*shop.command("x")[:4], "--flush"]

        def empty() -> bool:
            subprocess.run(flush, env=shop.env | env | {"BAROGRAPH_URL": told.url}, check=False, capture_output=True)
            return not list(shop.spool.iterdir())

        wait_for(empty)  # the scribe of that run may still hold its file for some seconds
    assert [event.run_id for event in told.named("run.end")] == [run_id]
    assert told.repeats == 0
    assert sorted(seq for _, seq in told.events) == list(range(len(told.events)))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://no-such-host.invalid", "ftp://x", "http://[", "nonsense"]
)
def test_an_absent_daemon_or_a_wrong_address_leaves_the_events_for_later(shop: Shop, url: str) -> None:
    """And the next run sends them, with its own."""
    shop.run(*JOB, env={"BAROGRAPH_URL": url})
    first = of(shop.record(), "run.end")[0]["run_id"]
    with daemon() as told:

        def both() -> bool:
            shop.run("sleep", "2", env={"BAROGRAPH_URL": told.url})
            return first in {event.run_id for event in told.named("run.end")}

        wait_for(both)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 429, 500, 503])
def test_what_a_daemon_refuses_is_kept_unless_it_is_the_event(shop: Shop, status: int) -> None:
    """An event that is refused by itself would be for ever; a token or a fault is mended."""

    def refuse(told: Daemon, raw: bytes) -> tuple[int, bytes]:
        return status, b"{}"

    with daemon() as told:
        told.answer = refuse
        shop.run(*JOB, env={"BAROGRAPH_URL": told.url})
        if status in (400, 413, 422):
            wait_for(lambda: not list(shop.spool.iterdir()))
            return
        assert of(shop.record(), "run.end")
    _flushed(shop, shop.written()[0]["run_id"])


def test_a_taken_batch_whose_answer_was_lost_is_sent_again_and_counted_once(shop: Shop) -> None:
    """The daemon knows a repeat by run and number."""
    with daemon() as told:

        def lose(told: Daemon, raw: bytes) -> tuple[int, bytes]:
            told.take(raw)
            told.answer = Daemon.take
            return 500, b""

        told.answer = lose
        shop.run("sleep", "4", env={"BAROGRAPH_URL": told.url})
        wait_for(lambda: told.named("run.end"))
    assert told.repeats > 0
    assert len(told.named("run.start")) == len(told.named("run.end")) == 1


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))


def test_on_a_full_disk_the_job_goes_on_and_what_fits_is_whole(shop: Shop) -> None:
    """No half of a line is left; with a daemon nothing is lost."""
    with daemon() as told:
        done = shop.run(*JOB, env={"BAROGRAPH_URL": told.url}, preexec_fn=_small_files)
        wait_for(lambda: told.named("run.end"))
    assert (done.returncode, done.stdout) == (0, LOG.encode())
    assert told.named("summary")
    assert all(path.read_bytes().endswith(b"\n") for path in shop.spool.glob("*.jsonl") if path.stat().st_size)
    bare = shop.run(*JOB, preexec_fn=_small_files)
    assert (bare.returncode, bare.stdout) == (0, LOG.encode())


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null", "", "\n"])
def test_without_a_place_to_write_the_job_goes_on(shop: Shop, place: str) -> None:
    """The next place is taken, or none."""
    done = shop.run(*JOB, env={"BAROGRAPH_SPOOL": place, "HOME": "/proc", "TMPDIR": str(shop.root)})
    assert (done.returncode, done.stdout, done.stderr) == (0, LOG.encode(), b"")


def test_a_folder_that_others_may_write_is_not_used(shop: Shop) -> None:
    """Somebody could have put a link there."""
    shop.spool.mkdir()
    shop.spool.chmod(0o777)
    shop.run("true", env={"HOME": str(shop.root / "home")})
    wait_for(lambda: list((shop.root / "home").rglob("*.jsonl")))
    assert not list(shop.spool.iterdir())


def test_a_broken_installation_of_ours_does_not_keep_the_job_from_running(shop: Shop, tmp_path: Path) -> None:
    """What the scribe imports fails in every way; the job does not notice."""
    broken = "import sys; sys.modules['daemon.wrapper.scribe'] = sys.modules['daemon.wrapper.feed'] = None; "
    for code in (broken, "import os; os.fork = lambda: (_ for _ in ()).throw(OSError(11, 'no')); "):
        script = code + "from daemon.entry import main; sys.exit(main())"
        words = [sys.executable, "-c", "import sys; " + script, "exec", "--", "sh", "-c", "echo hi; exit 3"]
        done = shop.bare(*words)
        assert (done.returncode, done.stdout, done.stderr) == (3, b"hi\n", b"")


def test_nothing_is_said_unless_asked_for(shop: Shop) -> None:
    """One line at the end with --verbose."""
    assert shop.run("true").stderr == b""
    said = shop.run("sleep", "1", options=["--verbose"]).stderr
    assert said.startswith(b"barograph: ")
    assert said.count(b"\n") == 1


def test_heavy_libraries_are_not_imported(shop: Shop) -> None:
    """By the wrapper before its job starts, nor by its scribe."""
    code = """
import sys
from daemon.wrapper import wrap, job, feed
assert not {"json", "dataclasses", "click"} & set(sys.modules)
import daemon.wrapper.scribe, daemon.wrapper.outbox, daemon.wrapper.facts, checks.runs.listener
print(sorted({"boto3", "botocore", "pydantic", "sqlite_utils", "starlette", "click", "yaml"} & set(sys.modules)))
"""
    assert shop.bare(sys.executable, "-c", code).stdout == b"[]\n"
