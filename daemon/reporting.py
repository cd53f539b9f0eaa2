"""The weekly report as a job: when it is due, made once, kept, and put in the queue, all in one transaction.

Exactly once per (kind, period, destination): the row of a report, its files and its messages are stored together, and
a report that has its row is not made again. What was stored is sent by the courier, exactly once as all messages are.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

from alerts.base import DeliveryKind, Draft
from alerts.calendars import local_instant
from alerts.escape import defanged
from checks.base import Tier
from daemon.report import slack
from daemon.report.as_csv import archive, one_file
from daemon.report.as_json import as_json
from daemon.report.build import build
from daemon.report.html import as_html
from daemon.report.model import Report
from daemon.report.period import WEEK, Week, history, last_complete, parse_week, week_of
from daemon.report.png import chart_png
from daemon.report.words import moment
from daemon.store import JobStateRow, Reader, StoreError, Transaction, reports
from daemon.store.reports import ReportRow
from daemon.store.weeks import facts

log = logging.getLogger(__name__)

KIND = "weekly"
CATCH_UP = timedelta(days=6)
AFTER_FAILURE = timedelta(minutes=10)  # before it is tried again: making one is work
MAIL = "mail:"  # in front of an address, as a destination
CHARTS = 4  # pictures that go along
ORDERS = ".orders"  # a folder beside the store: what the command line asks a running daemon for
DONE = "report_order"  # under which the store keeps the id of the order that was carried out last
FAILPOINTS = ("before_facts", "after_facts", "before_commit", "after_commit")  # where a test may kill the process


class Storing(Protocol):
    """What is needed of the store."""

    def read(self) -> AbstractContextManager[Reader]: ...

    def transaction(self) -> AbstractContextManager[Transaction]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """When the report is made and who gets it. Without a destination none is made by itself."""

    zone: ZoneInfo
    destinations: tuple[str, ...] = ()  # a channel; "mail:" and an address
    weekday: int = 0  # Monday
    at: time = time(9)
    status_url: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it. *queued*: destinations that get it now; *before*: those that had it."""

    report: Report
    queued: tuple[str, ...]
    before: tuple[str, ...] = ()


