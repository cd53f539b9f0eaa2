"""A Prometheus that knows a whole day of the made-up organisation, as if it had scraped it every ten minutes."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.dashboards.estate import Estate, estate, exposed, served
from tests.dashboards.server import Server, running

EVERY = timedelta(minutes=10)
HOURS = 24


@contextmanager
def remembered(folder: Path, prometheus: str, promtool: str) -> Iterator[Server]:
    """Let the day pass, give it to a Prometheus, and go on serving its end. Raises CalledProcessError."""
    began = datetime.now(UTC) - timedelta(hours=HOURS)
    with estate(folder, began) as made:
        moments = [began + number * EVERY for number in range(timedelta(hours=HOURS) // EVERY)]
        day = folder / "day.om"
        with day.open("w", encoding="utf-8") as out:
            out.writelines(f"{line}\n" for line in exposed(made, moments))
        stored = folder / "stored"
        argv = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(day), str(stored)]
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=240)
        made.at(datetime.now(UTC))
        stop = threading.Event()
        thread = threading.Thread(target=_stay, args=(made, stop))
        lookback = f"{EVERY * 1.2 / timedelta(seconds=1):g}s"
        with (
            served(made) as port,
            running(prometheus, folder, [f"127.0.0.1:{port}"], every=5, stored=stored, lookback=lookback) as found,
        ):
            thread.start()
            try:
                yield found
            finally:
                stop.set()
                thread.join(30)


def _stay(made: Estate, stop: threading.Event) -> None:
    while not stop.wait(3):
        made.stay(datetime.now(UTC))
