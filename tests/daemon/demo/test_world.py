"""The embedded world, with real Terraform: made, harmed, and gone without a trace."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.demo.api import ApiError
from daemon.demo.cloud import Cloud
from daemon.demo.mischief import LEAKED, all_mischief, calm, stack_mischief
from daemon.demo.programs import DemoError
from daemon.demo.repository import INSTANCES, LOCK_TABLE, STATE_BUCKET, DemoInstance
from daemon.demo.world import DemoWorld
from daemon.processes import Processes
from tests.daemon.demo.leftovers import processes_of


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder with a short path: a provider's socket lies below it."""
    with tempfile.TemporaryDirectory(prefix="bw-") as folder:
        yield Path(folder)


def _actions(changes: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {c["address"]: c["change"]["actions"] for c in changes if c["change"]["actions"] != ["no-op"]}


def _arrays(plan: dict[str, Any]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Drift and changes of a plan: address -> actions."""
    return _actions(plan.get("resource_drift", [])), _actions(plan["resource_changes"])


def test_every_mischief_has_an_instance_of_its_own() -> None:
    """Nothing that is done hides another, all instances are used, and one at least stays in sync."""
    harmed = [item.instance for item in stack_mischief()]
    assert len(set(harmed)) == len(harmed)
    assert set(harmed) | set(calm()) == set(INSTANCES)
    assert not set(harmed) & set(calm())


def test_the_world_is_in_sync_and_the_mischief_shows_in_the_plans(scratch: Path) -> None:
    """Plans of the fresh world are empty; after the mischief each plan holds what was done, and no more."""
    with DemoWorld(scratch) as world:
        world.start()
        for instance in (DemoInstance("acme-dev", "network"), *calm()):
            assert _arrays(world.plan(instance)) == ({}, {})
        for item in all_mischief():
            item.do(world)
        _check_plans(world)
        _check_failures(world)
        _check_backend(world)
    assert processes_of(scratch, seconds=5) == []


def _check_plans(world: DemoWorld) -> None:
    queue, group = "module.service.aws_sqs_queue.jobs", "module.network.aws_security_group.database"
    table, password = "module.database.aws_dynamodb_table.orders", "module.database.aws_ssm_parameter.password"
    expected = {
        "acme-dev/service": ({queue: ["update"]}, {queue: ["update"]}),
        "acme-prod/database": ({table: ["delete"]}, {table: ["create"]}),
        "acme-staging/network": ({group: ["update"]}, {group: ["update"]}),
        "acme-staging/database": ({password: ["update"]}, {password: ["update"]}),
        "acme-staging/service": ({}, {queue: ["update"]}),
        "acme-prod/service": ({}, {}),
        "acme-prod/network": ({}, {}),
    }
    plans = {i.key: world.plan(i) for i in INSTANCES if i.key in expected}
    assert {key: _arrays(plan) for key, plan in plans.items()} == expected
    opened = plans["acme-staging/network"]["resource_drift"][0]["change"]["after"]["ingress"]
    assert {
        "cidr_blocks": ["0.0.0.0/0"], "description": "temporary", "from_port": 22, "protocol": "tcp", "to_port": 22
    } in opened  # fmt: skip
    change = plans["acme-staging/database"]["resource_drift"][0]["change"]
    assert change["after"]["value"] == LEAKED
    assert change["after_sensitive"]["value"] is True
    assert not list(world.scratch.glob("*.tfplan"))


def _check_failures(world: DemoWorld) -> None:
    with pytest.raises(DemoError, match="No value for required variable"):
        world.plan(DemoInstance("acme-dev", "network"))
    damaged = world.api.s3("GET", f"/{STATE_BUCKET}/{DemoInstance('acme-dev', 'database').state_key}")
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(damaged.decode(errors="replace"))


def _check_backend(world: DemoWorld) -> None:
    """The lock is where Terraform looks for it: an apply is refused, and every state has its digest."""
    with pytest.raises(DemoError, match="Error acquiring the state lock"):
        world.terraform(DemoInstance("acme-prod", "service"), "plan", "-no-color", "-var-file=/dev/null")
    items = world.api.json("dynamodb", "DynamoDB_20120810.Scan", {"TableName": LOCK_TABLE})["Items"]
    locks = {item["LockID"]["S"] for item in items}
    for instance in INSTANCES:
        assert f"{STATE_BUCKET}/{instance.state_key}-md5" in locks


_PROGRAM = """
import sys, tempfile
from pathlib import Path
from daemon.demo.world import DemoWorld
with tempfile.TemporaryDirectory(prefix="bw-") as folder:
    print(folder, flush=True)
    with DemoWorld(Path(folder), say=lambda text: print(text, flush=True)) as world:
        world.start()
        sys.stdin.read()
"""


def _start() -> tuple[subprocess.Popen[str], Path]:
    """A process that has begun to apply, and its folder."""
    child = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert child.stdout is not None
    folder = Path(child.stdout.readline().strip())
    until = time.monotonic() + 60
    while not any(" apply " in line for line in processes_of(folder)):
        assert child.poll() is None, child.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.02)
    return child, folder


def test_interrupted_while_it_applies_it_leaves_nothing() -> None:
    """Ctrl-C in the middle of applying ends every program of the world and removes its folder."""
    child, folder = _start()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert child.returncode != 0
    assert processes_of(folder, seconds=5) == []
    assert not folder.exists()


def test_killed_it_leaves_no_server_behind() -> None:
    """When the process itself is killed, the embedded AWS and the providers notice and end."""
    child, folder = _start()
    child.kill()
    child.communicate(timeout=30)
    assert processes_of(folder, seconds=60) == []
    shutil.rmtree(folder)  # nobody was left to do it


def test_a_cloud_that_cannot_start_says_why(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the server before it answers is an error that repeats its last words."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    processes = Processes()
    with pytest.raises(DemoError, match="the embedded AWS does not start: the program /nowhere/python is not there"):
        Cloud(processes, scratch).start("eu-west-1")


def test_a_path_too_long_for_a_socket_is_said(scratch: Path) -> None:
    """A provider in too deep a folder would die with a handshake error: it is refused before."""
    deep = scratch / ("x" * 90)
    deep.mkdir()
    with DemoWorld(deep) as world, pytest.raises(DemoError, match="too long for a socket: set TMPDIR"):
        world.start()


def test_a_refused_call_names_the_code_alone(scratch: Path) -> None:
    """An error of the embedded AWS carries AWS' code and nothing of the request."""
    processes = Processes()
    cloud = Cloud(processes, scratch)
    try:
        api = cloud.start("eu-west-1")
        with pytest.raises(ApiError, match="ParameterNotFound") as raised:
            api.json("ssm", "AmazonSSM.GetParameter", {"Name": "/hidden/name"})
        assert raised.value.code == "ParameterNotFound"
        assert "hidden" not in str(raised.value)
    finally:
        processes.close()
        cloud.join()