class Reporter:
    """Makes reports of one store. *failpoint* is called by name on both sides of each step."""

    def __init__(
        self, store: Storing, clock: Callable[[], datetime], plan: Plan, orders: Path | None = None,
        failpoint: Callable[[str], None] = lambda name: None,
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._plan = plan
        self._orders = orders
        self._failpoint = failpoint
        self._not_before: datetime | None = None  # after a failure
        self._next_due: datetime | None = None

    @property
    def next_due(self) -> datetime | None:
        """When the next report is due, or was if it is missing; None: nobody gets one, or nobody looked yet."""
        return self._next_due

    def tick(self) -> None:
        """Make what is due, and what was asked for. Safe to miss, and safe to run twice."""
        now = self._clock()
        if self._not_before is not None and now < self._not_before <= now + AFTER_FAILURE:
            return
        self._not_before = now + AFTER_FAILURE
        if self._plan.destinations:
            self._next_due = due_at(self._plan, last_complete(now, self._plan.zone))
            if self._next_due <= now:
                self._next_due = due_at(self._plan, week_of(now.astimezone(self._plan.zone).date(), self._plan.zone))
        for week in due(self._plan, now):
            if self._missing(week):
                following, self._next_due = self._next_due, due_at(self._plan, week)
                made = self.make(week)
                self._next_due = following
                log.info("weekly report %s: queued for %s", week.name, ", ".join(made.queued) or "nobody")
        if self._orders is not None:
            for path in sorted(self._orders.glob("weekly-*.json")):
                self._carry_out(path)
        self._not_before = None  # all went well

    def make(self, week: Week, *, force: bool = False, order: str = "", who: str = "barograph") -> Made:
        """Make the report, keep it, and queue it for each destination that has not had it (*force*: for all).

        *who* asked for it. Without destinations it is kept only. *order*: the id of the order that this carries out.
        Raises StoreError; then nothing of it is stored.
        """
        self._failpoint("before_facts")
        with self._store.read() as view:
            report = made_of(view, week, self._clock(), self._plan.status_url)
        files = rendered(report)
        self._failpoint("after_facts")
        queued: list[str] = []
        before: list[str] = []
        with self._store.transaction() as tx:
            edition = reports.edition(tx.db, KIND, week.name) + 1
            for place in self._plan.destinations or ("",):
                known = reports.find(tx.db, KIND, week.name, place)
                if known is not None and not force:
                    before.append(place)
                    continue
                row = ReportRow(
                    KIND, week.name, place, edition, report.made_at, f"report:{KIND}:{week.name}:{place}",
                    report.headline, str(report.light),
                )  # fmt: skip
                if not queued:
                    reports.keep_files(tx.db, row, files)
                reports.save(tx.db, row)
                queued.append(place)
                if place:
                    _enqueue(tx, row, report, files, again=known is not None)
            if queued:
                said = {
                    "report": KIND,
                    "period": week.name,
                    "edition": edition,
                    "to": [each for each in queued if each],
                }
                tx.audit(who, "report.force" if force else "report.send", said)
            tx.save_job_state(_state(report, due_at(self._plan, week_of(week.monday + WEEK, week.zone))))
            if order:
                tx.set_meta(DONE, order)
            self._failpoint("before_commit")
        self._failpoint("after_commit")
        return Made(report, tuple(queued), tuple(before))

    def _missing(self, week: Week) -> bool:
        with self._store.read() as view:
            if all(reports.find(view.db, KIND, week.name, place) for place in self._plan.destinations):
                return False
            began = facts_began(view)
        # A report on a week that nobody watched says nothing; the first is about the week Barograph began in.
        return began is not None and began < week.ends

    def _carry_out(self, path: Path) -> None:
        """One order of the command line. It goes when it is done; one that makes no sense goes too, and is logged."""
        try:
            asked = json.loads(path.read_text(encoding="utf-8"))
            week = parse_week(str(asked["week"]), self._plan.zone, self._clock())
            which = str(asked.get("id") or "")
            with self._store.read() as view:
                done = bool(which) and view.meta(DONE) == which
            if not done:  # else the process was killed before it could take the order away
                who = str(asked.get("who") or "barograph")[:200]
                self.make(week, force=bool(asked.get("force")), order=which, who=who)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            log.error("an order for a report is not understood: %s: %s", path.name, type(error).__name__)
        path.unlink(missing_ok=True)


def _state(report: Report, following: datetime) -> JobStateRow:
    """Where the job stands, for whoever watches it."""
    at = report.made_at
    return JobStateRow(f"report:{KIND}", at, at, at, following, "ok", "", report.week.name)


def facts_began(view: Reader) -> datetime | None:
    """When the first thing that the store knows of was."""
    firsts = [job.first_ok for job in view.jobs() if job.first_ok is not None]
    return min(firsts, default=None)


def due(plan: Plan, now: datetime) -> list[Week]:
    """The weeks whose report is due at *now*: its time has come, not more than six days ago."""
    if not plan.destinations:
        return []
    last = last_complete(now, plan.zone)
    return [week for week in (last.before(), last) if timedelta() <= now - due_at(plan, week) <= CATCH_UP]


def due_at(plan: Plan, week: Week) -> datetime:
    """When the report on *week* is due, in UTC: on a day of the week after."""
    return local_instant(week.monday + WEEK + timedelta(days=plan.weekday), plan.at, plan.zone)


def made_of(view: Reader, week: Week, now: datetime, status_url: str = "") -> Report:
    """The report on *week* out of one snapshot of the store. Nothing is kept."""
    weeks = [(each.starts, each.ends) for each in history(week)]
    return build(facts(view, weeks, now), week, status_url)


def rendered(report: Report) -> Mapping[str, bytes]:
    """Every file of a report by name."""
    charts = [chart for section in report.sections for chart in section.charts][:CHARTS]
    return {
        "report.html": as_html(report).encode(),
        "report.json": as_json(report).encode(),
        "report.csv": one_file(report).encode("utf-8-sig"),
        "tables.zip": archive(report),
        **{f"chart-{number}.png": chart_png(chart) for number, chart in enumerate(charts, start=1)},
    }


def _enqueue(tx: Transaction, row: ReportRow, report: Report, files: Mapping[str, bytes], *, again: bool) -> None:
    """The messages of a report. *again*: it was sent, so its root message is edited and its thread hears of it."""
    if row.destination.startswith(MAIL):
        if not again:
            tx.enqueue(_draft(row, "mail", DeliveryKind.POST, _mail(row, report)))
        return
    sent = any(each["root_ts"] for each in tx.db.query("select root_ts from thread where subject = ?", [row.subject]))
    if again:
        note = f"Edition {row.edition}, made again at {moment(report.made_at, report.week.zone)}."
        tx.enqueue(_draft(row, f"update:{row.edition}", DeliveryKind.UPDATE, slack.root(report, note)))
    else:
        tx.enqueue(_draft(row, "root", DeliveryKind.POST, slack.root(report)))
    following = []
    if again and sent:
        told = (
            f"Made again at {moment(report.made_at, report.week.zone)}: the message above has the new numbers, and so"
        )
        told += " have the files that follow. What the thread said before is of the earlier edition."
        following.append(_draft(row, f"again:{row.edition}", DeliveryKind.REPLY, {"text": defanged(told, 500)}))
    else:
        # Where the root message has not left yet, putting an edition in front of it took the replies away.
        mark = f":{row.edition}" if again else ""
        following += [
            _draft(row, f"section:{name}{mark}", DeliveryKind.REPLY, body) for name, body in slack.replies(report)
        ]
    following += [_draft(row, f"files:{what}:{row.edition}", DeliveryKind.FILE, body)
                  for what, body in _attached(row, report, files)]  # fmt: skip
    tx.enqueue(*following)


def _attached(row: ReportRow, report: Report, files: Mapping[str, bytes]) -> list[tuple[str, dict[str, object]]]:
    stem = f"barograph-{row.kind}-{row.period}"
    titles = [chart.title for section in report.sections for chart in section.charts][:CHARTS]
    pictures = [
        {"name": f"{stem}-chart-{number}.png", "title": f"{title}, to {row.period}",
         "ref": reports.reference(row.kind, row.period, row.edition, f"chart-{number}.png")}
        for number, title in enumerate(titles, start=1) if f"chart-{number}.png" in files
    ]  # fmt: skip
    whole = [
        {"name": f"{stem}.{kind}", "title": f"{report.title}: {title}",
         "ref": reports.reference(row.kind, row.period, row.edition, name)}
        for kind, title, name in (
            ("html", "the page (open it in a browser, or print it)", "report.html"),
            ("zip", "the tables as CSV", "tables.zip"),
        )
    ]  # fmt: skip
    found: list[tuple[str, dict[str, object]]] = []
    if pictures:
        found.append(("charts", {"text": "Charts", "files": pictures}))
    found.append(("whole", {"text": slack.files_text(["the whole report as a page", "its tables as CSV"]),
                            "files": whole}))  # fmt: skip
    return found


def _mail(row: ReportRow, report: Report) -> dict[str, object]:
    ref = reports.reference(row.kind, row.period, row.edition, "report.html")
    return {"text": report.headline, "mail": {"subject": f"{report.title}: {report.week}", "html": ref}}


def _draft(row: ReportRow, part: str, kind: DeliveryKind, body: Mapping[str, object]) -> Draft:
    key = hashlib.sha256(f"{row.destination}\n{row.subject}\n{part}".encode()).hexdigest()
    return Draft(key, row.subject, kind, row.destination, Tier.INFO, body)


def order(store_path: Path, week: Week, *, force: bool, who: str = "barograph") -> Path:
    """Ask the daemon that runs on *store_path* for a report; give the file that does. Raises StoreError."""
    folder = orders_of(store_path)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"{KIND}-{week.name}.json"
        fresh = folder / f".{target.name}.new"
        told = {"week": week.name, "force": force, "who": who, "id": uuid4().hex}
        fresh.write_text(json.dumps(told), encoding="utf-8")
        fresh.replace(target)
    except OSError as error:
        raise StoreError(f"{folder}: the order cannot be written: {error.strerror}.") from None
    return target


def orders_of(store_path: Path) -> Path:
    return store_path.with_name(store_path.name + ORDERS)
