"""The one place that asks the store for a report: numbers by week, and the rows that a person should see.

Each question reads an index once; none reads a message's body or all evidence there is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import fsum
from typing import Any

from sqlite_utils import Database

from alerts.announce import OF_THE_BASELINE
from checks.base import Json, Tier
from checks.runs.dora import BACK
from daemon.store import aftercare
from daemon.store import week_rows as given
from daemon.store.codec import bind, load, time, time_text
from daemon.store.incidents import LIVE_STATES, incident_of
from daemon.store.read import Reader, reading_of
from daemon.store.sql import row, rows
from daemon.store.week_runs import executions
from daemon.store.week_sql import MOST, RANK, WHERE, numbered

TARGETS: Mapping[Tier, timedelta] = {Tier.CRITICAL: timedelta(minutes=15), Tier.WARNING: timedelta(hours=24)}
SILENT = timedelta(hours=2, minutes=30)  # Barograph records a look at itself every hour
# An incident that comes back is no baseline any more, but what it was then stays so.
_FIRST_LOOK = f"t.action = 'open' and t.reason like '%; no message: {OF_THE_BASELINE}%'"
# Values of readings that a report shows.
_SHOWN = (
    "not_after_timestamp_seconds", "domain_expiry_timestamp_seconds", "support_end_timestamp_seconds",
    "commitment_end_timestamp_seconds", "usage_ratio", "last_recovery_timestamp_seconds", "savings_monthly_usd",
    "forecast_usd", "budget_limit_usd", "anomaly_impact_usd", "week_usd", "score_ratio", "violations_suppressed",
    "lock_created_timestamp_seconds", "jobs_failed", "ignore_rules_expired",
)  # fmt: skip


def facts(reader: Reader, weeks: Sequence[tuple[datetime, datetime]], as_of: datetime) -> given.Facts:
    """Everything that a report about the last of *weeks* needs; they follow one another, the oldest first."""
    db = reader.db
    last = len(weeks) - 1
    ends = [end for _, end in weeks]
    moved, repaired, answered = _replayed(db, weeks, as_of)
    return given.Facts(
        weeks=tuple(weeks), as_of=as_of, began=began_of(db), jobs=tuple(reader.jobs()), moved=tuple(moved),
        repaired=tuple(repaired), answered=tuple(answered),
        standing=tuple(_standing(db, weeks)), open=tuple(_open(db, ends[last])), ended=tuple(_ended(db, weeks[last])),
        baseline=tuple(_baseline(db, ends)), looks=_looks(db, weeks), late=_late(db, weeks[-2:], last),
        silent=tuple(silent_in(db, weeks[last])), sent=tuple(_sent(db, weeks)), verdicts=tuple(_verdicts(db, ends)),
        readings=tuple(_readings(db)), bills=bills_of(db),
        measures=tuple(measures(db, (weeks[0][0] - timedelta(days=1)).date(), (ends[last] + timedelta(days=1)).date())),
        hidden=tuple(_hidden(db, weeks[last])), executions=tuple(executions(db, weeks)),
        applied=tuple(aftercare.applied(db, weeks[0][0] - BACK, ends[last])),
        unrecorded=tuple(aftercare.unrecorded(db, weeks[0][0], ends[last])),
    )  # fmt: skip


def began_of(db: Database) -> datetime | None:
    """When Barograph first looked at anything; None: it has not."""
    found = row(
        db,
        """select min(at) as at from (select min(first_ok) as at from job union all select min(started) from run
        union all select min(first_seen) from incident)""",
    )
    return None if found is None or found["at"] is None else time(found["at"])


def _replayed(
    db: Database, weeks: Sequence[tuple[datetime, datetime]], as_of: datetime
) -> tuple[Sequence[given.Moved], Sequence[given.Repaired], Sequence[given.Answered]]:
    """What incidents did in each week, how long they took to be over, and to be answered: one pass in order of time."""
    known = {
        each["fingerprint"]: (each["kind"], each["check_name"], bool(each["baseline"]))
        for each in rows(db, "select fingerprint, kind, check_name, baseline from incident")
    }
    replay = _Replay(db, [time_text(end) for _, end in weeks], known)
    cursor = db.execute(
        f"""select fingerprint, seq, at, action, tier, {_FIRST_LOOK} from transition t
        where at >= :first and action <> 'update' order by at, id""",  # noqa: S608 - literals of this module
        bind({"first": weeks[0][0]}),
    )
    for each in cursor:
        replay.take(*each)
    return replay.result(as_of)


class _Replay:
    """The transitions of some weeks, taken one by one, oldest first. *ends*: of the weeks, as text."""

    def __init__(self, db: Database, ends: Sequence[str], known: Mapping[str, tuple[str, str, bool]]) -> None:
        self._db = db
        self._ends = ends
        self._known = known
        self._week = 0
        self._began: dict[str, str] = {}  # fingerprint -> when it opened last
        self._first_look: dict[str, bool] = {}  # fingerprint -> whether that was at a first look
        self._asked: dict[str, tuple[int, str, str]] = {}  # fingerprint -> (week, tier, when): opened, not answered yet
        self._moved: Counter[tuple[int, str, str, str, str, bool]] = Counter()
        self._repaired: dict[tuple[int, str], list[float]] = defaultdict(list)
        self._answered: dict[tuple[int, str], list[float]] = defaultdict(list)

    def take(self, mark: str, seq: int, at: str, action: str, tier: str, told_so: int) -> None:
        while self._week < len(self._ends) and at >= self._ends[self._week]:
            self._week += 1
        week = self._week if self._week < len(self._ends) else None
        kind, check, baseline = self._known[mark]
        if action in ("open", "reopen"):
            self._began[mark] = at
            first_look = self._first_look[mark] = action == "open" and (baseline or bool(told_so))
            if week is not None and not first_look and Tier(tier) in TARGETS:
                self._asked[mark] = (week, tier, at)
        elif action in ("acknowledge", "resolve", "retire"):
            asked = self._asked.pop(mark, None)
            if asked is not None and action != "retire":
                self._answered[asked[0], asked[1]].append(_seconds(asked[2], at))
        if week is None:
            return
        if action == "resolve":
            began, first_look = self._opened(mark, seq, baseline)
            if began is not None and not first_look:
                self._repaired[week, tier].append(_seconds(began, at))
        if action in ("open", "reopen", "resolve", "retire"):
            first_look = action == "open" and self._first_look[mark]
            self._moved[week, action, tier, kind, check, first_look] += 1

    def _opened(self, mark: str, seq: int, baseline: bool) -> tuple[str | None, bool]:
        """When an incident that ends had opened, and whether that was at a first look."""
        if mark not in self._began:
            at, action, told_so = _opened(self._db, mark, seq)
            return at, action != "reopen" and (baseline or told_so)
        return self._began[mark], self._first_look[mark]

    def result(
        self, as_of: datetime
    ) -> tuple[Sequence[given.Moved], Sequence[given.Repaired], Sequence[given.Answered]]:
        moved = [
            given.Moved(week, action, Tier(tier), kind, check, first_look, count)
            for (week, action, tier, kind, check, first_look), count in sorted(self._moved.items())
        ]
        repaired = [
            given.Repaired(week, Tier(tier), len(took), fsum(took) / len(took))
            for (week, tier), took in sorted(self._repaired.items())
        ]
        open_: dict[tuple[int, str], list[float]] = defaultdict(list)
        now = time_text(as_of)
        for week, tier, at in self._asked.values():
            open_[week, tier].append(_seconds(at, now))
        answered = []
        for key in sorted(self._answered.keys() | open_.keys()):
            took, ages, target = self._answered.get(key, []), open_.get(key, []), TARGETS[Tier(key[1])].total_seconds()
            answered.append(
                given.Answered(
                    key[0], Tier(key[1]), len(took) + len(ages), len(took), fsum(took) / len(took) if took else None,
                    sum(each <= target for each in took), sum(each < target for each in ages),
                )
            )  # fmt: skip
        return moved, repaired, answered


def _seconds(start: str, end: str) -> float:
    return (time(end) - time(start)).total_seconds()


def _opened(db: Database, mark: str, seq: int) -> tuple[str | None, str, bool]:
    """When and how an incident that ended in the weeks had opened before them, and whether it was told as baseline."""
    found = row(
        db,
        f"""select at, action, {_FIRST_LOOK} as told_so from transition t
        where fingerprint = :mark and seq < :seq and action in ('open', 'reopen') order by seq desc limit 1""",  # noqa: S608 - literals of this module
        {"mark": mark, "seq": seq},
    )
    return (None, "", False) if found is None else (str(found["at"]), str(found["action"]), bool(found["told_so"]))


# What could be live at a time: not over before it. Where it stood then, its last transition before that time says.
_THEN = """(select t.tier || ' ' || t.after from transition t where t.fingerprint = c.fingerprint and t.at < {end}
    order by t.seq desc limit 1)"""


def _standing(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Iterable[given.Standing]:
    found = rows(
        db,
        f"""with {numbered(weeks)},
        c as materialized (
            select fingerprint, check_name, kind, first_seen, case when state in ({LIVE_STATES}) then '9' else
                coalesce(resolved_at, changed_at) end as over from incident
            where state in ({LIVE_STATES}) or coalesce(resolved_at, changed_at) >= :first),
        then_ as (
            select w.week, c.check_name, c.kind, {_THEN.format(end="w.ends")} as stood
            from w cross join c on c.first_seen < w.ends and c.over >= w.ends)
        select week, stood, check_name, kind, count(*) as count from then_
        where stood like '% open' or stood like '% acknowledged' group by 1, 2, 3, 4 order by 1, 2, 3, 4""",  # noqa: S608 - literals
        {"first": weeks[0][1]},
    )
    for each in found:
        tier, state = each["stood"].split(" ")
        yield given.Standing(
            each["week"], Tier(tier), state == "acknowledged", each["kind"], each["check_name"], each["count"]
        )


def _open(db: Database, end: datetime) -> Iterable[given.Item]:
    found = rows(
        db,
        f"""with c as materialized (
            select fingerprint from incident where first_seen < :end
            and (state in ({LIVE_STATES}) or coalesce(resolved_at, changed_at) >= :end)),
        then_ as (
            select c.fingerprint, {_THEN.format(end=":end")} as stood,
                (select o.at from transition o where o.fingerprint = c.fingerprint and o.at < :end
                    and o.action in ('open', 'reopen') order by o.seq desc limit 1) as began
            from c),
        live as (
            select fingerprint, began, substr(stood, 1, instr(stood, ' ') - 1) as stood_tier,
                stood like '% acknowledged' as stood_acknowledged
            from then_ where stood like '% open' or stood like '% acknowledged')
        select i.*, live.stood_tier, live.stood_acknowledged, coalesce(live.began, i.first_seen) as began
        from live join incident i on i.fingerprint = live.fingerprint
        order by {RANK.format("live.stood_tier")}, live.stood_acknowledged, began, i.place, i.resource,
            i.fingerprint limit {MOST}""",  # noqa: S608 - literals
        {"end": end},
    )
    for each in found:
        yield given.Item(
            incident_of(each), Tier(each["stood_tier"]), bool(each["stood_acknowledged"]), time(each["began"])
        )


def _ended(db: Database, week: tuple[datetime, datetime]) -> Iterable[given.Ended]:
    found = rows(
        db,
        f"""select t.fingerprint, t.tier, t.at, i.check_name, i.kind, t.summary, {WHERE} as place_,
            (select o.at from transition o where o.fingerprint = t.fingerprint and o.seq < t.seq
                and o.action in ('open', 'reopen') order by o.seq desc limit 1) as opened
        from transition t join incident i on i.fingerprint = t.fingerprint
        where t.at >= :start and t.at < :end and t.action = 'resolve'
        order by {RANK.format("t.tier")}, t.at, t.fingerprint limit {MOST}""",  # noqa: S608 - literals of this module
        {"start": week[0], "end": week[1]},
    )
    for each in found:
        opened = each["opened"]
        length = None if opened is None else (time(each["at"]) - time(opened)).total_seconds()
        yield given.Ended(
            each["fingerprint"], each["check_name"], each["kind"], Tier(each["tier"]), each["summary"],
            each["place_"], time(each["at"]), length,
        )  # fmt: skip


def _baseline(db: Database, ends: Sequence[datetime]) -> Iterable[given.Baseline]:
    marks = {f"end{number}": end for number, end in enumerate(ends)}
    sums = ", ".join(
        f"sum(first_seen < :{name}) as found_{name}, sum(first_seen < :{name} and over >= :{name}) as left_{name}"
        for name in marks
    )
    found = rows(
        db,
        f"""select check_name, {sums} from (
            select check_name, first_seen,
                case when state in ({LIVE_STATES}) then '9' else coalesce(resolved_at, changed_at) end as over
            from incident where baseline = 1)
        group by 1 order by 1""",  # noqa: S608 - names made here
        marks,
    )
    for week, name in enumerate(marks):
        for each in found:
            if each[f"found_{name}"]:
                yield given.Baseline(week, each["check_name"], each[f"left_{name}"], each[f"found_{name}"])


def _looks(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Mapping[tuple[int, str], given.Looks]:
    found = rows(
        db,
        f"""with {numbered(weeks)}
        select w.week, r.check_name, r.place, r.outcome, r.reason, count(*) as count, max(r.detail) as detail
        from w cross join run r on r.ended >= w.starts and r.ended < w.ends
        group by 1, 2, 3, 4, 5""",  # noqa: S608 - times of this module
    )
    grouped: dict[tuple[int, str], list[Mapping[str, Any]]] = defaultdict(list)
    for each in found:
        grouped[each["week"], each["check_name"]].append(each)
    return {key: _looks_of(parts) for key, parts in sorted(grouped.items())}


def _looks_of(parts: Sequence[Mapping[str, Any]]) -> given.Looks:
    failed: dict[str, int] = defaultdict(int)
    why: dict[str, str] = {}
    seen = {each["place"] for each in parts if each["outcome"] == "ok"}
    for each in parts:
        if each["outcome"] != "ok":
            failed[each["reason"] or "failed"] += each["count"]
            if each["place"] not in seen:
                why[each["place"]] = ": ".join(filter(None, (each["reason"], each["detail"]))) or "failed"
    return given.Looks(
        runs=sum(each["count"] for each in parts),
        ok=sum(each["count"] for each in parts if each["outcome"] == "ok"),
        failed=dict(sorted(failed.items())),
        places=len({each["place"] for each in parts}),
        blind=dict(sorted(why.items())),
    )


def _late(db: Database, weeks: Sequence[tuple[datetime, datetime]], last: int) -> Mapping[tuple[int, str], int]:
    """Runs that came, or should have come, later than a whole period (at least two minutes) after their time."""
    late: dict[tuple[int, str], int] = {}
    for week, (start, end) in enumerate(weeks, last - len(weeks) + 1):
        found = rows(
            db,
            """with r as (
                select check_name, place, ended, next_due,
                    lead(started) over (partition by check_name, place order by ended, id) as following
                from run where ended >= :start and ended < :end)
            select r.check_name, count(*) as count from r
            join job j on j.check_name = r.check_name and j.place = r.place
            where r.next_due is not null and r.next_due < :end
                and julianday(coalesce(r.following, :end)) - julianday(r.next_due)
                    > max(julianday(r.next_due) - julianday(r.ended), 120.0 / 86400)
            group by 1 order by 1""",
            {"start": start, "end": end},
        )
        late |= {(week, each["check_name"]): each["count"] for each in found}
    return late


def silent_in(db: Database, week: tuple[datetime, datetime]) -> Iterable[tuple[datetime, datetime]]:
    """When nothing was looked at in a week, or any other stretch of time."""
    start, end = week
    found = rows(
        db,
        """select at, following from (
            select ended as at, lead(started, 1, :end) over (order by ended, id) as following
            from run where ended >= :start and ended < :end)
        where julianday(following) - julianday(at) > :least order by at""",
        {"start": start, "end": end, "least": SILENT.total_seconds() / 86_400},
    )
    first = row(db, "select min(ended) as at from run where ended >= :start and ended < :end",
                {"start": start, "end": end})  # fmt: skip
    if first is None or first["at"] is None:
        return
    if time(first["at"]) - start > SILENT:
        yield start, time(first["at"])
    for each in found:
        yield time(each["at"]), min(time(each["following"]), end)


def _sent(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Iterable[given.Sent]:
    for week, (start, end) in enumerate(weeks):
        bounds = {"start": start, "end": end}
        found = rows(
            db,
            """select (julianday(sent_at) - julianday(created_at)) * 86400.0 as seconds from delivery
            where sent_at >= :start and sent_at < :end and kind in ('post', 'reply') order by 1""",
            bounds,
        )
        again = row(
            db,
            """select count(*) as n from delivery where sent_at >= :start and sent_at < :end and attempt > 1
            and kind in ('post', 'reply', 'file') and body like '%(may repeat)%'""",
            bounds,
        )
        dead = row(
            db,
            """select count(*) as n from delivery
            where state = 'dead' and created_at >= :start and created_at < :end""",
            bounds,
        )
        took = [max(0.0, each["seconds"]) for each in found]
        yield given.Sent(
            week, len(took), _percentile(took, 0.5), _percentile(took, 0.95),
            again["n"] if again else 0, dead["n"] if dead else 0,
        )  # fmt: skip


def _percentile(ordered: Sequence[float], part: float) -> float | None:
    """The nearest rank: a value that was measured."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def _verdicts(db: Database, ends: Sequence[datetime]) -> Iterable[given.Verdicts]:
    marks = {f"end{number}": end for number, end in enumerate(ends)}
    sums = ", ".join(f"sum(at < :{name} and (until is null or until >= :{name})) as {name}" for name in marks)
    found = rows(
        db,
        f"""with v as (
            select check_name, outcome, verdict, instr(resource, '#') > 0 as part, at,
                lead(at) over (partition by check_name, place, resource order by id) as until from verdict_change)
        select check_name, outcome, verdict, part, {sums} from v
        where outcome <> '' and (until is null or until >= :end0) group by 1, 2, 3, 4 order by 1, 2, 3, 4""",  # noqa: S608 - names made here
        marks,
    )
    for each in found:
        counts = tuple(int(each[name]) for name in marks)
        yield given.Verdicts(each["check_name"], each["outcome"], each["verdict"], bool(each["part"]), counts)


