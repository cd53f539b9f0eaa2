"""Incidents and their transitions: rows there and back. Functions of an open transaction or snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from alerts.base import LIVE, Action, Copy, Flap, Incident, IncidentState, Transition
from alerts.flapping import Flapping
from alerts.flapping import next_at as flap_due
from checks.base import Kind, Tier
from daemon.store.codec import dump, load, time, time_or_none
from daemon.store.sql import row, rows, run, upsert

RULES = Flapping()
LIVE_STATES = ", ".join(sorted(f"'{state.value}'" for state in LIVE))  # for `state in (…)`


def save(db: Database, incident: Incident) -> None:
    i = incident
    values: dict[str, object] = {
        "fingerprint": i.fingerprint, "check_name": i.check, "place": i.place, "resource": i.resource, "key": i.key,
        "kind": i.kind, "tier": i.tier, "tier_reason": i.tier_reason, "state": i.state, "summary": i.summary,
        "first_seen": i.first_seen, "opened_at": i.opened_at, "last_seen": i.last_seen, "changed_at": i.changed_at,
        "occurrence": i.occurrence, "seq": i.seq, "baseline": i.baseline, "announced": i.announced, "cause": i.cause,
        "remedy": i.remedy, "addresses": dump(i.addresses), "labels": dump(i.labels), "evidence": dump(i.evidence),
        "resolved_at": i.resolved_at, "channel": i.channel, "thread": i.thread,
        "copies": dump([[copy.channel, copy.subject, copy.left] for copy in i.copies]),
        "not_seen_because": i.not_seen_because, "verdict": i.verdict, "sinks": dump(i.sinks),
        "ack_by": i.ack_by, "ack_at": i.ack_at,
        "ack_until": i.ack_until, "clock_from": i.clock_from, "deadline_at": i.deadline_at,
        "escalated_level": i.escalated_level, "promoted": i.promoted, "escalation": i.escalation,
        "escalation_channel": i.escalation_channel, "silence": i.silence, "silence_note": i.silence_note,
        "silenced_until": i.silenced_until, "flap": _flap_text(i.flap), "flap_due": flap_due(i, RULES),
    }  # fmt: skip
    upsert(db, "incident", ("fingerprint",), values)


def insert_transition(db: Database, transition: Transition) -> None:
    t = transition
    run(
        db,
        """insert into transition (fingerprint, seq, at, action, reason, before, after, tier, summary)
        values (:fingerprint, :seq, :at, :action, :reason, :before, :after, :tier, :summary)""",
        {
            "fingerprint": t.fingerprint,
            "seq": t.seq,
            "at": t.at,
            "action": t.action,
            "reason": t.reason,
            "before": t.before,
            "after": t.after,
            "tier": t.tier,
            "summary": t.summary,
        },
    )


def of_job(db: Database, check: str, place: str) -> dict[str, Incident]:
    found = rows(
        db,
        "select * from incident where check_name = :check and place = :place order by opened_at, fingerprint",
        {"check": check, "place": place},
    )
    return {row["fingerprint"]: incident_of(row) for row in found}


def find(db: Database, fingerprint: str) -> Incident | None:
    found = row(db, "select * from incident where fingerprint = :f", {"f": fingerprint})
    return None if found is None else incident_of(found)


def pressing(db: Database, now: datetime) -> list[Incident]:
    """Incidents for which something is due, the longest due first: live ones, and flapping ones that have ended too."""
    found = rows(
        db,
        # The plus keeps SQLite from going through all live ones: of those that are due there are few.
        f"""select * from incident where +state in ({LIVE_STATES}) and deadline_at <= :now
        union select * from incident where flap_due <= :now or flap_due > :far
        order by deadline_at, fingerprint""",  # noqa: S608 - literals of this module
        {"now": now, "far": now + RULES.quiet_for},
    )
    return [incident_of(each) for each in found]


def waiting(db: Database, sink: str) -> list[Incident]:
    """Incidents whose own messages to Slack wait, and which *sink* does not hold as open; most urgent first.

    None that somebody has in hand, and none that is silenced.
    """
    found = rows(
        db,
        """select * from incident i where state = 'open' and silence = ''
        and not exists (select 1 from json_each(i.sinks) s where s.value = :sink)
        and i.thread in (select subject from delivery where state = 'pending' and kind <> 'event')
        order by case tier when 'critical' then 0 when 'warning' then 1 else 2 end, opened_at, fingerprint""",
        {"sink": sink},
    )
    return [incident_of(row) for row in found]


def _flap_text(flap: Flap) -> str:
    if flap == Flap():
        return ""
    return dump({"changes": flap.changes, "since": flap.since, "told_at": flap.told_at, "owed": flap.owed,
                 "count": flap.count})  # fmt: skip


def _flap_of(text: str) -> Flap:
    if not text:
        return Flap()
    kept = load(text)
    return Flap(
        tuple(map(time, kept["changes"])), time_or_none(kept["since"]), time_or_none(kept["told_at"]), kept["owed"],
        kept["count"],
    )  # fmt: skip


def incident_of(row: Mapping[str, Any]) -> Incident:
    return Incident(
        fingerprint=row["fingerprint"], check=row["check_name"], place=row["place"], resource=row["resource"],
        key=row["key"], kind=Kind(row["kind"]), tier=Tier(row["tier"]), tier_reason=row["tier_reason"],
        state=IncidentState(row["state"]), summary=row["summary"], first_seen=time(row["first_seen"]),
        opened_at=time(row["opened_at"]), last_seen=time(row["last_seen"]), changed_at=time(row["changed_at"]),
        occurrence=row["occurrence"], seq=row["seq"], baseline=bool(row["baseline"]),
        announced=bool(row["announced"]), cause=row["cause"], remedy=row["remedy"],
        addresses=tuple(load(row["addresses"])), labels=load(row["labels"]), evidence=load(row["evidence"]),
        resolved_at=time_or_none(row["resolved_at"]), channel=row["channel"], thread=row["thread"],
        copies=tuple(Copy(*copy) for copy in load(row["copies"])),
        not_seen_because=row["not_seen_because"], verdict=row["verdict"], sinks=tuple(load(row["sinks"])),
        ack_by=row["ack_by"], ack_at=time_or_none(row["ack_at"]), ack_until=time_or_none(row["ack_until"]),
        clock_from=time_or_none(row["clock_from"]), deadline_at=time_or_none(row["deadline_at"]),
        escalated_level=row["escalated_level"], promoted=bool(row["promoted"]), escalation=row["escalation"],
        escalation_channel=row["escalation_channel"], silence=row["silence"], silence_note=row["silence_note"],
        silenced_until=time_or_none(row["silenced_until"]), flap=_flap_of(row["flap"]),
    )  # fmt: skip


def transition_of(row: Mapping[str, Any]) -> Transition:
    return Transition(
        fingerprint=row["fingerprint"], seq=row["seq"], at=time(row["at"]), action=Action(row["action"]),
        reason=row["reason"], before=row["before"], after=row["after"], tier=Tier(row["tier"]),
        summary=row["summary"],
    )  # fmt: skip
