"""Fixtures that several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How busy the machine is decides no outcome.
settings.register_profile("barograph", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("barograph")


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """A moto server of this test run, on a private port; gives its URL. Take an account of your own in it."""
    from tests.worlds import moto_server

    with moto_server() as url:
        yield url
