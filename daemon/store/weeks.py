"""The one place that asks the store for a report: numbers by week, and the rows that a person should see.

Each question reads an index once; none reads a message's body or all evidence there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlite_utils import Database

from checks.base import Json, Tier
from daemon.store import week_rows as given
from daemon.store.codec import load, time, time_text
from daemon.store.incidents import LIVE_STATES, incident_of
from daemon.store.read import Reader, reading_of
from daemon.store.sql import row, rows

TARGETS: Mapping[Tier, timedelta] = {Tier.CRITICAL: timedelta(minutes=15), Tier.WARNING: timedelta(hours=24)}
MOST = 2_000  # rows of incidents; the numbers count all
SILENT = timedelta(hours=2, minutes=30)  # Barograph records a look at itself every hour
_RANK = "case {} when 'critical' then 0 when 'warning' then 1 else 2 end"
_WHERE = """case when json_extract(i.labels, '$.stack') is null then i.place
    else json_extract(i.labels, '$.stack') || coalesce('/' || json_extract(i.labels, '$.component'), '') end"""
# Values of readings that a report shows.
_SHOWN = (
    "not_after_timestamp_seconds", "domain_expiry_timestamp_seconds", "support_end_timestamp_seconds",
    "commitment_end_timestamp_seconds", "usage_ratio", "last_recovery_timestamp_seconds", "saving_monthly_usd",
    "forecast_usd", "budget_limit_usd", "anomaly_impact_usd", "week_usd", "score_ratio", "violations_suppressed",
    "lock_created_timestamp_seconds", "jobs_failed", "ignore_rules_expired",
)  # fmt: skip


def facts(reader: Reader, weeks: Sequence[tuple[datetime, datetime]], as_of: datetime) -> given.Facts:
    """Everything that a report about the last of *weeks* needs; they follow one another, the oldest first."""
    db = reader.db
    last = len(weeks) - 1
    ends = [end for _, end in weeks]
    return given.Facts(
        weeks=tuple(weeks), as_of=as_of, began=_began(db), jobs=tuple(reader.jobs()), moved=tuple(_moved(db, weeks)),
        repaired=tuple(_repaired(db, weeks)), answered=tuple(_answered(db, weeks, as_of)),
        standing=tuple(_standing(db, weeks)), open=tuple(_open(db, ends[last])), ended=tuple(_ended(db, weeks[last])),
        baseline=tuple(_baseline(db, ends)), looks=_looks(db, weeks), late=_late(db, weeks[-2:], last),
        silent=tuple(_silent(db, weeks[last])), sent=tuple(_sent(db, weeks)), verdicts=tuple(_verdicts(db, ends)),
        readings=tuple(_readings(db)), bills=bills_of(db),
        measures=tuple(measures(db, (weeks[0][0] - timedelta(days=1)).date(), (ends[last] + timedelta(days=1)).date())),
        hidden=tuple(_hidden(db, weeks[last])), executions=tuple(_executions(db, weeks)),
    )  # fmt: skip


def _began(db: Database) -> datetime | None:
    found = row(
        db,
        """select min(at) as at from (select min(first_ok) as at from job union all select min(started) from run
        union all select min(first_seen) from incident)""",
    )
    return None if found is None or found["at"] is None else time(found["at"])


def _numbered(weeks: Iterable[tuple[datetime, datetime]], first: int = 0) -> str:
    """Weeks as a table of SQL. The texts are times of ours, made here."""
    values = ", ".join(
        f"({number}, '{time_text(start)}', '{time_text(end)}')" for number, (start, end) in enumerate(weeks, first)
    )
    return f"w (week, starts, ends) as (values {values})"


def _moved(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Iterable[given.Moved]:
    found = rows(
        db,
        f"""with {_numbered(weeks)}
        select w.week, t.action, t.tier, i.kind, i.check_name, i.baseline = 1 and t.action = 'open' as first_look,
            count(*) as count
        from w cross join transition t on t.at >= w.starts and t.at < w.ends
        join incident i on i.fingerprint = t.fingerprint
        where t.action in ('open', 'reopen', 'resolve', 'retire')
        group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6""",  # noqa: S608 - times of this module
    )
    for each in found:
        yield given.Moved(
            each["week"], each["action"], Tier(each["tier"]), each["kind"], each["check_name"],
            bool(each["first_look"]), each["count"],
        )  # fmt: skip


def _repaired(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Iterable[given.Repaired]:
    found = rows(
        db,
        f"""with {_numbered(weeks)},
        done as (
            select w.week, t.tier, t.at, i.baseline,
                (select o.at from transition o where o.fingerprint = t.fingerprint and o.seq < t.seq
                    and o.action in ('open', 'reopen') order by o.seq desc limit 1) as opened
            from w cross join transition t on t.at >= w.starts and t.at < w.ends
            join incident i on i.fingerprint = t.fingerprint where t.action = 'resolve')
        select week, tier, count(*) as count, avg((julianday(at) - julianday(opened)) * 86400.0) as seconds
        from done where opened is not null and baseline = 0 group by 1, 2 order by 1, 2""",  # noqa: S608 - times of this module
    )
    for each in found:
        yield given.Repaired(each["week"], Tier(each["tier"]), each["count"], each["seconds"])


def _answered(db: Database, weeks: Sequence[tuple[datetime, datetime]], as_of: datetime) -> Iterable[given.Answered]:
    limits = " ".join(f"when '{tier.value}' then {int(most.total_seconds())}" for tier, most in TARGETS.items())
    found = rows(
        db,
        f"""with {_numbered(weeks)},
        opened as (
            select w.week, t.tier, t.at, case t.tier {limits} end as target,
                (select a.at || a.action from transition a where a.fingerprint = t.fingerprint and a.seq > t.seq
                    and a.action in ('acknowledge', 'resolve', 'retire') order by a.seq limit 1) as answer
            from w cross join transition t on t.at >= w.starts and t.at < w.ends
            join incident i on i.fingerprint = t.fingerprint
            where t.action in ('open', 'reopen') and t.tier in ('critical', 'warning')
                and not (i.baseline = 1 and t.action = 'open')),
        timed as (
            select week, tier, target, answer,
                (julianday(substr(answer, 1, 27)) - julianday(at)) * 86400.0 as seconds,
                (julianday(:now) - julianday(at)) * 86400.0 as age from opened)
        select week, tier, count(*) as opened, sum(seconds is not null) as answered, avg(seconds) as mean,
            coalesce(sum(seconds <= target + 0.001), 0) as inside,
            coalesce(sum(seconds is null and age < target), 0) as waiting
        from timed where answer is null or answer not like '%retire'
        group by 1, 2 order by 1, 2""",  # noqa: S608 - times and numbers of this module
        {"now": as_of},
    )
    for each in found:
        yield given.Answered(
            each["week"], Tier(each["tier"]), each["opened"], each["answered"], each["mean"], each["inside"],
            each["waiting"],
        )  # fmt: skip


# What could be live at a time: not over before it. Where it stood then, its last transition before that time says.
_THEN = """(select t.tier || ' ' || t.after from transition t where t.fingerprint = c.fingerprint and t.at < {end}
    order by t.seq desc limit 1)"""


def _standing(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Iterable[given.Standing]:
    found = rows(
        db,
        f"""with {_numbered(weeks)},
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
        order by {_RANK.format("live.stood_tier")}, live.stood_acknowledged, began, i.place, i.resource,
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
        f"""select t.fingerprint, t.tier, t.at, i.check_name, i.kind, t.summary, {_WHERE} as place_,
            (select o.at from transition o where o.fingerprint = t.fingerprint and o.seq < t.seq
                and o.action in ('open', 'reopen') order by o.seq desc limit 1) as opened
        from transition t join incident i on i.fingerprint = t.fingerprint
        where t.at >= :start and t.at < :end and t.action = 'resolve'
        order by {_RANK.format("t.tier")}, t.at, t.fingerprint limit {MOST}""",  # noqa: S608 - literals of this module
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
    for week, end in enumerate(ends):
        found = rows(
            db,
            f"""select check_name, count(*) as found,
                sum(state in ({LIVE_STATES}) or coalesce(resolved_at, changed_at) >= :end) as left_ from incident
            where baseline = 1 and first_seen < :end group by 1 order by 1""",  # noqa: S608 - literals
            {"end": end},
        )
        for each in found:
            yield given.Baseline(week, each["check_name"], each["left_"], each["found"])


