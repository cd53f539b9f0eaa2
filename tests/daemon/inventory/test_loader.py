"""Loading once per content, keeping the last good inventory, touching nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.inventory.loader import InventoryLoader
from daemon.inventory.model import InventoryError
from daemon.inventory.settings import RootModule, SourceKind
from daemon.processes import Processes
from daemon.repository.folder import PlainFolder
from daemon.repository.tree import Tree
from tests import fakeatmos
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
    assert loader.latest is not None
    assert loader.latest.fingerprint != good.commit, "what does not list can be read, to explain it"
    manifest.write_text(text)
    again = loader.load()
    assert (again.stale_because, again.problems) == ("", ())


def test_a_stack_name_that_two_manifests_share(tmp_path: Path) -> None:
    """Atmos 1.205 lists one of three stacks and says nothing: named with the manifests, and nothing is given up."""
    here = world(tmp_path, "1.205.1")
    committed(here.repository)
    times = iter(NOW + timedelta(minutes=5 * number) for number in range(100))
    loader = InventoryLoader(here.settings(), Processes().run, lambda: next(times))
    known = frozenset(one.instance.key for one in loader.load().watched)
    fakeatmos.lay_out(here.repository, "name-collision", generation="1.205.1")
    git(here.repository, "commit", "-qam", "collision")
    for _ in range(3):
        found = loader.load()
        assert {problem.key for problem in found.problems} == {"manifests_not_listed", "lists_fewer"}
        assert found.problems[0].where == ("deploy/acme/prod", "deploy/acme/staging")
        assert (found.held, found.gone) == (known, frozenset())
        assert {one.instance.stack for one in found.watched} == {"infrastructure"}
    git(here.repository, "revert", "--no-edit", "HEAD")
    mended = loader.load()
    assert {one.instance.key for one in mended.watched} == known
    assert {key.partition("/")[0] for key in mended.held} == {"infrastructure"}
    again = loader.load()
    assert (again.held, again.problems) == (frozenset(), ())


@pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)
def test_a_manifest_that_loses_is_named(tmp_path: Path, generation: str) -> None:
    """Two manifests with one stack name, in every generation: the one that Atmos did not take."""
    here = world(tmp_path, generation, "duplicate-stack")
    assert [(one.key, one.where) for one in here.loader().load().problems] == [
        ("manifests_not_listed", ("deploy/acme/dev2",))
    ]


def test_a_random_winner_is_told_from_a_change(tmp_path: Path) -> None:
    """One content, and every call of Atmos gives another stack: nothing is given up, and the manifests are named."""
    here = world(tmp_path, "1.205.1", "duplicate-stack")
    real = here.binaries / "real-atmos"
    (here.binaries / "atmos").rename(real)
    (here.binaries / "atmos").write_text(
        f'#!/bin/sh\nif [ "$2" != stacks ]; then exec {real} "$@"; fi\n'
        f"echo x >> {tmp_path}/calls\n"
        f'if [ $(($(wc -l < {tmp_path}/calls) % 2)) = 0 ]; then {real} "$@" | '
        "sed 's|deploy/acme/dev\"|deploy/acme/dev2\"|'; else "
        f'exec {real} "$@"; fi\n'
    )
    (here.binaries / "atmos").chmod(0o755)
    loader = here.loader()
    assert {one.key for one in loader.load().problems} == {"manifests_not_listed"}
    for _ in range(3):
        found = loader.refresh()
        assert "listing_flaps" in {one.key for one in found.problems}
        assert "the stack acme-dev came from deploy/acme/dev, then from deploy/acme/dev2" in found.problems[0].summary
        assert found.gone == frozenset()


def test_another_configuration_is_no_flapping(tmp_path: Path) -> None:
    """After a reload with one root module less the same content lists fewer: missing, and no contradiction."""
    here = world(tmp_path, "1.205.1")
    for name in ("one", "two"):
        (here.repository / name).mkdir()
        (here.repository / name / "main.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    both = tuple(RootModule(name, "acme-dev", vars={"stage": "dev"}) for name in ("one", "two"))
    first = here.loader(kind=SourceKind.TERRAFORM, modules=both)
    first.load()
    second = here.loader(kind=SourceKind.TERRAFORM, modules=both[:1])
    second.remember(first.memory.to_json(), ())
    assert {one.key for one in second.load().problems} == {"lists_fewer"}


def test_a_commit_that_comes_back_is_not_listed_again(tmp_path: Path) -> None:
    """A branch that is set back to what was watched before is known already."""
    here = world(tmp_path, "1.205.1")
    first = committed(here.repository)
    loader = here.loader()
    loader.load()
    (here.repository / "README").write_text("x")
    git(here.repository, "add", ".")
    git(here.repository, "commit", "-qm", "second")
    assert loader.load().commit != first
    asked = len(here.atmos_calls())
    git(here.repository, "reset", "-q", "--hard", first)
    assert loader.load().commit == first
    assert len(here.atmos_calls()) == asked


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


@pytest.mark.parametrize("where", ["repository", "submodule"])
@pytest.mark.parametrize("key", ["clean", "process"])
def test_a_repository_cannot_run_filters_through_git(tmp_path: Path, key: str, where: str) -> None:
    """Nor what it or a submodule names to filter changed files with; the change counts all the same."""
    here = world(tmp_path, "1.205.1")
    marker = tmp_path / "started"
    inner = here.repository
    git(inner, "init", "-q")
    if where == "submodule":
        other = tmp_path / "other"
        other.mkdir()
        (other / "file").write_text("one")
        committed(other)
        git(inner, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "vendored")
        inner /= "vendored"
    (inner / ".gitattributes").write_text("* filter=a.b=c\n")
    (inner / "file").write_text("one")
    git(inner, "add", ".")
    git(inner, "commit", "-qm", "attributes")
    if where == "submodule":
        committed(here.repository)
    git(inner, "config", f"filter.a.b=c.{key}", f"touch {marker}")
    git(inner, "config", "filter.a.b=c.required", "true")
    (inner / "file").write_text("two")
    assert here.loader().load().dirty
    assert not marker.exists()


def test_content_that_cannot_be_had_for_an_unforeseen_reason(tmp_path: Path) -> None:
    """It is said to be out of reach: what was had before is not passed off as what there is now."""

    class Failing(PlainFolder):
        error: Exception | None = None

        def now(self) -> Tree:
            if self.error is not None:
                raise self.error
            return super().now()

    here = world(tmp_path, "1.205.1")
    origin = Failing(here.repository, Processes().run, here.settings().environment)
    loader = InventoryLoader(here.settings(), Processes().run, lambda: NOW, origin)
    loader.load()
    assert loader.unreachable == ""
    origin.error = RuntimeError("token=hunter2")
    with pytest.raises(RuntimeError):
        loader.load()
    assert loader.unreachable == "having the content ended with RuntimeError; the log has the details"
    origin.error = None
    loader.load()
    assert loader.unreachable == ""


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
