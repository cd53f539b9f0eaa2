"""The composition root: the whole daemon, put together in one straight line and taken down in the opposite order."""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from alerts.next_steps import runbook
from checks import discover
from checks.base import Instance, Place
from daemon import obeying, web
from daemon.accounts.watch import AccountsWatch
from daemon.answers import info_digest
from daemon.audit import duties
from daemon.audit.configured import ConfigNotes
from daemon.audit.refusals import Refusals
from daemon.complying import compliance_of
from daemon.config import Config, load
from daemon.delivering import Deliveries, alone, listener
from daemon.desk import Desk
from daemon.digesting import Digester
from daemon.estate import stored
from daemon.executions.nearby import Neighbourhood
from daemon.eyes import Accounting, open_eyes
from daemon.health import Health, why_not_ready
from daemon.inventory.lifecycle import listed_keys
from daemon.inventory.model import Inventory
from daemon.measures import job as keep_measures
from daemon.metrics import OwnMetrics, Snapshots
from daemon.orders import Commands
from daemon.outlets import couriers, dead_man, forget_unknown, hook_secrets
from daemon.planned import duties as duties_ahead
from daemon.record import Recorder, Run, StoredFact, StoredMemory
from daemon.recording import recording
from daemon.reporting import Reporter, orders_of
from daemon.repository.tree import Tree
from daemon.runner import CheckPlan, Runner
from daemon.scheduler import Scheduler
from daemon.states.cache import StoredStates
from daemon.states.history import Histories
from daemon.store import Store
from daemon.suspects import Suspects, name_later
from daemon.ticking import Ticker
from daemon.turns import Turns
from daemon.upkeep import CHECK_STORE_EVERY, STORE_CHECK, Upkeep
from daemon.vitals import (
    count_request,
    count_resources,
    count_run,
    count_trouble,
    count_wait,
    vitals,
    watched_by,
    workings_of,
)
from daemon.watch import InventoryWatch
from daemon.watchdog import Watchdog
from daemon.web.webhooks import PagerDutyHook
from daemon.wiring import (
    ENDPOINT_LOOKS,
    ENDPOINTS,
    PLANS,
    alert_policy,
    is_of_instances,
    plan_workers,
    report_plan,
    scratch_of,
    source_title,
    web_auth,
    web_listeners,
)

log = logging.getLogger(__name__)

NOT_LISTED = "its account or region is not listed now, and another listing has to say so before it is gone"
REPOSITORY = "repository"  # the check that reads the repository's files


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Running:
    """The running daemon, as tests and the demo see it."""

    store: Store
    address: str  # of the status page: "http://127.0.0.1:9877"
    refresh: Callable[[], None]  # read the repository now, then look at everything; returns at once
    look_at: Callable[[str, str], None]  # with a check at a place, as soon as may be; returns at once
    watched: Callable[[], Collection[tuple[str, str]]]  # (check, place) of all that is watched now


def serve(
    path: Path,
    commands: Commands,
    *,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], datetime] = utc_now,
    on_config: Callable[[Config], None] = lambda config: None,
    on_ready: Callable[[Running], None] = lambda running: None,
) -> None:
    """Run until STOP comes. RELOAD takes the configuration anew: all of it, or, if anything is wrong with it, none.

    No signals here, so that a test can run the daemon in a thread. *on_config* is called with each configuration
    that is put to use. Raises ConfigError, StoreError and OSError for what is wrong at the start.
    """
    config = load(path, environ, discover())
    before: Config | None = None  # what to go back to should *config* not start
    delivering: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)  # for each way out
    on_config(config)
    with Store.open(config.store.path, clock, config.store.backups) as store:
        notes = ConfigNotes(store)
        while True:
            began = threading.Event()
            wait = partial(obeying.wait, commands, partial(obeying.reloaded, config, path, environ))
            try:
                new = _run(
                    config, store, delivering, wait, environ=environ, clock=clock,
                    on_ready=partial(_begun, began, on_ready, partial(notes.note, config)),
                )  # fmt: skip
            except OSError as error:
                if before is None or began.is_set():
                    raise
                log.error("not reloaded, the old configuration goes on: %s", error)
                new, before = before, None
            else:
                before = config
            if new is None or obeying.stop_waits(commands):
                return
            config = new
            on_config(config)


