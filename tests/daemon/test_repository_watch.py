"""The daemon on an Atmos repository that does not load, and the same once it is mended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.base import LIVE
from checks.base import Kind
from daemon.store import open_reader
from tests import fakeatmos
from tests.daemon.test_app import Daemon, wait_for


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon on the recorded repository with a type conflict, which Atmos 1.163 does not load."""
    fakeatmos.lay_out(tmp_path / "repo", "type-conflict", generation="1.163.0")
    fakeatmos.install(tmp_path / "bin", "1.163.0")
    daemon = Daemon(tmp_path)
    daemon.config.write_text(
        "source: {kind: atmos, path: repo, uncommitted: plan, fetch_every: 10s}\n"
        "planning: {workers: 1}\nchecks: {drift: {enabled: false}}\n"
        f"store: {{path: data/barograph.db}}\nweb: {{listen: '127.0.0.1:{daemon.port}'}}\n"
    )
    yield daemon
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.process.kill()
        daemon.process.wait()


def causes(daemon: Daemon) -> dict[str, Kind]:
    """The live incidents of the repository's files: key -> kind."""
    if daemon.get("/healthz")[0] != 200:
        return {}
    with open_reader(daemon.store) as reader:
        return {one.key: one.kind for one in reader.incidents(LIVE) if one.check == "repository"}


def test_what_keeps_it_from_loading_is_told_with_file_and_line(daemon: Daemon) -> None:
    """Nothing ever loaded, and yet its files are read: the cause is an incident and on the page; mended, it ends."""
    daemon.start(PATH=f"{daemon.folder / 'bin'}:{os.environ['PATH']}")
    wait_for("the look at its files", lambda: "type_conflict" in causes(daemon))
    assert causes(daemon)["type_conflict"] is Kind.MONITORING
    page = daemon.get("/repository")[1]
    assert "has not loaded yet" in page
    assert "stacks/deploy/acme/dev.yaml:15:" in page
    assert "stacks/catalog/network.yaml:10:" in page
    assert str(daemon.folder / "repo") in page
    assert daemon.get("/readyz")[0] == 503

    for name in ("stacks/deploy/acme/dev.yaml", "stacks/catalog/network.yaml"):
        whole = fakeatmos.FIXTURES / "repo" / name
        (daemon.folder / "repo" / name).write_text(whole.read_text())
    wait_for("the end of the incident", lambda: bool(causes(daemon)) and "type_conflict" not in causes(daemon), 90)
    page = daemon.get("/repository")[1]
    assert "has not loaded yet" not in page
    assert "service/payments" in page
    assert "type conflict" not in page
    assert daemon.stop() == 0
