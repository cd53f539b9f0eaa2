"""Planning through Atmos: the guard is its Terraform, in a private copy, whatever its exit code says."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from checks.plans.look import LookStatus
from daemon.inventory.model import Watched
from daemon.planning import Planner
from tests.worlds import FAKE_MODULE, World

# What Atmos 1.226 does for `terraform plan C -s S -- FLAGS`, as recorded; the exit code is given by the test.
ATMOS = """#!/bin/sh
env > "{root}/atmos.env"; echo "$@" >> "{root}/atmos.calls"; pwd >> "{root}/atmos.calls"
echo 'WARN something of its own' >&2
cd "$ATMOS_BASE_PATH/components/terraform/app" || exit 1
cp "{root}/backend.tf.json" backend.tf.json; cp "{root}/vars.json" dev-app.terraform.tfvars.json
shift 6
command="${{CHOSEN:-$ATMOS_COMPONENTS_TERRAFORM_COMMAND}}"
{before}
"$command" init -reconfigure || exit 1
"$command" plan -var-file dev-app.terraform.tfvars.json "$@"
code=$?
{after}
exit ${{EXIT:-$code}}
"""


def atmos_world(world: World, *, before: str = "", after: str = "") -> Watched:
    """The component "app" in an Atmos repository, and an `atmos` in the world's folder."""
    (world.repository / "atmos.yaml").write_text("base_path: .\n")
    world.module("components/terraform/app")
    watched = world.watched("components/terraform/app", vars={"size": "small"})
    config = {**watched.backend.config, "key": "app.tfstate"}
    instance = replace(watched.instance, component="app", base="app", atmos=True)
    watched = replace(watched, instance=instance, backend=replace(watched.backend, config=config))
    world.apply(watched)
    (world.root / "backend.tf.json").write_text(json.dumps({"terraform": {"backend": {"s3": config}}}))
    (world.root / "vars.json").write_text(json.dumps(dict(watched.vars)))
    program = world.root / "atmos"
    program.write_text(ATMOS.format(root=world.root, before=before, after=after))
    program.chmod(0o755)
    return watched


def planner(world: World) -> Planner:
    return world.planner(atmos=str(world.root / "atmos"), terraform=("terraform",))


def test_a_plan_through_atmos_in_a_private_copy(small_world: World) -> None:
    """Flags come after `--`, Atmos works in the private copy, and the environment is the reference's."""
    watched = atmos_world(small_world)
    before = sorted(str(path) for path in small_world.repository.rglob("*"))
    plans = planner(small_world)
    look = plans.look(watched, source_fingerprint="1")
    assert look.plan is not None, look
    assert look.plan["resource_changes"][0]["change"]["actions"] == ["no-op"]
    call, folder = (small_world.root / "atmos.calls").read_text().splitlines()
    assert call.startswith("terraform plan app -s dev -- -input=false -lock=false -detailed-exitcode -json -out=/")
    assert str(small_world.scratch) in folder
    env = dict(line.split("=", 1) for line in (small_world.root / "atmos.env").read_text().splitlines() if "=" in line)
    assert env["ATMOS_BASE_PATH"] == folder
    assert env["ATMOS_LOGS_FILE"] == "/dev/stderr"
    assert env["TF_WORKSPACE"] == "default"
    assert not {"ATMOS_VERSION", "CI", "TF_CLI_ARGS"} & set(env)
    assert sorted(str(path) for path in small_world.repository.rglob("*")) == before
    assert not [
        path for path in small_world.scratch.rglob("*") if path.name in ("backend.tf.json", "terraform.tfstate")
    ]
    assert plans.look(watched, source_fingerprint="1").status is LookStatus.PLANNED
    assert small_world.proxy.writes == []


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_exit_code_of_atmos_decides_nothing(small_world: World, code: int) -> None:
    """Exit 2 turned into 0 (or into anything) changes no plan: real drift stays in it."""
    watched = atmos_world(small_world, after=f"EXIT={code}")
    small_world.change(size="HUGE")
    look = planner(small_world).look(watched, source_fingerprint="1")
    assert look.plan is not None, look
    assert look.plan["resource_drift"][0]["change"]["actions"] == ["update"]


def test_a_guarded_tofu_is_found_on_the_path(small_world: World) -> None:
    """A component whose command is a bare name runs the guard of that name, first on the PATH."""
    watched = atmos_world(small_world, before=f"command=terraform; command -v terraform >> {small_world.root}/which")
    look = planner(small_world).look(watched, source_fingerprint="1")
    assert look.status is LookStatus.PLANNED
    assert str(small_world.scratch) in (small_world.root / "which").read_text()


def test_atmos_that_would_write_is_stopped(small_world: World) -> None:
    """What the guard refuses on Atmos' behalf is an error; a refused `workspace new` alone is its usual way."""
    watched = atmos_world(small_world, before='"$command" apply -auto-approve')
    look = planner(small_world).look(watched, source_fingerprint="1")
    assert (look.status, look.cause) == (LookStatus.ERROR, "guard refused")
    watched = atmos_world(small_world, before='"$command" workspace new other')
    assert planner(small_world).look(watched, source_fingerprint="2").status is LookStatus.PLANNED
    assert small_world.proxy.writes == []


def test_atmos_that_plans_nothing_is_an_error(small_world: World) -> None:
    """A disabled component exits 0 without a plan: that is no look."""
    watched = atmos_world(small_world, before="echo 'component is not enabled and skipped'; exit 0")
    look = planner(small_world).look(watched, source_fingerprint="1")
    assert (look.status, look.cause) == (LookStatus.ERROR, "no plan")


def test_an_atmos_error_is_told(small_world: World) -> None:
    """Atmos' own last line is the reason when it never came to Terraform."""
    watched = atmos_world(small_world, before="echo 'could not find the stack dev' >&2; exit 1")
    look = planner(small_world).look(watched, source_fingerprint="1")
    assert look.status is LookStatus.ERROR
    assert "could not find the stack dev" in look.reason


def test_a_missing_atmos_is_an_error(small_world: World) -> None:
    """No Atmos: an error that names it."""
    watched = atmos_world(small_world)
    look = small_world.planner(atmos="no-such-atmos").look(watched, source_fingerprint="1")
    assert (look.status, look.cause) == (LookStatus.ERROR, "atmos missing")


def test_files_of_another_stack_do_not_reach_the_direct_driver(small_world: World) -> None:
    """A providers file and a backend that somebody's Atmos left in the checkout are put aside, and come back."""
    watched = atmos_world(small_world)
    folder = small_world.repository / "components/terraform/app"
    (folder / "backend.tf.json").write_text('{"terraform": {"backend": {"gcs": {}}}}')
    (folder / "providers_override.tf.json").write_text('{"provider": {"nonsense": {}}}')
    (folder / "main.tf").write_text(FAKE_MODULE)
    plans = small_world.planner(driver="direct")
    for _ in range(2):
        assert plans.look(watched, source_fingerprint="1").status is LookStatus.PLANNED
    copies = [path for path in small_world.scratch.rglob("*.tf.json") if path.is_file()]
    assert sorted(path.name for path in copies) == ["backend.tf.json", "providers_override.tf.json"]
    assert os.access(folder / "backend.tf.json", os.R_OK)
    assert Path(copies[0]).read_text() in ('{"terraform": {"backend": {"gcs": {}}}}', '{"provider": {"nonsense": {}}}')
