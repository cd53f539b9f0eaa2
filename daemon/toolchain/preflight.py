"""The checklist on demand, with nothing of the service running: for `barograph preflight`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from checks.toolchain import Answer, Item
from daemon.inventory.loader import InventoryLoader
from daemon.inventory.model import Inventory, InventoryError
from daemon.planning.copies import temporary
from daemon.processes import Processes
from daemon.toolchain.checklist import checklist

if TYPE_CHECKING:
    from daemon.config import Config


def look(config: Config, environ: Mapping[str, str]) -> tuple[Item, ...]:
    """Every item, the inventory first. *environ* is the environment that the service would have."""
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
            failed = Item("inventory", Answer.FAIL, str(error), "barograph inventory")
            return (failed, *checklist(bench, None))
        return (_of(inventory), *checklist(bench, inventory, loader.tree))


def _of(inventory: Inventory) -> Item:
    number = len(inventory.watched)
    if number == 0:
        return Item("inventory", Answer.FAIL, "there is no instance to watch", "barograph inventory")
    return Item("inventory", Answer.PASS, f"{number} instances")