def _begun(
    began: threading.Event, on_ready: Callable[[Running], None], note: Callable[[], None], running: Running
) -> None:
    began.set()
    note()
    on_ready(running)


def _run(
    config: Config,
    store: Store,
    delivering: defaultdict[str, threading.Lock],
    wait: Callable[[], Config | None],
    *,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
    on_ready: Callable[[Running], None],
) -> Config | None:
    """Put everything together, run for as long as *wait* takes, take everything down; give what *wait* gave.

    One straight line on purpose: each part needs the ones above it. What is entered here is left in the opposite
    order: first nothing new is started, then what runs is ended, then what is stored is sent no more.
    """
    with ExitStack() as stack:
        quiet = threading.Event()  # set: the threads below end
        own = OwnMetrics()
        store.watch(watched_by(own))
        policy = alert_policy(config)
        scratch = scratch_of(config)
        seen = stored(
            store, lambda: {where: place.labels for where, place in watched.items()}, clock,
            lambda: recorder.unrecorded,
        )  # fmt: skip
        accounting = Accounting(partial(count_request, own), partial(count_wait, own), StoredFact(store, "aws.paid"))
        eyes = stack.enter_context(
            open_eyes(
                config,
                scratch,
                environ,
                clock,
                StoredMemory(store),
                seen,
                StoredStates(store),
                accounting,
                histories=Histories(store),
            )
        )

        def on_stored(run: Run | None) -> None:
            if run is not None:
                count_run(own, run)
                name_later(suspects, recorder, run, clock())
            snapshots.changed()

        suspects = Suspects(store, seen, eyes.states.owners)
        recorder = Recorder(store, policy, on_stored, suspects.named)
        turns = Turns(clock, on_end=eyes.aws.pool.close_idle)
        runner = Runner(eyes.plans, recorder, clock, turns)
        workers = plan_workers(config)
        if workers < config.planning.workers:
            log.warning("planning.workers is %d, but memory allows for %d", config.planning.workers, workers)
        scheduler = Scheduler(
            {PLANS: workers, ENDPOINTS: ENDPOINT_LOOKS, "default": 4, "upkeep": 3, "ticker": 1, "runs": 1}, clock,
            on_trouble=partial(count_trouble, own),
        )  # fmt: skip
        watched: dict[tuple[str, str], Place] = {}  # replaced as a whole, never changed in place

        read_in: object = None  # the content in which the repository's files were looked at last

        syncing = threading.Lock()
        held: dict[tuple[str, str], str] = {}  # replaced as a whole, never changed in place

        def sync(inventory: Inventory, tree: Tree, *, counts: bool) -> None:
            """See that what is watched now is looked at. *counts*: the inventory was listed anew."""
            nonlocal watched, held
            with syncing:
                places = eyes.places(inventory, tree)
                watched = {(check, key): place for check, at in places.items() for key, place in at.items()}
                runner.sync(
                    places,
                    scheduler,
                    complete=counts and not inventory.stale_because and bool(inventory.watched),
                    listed=listed_keys(inventory) | inventory.held,
                    gone=inventory.gone,
                    fate=eyes.fate,
                )
                unwatched = (where for where in recorder.jobs() if where not in watched)
                held = {where: NOT_LISTED for where in unwatched if eyes.fate(*where) == ""}

        def on_loaded(inventory: Inventory, tree: Tree) -> None:
            nonlocal read_in
            sync(inventory, tree, counts=True)
            if eyes.directory.settings.stacks:
                accounts_watch.keep()
            repository = eyes.repository
            if repository is not None and repository.content != read_in:
                read_in = repository.content
                runner.look_now(REPOSITORY, repository.key, scheduler)
            if inventory.gone:
                scheduler.at("gone", clock(), partial(runs.judge.leave, inventory.gone), pool="runs")
            if inventory.watched:
                scheduler.at("states", clock(), eyes.states.refresh, pool="upkeep")

        def on_accounts() -> None:
            sync(inventory_watch.current or Inventory(()), eyes.loader.tree, counts=False)

        def look_at_accounts() -> None:
            due = clock() + eyes.directory.settings.every
            try:
                due = accounts_watch.refresh()
            finally:
                scheduler.at("accounts", due, look_at_accounts, pool="upkeep")

        def on_none() -> None:
            # What does not hang on the inventory is watched all the same: the repository's files, accounts, endpoints.
            on_loaded(Inventory(()), eyes.loader.tree)

        every = config.source.fetch_every
        inventory_watch = InventoryWatch(eyes.loader, recorder, clock, every, on_loaded, on_none)
        accounts_watch = AccountsWatch(eyes.directory, recorder, clock, on_accounts)
        accounts_watch.begin()
        inventory_watch.begin(key for check, key in recorder.jobs() if is_of_instances(eyes.plans, check))
        delivery = Deliveries(own)
        ways_out = couriers(config, store, clock, delivery)
        started = clock()

        def troubles() -> tuple[str, ...]:
            unheard = buttons.trouble if buttons is not None else ""
            return (*delivery.troubles(), *((unheard,) if unheard else ()))

        reporter = Reporter(store, clock, report_plan(config), orders_of(config.store.path))

        def health() -> Health:
            workings = workings_of(
                clock(), store, scheduler, eyes.children(), turns.waiting().values(), _intervals(eyes.plans, watched),
                {"weekly": reporter.next_due},
            )  # fmt: skip
            return vitals(
                started, store, scheduler, runner, inventory_watch.current, watched, troubles(),
                recorder.unrecorded, inventory_watch.failure,
                [name for name in eyes.plans if is_of_instances(eyes.plans, name)], held, eyes.spending,
                workings,
            )  # fmt: skip

        snapshots = Snapshots(
            store,
            health,
            {name: plan.check for name, plan in eyes.plans.items()},
            own,
            clock,
            config.metrics.series_limit,
        )
        upkeep = Upkeep(
            store, recorder, clock, lambda: _intervals(eyes.plans, watched), config.store.retention,
            lambda: snapshots.tally,
        )  # fmt: skip
        told = partial(on_stored, None)
        ticker = Ticker(store, policy, clock, told)
        desk = Desk(store, policy, clock, told)
        buttons = listener(config, desk)
        refusals = Refusals(store, clock)
        stack.callback(refusals.flush, everything=True)

        known = partial(_instances, inventory_watch)
        nearby = Neighbourhood(
            lambda: watched, known, eyes.states.owners, lambda check, key: runner.look_now(check, key, scheduler),
            eyes.aws.refresh,
        )  # fmt: skip
        runs = recording(config, store, recorder, clock, known, nearby, partial(count_resources, own))
        hooks = PagerDutyHook(hook_secrets(config), desk.acknowledge_of, store, clock).routes()

        served = web.listening(
            web.WebDeps(
                store=store,
                snapshot=lambda: snapshots.current,
                health=health,
                clock=clock,
                auth=web_auth(config),
                public_url=config.web.public_url or "",
                inventory=lambda: inventory_watch.current,
                source=source_title(config),
                desk=desk,
                approving=runs.approving,
                compliance=compliance_of(config),
                runbook_of=partial(runbook, policy=policy),
                refused=refusals.note,
                hooks=[*hooks, *runs.ingest.routes()],
                planned=lambda now: duties_ahead(
                    report_plan(config), info_digest(config), (health().inventory_loaded_at, every), now
                ),
            ),
            web_listeners(config),
        )
        bound = stack.enter_context(served)
        address = bound.people

        def load_inventory() -> None:
            inventory_watch.refresh()

        def refresh() -> None:
            inventory_watch.refresh()
            eyes.aws.shared.forget()  # who asks for a look now wants to know how it is now
            if eyes.directory.settings.discovers:
                accounts_watch.refresh()
            for check, key in watched:
                runner.look_now(check, key, scheduler)

        def look_at(check: str, place: str) -> None:
            runner.look_now(check, place, scheduler)

        stack.callback(scheduler.stop)
        stack.callback(runner.stop)
        stack.callback(turns.stop)
        stack.callback(inventory_watch.stop)
        stack.callback(accounts_watch.stop)
        _thread(stack, quiet, "snapshots", snapshots.run)
        for way, courier in ways_out.items():
            _thread(stack, quiet, f"delivery to {way}", alone(delivering[way], courier.run))
        if buttons is not None:
            _thread(stack, quiet, "buttons", buttons.run)
        _thread(stack, quiet, "watchdog", Watchdog(lambda: scheduler.beat_at, clock).run)
        stack.callback(quiet.set)
        scheduler.start()
        scheduler.every("inventory", every.total_seconds(), load_inventory, pool="upkeep")
        if eyes.directory.settings.discovers:
            scheduler.at("accounts", clock(), look_at_accounts, pool="upkeep")
        elif (accounts_watch.check, accounts_watch.place) in recorder.jobs():
            recorder.retire(accounts_watch.check, accounts_watch.place, "accounts are not listed any more", clock())
        scheduler.every("baselines", 5, upkeep.baselines, pool="upkeep")
        scheduler.every("deadlines", 1, ticker.run, pool="ticker")
        digest = info_digest(config)
        if digest is not None:
            digester = Digester(store, digest, clock, policy.status_url, partial(runbook, policy=policy))
            scheduler.every("digest", 15, digester.tick, pool="upkeep")
        runs.begin(scheduler)
        scheduler.every("self", 60, upkeep.look_at_self, pool="upkeep", at_once=False)
        scheduler.every("unknown sinks", 60, partial(forget_unknown, config, store), pool="upkeep")
        scheduler.every("prune", 86_400, upkeep.prune, pool="upkeep")
        scheduler.every(STORE_CHECK, CHECK_STORE_EVERY.total_seconds(), upkeep.check_store, pool="upkeep")
        scheduler.every("measures", 3_600, keep_measures(store, clock), pool="upkeep", at_once=False)
        scheduler.every("report", 15, reporter.tick, pool="upkeep", at_once=False)
        duties.begin(scheduler, config, store, clock, refusals)
        sign_of_life = dead_man(config, partial(_why_not_ready, store, health, clock), clock)
        if sign_of_life is not None and config.alerts.dead_man is not None:
            scheduler.every("dead man", config.alerts.dead_man.every.total_seconds(), sign_of_life.ping, pool="upkeep")
        log.info("watching; status page at %s", address)
        on_ready(
            Running(
                store, address, lambda: scheduler.at("refresh", clock(), refresh, pool="upkeep"),
                look_at, lambda: tuple(watched),
            )
        )  # fmt: skip
        new = wait()
        runner.stop()
        inventory_watch.stop()
        accounts_watch.stop()
        # Children take longest to end, and all else can be taken down meanwhile.
        threading.Thread(target=eyes.end_children, name="children", daemon=True).start()
    return new


