"""The guard in Terraform's place: what it lets through, what it refuses, what it writes down."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from daemon.planning.guarding import REFUSED, read_log, write_guard
from daemon.processes import Finished, Processes

MUTATING = [
    "apply", "apply -auto-approve plan", "destroy", "import a.b id", "state rm a.b", "state mv a b", "state push x",
    "state pull", "state replace-provider a b", "taint a.b", "untaint a.b", "refresh", "force-unlock -force id",
    "workspace new x", "workspace delete x", "workspace select x", "workspace select -or-create x", "console", "test",
    "login", "get", "fmt", "init -migrate-state", "init -force-copy", "init -from-module=x",
    "init --migrate-state=true",
    "plan -destroy", "plan -target=a.b", "plan -target a.b", "plan -refresh=false", "plan --refresh=false",
    "plan -refresh-only", "plan -generate-config-out=x.tf", "plan -replace=a.b", "-chdir=/tmp apply",
    "-chdir=/tmp -no-color destroy", "-unknown plan", "", "providers lock", "plan -var x=1 -destroy",
]  # fmt: skip


class Shop:
    """A guard round a program that writes down its arguments and environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.said = folder / "said"
        program = folder / "terraform"
        program.write_text(
            f'#!/bin/sh\nif [ "$1" = version ]; then cat {folder}/versions; exit 0; fi\n'
            f'echo "$@" >> {self.said}\nenv > {folder}/env\nsleep "${{NAP:-0}}"\nexit "${{CODE:-0}}"\n'
        )
        program.chmod(0o755)
        self.program = program

    def run(self, *argv: str, env: dict[str, str] | None = None, **options: object) -> Finished:
        given = {"terraform": str(self.program), "log": self.log, **options}
        wrapper = write_guard(self.folder / "bin", **given)  # type: ignore[arg-type]  # options vary by test
        own = {"PATH": os.environ["PATH"], **(env or {})}
        return Processes().run([str(wrapper), *argv], cwd=self.folder, env=own, deadline=30)

    def ran(self) -> str:
        return self.said.read_text().strip() if self.said.exists() else ""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A guarded program in a folder of its own."""
    return Shop(tmp_path)


@pytest.mark.parametrize("line", MUTATING)
def test_what_could_write_is_refused_and_terraform_is_not_started(shop: Shop, line: str) -> None:
    """Each call ends with the guard's code and message; the real program never runs; the log says why."""
    finished = shop.run(*line.split())
    assert finished.rc == REFUSED
    assert b"refused by Barograph's guard" in finished.stderr
    assert shop.ran() == ""
    assert read_log(shop.log)[0].refused


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("init -reconfigure", "init -input=false -reconfigure"),
        ("plan -out=/x -json", "plan -input=false -lock=false -out=/x -json"),
        ("plan -lock=true -input=true", "plan -input=false -lock=false"),
        ("plan -refresh=true", "plan -input=false -lock=false -refresh=true"),
        ("show -json /x", "show -json /x"),
        ("-chdir=/tmp plan", "-chdir=/tmp plan -input=false -lock=false"),
        ("workspace list", "workspace list"),
        ("output -json", "output -json"),
        ("validate", "validate"),
        ("providers schema -json", "providers schema -json"),
    ],
)
def test_what_reads_runs_and_plans_never_lock(shop: Shop, line: str, becomes: str) -> None:
    """Reading calls reach the real program; a plan always without lock and without questions."""
    assert shop.run(*line.split()).rc == 0
    assert shop.ran() == becomes


def test_selecting_a_workspace_never_creates_one(shop: Shop) -> None:
    """Where selecting is allowed, it loses the flag that would create."""
    assert shop.run("workspace", "select", "-or-create", "x", may_select=True).rc == 0
    assert shop.ran() == "workspace select x"
    assert shop.run("workspace", "new", "x", may_select=True).rc == REFUSED


def test_exit_codes_pass_through_and_are_logged(shop: Shop) -> None:
    """The real program's code is the guard's code."""
    assert shop.run("plan", env={"CODE": "2"}).rc == 2
    assert [(call.subcommand, call.rc, call.refused) for call in read_log(shop.log)] == [("plan", 2, "")]


def test_the_environment_cannot_change_a_call(shop: Shop) -> None:
    """TF_CLI_ARGS are dropped, the workspace is ours, and a stack cannot set the guard's own settings."""
    shop.run(
        "plan", workspace="ours",
        env={
            "TF_CLI_ARGS": "-destroy", "TF_CLI_ARGS_plan": "-destroy", "TF_WORKSPACE": "theirs",
            "BAROGRAPH_GUARD_TERRAFORM": "/bin/true", "BAROGRAPH_GUARD_SELECT": "1", "PYTHONPATH": "/nowhere",
        },
    )  # fmt: skip
    seen = (shop.folder / "env").read_text().splitlines()
    assert "TF_WORKSPACE=ours" in seen
    assert not [line for line in seen if line.startswith(("TF_CLI_ARGS", "BAROGRAPH_"))]
    assert shop.run("workspace", "select", "x", env={"BAROGRAPH_GUARD_SELECT": "1"}).rc == REFUSED


