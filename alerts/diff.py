"""What was found, as lines for a code block: the differences, else the addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from alerts.escape import clean, length, mrkdwn, one_line
from checks.base import Json

# What a difference can show, in the order of time: what the state recorded, what is there, what the code asks for.
SIDES = ("recorded", "actual", "desired")
DIFFERENCES = ("differences", "diff")  # keys of Finding.evidence
VALUE = 160  # characters of one value


def difference_text(evidence: Mapping[str, Json], addresses: Sequence[str], limit: int) -> str:
    """Give lines of at most *limit* escaped characters, "+N more" for what does not fit; empty if there are none.

    Evidence under `differences` is a list of objects with `address`, `path`, and any of recorded, actual, desired.
    """
    items = [item for key in DIFFERENCES for item in _list(evidence.get(key))]
    count = len(items) or len(addresses)
    kept: list[str] = []
    room = limit - len("+1000000 more\n")
    for number, entry in enumerate(map(_difference, items or addresses)):
        room -= length(mrkdwn(entry, 10_000)) + 1
        if room < 0:
            kept.append(f"+{count - number} more")
            break
        kept.append(entry)
    return "\n".join(kept)


def _list(found: Json) -> Sequence[Json]:
    return found if isinstance(found, (list, tuple)) else ()


def _difference(item: Json) -> str:
    if not isinstance(item, Mapping):
        return _value(item, 400)
    name = ".".join(_value(item[key], 200) for key in ("address", "path") if item.get(key))
    action = item.get("action") or item.get("actions")
    first = f"{name or 'difference'}{f' ({_value(action)})' if action else ''}"
    sides = [f"  {side + ':':<9} {_value(item[side])}" for side in SIDES if side in item]
    return "\n".join([first, *sides])


def _value(value: Json, most: int = VALUE) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = one_line(clean(text, 2_000))
    return text if len(text) <= most else f"{text[: most - 1]}…"
