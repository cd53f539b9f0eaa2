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
    acts = [what] if isinstance(what, str) else list(what)[:2] if isinstance(what, (list, tuple)) else []
    at = str(value.get("at") or "")[:16].replace("T", " ")
    told = [f"{at} UTC" if at else "", ", ".join(map(str, acts)), f"by {value['via']}" if value.get("via") else ""]
    circumstances = "; ".join(filter(None, told))
    return one_line(clean(f"{value['who']} ({circumstances})" if circumstances else str(value["who"]), 500))
