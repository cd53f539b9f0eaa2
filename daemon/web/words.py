"""Words and numbers for people: ages, moments, plurals, values."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from checks.base import Json, Outcome

LONGEST_VALUE = 4_000

SYMBOLS = {Outcome.HEALTHY: "✓", Outcome.UNHEALTHY: "✗", Outcome.UNKNOWN: "?", Outcome.NOT_APPLICABLE: "–"}
# The style of an outcome. Only HEALTHY is "good".
STYLES = {Outcome.HEALTHY: "good", Outcome.UNHEALTHY: "bad", Outcome.UNKNOWN: "unknown", Outcome.NOT_APPLICABLE: "none"}


def span(length: timedelta) -> str:
    """`45 s`, `12 min`, `3 h`, `5 d`: one unit, rounded down."""
    seconds = int(max(0.0, length.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, or `never`."""
    return "never" if at is None else f"{span(now - at)} ago"


def until(at: datetime | None, now: datetime) -> str:
    """In how long, or how late."""
    if at is None:
        return "not planned"
    return f"in {span(at - now)}" if at >= now else f"{span(now - at)} late"


def moment(at: datetime | None) -> str:
    """`2026-03-01 09:00:00 UTC`."""
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%S UTC")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 place`, `2 places`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def value(given: Json) -> str:
    """A value of a difference as text: strings as they are, all else as JSON; what is too long is cut and says so."""
    if isinstance(given, str):
        text = given
    elif isinstance(given, list) and given and all(isinstance(each, str) for each in given):
        text = "\n".join(given)
    else:
        text = json.dumps(given, ensure_ascii=False, indent=1, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"


def spoken(word: str) -> str:
    """A verdict or state as people say it: `could_not_look` -> `could not look`."""
    return word.replace("_", " ")
