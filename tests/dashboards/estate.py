"""An organisation and one bad day of it, through the daemon's own recorder, store, judge and metrics.

Looks are made up here; everything from the look on is real: incidents, runs, snapshots, the page. The clock is given,
so that a day can be told as it would have gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.base import DeliveryState
from checks import discover
from checks.base import Check, Finding, Instance, Outcome, Reading
from checks.runs.wire import parse
from daemon.executions.intake import Intake
from daemon.executions.judging import Judge
from daemon.health import Health, Task, Workings
from daemon.metrics import OwnMetrics, Snapshots
from daemon.metrics.workings import AUDIT_VERIFY, STORE_CHECK
from daemon.record import Recorder, Run
from daemon.store import JobStateRow, Store, StoreOutbox
from daemon.web import AuthSettings, WebDeps, create_app, serving
from dashboards import names
from tests.alerts.build import POLICY
from tests.dashboards.applies import watched
from tests.dashboards.day import BLIND_FROM, INSTANCES, Account, accounts, runs, told

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def check_of(metric: str, checks: Mapping[str, Check]) -> tuple[str, str]:
    """Which check's measure a metric is, and which."""
    for check in checks:
        prefix = f"barograph_{check}_"
        if metric.startswith(prefix):
            return check, metric.removeprefix(prefix)
    raise ValueError(f"{metric} is no measure of a check")


