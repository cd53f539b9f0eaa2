"""Whatever a repository or a configuration says, planning stays in its private copy and ends."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace

import pytest

from checks.plans.look import LookStatus
from daemon.inventory.model import Backend
from tests.daemon.planning.test_atmos_driver import atmos_world, planner
from tests.worlds import World


def _checkout(world: World) -> dict[str, str]:
    """Every file of the watched checkout, with its content and times."""
    return {
        str(path): f"{path.stat().st_mtime_ns} {hashlib.md5(path.read_bytes()).hexdigest()}"
        for path in world.repository.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("directory", ["{root}/repository/app", "../repository/app", "../../../../../../etc"])
def test_a_folder_outside_the_private_copy_is_never_planned_in(small_world: World, directory: str) -> None:
    """An absolute folder, or one that leads out, would be the checkout itself."""
    small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    before = _checkout(small_world)
    outside = replace(watched.instance, working_directory=directory.format(root=small_world.root))
    look = small_world.planner().look(replace(watched, instance=outside), source_fingerprint="1")
    assert (look.status, look.cause) == (LookStatus.CONFIG_ERROR, "folder outside")
    assert _checkout(small_world) == before


@pytest.mark.parametrize("base", ["{root}/repository", "{root}/repository/.", "../repository"])
def test_atmos_works_in_the_private_copy_wherever_its_base_path_leads(small_world: World, base: str) -> None:
    """A base path that names the checkout outright means the copy of it."""
    watched = atmos_world(small_world)
    (small_world.repository / "atmos.yaml").write_text(f"base_path: {base.format(root=small_world.root)}\n")
    before = _checkout(small_world)
    look = planner(small_world).look(watched, source_fingerprint="1")
    assert _checkout(small_world) == before
    assert look.status is LookStatus.PLANNED, look


def test_atmos_with_a_base_path_elsewhere_is_not_started(small_world: World) -> None:
    """Outside the repository there is no copy to work in."""
    watched = atmos_world(small_world)
    (small_world.repository / "atmos.yaml").write_text(f"base_path: {small_world.root}/elsewhere\n")
    look = planner(small_world).look(watched, source_fingerprint="1")
    assert (look.status, look.cause) == (LookStatus.CONFIG_ERROR, "atmos base path")
    assert not (small_world.root / "atmos.calls").exists()


def test_what_atmos_gives_terraform_from_the_stack_does_not_lead_out(small_world: World) -> None:
    """Atmos lays the component's `env` over the environment again: the guard has the last word."""
    out = small_world.root / "out"
    out.mkdir()
    said = " ".join(
        f"export {name}={out}/{name};"
        for name in ("TF_DATA_DIR", "TF_PLUGIN_CACHE_DIR", "TF_LOG_SDK_PROTO_DATA_DIR", "TF_CLI_CONFIG_FILE", "TMPDIR")
    )
    watched = atmos_world(small_world, before=f"{said} mkdir {out}/TF_PLUGIN_CACHE_DIR; export TF_LOG=trace")
    look = planner(small_world).look(watched, source_fingerprint="1")
    assert look.status is LookStatus.PLANNED, look
    assert [path for path in out.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("env", [{"X": "a\0b"}, {"A=B": "x"}, {"X": "\ud800"}])
def test_an_environment_that_no_process_can_have_is_told(small_world: World, env: dict[str, str]) -> None:
    """A stack can write anything into its environment; the look says so."""
    small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    look = small_world.planner().look(replace(watched, env={**watched.env, **env}), source_fingerprint="1")
    assert look.status in (LookStatus.ERROR, LookStatus.CONFIG_ERROR), look


@pytest.mark.parametrize("name", ["pipe.tf", "terraform.tfstate", ".terraform.tfstate.lock.info"])
def test_a_pipe_in_the_repository_does_not_hold_the_look_up(small_world: World, name: str) -> None:
    """Reading a pipe nobody writes into never ends: it is no file of the code, and no state."""
    folder = small_world.module("app", 'output "x" { value = 1 }\n')
    watched = small_world.watched("app")
    local = replace(watched, backend=Backend("local", {}))
    (folder / "terraform.tfstate").write_text('{"version":4,"serial":1,"lineage":"x","outputs":{},"resources":[]}')
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    look = small_world.planner().look(local, source_fingerprint="1")
    assert look.status is (LookStatus.PLANNED if name == "pipe.tf" else LookStatus.ERROR), look


def test_links_to_devices_and_to_themselves_are_left_out(small_world: World) -> None:
    """A link to an endless device is not copied, nor is a folder over and over that holds a link to itself."""
    outside = small_world.root / "shared"
    (outside / "deep").mkdir(parents=True)
    (outside / "common.tf").write_text('output "common" { value = 1 }\n')
    (outside / "deep" / "again").symlink_to(outside)
    folder = small_world.module("app")
    (folder / "zero.bin").symlink_to("/dev/zero")
    (folder / "shared").symlink_to(outside)
    (folder / "common.tf").symlink_to(outside / "common.tf")
    small_world.module("plain")
    watched = small_world.watched("app")
    small_world.apply(replace(watched, instance=replace(watched.instance, working_directory="plain")))
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.status is LookStatus.PLANNED, look
    assert look.plan is not None
    assert "common" in look.plan["planned_values"]["outputs"]
    copies = list(small_world.scratch.rglob("common.tf"))
    assert len(copies) == 2
    assert not list(small_world.scratch.rglob("zero.bin"))


def test_a_checkout_that_changes_while_it_is_copied_is_no_code_to_plan(small_world: World) -> None:
    """Half of one commit and half of another is neither: the look is repeated soon."""
    folder = small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    (small_world.repository / "zzz").mkdir()
    for number in range(2000):
        (small_world.repository / "zzz" / f"{number}.txt").write_text("x" * 1000)
    stop = threading.Event()

    def deploy() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            (folder / "more.tf").write_text(f"# {number}\n")
            stop.wait(0.001)

    writer = threading.Thread(target=deploy)
    writer.start()
    try:
        look = small_world.planner().look(watched, source_fingerprint="1")
    finally:
        stop.set()
        writer.join()
    assert (look.status, look.cause) == (LookStatus.BUSY, "checkout changed")
    assert small_world.planners[0].look(watched, source_fingerprint="1").status is LookStatus.PLANNED


def test_nothing_secret_outlives_a_look(small_world: World) -> None:
    """A plan that was made leaves neither plan file nor variables."""
    small_world.module("app")
    watched = replace(small_world.watched("app"), vars={"token": "canary-of-the-variables"})
    small_world.apply(watched)
    assert small_world.planner().look(watched, source_fingerprint="1").status is LookStatus.PLANNED
    left = [path for path in small_world.scratch.rglob("*") if path.is_file()]
    assert not [path for path in left if b"canary-of-the-variables" in path.read_bytes()]
