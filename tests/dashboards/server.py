"""A real Prometheus on a private port, that scrapes what a test serves, and its HTTP API."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CONFIG = """\
global: {{scrape_interval: {every}s, scrape_timeout: {every}s}}
scrape_configs:
  - job_name: barograph
    static_configs: [{{targets: [{targets}], labels: {{instance: "barograph:9877"}}}}]
"""
READY_SECONDS = 30.0


class QueryError(Exception):
    """Prometheus refused a query, or has something to say about it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running Prometheus."""

    url: str

    def get(self, path: str, **parameters: str | Sequence[str]) -> Any:
        """What the API gives under `data`. Raises QueryError, for warnings too."""
        asked = urllib.parse.urlencode(parameters, doseq=True).encode()
        post = path in {"query", "query_range"}
        address = f"{self.url}/api/v1/{path}"
        request = urllib.request.Request(address if post else f"{address}?{asked.decode()}", asked if post else None)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise QueryError(error.read().decode(errors="replace")) from error
        said = [*told.get("warnings", ()), *told.get("infos", ())]
        if told["status"] != "success" or said:
            raise QueryError("; ".join(said) or str(told))
        return told["data"]

    def instant(self, expr: str) -> list[Mapping[str, Any]]:
        """The series that an expression gives now."""
        return _series(self.get("query", query=expr))

    def range(self, expr: str, seconds: float, step: float) -> list[Mapping[str, Any]]:
        """The series that it gives over the last *seconds*."""
        now = time.time()
        return _series(self.get("query_range", query=expr, start=f"{now - seconds}", end=f"{now}", step=f"{step}"))

    def label_values(self, label: str, selector: str) -> list[str]:
        """What Grafana's `label_values(selector, label)` gives."""
        found: list[str] = self.get(f"label/{label}/values", **{"match[]": [selector]})
        return found


def _series(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if data["resultType"] == "scalar":
        return [{"metric": {}, "value": data["result"]}]
    found: list[Mapping[str, Any]] = data["result"]
    return found


@contextmanager
def running(program: str, folder: Path, targets: Sequence[str], *, every: float = 1.0, stored: Path | None = None,
            lookback: str = "5m") -> Iterator[Server]:  # fmt: skip
    """Scrape *targets* until it is left. *stored*: a database that is there already."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(every=f"{every:g}", targets=", ".join(targets)))
    argv = [
        program, f"--config.file={config}", f"--storage.tsdb.path={stored or folder / 'tsdb'}",
        "--storage.tsdb.retention.time=60d", f"--web.listen-address=127.0.0.1:{port}", "--web.cors.origin=.*",
        f"--query.lookback-delta={lookback}", "--log.level=warn",
    ]  # fmt: skip
    log = folder / "prometheus.log"
    with log.open("wb") as out, subprocess.Popen(argv, stdout=out, stderr=out) as process:
        try:
            server = Server(f"http://127.0.0.1:{port}")
            _wait_until_up(server, process, log, len(targets))
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _wait_until_up(server: Server, process: subprocess.Popen[bytes], log: Path, targets: int) -> None:
    """Until every target was scraped with success; the first look at them comes seconds after the start."""
    until = time.monotonic() + READY_SECONDS
    while True:
        if process.poll() is not None:
            raise AssertionError(f"Prometheus ended by itself: {log.read_text(errors='replace')}")
        try:
            found = server.get("targets", state="active")["activeTargets"]
            if len(found) == targets and all(each["health"] == "up" for each in found):
                return
            why = str([each.get("lastError") for each in found])
        except (OSError, QueryError) as error:  # it answers 503 while it begins
            why = str(error)
        if time.monotonic() > until:
            raise AssertionError(f"Prometheus is not ready after {READY_SECONDS:g} s: {why}")
        time.sleep(0.1)
