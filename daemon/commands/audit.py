"""`barograph audit`: whether the audit trail is whole, and what is in it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from daemon.commands.db import names_store

if TYPE_CHECKING:
    from daemon.audit.chain import Head
    from daemon.config import Config

_BROKEN, _USAGE, _CANNOT_SAY = 1, 2, 3
_ANCHOR = re.compile(r"(?P<seq>[1-9]\d{0,11}):(?P<hash>[0-9a-f]{64})")


@click.group()
def audit() -> None:
    """Verify the audit trail, or export it."""


@audit.command()
@names_store
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.option("--anchor", "given", metavar="SEQ:HASH", multiple=True,
              help="A head that you have from elsewhere, such as from the webhook's receiver; may repeat.")  # fmt: skip
@click.option("--accept-restore", "accepted", metavar="SEQ", type=int, multiple=True,
              help="The row that tells of a restore you know of: what it lost is no fault.")  # fmt: skip
def verify(config: Path, store: Path | None, as_json: bool, given: tuple[str, ...], accepted: tuple[int, ...]) -> None:
    """Walk the whole trail, and compare it with what is anchored outside. Works beside the daemon.

    Exit codes: 0 whole; 1 broken; 2 wrong usage or configuration; 3 could not look: at the store, or at anchors that
    can be fetched.
    """
    from daemon.audit import looking
    from daemon.audit.verify import in_words
    from daemon.audit.ways import vault_of
    from daemon.store import StoreError

    heads = [_head(text) for text in given]
    loaded = None if store is not None else _load(config)
    path = store if store is not None else loaded.store.path if loaded is not None else Path()
    vault = vault_of(loaded) if loaded is not None else None
    try:
        verdict = looking.verify(path, vault, heads, accepted, configured=loaded is not None)
    except StoreError as error:
        _fail(str(error), _CANNOT_SAY)
    click.echo(json.dumps(verdict.json(), indent=1) + "\n" if as_json else in_words(verdict), nl=False)
    raise SystemExit({"whole": 0, "broken": _BROKEN, "unknown": _CANNOT_SAY}[verdict.outcome])


@audit.command()
@names_store
@click.option("--from", "since", metavar="TIME", help="The first moment, such as 2026-03-01 or 2026-03-01T09:00Z.")
@click.option("--to", "until", metavar="TIME", help="The moment before which it ends; a day is its midnight in UTC.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True,
              help="csv: for spreadsheets; json: all that it takes to check the hashes.")  # fmt: skip
@click.option("-o", "--output", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write it to FILE instead of printing it.")  # fmt: skip
def export(
    config: Path, store: Path | None, since: str | None, until: str | None, form: str, target: Path | None
) -> None:
    """Write the rows of a period, oldest first. Works beside the daemon. Nothing secret is in it.

    Exit codes: 0 written; 2 wrong usage or configuration; 3 the store cannot be read, or FILE cannot be written.
    """
    from daemon.audit.export import as_csv, as_json, parse_moment
    from daemon.store import StoreError, open_reader
    from daemon.store.audit import between

    bounds = []
    for name, given in (("--from", since), ("--to", until)):
        try:
            bounds.append(parse_moment(given) if given is not None else None)
        except ValueError as error:
            _fail(f"{name}: {error}", _USAGE)
    begin, end = bounds
    if begin is not None and end is not None and begin >= end:
        _fail("--from must be before --to", _USAGE)
    path = store if store is not None else _load(config).store.path
    try:
        with open_reader(path) as view:
            rows = between(view.db, begin, end)
    except (StoreError, ValueError) as error:
        _fail(f"{error}" if isinstance(error, StoreError) else f"{path}: a row cannot be read: audit verify says which",
              _CANNOT_SAY)  # fmt: skip
    text = as_csv(rows) if form == "csv" else as_json(rows, begin, end)
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8-sig" if form == "csv" else "utf-8", newline="")
    except OSError as error:
        _fail(f"{target}: cannot be written: {error.strerror}", _CANNOT_SAY)
    click.echo(f"{target}: {len(rows)} rows", err=True)


def _head(text: str) -> Head:
    from daemon.audit.chain import Head

    found = _ANCHOR.fullmatch(text.strip().lower())
    if found is None:
        _fail("--anchor: give the number of a row and its whole hash, such as 120:9f86d0…", _USAGE)
    return Head(int(found["seq"]), found["hash"])


def _load(path: Path) -> Config:
    from checks import discover
    from daemon.config import ConfigError, load

    try:
        return load(path, os.environ, discover())
    except ConfigError as error:
        _fail(f"{error}\nTo name the database itself: --store PATH", _USAGE)


def _fail(text: str, code: int) -> NoReturn:
    click.echo(f"barograph: {text}", err=True)
    raise SystemExit(code)
