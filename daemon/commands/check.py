"""`barograph check`: look once, and say what was found."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from daemon.commands.config import config_file, load_or_exit

if TYPE_CHECKING:
    from alerts.policy import Policy
    from checks.base import Finding, Place, Reading
    from daemon.config import Config
    from daemon.eyes import Eyes
    from daemon.inventory.model import Inventory
    from daemon.record import Run
    from daemon.runner import Runner
    from daemon.turns import Turns

FINE, FINDINGS, USAGE, COULD_NOT_LOOK = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with the inventory: *problems* for people, and (place, reason) of what cannot be looked at."""

    problems: tuple[str, ...] = ()
    blind: tuple[tuple[str, str], ...] = ()


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@config_file
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--stack", default="*", show_default=True, help="Only stacks that fit this pattern.")
@click.option("--component", default="*", show_default=True, help="Only components that fit this pattern.")
def check(names: tuple[str, ...], path: Path, as_json: bool, stack: str, component: str) -> None:
    """Look once with the checks NAME (all if none is named), and say what was found. Nothing is stored or sent.

    Exit codes: 0 looked everywhere, and nothing is above info; 1 findings; 2 wrong usage or configuration;
    3 could not look somewhere, which wins over 1.
    """
    config = load_or_exit(path)
    unknown = [name for name in names if name not in config.checks]
    if unknown:
        raise click.UsageError(f"no check is called {', '.join(unknown)}; there are: {', '.join(config.checks)}")
    off = [name for name in names if not config.checks[name].enabled]
    if off:
        raise click.UsageError(f"switched off in {path}: {', '.join(off)}")
    from daemon.wiring import alert_policy

    runs, trouble = look(config, frozenset(names), stack, component)
    if not runs and not trouble.blind:
        raise click.UsageError(f"no instance fits --stack {stack} --component {component}")
    report = report_of(runs, trouble, alert_policy(config))
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for line in lines_of(report):
            click.echo(line)
    sys.exit(report["exit_code"])


def look(config: Config, names: frozenset[str], stack: str, component: str) -> tuple[list[Run], Trouble]:
    """Run the named checks (all if none) at every place that fits; give the runs, and what the inventory lacks."""
    from fnmatch import fnmatchcase

    from checks.base import Scope
    from checks.estate import KEY
    from daemon.estate import looked
    from daemon.eyes import open_eyes
    from daemon.inventory.model import Inventory, InventoryError
    from daemon.planning.copies import temporary
    from daemon.runner import Runner
    from daemon.turns import Turns
    from daemon.wiring import plan_workers

    runs: list[Run] = []
    with (
        temporary("barograph-check-") as folder,
        ended_by_signals(),
        open_eyes(config, folder / "scratch", os.environ, utc_now, seen=looked(runs)) as eyes,
    ):
        try:
            inventory = eyes.loader.load()
        except InventoryError as error:
            # What does not hang on the inventory is looked at all the same; the repository's files may say why.
            inventory = Inventory((), stale_because=str(error))
        unlisted = _list_accounts(eyes, inventory)
        runner = Runner(eyes.plans, NoRecords(), utc_now)
        jobs = [
            (name, place)
            for name, at in eyes.places(inventory, eyes.loader.tree).items()
            if not names or name in names
            for place in at.values()
            if fnmatchcase(place.labels.get("stack", ""), stack)
            and fnmatchcase(place.labels.get("component", ""), component)
        ]
        if any(eyes.plans[name].check.scope in (Scope.ACCOUNT, Scope.REGION) for name, _ in jobs):
            eyes.states.refresh()  # whose the resources are that these look at
        turns = Turns(utc_now, on_end=eyes.aws.pool.close_idle)
        with ThreadPoolExecutor(plan_workers(config)) as pool:
            try:
                # The estate is judged by what the others saw in this round.
                for last in (False, True):
                    runs += _looks(runner, [job for job in jobs if (job[1].key == KEY) is last], pool, turns)
            except BaseException:  # Ctrl-C: leaving the pool waits for the plans that run
                pool.shutdown(wait=False, cancel_futures=True)
                turns.stop()
                eyes.end_children()
                raise
        found = _trouble(inventory)
        return runs, replace(found, blind=(*found.blind, *unlisted))


def _list_accounts(eyes: Eyes, inventory: Inventory) -> tuple[tuple[str, str], ...]:
    """List accounts and regions where the configuration wants that; give what could not be listed, and why."""
    from daemon.accounts.telling import trouble

    if not eyes.directory.settings.discovers:
        return ()
    eyes.directory.take(inventory)
    return tuple(trouble(eyes.directory.refresh(), eyes.directory))


