"""What a report asks the store of runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlite_utils import Database

from daemon.store import week_rows as given
from daemon.store.codec import load, time
from daemon.store.sql import rows
from daemon.store.week_sql import MOST, WHERE, numbered


def executions(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Iterable[given.Execution]:
    """Runs that ended well or not, by week."""
    found = rows(
        db,
        f"""with {numbered(weeks)},
        i as materialized (select * from incident where kind in ('deployment', 'workflow_failure'))
        select w.week, i.kind, t.at, {WHERE} as place_, t.summary, i.evidence, i.remedy, i.labels
        from i cross join transition t on t.fingerprint = i.fingerprint
        join w on t.at >= w.starts and t.at < w.ends
        where t.action in ('open', 'reopen')
        order by t.at, t.id limit {5 * MOST}""",  # noqa: S608 - times of this module
    )
    for each in found:
        yield given.Execution(
            each["week"], each["kind"], time(each["at"]), each["place_"], each["summary"], load(each["evidence"]),
            each["remedy"], str(load(each["labels"]).get("owner", "")),
        )  # fmt: skip
    yield from _failed_again(db, weeks)


def _failed_again(db: Database, weeks: Sequence[tuple[datetime, datetime]]) -> Iterable[given.Execution]:
    """Runs that failed or were lost while their workflow stood so already: its incident goes on, and is not opened."""
    found = rows(
        db,
        f"""with {numbered(weeks)}
        select w.week, e.run_id, e.workflow, e.place, e.state, e.ended_at as at, i.remedy,
            coalesce(i.labels, '{{}}') as labels
        from execution e join w on e.ended_at >= w.starts and e.ended_at < w.ends
        left join incident i on i.check_name = 'execution' and i.resource = e.resource and i.key = 'run'
        where e.decides = 1 and e.state in ('failed', 'lost', 'cancelled') and
            (select p.state from execution p where p.place = e.place and p.resource = e.resource and p.decides = 1
            and (p.started_at, p.run_id) < (e.started_at, e.run_id) order by p.started_at desc, p.run_id desc limit 1)
            in ('failed', 'lost', 'cancelled')
        order by e.ended_at, e.run_id limit {5 * MOST}""",  # noqa: S608 - times of this module
    )
    for each in found:
        yield given.Execution(
            each["week"], "workflow_failure", time(each["at"]), each["place"],
            f"{each['workflow']} {'is lost' if each['state'] == 'lost' else each['state']}, as the run before it",
            {"run_id": each["run_id"], "state": each["state"]}, each["remedy"] or "",
            str(load(each["labels"]).get("owner", "")),
        )  # fmt: skip