@dataclass
class Estate:
    """The organisation, at a moment that is given."""

    store: Store
    began: datetime
    now: datetime
    own: OwnMetrics = field(default_factory=OwnMetrics)
    ticks: int = 0

    def __post_init__(self) -> None:
        self.checks = {name: check() for name, check in discover().items()}
        self.recorder = Recorder(self.store, POLICY)
        self.intake = Intake(self.store, lambda: self.now, ())
        self.judge = Judge(self.store, self.recorder, lambda: self.now, lambda: INSTANCES)
        self.sent: set[str] = set()
        self.looked: dict[tuple[str, str], datetime] = {}
        self.snapshots = Snapshots(self.store, self.health, self.checks, self.own, lambda: self.now)

    def stay(self, now: datetime) -> None:
        """Let time pass in which nothing happens."""
        self.now = now
        self.snapshots.refresh()

    def at(self, now: datetime) -> None:
        """Let the day go on until *now*: looks that are due, runs that were begun or ended, counters."""
        self.now = now
        self.ticks += 1
        for instance in INSTANCES:
            self._look_at_instance(instance)
        for account in accounts():
            self._look_at_account(account)
        self._runs()
        self._send()
        self._count()

    @property
    def hours(self) -> float:
        """Hours of the day that have gone."""
        return (self.now - self.began) / HOUR

    def _look_at_instance(self, instance: Instance) -> None:
        place = f"{instance.stack}/{instance.component}"
        labels = {
            "stack": instance.stack,
            "component": instance.component,
            "stage": instance.stage,
            "tenant": instance.tenant,
            "account": instance.account,
            "region": instance.region,
            "owner": instance.owner,
        }
        for check in ("drift", "state"):
            if self._due(check, place):
                story = told(check, place, self.hours)
                self._record(check, place, labels, story)

    def _look_at_account(self, account: Account) -> None:
        labels = {"account": account.id, "tenant": account.tenant, "stage": account.stage, "region": account.region}
        for check, place in account.places():
            if self._due(check, place):
                self._record(check, place, {**labels, **account.labels(check)}, told(check, place, self.hours))

    def _due(self, check: str, place: str) -> bool:
        last = self.looked.get((check, place))
        if last is not None and self.now - last < HOUR:
            return False
        self.looked[check, place] = self.now
        return True

    def _record(self, check: str, place: str, labels: Mapping[str, str], story: Mapping[str, Any]) -> None:
        took = timedelta(seconds=story.get("took", 4 + len(place) % 9))
        failure = story.get("failure")
        readings = () if failure else tuple(self._readings(check, place, story))
        self.recorder.record(
            Run(check, place, labels, self.now - took, self.now, readings, failure, cause=place if failure else ""),
            self.now + HOUR,
        )

    def _readings(self, check: str, place: str, story: Mapping[str, Any]) -> Iterator[Reading]:
        """One for the place, and one more for each set of further labels."""
        findings = tuple(
            Finding(kind, key, summary, facts=frozenset(facts))
            for kind, key, summary, facts in story.get("findings", ())
        )
        outcome = story.get("outcome", Outcome.UNHEALTHY if findings else Outcome.HEALTHY)
        verdict = story.get("verdict", "found" if findings else "fine")
        values = self._values(check, story.get("values", {}))
        yield Reading(place, outcome, verdict, f"{place} is {verdict}", findings, values)
        for number, (evidence, more) in enumerate(story.get("more", ())):
            yield Reading(
                f"{place}#{number}",
                Outcome.HEALTHY,
                "fine",
                "fine",
                values=self._values(check, more),
                evidence=evidence,
            )

    def _values(self, check: str, values: Mapping[str, float]) -> dict[str, float]:
        """Measures by the name of their metric; a moment is given in seconds from now."""
        found = {}
        for metric, value in values.items():
            owner, measure = check_of(metric, self.checks)
            assert owner == check, f"{metric} is not of {check}"
            assert measure in self.checks[check].measures, f"{metric} is no measure"
            found[measure] = self.now.timestamp() + value if measure.endswith("_timestamp_seconds") else float(value)
        return found

    def _runs(self) -> None:
        for run in runs():
            for seq, name, hour, data in run.events(self.began):
                key = f"{run.id}/{seq}"
                if self.hours >= hour and key not in self.sent:
                    self.sent.add(key)
                    at = self.began + hour * HOUR
                    said = {"schema": 1, "run_id": run.id, "seq": seq, "event": name, "ts": at.isoformat(), **data}
                    self.intake.events([parse(said)])
                    if name == "run.end" and run.after is not None:
                        with self.store.transaction() as tx:
                            watched(tx, run, self.began)
        self.judge.tick()

    def _send(self) -> None:
        """What is stored is taken by Slack, but for what was stored just now."""
        outbox = StoreOutbox(self.store)
        for one in self.store.deliveries(limit=None):
            if one.state is DeliveryState.PENDING and one.created_at and self.now - one.created_at > 5 * SECOND:
                outbox.mark_sending(one.id, self.now)
                outbox.mark_sent(one.id, f"{self.now.timestamp():.6f}", self.now)

    def _count(self) -> None:
        n = self.ticks
        for service, many in (("s3", 9), ("ec2", 14), ("iam", 3), ("rds", 5), ("cloudwatch", 11), ("ce", 1)):
            self.own.count(names.AWS_REQUESTS, many + n % 3, service=service, operation="Describe", result="ok")
        refused = 6.0 if self.hours > BLIND_FROM else 0.0
        self.own.count(names.AWS_REQUESTS, refused, service="rds", operation="Describe", result="denied")
        self.own.count(names.AWS_REQUESTS, n % 4 == 0, service="ec2", operation="Describe", result="throttled")
        for action, result, many in (
            ("create", "done", 3),
            ("update", "done", 5),
            ("delete", "done", 1),
            ("update", "failed", 1),
        ):
            self.own.count(names.RUN_RESOURCES, many if n % 12 == 0 else 0, action=action, result=result)
        for tier, seconds in (("critical", 0.4), ("warning", 1.8), ("info", 4.0)):
            self.own.observe(names.DELIVERY_LATENCY, seconds * (1 + n % 4), sink="slack", tier=tier)
        self.own.count(names.DELIVERY_ERRORS, n % 20 == 0, sink="slack", reason="not_sent")
        self.own.count(names.DELIVERY_ERRORS, n % 31 == 0, sink="pagerduty", reason="ambiguous")
        for seconds in (0.002, 0.004, 0.011):
            self.own.observe(names.STORE_TOOK, seconds)

    def health(self) -> Health:
        """What the daemon would say of itself now."""
        wave = self.ticks % 6
        tasks = {
            name: Task(every, self.now + every * SECOND, self.now - every * SECOND / 2)
            for name, every in (("deliver", 5.0), ("judge runs", 15.0), ("inventory", 300.0), ("backup", 86400.0))
        } | {"anchor the audit trail": Task(3600.0, self.now - 1.5 * HOUR, self.now - 3.5 * HOUR)}
        expected: dict[tuple[str, str], Mapping[str, str]] = {key: {} for key in self.looked}
        at_work = sorted(self.looked)[self.ticks % 7 :: 23][:wave]
        return Health(
            started_at=self.began - DAY,
            version="0.1.0",
            scheduler_beat=self.now - SECOND,
            children=wave // 2,
            scheduler_lateness=0.2 + 0.3 * wave,
            running=frozenset(at_work),
            expected=expected,
            inventory_loaded_at=self.now - 4 * 60 * SECOND,
            instances={"watched": len(INSTANCES), "disabled": 2, "abstract": 4},
            store_bytes=48_000_000 + 40_000 * self.ticks,
            paid_usd=0.4 + 0.02 * self.hours,
            paid_limit_usd=2.0,
            workings=Workings(
                tasks=tasks,
                waiting=(self.now - 20 * SECOND,) * wave,
                children=wave // 2,
                disk_free_bytes=21_000_000_000,
                written_at=self.now,
                copied_at=self.now - DAY,
                reports_due={"weekly": self.now + 3 * DAY},
                intervals=dict.fromkeys(self.looked, HOUR),
            ),
        )


