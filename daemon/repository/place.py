"""The watched repository as a place: read from its files, in the content that was had last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from checks.base import LookFailed
from checks.manifests.against import limitations
from checks.manifests.examine import examine
from checks.manifests.model import Examination, Repository, Version
from daemon.inventory.atmosyaml import NAMES
from daemon.inventory.model import Inventory
from daemon.repository.checkout import RepositoryError
from daemon.repository.left_out import with_left_out
from daemon.repository.reader import read
from daemon.repository.tree import Tree

KEY = "repository"
LABELS: Mapping[str, str] = {"stage": "all"}  # one repository describes every stage


class Contents(Protocol):
    """What the loader of the inventory knows: daemon.inventory.loader.InventoryLoader."""

    @property
    def latest(self) -> Tree | None: ...  # had last, whether it could be listed or not; None: never

    @property
    def tree(self) -> Tree: ...  # what the current inventory belongs to

    @property
    def current(self) -> Inventory | None: ...

    @property
    def unreachable(self) -> str: ...  # why the last try gave no content; empty: it did

    @property
    def atmos_version(self) -> Version | None: ...  # None: not known


@dataclass(frozen=True, slots=True)
class WatchedRepository:
    """The repository that instances are listed from."""

    contents: Contents
    clock: Callable[[], datetime]
    config_path: str = ""  # folder of atmos.yaml in it
    base_path: str = ""
    always: bool = True  # False: only while there is an atmos.yaml, as Atmos is not what lists its instances

    def watched_in(self, tree: Tree) -> bool:
        """Whether *tree*, a content of the repository, is looked at."""
        return self.always or any((tree.path / self.config_path / name).is_file() for name in NAMES)

    @property
    def key(self) -> str:
        return KEY

    @property
    def labels(self) -> Mapping[str, str]:
        return LABELS

    def now(self) -> datetime:
        return self.clock()

    @property
    def content(self) -> tuple[str, str, Version | None]:
        """Equal as long as another look would read the same files in the same way."""
        tree = self.contents.latest
        return (tree.fingerprint if tree is not None else "", self.contents.unreachable, self.contents.atmos_version)

    def examine(self) -> Examination:
        """Read and judge it. Raises LookFailed where its present content cannot be had."""
        tree, unreachable = self.contents.latest, self.contents.unreachable
        if unreachable:
            raise LookFailed("unavailable", unreachable)
        if tree is None:
            raise LookFailed("unavailable", "the repository was not read yet")
        try:
            with tree.held() as path:
                found = read(path, self.contents.atmos_version, config_path=self.config_path, base_path=self.base_path)
        except FileNotFoundError as error:
            raise LookFailed("unavailable", f"{error}; another one is watched by now") from None
        except RepositoryError as error:
            raise LookFailed("failed", str(error)) from None
        version = self.contents.atmos_version
        installed = {"atmos": ".".join(map(str, version))} if version is not None else {}
        notes = (*tree.notes, *self._differences(tree, found))
        return with_left_out(examine(found, installed=installed, notes=notes), tree, found)

    def _differences(self, tree: Tree, found: Repository) -> tuple[str, ...]:
        """Where the files, as we read them, and the listing of the same content differ."""
        inventory = self.contents.current
        if inventory is None or inventory.stale_because or self.contents.tree.fingerprint != tree.fingerprint:
            return ()
        listed = {(one.stack, one.component): "" for one in inventory.left_out}
        listed |= {
            (each.instance.stack, each.instance.component): each.instance.workspace for each in inventory.watched
        }
        return limitations(found.stacks, listed)
