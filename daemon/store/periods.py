"""What the store knows of any period: the questions that the compliance report asks, each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from checks.base import Json
from daemon.store import executions
from daemon.store.codec import load, time, time_or_none
from daemon.store.executions import ExecutionRow
from daemon.store.read import Reader
from daemon.store.sql import row, rows
from daemon.store.weeks import began_of, silent_in

MOST = 5_000  # rows of one question


@dataclass(frozen=True, slots=True)
class Opened:
    """An incident that was opened, or came back, in the period; as it stands now."""

    fingerprint: str
    at: datetime
    check: str
    kind: str
    tier: str
    stack: str
    place: str
    summary: str
    state: str
    key: str
    cause: str
    verdict: str
    who: str
    first_look: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of a stack: the last that was kept until the period began, and until it ended; None: none was."""

    stack: str
    before: float | None
    before_at: datetime | None
    after: float | None
    after_at: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """All of it. *began*: when Barograph first looked; *trail_from*: the oldest row of the audit trail."""

    runs: tuple[ExecutionRow, ...]
    more_runs: bool
    opened: tuple[Opened, ...]
    more_opened: bool
    scores: tuple[Scored, ...]
    silent: tuple[tuple[datetime, datetime], ...]
    began: datetime | None
    trail_from: datetime | None
    actions: Mapping[str, int]  # of the trail's rows in the period
    places: tuple[Mapping[str, str], ...]  # labels of all places with a stack
    checks: Mapping[str, bool] = field(default_factory=dict)  # check -> whether a look of it has ever succeeded
    looks: int = 0  # that ended in the period, well or not
    ran_at: tuple[
        tuple[str, str], ...
    ] = ()  # stack and component of what went on in the period, begun before it or not
    blind: tuple[tuple[str, str, int, str], ...] = ()  # check, place, looks that failed in the period, why the last did


def known(view: Reader, starts: datetime, ends: datetime, as_of: datetime) -> Known:
    """What is known of a period; what has not happened yet at *as_of* is not."""
    bounds = {"starts": starts, "ends": min(ends, as_of), "most": MOST + 1}
    runs = rows(
        view.db,
        """select run_id from execution where started_at >= :starts and started_at < :ends
        order by started_at, run_id limit :most""",
        bounds,
    )
    found = [executions.find(view.db, each["run_id"]) for each in runs[:MOST]]
    opened = list(_opened(view, bounds))
    trail = row(view.db, "select min(at) as at from audit")
    actions = rows(
        view.db, "select action, count(*) as n from audit where at >= :starts and at < :ends group by action",
        bounds,
    )  # fmt: skip
    places = rows(
        view.db,
        """select distinct stack, component from execution where stack <> '' and started_at < :ends
        and heard_at >= :starts order by stack, component""",
        bounds,
    )
    looks = row(view.db, "select count(*) as n from run where ended >= :starts and ended < :ends", bounds)
    jobs = view.jobs()
    ever: dict[str, bool] = {}
    for job in jobs:
        ever[job.check] = ever.get(job.check, False) or job.first_ok is not None
    return Known(
        tuple(each for each in found if each is not None), len(runs) > MOST, tuple(opened[:MOST]),
        len(opened) > MOST, tuple(_scores(view, bounds)),
        tuple(silent_in(view.db, (starts, min(ends, as_of)))) if as_of > starts else (), began_of(view.db),
        time_or_none(trail["at"]) if trail is not None else None,
        {each["action"]: each["n"] for each in actions},
        tuple(dict(job.labels) for job in jobs if job.labels.get("stack")), ever, looks["n"] if looks else 0,
        tuple((each["stack"], each["component"]) for each in places), tuple(_blind(view, bounds)),
    )  # fmt: skip


def _opened(view: Reader, bounds: Mapping[str, object]) -> Iterable[Opened]:
    found = rows(
        view.db,
        """select i.fingerprint, t.at, i.check_name, i.kind, t.tier, i.labels, i.place, i.summary, i.state, i.key,
            i.cause, i.verdict, i.evidence, i.baseline and t.seq = 1 as first_look
        from transition t join incident i on i.fingerprint = t.fingerprint
        where t.action in ('open', 'reopen') and t.at >= :starts and t.at < :ends
        and (i.check_name in ('access', 'execution', 'state') or i.kind = 'security_violation')
        order by t.at, t.id limit :most""",
        bounds,
    )
    for each in found:
        labels, evidence = load(each["labels"]), load(each["evidence"])
        yield Opened(
            each["fingerprint"], time(each["at"]), each["check_name"], each["kind"], each["tier"],
            str(labels.get("stack") or ""), each["place"], each["summary"], each["state"], each["key"], each["cause"],
            each["verdict"], _who(evidence), bool(each["first_look"]),
        )  # fmt: skip


def _who(evidence: Mapping[str, Json]) -> str:
    said = evidence.get("likely_who") or evidence.get("who") or evidence.get("actor") or ""
    return said if isinstance(said, str) else ""


def _scores(view: Reader, bounds: Mapping[str, object]) -> Iterable[Scored]:
    found = rows(
        view.db,
        """select subject, at, value, at < :starts as early from measure
        where name = 'score_ratio' and at < :ends order by subject, at""",
        bounds,
    )
    before: dict[str, tuple[float, datetime]] = {}
    after: dict[str, tuple[float, datetime]] = {}
    for each in found:
        (before if each["early"] else after)[each["subject"]] = (each["value"], time(each["at"]))
    for stack in sorted({*before, *after}):
        first, last = before.get(stack), after.get(stack)
        yield Scored(
            stack, first[0] if first else None, first[1] if first else None, last[0] if last else None,
            last[1] if last else None,
        )  # fmt: skip


def _blind(view: Reader, bounds: Mapping[str, object]) -> Iterable[tuple[str, str, int, str]]:
    """Looks that failed, by place, the most often failed first."""
    found = rows(
        view.db,
        """select check_name, place, count(*) as n, detail, max(id) from run
        where outcome <> 'ok' and ended >= :starts and ended < :ends group by check_name, place
        order by n desc, check_name, place limit 200""",
        bounds,
    )
    return [(each["check_name"], each["place"], each["n"], each["detail"]) for each in found]