@contextmanager
def estate(folder: Path, began: datetime) -> Iterator[Estate]:
    """The organisation at the begin of its day."""
    clock: list[Estate] = []
    with Store.open(folder / "barograph.db", lambda: clock[0].now if clock else began) as store:
        made = Estate(store, began, began)
        clock.append(made)
        with store.transaction() as tx:
            for job in (STORE_CHECK, AUDIT_VERIFY):
                tx.save_job_state(JobStateRow(job, began, began, began, began + DAY, "ok"))
        yield made


@contextmanager
def served(made: Estate) -> Iterator[int]:
    """Its page and metrics, on a port of this machine."""
    made.snapshots.refresh()
    deps = WebDeps(
        made.store, lambda: made.snapshots.current, made.health, lambda: made.now, AuthSettings(), source="git"
    )
    with serving(create_app(deps)) as port:
        yield port


def exposed(made: Estate, moments: Sequence[datetime]) -> Iterator[str]:
    """Lines of OpenMetrics, with their times, of how the day would have been scraped at *moments*, family by family."""
    lines: dict[str, list[str]] = {}
    heads: dict[str, list[str]] = {}
    for moment in moments:
        made.at(moment)
        family = ""
        for line in made.snapshots.refresh().openmetrics.decode().splitlines():
            if line.startswith("#"):
                if line != "# EOF":
                    family = line.split(" ")[2]
                    heads.setdefault(family, []).append(line) if len(heads.get(family, ())) < 3 else None
                continue
            lines.setdefault(family, []).append(_instance(line) + f" {moment.timestamp():.3f}")
    for family, found in lines.items():
        yield from dict.fromkeys(heads[family])
        yield from found
    yield "# EOF"


def _instance(line: str) -> str:
    """The labels that a scrape adds."""
    name, _, rest = line.partition("{") if "{" in line.split(" ", maxsplit=1)[0] else line.partition(" ")
    added = 'job="barograph",instance="barograph:9877"'
    return f"{name}{{{added},{rest}" if "{" in line.split(" ", maxsplit=1)[0] else f"{name}{{{added}}} {rest}"
