"""The daemon on a git address: what is planned, what is said when it cannot be fetched, and what is never written."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.base import LIVE
from daemon.store import open_reader
from tests.daemon.inventory.support import snapshot
from tests.daemon.repository.support import TOKEN, USER, Remote, git, http_server, remote
from tests.daemon.test_app import BAROGRAPH, MODULE, Daemon, environment, wait_for


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that is not configured yet, and a deployed module `network` for it."""
    if shutil.which("terraform") is None:
        pytest.skip("SKIP: no terraform on the PATH")
    (tmp_path / "empty.tfrc").touch()
    applied = tmp_path / "applied"
    applied.mkdir()
    (applied / "main.tf").write_text(MODULE.format(state=tmp_path / "network.tfstate"))
    for arguments in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false", "-var", "size=small"]):
        subprocess.run(
            ["terraform", *arguments], cwd=applied, check=True, capture_output=True,
            env={**environment(), "TF_CLI_CONFIG_FILE": str(tmp_path / "empty.tfrc"), "CHECKPOINT_DISABLE": "1"},
        )  # fmt: skip
    daemon = Daemon(tmp_path)
    yield daemon
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.process.kill()
        daemon.process.wait()


def module(daemon: Daemon) -> str:
    return MODULE.format(state=daemon.folder / "network.tfstate")


def configure(daemon: Daemon, source: str) -> None:
    daemon.config.write_text(
        f"source:\n  kind: terraform\n  {source}\n  fetch_every: 10s\n  roots:\n"
        "    - {path: network, stack: acme-prod, component: network, stage: production, vars: {size: small}}\n"
        "planning: {workers: 1}\nchecks: {drift: {every_by_stage: {production: 10s}}}\n"
        f"store: {{path: data/barograph.db}}\nweb: {{listen: '127.0.0.1:{daemon.port}'}}\n"
        "log: {level: debug}\n"
    )


def commit_planned(daemon: Daemon) -> str:
    """The commit that the last look says it planned."""
    if not daemon.verdicts():
        return ""
    with open_reader(daemon.store) as reader:
        [reading] = reader.readings("drift")
    return str(reading.evidence.get("facts", {}).get("commit", ""))


def test_the_fetched_commit_is_planned(daemon: Daemon) -> None:
    """Of a branch that moves each commit is planned as it is, and named; a rewritten one is followed."""
    served = remote(daemon.folder, {"network/main.tf": module(daemon)})
    configure(daemon, f"url: {served.bare}\n  ref: main")
    daemon.start()
    first = git(served.work, "rev-parse", "HEAD")
    wait_for("the first look", lambda: commit_planned(daemon) == first, 90)
    assert daemon.verdicts() == {"acme-prod/network": "in_sync"}
    changed = module(daemon).replace("input = var.size", 'input = "${var.size}-er"')
    second = served.push({"network/main.tf": changed})
    wait_for("the second commit's look", lambda: commit_planned(daemon) == second, 90)
    assert daemon.verdicts() == {"acme-prod/network": "pending"}
    git(served.work, "reset", "-q", "--hard", first)
    git(served.work, "push", "-qf", "origin", "HEAD")
    wait_for("the look at what was set back", lambda: commit_planned(daemon) == first, 90)
    assert daemon.verdicts() == {"acme-prod/network": "in_sync"}
    assert daemon.stop() == 0


def test_a_source_that_fails_makes_every_instance_stale(daemon: Daemon) -> None:
    """In the same process and after a restart nothing looks healthy, retired or new; the reason is told; it heals."""
    served = remote(daemon.folder, {"network/main.tf": module(daemon)})
    git(served.work, "push", "-q", "origin", "HEAD:refs/heads/live")
    configure(daemon, f"url: {served.bare}\n  ref: live")
    daemon.start()
    wait_for("the first look", lambda: daemon.verdicts() == {"acme-prod/network": "in_sync"}, 90)
    wait_for("a green metric", lambda: 'state="in_sync"} 1.0' in daemon.get("/metrics")[1])
    git(served.work, "push", "-q", "origin", ":refs/heads/live")

    def blind() -> bool:
        metrics = daemon.get("/metrics")[1]
        return "barograph_inventory_stale 1.0" in metrics and 'state="in_sync"} 1.0' not in metrics

    wait_for("the metric to say so", blind)
    page = daemon.get("/")[1]
    assert "the branch or tag live does not exist there (any more)" in page
    with open_reader(daemon.store) as reader:
        told = [incident.key for incident in reader.incidents(LIVE) if incident.check == "inventory"]
        assert told == ["stale"]
        assert [job.place for job in reader.jobs() if job.check == "drift"] == ["acme-prod/network"]
    assert daemon.stop() == 0
    daemon.start()
    wait_for("the same after a restart", lambda: daemon.get("/healthz")[0] == 200 and blind())
    assert daemon.get("/readyz")[0] == 503
    with open_reader(daemon.store) as reader:
        assert [job.place for job in reader.jobs() if job.check == "drift"] == ["acme-prod/network"]
        assert any("does not exist there (any more)" in one.summary for one in reader.incidents(LIVE))
    git(served.work, "push", "-q", "origin", "HEAD:refs/heads/live")
    wait_for("the return", lambda: 'state="in_sync"} 1.0' in daemon.get("/metrics")[1], 90)
    with open_reader(daemon.store) as reader:
        assert [one for one in reader.incidents(LIVE) if one.check == "inventory"] == []
    assert daemon.stop() == 0


