"""What was found, as lines for a code block: what differs, what was opened, what was said; else the addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from alerts.escape import clean, length, mrkdwn, one_line
from checks.base import Json

# What a difference can show, in the order of time: what the state recorded, what is there, what the code asks for.
SIDES = ("recorded", "actual", "desired")
# Keys of Finding.evidence whose lists are shown, most telling first.
SHOWN = ("differences", "diff", "security", "failed_checks", "diagnostics")
VALUE = 160  # characters of one value
NAME = 300  # characters of one address or path


def difference_text(evidence: Mapping[str, Json], addresses: Sequence[str], limit: int) -> str:
    """Give lines of at most *limit* escaped characters, "+N more" for what does not fit; empty if there are none.

    Evidence under the keys of SHOWN is a list of texts or of objects: `address`, `action`, `class`, `note`, `summary`,
    and either `path` with recorded, actual, desired, or a list of such under `paths`. `more` counts what was left out.
    """
    items = [item for key in SHOWN for item in _list(evidence.get(key))] or list(addresses)
    count = sum(map(_weight, items)) + _number(evidence.get("more"))
    kept: list[str] = []
    room = limit - len("+1000000 more\n")
    for entry in (entry for item in items for entry in _entries(item)):
        room -= length(mrkdwn(entry, 10_000)) + 1
        if room < 0:
            break
        kept.append(entry)
    if len(kept) < count:
        kept.append(f"+{count - len(kept)} more")
    return "\n".join(kept)


def _list(found: Json) -> Sequence[Json]:
    return found if isinstance(found, (list, tuple)) else ()


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _weight(item: Json) -> int:
    """How many entries an item makes, and those it says were left out."""
    if not isinstance(item, Mapping):
        return 1
    return max(1, len(_list(item.get("paths")))) + _number(item.get("more"))


def _entries(item: Json) -> Iterator[str]:
    """One entry per attribute, the first with the resource's name above it; each much shorter than a message."""
    if not isinstance(item, Mapping):
        yield _value(item, NAME)
        return
    first = _first_line(item)
    nested = _list(item.get("paths"))
    if not nested:
        yield "\n".join([first, *_sides(item, "  ")])
    for number, path in enumerate(nested):
        lines = [f"  {_value(path.get('path', ''), NAME)}", *_sides(path, "    ")] if isinstance(path, Mapping) else []
        yield "\n".join([*([] if number else [first]), *(lines or [f"  {_value(path)}"])])


def _first_line(item: Mapping[str, Json]) -> str:
    name = ".".join(_value(item[key], NAME) for key in ("address", "path") if item.get(key))
    words = ", ".join(dict.fromkeys(_value(item[key], 60) for key in ("action", "class", "status") if item.get(key)))
    said = "; ".join(_value(item[key], NAME) for key in ("note", "summary", "messages") if item.get(key))
    return f"{name or 'difference'}{f' ({words})' if words else ''}{f': {said}' if said else ''}"


def _sides(item: Mapping[str, Json], indent: str) -> list[str]:
    return [f"{indent}{side + ':':<9} {_value(item[side])}" for side in SIDES if side in item]


def _value(value: Json, most: int = VALUE) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = one_line(clean(text, 2_000))
    return text if len(text) <= most else f"{text[: most - 1]}…"
