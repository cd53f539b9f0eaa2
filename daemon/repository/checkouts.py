"""Checkouts: the files of one commit each, in folders of ours that stay as they are while anybody uses them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.inventory.model import Problem
from daemon.repository.address import Address, beside
from daemon.repository.calls import of_system
from daemon.repository.faults import Fault, FetchError
from daemon.repository.listing import held, submodule_urls
from daemon.repository.mirror import Mirror
from daemon.repository.tree import Tree, Uses

_DEEPEST = 4  # submodules in submodules
_MOST_SUBMODULES = 50
_YOUNG = "new-"

Finish = Callable[[Path], tuple[Problem, ...]]


class Checkouts:
    """Makes each checkout once, and keeps the current one, the one before it, and all that are in use."""

    def __init__(self, folder: Path) -> None:
        """*folder* belongs to one process; what an earlier one left in it is removed by the first checkout."""
        self._folder = folder
        self._uses = Uses()
        self._lock = threading.Lock()
        self._made: dict[str, Tree] = {}  # oldest first

    def tree(
        self,
        mirror: Mirror,
        commit: str,
        *,
        submodules: bool | None = False,
        finish: Finish | None = None,
        besides: str = "",
    ) -> Tree:
        """The files of *commit*, which *mirror* has. *finish* may still change them once they are written.

        *besides* names the content of what *finish* adds; with another one the checkout is made anew.
        *submodules* True fetches them too; None does not, and tells of those that there are. Raises FetchError.
        """
        with self._lock:
            try:
                if not self._made:
                    shutil.rmtree(self._folder, ignore_errors=True)
                    self._folder.mkdir(mode=0o700, parents=True)
                fingerprint = f"{commit}+{besides}" if besides else commit
                tree = self._made.pop(fingerprint, None)
                if tree is None or not tree.path.is_dir():
                    tree = replace(self._make(mirror, commit, submodules, finish), fingerprint=fingerprint)
                self._made[fingerprint] = tree
                self._drop_old()
            except OSError as error:
                what = f"writing out commit {commit[:12]} of {mirror.address}"
                raise FetchError(of_system(error), what, error.strerror or type(error).__name__) from None
            return tree

    def close(self) -> None:
        """Remove them all."""
        with self._lock:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._made.clear()

    def _make(self, mirror: Mirror, commit: str, submodules: bool | None, finish: Finish | None) -> Tree:
        final = self._folder / f"{commit}-{secrets.token_hex(4)}"
        young = self._folder / f"{_YOUNG}{final.name}"
        try:
            problems = list(_Writing(mirror, submodules, self._folder).write(mirror, commit, young, 0))
            problems += finish(young) if finish is not None else without_outside_links(young)
            young.rename(final)
        except BaseException:
            shutil.rmtree(young, ignore_errors=True)
            raise
        finally:
            for index in self._folder.glob("*.index*"):
                index.unlink(missing_ok=True)
        return Tree(final, commit, fingerprint=commit, problems=tuple(problems), uses=self._uses)

    def _drop_old(self) -> None:
        for fingerprint in list(self._made)[:-2]:
            if self._uses.free(self._made[fingerprint].path):
                shutil.rmtree(self._made.pop(fingerprint).path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Writing:
    """One checkout being written."""

    mirror: Mirror
    submodules: bool | None
    indexes: Path  # where git may keep its index meanwhile

    def write(self, mirror: Mirror, commit: str, folder: Path, depth: int) -> list[Problem]:
        """Write *commit* into *folder*, and its submodules into it."""
        seen = held(mirror, commit)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mirror.write_out(commit, folder, self.indexes / f"{secrets.token_hex(8)}.index")
        if seen.submodules and self.submodules:
            return self._fetched(mirror, commit, folder, seen.submodules, depth)
        if not seen.submodules or self.submodules is False:
            return []
        where = tuple(path for path, _ in seen.submodules)
        problem = Problem(
            "submodules_not_fetched",
            f"The repository has {len(where)} submodules, which are not fetched: what lies in them is not seen",
            where[:50],
            "Set source.submodules: true to fetch them, or false if nothing that is watched lies in them.",
        )
        return [problem]

    def _fetched(
        self, parent: Mirror, commit: str, folder: Path, wanted: tuple[tuple[str, str], ...], depth: int
    ) -> list[Problem]:
        """Fetch each submodule by the same rules as the repository itself, and write it out."""
        what = f"fetching the submodules of {parent.address}"
        if depth >= _DEEPEST or len(wanted) > _MOST_SUBMODULES:
            text = f"more than {_MOST_SUBMODULES}, or nested deeper than {_DEEPEST}"
            raise FetchError(Fault.TOO_LARGE, what, text)
        urls = submodule_urls(parent, commit)
        problems: list[Problem] = []
        for path, pinned in wanted:
            address = _address(parent, path, urls.get(path, ""), what)
            target = folder / path
            if target.is_symlink() or not target.resolve().is_relative_to(folder.resolve()):
                raise FetchError(Fault.CONTENT, what, said=f"the submodule {path} lies behind a link")
            inner = Mirror(self.mirror.submodules / secrets.token_hex(6), address, parent.git, parent.limits)
            try:
                inner.fetch(pinned)
                problems += self.write(inner, pinned, target, depth + 1)
            finally:
                inner.close()
                shutil.rmtree(inner.folder, ignore_errors=True)
        return problems


def _address(parent: Mirror, path: str, written: str, what: str) -> Address:
    try:
        address = beside(parent.address, written)
        if address.transport is not parent.address.transport:
            raise ValueError("is reached in another way than the repository itself")
    except ValueError as error:
        said = f"the address that .gitmodules gives for {path} {error}"
        raise FetchError(Fault.CONTENT, what, said=said) from None
    return address


def without_outside_links(folder: Path) -> tuple[Problem, ...]:
    """Remove links that lead out of *folder*: nobody who writes to a repository may read this machine through one."""
    removed = []
    top = folder.resolve()
    for link in links_in(folder):
        if not _leads_into(link, top):
            link.unlink()
            removed.append(link.relative_to(folder).as_posix())
    if not removed:
        return ()
    return (
        Problem(
            "links_outside",
            f"{len(removed)} links lead out of the repository and were left out",
            tuple(sorted(removed))[:50],
            "Let them lead to files of the repository.",
        ),
    )


def with_links_of(watched: Path) -> Finish:
    """Let links that lead out of a checkout lead where they lead from *watched*, the folder that it stands for.

    One that leads into *watched* leads into the checkout instead: what lies there is not committed.
    """

    def finish(folder: Path) -> tuple[Problem, ...]:
        top = folder.resolve()
        for link in links_in(folder):
            if _leads_into(link, top):
                continue
            here = watched / link.relative_to(folder).parent
            target = Path(os.path.normpath(here / os.readlink(link)))
            if target.is_relative_to(watched):
                target = Path(os.path.relpath(target, here))
            link.unlink()
            link.symlink_to(target)
        return ()

    return finish


def links_in(folder: Path) -> list[Path]:
    """Every symbolic link below *folder*; none is followed."""
    return [
        Path(root, name)
        for root, folders, files in os.walk(folder)
        for name in (*folders, *files)
        if os.path.islink(os.path.join(root, name))
    ]


def _leads_into(link: Path, top: Path) -> bool:
    with contextlib.suppress(OSError, RuntimeError):  # going in circles leads nowhere
        return link.resolve().is_relative_to(top)
    return False


__all__ = ["Checkouts", "links_in", "with_links_of", "without_outside_links"]
