"""The checklist on demand, with nothing of the service running: for `barograph preflight`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from checks.toolchain import Answer, Item
from daemon.inventory.loader import InventoryLoader
from daemon.inventory.model import Inventory, InventoryError
from daemon.planning.copies import temporary
from daemon.processes import Processes
from daemon.repository.tree import Tree
from daemon.toolchain.checklist import checklist

if TYPE_CHECKING:
    from daemon.config import Config

_T = TypeVar("_T")


def look(config: Config, environ: Mapping[str, str], read: Callable[[Path], _T]) -> tuple[tuple[Item, ...], _T | None]:
    """Every item, the inventory first, and what *read* makes of the watched content's folder; None: there is none.

    *environ* is the environment that the service would have.
    """
    from daemon.wiring import open_origin, scratch_of, source_settings, toolchain_bench

    with temporary("barograph-preflight-") as folder, ExitStack() as stack:
        processes = Processes()
        stack.callback(processes.close)
        bench = toolchain_bench(config, scratch_of(config), environ, processes.run)  # to look at, not to write in
        origin = open_origin(config, folder / "repository", processes, environ)
        loader = InventoryLoader(
            source_settings(config, environ), processes.run, lambda: datetime.now(UTC), origin
        )  # fmt: skip
        stack.callback(loader.close)
        try:
            inventory = loader.load()
        except InventoryError as error:
            first = Item("inventory", Answer.FAIL, str(error), "barograph inventory")
            items = (first, *checklist(bench, None))
            content = Tree(bench.folder) if bench.folder is not None else None
        else:
            items = (_of(inventory), *checklist(bench, inventory, loader.tree))
            content = loader.tree
        return items, _read(content, read)


def _read(content: Tree | None, read: Callable[[Path], _T]) -> _T | None:
    if content is None:
        return None
    try:
        with content.held() as folder:
            return read(folder)
    except FileNotFoundError:
        return None


def _of(inventory: Inventory) -> Item:
    number = len(inventory.watched)
    if number == 0:
        return Item("inventory", Answer.FAIL, "there is no instance to watch", "barograph inventory")
    return Item("inventory", Answer.PASS, f"{number} instances")
