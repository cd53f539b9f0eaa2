"""Kinds of values that several groups of options share: stages, and patterns."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from daemon.config.values import Glob, OneOrMany


class Stage(StrEnum):
    """Environments of the guideline."""

    PRODUCTION = "production"
    STAGING = "staging"
    DEVELOPMENT = "development"


Globs = Annotated[tuple[Glob, ...], OneOrMany]
