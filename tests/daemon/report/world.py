"""Stores for reports, seeded through the same doors that the daemon uses: runs, readings, findings, deliveries."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from alerts.policy import Policy
from alerts.routes import Routes
from alerts.silences import Matcher
from checks.base import Fact, Finding, Kind, Outcome, Reading
from checks.spend.model import Bill, stored
from daemon.desk import Desk
from daemon.measures import keep
from daemon.record import Recorder, Run
from daemon.report.model import Report
from daemon.report.period import Week
from daemon.reporting import made_of
from daemon.store import RunRow, Store, StoreOutbox

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = Week(2026, 47, BERLIN)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHANNEL = "C0000000001"
POLICY = Policy(routes=Routes(CHANNEL))
TEAMS = ("payments", "platform", "data")


@dataclass
class World:
    """A store and a clock that is set by hand."""

    store: Store
    week: Week
    now: datetime
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.store, POLICY)

    def day(self, number: int, hour: float = 12, week: int = 0) -> datetime:
        """A time of the reported week (*week* -1: of the one before): day 0 is Monday, local."""
        first = self.week.before(-week) if week else self.week
        return first.starts + timedelta(days=number, hours=hour)

    def quiet(
        self, check: str, place: str, since: datetime, until: datetime, every: timedelta,
        readings: tuple[Reading, ...] = (), labels: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Looks that all went well and saw the same."""
        at = since
        self.now = since
        with self.store.transaction() as tx:
            while at < until:
                end = at + timedelta(seconds=20)
                tx.save_run(RunRow(check, place, labels or {}, at, end, "ok", next_due=at + every))
                if at == since:
                    tx.save_readings(check, place, readings or (fine(place),), end)
                at += every

    def look(
        self, check: str, place: str, at: datetime, *readings: Reading, labels: Mapping[str, str] | None = None,
        every: timedelta = DAY, failure: tuple[str, str] | None = None, kept: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """One look, as the daemon records it."""
        self.now = at
        run = Run(check, place, labels or {}, at - timedelta(seconds=20), at, readings, failure, kept or {})
        self.recorder.record(run, at + every)

    def deliver(self, seconds: float = 0.4) -> None:
        """Send all that waits, each *seconds* after it was stored."""
        outbox = StoreOutbox(self.store)
        while ready := outbox.ready(self.now + 365 * DAY):
            for each in ready:
                created = each.created_at
                assert created is not None
                outbox.mark_sending(each.id, created)
                outbox.mark_sent(each.id, f"{created.timestamp():.6f}", created + timedelta(seconds=seconds))

    def acknowledge(self, summary: str, at: datetime, who: str) -> None:
        """A person has it in hand."""
        self.now = at
        assert self._desk.acknowledge(self._fingerprint(summary), who).changed

    def silence(self, summary: str, at: datetime, who: str, reason: str, length: timedelta) -> None:
        """A person hides one incident."""
        self.now = at
        assert self._desk.silence_incident(self._fingerprint(summary), who, reason, length).changed

    def hide(self, stack: str, at: datetime, who: str, reason: str, length: timedelta) -> None:
        """A person hides all that a stack will say."""
        self.now = at
        assert self._desk.silence(Matcher(stacks=(stack,)), who, reason, length).changed

    @property
    def _desk(self) -> Desk:
        return Desk(self.store, POLICY, lambda: self.now)

    def _fingerprint(self, summary: str) -> str:
        (found,) = [each for each in self.store.incidents() if summary in each.summary]
        return found.fingerprint

    def report(self, at: datetime | None = None, week: Week | None = None) -> Report:
        """The report as of the Monday after, 09:00 local."""
        chosen = week or self.week
        with self.store.read() as view:
            return made_of(view, chosen, at or chosen.ends + 9 * HOUR, "https://barograph.example.com")


@contextmanager
def world(folder: Path, week: Week = WEEK) -> Iterator[World]:
    made: list[World] = []
    with Store.open(folder / "barograph.db", lambda: made[0].now if made else week.starts) as store:
        store._db.execute("pragma synchronous = off")
        made.append(World(store, week, week.starts))
        yield made[0]


def fine(
    resource: str, verdict: str = "in_sync", values: Mapping[str, float] | None = None, /, **evidence: Any
) -> Reading:
    return Reading(resource, Outcome.HEALTHY, verdict, f"{resource}: {verdict}", (), values or {}, evidence)


def wrong(
    resource: str, verdict: str, kind: Kind, summary: str, /, *, key: str = "", remedy: str = "",
    facts: frozenset[Fact] = frozenset(), values: Mapping[str, float] | None = None, **evidence: Any,
) -> Reading:  # fmt: skip
    finding = Finding(kind, key or verdict, summary, facts, remedy=remedy or f"look at {resource}")
    return Reading(resource, Outcome.UNHEALTHY, verdict, summary, (finding,), values or {}, evidence)


def instance(name: str, stage: str = "production", owner: str = "platform") -> tuple[str, dict[str, str]]:
    """(place, labels) of a component instance."""
    stack, _, component = name.partition("/")
    return name, {"stack": stack, "component": component, "stage": stage, "owner": owner, "account": "111111111111"}


def drifted(place: str, what: str = "2 resources were changed by hand") -> Reading:
    stack, _, component = place.partition("/")
    return wrong(place, "drift", Kind.DRIFT, what, key="drift", remedy=f"atmos terraform plan {component} -s {stack}")


PLACES = ("acme-prod/vpc", "acme-prod/service/payments", "acme-staging/service/payments", "acme-dev/vpc")


def watched(it: World, weeks: int = 12, checks: tuple[str, ...] = ("drift",)) -> None:
    """*weeks* of looks without a finding, up to Monday morning after the week."""
    since, until = it.week.before(weeks - 1).starts + HOUR, it.week.ends + 8 * HOUR
    it.quiet("barograph", "self", since, until, HOUR, labels={"stage": "all"})
    if "drift" in checks:
        for place in PLACES:
            _, labels = instance(place)
            it.quiet("drift", place, since, until, 6 * HOUR, labels=labels)
    if "state" in checks:
        for place in PLACES:
            _, labels = instance(place)
            it.quiet("state", place, since, until, 6 * HOUR, (fine(f"s3://state/{place}", "ok"),), labels)
    account = {"account": "111111111111", "stage": "production", "owner": "platform"}
    for check, verdict in (("backups", "protected"), ("quotas", "within"), ("utilization", "within"),
                           ("security", "encrypted"), ("certificates", "ok"), ("compliance", "kept")):  # fmt: skip
        if check in checks:
            it.quiet(
                check, "111111111111/eu-west-1", since, until, DAY, (fine(f"arn:aws:x:::{check}", verdict),), account
            )


ALL = ("drift", "state", "backups", "quotas", "utilization", "security", "certificates", "compliance")


def bill(days: Mapping[str, Callable[[datetime], float]], last: datetime, count: int = 66) -> Any:
    """What the cost check keeps: amounts by service for *count* days up to *last*."""
    dates = [(last - timedelta(days=number)).date() for number in range(count)]
    amounts: dict[tuple[str, str], dict[Any, float]] = {("total", ""): {}}
    for name, amount in days.items():
        amounts["service", name] = {}
        for day in dates:
            value = round(amount(datetime(day.year, day.month, day.day, tzinfo=UTC)), 2)
            amounts["service", name][day] = value
            amounts["total", ""][day] = round(amounts["total", ""].get(day, 0.0) + value, 2)
    return {"at": last.timestamp(), "asked": {}, "value": stored(Bill("USD", dict.fromkeys(dates, False), amounts))}


SERVICES = tuple(
    f"acme-{stage}/{name}"
    for stage in ("prod", "staging", "dev")
    for name in ("service/shop", "service/billing", "eks", "rds")
)


def full(it: World, seed: int = 7) -> None:
    """A busy installation: something in every section, over a quarter."""
    dice = random.Random(seed)
    watched(it, 13, ALL)
    events: list[tuple[datetime, Callable[[datetime], None]]] = []
    since, until = it.week.before(12).starts + HOUR, it.week.ends + 8 * HOUR
    owners = {}
    for number, name in enumerate(SERVICES):
        owners[name] = instance(name, name.partition("-")[2].partition("/")[0].replace("prod", "production"),
                                TEAMS[number % 3])[1]  # fmt: skip
        it.quiet("drift", name, since, until, 6 * HOUR, labels=owners[name])

    def drift(place: str, *readings: Reading) -> Callable[[datetime], None]:
        return lambda at: it.look("drift", place, at, *readings, labels=owners[place], every=6 * HOUR)

    for week in range(-9, 1):
        for place in dice.sample(SERVICES, dice.randint(2, 5)):
            at = it.day(dice.randint(0, 4), dice.uniform(7, 15), week)
            count = dice.randint(2, 6)
            events.append((at, drift(place, drifted(place, f"{count} resources were changed by hand in {place}"))))
            if week < 0 or place.startswith("acme-dev"):
                events.append((at + dice.uniform(2, 30) * HOUR, drift(place, fine(place))))
    for at, check, where, readings, labels in _happened(it):
        events.append((at, partial(_looked, it, check, where, readings, labels)))
    events.append((it.day(6, 20, -1), lambda at: _kept(it, at)))
    for at, event in sorted(events, key=lambda one: one[0]):
        event(at)
    spend(it)
    it.deliver()
    it.acknowledge("Anybody can read", it.day(5, 16.1), "ana")
    it.deliver()


def _looked(
    it: World, check: str, where: str, readings: tuple[Reading, ...], labels: Mapping[str, str], at: datetime
) -> None:
    it.look(check, where, at, *readings, labels=labels)


def _kept(it: World, at: datetime) -> None:
    it.now = at
    keep(it.store, at)


def _happened(it: World) -> Iterator[tuple[datetime, str, str, tuple[Reading, ...], Mapping[str, str]]]:
    """Looks of the other checks: (when, check, place, readings, labels)."""
    account = "111111111111/eu-west-1"
    labels = {"account": "111111111111", "stage": "production", "owner": "platform", "region": "eu-west-1"}
    bucket = "arn:aws:s3:::acme-prod-exports"
    yield it.day(1, 9, -3), "security", account, (fine(bucket, "private", {"violations_suppressed": 0.0}),), labels
    yield it.day(5, 16), "security", account, (wrong(
        bucket, "public_bucket", Kind.SECURITY_VIOLATION, "Anybody can read the bucket acme-prod-exports",
        facts=frozenset({Fact.PUBLIC_DATA}),
        remedy="aws s3api put-public-access-block --bucket acme-prod-exports --public-access-block-configuration "
        "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true"),), labels  # fmt: skip
    now = it.week.ends.timestamp()
    stores = tuple(
        fine(f"arn:aws:rds:eu-west-1:111111111111:db:{name}", "protected",
             {"data_stores_unprotected": 0.0, "last_recovery_timestamp_seconds": now - age * 3600}, kind="rds")
        for name, age in (("users", 2), ("sessions", 7), ("billing", 11))
    )  # fmt: skip
    orders = "arn:aws:rds:eu-west-1:111111111111:db:orders"
    late = wrong(
        orders, "late", Kind.BACKUP_FAILURE,
        "rds orders: the newest recovery point is 3 days old; 26 hours are asked for",
        remedy="aws rds create-db-snapshot --db-instance-identifier orders --db-snapshot-identifier orders-now",
        values={"data_stores_unprotected": 1.0, "last_recovery_timestamp_seconds": now - 74 * 3600}, kind="rds",
    )  # fmt: skip
    yield it.day(0, 8, -2), "backups", account, (fine(orders, "protected"), *stores), labels
    yield it.day(4, 8), "backups", account, (late, *stores), labels
    shop = "arn:aws:acm:eu-west-1:111111111111:certificate/shop"
    ends = (it.week.ends + 12 * DAY).timestamp()
    yield it.day(1, 8, -2), "certificates", account, (fine(shop, "ok"),), labels
    yield it.day(2, 8), "certificates", account, (
        wrong(shop, "near_end", Kind.CERTIFICATE_EXPIRY, "shop.example.com ends in 12 days, and its renewal failed",
              values={"not_after_timestamp_seconds": ends, "unused": 0.0}, subject="shop.example.com",
              remedy=f"aws acm describe-certificate --certificate-arn {shop}"),
        fine("arn:aws:acm:eu-west-1:111111111111:certificate/api", "ok",
             {"not_after_timestamp_seconds": ends + 40 * 86400, "unused": 0.0}, subject="api.example.com"),
    ), labels  # fmt: skip
    quota = "arn:aws:servicequotas:eu-west-1:111111111111:vpc/L-F678F1CE"
    yield it.day(1, 8, -2), "quotas", account, (fine(quota, "within"),), labels
    yield it.day(3, 8), "quotas", account, (
        wrong(quota, "filling", Kind.UTILIZATION, "vpc VPCs per Region: 13 of 15, full within 3 weeks",
              values={"usage_ratio": 13 / 15, "full_timestamp_seconds": (it.week.ends + 19 * DAY).timestamp()},
              service_code="vpc", quota_name="VPCs per Region",
              remedy="aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE"
              " --region eu-west-1 --desired-value 30  # ask for more"),
        *(fine(f"arn:aws:servicequotas:eu-west-1:111111111111:{code}", "within", {"usage_ratio": ratio},
               service_code=code.partition("/")[0], quota_name=name)
          for code, name, ratio in (("lambda/L-B99A9384", "Concurrent executions", 0.41),
                                    ("ec2/L-1216C47A", "Running On-Demand Standard instances", 0.28))),
    ), labels  # fmt: skip
    busy = "arn:aws:rds:eu-west-1:111111111111:db:orders#storage"
    yield it.day(1, 8, -2), "utilization", account, (fine(busy, "within"),), labels
    yield it.day(3, 9), "utilization", account, (
        wrong(busy, "over_used", Kind.UTILIZATION, "rds orders: 91 % of its storage is used", key="storage",
              remedy="aws rds modify-db-instance --db-instance-identifier orders --allocated-storage 400"),
        wrong("arn:aws:ec2:eu-west-1:111111111111:instance/i-0abc", "under_used", Kind.PERFORMANCE,
              "ec2 batch-1: 4 % of its processor is used", key="processor_under_used"),
    ), labels  # fmt: skip
    for week, prod in ((-3, 0.66), (-1, 0.71), (0, 0.78)):
        yield it.day(2, 6, week), "compliance", "estate", tuple(
            Reading(
                f"stack/{stack}", Outcome.UNHEALTHY, "gaps", f"{stack}: {score:.0%} of the rules are kept",
                tuple(Finding(Kind.COMPLIANCE, f"rule:{rule}", f"{stack}: {lack}", remedy="barograph check compliance")
                      for rule, lack, until in (("tags", "resources lack required tags (4)", 1),
                                                ("log_retention", "log groups keep less than 30 days (2)", 0),
                                                ("alarms", "resources have no alarm (7)", -1))
                      if week < until or rule == "tags"),
                {"score_ratio": score}, {"scored": stack, "stage": stage},
            )
            for stack, stage, score in (("acme-prod", "production", prod), ("acme-staging", "staging", 0.9))
        ), {"stage": "all"}  # fmt: skip


def spend(it: World) -> None:
    """Costs that grow by one service."""
    last = it.week.ends - HOUR
    grows = (it.week.starts - 2 * DAY).date()
    services = {
        "Amazon Elastic Compute Cloud": lambda day: 212.0 + 9 * (day.weekday() < 5),
        "Amazon Relational Database Service": lambda day: 96.5,
        "Amazon Simple Storage Service": lambda day: 31.2,
        "AWS Lambda": lambda day: 12.4 if day.date() < grows else 44.8,
    }
    place, labels = "999999999999", {"account": "999999999999", "stage": "all"}
    it.look(
        "cost", place, it.week.ends + 6 * HOUR,
        fine(f"{place}/spend", "as_usual", {"week_usd": 2500.0}),
        fine(f"{place}/forecast", "within", {"forecast_usd": 11_240.0}),
        wrong(f"{place}/budget/all", "over_forecast", Kind.COST_OPPORTUNITY, "Budget all: 11,240 USD are forecast",
              values={"budget_limit_usd": 11_000.0, "budget_actual_usd": 8_320.0, "budget_forecast_usd": 11_240.0},
              budget="all"),
        *(wrong(f"arn:aws:ec2:::{name}#saving", "saving", Kind.COST_OPPORTUNITY,
                f"Rightsize {name}: {amount:.0f} USD a month",
                values={"savings_monthly_usd": amount}, action="Rightsize",
                remedy="aws cost-optimization-hub list-recommendations --region us-east-1")
          for name, amount in (("i-0web", 118.0), ("i-0batch", 64.0), ("vol-0old", 22.5))),
        labels=labels, kept={"bill": bill(services, last)}, every=8 * HOUR,
    )  # fmt: skip