def _looks(runner: Runner, jobs: Sequence[tuple[str, Place]], pool: ThreadPoolExecutor, turns: Turns) -> Iterator[Run]:
    """Look at all of it side by side, at AWS in turns by region; give the runs in the order of *jobs*."""
    from daemon.runner import InLane

    found: dict[int, Run] = {}

    def look_at(number: int) -> None:
        found[number] = runner.run(*jobs[number])

    others = []
    for number, (name, place) in enumerate(jobs):
        if isinstance(place, InLane):
            turns.put(f"{name}|{place.key}", place.lane, name, partial(look_at, number))
        else:
            others.append(number)
    for _ in pool.map(look_at, others):
        pass
    turns.join()
    return (found[number] for number in range(len(jobs)))


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the block: no child and no plan is left behind, and the exit code is no answer."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may ask for signals
        return
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _trouble(inventory: Inventory) -> Trouble:
    from daemon.inventory.model import ABSTRACT

    left_out = [(f"{one.stack}/{one.component}", one.reason) for one in inventory.left_out if one.reason != ABSTRACT]
    if inventory.stale_because:
        left_out.append(("repository", inventory.stale_because))
    return Trouble(tuple(problem.summary for problem in inventory.problems), tuple(left_out))


def report_of(runs: Iterable[Run], trouble: Trouble, policy: Policy) -> dict[str, Any]:
    """Give what one look comes to, as JSON-able data: readings, findings with their tiers, and the exit code."""
    from checks.base import Outcome

    readings: list[dict[str, Any]] = []
    could_not = [{"place": place, "reason": reason} for place, reason in trouble.blind]
    above_info = bool(trouble.problems)
    for run in runs:
        if run.failure is not None:
            could_not.append({"place": run.place, "check": run.check, "reason": ": ".join(run.failure)})
        for reading in run.readings:
            findings = [_finding(finding, reading, run.labels, policy) for finding in reading.findings]
            if reading.outcome is Outcome.UNKNOWN:
                could_not.append({"place": reading.resource, "check": run.check, "reason": reading.summary})
            elif any(finding["tier"] != "info" for finding in findings):
                above_info = True
            readings.append(
                {
                    "check": run.check,
                    "resource": reading.resource,
                    "outcome": str(reading.outcome),
                    "verdict": reading.verdict,
                    "summary": reading.summary,
                    "findings": findings,
                    "evidence": dict(reading.evidence),
                    "seconds": round((run.ended - run.started).total_seconds(), 3),
                }
            )
    code = COULD_NOT_LOOK if could_not else FINDINGS if above_info else FINE
    problems = list(trouble.problems)
    return {"readings": readings, "could_not_look": could_not, "inventory_problems": problems, "exit_code": code}


def _finding(finding: Finding, reading: Reading, labels: Mapping[str, str], policy: Policy) -> dict[str, Any]:
    from alerts.owners import labels_of
    from alerts.tiers import tier_of

    labels = labels_of(labels, finding.owner)
    tier, why = tier_of(finding.kind, finding.facts, labels, reading.resource, policy.overrides)
    return {
        "kind": str(finding.kind),
        "tier": str(tier),
        "why": why,
        "summary": finding.summary,
        "remedy": finding.remedy,
        "addresses": list(finding.addresses),
        "owner": None if finding.owner is None else str(finding.owner),
    }


_WIDEST = 160  # characters: no resource makes all lines as long as itself


def lines_of(report: Mapping[str, Any]) -> Iterable[str]:
    """Give the report for people: what needs somebody first, what is fine last, in one line each. Safe to print."""
    return map(_printable, _lines_of(report))


def _lines_of(report: Mapping[str, Any]) -> Iterator[str]:
    order = {"unknown": 0, "unhealthy": 1, "not_applicable": 3, "healthy": 2}
    readings = sorted(report["readings"], key=lambda reading: (order[reading["outcome"]], reading["resource"]))
    width = min(_WIDEST, max((len(reading["resource"]) for reading in readings), default=0))
    for reading in readings:
        yield f"{reading['resource']:<{width}}  {reading['verdict']:<14}  {reading['summary']}"
        for finding in reading["findings"]:
            yield f"{'':<{width}}  {finding['tier'].upper()} {finding['kind']}: {finding['why']}"
            if finding["remedy"]:
                yield from (f"{'':<{width}}    {line}" for line in finding["remedy"].splitlines())
    for problem in report["inventory_problems"]:
        yield f"WARNING monitoring: {problem}"
    for blind in report["could_not_look"]:
        yield f"COULD NOT LOOK at {blind['place']}: {blind['reason']}"
    yield {
        FINE: "Looked everywhere; nothing above info.",
        FINDINGS: "Looked everywhere; there are findings.",
        COULD_NOT_LOOK: "Could not look everywhere, so this says nothing about the rest.",
    }[report["exit_code"]]


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def utc_now() -> datetime:
    return datetime.now(UTC)


class NoRecords:
    """A single look has no history and leaves none."""

    def begin(self, check: str, place: str, labels: Mapping[str, str], now: datetime) -> None:
        raise AssertionError("a single look is not recorded")

    def record(self, run: Run, next_due: datetime) -> None:
        raise AssertionError("a single look is not recorded")

    def job(self, check: str, place: str) -> Any:
        raise AssertionError("a single look has no history")

    def jobs(self) -> Mapping[tuple[str, str], Any]:
        return {}

    def retire(self, check: str, place: str, reason: str, now: datetime) -> None:
        raise AssertionError("a single look retires nothing")