def _instances(inventory: InventoryWatch) -> list[Instance] | None:
    """Those of the inventory as it was last loaded; None where it has not been tried yet."""
    known = inventory.current
    if known is None:
        return [] if inventory.failure else None
    return [watched.instance for watched in known.watched]


def _why_not_ready(store: Store, health: Callable[[], Health], clock: Callable[[], datetime]) -> list[str]:
    """Why nobody should rely on the daemon now. Raises StoreError."""
    with store.read() as view:
        jobs, backlog = view.jobs(), view.backlog()
    return why_not_ready(health(), jobs, backlog, clock())


def _thread(stack: ExitStack, quiet: threading.Event, name: str, run: Callable[[threading.Event], None]) -> None:
    """Run *run* in a thread until *quiet*. One that is held up by the network is left behind: what it had begun to
    send is in doubt, and settled at the next start."""
    thread = threading.Thread(target=run, args=(quiet,), name=name, daemon=True)
    thread.start()
    stack.callback(thread.join, 3.0)


def _intervals(
    plans: Mapping[str, CheckPlan], watched: Mapping[tuple[str, str], Place]
) -> Mapping[tuple[str, str], timedelta]:
    """How often each watched (check, place) is to be looked at."""
    return {key: plans[key[0]].interval(place.labels) for key, place in watched.items()}
