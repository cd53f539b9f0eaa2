"""A program that forks one delivering process after another, each of which may be killed at a failpoint.

One line of JSON in, one process, one line of JSON out: {"status": 0 drained, 3 waiting, -9 killed}. The modules are
imported once; everything else (the store's lock and connections, the courier, the notifier) is each process's own.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.delivery import Courier
from alerts.gathering import Pace
from alerts.lifecycle import Look, changes
from alerts.routes import Escalation
from alerts.slack import SlackNotifier
from checks.base import Fact
from daemon.outlets import Gatherer
from daemon.store import Store, StoreOutbox
from daemon.ticking import Ticker
from tests.alerts.build import DELETED, DRIFT, LABELS, POLICY, finding, reading
from tests.alerts.world import FAST

DRAINED, WAITING = 0, 3


def failpoint_of(environment: dict[str, str]) -> Callable[[str], None]:
    """BAROGRAPH_FAILPOINT=after_send:2 kills this process the second time it comes by after_send."""
    wanted, _, count = environment.get("BAROGRAPH_FAILPOINT", "").partition(":")
    seen: list[str] = []

    def failpoint(name: str) -> None:
        seen.append(name)
        if name == wanted and seen.count(name) == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    return failpoint


def die_when(there: Path) -> None:
    """Kill this process as soon as a file is there."""
    while not there.exists():
        threading.Event().wait(0.01)
    os.kill(os.getpid(), signal.SIGKILL)


def die_in(milliseconds: float) -> None:
    """Kill this process wherever it is by then."""
    threading.Event().wait(milliseconds / 1000)
    os.kill(os.getpid(), signal.SIGKILL)


def record(store: Store, seed: int, now: datetime, places: int = 3, *, causes: int = 0) -> None:
    """Look at some places, as the daemon does: things open, change, end and come back.

    *causes*: so many causes they have in common, a critical one among them.
    """
    for number in range(places):
        place = f"acme-prod/service/{seed // 4}-{number}"
        kind = (seed + number) % 4
        cause = number % causes if causes else -1
        facts = frozenset({Fact.DELETED}) if cause == 0 and kind == 2 else frozenset()
        told = finding(f"{seed} things have changed at {number}", cause=f"c{cause}" if causes else "", facts=facts)
        found = (told,) if kind else ()
        look = Look(
            "drift",
            place,
            {**LABELS, "component": place.removeprefix("acme-prod/")},
            (reading(*found, resource=place),),
        )
        with store.transaction() as tx:
            for change in changes(tx.incidents("drift", place), look, POLICY, now):
                tx.save_change(change)


def gatherer(store: Store) -> Gatherer:
    return Gatherer(store, Pace(gather_from=4), POLICY.status_url)


TICKING = replace(POLICY, routes=replace(POLICY.routes, default_escalation=Escalation("C-other")))


def open_some(store: Store, now: datetime) -> None:
    """Two critical incidents and a warning, all of which wait for somebody."""
    for number, found in enumerate((DELETED, DELETED, DRIFT)):
        place = f"acme-prod/service/{number}"
        look = Look("drift", place, LABELS, (reading(found, resource=place),))
        with store.transaction() as tx:
            for change in changes(tx.incidents("drift", place), look, TICKING, now):
                tx.save_change(change)


def deliver(command: dict[str, Any]) -> int:
    """Record what there is to record, deliver until nothing more can be done now."""
    offset = timedelta(seconds=command["offset"])

    def clock() -> datetime:
        return datetime.now(UTC) + offset

    if command.get("kill_when"):
        threading.Thread(target=die_when, args=(Path(command["kill_when"]),), daemon=True).start()
    with Store.open(Path(command["store"]), clock) as store:
        if command.get("seed") is not None:
            record(store, command["seed"], clock(), command.get("places", 3), causes=command.get("causes", 0))
        if command.get("die_in"):
            threading.Thread(target=die_in, args=(command["die_in"],), daemon=True).start()
        if command.get("open"):
            open_some(store, clock())
        if command.get("tick"):
            Ticker(store, TICKING, clock, failpoint=failpoint_of(dict(os.environ))).tick()
        notifier = SlackNotifier(command["token"], base_url=command["base_url"])
        outbox = StoreOutbox(store)
        settings = replace(FAST, fallback_channel="C-fallback")
        courier = Courier(outbox, notifier, clock, settings, failpoint_of(dict(os.environ)), jitter=lambda: 0.0,
                          chore=gatherer(store) if command.get("gather") else lambda now, refused: None)  # fmt: skip
        while courier.step() == 0.0:
            pass
        return WAITING if outbox.backlog() else DRAINED


def main() -> None:
    logging.disable(logging.WARNING)
    for line in sys.stdin:
        command = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.environ["BAROGRAPH_FAILPOINT"] = command.get("failpoint", "")
                status = deliver(command)
            except BaseException as error:  # noqa: BLE001 - a forked process must never return into the loop above
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(status)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
