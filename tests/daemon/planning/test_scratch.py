"""The scratch folder: what a killed process left is gone at the next start, what a living one has is not."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from daemon.planning.copies import Scratch


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_leftovers_of_a_killed_process_are_wiped(tmp_path: Path, temporary: Path) -> None:
    """Its folder, which nobody holds, and its short name in the folder for temporary files."""
    dead = tmp_path / "barograph-plans" / "run-dead"
    (dead / "worker-0").mkdir(parents=True)
    (dead / ".lock").touch()
    (dead / "worker-0" / "plan").write_text("canary")
    ours, others = temporary / "barograph-tmp-1", temporary / "barograph-tmp-2"
    ours.symlink_to(dead / "worker-0" / "look" / "tmp")
    others.symlink_to(tmp_path / "somebody-else")
    Scratch(tmp_path).close()
    assert not dead.exists()
    assert not ours.is_symlink()
    assert others.is_symlink()


def test_what_a_living_process_has_stays(tmp_path: Path, temporary: Path) -> None:
    """Two processes on one scratch folder do not take each other's copies away."""
    first = Scratch(tmp_path)
    (first.path / "plan").write_text("in use")
    link = temporary / "barograph-tmp-3"
    link.symlink_to(first.path)
    second = Scratch(tmp_path)
    assert (first.path / "plan").exists()
    assert link.is_symlink()
    first.close()
    second.close()
    assert list((tmp_path / "barograph-plans").iterdir()) == []
