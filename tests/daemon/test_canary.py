"""Secrets go nowhere: the whole daemon over a world full of canaries; then all it left behind is searched."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alerts.base import LIVE
from daemon.app import Running, serve
from daemon.config import Config
from daemon.demo.fakeslack import FakeSlack, Rates, channel_id
from daemon.logs import set_up
from daemon.orders import STOP, Commands
from daemon.processes import Processes
from tests.worlds import FAKE_PROVIDER, write_fake_mirror

CANARIES = {
    "sensitive attribute": "canary-typed-by-hand-4711",
    "sensitive variable": "canary-variable-0815",
    "environment of a stack": "canary-environment-2342",
    "sensitive output": "canary-output-1337",
    "Slack's token": "xoxb-1234-canary-slack-token",
    "token of the status page": "canary-web-token-9001",
    "password in an error": "canary-in-an-error-5150",
}

MODULE = """
terraform {
  required_providers { fake = { source = "local/test/fake" } }
  backend "local" { path = "%(state)s" }
}
variable "token" { sensitive = true }
variable "size" { default = "small" }
resource "fake_thing" "a" {
  name     = "%(name)s"
  size     = var.size
  password = var.token
}
output "secret" {
  value     = "%(output)s"
  sensitive = true
}
"""
# Terraform prints the value: it was never told that it is a secret. We were.
BROKEN = """
variable "plain" {
  validation {
    condition     = length(var.plain) > 1000
    error_message = "the password ${var.plain} is too short"
  }
}
"""


class Place:
    """A repository of three modules, two of them deployed, and the configuration that watches them."""

    def __init__(self, root: Path, slack: FakeSlack) -> None:
        self.root = root
        self.cloud = root / "cloud"
        self.config = root / "barograph.yml"
        mirror = write_fake_mirror(root / "mirror")
        rc = root / "terraformrc"
        rc.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
        processes = Processes()
        for name in ("service", "database"):
            self._module(name, MODULE % self._words(name))
            env = {
                "PATH": os.environ["PATH"], "HOME": str(root), "TMPDIR": str(root), "TF_CLI_CONFIG_FILE": str(rc),
                "FAKE_CLOUD": str(self.cloud), "TF_VAR_token": CANARIES["sensitive variable"],
                "TF_DATA_DIR": str(root / f"deploy-{name}"), "CHECKPOINT_DISABLE": "1",
            }  # fmt: skip
            for argv in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"]):
                done = processes.run(["terraform", *argv], cwd=root / "repo" / name, env=env, deadline=120)
                assert done.rc == 0, done.stderr.decode()
        self._module("broken", BROKEN + MODULE % self._words("broken"))
        (root / "repo" / "broken").joinpath("unused").touch()
        (root / "broken.tfstate").write_text((root / "service.tfstate").read_text())
        for name in ("token", "slack", "web", "plain"):
            (root / name).touch(0o600)
        (root / "token").write_text(CANARIES["sensitive variable"])
        (root / "slack").write_text(CANARIES["Slack's token"])
        (root / "web").write_text(CANARIES["token of the status page"])
        (root / "plain").write_text(CANARIES["password in an error"])
        roots = "".join(
            f"    - {{path: {name}, stack: acme-prod, component: {name}, stage: production}}\n"
            for name in ("service", "database", "broken")
        )
        self.config.write_text(
            f"source:\n  kind: terraform\n  path: repo\n  roots:\n{roots}"
            f"planning:\n  provider_mirror: {mirror}\n  scratch: scratch/plans\n  rules:\n"
            f"    - environment: {{FAKE_CLOUD: {self.cloud}, STACK_PASSWORD: '{CANARIES['environment of a stack']}'}}\n"
            f"      variables: {{token: {{file: token}}, plain: {{file: plain}}}}\n"
            f"alerts: {{default_channel: {channel_id('alerts')}}}\n"
            f"slack: {{token_file: slack, api_url: '{slack.base_url}'}}\n"
            f"store: {{path: data/barograph.db}}\n"
            f"web:\n  listen: 127.0.0.1:0\n  auth: {{tokens: [{{name: test, token_file: web}}]}}\n"
            f"log: {{level: debug}}\n"
        )

    def _module(self, name: str, text: str) -> None:
        folder = self.root / "repo" / name
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text(text)

    def _words(self, name: str) -> dict[str, str]:
        return {"state": str(self.root / f"{name}.tfstate"), "name": name, "output": CANARIES["sensitive output"]}

    def mischief(self) -> None:
        """A hand changes the password of the service, and what is no secret too."""
        file = self.cloud / "t-service.json"
        file.write_text(
            json.dumps({**json.loads(file.read_text()), "password": CANARIES["sensitive attribute"], "size": "HUGE"})
        )


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack(token=CANARIES["Slack's token"], rates=Rates.unlimited()) as slack:
        yield slack


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, before anything of the test's own."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def wait_for(what: str, done: Callable[[], bool], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"{what} did not happen in {seconds:.0f} s"
        time.sleep(0.1)


def fetch(address: str, path: str) -> str:
    wanted = urllib.request.Request(
        address + path, headers={"Authorization": f"Bearer {CANARIES['token of the status page']}"}
    )
    with urllib.request.urlopen(wanted, timeout=10) as answer:
        return str(answer.read().decode())


def test_no_canary_gets_out(tmp_path: Path, slack: FakeSlack, log: io.StringIO) -> None:
    """Store, log, metrics, pages, Slack and what is left on disk hold none of them; the findings are there."""
    assert FAKE_PROVIDER.is_file()
    place = Place(tmp_path, slack)
    commands, ready = Commands(), threading.Event()
    running: list[Running] = []

    def on_config(config: Config) -> None:
        set_up(config.log.level, config.log.format, config.secrets(), log)

    def on_ready(started: Running) -> None:
        running.append(started)
        ready.set()

    daemon = threading.Thread(
        target=serve, args=(place.config, commands), kwargs={"on_config": on_config, "on_ready": on_ready}
    )
    daemon.start()
    try:
        assert ready.wait(30)
        store, address = running[0].store, running[0].address
        wait_for("the first look", lambda: len(store.readings("drift")) == 3)
        place.mischief()
        running[0].refresh()
        wait_for("the drift", lambda: any(i.verdict == "drift" for i in store.incidents(LIVE)))
        wait_for("the messages", lambda: not store.backlog())
        verdicts = {reading.resource: reading.verdict for reading in store.readings("drift")}
        pages = [fetch(address, path) for path in ("/", "/metrics", "/readyz")]
        pages += [fetch(address, f"/instances/{resource}") for resource in verdicts]
        pages += [fetch(address, f"/incidents/{incident.fingerprint}") for incident in store.incidents()]
    finally:
        commands.put(STOP)
        daemon.join(30)
    assert verdicts["acme-prod/service"] == "drift"
    assert verdicts["acme-prod/database"] == "in_sync"
    assert verdicts["acme-prod/broken"] in ("config_error", "error")
    messages = [json.dumps(entry.arguments) for entry in slack.journal]
    told = "\n".join(messages)
    assert "password" in told, "that it differs must be told"
    assert "HUGE" in told
    assert "is too short" in told, "the error's words must survive, without its secret"

    where = {
        "store": b"".join(path.read_bytes() for path in sorted((tmp_path / "data").glob("*")) if path.is_file()),
        "log": log.getvalue().encode(),
        "pages": "\n".join(pages).encode(),
        "Slack": told.encode(),
        "disk": b"".join(path.read_bytes() for path in (tmp_path / "scratch").rglob("*") if path.is_file()),
    }
    assert len(where["store"]) > 10_000
    assert where["log"]
    for name, canary in CANARIES.items():
        for place_name, content in where.items():
            assert canary.encode() not in content, f"{name} is in the {place_name}"
