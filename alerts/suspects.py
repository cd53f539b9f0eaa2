"""Who likely did it, as the evidence says it: pure."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.escape import clean, one_line
from checks.base import Json

KEYS = ("likely_who", "who", "actor", "changed_by")  # of Finding.evidence, the first that says anything
_NAMED = 3


def likely_who(evidence: Mapping[str, Json]) -> str:
    """One line, the likeliest first; empty where the evidence does not say.

    Each is a text, or an object with `who`, and where known `at` (ISO 8601), `what` (operations) and `via`.
    """
    for key in KEYS:
        value = evidence.get(key)
        several = value if isinstance(value, (list, tuple)) else [value]
        names = list(filter(None, map(_one, several)))
        if names:
            more = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            return "; ".join(names[:_NAMED]) + more
    return ""


def _one(value: Json) -> str:
    if isinstance(value, str):
        return one_line(clean(value, 500))
    if not isinstance(value, Mapping) or not value.get("who"):
        return ""
    what = value.get("what")
    acts = what if isinstance(what, (list, tuple)) else [what]
    # Each piece is cleaned by itself: put together, the end of one could hide the beginning of another.
    at = _clean(value.get("at"))[:16].replace("T", " ")
    told = [f"{at} UTC" if at else "", ", ".join(filter(None, map(_clean, acts[:2]))), _clean(value.get("via"))]
    told[2] = told[2] and f"by {told[2]}"
    circumstances = "; ".join(filter(None, told))
    who = _clean(value["who"])
    return f"{who} ({circumstances})" if circumstances else who


def _clean(value: Json) -> str:
    return "" if value is None else one_line(clean(str(value), 200))
