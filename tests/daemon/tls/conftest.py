"""What the tests of TLS share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.tls.world import Pki


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    """A root that endpoints are told to trust, and an issuing authority below it."""
    return Pki(tmp_path)
