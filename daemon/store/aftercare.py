"""What comes after applies, as rows: which runs are watched, how far that is, and what looks have seen meanwhile.

Functions of an open transaction or snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from checks.base import Json
from checks.runs.after import Look
from checks.runs.dora import Applied
from checks.runs.record import State
from checks.states.unrecorded import TOLD
from daemon.store.codec import dump, load, time, time_or_none
from daemon.store.incidents import LIVE_STATES
from daemon.store.sql import row, rows, run, upsert

SKIPPED, RUNNING, WATCHING, PLANNING, DONE = "skipped", "running", "watching", "planning", "done"
_KEPT, _BROKEN, _OPEN = "kept", "broken", "open"  # of the guideline's cycle
MOST = 20_000  # applies of one question
_UNDER_WAY = f"'{RUNNING}', '{WATCHING}', '{PLANNING}'"


@dataclass(frozen=True, slots=True)
class CareRow:
    """A run after which its stack is watched. *events*: of the run, when it was judged; *told*: whether *verdict* is
    in the run's readings already. *notes*: what is remembered from look to look."""

    run_id: str
    stack: str
    place: str
    workflow: str
    state: str
    began: datetime
    applied: datetime
    opened_at: datetime
    seen_at: datetime
    ended: datetime | None = None
    until: datetime | None = None
    looked_at: datetime | None = None
    planned_at: datetime | None = None
    health: str = ""
    verdict: Mapping[str, Json] = field(default_factory=dict)
    notes: Mapping[str, Json] = field(default_factory=dict)
    events: int = 0
    told: bool = True


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which an incident was open. *ended*: a look saw it well; None: it is not over, or nobody looks."""

    mark: str
    check: str
    place: str
    resource: str
    summary: str
    address: str
    verdict: str
    began: datetime
    ended: datetime | None
    first_look: bool


def candidates(db: Database, since: datetime, without: Sequence[str] = (), limit: int = 500) -> list[str]:
    """Runs on stacks, but for those of *without*, that go on, or of which something was heard since then, and of which
    it is not known yet whether their stack is to be watched; the one that was heard of last first."""
    found = rows(
        db,
        f"""select e.run_id from execution e left join aftercare a on a.run_id = e.run_id
        where e.stack <> '' and e.stack not in (select value from json_each(:without)) and e.place <> ''
        and (e.state = 'running' or e.heard_at >= :since)
        and (a.run_id is null or (a.state = '{SKIPPED}' and a.events <> e.events)
            or (a.state = '{DONE}' and a.events <> e.events and e.ended_at > a.ended))
        order by e.heard_at desc, e.run_id limit :limit""",  # noqa: S608 - literals of this module
        {"since": since, "without": json.dumps(list(without)), "limit": limit},
    )
    return [each["run_id"] for each in found]


def under_way(db: Database) -> list[CareRow]:
    """Those that are not done."""
    found = rows(db, f"select * from aftercare where state in ({_UNDER_WAY}) order by began, run_id")  # noqa: S608 - literals
    return [_care(each) for each in found]


def find(db: Database, run_id: str) -> CareRow | None:
    found = row(db, "select * from aftercare where run_id = :run_id", {"run_id": run_id})
    return None if found is None else _care(found)


def save(db: Database, kept: CareRow) -> None:
    upsert(
        db, "aftercare", ("run_id",),
        {
            "run_id": kept.run_id, "stack": kept.stack, "place": kept.place, "workflow": kept.workflow,
            "state": kept.state, "began": kept.began, "applied": kept.applied, "opened_at": kept.opened_at,
            "seen_at": kept.seen_at, "ended": kept.ended, "until": kept.until, "looked_at": kept.looked_at,
            "planned_at": kept.planned_at, "health": kept.health, "verdict": dump(kept.verdict),
            "notes": dump(kept.notes), "events": kept.events, "told": kept.told,
        },
    )  # fmt: skip


def untold(db: Database) -> list[str]:
    """Places of which the readings do not say yet what is known."""
    return [each["place"] for each in rows(db, "select distinct place from aftercare where told = 0 limit 1000")]


def told(db: Database, place: str) -> None:
    run(db, "update aftercare set told = 1 where place = :place and told = 0", {"place": place})


def at_place(db: Database, place: str, since: datetime, worse_since: datetime) -> list[CareRow]:
    """Those of a place that ended since then, the latest first; where something got worse: since longer ago."""
    found = rows(
        db,
        f"""select * from aftercare where place = :place and state <> '{SKIPPED}'
        and (ended is null or ended >= :since or (health = 'worse' and ended >= :worse_since))
        order by coalesce(ended, began) desc, run_id limit 200""",  # noqa: S608 - literals of this module
        {"place": place, "since": since, "worse_since": worse_since},
    )
    return [_care(each) for each in found]


def worse_at(db: Database, since: datetime) -> list[CareRow]:
    """Those of all places after which something got worse, and that ended since then."""
    found = rows(db, "select * from aftercare where health = 'worse' and ended >= :since", {"since": since})
    return [_care(each) for each in found]


def ended_between(db: Database, since: datetime, until: datetime) -> list[CareRow]:
    """Those that are done, and whose run ended between the two."""
    found = rows(
        db,
        f"""select * from aftercare where state = '{DONE}' and ended >= :since and ended < :until
        order by ended limit {MOST}""",  # noqa: S608 - literals of this module
        {"since": since, "until": until},
    )
    return [_care(each) for each in found]


def of_runs(db: Database, run_ids: Sequence[str]) -> dict[str, CareRow]:
    """By run, those of *run_ids* that there are."""
    found: dict[str, CareRow] = {}
    for start in range(0, len(run_ids), 500):
        some = {f"id{n}": each for n, each in enumerate(run_ids[start : start + 500])}
        marks = ", ".join(f":{name}" for name in some)
        query = f"select * from aftercare where state <> '{SKIPPED}' and run_id in ({marks})"  # noqa: S608 - placeholders
        found |= {each["run_id"]: _care(each) for each in rows(db, query, some)}
    return found


def others(db: Database, stack: str, run_id: str, since: datetime, until: datetime) -> list[str]:
    """Other runs that applied to the stack, or may, and whose time, the watch after them included, meets this one."""
    found = rows(
        db,
        f"""select run_id from aftercare where stack = :stack and run_id <> :run_id and state <> '{SKIPPED}'
        and health <> 'unchanged' and applied <= :until and (until is null or until >= :since)
        order by began, run_id limit 20""",  # noqa: S608 - literals of this module
        {"stack": stack, "run_id": run_id, "since": since, "until": until},
    )
    return [each["run_id"] for each in found]


def looks(db: Database, places: Iterable[tuple[str, str]], since: datetime) -> list[Look]:
    """Looks at *places* that ended since then, and the last one before that which was a success, oldest first."""
    found: list[Look] = []
    for check, place in places:
        asked = {"check": check, "place": place, "since": since}
        chosen = rows(
            db,
            """select * from (select * from run where check_name = :check and place = :place and outcome = 'ok'
                and ended < :since order by id desc limit 1)
            union all
            select * from run where check_name = :check and place = :place and ended >= :since order by ended, id""",
            asked,
        )
        for each in chosen:
            why = "" if each["outcome"] == "ok" else ": ".join(filter(None, (each["reason"], each["detail"])))
            failed = "" if each["outcome"] == "ok" else why or "failed"
            found.append(Look(check, place, time(each["started"]), time(each["ended"]), failed))
    return found


def spells(db: Database, stack: str, checks: Sequence[str], since: datetime) -> list[Spell]:
    """When incidents of a stack's own were open, as far as that was not over before *since*."""
    marks = {f"check{n}": check for n, check in enumerate(checks)}
    names = ", ".join(f":{name}" for name in marks)
    found = rows(
        db,
        f"""select * from incident where check_name in ({names}) and json_extract(labels, '$.stack') = :stack
        and (state in ({LIVE_STATES}) or changed_at >= :since) order by fingerprint limit 2000""",  # noqa: S608 - placeholders
        {**marks, "stack": stack, "since": since},
    )
    told: list[Spell] = []
    for each in found:
        history = rows(
            db,
            """select action, at, summary from transition where fingerprint = :mark
            and action in ('open', 'reopen', 'resolve', 'retire') order by seq""",
            {"mark": each["fingerprint"]},
        )
        told += [one for one in _spells(each, history) if one.ended is None or one.ended >= since]
    return told


