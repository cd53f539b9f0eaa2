"""One image for all tests of this folder; it, and what was started of it, is gone afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.container import engine, standins


@dataclass(frozen=True, slots=True)
class Built:
    """The image, and what it was built with."""

    name: str
    arguments: dict[str, str]


@pytest.fixture(scope="session")
def engines() -> None:
    """All that is needed to build and run, or a skip that says what lacks."""
    if lack := engine.why_not_here():
        pytest.skip(f"NOT TESTED: the image is not built: {lack}")


@pytest.fixture(scope="session")
def arguments(engines: None) -> Iterator[dict[str, str]]:
    """Build arguments for stand-ins of Atmos and Terraform."""
    with standins.served() as found:
        yield found


@pytest.fixture(scope="session")
def image(arguments: dict[str, str]) -> Iterator[Built]:
    """The image, built once."""
    name = f"localhost/barograph-test:{uuid.uuid4().hex[:12]}"
    try:
        engine.build(name, arguments)
        yield Built(name, arguments)
    finally:
        engine.podman("rmi", "--force", name, check=False)


@pytest.fixture
def volume(engines: None) -> Iterator[str]:
    """The name of a volume of this test."""
    name = f"barograph-test-{uuid.uuid4().hex[:12]}"
    engine.podman("volume", "create", name)
    try:
        yield name
    finally:
        engine.podman("volume", "rm", "--force", name, check=False)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """A repository of one root module, under git."""
    folder = tmp_path / "repository"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "main.tf").write_text('variable "p" {}\n')
    state = '{"version":4,"serial":1,"lineage":"x","outputs":{},"resources":[]}'
    (folder / "app" / "terraform.tfstate").write_text(state)
    for argv in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "one"],
    ):
        engine.call("git", "-C", str(folder), *argv)
    return folder
