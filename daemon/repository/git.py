"""A git address as a source: fetched into a mirror of our own, read from a checkout per commit."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.planning.copies import temporary
from daemon.repository.access import Access
from daemon.repository.address import Address, check_ref, parse
from daemon.repository.calls import Git, Run
from daemon.repository.checkouts import Checkouts
from daemon.repository.faults import OF_THE_MIRROR, Fault, FetchError
from daemon.repository.mirror import Fetched, FetchLimits, Mirror
from daemon.repository.tree import Tree


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read of which repository."""

    address: Address
    ref: str = ""  # a branch, a tag, refs/…, the whole hash of a commit; empty: the remote's HEAD
    subfolder: str = ""  # of the repository, which counts as the repository
    submodules: bool | None = None  # None: not fetched, and told of where there are some


class GitSource:
    """The content of a git address. Thread-safe."""

    def __init__(self, wanted: Wanted, folder: Path, git: Git, limits: FetchLimits) -> None:
        """*folder* is for one process alone; git runs in it."""
        self.wanted = wanted
        self.mirror = Mirror(folder, wanted.address, git, limits)
        self._checkouts = Checkouts(folder / "checkouts")
        self._turn = threading.Lock()
        self._last = Fetched("")

    @property
    def name(self) -> str:
        return self.wanted.address.url

    def now(self) -> Tree:
        """Fetch, and give what the ref points to. Raises FetchError; earlier trees stay as they are then."""
        with self._turn:
            fetched, tree = self._tree()
            # What happened on the way to a commit is worth knowing for as long as that commit is watched.
            if fetched.commit == self._last.commit:
                fetched = Fetched(fetched.commit, self._last.notes or fetched.notes)
            self._last = fetched
            return replace(tree, path=self._inside(tree), base=tree.path, notes=fetched.notes)

    def close(self) -> None:
        """Remove the checkouts, and let another process use the mirror."""
        with self._turn:
            self._checkouts.close()
            self.mirror.close()

    def _tree(self) -> tuple[Fetched, Tree]:
        fetched = self.mirror.fetch(self.wanted.ref)
        try:
            return fetched, self._checkout(fetched)
        except FetchError as error:
            if error.fault not in OF_THE_MIRROR:
                raise
            self.mirror.discard()
            fetched = self.mirror.fetch(self.wanted.ref)
            said = f"Barograph's mirror was damaged and has been made anew ({error})"
            return Fetched(fetched.commit, (*fetched.notes, said)), self._checkout(fetched)

    def _checkout(self, fetched: Fetched) -> Tree:
        return self._checkouts.tree(self.mirror, fetched.commit, submodules=self.wanted.submodules)

    def _inside(self, tree: Tree) -> Path:
        path = (tree.path / self.wanted.subfolder).resolve()
        if not path.is_relative_to(tree.path.resolve()) or not path.is_dir():
            where = f"commit {tree.commit[:12]} of {self.wanted.address}"
            said = f"it has no folder {self.wanted.subfolder}; check source.subfolder"
            raise FetchError(Fault.MISSING, f"reading {where}", said=said)
        return path


def check(url: str, ref: str = "") -> Address:
    """The address *url*, if it and *ref* (empty: none) can be what they are given as.

    Raises ValueError, whose words never repeat *url*: people paste tokens into it.
    """
    try:
        address = parse(url)
    except ValueError as error:
        raise ValueError(f"the address {error}") from None
    try:
        if ref:
            check_ref(ref)
    except ValueError as error:
        raise ValueError(f"the ref {error}") from None
    return address


@contextmanager
def fetched(
    url: str,
    ref: str = "",
    *,
    run: Run,
    environment: Mapping[str, str],
    access: Access | None = None,
    subfolder: str = "",
    submodules: bool | None = None,
    limits: FetchLimits | None = None,
) -> Iterator[Tree]:
    """The content of *url* at *ref* in a temporary folder, for the length of the block.

    *run* is daemon.processes.Processes.run, *environment* what git may see of ours (PATH, proxies, certificates).
    Raises ValueError for an address or ref that cannot be one, and FetchError.
    """
    address = check(url, ref)
    given = replace(access, origin=address.origin) if access is not None else Access()
    with temporary("barograph-git-") as folder:
        git = Git(run, home(folder), environment, given)
        source = GitSource(
            Wanted(address, ref, subfolder, submodules), folder / "repository", git, limits or FetchLimits()
        )
        try:
            yield source.now()
        finally:
            source.close()


def home(folder: Path) -> Path:
    """The folder below *folder* that git takes for its user's home: private, and empty at first."""
    path = folder / "home"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700, parents=True)
    return path
