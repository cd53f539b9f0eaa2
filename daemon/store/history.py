"""What happened over a time, for a replay: functions of a snapshot, which change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlite_utils import Database

from alerts.base import DeliveryState, Transition
from alerts.replay import Sent
from alerts.silences import Silence
from daemon.store import incidents
from daemon.store.codec import time
from daemon.store.read import Reader
from daemon.store.sql import row, rows


def transitions(view: Reader) -> list[Transition]:
    """Every stored transition, oldest first."""
    return [incidents.transition_of(each) for each in rows(view.db, "select * from transition order by id")]


def sent(view: Reader, since: datetime) -> list[Sent]:
    """The messages stored since, and all summaries of first looks; without their texts, which can be large.

    Data is escaped in a text, so that "<!" or "<@" in it is a mention.
    """
    found = rows(
        view.db,
        """select dedupe_key, subject, kind, channel, state, created_at,
            json_extract(body, '$.text') like '%<!%' or json_extract(body, '$.text') like '%<@%' as mentions,
            channel like 'sink:%' and json_extract(body, '$.action') = 'trigger' as page
        from delivery where created_at >= :since or subject like 'baseline:%' order by number""",
        {"since": since},
    )
    return [
        Sent(
            each["dedupe_key"], each["subject"], each["kind"], each["channel"], DeliveryState(each["state"]),
            time(each["created_at"]), bool(each["mentions"]), bool(each["page"]),
        )
        for each in found
    ]  # fmt: skip


def silences(view: Reader) -> tuple[Silence, ...]:
    """What people silenced, each until it really ended."""
    return tuple(
        one if one.removed_at is None
        else replace(one, ends_at=min(one.ends_at, one.removed_at), removed_at=None)
        for one in view.silences()
    )  # fmt: skip


def oldest_transition(db: Database) -> datetime | None:
    """How far back transitions go; None: there is none."""
    found = row(db, "select min(at) as at from transition")
    return None if found is None or found["at"] is None else time(found["at"])
