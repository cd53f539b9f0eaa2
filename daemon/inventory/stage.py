"""Which stage a stack is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from checks.base import Json
from daemon.inventory.settings import StagePattern


def stage_of(
    stack: str, variables: Mapping[str, Json], patterns: Sequence[StagePattern], words: Mapping[str, str]
) -> str:  # fmt: skip
    """production, staging or development, or empty where nothing says so.

    `vars.stage` first, then `vars.environment` where it is a word for a stage, then the configuration's patterns.
    """
    for name in ("stage", "environment"):
        value = variables.get(name)
        if isinstance(value, str) and (stage := words.get(value.strip().lower())):
            return stage
    return next((pattern.stage for pattern in patterns if fnmatchcase(stack, pattern.stack)), "")
