"""What watching costs, told before it is switched on: requests, plans, CPU and dollars. Pure, and an estimate.

Prices are those of us-east-1 before any discount; other regions charge up to half as much again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from checks.base import Asks, Scope
from daemon.config.discovery import ENABLED
from daemon.config.load import Config
from daemon.config.options import CheckSettings
from daemon.config.units import format_duration

DAY = timedelta(days=1)
DAYS = 30  # in a month
REGIONS = 17  # that are switched on in every account, before any was looked at: AWS' own that need no opting in
PLAN_CPU_SECONDS = 10.0  # init, plan and show of a small instance with the real AWS provider, measured: 8 to 12
EXPLORER_USD = 0.01  # a request to Cost Explorer: https://aws.amazon.com/aws-cost-management/pricing/
METRIC_USD = 0.01 / 1_000  # a metric that GetMetricData is asked for: https://aws.amazon.com/cloudwatch/pricing/
TRAIL_USD = 2.0 / 100_000  # an event in a second trail of an account: https://aws.amazon.com/cloudtrail/pricing/
GUARD_DUTY_USD = 4.0 / 1_000_000  # an event that GuardDuty reads: https://aws.amazon.com/guardduty/pricing/


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nothing written down tells."""

    instances: int = 0  # component instances, where no look has counted them; 0: not known
    resources: int = 50  # in each account and region
    planned: int = 30  # resources in each instance


