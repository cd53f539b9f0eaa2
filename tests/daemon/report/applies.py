"""Three weeks of changes to production, through the doors that runs and looks come by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from checks.base import Instance, Kind
from checks.runs.after import Health, Verdict, Worse
from checks.runs.aftermath import stored
from checks.runs.wire import parse
from daemon.executions.after import Aftercare
from daemon.executions.intake import Intake
from daemon.executions.judging import Judge
from daemon.store import aftercare
from tests.daemon.report.world import HOUR, World, fine, watched, wrong

INSTANCES = (
    Instance("acme-prod", "vpc", "vpc", stage="production", owner="platform"),
    Instance("acme-prod", "shop", "shop", stage="production", owner="payments"),
    Instance("acme-edge", "cdn", "cdn", stage="production", owner="platform"),
    Instance("acme-staging", "vpc", "vpc", stage="staging", owner="platform"),
)
OLD, NEW = "a" * 40, "b" * 40


class Nobody:
    """Nothing looks at these stacks: how they stood is written down by hand below."""

    def places(self, stack: str) -> list[tuple[str, str]]:
        return []

    def look(self, check: str, place: str) -> bool:
        return False

    def mine(self, stack: str, resource: str, place: str) -> bool:
        return False

    def unowned(self, stack: str) -> str:
        return ""


@dataclass
class Site:
    """Where runs are recorded."""

    it: World
    count: int = 0

    def __post_init__(self) -> None:
        it = self.it
        self.intake = Intake(it.store, lambda: it.now)
        care = Aftercare(it.store, lambda: it.now, Nobody(), instances=lambda: INSTANCES)
        self.judge = Judge(it.store, it.recorder, lambda: it.now, lambda: INSTANCES, after=care)
        self.care = care

    def event(self, run: str, seq: int, name: str, at: datetime, **data: Any) -> None:
        self.it.now = at
        self.intake.events(
            [parse({"schema": 1, "run_id": run, "seq": seq, "event": name, "ts": at.isoformat(), **data})]
        )

    def apply(
        self, where: str, at: datetime, *, commit: str = NEW, lead: timedelta | None = None, rc: int = 0,
        health: Health = Health.HEALTHY, over: timedelta | None = None, kept: bool | None = True,
    ) -> None:  # fmt: skip
        """A run of five minutes; *lead*: how long before its end it was committed; *over*: when it was well again."""
        self.count += 1
        run = f"01890a5d-ac96-774b-bcce-{self.count:012x}"
        stack, _, component = where.partition("/")
        ended = at + timedelta(minutes=5)
        data = {} if lead is None else {"git_committed_at": (ended - lead).isoformat()}
        self.event(
            run, 0, "run.start", at, workflow="deploy", stack=stack, component=component, git_sha=commit, actor="ana",
            **data,
        )  # fmt: skip
        self.event(run, 1, "phase.start", at + timedelta(minutes=1), phase="apply")
        self.event(run, 2, "summary", ended, operation="apply", add=1, change=2, remove=0)
        self.event(run, 3, "run.end", ended, rc=rc)
        for _ in range(2):
            self.judge.tick()
            self.care.tick()
        self.it.now = ended + HOUR
        self.care.tick()
        with self.it.store.transaction() as tx:
            row = aftercare.find(tx.db, run)
            if row is not None:
                since = ended + timedelta(minutes=10)
                until = None if over is None else since + over
                worse = (Worse("v1:x", "alarm api-5xx", since, until, ended, confirmed=True),)
                found = Verdict(health, f"{health} after it", worse if health is Health.WORSE else ())
                aftercare.save(tx.db, replace(row, health=str(health), verdict=stored(found), told=False))
                aftercare.set_cycle(tx.db, run, adheres=kept)
        self.judge.tick()


def production(it: World) -> None:
    """Good and bad applies, a way back, one that nobody watched, and changes that nobody recorded."""
    watched(it)
    site = Site(it)
    site.apply("acme-prod/vpc", it.day(2, 9, -2), commit=OLD, lead=26 * HOUR)
    site.apply("acme-staging/vpc", it.day(0, 9, -1), lead=HOUR)
    site.apply("acme-prod/vpc", it.day(1, 9, -1), lead=30 * HOUR, kept=False)
    site.apply("acme-prod/shop", it.day(0, 9), rc=1)
    site.apply("acme-prod/shop", it.day(0, 11), lead=3 * HOUR)
    site.apply("acme-prod/vpc", it.day(1, 9), commit=OLD, lead=200 * HOUR)
    site.apply("acme-prod/vpc", it.day(2, 9), commit="c" * 40, lead=5 * HOUR, health=Health.WORSE, over=2 * HOUR)
    site.apply("acme-prod/vpc", it.day(2, 15), commit=OLD, kept=None)
    site.apply("acme-edge/cdn", it.day(3, 10), lead=4 * HOUR, health=Health.WORSE, kept=False)
    site.apply("acme-edge/cdn", it.day(4, 10), health=Health.NOT_WATCHED)
    labels = {"stack": "acme-prod", "component": "vpc", "stage": "production", "owner": "platform"}
    stray = wrong("changes of s3://state/vpc", "changes_unrecorded", Kind.SECURITY_VIOLATION,
                  "unrecorded change of s3://state/vpc: 1 added", key="change:7:0123456789ab")  # fmt: skip
    other = wrong("changes of s3://state/shop", "changes_unrecorded", Kind.SECURITY_VIOLATION,
                  "unrecorded change of s3://state/shop: 1 added", key="change:8:0123456789ab")  # fmt: skip
    it.look("state", "acme-prod/vpc", it.day(1, 8, -2), fine("changes of s3://state/vpc", "changes_recorded"),
            labels=labels)  # fmt: skip
    it.look("state", "acme-prod/vpc", it.day(3, 8), stray, labels=labels)
    shop = {**labels, "component": "shop"}
    it.look("state", "acme-prod/shop", it.day(1, 8, -2), fine("changes of s3://state/shop", "changes_recorded"),
            labels=shop)  # fmt: skip
    it.look("state", "acme-prod/shop", it.day(3, 9), other, labels=shop)
    # A run was heard of late that explains this one.
    it.look("state", "acme-prod/shop", it.day(3, 10), fine("changes of s3://state/shop", "changes_recorded"),
            labels=shop)  # fmt: skip
    it.deliver()
