"""States in local files: what can be told of them, told apart as well."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from checks.base import Instance, Outcome, Reading
from checks.state import State
from daemon.aws import Aws
from daemon.inventory.model import Backend, Watched
from daemon.states.library import Library, NoCache
from daemon.states.places import Reach, StateOfInstance
from tests.daemon.states.support import SECRET, Clock, Remembered, lock_info, state

INSTANCE = Instance("dev", "app", "app", stage="development", working_directory="app", atmos=False)


class Desk:
    """A module with its state beside it."""

    def __init__(self, folder: Path) -> None:
        (folder / "app").mkdir()
        self.file = folder / "app" / "terraform.tfstate"
        self.clock, self.memory = Clock(), Remembered()
        self.library = Library(NoCache(), self.clock)
        self.reach = Reach(folder, Aws())

    def look(self, watched: Watched | None = None) -> Reading:
        shelf = self.reach.shelf(watched or Watched(INSTANCE, Backend("local")))
        place = StateOfInstance(shelf, self.library, self.clock, self.clock.wait, self.memory)
        opened = place.opened(timedelta(minutes=1))
        (reading,) = State().run(opened)
        if reading.outcome is not Outcome.UNKNOWN:
            self.memory.kept.update({("state", opened.key, name): value for name, value in opened.kept.items()})
        return reading

    def lock(self, info: str) -> None:
        self.file.with_name(".terraform.tfstate.lock.info").write_text(info)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """No state yet."""
    return Desk(tmp_path)


CASES: dict[str, tuple[bytes | None, Callable[[Desk], None], str]] = {
    "never deployed": (None, lambda desk: None, "absent"),
    "whole": (state(3), lambda desk: None, "ok"),
    "moved on": (state(3), lambda desk: _write(desk, state(4)), "ok"),
    "emptied": (state(3), lambda desk: _write(desk, b""), "emptied"),
    "cut off": (state(3), lambda desk: _write(desk, state(4)[:-5]), "unparsable"),
    "went back": (state(3), lambda desk: _write(desk, state(2)), "serial_regressed"),
    "another lineage": (state(3), lambda desk: _write(desk, state(4, lineage="x")), "lineage_changed"),
    "collapsed": (state(3), lambda desk: _write(desk, state(4, 1)), "collapsed"),
    "gone": (state(3), lambda desk: desk.file.unlink(), "lost"),
    "locked": (state(3), lambda desk: desk.lock(lock_info(desk.clock())), "locked"),
    "locked for long": (state(3), lambda desk: desk.lock(lock_info(desk.clock() - timedelta(hours=3))), "stale_lock"),
    "a folder": (None, lambda desk: desk.file.mkdir(), "unreadable"),
    "a pipe": (None, lambda desk: os.mkfifo(desk.file), "unreadable"),
}


def _write(desk: Desk, body: bytes) -> None:
    desk.file.write_bytes(body)


@pytest.mark.parametrize("name", CASES)
def test_each_condition_of_a_file_has_its_verdict(desk: Desk, name: str) -> None:
    """No digest, no versions; all else as in S3."""
    first, then, verdict = CASES[name]
    if first is not None:
        _write(desk, first)
    desk.look()
    then(desk)
    reading = desk.look()
    assert reading.verdict == verdict, reading
    assert SECRET not in repr(reading)


def test_a_copy_beside_a_lost_state_is_named(desk: Desk) -> None:
    """Terraform leaves one of the version before."""
    _write(desk, state(3))
    desk.look()
    desk.file.rename(desk.file.with_name("terraform.tfstate.backup"))
    reading = desk.look()
    assert "terraform.tfstate.backup" in reading.summary
    assert "terraform.tfstate.backup" in reading.findings[0].remedy


def test_a_workspace_has_its_own_file(desk: Desk) -> None:
    """Where Terraform's local backend keeps it."""
    folder = desk.file.parent / "terraform.tfstate.d" / "blue"
    folder.mkdir(parents=True)
    (folder / "terraform.tfstate").write_bytes(state(5))
    reading = desk.look(Watched(replace(INSTANCE, workspace="blue"), Backend("local", {}, "blue")))
    assert (reading.verdict, reading.values["serial"]) == ("ok", 5.0)
