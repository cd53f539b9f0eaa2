"""Each operation of each check failing in turn, four ways: nothing turns green, becomes 0 or resolves.

A check of AWS, of states and of endpoints offers `WORLD` in its test module: an object with prove(check, folder), most
simply a tests.aws.blind.World.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from checks import discover
from checks.base import Check, Scope
from tests.aws import sample

LOOKS_OUTSIDE = {Scope.ACCOUNT, Scope.REGION, Scope.STATE, Scope.ENDPOINT}
CHECKS: dict[str, tuple[type[Check], str]] = {
    name: (check, f"tests.checks.test_{name}") for name, check in discover().items() if check.scope in LOOKS_OUTSIDE
}
CHECKS["sample"] = (sample.Sample, sample.__name__)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_check_that_cannot_look_says_so(name: str, tmp_path: Path) -> None:
    """With any one of its operations refused, throttled, late or empty, a check says that it could not look."""
    check, module = CHECKS[name]
    world = getattr(importlib.import_module(module), "WORLD", None)
    assert world is not None, f"{module} offers no WORLD for the check {name}; see tests/aws/blind.py"
    world.prove(check(), tmp_path)
