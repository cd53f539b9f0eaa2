"""The checklist of one instance before it is applied: for `barograph preflight --stack S --component C`.

Nothing of the service needs to run. What its store tells is read, and what it lacks, or is too old, is looked at now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from checks.base import Instance, LookFailed, Outcome, Reading, Scope
from checks.estate import KEY as ESTATE
from checks.needs.asked import ACTIONS
from checks.needs.asked import items as asked
from checks.needs.wanted import wanted
from checks.plans.evidence import evidence
from checks.plans.impact import Reduced, reduced
from checks.plans.judge import judge
from checks.plans.look import LookStatus, PlanLook
from checks.plans.model import NotJudgeable
from checks.runs.errors import Lock, unlock
from checks.runs.holders import Holder
from checks.runs.impact import Impact, Source, row_of
from checks.runs.outlook import Answer as Told
from checks.runs.outlook import Around, Drifted, Known, Line, outlook
from checks.states.model import LOCK, LockSeen
from checks.toolchain import Answer, Item
from daemon.estate import looked
from daemon.executions.impacts import around
from daemon.executions.locks import holder
from daemon.inventory.model import Inventory, InventoryError, Watched
from daemon.planning.copies import temporary
from daemon.record import Run
from daemon.store import Reader, StoreError
from daemon.store.around import readings_of
from daemon.store.rows import ReadingRow
from daemon.store.store import open_reader
from daemon.toolchain.checklist import checklist

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.eyes import Eyes

_T = TypeVar("_T")
NAME = "preflight"  # under which AWS is asked
_MOST = 64 * 1_048_576  # bytes of a plan
_FRESH = timedelta(hours=2)
_LOOKERS = ("quotas", "network", "backups")
_ANSWERS: Mapping[Told, Answer] = {
    Told.FINE: Answer.PASS, Told.BAD: Answer.FAIL, Told.UNKNOWN: Answer.COULD_NOT_LOOK,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be gone through. *plan*: a file with the plan as JSON; *makes*: whether one is made without it."""

    stack: str
    component: str
    plan: Path | None = None
    makes: bool = True


@dataclass
class _Going:
    """One passage through the list."""

    eyes: Eyes
    asked: Asked
    watched: Watched
    store: Path | None
    runs: list[Run] = field(default_factory=list)
    secret_plan: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def instance(self) -> Instance:
        return self.watched.instance

    @property
    def place(self) -> str:
        return f"{self.instance.account}/{self.instance.region}"


class UnknownInstanceError(Exception):
    """No instance of that name; the text says which there are."""


