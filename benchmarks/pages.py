"""The status page of a large estate: how much of a processor it takes, and how much of the network."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from checks.base import Outcome, Reading
from daemon.health import Health
from daemon.metrics.snapshot import Snapshot
from daemon.store import RunRow, Store
from daemon.web import WebDeps, create_app, serving

STACKS, COMPONENTS, CHECKS = 50, 20, 12


def pages() -> Iterator[tuple[str, str, str]]:
    """A thousand instances, each looked at by twelve checks: as people open it, and with what is fine listed."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "bench.db", lambda: now) as store:
        _fill(store, now)
        deps = WebDeps(store, lambda: Snapshot(b"", b""), lambda: Health(now, "bench", scheduler_beat=now), lambda: now)
        with serving(create_app(deps)) as port:
            for address, what in (("/", "as people open it"), ("/?show=all", "the first 100 rows of all")):
                size, cpu = _asked(f"http://127.0.0.1:{port}{address}")
                beside = f"{STACKS} stacks x {COMPONENTS} components x {CHECKS} checks"
                yield f"status page, {what}", f"{cpu:.2f} s of CPU, {size / 1024:.0f} KiB", beside


def _asked(url: str) -> tuple[int, float]:
    """Bytes and seconds of CPU of an answer; the second one, when all is warm."""
    opener = build_opener(ProxyHandler({}))
    size, cpu = 0, 0.0
    for _ in range(2):
        began = time.process_time()
        try:
            with opener.open(url, timeout=60) as answer:
                size = len(answer.read())
        except HTTPError as error:
            raise RuntimeError(f"{url}: {error}") from None
        cpu = time.process_time() - began
    return size, cpu


def _fill(store: Store, now: datetime) -> None:
    with store.transaction() as tx:
        for number in range(STACKS * COMPONENTS):
            stack, component = f"acme-{number % STACKS:02}-prod", f"c{number // STACKS}"
            place = f"{stack}/{component}"
            labels = {"stack": stack, "component": component, "stage": "production"}
            for check in range(CHECKS):
                drifted = number % 27 == 0 and check == 3
                outcome, verdict = (Outcome.UNHEALTHY, "drift") if drifted else (Outcome.HEALTHY, "in_sync")
                following = now + timedelta(hours=1)
                tx.save_run(RunRow(f"check{check}", place, labels, now, now, "ok", next_due=following))
                tx.save_readings(f"check{check}", place, [Reading(place, outcome, verdict, "")], now)
