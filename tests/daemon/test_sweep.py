"""The whole daemon sweeping accounts and regions: what is told of it, and what outlives it."""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from urllib.error import HTTPError

import pytest

from benchmarks.stub import stub
from checks import discover
from daemon.app import Running, serve
from daemon.orders import STOP
from daemon.tally import Result

ON = ("cost", "network")
PATIENCE = 60.0  # seconds; only a failure takes so long
CONFIG = """
source: {{kind: file, path: ., file: stacks.json}}
aws:
  region: eu-west-1
  endpoint_url: {address}
  paid_usd_per_day: 0.01
  payer_account: "000000000001"
  accounts:
    - {{id: "000000000001", regions: [us-east-1], role_arn: "arn:aws:iam::{{account}}:role/sweep"}}
    - {{id: "000000000002", regions: [us-east-1], role_arn: "arn:aws:iam::{{account}}:role/sweep"}}
store: {{path: data/b.db}}
web: {{listen: "127.0.0.1:0"}}
checks:
{checks}
"""
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@contextmanager
def running(config: Path) -> Iterator[Running]:
    """Run the daemon in a thread."""
    commands: SimpleQueue[str] = SimpleQueue()
    ready: SimpleQueue[Running] = SimpleQueue()
    thread = threading.Thread(target=serve, args=(config, commands), kwargs={"environ": {}, "on_ready": ready.put})
    thread.start()
    try:
        yield ready.get(timeout=PATIENCE)
    finally:
        commands.put(STOP)
        thread.join(PATIENCE)
        assert not thread.is_alive()


def samples(address: str) -> Samples:
    try:
        with urllib.request.urlopen(f"{address}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
    except HTTPError:
        return {}  # nothing was put together yet
    found = re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE)
    return {(name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))): float(value) for name, labels, value in found}


def of(found: Samples, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by the values of *labels*."""
    return {
        tuple(dict(have)[label] for label in labels): value for (each, have), value in found.items() if each == name
    }


def looked_at(daemon: Running, places: int) -> Samples:
    """Wait until no place is without a look that ended, and give the metrics of a snapshot made after that."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = samples(daemon.address)
        if len(of(found, "barograph_check_last_run_timestamp_seconds", "check", "place")) >= places:
            return found
        time.sleep(0.2)
    raise AssertionError("not every place was looked at in time")


def test_a_sweep_is_counted_paid_for_and_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every planned place has one result; requests and dollars are told; the day's limit holds over a restart."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    (tmp_path / "stacks.json").write_text("{}")
    off = "".join(f"  {name}: {{enabled: false}}\n" for name in discover() if name not in ON)
    config = tmp_path / "barograph.yml"
    with stub(latency=0) as address:
        config.write_text(CONFIG.format(address=address, checks=off))
        with running(config) as daemon:
            places = {"cost": 1 + 2, "network": 2 + 2 + 1}
            found = looked_at(daemon, sum(places.values()))
            assert of(found, "barograph_check_places_planned", "check") == {(name,): n for name, n in places.items()}
            results = of(found, "barograph_check_places", "check", "result")
            for name, number in places.items():
                assert sum(results[name, result] for result in Result) == number
            requests = of(found, "barograph_aws_requests_total", "service", "operation", "result")
            assert requests["ec2", "DescribeSubnets", "ok"] == 2
            assert sum(n for (service, *_), n in requests.items() if service == "ce") == 1
            costs = of(found, "barograph_aws_estimated_cost_usd_total", "service", "operation")
            assert sum(usd for (service, _), usd in costs.items() if service == "ce") == pytest.approx(0.01)
            assert of(found, "barograph_aws_paid_today_usd")[()] == pytest.approx(0.01)
            assert of(found, "barograph_aws_paid_limit_usd")[()] == 0.01
            verdicts = {reading.verdict for reading in daemon.store.readings("cost")}
            assert "capped" in verdicts
        with running(config) as daemon:
            daemon.refresh()
            until = time.monotonic() + PATIENCE
            while not of(
                found := samples(daemon.address), "barograph_aws_requests_total", "service", "operation", "result"
            ):
                assert time.monotonic() < until
                time.sleep(0.2)
            assert of(found, "barograph_aws_paid_today_usd")[()] == pytest.approx(0.01)
            assert not [key for key in of(found, "barograph_aws_requests_total", "service") if key == ("ce",)]