def look(config: Config, environ: Mapping[str, str], wanted_of: Asked) -> tuple[Item, ...]:
    """Every item. Raises UnknownInstanceError."""
    from daemon.commands.check import ended_by_signals
    from daemon.eyes import open_eyes

    runs: list[Run] = []
    with (
        temporary("barograph-preflight-") as folder,
        ended_by_signals(),
        open_eyes(config, folder / "scratch", environ, _now, seen=looked(runs)) as eyes,
    ):
        try:
            inventory = eyes.loader.load()
        except InventoryError as error:
            failed = Item("inventory", Answer.FAIL, str(error), "barograph inventory")
            return (failed, *checklist(eyes.bench, None))
        mine = _of(inventory, wanted_of)
        alone = replace(inventory, watched=(mine,))
        going = _Going(eyes, wanted_of, mine, config.store.path if config.store.path.exists() else None, runs)
        return (
            Item("inventory", Answer.PASS, f"{mine.instance.key} is one of {len(inventory.watched)} instances"),
            *checklist(eyes.bench, alone, eyes.loader.tree),
            *_items(going, inventory),
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _of(inventory: Inventory, asked_of: Asked) -> Watched:
    for one in inventory.watched:
        if (one.instance.stack, one.instance.component) == (asked_of.stack, asked_of.component):
            return one
    there = sorted(one.instance.component for one in inventory.watched if one.instance.stack == asked_of.stack)
    known = f"; that stack has {', '.join(there[:10])}" if there else f"; no stack is called {asked_of.stack}"
    raise UnknownInstanceError(f"no instance is called {asked_of.stack}/{asked_of.component}{known}")


def _items(going: _Going, inventory: Inventory) -> Iterator[Item]:
    directory = going.eyes.directory
    directory.take(inventory)
    if directory.settings.discovers:
        directory.refresh()
    yield from _lock(going, inventory)
    found, item = _planned(going)
    yield item
    if found is None:
        yield from _blocks(going, inventory, going.asked.makes or going.asked.plan is not None)
        return
    impact = _impact(found)
    yield from _opened(impact)
    seen = _around(going, inventory, impact)
    yield from (_item(line) for line in outlook(impact, seen, _now()))
    yield from _blocks(going, inventory, True)
    yield from _needs(going, found)


# The plan


def _planned(going: _Going) -> tuple[Reduced | None, Item]:
    if going.asked.plan is None and not going.asked.makes:
        return None, Item("plan", Answer.NOT_NEEDED, "left out: what would be created and destroyed is not looked at")
    try:
        plan = _read(going.asked.plan) if going.asked.plan is not None else _made(going)
        found = reduced(plan)
    except (LookFailed, NotJudgeable) as error:
        remedy = "terraform show -json PLANFILE >plan.json, and give it with --plan plan.json"
        return None, Item("plan", Answer.COULD_NOT_LOOK, str(error), remedy)
    going.secret_plan = plan
    counts = ", ".join(f"{number} to {action}" for action, number in sorted(found.counts.items())) or "changes nothing"
    if found.partial:
        return found, Item("plan", Answer.COULD_NOT_LOOK, f"{counts}; {found.partial}", "plan all of it")
    return found, Item("plan", Answer.PASS, counts)


def _read(path: Path) -> Mapping[str, Any]:
    """A plan as JSON. Raises LookFailed, and says nothing of what is in it."""
    try:
        if path.stat().st_size > _MOST:
            raise LookFailed("failed", f"{path} has more than {_MOST >> 20} MiB")
        plan = json.loads(path.read_bytes())
    except OSError as error:
        raise LookFailed("failed", f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise LookFailed("failed", f"{path} is no JSON: give the output of `terraform show -json PLANFILE`") from None
    if not isinstance(plan, dict):
        raise LookFailed("failed", f"{path} is no plan: give the output of `terraform show -json PLANFILE`")
    return plan


def _made(going: _Going) -> Mapping[str, Any]:
    """One read-only plan, as the check `drift` makes it. Raises LookFailed."""
    from daemon.places import PlannedInstance

    tree = going.eyes.loader.tree
    seen: PlanLook = PlannedInstance(going.watched, tree.fingerprint, going.eyes.planner, _now, tree).plan()
    if seen.status is LookStatus.NEVER_DEPLOYED:
        raise LookFailed("failed", "it was never deployed: without a state no plan is made here")
    if seen.status is not LookStatus.PLANNED or seen.plan is None:
        raise LookFailed("failed", seen.reason or f"it cannot be planned: {seen.status}")
    return seen.plan


def _impact(found: Reduced) -> Impact:
    rows = tuple(row for told in found.rows if (row := row_of(told)) is not None)
    return Impact(
        NAME, Source.PLAN, _now(), rows, found.counts, found.created, found.left_out, partial=found.partial
    )  # fmt: skip


def _opened(impact: Impact) -> Iterator[Item]:
    for row in impact.rows:
        if row.opens:
            remedy = "see that this is meant, before it is applied"
            yield Item(f"opens {row.address}", Answer.FAIL, "; ".join(row.opens), remedy)
        elif row.unclear:
            yield Item(f"opens {row.address}", Answer.COULD_NOT_LOOK, "what it opens is known only after the apply")
        if row.order == "destroy_first":
            told = "it is destroyed before the new one is created"
            yield Item(f"replaces {row.address}", Answer.FAIL, told, "create_before_destroy, or a window for it")


# What surrounds it


def _around(going: _Going, inventory: Inventory, impact: Impact) -> Around:
    """Out of the store, as far as it is fresh; what it lacks is looked at now."""
    seen = Around(going.instance.stage, going.place if going.instance.account and going.instance.region else "")
    seen = _stored(going, lambda view: around(view, going.instance, impact), seen)
    now = _now()
    for name in _LOOKERS:
        if seen.place and now - seen.looked.get(name, now - 2 * _FRESH) > _FRESH:
            seen = _with(seen, name, _run(going, inventory, name, seen.place))
    return _judged(going, seen)


def _run(going: _Going, inventory: Inventory, name: str, place: str) -> Run | None:
    """A look of a check now; None: it is switched off, or does not look there."""
    from daemon.commands.check import NoRecords
    from daemon.runner import Runner

    if name not in going.eyes.plans:
        return None
    there = going.eyes.places(inventory, going.eyes.loader.tree)[name].get(place)
    if there is None:
        return None
    run = Runner(going.eyes.plans, NoRecords(), _now).run(name, there)
    going.runs.append(run)
    return run


def _with(seen: Around, name: str, run: Run | None) -> Around:
    if run is None or run.failure is not None:
        return seen
    known = {
        one.resource: Known(one.resource, one.outcome, one.verdict, one.summary, run.ended, one.values)
        for one in run.readings
    }  # fmt: skip
    seen = replace(seen, looked={**seen.looked, name: run.ended})
    if name == "backups":
        return replace(seen, backups={**seen.backups, **known})
    if name == "network":
        subnets = {arn.rpartition("/")[2]: one for arn, one in known.items() if "subnet_addresses_free" in one.values}
        return replace(seen, subnets={**seen.subnets, **subnets})
    quotas = {
        (str(one.evidence.get("service_code")), str(one.evidence.get("quota_code"))): known[one.resource]
        for one in run.readings
        if one.evidence.get("service_code") and "#" not in one.resource
    }
    return replace(seen, quotas={**seen.quotas, **quotas})


def _judged(going: _Going, seen: Around) -> Around:
    """With the drift that the plan itself shows, where no incident tells of any."""
    if seen.incidents or going.secret_plan is None:
        return seen
    now = _now()
    try:
        judgement = judge(going.secret_plan)
    except NotJudgeable as error:
        told = Known(going.instance.key, Outcome.UNKNOWN, "error", f"the plan cannot be judged: {error}", now)
        return replace(seen, drift=seen.drift or told)
    differences = evidence(judgement).get("differences") or ()
    drift = Known(going.instance.key, Outcome.HEALTHY, str(judgement.verdict), judgement.reason, now)
    drifted = Drifted("", judgement.reason, now, "", tuple(differences))
    return replace(seen, drift=drift, incidents=(drifted,))


def _item(line: Line) -> Item:
    about = "" if line.subject == line.topic else f" {line.subject}"
    return Item(f"{line.topic}{about}", _ANSWERS[line.answer], line.told, line.remedy or _remedy(line))


def _remedy(line: Line) -> str:
    if line.answer is Told.FINE:
        return ""
    words = {"drift": "see who changed it, and put it into the code before it is undone",
             "quota": "barograph check quotas", "subnet": "barograph check network"}  # fmt: skip
    return words.get(str(line.topic), "")


# What does not hang on the plan


def _lock(going: _Going, inventory: Inventory) -> Iterator[Item]:
    name = "state lock"
    going.eyes.states.take(inventory)
    place = going.eyes.states.places().get(going.instance.key)
    try:
        if place is None:
            raise LookFailed("failed", "its state is not read here")
        seen = place.look()  # type: ignore[attr-defined]  # the place of an instance's state, by its key
    except LookFailed as error:
        yield Item(name, Answer.COULD_NOT_LOOK, str(error), "barograph check state")
        return
    if LOCK in seen.gaps:
        yield Item(name, Answer.COULD_NOT_LOOK, seen.gaps[LOCK].what, "barograph check state")
    elif seen.locks:
        lock = seen.locks[0]
        since = f" since {lock.created:%Y-%m-%d %H:%M} UTC" if lock.created is not None else ""
        yield Item(name, Answer.FAIL, f"held by {lock.who or 'somebody'}{since}", _after_lock(going, lock))
    else:
        yield Item(name, Answer.PASS, "nobody holds it")


def _after_lock(going: _Going, seen: LockSeen) -> str:
    """What to do about a lock: its owner is asked of the runs that are recorded."""
    created = f"{seen.created:%Y-%m-%d %H:%M:%S.%f} +0000 UTC" if seen.created is not None else ""
    lock, mine = Lock(seen.id, seen.who, seen.operation, created), going.instance
    known = _stored(going, lambda view: holder(view, mine.stack, mine.component, lock), Holder())
    return unlock(lock, going.instance, owner_ended=known.ended, owner=known.told)


def _blocks(going: _Going, inventory: Inventory, live: bool) -> Iterator[Item]:
    """Whether others hold the addresses that its variables plan, as the check `network` tells."""
    name = "CIDR blocks"
    known = _stored_blocks(going)
    if known is None and "network" not in going.eyes.plans:
        yield Item(name, Answer.NOT_NEEDED, "the check network is switched off")
        return
    if known is None:
        if live and not any(run.check == "network" for run in going.runs):
            _run(going, inventory, "network", going.place)
        run = _run(going, inventory, "network", ESTATE)
        if run is None or run.failure is not None:
            why = ": ".join(run.failure) if run is not None and run.failure is not None else "it does not look at all"
            yield Item(name, Answer.COULD_NOT_LOOK, f"the check network: {why}", "barograph check network")
            return
        told = {one.resource: one for one in run.readings}
        mine = told.get(f"planned/{going.instance.key}")
        if mine is None:
            yield _without_blocks(name, told.get(f"{ESTATE}/networks"))
            return
        known = Known(mine.resource, mine.outcome, mine.verdict, mine.summary, _now())
    answers = {"planned_free": Answer.PASS, "planned_overlap": Answer.FAIL}
    answer = answers.get(known.verdict, Answer.COULD_NOT_LOOK)
    yield Item(name, answer, known.summary, "" if answer is Answer.PASS else "barograph check network")


def _without_blocks(name: str, networks: Reading | None) -> Item:
    """Nothing is told of the instance: it plans no block, or nobody could compare."""
    if networks is None or networks.outcome is Outcome.UNKNOWN:
        why = networks.summary if networks is not None else "the check network does not say"
        return Item(name, Answer.COULD_NOT_LOOK, why, "barograph check network")
    if networks.outcome is Outcome.NOT_APPLICABLE:
        return Item(name, Answer.NOT_NEEDED, networks.summary)
    return Item(name, Answer.NOT_NEEDED, "its variables plan no block of addresses")


def _stored_blocks(going: _Going) -> Known | None:
    none: list[ReadingRow] = []
    rows = _stored(going, lambda view: readings_of(view.db, "network", [f"planned/{going.instance.key}"]), none)
    fresh = (row for row in rows if not row.stale_reason and _now() - row.at < timedelta(days=1))
    found = next(fresh, None)
    return Known(found.resource, found.outcome, found.verdict, found.summary, found.at) if found is not None else None


def _stored(going: _Going, read: Callable[[Reader], _T], otherwise: _T) -> _T:
    """What is stored; *otherwise*, where no store is, or it cannot be read: then it is looked at now."""
    if going.store is not None:
        with suppress(StoreError), open_reader(going.store) as view:
            return read(view)
    return otherwise


def _needs(going: _Going, found: Reduced) -> Iterator[Item]:
    """What AWS is asked for the plan itself."""
    from daemon.aws import Watching
    from daemon.aws.accounts import aws_places

    assert going.secret_plan is not None  # it was reduced
    needs = wanted(going.secret_plan, found)
    if not (needs.types or needs.images or needs.profiles or needs.names):
        return
    context = going.eyes.aws
    watching = Watching(NAME, frozenset(ACTIONS))
    place = aws_places(going.eyes.directory.accounts(), Scope.REGION, watching, context).get(going.place)
    if place is None:
        told = f"account {going.instance.account or '?'} in {going.instance.region or '?'} is not watched"
        yield Item("new resources", Answer.COULD_NOT_LOOK, told, "name it in aws.accounts")
        return
    opened: Sequence[Any] = [place.opened(timedelta(minutes=3))]  # type: ignore[attr-defined]  # an AWS place
    yield from asked(opened[0], needs)
