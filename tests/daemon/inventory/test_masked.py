"""`<MASKED>` is not a value: nothing is looked at, planned, named or told by it. With recordings of 1.226.1."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.plans.look import LookStatus
from daemon.aws import Aws
from daemon.inventory.listing import MASK
from daemon.inventory.model import Inventory
from daemon.inventory.report import inventory_report
from daemon.planning import Planner
from daemon.planning.settings import PlanningSettings
from daemon.processes import Processes
from tests.daemon.inventory.support import NOW, World, world

KEY = "acme-dev/service/payments"


def masking(here: World, *path: str, value: object = MASK, workspace: str = "") -> Inventory:
    """What loads when Atmos 1.226.1 prints *value* at *path* of the section of KEY; *workspace*: what it answers."""
    real = here.binaries / "real"
    (here.binaries / "atmos").rename(real)
    script = here.binaries / "atmos"
    script.write_text(
        f"#!/usr/bin/env python3\nimport json, subprocess, sys\n"
        f"done = subprocess.run([{str(real)!r}, *sys.argv[1:]], capture_output=True)\n"
        "sys.stderr.buffer.write(done.stderr)\nout = done.stdout\n"
        'if sys.argv[1:3] == ["describe", "stacks"]:\n'
        "    listing = json.loads(out)\n"
        f'    at = listing["acme-dev"]["components"]["terraform"]["service/payments"]\n'
        f"    *way, last = {list(path)!r}\n"
        "    for step in way:\n        at = at[step]\n"
        f"    at[last] = {value!r}\n    out = json.dumps(listing).encode()\n"
        f'if {workspace!r} and sys.argv[1:4] == ["describe", "component", "service/payments"]:\n'
        f"    out = json.dumps({workspace!r}).encode()\n"
        "sys.stdout.buffer.write(out)\nsys.exit(done.returncode)\n"
    )
    script.chmod(0o755)
    return here.loader().load()


def told(inventory: Inventory) -> str:
    return json.dumps(inventory_report(inventory))


@pytest.fixture
def here(tmp_path: Path) -> World:
    return world(tmp_path, "1.226.1")


@pytest.mark.parametrize(
    "path",
    [
        ("backend", "bucket"), ("backend", "key"), ("backend", "workspace_key_prefix"), ("backend", "region"),
        ("backend", "endpoints", "s3"), ("backend", "dynamodb_table"), ("backend_type",), ("command",),
        ("metadata", "component"),
    ],
)  # fmt: skip
def test_what_decides_which_state_and_code(here: World, path: tuple[str, ...]) -> None:
    """The instance is a configuration problem, and no look at another object or folder."""
    inventory = masking(here, *path)
    assert KEY not in {one.instance.key for one in inventory.watched}
    [problem] = [one for one in inventory.problems if one.key == "masked"]
    assert problem.where == (KEY,)
    assert MASK in problem.summary
    [left_out] = [one for one in inventory.left_out if f"{one.stack}/{one.component}" == KEY]
    assert "Atmos masks" in left_out.reason


def test_a_masked_workspace(here: World) -> None:
    """Printed, and confirmed by Atmos itself: still no name of a state."""
    inventory = masking(here, "metadata", "terraform_workspace", value=f"x-{MASK}", workspace=f"x-{MASK}")
    assert KEY not in {one.instance.key for one in inventory.watched}
    assert any("masks a part of it" in one.reason for one in inventory.left_out)


@pytest.mark.parametrize("path", [("vars", "api_token"), ("env", "SERVICE_TOKEN"), ("vars", "stage")])
def test_a_masked_value_is_named_and_not_used(here: World, path: tuple[str, str]) -> None:
    """It is not among the values; a stage that is masked is not known, and counts as production."""
    inventory = masking(here, *path)
    [watched] = [one for one in inventory.watched if one.instance.key == KEY]
    assert MASK not in json.dumps([dict(watched.vars), dict(watched.env), dict(watched.backend.config)])
    section, name = path
    assert (name if section == "vars" else f"env.{name}") in watched.unresolved
    if name == "stage":
        assert watched.instance.stage == ""
        assert "stage_unknown" in {one.key for one in inventory.problems}


def test_only_atmos_plans_what_is_masked(here: World, tmp_path: Path) -> None:
    """The direct driver, which would write the mask into the variables, says that it cannot."""
    inventory = masking(here, "vars", "api_token")
    [watched] = [one for one in inventory.watched if one.instance.key == KEY]
    settings = PlanningSettings(scratch=tmp_path / "scratch", driver="direct", inherited={"PATH": os.environ["PATH"]})
    planner = Planner(settings, here.repository, Processes(), Aws(), lambda: NOW)
    look = planner.look(watched, source_fingerprint="1")
    planner.close()
    assert look.status is LookStatus.CONFIG_ERROR
    assert "api_token" in look.reason


def test_a_masked_owner_is_nobody(here: World) -> None:
    """Messages are not routed to a mask."""
    inventory = masking(here, "settings", "barograph", value={"owner": MASK, "runbook": "https://x"})
    [watched] = [one for one in inventory.watched if one.instance.key == KEY]
    assert watched.instance.owner != MASK
    assert dict(watched.settings) == {"runbook": "https://x"}
    assert MASK not in told(inventory).replace("masked credentials", "")


def test_masked_credentials_of_the_backend_are_left_out_of_it(here: World) -> None:
    """As recorded: the ambient ones are used, and a note says so."""
    inventory = here.loader().load()
    assert all(MASK not in json.dumps(dict(one.backend.config)) for one in inventory.watched)
    assert any("masked credentials" in note for note in inventory.notes)
    assert MASK not in told(inventory)


def test_a_masked_stack_name(tmp_path: Path) -> None:
    """Two stacks whose names are masked alike could not be told apart."""
    here = world(tmp_path, "1.226.1")
    real = here.binaries / "real"
    (here.binaries / "atmos").rename(real)
    script = here.binaries / "atmos"
    script.write_text(f'#!/bin/sh\n{real} "$@" | sed \'s/^  "acme-dev"/  "acme-{MASK}"/\'\n')
    script.chmod(0o755)
    inventory = here.loader().load()
    assert not any(MASK in one.instance.stack for one in inventory.watched)
    assert [one.key for one in inventory.problems] == ["masked"]


def test_the_planner_is_given_no_mask_by_any_recording(tmp_path: Path) -> None:
    """Every variant that 1.226.1 loads: no mask in anything that is planned with."""
    seen = 0
    for variant in ("", "functions", "workspaces", "templates", "name-template", "duplicate-stack"):
        folder = tmp_path / (variant or "plain")
        here = world(folder, "1.226.1", *([variant] if variant else []))
        for one in here.loader().load().watched:
            seen += 1
            everything: list[Any] = [dict(one.vars), dict(one.env), dict(one.providers), dict(one.backend.config)]
            everything += [dict(one.settings), one.backend.type, one.command, one.manifest, repr(replace(one).instance)]
            assert MASK not in json.dumps(everything, default=str), (variant, one.instance.key)
    assert seen > 20
