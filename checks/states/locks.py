"""What a lock says of itself: Terraform's lock information, untrusted."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

from checks.plans.redact import cut, scrub_text
from checks.states.model import LockSeen

_LONGEST = 120  # characters of one part
_FRACTION = re.compile(r"(\.\d{6})\d+")  # Go writes nanoseconds


def lock_of(kind: str, where: str, info: str, modified_at: datetime | None = None) -> LockSeen:
    """A lock from its information as JSON: ID, Operation, Who, Created (statemgr.LockInfo).

    *modified_at*: when the lock was made, where its information does not say.
    """
    try:
        told = json.loads(info)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not told.get("ID"):
        return LockSeen(kind, where, readable=False, created=modified_at)
    created = _moment(told.get("Created")) or modified_at
    operation = _part(told.get("Operation")).removeprefix("OperationType").lower()
    return LockSeen(kind, where, True, _part(told["ID"]), _part(told.get("Who")), operation, created)


def _part(value: object) -> str:
    """One part as text of one line, without what looks like a secret."""
    text = " ".join(str(value if value is not None else "").split())
    return cut(scrub_text("".join(char for char in text if char.isprintable())), _LONGEST)


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(_FRACTION.sub(r"\1", value))
    except ValueError:
        return None
    # Go's zero time stands for "not set".
    return at.astimezone(UTC) if at.tzinfo is not None and at.year > 1 else None


def age(lock: LockSeen, now: datetime) -> timedelta | None:
    """How long it has been held; None: nobody knows."""
    return None if lock.created is None else now - lock.created
