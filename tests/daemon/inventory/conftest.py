"""Fixtures of the inventory's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.inventory.support import running_cloud


@pytest.fixture
def cloud() -> Iterator[str]:
    """The address of a private AWS that holds the recorded repository's state bucket and lock table."""
    with running_cloud() as endpoint:
        yield endpoint
