"""The composition root: the whole daemon, put together in one straight line and taken down in the opposite order."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue

from alerts.base import Notifier
from alerts.delivery import Courier, Event
from alerts.delivery import Settings as DeliverySettings
from alerts.slack import SlackNotifier
from checks import discover
from checks.base import Place
from daemon import web
from daemon.config import Config, ConfigError, load
from daemon.console import LogNotifier
from daemon.health import Health
from daemon.inventory.model import Inventory
from daemon.metrics import OwnMetrics, Snapshots
from daemon.planning import workers_for
from daemon.record import Recorder, Run
from daemon.runner import CheckPlan, Runner
from daemon.scheduler import Scheduler
from daemon.store import Store, StoreOutbox
from daemon.upkeep import Upkeep
from daemon.watch import InventoryWatch
from daemon.watchdog import Watchdog
from daemon.wiring import PLANS, alert_policy, memory_bytes, open_eyes, web_auth

log = logging.getLogger(__name__)

ABSTRACT = "abstract"  # the one reason for being left out that is no problem: there is nothing to look at
INVENTORY_EVERY = timedelta(minutes=5)
STOP, RELOAD = "stop", "reload"
Commands = SimpleQueue[str]  # STOP and RELOAD; safe to put into from a signal handler


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Running:
    """The running daemon, as tests and the demo see it."""

    store: Store
    address: str  # of the status page: "http://127.0.0.1:9877"
    refresh: Callable[[], None]  # read the repository now, then look at everything; returns at once


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
    delivering = threading.Lock()
    on_config(config)
    with Store.open(config.store.path, clock, config.store.backups) as store:
        while True:
            began = threading.Event()
            wait = partial(_wait, commands, partial(_reloaded, config, path, environ))
            try:
                new = _run(
                    config, store, delivering, wait, environ=environ, clock=clock,
                    on_ready=partial(_begun, began, on_ready),
                )  # fmt: skip
            except OSError as error:
                if before is None or began.is_set():
                    raise
                log.error("not reloaded, the old configuration goes on: %s", error)
                new, before = before, None
            else:
                before = config
            if new is None or _stop_waits(commands):
                return
            config = new
            on_config(config)


def _begun(began: threading.Event, on_ready: Callable[[Running], None], running: Running) -> None:
    began.set()
    on_ready(running)


def _wait(commands: Commands, reloaded: Callable[[], Config | None]) -> Config | None:
    """Wait for a command: give the new configuration, or None for STOP. One that will not do changes nothing."""
    while True:
        command = commands.get()
        if command == STOP or _stop_waits(commands):
            return None
        new = reloaded()
        if new is not None:
            return new


def _stop_waits(commands: Commands) -> bool:
    """Whether STOP is among the commands that wait: nothing else is worth beginning then."""
    waiting = []
    with contextlib.suppress(Empty):
        while True:
            waiting.append(commands.get_nowait())
    if STOP in waiting:
        return True
    if waiting:
        commands.put(RELOAD)  # several are one
    return False


def _reloaded(config: Config, path: Path, environ: Mapping[str, str]) -> Config | None:
    """The new configuration, or None if it will not do; the log says why."""
    try:
        new = load(path, environ, discover())
    except ConfigError as error:
        for problem in error.problems:
            log.error("not reloaded: %s", problem)
        return None
    if new.store.path != config.store.path:
        log.error("not reloaded: store.path has changed, and that needs a restart")
        return None
    log.info("configuration reloaded")
    return new


def _run(
    config: Config,
    store: Store,
    delivering: threading.Lock,
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
        policy = alert_policy(config)
        scratch = config.planning.scratch or config.store.path.with_name(f"{config.store.path.name}.scratch")
        eyes = stack.enter_context(open_eyes(config, scratch, environ, clock))

        def on_stored(run: Run | None) -> None:
            if run is not None:
                _count_run(own, run)
            snapshots.changed()

        recorder = Recorder(store, policy, on_stored)
        runner = Runner(eyes.plans, recorder, clock)
        workers = workers_for(memory_bytes(), config.planning.workers)
        if workers < config.planning.workers:
            log.warning("planning.workers is %d, but memory allows for %d", config.planning.workers, workers)
        scheduler = Scheduler({PLANS: workers, "default": 4, "upkeep": 3}, clock)
        watched: dict[tuple[str, str], Place] = {}  # replaced as a whole, never changed in place

        def on_loaded(inventory: Inventory, fingerprint: str) -> None:
            nonlocal watched
            places = eyes.places(inventory, fingerprint)
            watched = {(check, key): place for check, at in places.items() for key, place in at.items()}
            left_out = (one for one in inventory.left_out if one.reason != ABSTRACT)
            runner.sync(
                places,
                scheduler,
                complete=not inventory.stale_because and bool(inventory.watched),
                listed=frozenset(f"{one.stack}/{one.component}" for one in left_out),
            )

        inventory_watch = InventoryWatch(eyes.loader, recorder, clock, INVENTORY_EVERY, on_loaded)
        delivery = _Delivery(own)
        courier = Courier(
            StoreOutbox(store), _notifier(config, clock), clock, _delivery_settings(config), on_event=delivery.on_event
        )  # fmt: skip
        started = clock()

        def health() -> Health:
            return _health(
                started, store, scheduler, runner, inventory_watch.current, watched, delivery.troubles(),
                recorder.unrecorded,
            )  # fmt: skip

        snapshots = Snapshots(
            store,
            health,
            {name: plan.check for name, plan in eyes.plans.items()},
            own,
            clock,
            config.metrics.series_limit,
        )
        upkeep = Upkeep(store, recorder, clock, lambda: _intervals(eyes.plans, watched), config.store.retention)

        app = web.create_app(
            web.WebDeps(
                store=store,
                snapshot=lambda: snapshots.current,
                health=health,
                clock=clock,
                auth=web_auth(config),
                public_url=config.web.public_url or "",
            )
        )
        host, _, port = config.web.listen.rpartition(":")
        bound = stack.enter_context(web.serving(app, host.strip("[]"), int(port)))
        address = f"http://{host}:{bound}"

        def load_inventory() -> None:
            inventory_watch.refresh()

        def refresh() -> None:
            inventory_watch.refresh()
            for check, key in watched:
                runner.look_now(check, key, scheduler)

        stack.callback(scheduler.stop)
        stack.callback(runner.stop)
        stack.callback(inventory_watch.stop)
        _thread(stack, quiet, "snapshots", snapshots.run)
        _thread(stack, quiet, "delivery", _alone(delivering, courier.run))
        _thread(stack, quiet, "watchdog", Watchdog(lambda: scheduler.beat_at, clock).run)
        stack.callback(quiet.set)
        scheduler.start()
        scheduler.every("inventory", INVENTORY_EVERY.total_seconds(), load_inventory, pool="upkeep")
        scheduler.every("baselines", 5, upkeep.baselines, pool="upkeep")
        scheduler.every("self", 60, upkeep.look_at_self, pool="upkeep", at_once=False)
        scheduler.every("prune", 86_400, upkeep.prune, pool="upkeep")
        log.info("watching; status page at %s", address)
        on_ready(Running(store, address, lambda: scheduler.at("refresh", clock(), refresh, pool="upkeep")))
        new = wait()
        runner.stop()
        inventory_watch.stop()
        # Children take longest to end, and all else can be taken down meanwhile.
        threading.Thread(target=eyes.end_children, name="children", daemon=True).start()
    return new


def _alone(lock: threading.Lock, run: Callable[[threading.Event], None]) -> Callable[[threading.Event], None]:
    """*run*, but never beside another that has the same *lock*.

    A courier that the network holds up outlives a reload, and two of them would settle and send one message twice.
    """

    def alone(stop: threading.Event) -> None:
        while not stop.is_set():
            if lock.acquire(timeout=0.25):
                try:
                    run(stop)
                finally:
                    lock.release()
                return

    return alone


def _thread(stack: ExitStack, quiet: threading.Event, name: str, run: Callable[[threading.Event], None]) -> None:
    """Run *run* in a thread until *quiet*. One that is held up by the network is left behind: what it had begun to
    send is in doubt, and settled at the next start."""
    thread = threading.Thread(target=run, args=(quiet,), name=name, daemon=True)
    thread.start()
    stack.callback(thread.join, 3.0)


def _notifier(config: Config, clock: Callable[[], datetime]) -> Notifier:
    if config.slack is None:
        log.warning("no slack in the configuration: messages are written to this log")
        return LogNotifier(clock)
    return SlackNotifier(
        config.slack.token.reveal(), base_url=config.slack.api_url, timeout=config.slack.timeout.total_seconds()
    )


def _delivery_settings(config: Config) -> DeliverySettings:
    if config.slack is None:
        return DeliverySettings(settle_seconds=0, timeout_seconds=0, per_second=100, burst=100)
    return DeliverySettings(
        settle_seconds=config.slack.settle.total_seconds(),
        timeout_seconds=config.slack.timeout.total_seconds(),
        per_second=config.slack.pacing.per_second,
        burst=config.slack.pacing.burst,
        fallback_channel=config.alerts.fallback_channel or "",
    )


class _Delivery:
    """What the courier tells, as metrics and as troubles for people."""

    def __init__(self, own: OwnMetrics) -> None:
        self._own = own
        self._lock = threading.Lock()
        self._troubles: dict[str, str] = {}

    def troubles(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._troubles.values())

    def on_event(self, event: Event) -> None:
        if event.name == "sent":
            self._own.observe("barograph_delivery_latency_seconds", event.seconds, tier=str(event.tier))
        elif event.name == "failed":
            self._own.count("barograph_delivery_errors_total", 1.0, **{"class": event.error_class})
        level = logging.DEBUG if event.name in ("sent", "settled") else logging.WARNING
        log.log(level, "delivery: %s %s %s %s", event.name, event.channel, event.error_class, event.detail)
        with self._lock:
            if event.name in ("sent", "circuit_closed"):
                self._troubles.pop("credential", None)
                self._troubles.pop(event.channel, None)
            elif event.name == "circuit_open":
                self._troubles["credential"] = f"Slack refuses the credential: {event.detail}"
            elif event.name in ("redirected", "failed") and event.error_class == "destination":
                self._troubles[event.channel] = f"Slack refuses channel {event.channel}: {event.detail}"
            elif event.name == "error":
                log.error("delivery: %s", event.detail)


def _health(
    started: datetime,
    store: Store,
    scheduler: Scheduler,
    runner: Runner,
    inventory: Inventory | None,
    watched: Mapping[tuple[str, str], Place],
    troubles: tuple[str, ...],
    unrecorded: Mapping[tuple[str, str], str],
) -> Health:
    return Health(
        started_at=started,
        version=version("barograph"),
        scheduler_beat=scheduler.beat_at,
        scheduler_lateness=scheduler.lateness_seconds,
        running=runner.running,
        unrecorded=unrecorded,
        expected={key: place.labels for key, place in watched.items()},
        inventory_loaded_at=inventory.loaded_at if inventory is not None else None,
        inventory_stale_because=inventory.stale_because if inventory is not None else "",
        instances=_by_status(inventory) if inventory is not None else {},
        inventory_problems=tuple(problem.summary for problem in inventory.problems) if inventory is not None else (),
        delivery_troubles=troubles,
        store_bytes=_size(store.path),
    )


def _by_status(inventory: Inventory) -> Mapping[str, int]:
    disabled = sum(not watched.instance.enabled for watched in inventory.watched)
    abstract = sum(one.reason == ABSTRACT for one in inventory.left_out)
    return {
        "watched": len(inventory.watched) - disabled,
        "disabled": disabled,
        "abstract": abstract,
        "left_out": len(inventory.left_out) - abstract,
    }


def _size(path: Path) -> int | None:
    """Bytes of the database with its write-ahead log; None if it cannot be told."""
    try:
        wal = path.with_name(f"{path.name}-wal")
        return path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    except OSError:
        return None


def _intervals(
    plans: Mapping[str, CheckPlan], watched: Mapping[tuple[str, str], Place]
) -> Mapping[tuple[str, str], timedelta]:
    """How often each watched (check, place) is to be looked at."""
    return {key: plans[key[0]].interval(place.labels) for key, place in watched.items()}


def _count_run(own: OwnMetrics, run: Run) -> None:
    for reading in run.readings:
        phantoms = reading.values.get("phantoms", 0.0)
        if phantoms:
            own.count("barograph_plan_phantoms_total", phantoms)
        refused = sum(finding.cause == "guard refused" for finding in reading.findings)
        if refused:
            own.count("barograph_guard_refusals_total", refused)
