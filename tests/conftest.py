"""Fixtures that several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """A moto server of this test run, on a private port; gives its URL. Take an account of your own in it."""
    from tests.worlds import moto_server

    with moto_server() as url:
        yield url