def _looks(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Mapping[tuple[int, str], given.Looks]:
    found = rows(
        db,
        f"""with {_numbered(weeks)}
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


def _silent(db: Database, week: tuple[datetime, datetime]) -> Iterable[tuple[datetime, datetime]]:
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


def bills_of(db: Database) -> Mapping[str, Json]:
    found = rows(db, "select place, value from memory where check_name = 'cost' and name = 'bill' order by place")
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
    found = rows(
        db,
        f"""select fingerprint, at, tier, summary, reason from transition
        where at >= :start and at < :end and action = 'silence'
        order by {_RANK.format("tier")}, at, fingerprint limit {MOST}""",  # noqa: S608 - literals of this module
        {"start": week[0], "end": week[1]},
    )
    for each in found:
        yield given.Hidden(each["fingerprint"], time(each["at"]), Tier(each["tier"]), each["summary"], each["reason"])


def _executions(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Iterable[given.Execution]:
    found = rows(
        db,
        f"""with {_numbered(weeks)}
        select w.week, i.kind, t.at, {_WHERE} as place_, t.summary, i.evidence, i.remedy, i.labels
        from w cross join transition t on t.at >= w.starts and t.at < w.ends
        join incident i on i.fingerprint = t.fingerprint
        where t.action in ('open', 'reopen') and i.kind in ('deployment', 'workflow_failure')
        order by t.at, t.id limit {5 * MOST}""",  # noqa: S608 - times of this module
    )
    for each in found:
        yield given.Execution(
            each["week"], each["kind"], time(each["at"]), each["place_"], each["summary"], load(each["evidence"]),
            each["remedy"], str(load(each["labels"]).get("owner", "")),
        )  # fmt: skip
