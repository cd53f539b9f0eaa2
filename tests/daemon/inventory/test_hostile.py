"""A repository that is broken on purpose gives one message: no traceback, no waiting, no way out of the repository."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.inventory.model import InventoryError
from daemon.inventory.scrub import explained, secrets_in_manifests, uses_templates
from daemon.inventory.session import Session
from daemon.inventory.settings import RootModule, SourceKind
from daemon.processes import Processes
from tests.daemon.inventory.support import World

NESTED = "[" * 900 + "]" * 900


def _world(folder: Path) -> World:
    (folder / "repository/components/terraform/vpc").mkdir(parents=True)
    (folder / "repository/atmos.yaml").write_text("{}\n")
    return World(folder / "repository", folder, folder / "journal")


@pytest.mark.parametrize(
    "text", ["base_path: 2020-13-45\n", "[" * 20000, "a: 0b_\n", '!!int "x"\n', "{[a]: b}\n", "- a list\n"]
)
def test_an_atmos_yaml_that_no_reader_takes_is_told(tmp_path: Path, text: str) -> None:
    """Dates that do not exist, numbers that are none, and nests that never end."""
    world = _world(tmp_path)
    (world.repository / "atmos.yaml").write_text(text)
    file = tmp_path / "stacks.json"
    file.write_text("{}")
    with pytest.raises(InventoryError, match=r"atmos\.yaml|nested too deeply"):
        world.loader(kind=SourceKind.FILE, file=file).load()


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100000,
        '{"dev":{"components":{"terraform":{"vpc":{"component":"vpc","vars":{"a":' + NESTED + "}}}}}}",
    ],
)
def test_a_listing_nested_too_deeply_is_told(tmp_path: Path, text: str) -> None:
    """Saved, or printed by Atmos."""
    world = _world(tmp_path)
    file = tmp_path / "stacks.json"
    file.write_text(text)
    with pytest.raises(InventoryError, match="nested too deeply"):
        world.loader(kind=SourceKind.FILE, file=file).load()
    program = tmp_path / "atmos"
    program.write_text(f'#!/bin/sh\ncase "$1" in version) echo "Atmos 1.226.1";; *) cat {file};; esac\n')
    program.chmod(0o755)
    with pytest.raises(InventoryError, match="nested too deeply"):
        world.loader(atmos=str(program)).load()


@pytest.mark.parametrize("path", ["{root}/repository/net", "../outside", "net/../../outside"])
def test_a_root_module_outside_the_repository_is_told(tmp_path: Path, path: str) -> None:
    """It would be planned where it is, not in a private copy."""
    world = _world(tmp_path)
    (world.repository / "net").mkdir()
    (tmp_path / "outside").mkdir()
    roots = (RootModule(path.format(root=tmp_path), "prod"),)
    with pytest.raises(InventoryError, match="relative to the repository"):
        world.loader(kind=SourceKind.TERRAFORM, modules=roots).load()


def test_a_root_module_by_way_of_its_parent_is_the_one_it_names(tmp_path: Path) -> None:
    """A path that stays in the repository is written without its detours."""
    world = _world(tmp_path)
    (world.repository / "live/net").mkdir(parents=True)
    inventory = world.loader(kind=SourceKind.TERRAFORM, modules=(RootModule("live/../live/./net", "prod"),)).load()
    assert inventory.watched[0].instance.working_directory == "live/net"


def test_a_pipe_among_the_manifests_is_not_waited_for(tmp_path: Path) -> None:
    """It is no manifest."""
    os.mkfifo(tmp_path / "stack.yaml")
    assert secrets_in_manifests(tmp_path) == frozenset()
    assert uses_templates(tmp_path) is False


@pytest.mark.parametrize("text", ["a-" * 20000, "token" * 8000, "a." * 20000])
def test_a_long_error_text_is_scrubbed_in_time(text: str) -> None:
    """Whatever a program prints, reading it takes time in proportion."""
    began = time.process_time()
    assert explained(f"{text} api_token=canary-of-the-text").count("canary") == 0
    assert time.process_time() - began < 3


def test_the_environment_of_a_session_is_not_in_its_repr(tmp_path: Path) -> None:
    """It holds credentials."""
    world = _world(tmp_path)
    session = Session(tmp_path, "guard", world.settings(), Processes().run, {"KEY": "canary"}, tmp_path / "log")
    assert "canary" not in repr(session)
    assert "canary" not in repr(replace(session, env={"OTHER": json.dumps("canary")}))


def test_a_base_path_outside_the_repository_is_told(tmp_path: Path) -> None:
    """Atmos would write there."""
    world = _world(tmp_path)
    (world.repository / "atmos.yaml").write_text(f"base_path: {tmp_path}/elsewhere\n")
    with pytest.raises(InventoryError, match="base path"):
        world.loader(atmos="true").load()
