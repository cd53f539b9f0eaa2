"""The daemon as its user runs it: `barograph run`, a real process, real Terraform, signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from daemon.store import open_reader

BAROGRAPH = [sys.executable, "-m", "daemon"]
MODULE = """
variable "size" {{ type = string }}
terraform {{
  backend "local" {{ path = "{state}" }}
}}
resource "terraform_data" "thing" {{ input = var.size }}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(what: str, done: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"{what} did not happen in {seconds:.0f} s"
        time.sleep(0.1)


@dataclass
class Daemon:
    """One `barograph run` on a repository of two deployed root modules."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "barograph.yml"

    @property
    def store(self) -> Path:
        return self.folder / "data" / "barograph.db"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def configure(self, *components: str, terraform: str = "", extra: str = "") -> None:
        roots = "".join(
            f"    - {{path: {name}, stack: acme-prod, component: {name}, stage: production, vars: {{size: small}}}}\n"
            for name in components
        )
        binary = f"  terraform: {terraform}\n" if terraform else ""
        self.config.write_text(
            f"source:\n  kind: terraform\n  path: repo\n  roots:\n{roots}"
            f"planning:\n  workers: 1\n{binary}"
            f"store: {{path: data/barograph.db}}\nweb: {{listen: '127.0.0.1:{self.port}'}}\n{extra}"
        )

    def start(self, **more: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*BAROGRAPH, "run", "-c", str(self.config)], stdout=log, stderr=log, env={**environment(), **more}
            )

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def verdicts(self) -> dict[str, str]:
        """What the store says; nothing while it is being made."""
        if self.get("/healthz")[0] != 200 and self.process is not None and self.process.poll() is None:
            return {}
        with open_reader(self.store) as reader:
            return {reading.resource: reading.verdict for reading in reader.readings("drift")}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(10)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_", "BAROGRAPH_"))}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    if shutil.which("terraform") is None:
        pytest.skip("SKIP: no terraform on the PATH")
    config = tmp_path / "empty.tfrc"
    config.touch()
    for name in ("network", "database"):
        module = tmp_path / "repo" / name
        module.mkdir(parents=True)
        (module / "main.tf").write_text(MODULE.format(state=tmp_path / f"{name}.tfstate"))
        shutil.copytree(module, tmp_path / "applied" / name)
        for arguments in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false", "-var", "size=small"]):
            subprocess.run(
                ["terraform", *arguments],
                cwd=tmp_path / "applied" / name,
                env={**environment(), "TF_CLI_CONFIG_FILE": str(config), "CHECKPOINT_DISABLE": "1"},
                check=True,
                capture_output=True,
            )
    daemon = Daemon(tmp_path)
    yield daemon
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.process.kill()
        daemon.process.wait()


def test_it_looks_serves_and_stops(daemon: Daemon) -> None:
    """Ready once the inventory is loaded; both instances in sync; SIGTERM ends it with 0; nothing secret is left."""
    daemon.configure("network", "database")
    daemon.start()
    wait_for("readiness", lambda: daemon.get("/readyz")[0] == 200)
    wait_for("the first look", lambda: len(daemon.verdicts()) == 2)
    assert daemon.verdicts() == {"acme-prod/network": "in_sync", "acme-prod/database": "in_sync"}
    assert daemon.get("/healthz")[0] == 200
    status, page = daemon.get("/")
    assert status == 200
    assert "acme-prod" in page
    wait_for("metrics", lambda: 'state="in_sync"} 1.0' in daemon.get("/metrics")[1])
    assert daemon.stop() == 0
    assert not list((daemon.folder / "data").glob("*.scratch/*/out/*"))


def test_it_stops_in_time_with_a_plan_in_flight(daemon: Daemon) -> None:
    """A Terraform that hangs and ignores SIGTERM is killed; its look counts for nothing and is done after a restart."""
    real = shutil.which("terraform")
    slow = daemon.folder / "slow-terraform"
    slow.write_text(
        f'#!/bin/sh\ncase "$1" in plan) trap "" TERM; touch {daemon.folder}/planning; sleep 60;; esac\n'
        f'exec {real} "$@"\n'
    )
    slow.chmod(0o755)
    daemon.configure("network", terraform=str(slow))
    daemon.start()
    wait_for("the plan", (daemon.folder / "planning").exists)
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 10
    assert daemon.verdicts() == {}
    with open_reader(daemon.store) as reader:
        assert reader.runs("drift", "acme-prod/network") == []
        assert [i for i in reader.incidents() if i.check == "drift"] == []
    daemon.configure("network")
    daemon.start()
    wait_for("the look", lambda: daemon.verdicts() == {"acme-prod/network": "in_sync"}, 90)


def test_a_killed_daemon_looks_again_and_loses_nothing(daemon: Daemon) -> None:
    """SIGKILL in the middle: the next start takes the store as it is and goes on."""
    daemon.configure("network", "database")
    daemon.start()
    wait_for("a look", lambda: len(daemon.verdicts()) >= 1)
    assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    daemon.start()
    wait_for("all looks", lambda: len(daemon.verdicts()) == 2, 90)
    check = subprocess.run(
        [*BAROGRAPH, "db", "check", "--store", str(daemon.store)], capture_output=True, env=environment(), check=False
    )
    assert check.returncode == 0, check.stdout


def test_a_reload_is_all_or_nothing(daemon: Daemon) -> None:
    """A broken file changes nothing and is told with its line; a good one is put to use without a restart."""
    daemon.configure("network")
    daemon.start()
    wait_for("the first look", lambda: daemon.verdicts() == {"acme-prod/network": "in_sync"})
    assert daemon.process is not None
    daemon.configure("network", "database", extra="chekcs: {}\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for("the refusal", lambda: "not reloaded" in daemon.log)
    assert "chekcs" in daemon.log
    wait_for("the old service", lambda: daemon.get("/healthz")[0] == 200)
    daemon.configure("network", "database")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for("the new instance", lambda: len(daemon.verdicts()) == 2)
    assert daemon.stop() == 0


def test_a_reload_that_cannot_start_leaves_the_old_service(daemon: Daemon) -> None:
    """A new address that is taken is told, and the daemon goes on where it was."""
    daemon.configure("network")
    daemon.start()
    wait_for("readiness", lambda: daemon.get("/readyz")[0] == 200)
    assert daemon.process is not None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        daemon.config.write_text(daemon.config.read_text().replace(f":{daemon.port}", f":{port}"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("the refusal", lambda: "not reloaded" in daemon.log)
        wait_for("the old service", lambda: daemon.get("/readyz")[0] == 200)
    assert f"{port} cannot be bound" in daemon.log
    assert daemon.stop() == 0


def test_listeners_of_their_own_come_and_stay_with_a_reload(daemon: Daemon) -> None:
    """A reload sets metrics apart; the next, to a port that is taken, changes nothing; the daemon ends with 0."""
    with socket.socket() as free, socket.socket() as taken:
        for one in (free, taken):
            one.bind(("127.0.0.1", 0))
        taken.listen()
        own, other = free.getsockname()[1], taken.getsockname()[1]
        free.close()
        daemon.configure("network")
        before = daemon.config.read_text()
        daemon.start()
        wait_for("metrics beside the pages", lambda: daemon.get("/metrics")[0] == 200)
        assert daemon.process is not None
        listen = f"web: {{listen: '127.0.0.1:{daemon.port}', metrics_listen: '127.0.0.1:%d'}}"
        plain = f"web: {{listen: '127.0.0.1:{daemon.port}'}}"
        daemon.config.write_text(before.replace(plain, listen % own))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("metrics apart", lambda: daemon.get("/metrics")[0] == 404)
        wait_for("metrics there", lambda: fetched(own, "/metrics") == 200)
        daemon.config.write_text(before.replace(plain, listen % other))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("the refusal", lambda: f"web.metrics_listen: 127.0.0.1:{other} cannot be bound" in daemon.log)
        wait_for("the old listeners", lambda: fetched(own, "/metrics") == 200 and daemon.get("/")[0] == 200)
    assert daemon.stop() == 0


def fetched(port: int, path: str) -> int:
    """The status of an answer; 0: nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_a_check_that_a_reload_switches_off_is_not_overdue_for_ever(daemon: Daemon) -> None:
    """Its places are gone with it, and readiness does not wait for them."""
    daemon.configure("network")
    daemon.start()
    wait_for("the first look", lambda: daemon.verdicts() == {"acme-prod/network": "in_sync"})
    assert daemon.process is not None
    daemon.configure("network", extra="checks: {drift: {enabled: false}}\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for("the end of its places", lambda: daemon.verdicts() == {})
    wait_for("readiness", lambda: daemon.get("/readyz")[0] == 200)


def test_it_stops_in_time_while_the_inventory_loads(daemon: Daemon) -> None:
    """An Atmos that hangs and ignores SIGTERM is killed, and what it did not say is no finding."""
    atmos = daemon.folder / "atmos"
    atmos.write_text(f'#!/bin/sh\ntrap "" TERM\ntouch {daemon.folder}/called\nsleep 60\n')
    atmos.chmod(0o755)
    (daemon.folder / "repo" / "atmos.yaml").write_text("base_path: .\n")
    daemon.config.write_text(
        f"source: {{kind: atmos, path: repo, atmos: {{command: {atmos}}}}}\n"
        f"store: {{path: data/barograph.db}}\nweb: {{listen: '127.0.0.1:{daemon.port}'}}\n"
    )
    daemon.start()
    wait_for("the call", (daemon.folder / "called").exists)
    assert daemon.stop() == 0
    with open_reader(daemon.store) as reader:
        assert reader.incidents() == []
    assert "ERROR" not in daemon.log


def test_it_stops_in_time_while_aws_does_not_answer(daemon: Daemon) -> None:
    """A look that waits for the network cannot be killed, and is not waited for either."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        (daemon.folder / "repo" / "network" / "main.tf").write_text(
            'terraform {\n  backend "s3" {\n    bucket = "b"\n    key = "k"\n    region = "us-east-1"\n  }\n}\n'
        )
        (daemon.folder / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
        daemon.configure("network", extra=f"aws: {{endpoint_url: 'http://127.0.0.1:{hole.getsockname()[1]}'}}\n")
        daemon.start(AWS_SHARED_CREDENTIALS_FILE=str(daemon.folder / "credentials"))
        hole.settimeout(60)
        call, _ = hole.accept()
        with call:
            assert daemon.stop() == 0


def test_a_second_daemon_on_the_same_store_is_refused(daemon: Daemon) -> None:
    """One clear message, and the first one goes on."""
    daemon.configure("network")
    daemon.start()
    wait_for("readiness", lambda: daemon.get("/readyz")[0] == 200)
    second = subprocess.run(
        [*BAROGRAPH, "run", "-c", str(daemon.config)], capture_output=True, text=True, env=environment(), check=False
    )
    assert second.returncode == 4
    assert "Traceback" not in second.stderr
    assert str(daemon.store) in second.stderr
    assert daemon.get("/healthz")[0] == 200


def test_an_address_in_use_is_one_clear_message(daemon: Daemon) -> None:
    """Not a traceback: the option, the address, the reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", daemon.port))
        taken.listen()
        daemon.configure("network")
        ended = subprocess.run(
            [*BAROGRAPH, "run", "-c", str(daemon.config)],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
    assert ended.returncode == 4
    assert "web.listen" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_one_look_from_the_command_line(daemon: Daemon) -> None:
    """`check`: 0 in sync, 1 not everything as the code says above info, 2 usage, 3 where it could not look."""

    def check(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [*BAROGRAPH, "check", *arguments, "-c", str(daemon.config)],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    daemon.configure("network")
    code, text = check("drift", "--json")
    assert code == 0, text
    assert json.loads(text)["readings"][0]["verdict"] == "in_sync"
    assert check("drfit")[0] == 2
    assert check("drift", "--stack", "nowhere")[0] == 2
    (daemon.folder / "network.tfstate").write_text("{ not json")
    code, text = check("drift")
    assert code == 3
    assert "COULD NOT LOOK at acme-prod/network" in text
    (daemon.folder / "network.tfstate").unlink()
    code, text = check("drift", "--json")
    assert json.loads(text)["readings"][0]["verdict"] == "never_deployed"
    assert code == 0, "never deployed is for the weekly review"
    assert not daemon.store.exists(), "one look stores nothing"
