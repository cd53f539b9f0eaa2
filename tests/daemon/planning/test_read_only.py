"""Planning changes nothing, shows nothing secret, leaves nothing behind, and workers do not mix."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path

from checks.plans.look import LookStatus, PlanLook
from daemon.inventory.model import Backend, Watched
from daemon.planning import PlanRule
from tests.worlds import FAKE_MODULE, World

CANARY = "canary-4711"


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Content and time of every file and folder."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }


def canaries(folder: Path) -> list[str]:
    """Files below *folder* that hold a canary."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if CANARY.encode() in path.read_bytes()]


def test_a_sweep_writes_nothing(small_world: World) -> None:
    """Clean, drifted, with and without lock table, missing workspace: the proxy sees reads only, the checkout stays."""
    small_world.module("app")
    small_world.module("other")
    apps = [
        small_world.watched("app"),
        small_world.watched("app", workspace="ws"),
        small_world.watched("other", locks=False),
    ]
    for watched in apps:
        small_world.apply(watched)
    small_world.change(size="HUGE")
    before = fingerprint(small_world.repository)
    planner = small_world.planner()
    for watched in apps:
        assert planner.look(watched, source_fingerprint="1").status is LookStatus.PLANNED
    missing = [small_world.watched("app", workspace="absent"), small_world.watched("absent")]
    for watched in missing:
        assert planner.look(watched, source_fingerprint="1").status is LookStatus.NEVER_DEPLOYED
    assert small_world.proxy.writes == []
    targets = {call.target for call in small_world.proxy.calls if call.target}
    assert {target.rpartition(".")[2] for target in targets} == {"GetItem"}
    assert len(small_world.proxy.calls) > 20
    assert fingerprint(small_world.repository) == before


def secretive(world: World, module: str = FAKE_MODULE) -> Watched:
    """An instance with a canary wherever it can hold one."""
    world.module("app", module)
    watched = world.watched("app", vars={"token": f"{CANARY}-var"}, env={"SERVICE_TOKEN": f"{CANARY}-env"})
    config = {**watched.backend.config, "secret_key": f"{CANARY}-backend"}
    return replace(watched, backend=replace(watched.backend, config=config))


RULE = PlanRule(environment={"API_KEY": f"{CANARY}-rule"}, variables={"extra": f"{CANARY}-tfvar"})


def test_secrets_are_neither_shown_nor_left_behind(small_world: World) -> None:
    """After a good look no canary is in the look's text or anywhere on disk."""
    watched = secretive(small_world)
    small_world.apply(watched)
    planner = small_world.planner(rules=(RULE,))
    look = planner.look(watched, source_fingerprint="1")
    assert look.status is LookStatus.PLANNED
    assert CANARY in str(look.plan)
    assert CANARY not in repr(look)
    assert canaries(small_world.scratch) == []
    assert CANARY not in repr(watched) + repr(RULE) + repr(planner)


def test_secrets_in_error_texts_are_scrubbed(small_world: World) -> None:
    """Terraform quotes values in messages of its own; none of them comes through, and nothing stays on disk."""
    quoting = 'variable "loud" {\n  validation {\n    condition     = length(var.loud) > 99\n'
    quoting += '    error_message = "loud is ${var.loud}, extra is ${var.extra}"\n  }\n}\nvariable "extra" {}\n'
    watched = secretive(small_world)
    small_world.apply(watched)
    small_world.module("app", FAKE_MODULE + quoting)
    watched = replace(watched, vars={**watched.vars, "loud": f"{CANARY}-loud"})
    look = small_world.planner(rules=(RULE,)).look(watched, source_fingerprint="1")
    assert look.status is LookStatus.CONFIG_ERROR
    assert "loud is" in look.reason
    assert CANARY not in repr(look)
    assert canaries(small_world.scratch) == []


def test_only_the_owner_can_read_the_scratch_folder(small_world: World) -> None:
    """Private copies hold code and, for moments, secrets: mode 0700."""
    small_world.module("app", "")
    small_world.planner().look(small_world.watched("app"), source_fingerprint="1")
    assert (small_world.scratch / "barograph-plans").stat().st_mode & 0o777 == 0o700


def test_leftovers_of_a_killed_daemon_are_wiped_and_those_of_a_living_one_stay(small_world: World) -> None:
    """A lock that the system drops with its process tells the two apart."""
    small_world.module("app", "")
    living = small_world.planner()
    living.look(small_world.watched("app"), source_fingerprint="1")
    folder = small_world.scratch / "barograph-plans"
    alive = set(os.listdir(folder))
    dead = folder / "run-dead"
    dead.mkdir()
    (dead / "plan").write_text(CANARY)
    second = small_world.planner()
    second.look(small_world.watched("app"), source_fingerprint="1")
    assert not dead.exists()
    assert alive < set(os.listdir(folder))
    second.close()
    living.close()
    assert os.listdir(folder) == []


def test_a_local_state_is_planned_and_stays_where_it_is(small_world: World) -> None:
    """The local backend: the state beside the code is read, copied for the plan, and neither changed nor left."""
    folder = small_world.module("app")
    env = {"FAKE_CLOUD": str(small_world.things)}
    small_world.terraform(folder, env, "init", "-input=false")
    small_world.terraform(folder, env, "apply", "-auto-approve", "-input=false", f"-var=token={CANARY}")
    watched = small_world.watched("app", vars={"token": CANARY})
    watched = replace(watched, backend=Backend("local"))
    before = fingerprint(small_world.repository)
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.plan is not None, look
    assert [change["change"]["actions"] for change in look.plan["resource_changes"]] == [["no-op"]]
    assert fingerprint(small_world.repository) == before
    assert canaries(small_world.scratch) == []
    absent = replace(watched, backend=Backend("local", workspace="other"))
    assert small_world.planner().look(absent, source_fingerprint="1").status is LookStatus.NEVER_DEPLOYED


def test_a_local_lock_file_means_busy(small_world: World) -> None:
    """Terraform's own lock file beside a local state."""
    folder = small_world.module("app")
    (folder / ".terraform.tfstate.lock.info").write_text('{"Who": "cy", "Operation": "OperationTypeApply"}')
    watched = replace(small_world.watched("app"), backend=Backend("local"))
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert (look.status, look.reason) == (LookStatus.BUSY, "the state is locked by cy for Apply")


def test_two_stacks_of_one_component_are_planned_side_by_side(small_world: World) -> None:
    """Each worker has its own copy: two workspaces with their own vars, many times, never mix."""
    small_world.module("app", FAKE_MODULE.replace('name     = "a"', 'name     = "x-${terraform.workspace}"'))
    watched = [small_world.watched("app", workspace=name, vars={"size": f"size-{name}"}) for name in ("one", "two")]
    for each in watched:
        small_world.apply(each)
    planner = small_world.planner(workers=2)
    looks: list[tuple[str, PlanLook]] = []

    def sweep(each: Watched) -> None:
        looks.extend((each.backend.workspace, planner.look(each, source_fingerprint="1")) for _ in range(3))

    threads = [threading.Thread(target=sweep, args=(each,)) for each in watched]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looks) == 6
    for workspace, look in looks:
        assert look.plan is not None, look
        change = look.plan["resource_changes"][0]["change"]
        assert (change["actions"], change["after"]["size"]) == (["no-op"], f"size-{workspace}")
