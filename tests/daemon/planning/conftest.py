"""Fixtures of the planning tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds import World, moto_server, world, write_fake_mirror


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """One moto server per test process."""
    with moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def fake_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provider mirror with the fake provider."""
    return write_fake_mirror(tmp_path_factory.mktemp("mirror"))


@pytest.fixture(scope="session")
def applied() -> dict[str, tuple[bytes, dict[str, str]]]:
    """What was applied before, to be put down again."""
    return {}


@pytest.fixture
def small_world(
    tmp_path: Path, moto_url: str, fake_mirror: Path, applied: dict[str, tuple[bytes, dict[str, str]]]
) -> Iterator[World]:
    """An empty repository, an empty cloud, an empty state bucket."""
    with world(tmp_path, moto_url, fake_mirror, applied) as made:
        yield made
