"""A folder that people work in as a source: as it is, or only what is committed of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from daemon.inventory.checkout import ask_git, stamp
from daemon.inventory.model import Problem
from daemon.inventory.session import Run
from daemon.repository.address import Address, Transport
from daemon.repository.calls import Git
from daemon.repository.checkouts import Checkouts, Finish, with_links_of
from daemon.repository.faults import OF_THE_MIRROR, Fault, FetchError
from daemon.repository.mirror import FetchLimits, Mirror
from daemon.repository.tree import IGNORED, Tree

_LEFT_OUT = frozenset({".git", ".terraform", "terraform.tfstate.d", "node_modules", "__pycache__"})
# What a server's answer would mean, and a folder's repository that is damaged.
_OF_A_FOLDER = frozenset({Fault.REF, Fault.MISSING, Fault.UNREACHABLE, Fault.CORRUPT, Fault.CONTENT, Fault.FAILED})
_READ_BY_PLANS = (".tf", ".tfvars", ".json", ".yaml", ".yml", ".tmpl", ".hcl", ".tftpl")
_STATES = (".tfstate", ".tfstate.backup", ".tfstate.lock.info", ".planfile")


class Origin(Protocol):
    """Where the content of the watched repository comes from."""

    @property
    def name(self) -> str: ...  # for people: a folder, an address

    def now(self) -> Tree: ...  # the content as it is now; raises FetchError and OSError

    def close(self) -> None: ...


class PlainFolder:
    """A folder, read and planned as it is, whatever git says of it."""

    def __init__(self, path: Path, run: Run, environment: Mapping[str, str]) -> None:
        self._path = path
        self._run = run
        self._environment = environment

    @property
    def name(self) -> str:
        return str(self._path)

    def now(self) -> Tree:
        """The folder. Uncommitted changes count, and are told of. Raises OSError."""
        at = stamp(self._path, self._run, self._environment)
        notes = ("Uncommitted changes are planned as they are (source.uncommitted: plan)",) if at.dirty else ()
        return Tree(self._path, at.commit, at.dirty, at.fingerprint, notes)

    def close(self) -> None:
        """There is nothing to let go of."""


class CommittedFolder:
    """A git work tree of which only what is committed counts. A folder that is none is taken as it is.

    The commit is read from a private checkout, so that what somebody writes into the folder meanwhile is never taken
    for it. Files that git ignores (variables, vendored components) belong to it, as they do to a clean work tree; they
    are taken when the checkout is made. The folder is never written into.
    """

    def __init__(self, path: Path, store: Path, git: Git, run: Run, limits: FetchLimits) -> None:
        """*store* is for one process alone: the mirror and the checkouts go there."""
        self._path = path
        self._store = store
        self._git = git
        self._run = run
        self._limits = limits
        self._checkouts = Checkouts(store / "checkouts")
        self._turn = threading.Lock()
        self._mirror: Mirror | None = None

    @property
    def name(self) -> str:
        return str(self._path)

    def now(self) -> Tree:
        """The commit that is checked out there. Raises FetchError and OSError."""
        with self._turn:
            at = stamp(self._path, self._run, self._git.environment)
            if not at.commit:
                self._check_not_git()
                return Tree(self._path, "", False, at.fingerprint)
            top, prefix = self._ask("--show-toplevel"), self._ask("--show-prefix")
            try:
                tree = self._checked_out(Path(top) if top else self._path)
            except FetchError as error:
                if error.fault not in _OF_A_FOLDER:
                    raise
                said = f"git cannot read the commit {at.commit[:12]} there; `git fsck` says more"
                raise FetchError(Fault.CORRUPT, f"reading {self._path}", error.detail, said) from None
            path = tree.path / prefix
            if not path.is_dir():
                said = f"nothing in {self._path} is committed; commit it, or set source.uncommitted: plan"
                raise FetchError(Fault.MISSING, f"reading commit {tree.commit[:12]}", said=said)
            note = (
                f"{self._path} has uncommitted changes, which are not planned: what is watched is commit "
                f"{tree.commit[:12]} (source.uncommitted: plan counts them in)"
            )
            return replace(tree, path=path, base=tree.path, dirty=at.dirty, notes=(note,) if at.dirty else ())

    def close(self) -> None:
        """Remove the checkouts, and let another process use the mirror."""
        with self._turn:
            self._checkouts.close()
            if self._mirror is not None:
                self._mirror.close()

    def _check_not_git(self) -> None:
        """Raise FetchError for a work tree whose commit cannot be told: it must not pass for a plain folder."""
        what = f"reading {self._path}"
        if self._ask("--git-dir"):
            said = "it is a git work tree without a commit; commit something, or set source.uncommitted: plan"
            raise FetchError(Fault.REF, what, said=said)
        missing = shutil.which("git", path=self._git.environment.get("PATH", os.defpath)) is None
        if missing and any((folder / ".git").exists() for folder in (self._path, *self._path.parents)):
            raise FetchError(Fault.NO_GIT, what)

    def _ask(self, question: str) -> str:
        said = ask_git(self._path, self._run, self._git.environment, "rev-parse", question) or b""
        return said.decode("utf-8", "surrogateescape").rstrip("\n")

    def _checked_out(self, top: Path) -> Tree:
        address = Address(top.as_uri(), Transport.FILE)
        if self._mirror is None or self._mirror.address != address:
            if self._mirror is not None:
                self._mirror.close()
            self._mirror = Mirror(self._store, address, self._git, self._limits)
        mirror, finish = self._mirror, self._finish(top)
        commit, besides = mirror.fetch().commit, _stamp(top, self._ignored(top))

        def checkout(commit: str) -> Tree:
            return self._checkouts.tree(mirror, commit, submodules=None, finish=finish, besides=besides)

        try:
            return checkout(commit)
        except FetchError as error:
            if error.fault not in OF_THE_MIRROR:
                raise
            mirror.discard()
            return checkout(mirror.fetch().commit)

    def _finish(self, top: Path) -> Finish:
        relink = with_links_of(top)

        def finish(folder: Path) -> tuple[Problem, ...]:
            self._copy_ignored(top, folder)
            return relink(folder)

        return finish

    def _copy_ignored(self, top: Path, folder: Path) -> None:
        for source in self._ignored(top):
            _copy(source, folder / source.relative_to(top))

    def _ignored(self, top: Path) -> list[Path]:
        """What git ignores in *top*, but for states, caches and our own files."""
        listing = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
        said = ask_git(top, self._run, self._git.environment, *listing)
        what = f"copying what git ignores in {top}"
        if said is None:
            raise FetchError(Fault.FAILED, what, "git does not list it")
        found: list[Path] = []
        size = 0
        for name in said.decode("utf-8", "surrogateescape").split("\0"):
            for source in self._files(top / name.rstrip("/")) if name else ():
                found.append(source)
                size += source.lstat().st_size
                if size > self._limits.size or len(found) > self._limits.files:
                    raise FetchError(Fault.TOO_LARGE, what)
        return found

    def _files(self, path: Path) -> Iterator[Path]:
        if self._is_ours(path) or set(path.parts) & _LEFT_OUT or path.name.endswith(_STATES):
            return
        if path.is_symlink() or path.is_file():
            yield path
        elif path.is_dir():
            for inner in sorted(path.iterdir()):
                yield from self._files(inner)

    def _is_ours(self, path: Path) -> bool:
        """Whether *path* is the scratch folder, what lies beside it, or something that holds them."""
        own = self._store.resolve()
        scratch = own.name.removesuffix("-repository")
        return path in own.parents or (path.parent == own.parent and path.name.startswith(scratch))


def _stamp(top: Path, ignored: Iterable[Path]) -> str:
    """Equal while none of the *ignored* files that could matter to a plan has changed; empty where there is none."""
    lines = []
    for path in ignored:
        if path.name.endswith(_READ_BY_PLANS):
            seen = path.lstat()
            lines.append(f"{path.relative_to(top)}\0{seen.st_size}\0{seen.st_mtime_ns}\n")
    text = "".join(sorted(lines)).encode("utf-8", "surrogateescape")
    return f"{IGNORED}{hashlib.sha256(text).hexdigest()[:16]}" if lines else ""


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.unlink(missing_ok=True)
        target.symlink_to(os.readlink(source))
    else:
        shutil.copy2(source, target)
