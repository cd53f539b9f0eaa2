"""Stand-ins for Terraform: exact phases, and a Terraform that notices nothing."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import fakeatmos
from tests.daemon.wrapper.support import Shop, of
from tests.daemon.wrapper.test_job import COUNT

MAIN = """
variable "secret" {
  type      = string
  sensitive = true
  default   = "hunter2hunter2"
}
resource "terraform_data" "a" { input = var.secret }
output "plain" { value = "an-output-value" }
"""
APPLY = "terraform init -no-color && terraform workspace new blue && terraform apply -auto-approve -no-color"


def component(shop: Shop, text: str = MAIN) -> Path:
    folder = shop.root / "components" / "vpc"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(text)
    return folder


def phases(events: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Phase, workspace and exit code of every call, in the order in which they ended."""
    return [
        (told["phase"], told.get("workspace", ""), told["rc"])
        for told in of(events, "phase.end")
        if told["source"] == "shim"
    ]


def test_real_terraform_runs_and_its_phases_are_exact(shop: Shop) -> None:
    """With the component's folder, the workspace and the exit code of each call, and what was created."""
    component(shop)
    done = shop.run("sh", "-c", f"cd components/vpc && {APPLY}")
    assert done.returncode == 0, done.stderr
    events = shop.record()
    assert phases(events) == [("init", "", 0), ("workspace", "blue", 0), ("apply", "blue", 0)]
    assert {told["component"] for told in of(events, "phase.end")} == {"components/vpc"}
    assert {told["source"] for told in of(events, "phase.start")} == {"shim"}
    assert [told["call"] for told in of(events, "phase.start")] == [told["call"] for told in of(events, "phase.end")]
    assert [told["status"] for told in of(events, "resource")] == ["planned", "started", "done"]
    assert [(told["operation"], told["add"]) for told in of(events, "summary")] == [("plan", 1), ("apply", 1)]
    kept = b"".join(path.read_bytes() for path in shop.spool.iterdir())
    assert b"hunter2" not in kept
    assert b"an-output-value" not in kept


def test_a_failing_call_has_its_code_and_its_error(shop: Shop) -> None:
    """And the code of the job is Terraform's."""
    component(shop, 'resource "terraform_data" "a" {\n  inputs = 1\n}\n')
    done = shop.run("terraform", "-chdir=components/vpc", "plan", "-no-color")
    assert done.returncode == 1
    events = shop.record()
    assert phases(events) == [("plan", "", 1)]
    assert of(events, "phase.end")[0]["component"] == "components/vpc"
    (error,) = of(events, "error")
    assert (error["class"], error["file"], error["line"]) == ("syntax", "main.tf", 2)


def test_the_approval_is_asked_for_and_taken(shop: Shop) -> None:
    """Standard input is Terraform's."""
    component(shop)
    done = shop.run("terraform", "-chdir=components/vpc", "apply", "-no-color", stdin=None, input=b"yes\n")
    assert b"Apply complete! Resources: 1 added" in done.stdout
    shop.record()


ATMOS = """
import json, os, subprocess, sys
told = json.load(open({recording!r}))
command = os.environ.get("ATMOS_COMPONENTS_TERRAFORM_COMMAND") or "terraform"
for call in told.get("terraform_calls", ()):
    env = dict(os.environ, REPLAY_CODE=str(call.get("rc", 0)), ATMOS_SHLVL="1")
    assert subprocess.run([command, *call["argv"]], env=env).returncode == call.get("rc", 0)
sys.stdout.write(told["stdout"])
sys.stderr.write(told["stderr"])
sys.exit(told["rc"])
"""


def replay(shop: Shop, generation: str, name: str) -> None:
    """An `atmos` that does what was recorded, with a `terraform` that ends as it did then."""
    folder = shop.root / "bin"
    folder.mkdir()
    recording = fakeatmos.FIXTURES / generation / f"{name}.json"
    (folder / "atmos.py").write_text(ATMOS.format(recording=str(recording)))
    programs = {
        "atmos": f'exec {shlex.quote(sys.executable)} -S {folder}/atmos.py "$@"\n',
        "terraform": 'printf "%s\\n" "$*" >> "$HOME/called"; echo "ran $1"; exit "$REPLAY_CODE"\n',
    }
    for program, text in programs.items():
        (folder / program).write_text(f"#!/bin/sh\n{text}")
        (folder / program).chmod(0o755)
    shop.env["PATH"] = f"{folder}:{shop.env['PATH']}"


@pytest.mark.parametrize("name", ["workflow-success", "workflow-failure", "workflow-first-deployment"])
@pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)
def test_workflows_of_every_generation_are_as_without_us(shop: Shop, generation: str, name: str) -> None:
    """Same bytes, same calls of Terraform, same code; and every call that begins a phase is told."""
    replay(shop, generation, name)
    argv = ["atmos", "workflow", "deploy", "-f", "deploy"]
    bare = shop.bare(*argv)
    called = (shop.root / "called").read_text() if (shop.root / "called").exists() else ""
    wrapped = shop.run(*argv)
    assert (bare.returncode, bare.stdout, bare.stderr) == (wrapped.returncode, wrapped.stdout, wrapped.stderr)
    recorded = fakeatmos.recording(generation, name)
    expected = [
        (call["argv"][0], call.get("rc", 0))
        for call in recorded.get("terraform_calls", ())
        if call["argv"][0] in ("init", "workspace", "plan", "apply")
    ]
    events = shop.record()
    assert [(phase, code) for phase, _, code in phases(events)] == expected
    assert (shop.root / "called").read_text() == called * 2 if called else True
    assert of(events, "run.end")[0]["rc"] == recorded["rc"]


