"""Versions of Terraform states as they are compared: names and keyed digests. Functions of an open transaction."""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Iterable

from sqlite_utils import Database

from checks.states.changes import Snapshot
from daemon.store.sql import row, rows, run, upsert

_KEY = "state_print.key"


def key(db: Database) -> bytes:
    """The key of all digests: random, made once for this database."""
    fresh = secrets.token_hex(32)
    run(
        db,
        "insert into meta (key, value) values (:name, :fresh) on conflict do nothing",
        {"name": _KEY, "fresh": fresh},
    )
    found = row(db, "select value from meta where key = :name", {"name": _KEY})
    return bytes.fromhex(found["value"] if found is not None else fresh)


def save(db: Database, source: str, snapshot: Snapshot) -> None:
    plain = [
        snapshot.serial, snapshot.lineage, snapshot.terraform_version, snapshot.rest,
        None if snapshot.prints is None else dict(snapshot.prints),
    ]  # fmt: skip
    body = zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), 1)
    upsert(db, "state_print", ("source", "md5"), {"source": source, "md5": snapshot.md5, "body": body})


def find(db: Database, source: str, md5: str) -> Snapshot | None:
    found = row(
        db, "select body from state_print where source = :source and md5 = :md5", {"source": source, "md5": md5}
    )
    if found is None:
        return None
    serial, lineage, terraform_version, rest, prints = json.loads(zlib.decompress(found["body"]))
    return Snapshot(md5, serial, lineage, terraform_version, prints, rest)


def keep_only(db: Database, source: str, digests: Iterable[str]) -> None:
    """Forget all versions of *source* but those."""
    kept = set(digests)
    for found in rows(db, "select md5 from state_print where source = :source", {"source": source}):
        if found["md5"] not in kept:
            run(
                db, "delete from state_print where source = :source and md5 = :md5",
                {"source": source, "md5": found["md5"]},
            )  # fmt: skip
