"""Whatever a check of these tests says: a message that carries it must lead to a runbook that knows its code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from checks import discover
from checks.base import Reading
from checks.runs.told import VERDICTS
from daemon.runbooks import runbook


@cache
def _known(kind: str) -> frozenset[str]:
    found = runbook(kind)
    return frozenset(found.codes) if found is not None else frozenset()


@cache
def _words() -> frozenset[str]:
    """The words of real checks; tests have checks of their own too."""
    return frozenset(word for check in discover().values() for word in check.verdicts) | frozenset(VERDICTS) | {
        "cycle_broken", "worse_after",
    }  # fmt: skip


@pytest.fixture(autouse=True)
def every_code_has_its_runbook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Listens to every reading that is made while a test runs."""
    made = Reading.__init__
    missing: set[tuple[str, str]] = set()

    def init(self: Reading, *values: Any, **named: Any) -> None:
        made(self, *values, **named)
        for finding in self.findings:
            if self.verdict in _words() and self.verdict not in _known(str(finding.kind)):
                missing.add((str(finding.kind), self.verdict))

    monkeypatch.setattr(Reading, "__init__", init)
    yield
    assert missing == set(), "give each a heading in docs/runbooks/KIND.md"
