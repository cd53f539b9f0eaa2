"""`barograph inventory`: what would be watched."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from daemon.inventory.model import Inventory

_CANNOT_LOOK = 3


@click.command()
@click.option(
    "-c", "--config", "config_path", default="barograph.yml", show_default=True,
    type=click.Path(path_type=Path), help="The configuration file.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inventory(config_path: Path, as_json: bool) -> None:
    """List what would be watched, and what is left out and why. Starts no plan.

    Exit codes: 0 listed; 2 wrong usage or configuration; 3 the repository does not load.
    """
    import os

    from daemon.commands.config import load_or_exit
    from daemon.inventory.model import InventoryError
    from daemon.wiring import open_inventory

    config = load_or_exit(config_path)
    try:
        found = open_inventory(config, os.environ, _remembered(config.store.path))
    except InventoryError as error:
        click.echo(f"barograph: {error}", err=True)
        sys.exit(_CANNOT_LOOK)
    if as_json:
        from daemon.inventory.report import inventory_report

        click.echo(json.dumps(inventory_report(found), indent=2))
        return
    from rich.console import Console

    _print(found, Console(highlight=False))


def _remembered(store: Path) -> str:
    """What a daemon last noted of its inventory, so that changes since then can be told; empty: nothing."""
    from daemon.store import StoreError, open_reader
    from daemon.watch import MEMORY

    try:
        if not store.is_file():
            return ""
        with open_reader(store) as reader:
            return reader.meta(MEMORY) or ""
    except StoreError:
        return ""  # whatever is wrong with the store, this command is not about it


def _print(found: Inventory, console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    from daemon.inventory.report import in_words

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("STACK", "COMPONENT", "STAGE", "WORKSPACE", "FOLDER", "OWNER"):
        table.add_column(title, overflow="fold")
    for watched in found.watched:
        one = watched.instance
        cells = (one.stack, one.component, one.stage or "unknown", one.workspace, one.working_directory, one.owner)
        table.add_row(*(escape(cell) for cell in cells), style=None if one.enabled else "dim")
    console.print(table)
    off = sum(not watched.instance.enabled for watched in found.watched)
    at = f" at commit {found.commit[:12]}" if found.commit else ""
    changed = ", with uncommitted changes" if found.dirty else ""
    console.print(f"\n{len(found.watched)} instances, {off} of them disabled{at}{changed}")
    if found.changes:
        console.print(escape(f"since the daemon's last listing: {in_words(found.changes)}"))
    for left_out in found.left_out:
        console.print(escape(f"left out: {left_out.stack}/{left_out.component}: {left_out.reason}"))
    for problem in found.problems:
        console.print(escape(f"problem: {problem.summary}. {problem.remedy}"), style="yellow")
    for note in found.notes:
        console.print(escape(f"note: {note}"))