@dataclass(frozen=True, slots=True)
class Line:
    """One check: what it asks in a day, and what a month of that costs."""

    check: str
    every: str  # for people
    places: int | None  # None: not known
    looks: float = 0  # a day, as all else but the money
    requests: float = 0
    plans: float = 0
    cpu_seconds: float = 0
    paid_usd: float = 0  # a month: what AWS charges for the requests themselves
    trail_usd: float = 0  # a month, where a second trail records what is read
    guard_duty_usd: float = 0  # a month, where GuardDuty is on


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a check, of one scope: how many there are of each stage."""

    stages: Mapping[str, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        return sum(self.stages.values())


Known = Mapping[tuple[str, Scope], Places]


def known_places(config: Config, watched: Iterable[tuple[str, str, Mapping[str, str]]]) -> Known:
    """Count the places of each check. *watched*: (check, place, labels) of what was looked at before, as stored.

    What was looked at counts for checks of instances and states, and for accounts and regions that are found as they
    come and go; the rest is counted as configured.
    """
    seen: dict[tuple[str, Scope], Counter[str]] = {}
    for name, key, labels in watched:
        settings = config.checks.get(name)
        scope = _scope_of(key, settings.check.scopes()) if settings else None
        if scope is not None:
            seen.setdefault((name, scope), Counter())[labels.get("stage", "")] += 1
    found: dict[tuple[str, Scope], Places] = {}
    for name, settings in config.checks.items():
        for scope in settings.check.scopes():
            listed, looked = _configured(config, settings, scope), seen.get((name, scope))
            stages = (looked or listed) if _found_live(config) else (listed or looked)
            if stages:
                found[(name, scope)] = Places(dict(stages))
    return found


def estimate(config: Config, known: Known, assumed: Assumed) -> tuple[Line, ...]:
    """One line for each check that is on, and asks AWS or plans."""
    lines = []
    for name, settings in config.checks.items():
        if settings.enabled:
            line = _line(name, settings, known, assumed)
            if line is not None:
                lines.append(line)
    return tuple(lines)


def total(lines: Iterable[Line]) -> Line:
    """All of them together."""
    every = list(lines)
    places = None if any(line.places is None for line in every) else sum(line.places or 0 for line in every)
    names = ("looks", "requests", "plans", "cpu_seconds", "paid_usd", "trail_usd", "guard_duty_usd")
    return Line("together", "", places, **{name: sum(getattr(line, name) for line in every) for name in names})


def table(lines: Iterable[Line]) -> tuple[str, ...]:
    """As lines of text: what a day asks for, then what a month costs."""
    every = list(lines)
    titles = ("", "every", "places", "calls/day", "plans/day", "CPU/day", "paid APIs", "2nd trail", "GuardDuty")
    rows = [titles, *(_cells(line) for line in (*every, total(every)))]
    widths = [max(len(row[n]) for row in rows) for n in range(len(titles))]
    return tuple(
        "  ".join(
            cell.ljust(width) if n < 2 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _cells(line: Line) -> tuple[str, ...]:
    cpu = f"{line.cpu_seconds / 60:,.0f} min" if line.cpu_seconds else "-"
    money = [f"${usd:,.2f}" for usd in (line.paid_usd, line.trail_usd, line.guard_duty_usd)]
    places = "?" if line.places is None else f"{line.places:,}"
    plans = f"{line.plans:,.0f}" if line.plans else "-"
    return (line.check, line.every, places, f"{line.requests:,.0f}", plans, cpu, *money)


def _line(name: str, settings: CheckSettings, known: Known, assumed: Assumed) -> Line | None:
    parts = []
    for scope in settings.check.scopes():
        asks = settings.check.asking(scope)
        if asks != Asks():
            parts.append(_part(settings, asks, scope, known.get((name, scope)), assumed))
    if not parts:
        return None
    summed = total(parts)
    return Line(
        name, _pace(settings), summed.places, summed.looks, summed.requests, summed.plans, summed.cpu_seconds,
        summed.paid_usd, summed.trail_usd, summed.guard_duty_usd,
    )  # fmt: skip


def _part(settings: CheckSettings, asks: Asks, scope: Scope, places: Places | None, assumed: Assumed) -> Line:
    if places is None:
        of_instances = scope in (Scope.INSTANCE, Scope.STATE)
        if not of_instances:
            return Line("", "", 0)  # no account is watched
        if not assumed.instances:
            return Line("", "", None)
        places = Places({"": assumed.instances})
    looks = sum(number * (DAY / settings.interval(stage)) for stage, number in places.stages.items())
    resources = assumed.planned if scope is Scope.INSTANCE else assumed.resources
    requests = looks * (asks.requests + resources * asks.per_resource)
    metrics = looks * resources * asks.metrics_per_resource
    paid = asks.paid_per_day * places.number
    recorded = 0.0 if asks.data else requests
    plans = looks * asks.plans
    return Line(
        "", "", places.number, looks, requests, plans, plans * PLAN_CPU_SECONDS,
        DAYS * (paid * EXPLORER_USD + metrics * METRIC_USD), DAYS * recorded * TRAIL_USD,
        DAYS * recorded * GUARD_DUTY_USD,
    )  # fmt: skip


def _pace(settings: CheckSettings) -> str:
    others = [f"{stage} {format_duration(every)}" for stage, every in settings.every_by_stage.items()]
    return ", ".join([format_duration(settings.every), *others])


def _scope_of(key: str, scopes: tuple[Scope, ...]) -> Scope | None:
    """Of what scope a stored place is, by its key."""
    if re.fullmatch(r"\d{12}", key):
        wanted = {Scope.ACCOUNT}
    elif re.fullmatch(r"\d{12}/[a-z0-9-]+", key):
        wanted = {Scope.REGION}
    else:
        wanted = {Scope.INSTANCE, Scope.STATE}
    return next((scope for scope in scopes if scope in wanted), None)


def _found_live(config: Config) -> bool:
    """Whether accounts or regions come from AWS, so that the configuration cannot tell how many there are."""
    return config.aws.discovery.finds_accounts or any(ENABLED in one.regions for one in config.aws.accounts)


def _configured(config: Config, settings: CheckSettings, scope: Scope) -> Mapping[str, int]:
    """How many places of each stage the configuration itself names."""
    accounts = config.aws.accounts
    if scope is Scope.ACCOUNT and settings.check.role == "payer":
        return {"": 1} if config.aws.payer_account else {}
    if scope is Scope.ACCOUNT:
        return Counter(str(account.stage or "") for account in accounts)
    if scope is Scope.REGION:
        stages: Counter[str] = Counter()
        for account in accounts:
            everywhere = not account.regions or ENABLED in account.regions
            stages[str(account.stage or "")] += REGIONS if everywhere else len(account.regions)
        return stages
    if scope in (Scope.INSTANCE, Scope.STATE) and config.source.kind == "terraform":
        found: Counter[str] = Counter()
        for root in config.source.roots:
            found[str(root.stage or "")] += max(1, len(root.workspaces))
        return found
    return {}
