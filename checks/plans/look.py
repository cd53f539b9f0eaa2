"""What one attempt to plan an instance gave, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class LookStatus(StrEnum):
    """How an attempt to plan ended, before anybody judged the plan."""

    PLANNED = "planned"  # the plan JSON is there, whole, and nothing moved while it was made
    NEVER_DEPLOYED = "never_deployed"  # there is no state object: no plan was made
    BUSY = "busy"  # locked, or the state changed during the plan
    CONFIG_ERROR = "config_error"  # syntax, versions, provider sign-in, missing variable
    ERROR = "error"  # all else: could not look
    NOT_APPLICABLE = "not_applicable"  # disabled or abstract


@dataclass(frozen=True, slots=True)
class PlanLook:
    """One attempt. *reason* is one redacted sentence for a person; *plan* holds secrets and must not be kept."""

    status: LookStatus
    reason: str = ""
    remedy: str = ""
    plan: Mapping[str, Any] | None = field(default=None, repr=False)  # `terraform show -json`, not redacted
    diagnostics: tuple[str, ...] = ()  # redacted "file:line: message" lines
    cause: str = ""  # equal for looks that failed for one cause
    serial: int | None = None  # of the state the plan was made on
    seconds: float = 0.0
    max_rss_bytes: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)  # terraform_version, lock owner and the like
