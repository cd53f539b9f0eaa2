"""Slack's blocks, made so that Slack takes them: each within its limit, the message within the limits of all.

Limits: docs.slack.dev/reference/block-kit/blocks, and about 13,200 characters over all blocks, which is not documented.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from alerts.escape import length, mrkdwn, one_line, plain

Body = dict[str, Any]
Block = dict[str, Any]

MAX_BLOCKS = 50
MAX_BLOCK_CHARACTERS = 12_000
MAX_TEXT = 3_900  # chat.update refuses 4,000
MAX_SECTION = 3_000
MAX_FIELDS = 10
MAX_CONTEXT = 10
MAX_BLOCK_ID = 255


def header(text: str, limit: int) -> Block:
    return {"type": "header", "text": _plain_text(one_line(text), limit)}


def plain_section(text: str, limit: int) -> Block:
    return {"type": "section", "text": _plain_text(text, limit)}


def mrkdwn_section(trusted: str) -> Block:
    """A section of text that is escaped already."""
    return {"type": "section", "text": _mrkdwn_text(trusted)}


def code_section(label: str, code: str, limit: int) -> Block:
    """A labelled block of code; what does not fit is cut."""
    return mrkdwn_section(f"*{label}*\n```\n{mrkdwn(code.strip(), limit)}\n```")


def fields(facts: Iterable[tuple[str, str]], limit: int) -> Block:
    """Label and value in two columns, ten at most."""
    texts = [
        _mrkdwn_text(f"*{mrkdwn(label, 60)}*\n{mrkdwn(one_line(value) or '–', limit)}")
        for label, value in list(facts)[:MAX_FIELDS]
    ]
    return {"type": "section", "fields": texts}


def context(trusted: Sequence[str]) -> Block:
    """Small print of texts that are escaped already."""
    return {"type": "context", "elements": [_mrkdwn_text(text) for text in trusted[:MAX_CONTEXT]]}


def _plain_text(text: str, limit: int) -> Block:
    # Slack refuses an empty text object.
    return {"type": "plain_text", "text": plain(text, limit).strip() or "–", "emoji": False}


def _mrkdwn_text(trusted: str) -> Block:
    # verbatim: Slack makes links and mentions of what is marked up as such, and of nothing else.
    return {"type": "mrkdwn", "text": trusted, "verbatim": True}


def message(lines: Sequence[str], blocks: Sequence[Block], mark: str) -> Body:
    """Put a message together: *lines* of fallback text (escaped), *blocks*, and a *mark* that differs per edition.

    Blocks that would be too much are left out from the end, and the last one says how many.
    """
    kept = _within(blocks)
    if kept:
        kept[0] = {**kept[0], "block_id": mark[:MAX_BLOCK_ID]}
    return {"text": _join(lines), "blocks": kept}


def _within(blocks: Sequence[Block]) -> list[Block]:
    kept: list[Block] = []
    room = MAX_BLOCK_CHARACTERS - 60
    for number, block in enumerate(blocks):
        room -= characters(block)
        if room < 0 or (len(kept) == MAX_BLOCKS - 1 and number < len(blocks) - 1):
            kept.append(context([f"+{len(blocks) - number} more parts that a message cannot hold"]))
            break
        kept.append(block)
    return kept


def _join(lines: Sequence[str]) -> str:
    """As many whole lines as fit: cutting inside one could cut an entity or a link in two."""
    kept: list[str] = []
    room = MAX_TEXT - 20
    for number, line in enumerate(lines):
        room -= length(line) + 1
        if room < 0:
            kept.append(f"+{len(lines) - number} more")
            break
        kept.append(line)
    return "\n".join(kept)


def characters(block: Block) -> int:
    """How many characters of text Slack counts in a block."""
    objects = [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]
    texts = [item["text"] for item in objects if isinstance(item, Mapping) and "text" in item]
    return sum(length(text["text"] if isinstance(text, Mapping) else text) for text in texts)  # a button's is an object


def as_text(body: Mapping[str, Any]) -> str:
    """Any of our messages as plain text for a terminal, as Slack would show it."""
    blocks = body.get("blocks") or ()
    if not blocks:
        return _shown(str(body.get("text", "")))
    return "\n".join(part for part in map(_block_text, blocks) if part)


def _block_text(block: Mapping[str, Any]) -> str:
    if block.get("type") == "context":
        return "  ".join(_object_text(item) for item in block.get("elements", ()))
    if "fields" in block:
        return "\n".join(_object_text(item).replace("\n", ": ", 1) for item in block["fields"])
    return _object_text(block.get("text") or {})


def _object_text(item: Mapping[str, Any]) -> str:
    text = str(item.get("text", ""))
    return _shown(text) if item.get("type") == "mrkdwn" else text


_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_BOLD = re.compile(r"^\*([^*\n]+)\*$", re.MULTILINE)


def _shown(text: str) -> str:
    """mrkdwn as a reader sees it."""
    text = _LINK.sub(r"\2 <\1>", text)
    text = re.sub(r"<!subteam\^([A-Z0-9]+)>", r"@\1", re.sub(r"<!(here|channel|everyone)>", r"@\1", text))
    text = re.sub(r"<@([UW][A-Z0-9]+)>", r"@\1", text)
    text = _BOLD.sub(r"\1", text.replace("\n```\n", "\n").replace("\n```", ""))
    return html.unescape(text).replace("\u200b", "")