def test_a_reload_takes_another_address(daemon: Daemon) -> None:
    """SIGHUP with a changed source.url: the new repository's commit is planned, the old mirror is gone."""
    old = remote(daemon.folder / "old", {"network/main.tf": module(daemon)})
    new = remote(daemon.folder / "new", {"network/main.tf": module(daemon) + "# new\n"})
    configure(daemon, f"url: {old.bare}")
    daemon.start()
    wait_for("the first look", lambda: commit_planned(daemon) == git(old.work, "rev-parse", "HEAD"), 90)
    configure(daemon, f"url: {new.bare}")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    wait_for("the other look", lambda: commit_planned(daemon) == git(new.work, "rev-parse", "HEAD"), 90)
    [mirror] = (daemon.folder / "data" / "barograph.db.scratch-repository").glob("mirror-*")
    assert (mirror / "barograph-source").read_text() == new.bare.as_uri()
    assert daemon.stop() == 0


def test_the_token_is_nowhere_to_be_found(daemon: Daemon) -> None:
    """Not in the store, the log, the pages, the mirror or anything else of ours, also after it was refused."""
    served = remote(daemon.folder / "git", {"network/main.tf": module(daemon)})
    with http_server(served.bare.parent, TOKEN) as server:
        secret = daemon.folder / "token"
        secret.touch(0o600)
        secret.write_text(TOKEN)
        configure(daemon, f"url: {server.url}\n  username: {USER}\n  token_file: token")
        daemon.start()
        wait_for("the first look", lambda: commit_planned(daemon) != "", 90)
        server.token = "another"
        wait_for("the refusal", lambda: "refuses the credentials" in daemon.get("/")[1])
        pages = "".join(daemon.get(path)[1] for path in ("/", "/metrics", "/readyz", "/instances/acme-prod/network"))
        assert daemon.process is not None
        environ = Path(f"/proc/{daemon.process.pid}/environ").read_bytes()
        assert daemon.stop() == 0
    told = daemon.log + pages
    assert "credentials" in told
    searched = [path for path in daemon.folder.rglob("*") if path.is_file() and path != secret]
    found = [path for path in searched if TOKEN.encode() in path.read_bytes()]
    assert (found, TOKEN in told, TOKEN.encode() in environ) == ([], False, False)
    assert any("mirror-" in str(path) for path in searched)


def test_a_work_tree_is_never_written_and_never_taken_for_its_commit(daemon: Daemon) -> None:
    """What somebody types into the folder is told and not planned; with `plan` it is, and not called the commit."""
    work = daemon.folder / "repo"
    shutil.copytree(remote(daemon.folder / "git", {"network/main.tf": module(daemon)}).work, work)
    configure(daemon, "path: repo")
    changed = module(daemon).replace("input = var.size", 'input = "${var.size}-er"')
    (work / "network/main.tf").write_text(changed)
    head = git(work, "rev-parse", "HEAD")
    before = snapshot(work)
    daemon.start()
    wait_for("the first look", lambda: commit_planned(daemon) == head, 90)
    assert daemon.verdicts() == {"acme-prod/network": "in_sync"}
    assert "has uncommitted changes, which are not planned" in daemon.log
    assert snapshot(work) == before
    configure(daemon, "path: repo\n  uncommitted: plan")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    wait_for("the look at all of it", lambda: daemon.verdicts() == {"acme-prod/network": "pending"}, 90)
    assert commit_planned(daemon) == f"{head} with uncommitted changes"
    assert snapshot(work) == before
    assert daemon.stop() == 0


def test_it_stops_in_time_while_a_fetch_hangs(daemon: Daemon) -> None:
    """A server that says nothing is not waited for, and what was not fetched is no finding."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        configure(daemon, f"url: http://127.0.0.1:{hole.getsockname()[1]}/infra.git")
        daemon.start()
        hole.settimeout(60)
        call, _ = hole.accept()
        with call:
            assert daemon.stop() == 0
    with open_reader(daemon.store) as reader:
        assert reader.incidents() == []
    assert "ERROR" not in daemon.log


def test_one_look_from_the_command_line(daemon: Daemon) -> None:
    """`inventory` and `check` fetch for themselves, beside a daemon that has the mirror; a failure is exit code 3."""
    served: Remote = remote(daemon.folder, {"network/main.tf": module(daemon)})
    configure(daemon, f"url: {served.bare}")
    daemon.start()
    wait_for("the first look", lambda: commit_planned(daemon) != "", 90)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*BAROGRAPH, *arguments, "-c", str(daemon.config)], capture_output=True, text=True, env=environment(),
            check=False,
        )  # fmt: skip

    head = git(served.work, "rev-parse", "HEAD")
    shown = run("inventory", "--json")
    assert shown.returncode == 0, shown.stderr
    assert head in shown.stdout
    looked = run("check", "drift", "--json")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert head in looked.stdout
    os.rename(served.bare, served.bare.with_name("moved.git"))
    for command in (("inventory",), ("check", "drift")):
        failed = run(*command)
        assert failed.returncode == 3
        assert "there is no such repository" in failed.stdout + failed.stderr
        assert "Traceback" not in failed.stderr
    assert daemon.stop() == 0