def _spells(incident: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[Spell]:
    told: list[Spell] = []
    began: tuple[datetime, str, bool] | None = None
    address = str(load(incident["labels"]).get("address", ""))

    def spell(ended: datetime | None) -> Spell:
        assert began is not None
        at, summary, first = began
        return Spell(
            incident["fingerprint"], incident["check_name"], incident["place"], incident["resource"], summary, address,
            incident["verdict"], at, ended, first,
        )  # fmt: skip

    for each in history:
        at = time(each["at"])
        if each["action"] in ("open", "reopen"):
            first = each["action"] == "open" and bool(incident["baseline"])
            began = (at, each["summary"], first)
        elif began is not None:
            told.append(spell(at if each["action"] == "resolve" else None))
            began = None
    if began is not None:
        told.append(spell(None))
    return told


def with_verdict(db: Database, spell: Spell, verdicts: Collection[str]) -> list[Spell]:
    """The parts of a spell in which its resource was said to be one of *verdicts*: an incident goes on where a disk
    that filled is full, and where it only fills again. A look that could not see it changes nothing."""
    history = rows(
        db,
        """select at, verdict, summary from verdict_change where check_name = :check and place = :place
        and resource = :resource and outcome in ('healthy', 'unhealthy') order by id""",
        {"check": spell.check, "place": spell.place, "resource": spell.resource},
    )
    told = [(time(each["at"]), each["verdict"], each["summary"]) for each in history]
    first = next((verdict for at, verdict, _ in reversed(told) if at <= spell.began), None)
    if first is None:  # what it was then is kept no longer
        first = told[0][1] if told else spell.verdict
    changes = [(spell.began, first, spell.summary), *(one for one in told if one[0] > spell.began)]
    found: list[Spell] = []
    open_: Spell | None = None
    for at, verdict, summary in changes:
        if spell.ended is not None and at >= spell.ended:
            break
        if verdict in verdicts and open_ is None:
            first_look = spell.first_look and at == spell.began
            open_ = replace(spell, began=at, summary=summary, verdict=verdict, first_look=first_look)
        elif verdict not in verdicts and open_ is not None:
            found.append(replace(open_, ended=at))
            open_ = None
    return [*found, open_] if open_ is not None else found


def seen_after(db: Database, mark: str, since: datetime) -> bool:
    """Whether a look after *since* has seen an incident, which is not over."""
    query = f"select 1 from incident where fingerprint = :mark and state in ({LIVE_STATES}) and last_seen > :since"  # noqa: S608 - literals
    return row(db, query, {"mark": mark, "since": since}) is not None


def end_of(
    db: Database, mark: str, since: datetime, signs: Mapping[str, Collection[str]]
) -> tuple[datetime | None, bool] | None:
    """When an incident that was open at *since* was over, or of a verdict that is none of *signs* (by check), and
    whether because nobody looks any more; None: it is not.

    One that nobody looks at has no end.
    """
    eased = _eased(db, mark, since, signs)
    if eased is not None:
        return eased, False
    found = row(
        db,
        """select action, at from transition where fingerprint = :mark and at > :since
        and action in ('resolve', 'retire') order by seq limit 1""",
        {"mark": mark, "since": since},
    )
    if found is None:
        return None
    return (None, True) if found["action"] == "retire" else (time(found["at"]), False)


def _eased(db: Database, mark: str, since: datetime, signs: Mapping[str, Collection[str]]) -> datetime | None:
    """When a look saw the resource of an incident with a verdict that is no sign, for the first time after *since*."""
    about = row(db, "select check_name, place, resource from incident where fingerprint = :mark", {"mark": mark})
    if about is None:
        return None
    found = row(
        db,
        """select at from verdict_change where check_name = :check_name and place = :place and resource = :resource
        and at > :since and outcome in ('healthy', 'unhealthy')
        and verdict not in (select value from json_each(:signs)) order by id limit 1""",
        {**about, "since": since, "signs": json.dumps(sorted(signs.get(about["check_name"], ())))},
    )
    return None if found is None else time(found["at"])


def in_sync_since(db: Database, check: str, place: str, since: datetime) -> datetime | None:
    """When a look first saw a place well again after *since*."""
    found = row(
        db,
        """select at from verdict_change where check_name = :check and place = :place and resource = :place
        and at > :since and outcome = 'healthy' order by id limit 1""",
        {"check": check, "place": place, "since": since},
    )
    return None if found is None else time(found["at"])


def verdict_before(db: Database, check: str, place: str, moment: datetime) -> str:
    """The verdict of a place's own resource at a moment; empty: not known."""
    found = row(
        db,
        """select verdict from verdict_change where check_name = :check and place = :place and resource = :place
        and at < :moment order by id desc limit 1""",
        {"check": check, "place": place, "moment": moment},
    )
    return "" if found is None else str(found["verdict"])


def set_cycle(db: Database, run_id: str, *, adheres: bool | None) -> None:
    """Note whether an apply kept to the guideline's cycle; None: it cannot be told yet."""
    word = _OPEN if adheres is None else _KEPT if adheres else _BROKEN
    run(db, "update aftercare set cycle = :word where run_id = :run_id", {"word": word, "run_id": run_id})


def applied(db: Database, since: datetime, until: datetime) -> list[Applied]:
    """Runs that applied to production and ended between the two, the oldest first; without what changed nothing."""
    found = rows(
        db,
        f"""select a.run_id, a.stack, a.place, a.workflow, a.ended, a.health, a.verdict, a.cycle, a.notes, e.state,
        e.seconds, e.counts from aftercare a join execution e on e.run_id = a.run_id
        where a.ended >= :since and a.ended < :until and a.state <> '{SKIPPED}' and a.health <> 'unchanged'
        and (e.state in ('succeeded', 'failed', 'lost') or (e.state = 'cancelled' and (e.decides = 1
            or coalesce(json_extract(e.counts, '$.added'), 0) + coalesce(json_extract(e.counts, '$.changed'), 0)
                + coalesce(json_extract(e.counts, '$.destroyed'), 0) > 0)))
        order by a.ended, a.run_id limit {MOST}""",  # noqa: S608 - literals of this module
        {"since": since, "until": until},
    )
    return [_applied(each) for each in found]


def _applied(found: Mapping[str, Any]) -> Applied:
    counts, told = load(found["counts"]), load(found["verdict"])
    worse, cost = told.get("worse") or [], load(found["notes"]).get("cost") or {}
    since = [time(one["since"]) for one in worse]
    over = [time(one["until"]) for one in worse if one.get("until")]
    committed = counts.get("committed_at")
    return Applied(
        found["run_id"], found["stack"], found["place"], State(found["state"]), time(found["ended"]), found["health"],
        min(since, default=None), max(over) if over and len(over) == len(worse) else None,
        counts.get("commit") or "", time(committed) if committed else None, found["seconds"],
        {_KEPT: True, _BROKEN: False}.get(found["cycle"]), found["cycle"] != "", found["workflow"],
        told.get("text") or "", cost.get("difference"), cost.get("text") or "",
    )  # fmt: skip


def unrecorded(db: Database, since: datetime, until: datetime) -> list[tuple[str, datetime]]:
    """(stack, when it was seen) of changes to production that no recorded run explains, but for those that one
    explained after all: these were resolved before they had been told of for as long as they are."""
    found = rows(
        db,
        f"""select first_seen, state, resolved_at, json_extract(labels, '$.stack') as stack from incident
        where check_name = 'state' and kind = 'security_violation' and key like 'change:%'
        and first_seen >= :since and first_seen < :until order by first_seen, fingerprint limit {MOST}""",  # noqa: S608 - literals
        {"since": since, "until": until},
    )
    return [
        (each["stack"], time(each["first_seen"]))
        for each in found
        if each["stack"] and not (each["state"] == "resolved" and _explained(each["first_seen"], each["resolved_at"]))
    ]


def _explained(seen: str, resolved: str | None) -> bool:
    return resolved is not None and time(resolved) - time(seen) < TOLD - timedelta(days=1)


def _care(found: Mapping[str, Any]) -> CareRow:
    return CareRow(
        run_id=found["run_id"], stack=found["stack"], place=found["place"], workflow=found["workflow"],
        state=found["state"], began=time(found["began"]), applied=time(found["applied"]),
        opened_at=time(found["opened_at"]), seen_at=time(found["seen_at"]), ended=time_or_none(found["ended"]),
        until=time_or_none(found["until"]), looked_at=time_or_none(found["looked_at"]),
        planned_at=time_or_none(found["planned_at"]), health=found["health"], verdict=load(found["verdict"]),
        notes=load(found["notes"]), events=found["events"], told=bool(found["told"]),
    )  # fmt: skip
