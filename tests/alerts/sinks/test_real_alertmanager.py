"""The same against a real Alertmanager, where there is one on the PATH."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.base import NotifyError
from alerts.sinks.alertmanager import Alertmanager
from alerts.sinks.http import Http, Request
from tests.alerts.build import DELETED, DRIFT, finding, look, reading
from tests.alerts.sinks.world import sinks_running

PROGRAM = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
pytestmark = pytest.mark.skipif(
    PROGRAM is None,
    reason="no alertmanager on the PATH (Debian: prometheus-alertmanager): its own judgement is not asked",
)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    """A fresh Alertmanager that tells nobody; gives its address."""
    (tmp_path / "am.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(PROGRAM), f"--config.file={tmp_path / 'am.yml'}", f"--storage.path={tmp_path / 'am'}",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        tick = threading.Event()
        for _ in range(400):
            try:
                if Http(2).send(Request(f"{address}/-/ready", b"", method="GET")).status == 200:
                    break
            except NotifyError:
                tick.wait(0.05)
        else:
            pytest.fail("Alertmanager does not get ready")
        yield address
    finally:
        process.terminate()
        process.wait(10)


def active(address: str) -> list[dict[str, Any]]:
    answer = Http(2).send(Request(f"{address}/api/v2/alerts?active=true", b"", method="GET"))
    assert answer.status == 200
    found: list[dict[str, Any]] = json.loads(answer.body)
    return found


def test_a_real_alertmanager_fires_and_resolves(tmp_path: Path, real: str) -> None:
    """One alert per incident, its tier as severity, the earlier tier's ended, and gone when resolved."""
    with sinks_running(tmp_path, {"am": Alertmanager(real)}) as world:
        world.clock.advance((datetime.now(UTC) - world.clock()).total_seconds())
        world.look(look(reading(DRIFT)))
        world.work()
        (alert,) = active(real)
        assert alert["labels"]["alertname"] == "BarographDrift"
        assert alert["labels"]["severity"] == "warning"
        assert alert["generatorURL"].startswith("https://barograph.example/incidents/")
        world.look(look(reading(DELETED)))
        world.work()
        assert [one["labels"]["severity"] for one in active(real)] == ["critical"]
        world.look(look(reading(finding("\ud800 <b>&\x00" * 500, facts=DELETED.facts))))
        world.work()
        assert len(active(real)) == 1
        world.look(look(reading()))
        world.work()
        assert active(real) == []
        assert [event for _, event in world.events if event.name in ("failed", "dead")] == []
