"""What was found, as lines for a code block: differences first, else addresses, else the evidence itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from alerts.escape import length, mrkdwn, one_line
from checks.base import Json

# What a difference can show, in the order of time: what the state recorded, what is there, what the code asks for.
SIDES = ("recorded", "actual", "desired")
DIFFERENCES = ("differences", "diff")  # keys of Finding.evidence
VALUE = 160  # characters of one value


def difference_text(evidence: Mapping[str, Json], addresses: Sequence[str], limit: int) -> str:
    """Give lines of at most *limit* escaped characters, "+N more" for what does not fit; empty if there are none.

    Evidence under `differences` is a list of objects with `address`, `path`, and any of recorded, actual, desired.
    """
    entries = list(_entries(evidence)) or [one_line(address) for address in addresses]
    kept: list[str] = []
    room = limit - len("+1000000 more\n")
    for number, entry in enumerate(entries):
        room -= length(mrkdwn(entry, 10_000)) + 1
        if room < 0:
            kept.append(f"+{len(entries) - number} more")
            break
        kept.append(entry)
    return "\n".join(kept)


def _entries(evidence: Mapping[str, Json]) -> Iterator[str]:
    for key in DIFFERENCES:
        found = evidence.get(key)
        if isinstance(found, (list, tuple)):
            yield from (_difference(item) for item in found)


def _difference(item: Json) -> str:
    if not isinstance(item, Mapping):
        return one_line(_value(item))
    name = ".".join(str(item[key]) for key in ("address", "path") if item.get(key))
    action = item.get("action") or item.get("actions")
    first = f"{name or 'difference'}{f' ({_value(action)})' if action else ''}"
    sides = [f"  {side + ':':<9} {_value(item[side])}" for side in SIDES if side in item]
    return "\n".join([one_line(first)[:400], *sides])


def _value(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = one_line(text)
    return text if len(text) <= VALUE else f"{text[: VALUE - 1]}…"
