"""A program that forks one process after another, each of which makes and sends what is due, and may be killed in it.

One line of JSON in, one process, one line out: {"status": 0 nothing waits, 3 something waits, -9 killed}.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.delivery import Courier
from alerts.slack import SlackNotifier
from daemon.reporting import Plan, Reporter
from daemon.store import Store, StoreOutbox, reports
from tests.alerts.crash_child import failpoint_of
from tests.alerts.world import FAST
from tests.daemon.report.world import BERLIN

DRAINED, WAITING = 0, 3


def work(command: dict[str, Any]) -> int:
    skew = timedelta(seconds=command["skew"])

    def clock() -> datetime:
        return datetime.now(UTC) + skew

    def content(ref: str) -> bytes:
        with store.read() as view:
            return reports.referred(view.db, ref)

    failpoint = failpoint_of({"BAROGRAPH_FAILPOINT": command.get("failpoint", "")})
    with Store.open(Path(command["store"]), clock) as store:
        plan = Plan(BERLIN, (command["channel"],), status_url="https://barograph.example.com")
        Reporter(store, clock, plan, failpoint=failpoint).tick()
        outbox = StoreOutbox(store)
        notifier = SlackNotifier(command["token"], base_url=command["base_url"], content=content)
        courier = Courier(outbox, notifier, clock, FAST, failpoint, jitter=lambda: 0.0)
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
                status = work(command)
            except BaseException as error:  # noqa: BLE001 - a forked process must never return into the loop above
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(status)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