def _readings(db: Database) -> Iterable[Any]:
    wanted = " or ".join(f"instr(r.vals, '\"{name}\"') > 0" for name in _SHOWN)
    found = rows(
        db,
        f"""select r.*, coalesce(j.labels, '{{}}') as labels from reading r
        left join job j on j.check_name = r.check_name and j.place = r.place
        where {wanted} order by r.check_name, r.place, r.resource""",  # noqa: S608 - names of this module
    )
    return [reading_of(each) for each in found]


def bills_of(db: Database, name: str = "bill") -> Mapping[str, Json]:
    """What the check `cost` keeps under a name, by the account that pays."""
    found = rows(
        db, "select place, value from memory where check_name = 'cost' and name = :name order by place", {"name": name}
    )
    kept = {each["place"]: load(each["value"]) for each in found}
    return {place: value["value"] for place, value in kept.items() if isinstance(value, dict) and "value" in value}


def measures(db: Database, first: date, last: date) -> Iterable[given.Measure]:
    """The kept numbers of the days from *first* to *last*, both included."""
    found = rows(
        db,
        "select * from measure where day >= :first and day <= :last order by day, name, subject",
        {"first": first.isoformat(), "last": last.isoformat()},
    )
    for each in found:
        yield given.Measure(
            date.fromisoformat(each["day"]), each["name"], each["subject"], each["value"], time(each["at"])
        )


def _hidden(db: Database, week: tuple[datetime, datetime]) -> Iterable[given.Hidden]:
    """What silences and windows hid in a week or a part of it: what was there before them, and what came meanwhile."""
    found = rows(
        db,
        f"""select h.fingerprint, h.began_at, h.tier, h.note, coalesce((
                select t.summary from transition t where t.fingerprint = h.fingerprint and t.at < :end
                order by t.seq desc limit 1), i.summary) as summary
        from hidden h join incident i on i.fingerprint = h.fingerprint
        where h.began_at < :end and (h.ended_at is null or h.ended_at > :start)
        order by {RANK.format("h.tier")}, h.began_at, h.fingerprint limit {MOST}""",  # noqa: S608 - literals of this module
        {"start": week[0], "end": week[1]},
    )
    for each in found:
        yield given.Hidden(
            each["fingerprint"], time(each["began_at"]), Tier(each["tier"]), each["summary"], each["note"]
        )
