"""The one place where Python values become SQLite values and back.

Times are text of fixed width in UTC, "2026-01-31T09:05:00.000000Z", so that they sort as they follow each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from checks.base import Json

_SURROGATE = re.compile("[\ud800-\udfff]")


def time_text(at: datetime) -> str:
    """Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {at!r}")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def time_or_none(text: str | None) -> datetime | None:
    return None if text is None else time(text)


def dump(value: Json) -> str:
    """JSON with sorted keys. Takes mappings and tuples of any make, also inside.

    Lone surrogates become their escapes as text, as in text that is bound: no page, metric or message could carry
    them when they are read back.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain, ensure_ascii=False)
    return _SURROGATE.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text)


def load(text: str) -> Any:
    return json.loads(text)


def bind(values: Mapping[str, object]) -> dict[str, object]:
    """Values as sqlite3 takes them: times and enumerations as text, truth as 0 or 1."""
    return {name: _bound(value) for name, value in values.items()}


def _bound(value: object) -> object:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and not value.isascii():
        # Output of other programs may hold lone surrogates, which UTF-8 cannot carry: never lose the record for them.
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, datetime):
        return time_text(value)
    raise TypeError(f"a {type(value).__name__} cannot be stored as JSON")
