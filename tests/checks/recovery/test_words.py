"""Times and spans for people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checks.recovery.words import span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (5400, "1h 30m"), (93_600, "26h"), (691_200, "8d"), (700_000, "8d 2h")],
)
def test_spans(seconds: int, text: str) -> None:
    """The two largest units, and hours up to two days."""
    assert span(timedelta(seconds=seconds)) == text
