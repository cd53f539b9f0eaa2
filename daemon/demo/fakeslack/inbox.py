"""The messages of the fake workspace as a person would see them: one self-contained page, or JSON."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from daemon.demo.fakeslack.mrkdwn import plain, to_html
from daemon.demo.fakeslack.workspace import Channel, Message, Workspace, as_json


def inbox_data(workspace: Workspace) -> dict[str, Any]:
    """Channels with their root messages, each with its replies and earlier texts."""
    with workspace.lock:
        return {
            "channels": [
                {
                    "id": channel.id,
                    "name": channel.name,
                    "archived": channel.archived,
                    "topic": channel.topic,
                    "messages": [_with_thread(workspace, channel, message) for message in _roots(channel)],
                }
                for channel in workspace.channels.values()
            ]
        }


def _roots(channel: Channel) -> list[Message]:
    return [message for message in channel.messages.values() if not message.thread_ts or message.broadcast]


def _with_thread(workspace: Workspace, channel: Channel, message: Message) -> dict[str, Any]:
    body = as_json(workspace, message, metadata=True)
    body["earlier_texts"] = list(message.history)
    if not message.thread_ts:
        replies = workspace.replies(channel, message.ts)
        body["replies"] = [
            {**as_json(workspace, reply, metadata=True), "earlier_texts": list(reply.history)} for reply in replies
        ]
    return body


def inbox_page(workspace: Workspace) -> tuple[str, str]:
    """The page and its Content-Security-Policy, which allows the page's own style and nothing else."""
    data = inbox_data(workspace)
    names = {channel["id"]: channel["name"] for channel in data["channels"]}
    page = _environment().get_template("inbox.html").render(
        channels=data["channels"],
        mrkdwn=lambda text: to_html(text, names),
        plain=plain,
        clock=_clock,
        total=sum(len(channel["messages"]) for channel in data["channels"]),
    )  # fmt: skip
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256((style[1] if style else "").encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(autoescape=True, loader=loader, trim_blocks=True, lstrip_blocks=True)


def _clock(ts: str) -> Markup:
    """`14:03:05` in a time element, from a message's ts."""
    at = datetime.fromtimestamp(float(ts), UTC)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), at.strftime("%H:%M:%S"))