def test_values_of_variables_are_not_logged(shop: Shop) -> None:
    """Arguments are kept for the record, their secrets are not."""
    secret = "canary-in-argv"
    shop.run("plan", "-var", f"a={secret}", f"-var=b={secret}", f"-backend-config=c={secret}", "-var-file=/f")
    assert secret not in shop.log.read_text()
    assert read_log(shop.log)[0].argv == (
        "plan",
        "-var",
        "a=***",
        "-var=b=***",
        "-backend-config=c=***",
        "-var-file=/f",
    )


def test_only_listed_providers_run(shop: Shop) -> None:
    """The selections of the lock file are held against the list before a plan, in both registries' spelling."""
    versions = shop.folder / "versions"
    versions.write_text('{"provider_selections": {"registry.terraform.io/hashicorp/aws": "5.0.0"}}')
    assert shop.run("plan", providers=["hashicorp/aws"]).rc == 0
    assert shop.run("plan", providers=["hashicorp/random"]).rc == REFUSED
    assert "provider hashicorp/aws is not on the list" in read_log(shop.log)[-1].refused
    assert shop.run("init", providers=[]).rc == 0
    versions.write_text("nonsense")
    assert shop.run("plan", providers=["hashicorp/aws"]).rc == REFUSED


def test_signals_are_passed_on(shop: Shop) -> None:
    """A SIGTERM to the guard ends the real program, and the guard's code tells the signal."""
    wrapper = write_guard(shop.folder / "bin", terraform=str(shop.program), log=shop.log)
    processes = Processes()
    done: list[Finished] = []
    env = {"PATH": os.environ["PATH"], "NAP": "60"}
    thread = threading.Thread(
        target=lambda: done.append(processes.run([str(wrapper), "plan"], cwd=shop.folder, env=env, deadline=30))
    )
    thread.start()
    until = time.monotonic() + 20
    while not shop.ran() and time.monotonic() < until:
        time.sleep(0.02)
    processes.close()
    thread.join()
    assert done[0].rc == 128 + signal.SIGTERM


def test_inits_run_one_at_a_time(shop: Shop) -> None:
    """With one lock file, a second init starts only when the first has ended."""
    wrapper = write_guard(
        shop.folder / "bin", terraform=str(shop.program), log=shop.log, init_lock=shop.folder / "lock"
    )
    env = {"PATH": os.environ["PATH"], "NAP": "0.5"}
    processes = Processes()
    threads = [
        threading.Thread(target=lambda: processes.run([str(wrapper), "init"], cwd=shop.folder, env=env, deadline=30))
        for _ in range(2)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 1.0
    assert [call.rc for call in read_log(shop.log)] == [0, 0]


@pytest.mark.parametrize("line", ["init", "plan", "show -json plan", "-chdir=.. plan", "-chdir=/ version"])
def test_nothing_is_done_outside_the_private_copy(shop: Shop, line: str) -> None:
    """`-chdir`, or a program that changed its folder, does not lead Terraform into the checkout."""
    inside = shop.folder / "inside"
    inside.mkdir()
    finished = shop.run(*line.split(), root=inside)
    assert (finished.rc == REFUSED) is ("version" not in line)
    assert shop.run("-chdir=inside", "plan", root=inside).rc == 0


def test_the_folders_of_terraform_are_those_that_were_given(shop: Shop) -> None:
    """What a stack lays over the environment moves no folder of Terraform's, and turns no log on."""
    odd = {"TF_DATA_DIR": "/odd", "HOME": "/odd", "TF_LOG_SDK_PROTO_DATA_DIR": "/odd", "LD_AUDIT": "/odd", "X": "kept"}
    wrapper = write_guard(
        shop.folder / "bin", terraform=str(shop.program), log=shop.log, env={"HOME": "/ours", "PATH": "/usr/bin"}
    )
    Processes().run([str(wrapper), "plan"], cwd=shop.folder, env={"PATH": os.environ["PATH"], **odd}, deadline=30)
    seen = dict(line.split("=", 1) for line in (shop.folder / "env").read_text().splitlines() if "=" in line)
    assert (seen["HOME"], seen["X"]) == ("/ours", "kept")
    assert not {"TF_DATA_DIR", "TF_LOG_SDK_PROTO_DATA_DIR", "LD_AUDIT"} & set(seen)
