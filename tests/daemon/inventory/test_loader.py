"""Loading once per content, keeping the last good inventory, touching nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.inventory.model import InventoryError
from daemon.inventory.settings import SourceKind
from tests.daemon.inventory.support import NOW, snapshot, world


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
    )
    return done.stdout.decode().strip()


def committed(folder: Path) -> str:
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return git(folder, "rev-parse", "HEAD")


def test_a_commit_is_loaded_once(tmp_path: Path) -> None:
    """Same commit, same inventory; uncommitted changes are shown and loaded; the watched checkout is not touched."""
    here = world(tmp_path, "1.205.1")
    head = committed(here.repository)
    before = snapshot(here.repository)
    loader = here.loader()
    first = loader.load()
    assert (first.commit, first.dirty, first.loaded_at) == (head, False, NOW)
    assert loader.source_fingerprint == head
    assert loader.load() is first
    assert loader.current is first
    assert snapshot(here.repository) == before
    changed = here.repository / "components/terraform/dns/main.tf"
    changed.write_text(changed.read_text() + "# by hand\n")
    second = loader.load()
    assert (second.commit, second.dirty) == (head, True)
    fingerprint = loader.source_fingerprint
    assert fingerprint != head
    (here.repository / "components/terraform/dns/new.tf").write_text("# new\n")
    assert loader.load() is not second
    assert loader.source_fingerprint not in (head, fingerprint)


def test_without_git_files_tell(tmp_path: Path) -> None:
    """A folder that is no work tree is told apart by names, sizes and times of its files."""
    here = world(tmp_path, "1.205.1")
    loader = here.loader()
    first = loader.load()
    assert (first.commit, first.dirty) == ("", False)
    assert loader.load() is first
    os.utime(here.repository / "atmos.yaml", ns=(1, 1))
    assert loader.load() is not first


def test_another_atmos_is_another_inventory(tmp_path: Path) -> None:
    """The program counts too: an update of Atmos lists again."""
    from tests import fakeatmos

    here = world(tmp_path, "1.205.1")
    loader = here.loader()
    first = loader.load()
    fakeatmos.install(here.binaries, "1.226.1", journal=here.journal)
    assert loader.load() is not first


def test_the_last_good_inventory_is_kept(tmp_path: Path) -> None:
    """A repository that stops loading leaves the last good inventory, marked stale with the reason."""
    here = world(tmp_path, "1.205.1")
    head = committed(here.repository)
    loader = here.loader()
    good = loader.load()
    manifest = here.repository / "stacks/deploy/acme/dev.yaml"
    text = manifest.read_text()
    manifest.write_text((Path(__file__).parents[2] / "fixtures/atmos/variants/broken-yaml" / manifest.relative_to(
        here.repository)).read_text())  # fmt: skip
    for stale in (loader.load(), loader.refresh()):
        assert stale.watched == good.watched
        assert "deploy/acme/dev.yaml" in stale.stale_because
        assert [(one.key, head[:12] in one.summary) for one in stale.problems] == [("stale", True)]
    assert loader.current == good
    manifest.write_text(text)
    again = loader.load()
    assert (again.stale_because, again.problems) == ("", ())


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """No folder is an error for people at first, and a stale inventory later."""
    here = world(tmp_path, "1.205.1")
    loader = here.loader()
    loader.load()
    here.repository.rename(tmp_path / "moved")
    assert "is not a folder" in loader.load().stale_because
    with pytest.raises(InventoryError, match="is not a folder"):
        here.loader(kind=SourceKind.TERRAFORM).load()


def test_a_repository_cannot_run_programs_through_git(tmp_path: Path) -> None:
    """What the watched repository's own git configuration names as a monitor is not started."""
    here = world(tmp_path, "1.205.1")
    committed(here.repository)
    marker = tmp_path / "started"
    hook = tmp_path / "monitor"
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    git(here.repository, "config", "core.fsmonitor", str(hook))
    here.loader().load()
    assert not marker.exists()


def test_a_git_that_fails_half_way_misses_no_change(tmp_path: Path) -> None:
    """Where `git status` does not answer, the files tell: an unanswered question is not "clean"."""
    here = world(tmp_path, "1.205.1")
    head = committed(here.repository)
    real = shutil.which("git")
    (here.binaries / "git").write_text(f'#!/bin/sh\ncase " $* " in *" status "*) exit 1;; esac\nexec {real} "$@"\n')
    (here.binaries / "git").chmod(0o755)
    loader = here.loader()
    first = loader.load()
    assert (first.commit, first.dirty) == (head, True)
    assert loader.load() is first
    (here.repository / "components/terraform/dns/main.tf").write_text("# changed\n")
    assert loader.load() is not first


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_somebody_elses_repository_is_read(tmp_path: Path) -> None:
    """A volume that belongs to another user is still a git work tree."""
    here = world(tmp_path, "1.205.1")
    head = committed(here.repository)
    for path in (here.repository, *here.repository.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    assert here.loader().load().commit == head
