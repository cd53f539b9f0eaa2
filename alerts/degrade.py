"""A message made smaller, or marked, after Slack's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.blocks import MAX_BLOCK_CHARACTERS, MAX_BLOCKS, MAX_TEXT, Body, characters, context
from alerts.escape import ELLIPSIS, defanged, length, mrkdwn

KEPT_BLOCKS = 2  # tier, kind, place; and what is wrong
SHORT_TEXT = 1_000


def smaller(body: Mapping[str, Any]) -> Body | None:
    """The next smaller form: fewer blocks, no blocks, a short text; None if there is nothing left to take away."""
    text, blocks = str(body.get("text", "")), list(body.get("blocks") or ())
    if len(blocks) > KEPT_BLOCKS:
        return {**body, "text": text, "blocks": blocks[:KEPT_BLOCKS]}
    if blocks:
        return {**body, "text": text, "blocks": []}
    if length(text) > SHORT_TEXT:
        return {**body, "text": cut(text, SHORT_TEXT), "blocks": []}
    return None


def noted(body: Mapping[str, Any], note: str) -> Body:
    """The message with a sentence of ours in front; unchanged where it says so already."""
    text, blocks = str(body.get("text", "")), list(body.get("blocks") or ())
    said = defanged(note, 300)
    if text.startswith(said):
        return dict(body)
    if blocks:
        extra = context([mrkdwn(note, 300)])
        room = MAX_BLOCK_CHARACTERS - characters(extra)
        while blocks and (len(blocks) >= MAX_BLOCKS or sum(map(characters, blocks)) > room):
            blocks.pop()
        blocks.insert(0, extra)
    return {**body, "text": cut(f"{said}\n{text}", MAX_TEXT), "blocks": blocks}


def cut(escaped: str, limit: int) -> str:
    """Whole lines of escaped text, so that no entity and no link is cut in two; at least the first line's start."""
    if length(escaped) <= limit:
        return escaped
    lines: list[str] = []
    room = limit - len(ELLIPSIS) - 1
    for line in escaped.split("\n"):
        room -= length(line) + 1
        if room < 0:
            break
        lines.append(line)
    if lines:
        return "\n".join([*lines, ELLIPSIS])
    # One endless line: back to before whatever an entity or a link may have begun.
    start = escaped[: limit // 2]
    for opener, closer in (("<", ">"), ("&", ";")):
        begun = start.rfind(opener)
        if begun > start.rfind(closer):
            start = start[:begun]
    return start + ELLIPSIS