def test_the_command_that_atmos_was_told_to_use_is_used(shop: Shop) -> None:
    """By name or by path, and no other."""
    replay(shop, "1.226.1", "workflow-success")
    other = shop.root / "other"
    other.write_text('#!/bin/sh\necho "other $1"; exit "$REPLAY_CODE"\n')
    other.chmod(0o755)
    done = shop.run("atmos", env={"ATMOS_COMPONENTS_TERRAFORM_COMMAND": str(other)})
    assert done.returncode == 0
    assert b"other init" in done.stdout
    assert b"ran init" not in done.stdout
    assert phases(shop.record())


def test_components_side_by_side_are_told_apart(shop: Shop) -> None:
    """Each call has its own name."""
    program = shop.root / "terraform"
    program.write_text("#!/bin/sh\nsleep 0.5\nexit $CODE\n")
    program.chmod(0o755)
    env = {"PATH": f"{shop.root}:{shop.env['PATH']}"}
    shop.run("sh", "-c", "for n in 1 2 3 4; do CODE=$n TF_WORKSPACE=w$n terraform plan & done; wait", env=env)
    events = shop.record()
    assert sorted(phases(events)) == [("plan", f"w{n}", n) for n in range(1, 5)]
    assert len({told["call"] for told in of(events, "phase.start")}) == 4


@pytest.mark.parametrize(
    "broken",
    [
        {"BAROGRAPH_EXEC_PYTHON": "/no/python"}, {"BAROGRAPH_EXEC_REPORT": "/no/pipe"},
        {"BAROGRAPH_EXEC_REPORT": "/dev/full"}, {"BAROGRAPH_EXEC_REPORT": ""},
        {"PYTHONPATH": "/no", "PYTHONHOME": "/no"},
    ],
)  # fmt: skip
def test_a_stand_in_that_cannot_tell_still_is_terraform(shop: Shop, broken: dict[str, str]) -> None:
    """Whatever is missing."""
    program = shop.root / "terraform"
    program.write_text('#!/bin/sh\necho "real $*"; exit 9\n')
    program.chmod(0o755)
    settings = " ".join(f"{name}={value}" for name, value in broken.items())
    done = shop.run("sh", "-c", f"{settings} terraform plan -x 'a b'", env={"PATH": f"{shop.root}:{shop.env['PATH']}"})
    assert (done.returncode, done.stdout, done.stderr) == (9, b"real plan -x a b\n", b"")


def test_without_a_terraform_the_stand_in_says_so(shop: Shop) -> None:
    """As a shell would."""
    done = shop.run("/bin/sh", "-c", "terraform plan", env={"PATH": "/nowhere"})
    assert (done.returncode, done.stderr) == (127, b"terraform: command not found\n")


@pytest.mark.parametrize("to_group", [False, True])
def test_a_signal_reaches_terraform_once_through_a_stand_in(shop: Shop, to_group: bool) -> None:
    """A second one would have it leave its state behind."""
    program = shop.root / "terraform"
    program.write_text(f"#!{sys.executable} -S\nimport sys; sys.argv[1] = '1'\n{COUNT}")
    program.chmod(0o755)
    env = shop.env | {"PATH": f"{shop.root}:{shop.env['PATH']}"}
    job = shop.start("terraform", "plan", env=env)
    assert job.stdout is not None
    assert job.stdout.readline() == b"ready\n"
    (os.killpg if to_group else os.kill)(job.pid, signal.SIGINT)
    out, _ = job.communicate(timeout=60)
    assert (out.splitlines()[-1], job.returncode) == (b"saw 2", 5)
    assert phases(shop.record()) == [("plan", "", 5)]


def test_a_terraform_that_is_killed_is_seen_to_be(shop: Shop) -> None:
    """By Atmos, and in the record."""
    program = shop.root / "terraform"
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o755)
    done = shop.run("terraform", "apply", env={"PATH": f"{shop.root}:{shop.env['PATH']}"})
    assert done.returncode == -signal.SIGKILL
    (end,) = of(shop.record(), "phase.end")
    assert (end["rc"], end["signal"]) == (137, 9)


def test_without_stand_ins_phases_come_from_the_output(shop: Shop) -> None:
    """And nothing of ours is on the PATH."""
    component(shop)
    line = "cd components/vpc && terraform init -no-color && terraform plan -no-color; echo $PATH"
    done = shop.run("sh", "-c", line, options=["--no-shim"])
    assert done.stdout.decode().splitlines()[-1] == shop.env["PATH"]
    events = shop.record()
    assert [told["phase"] for told in of(events, "phase.start")] == ["init", "plan"]
    assert {told["source"] for told in of(events, "phase.start")} == {"output"}
