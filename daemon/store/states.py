"""What is known of Terraform states: which version was read, and the names of what it holds. No other value of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from checks.states.model import Damage, Held, StateFacts
from daemon.store.codec import dump, load, time
from daemon.store.rows import StateRow
from daemon.store.sql import rows, run, upsert


def save(db: Database, state: StateRow) -> None:
    upsert(
        db, "state_read", ("source",),
        {
            "source": state.source, "mark": state.mark, "looked_at": state.looked_at,
            "facts": None if state.facts is None else dump(asdict(state.facts)),
            "held": dump([list(held) for held in state.held]),
        },
    )  # fmt: skip


def touch(db: Database, looked_at: Mapping[str, datetime]) -> None:
    for source, at in looked_at.items():
        run(db, "update state_read set looked_at = :at where source = :source", {"at": at, "source": source})


def forget(db: Database, sources: Iterable[str]) -> None:
    for source in sources:
        run(db, "delete from state_read where source = :source", {"source": source})


def read(db: Database) -> list[StateRow]:
    return [
        StateRow(
            each["source"], each["mark"], None if each["facts"] is None else _facts(load(each["facts"])),
            tuple(_held(one) for one in load(each["held"])), time(each["looked_at"]),
        )
        for each in rows(db, "select * from state_read", {})
    ]  # fmt: skip


def _facts(plain: Mapping[str, Any]) -> StateFacts:
    return StateFacts(**{**plain, "damage": Damage(plain["damage"])})


def _held(plain: list[Any]) -> Held:
    address, type_, provider, arn, ids, region, tainted, deposed = plain
    names = tuple((family, name) for family, name in ids)
    return Held(address, type_, provider, arn, names, region, tainted, deposed)
