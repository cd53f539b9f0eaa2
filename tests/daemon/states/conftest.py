"""Fixtures of the tests of states."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.states.support import StateWorld, state_world
from tests.worlds import moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """One moto server per test process."""
    with moto_server() as url:
        yield url


@pytest.fixture
def world(moto: str, tmp_path: Path) -> Iterator[StateWorld]:
    """An empty, well kept bucket of states."""
    with state_world(moto, tmp_path) as made:
        yield made
