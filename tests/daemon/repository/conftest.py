"""Fixtures of the repository's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.repository.support import TOKEN, Bench, HttpServer, Remote, http_server, remote


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Barograph's side."""
    folder = tmp_path / "ours"
    folder.mkdir()
    made = Bench(folder)
    yield made
    made.processes.close()


@pytest.fixture
def served(tmp_path: Path) -> Remote:
    """A bare repository with one commit."""
    return remote(tmp_path, {"main.tf": "# one\n", "stacks/dev.yaml": "vars: {stage: dev}\n"})


@pytest.fixture
def http(tmp_path: Path, served: Remote) -> Iterator[HttpServer]:
    """The same repository over HTTP, for those who know the token."""
    with http_server(served.bare.parent, TOKEN) as server:
        yield server
