"""One server for all tests of the stand-in: moto reads its models when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daemon.demo.api import Api
from daemon.demo.standin.front import Front
from tests.daemon.demo.standin.support import served


@pytest.fixture(scope="package")
def aws() -> Iterator[tuple[Front, Api]]:
    """The front and the way to it."""
    with served() as found:
        yield found
