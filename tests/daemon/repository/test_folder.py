"""A folder that people work in: what is committed counts, the rest is told, and nothing is written into it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.processes import Processes
from daemon.repository.calls import Git
from daemon.repository.faults import Fault, FetchError
from daemon.repository.folder import CommittedFolder, PlainFolder
from daemon.repository.git import home
from daemon.repository.mirror import FetchLimits
from tests.daemon.inventory.support import snapshot
from tests.daemon.repository.support import commit, environment, git


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work tree with one commit."""
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q")
    commit(folder, {"main.tf": "# one\n", "live/app/main.tf": "# app\n", ".gitignore": "*.tfvars\nvendor/\n"})
    return folder


def source(work: Path, tmp_path: Path, limits: FetchLimits | None = None) -> CommittedFolder:
    run = Processes().run
    store = tmp_path / "store-repository"
    return CommittedFolder(work, store, Git(run, home(tmp_path), environment()), run, limits or FetchLimits())


def test_what_is_committed_counts(work: Path, tmp_path: Path) -> None:
    """Changes are noticed and told, and the files are those of the commit, whatever happens in the folder."""
    head = git(work, "rev-parse", "HEAD")
    folder = source(work, tmp_path)
    clean = folder.now()
    assert (clean.commit, clean.fingerprint, clean.dirty, clean.notes) == (head, head, False, ())
    (work / "main.tf").write_text("# by hand\n")
    (work / "new.tf").write_text("# new\n")
    (work / "live/app/main.tf").unlink()
    before = snapshot(work)
    dirty = folder.now()
    assert (dirty.commit, dirty.fingerprint, dirty.dirty) == (head, head, True)
    assert "has uncommitted changes, which are not planned" in dirty.notes[0]
    for tree in (clean, dirty):
        assert (tree.path / "main.tf").read_text() == "# one\n"
        assert (tree.path / "live/app/main.tf").is_file()
        assert not (tree.path / "new.tf").exists()
    assert snapshot(work) == before, "nothing is written into the folder"
    made = commit(work, {"more.tf": "# more\n"})
    assert (folder.now().path / "new.tf").read_text() == "# new\n"
    assert folder.now().commit == made


def test_what_git_ignores_belongs_to_it(work: Path, tmp_path: Path) -> None:
    """Variables and vendored code are there as in a clean work tree; states and caches are not."""
    for name in ("live/app/secret.tfvars", "vendor/module/main.tf", "vendor/.terraform/x", "vendor/terraform.tfstate"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(name)
    (work / "vendor/link").symlink_to("module")
    folder = source(work, tmp_path)
    tree = folder.now()
    assert (tree.dirty, tree.is_commit) == (False, True)
    assert (tree.path / "live/app/secret.tfvars").read_text() == "live/app/secret.tfvars"
    assert (tree.path / "vendor/link/main.tf").is_file()
    assert (tree.path / "vendor/link").resolve().is_relative_to(tree.path.resolve())
    assert not (tree.path / "vendor/.terraform").exists()
    assert not (tree.path / "vendor/terraform.tfstate").exists()
    assert folder.now() == tree
    (work / "live/app/secret.tfvars").write_text("size = 2")
    again = folder.now()
    assert again.fingerprint != tree.fingerprint
    assert (again.path / "live/app/secret.tfvars").read_text() == "size = 2"


def test_a_part_of_a_work_tree(work: Path, tmp_path: Path) -> None:
    """The watched folder may lie deeper than the top; one of which nothing is committed is told."""
    tree = source(work / "live", tmp_path).now()
    assert (tree.path / "app/main.tf").read_text() == "# app\n"
    (work / "fresh").mkdir()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(FetchError, match="is committed; commit it"):
        source(work / "fresh", other).now()


def test_links_lead_where_they_led(work: Path, tmp_path: Path) -> None:
    """One out of the work tree leads to what is outside; one into it, to what is committed."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/x.tf").write_text("# shared\n")
    (work / "out").symlink_to("../shared")
    (work / "own").symlink_to(work / "live")
    commit(work, {})
    (work / "live/app/main.tf").write_text("# by hand\n")
    tree = source(work, tmp_path).now()
    assert (tree.path / "out/x.tf").read_text() == "# shared\n"
    assert (tree.path / "own/app/main.tf").read_text() == "# app\n"


def test_a_folder_without_git_is_taken_as_it_is(tmp_path: Path) -> None:
    """There is nothing to tell committed from uncommitted by."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/main.tf").write_text("# x\n")
    tree = source(tmp_path / "plain", tmp_path).now()
    assert (tree.path, tree.commit, tree.dirty) == (tmp_path / "plain", "", False)
    assert tree.fingerprint


def test_a_work_tree_whose_commit_cannot_be_told(work: Path, tmp_path: Path) -> None:
    """Without a commit, or without git, it does not pass for a folder that nobody commits."""
    (tmp_path / "unborn").mkdir()
    git(tmp_path / "unborn", "init", "-q")
    (tmp_path / "unborn/main.tf").write_text("# x\n")
    with pytest.raises(FetchError, match="without a commit"):
        source(tmp_path / "unborn", tmp_path).now()
    run = Processes().run
    blind = Git(run, tmp_path / "home", {"PATH": "/nonexistent"})
    with pytest.raises(FetchError) as caught:
        CommittedFolder(work / "live", tmp_path / "blind", blind, run, FetchLimits()).now()
    assert caught.value.fault is Fault.NO_GIT


def test_a_folder_as_it_is(work: Path) -> None:
    """`uncommitted: plan` counts changes in, and never calls the result by the commit alone."""
    folder = PlainFolder(work, Processes().run, environment())
    head = folder.now().fingerprint
    (work / "main.tf").write_text("# by hand\n")
    tree = folder.now()
    assert (tree.path, tree.dirty, tree.commit) == (work, True, head)
    assert tree.fingerprint != head
    assert "planned as they are" in tree.notes[0]


def test_a_linked_work_tree(work: Path, tmp_path: Path) -> None:
    """`git worktree add` makes a folder whose .git is a file: its own HEAD counts."""
    git(work, "worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    made = commit(tmp_path / "linked", {"main.tf": "# linked\n"})
    tree = source(tmp_path / "linked", tmp_path).now()
    assert (tree.commit, (tree.path / "main.tf").read_text()) == (made, "# linked\n")


def test_its_own_configuration_runs_nothing(work: Path, tmp_path: Path) -> None:
    """Filters and monitors that .git/config names are not started."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\ncat\n")
    trap.chmod(0o755)
    (work / ".gitattributes").write_text("*.tf filter=evil\n")
    commit(work, {})
    for name in ("filter.evil.smudge", "core.fsmonitor", "uploadpack.packObjectsHook", "core.sshCommand"):
        git(work, "config", name, str(trap))
    (work / "main.tf").write_text("# by hand, of the same length or not\n")
    tree = source(work, tmp_path).now()
    assert (tree.path / "main.tf").read_text() == "# one\n"
    assert not (tmp_path / "started").exists()


def test_a_repository_that_git_cannot_read(work: Path, tmp_path: Path) -> None:
    """The commit's objects are gone: named, not taken as clean and not as empty."""
    for path in (work / ".git/objects").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(FetchError) as caught:
        source(work, tmp_path).now()
    assert caught.value.fault is Fault.CORRUPT
    assert "`git fsck` says more" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_somebody_elses_work_tree(work: Path, tmp_path: Path) -> None:
    """A volume of another user's is watched by its commit like any other."""
    for path in (work, *work.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    assert source(work, tmp_path).now().commit
