"""`barograph db`: back up, restore, check the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from daemon.store import Examination

F = TypeVar("F", bound=Callable[..., object])

_EPILOG = "The store is found through the configuration, or given by --store."


@click.group()
def db() -> None:
    """Back up, restore or check the store."""


def names_store(command: F) -> F:
    """Give a command the options that name the store: *config* and *store*."""
    command = click.option("-c", "--config", "config", type=click.Path(path_type=Path), default=Path("barograph.yml"),
                           show_default=True, help="The configuration, for its store.path.")(command)  # fmt: skip
    return click.option(
        "--store", type=click.Path(path_type=Path), help="The database itself; needs no configuration."
    )(command)


def _path(config: Path, store: Path | None) -> Path:
    return store if store is not None else _configured(config)


def _configured(config: Path) -> Path:
    from checks import discover
    from daemon.config import ConfigError, load

    try:
        return load(config, os.environ, discover()).store.path
    except ConfigError as error:
        _fail(f"{error}\nTo name the database itself: --store PATH", 2)


def _fail(text: str, code: int) -> NoReturn:
    click.echo(text, err=True)
    raise SystemExit(code)


@db.command(epilog=_EPILOG)
@names_store
@click.argument("target", metavar="PATH", type=click.Path(path_type=Path))
def backup(config: Path, store: Path | None, target: Path) -> None:
    """Write a whole copy of the store to PATH, also while the daemon runs. PATH must not exist."""
    from daemon.store import StoreError
    from daemon.store import backup as write_copy

    source = _path(config, store)
    try:
        write_copy(source, target)
    except StoreError as error:
        _fail(str(error), 1)
    click.echo(f"{target}: a whole copy of {source}, {target.stat().st_size} bytes.")


@db.command(epilog=_EPILOG)
@names_store
@click.argument("copy", metavar="PATH", type=click.Path(path_type=Path))
def restore(config: Path, store: Path | None, copy: Path) -> None:
    """Put the copy at PATH in the place of the store. The daemon must be stopped; the replaced store is kept."""
    from daemon.store import StoreError
    from daemon.store import restore as bring_back

    target = _path(config, store)
    try:
        kept = bring_back(target, copy, lambda: datetime.now(UTC))
    except StoreError as error:
        _fail(str(error), 1)
    click.echo(f"{target}: restored from {copy}." + (f" The replaced store is {kept}." if kept else ""))


@db.command(epilog=_EPILOG)
@names_store
def check(config: Path, store: Path | None) -> None:
    """Check the whole store, also while the daemon runs.

    Exit code 0: it is sound; 1: it is damaged; 2: it could not be checked.
    """
    from daemon.store import DamagedError, StoreError, examine

    target = _path(config, store)
    try:
        found = examine(target)
    except DamagedError as error:
        _fail(str(error), 1)
    except StoreError as error:
        _fail(str(error), 2)
    _show(target, found)
    if found.problems:
        _fail("Bring a copy back: barograph db restore COPY", 1)


def _show(store: Path, found: Examination) -> None:
    click.echo(f"{store}: version {found.version}, {'DAMAGED' if found.problems else 'sound'}")
    for problem in found.problems:
        click.echo(f"  {problem}")
    for title, counts in (
        ("rows", found.counts.tables),
        ("incidents", found.counts.incidents),
        ("messages", found.counts.deliveries),
    ):
        if counts:
            click.echo(f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    for channel, (waiting, oldest) in found.backlog.items():
        since = f", the oldest since {oldest:%Y-%m-%d %H:%M:%S} UTC" if oldest else ""
        click.echo(f"waiting for {channel}: {waiting}{since}")
