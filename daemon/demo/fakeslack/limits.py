"""What Slack refuses about a message, as a pure function that tests of rendering can call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from daemon.demo.fakeslack.blocks import MAX_BLOCK_CHARACTERS, BlockProblems

MAX_POST_TEXT = 40_000
MAX_UPDATE_TEXT = 4_000  # chat.update refuses what chat.postMessage still takes
MAX_ATTACHMENTS = 100
MAX_METADATA_BYTES = 4_000  # Slack has a limit and does not publish it; ids fit in any

COLORS = ("good", "warning", "danger")


class Problem(NamedTuple):
    """One reason to refuse: Slack's error word, and what its response_metadata would say."""

    error: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.error}: {self.detail}" if self.detail else self.error


def validate_message(payload: Mapping[str, Any], *, update: bool = False) -> list[str]:
    """Judge the arguments of chat.postMessage (or chat.update): a list of `error: detail`, empty if Slack takes it."""
    return [str(problem) for problem in problems(payload, update=update)]


def problems(payload: Mapping[str, Any], *, update: bool = False) -> list[Problem]:
    """The same, as data. The first one's error is the answer Slack gives."""
    found: list[Problem] = []
    text, blocks, attachments = payload.get("text"), payload.get("blocks"), payload.get("attachments")
    if text is not None and not isinstance(text, str):
        found.append(Problem("invalid_arguments", "must be a string [json-pointer:/text]"))
    elif not (text or "").strip() and not blocks and not attachments:
        found.append(Problem("no_text"))
    elif len(text or "") > (MAX_UPDATE_TEXT if update else MAX_POST_TEXT):
        found.append(Problem("msg_too_long"))
    walk = BlockProblems()
    if blocks:
        walk.walk(blocks)
    if attachments:
        found += _attachments(attachments, walk)
    found += [Problem("invalid_blocks", message) for message in walk.messages]
    if walk.tables > 1:
        found.append(Problem("invalid_attachments", "only_one_table_allowed"))
    if walk.characters > MAX_BLOCK_CHARACTERS:
        found.append(Problem("msg_blocks_too_long", f"{walk.characters} characters in blocks"))
    if payload.get("metadata") not in (None, {}):
        found += _metadata(payload["metadata"])
    return found


def _attachments(attachments: object, walk: BlockProblems) -> list[Problem]:
    if not isinstance(attachments, list):
        return [Problem("invalid_attachments", "must be an array")]
    found = []
    if len(attachments) > MAX_ATTACHMENTS:
        found.append(Problem("too_many_attachments"))
    for number, item in enumerate(attachments):
        if not isinstance(item, dict):
            found.append(Problem("invalid_attachments", f"must be an object [json-pointer:/attachments/{number}]"))
            continue
        color = item.get("color")
        if color is not None and color not in COLORS and not _is_hex_color(color):
            found.append(Problem("invalid_attachments", f"not a color [json-pointer:/attachments/{number}/color]"))
        if "blocks" in item:
            walk.walk(item["blocks"], f"/attachments/{number}/blocks")
    return found


def _is_hex_color(color: object) -> bool:
    return (
        isinstance(color, str)
        and len(color.removeprefix("#")) == 6
        and set(color[-6:]) <= set("0123456789abcdefABCDEF")
    )


def _metadata(metadata: object) -> list[Problem]:
    """`{"event_type": name, "event_payload": {name: string, number, boolean, or a flat object or list of them}}`."""
    if not isinstance(metadata, dict) or set(metadata) - {"event_type", "event_payload", "entities"}:
        return [Problem("invalid_metadata_format", "must have event_type and event_payload only")]
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        return [Problem("invalid_metadata_format", "must have event_type and event_payload")]
    if not all(_is_flat(value) for value in payload.values()):
        return [Problem("invalid_metadata_format", "values must be strings, numbers, booleans or flat objects")]
    if len(json.dumps(metadata).encode()) > MAX_METADATA_BYTES:
        return [Problem("metadata_too_large")]
    return []


def _is_flat(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_scalar(item) for item in value.values())
    if isinstance(value, list):
        return all(_is_scalar(item) for item in value)
    return _is_scalar(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | bool)
