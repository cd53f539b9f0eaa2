"""A folder for each test of `barograph exec`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.wrapper.support import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A folder to run jobs in."""
    return Shop(tmp_path)
