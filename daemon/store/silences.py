"""Silences, and what was hidden: rows there and back. Functions of an open transaction or snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from alerts.base import LIVE, Action, Change
from alerts.silences import Matcher, Silence
from checks.base import Kind, Tier
from daemon.store.codec import dump, load, time, time_or_none
from daemon.store.rows import HiddenRow
from daemon.store.sql import row, rows, run, upsert

_BEFORE = timedelta(hours=1)  # more than lies between a transaction's time and that of what is decided in it


def save(db: Database, silence: Silence, now: datetime) -> None:
    """A silence keeps the time at which it was first stored."""
    known = row(db, "select created_at from silence where id = :id", {"id": silence.id})
    matcher = {each.name: getattr(silence.matcher, each.name) for each in fields(Matcher)}
    values: dict[str, object] = {
        "id": silence.id, "matcher": dump({name: given for name, given in matcher.items() if given}),
        "author": silence.author, "reason": silence.reason, "starts_at": silence.starts_at,
        "ends_at": silence.ends_at, "created_at": now if known is None else known["created_at"],
        "removed_at": silence.removed_at, "removed_by": silence.removed_by,
    }  # fmt: skip
    upsert(db, "silence", ("id",), values)


def read(db: Database, now: datetime | None) -> list[Silence]:
    found = rows(
        db,
        """select * from silence where :now is null or (removed_at is null and ends_at > :now)
        order by created_at desc, id""",
        {"now": now},
    )
    return [_begun(silence_of(each), time(each["created_at"]), now) for each in found]


def _begun(silence: Silence, made: datetime, now: datetime | None) -> Silence:
    """One that held from when it was made still does, where the clock was set back since."""
    if now is None or not now < silence.starts_at <= made:
        return silence
    return replace(silence, starts_at=now - _BEFORE)


def ended(db: Database, now: datetime) -> list[Silence]:
    found = rows(
        db,
        """select * from silence where end_noted = 0 and removed_at is null and ends_at <= :now
        order by ends_at, id""",
        {"now": now},
    )
    return [silence_of(each) for each in found]


def note_ended(db: Database, now: datetime) -> list[Silence]:
    found = ended(db, now)
    for one in found:
        run(db, "update silence set end_noted = 1 where id = :id", {"id": one.id})
    return found


def silence_of(found: Mapping[str, Any]) -> Silence:
    given = {name: tuple(values) for name, values in load(found["matcher"]).items()}
    given["kinds"] = tuple(map(Kind, given.get("kinds", ())))
    given["tiers"] = tuple(map(Tier, given.get("tiers", ())))
    return Silence(
        id=found["id"], matcher=Matcher(**given), author=found["author"], reason=found["reason"],
        starts_at=time(found["starts_at"]), ends_at=time(found["ends_at"]),
        removed_at=time_or_none(found["removed_at"]), removed_by=found["removed_by"],
    )  # fmt: skip


def follow(db: Database, change: Change, now: datetime) -> None:
    """Keep the record of what is hidden in step with the incident: a stretch for each silence that hides it."""
    incident = change.incident
    here: dict[str, object] = {"fingerprint": incident.fingerprint}
    open_now = row(db, "select * from hidden where fingerprint = :fingerprint and ended_at is null", here)
    if open_now is not None:
        known = (open_now["silence"], open_now["occurrence"])
        if incident.silence and known == (incident.silence, incident.occurrence):
            run(db, "update hidden set note = :note, tier = :tier where id = :id",
                {"note": incident.silence_note, "tier": incident.tier, "id": open_now["id"]})  # fmt: skip
            return
        outcome = "shown" if incident.state in LIVE else str(incident.state)
        run(db, "update hidden set ended_at = :now, outcome = :outcome where id = :id",
            {"now": now, "outcome": outcome, "id": open_now["id"]})  # fmt: skip
    if incident.silence:
        action = change.transition.action if change.transition is not None else None
        under = action in (Action.OPEN, Action.REOPEN) or bool(open_now and open_now["opened_under"])
        run(
            db,
            """insert into hidden (fingerprint, occurrence, silence, note, tier, opened_under, began_at)
            values (:fingerprint, :occurrence, :silence, :note, :tier, :under, :now)""",
            {**here, "occurrence": incident.occurrence, "silence": incident.silence, "note": incident.silence_note,
             "tier": incident.tier, "under": under, "now": now},
        )  # fmt: skip


def hidden(db: Database, since: datetime | None) -> list[HiddenRow]:
    found = rows(
        db, "select * from hidden where :since is null or ended_at is null or ended_at >= :since order by id",
        {"since": since},
    )  # fmt: skip
    return [
        HiddenRow(
            fingerprint=each["fingerprint"], occurrence=each["occurrence"], silence=each["silence"], note=each["note"],
            tier=each["tier"], opened_under=bool(each["opened_under"]), began_at=time(each["began_at"]),
            ended_at=time_or_none(each["ended_at"]), outcome=each["outcome"],
        )
        for each in found
    ]  # fmt: skip
