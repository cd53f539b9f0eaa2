"""What goes into the audit trail, without secrets. Pure; it runs before a row is made, so that no hash is of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from alerts.escape import scrub
from checks.base import Json
from checks.plans.redact import SENSITIVE, scrub_text, secret_name


def text(value: str) -> str:
    """*value* without what looks like a secret, at its whole length."""
    return scrub_text(scrub(value))


def redacted(value: Json, name: str = "") -> Json:
    """*value* without secrets. *name*: what it is called where it comes from; a secret's name hides all below it."""
    if isinstance(value, Mapping):
        return {text(str(key)): redacted(item, name if secret_name(name) else str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [redacted(item, name) for item in items]
    if value is None or isinstance(value, (bool, datetime)):
        return value
    if secret_name(name):
        return SENSITIVE
    if isinstance(value, Enum):
        value = value.value
    return text(value) if isinstance(value, str) else value
