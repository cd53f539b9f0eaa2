"""The checklist on demand, with nothing of the service running: for `barograph preflight`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checks.toolchain import Answer, Item
from daemon.inventory.loader import InventoryLoader
from daemon.inventory.model import Inventory, InventoryError
from daemon.planning.copies import temporary
from daemon.processes import Processes
from daemon.toolchain.checklist import checklist
from daemon.toolchain.telling import exit_code, report, table

if TYPE_CHECKING:
    from daemon.config import Config


def look(config: Config, environ: Mapping[str, str]) -> tuple[Item, ...]:
    """Every item, the inventory first. *environ* is the environment that the service would have."""
    from daemon.wiring import source_settings, toolchain_bench

    processes = Processes()
    try:
        with temporary("barograph-preflight-") as folder:
            bench = toolchain_bench(config, Path(folder) / "scratch", environ, processes.run)
            loader = InventoryLoader(source_settings(config, environ), processes.run, lambda: datetime.now(UTC))
            try:
                inventory: Inventory | None = loader.load()
            except InventoryError as error:
                inventory = None
                first = Item("inventory", Answer.FAIL, str(error), "barograph inventory")
            else:
                first = _of(inventory)
            return (first, *checklist(bench, inventory))
    finally:
        processes.close()


def _of(inventory: Inventory | None) -> Item:
    number = len(inventory.watched) if inventory is not None else 0
    if number == 0:
        return Item("inventory", Answer.FAIL, "there is no instance to watch", "barograph inventory")
    return Item("inventory", Answer.PASS, f"{number} instances")


def printed(config: Config, environ: Mapping[str, str], *, as_json: bool) -> tuple[str, int]:
    """The checklist as text or JSON, and the exit code: 0, 1 (something failed) or 3 (could not look somewhere)."""
    items = look(config, environ)
    text = json.dumps(report(items), indent=2) if as_json else "\n".join(table(items))
    return text, exit_code(items)
