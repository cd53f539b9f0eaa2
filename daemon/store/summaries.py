"""Summaries of first looks: which is the latest, and what it is to tell of. Functions of an open transaction."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from alerts.base import Incident
from alerts.baseline import Begun, Summary, list_of
from daemon.store.codec import dump, load, time, time_text
from daemon.store.incidents import LIVE_STATES, incident_of
from daemon.store.sql import row, rows, run, upsert

LATEST = "baseline_summary"  # in meta


def unannounced(db: Database) -> bool:
    found = row(
        db, f"select 1 from incident where baseline = 1 and announced = 0 and state in ({LIVE_STATES}) limit 1"  # noqa: S608 - literals of this module
    )  # fmt: skip
    return found is not None


def baseline(db: Database, since: datetime | None) -> list[Incident]:
    """Live incidents of a first look that no message has told of, and those that were first seen at *since* or later.

    None: only those that no message has told of.
    """
    found = rows(
        db,
        f"""select * from incident where baseline = 1 and state in ({LIVE_STATES})
        and (announced = 0 or first_seen >= :since) order by opened_at, fingerprint""",  # noqa: S608 - literals of this module
        {"since": since},
    )
    return [incident_of(each) for each in found]


def latest(db: Database) -> Begun | None:
    """The latest summary, in the channel in which it is now; None: there is none any more."""
    kept = row(db, "select value from meta where key = :key", {"key": LATEST})
    if kept is None:
        return None
    facts = load(kept["value"])
    thread = row(db, "select channel from thread where subject = :s", {"s": facts["subject"]})
    if thread is None:
        return None
    return Begun(
        facts["subject"], thread["channel"], time(facts["since"]), time(facts["opened_at"]), int(facts["said"])
    )


def save(db: Database, summary: Summary, now: datetime) -> None:
    """Remember it, and that its lists go into its thread."""
    begun = summary.begun
    facts = {
        "subject": begun.subject, "since": time_text(begun.since), "opened_at": time_text(begun.opened_at),
        "said": begun.said,
    }  # fmt: skip
    upsert(db, "meta", ("key",), {"key": LATEST, "value": dump(facts)})
    for number in range(begun.said):
        run(
            db,
            """insert into thread (subject, channel, root_ts, created_at, parent)
            values (:subject, :channel, '', :now, :parent) on conflict (subject) do nothing""",
            {
                "subject": list_of(begun.subject, number) if number else begun.subject, "channel": begun.channel,
                "now": now, "parent": begun.subject if number else "",
            },
        )  # fmt: skip
