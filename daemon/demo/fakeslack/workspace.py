"""The state of the fake workspace: channels, messages, tokens. Plain data under one lock, no network."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

BOT_SCOPES = frozenset({
    "chat:write", "channels:read", "groups:read", "channels:history", "groups:history", "channels:join", "files:write",
})  # fmt: skip


class SlackError(Exception):
    """A call Slack refuses. *error* is its word; *extra* goes into the answer beside it."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it stands now. `history` are the earlier texts, oldest first."""

    channel: str  # id
    ts: str
    text: str
    blocks: tuple[Any, ...] = ()
    attachments: tuple[Any, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    thread_ts: str = ""  # of the root message, for a reply
    broadcast: bool = False  # a reply that is shown in the channel too
    edited_ts: str = ""
    history: tuple[str, ...] = ()
    posted_at: datetime | None = None
    files: tuple[Mapping[str, Any], ...] = ()

    @property
    def metadata_id(self) -> str:
        payload = self.metadata.get("event_payload")
        return str(payload.get("id", "")) if isinstance(payload, Mapping) else ""


@dataclass
class Channel:
    """A channel the bot may post to, unless it is archived or the bot is not a member."""

    id: str
    name: str
    archived: bool = False
    member: bool = True
    private: bool = False
    topic: str = ""
    messages: dict[str, Message] = field(default_factory=dict)  # by ts, in order of posting
    last_micros: int = 0


@dataclass
class Token:
    """One credential: why it is refused (empty: it is not), and what it may do."""

    value: str
    scopes: frozenset[str] = BOT_SCOPES
    refused: str = ""


def channel_id(name: str) -> str:
    """The id a channel of this name gets: always the same, shaped like Slack's. An id is its own id."""
    if re.fullmatch(r"[CG][A-Z0-9]{8,}", name):
        return name
    return "C" + base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:10]


@dataclass
class Workspace:
    """Everything the fake knows. Methods that read or write several things hold `lock`."""

    clock: Callable[[], datetime]
    history_lag: timedelta = timedelta(0)  # a message shows in history only when it is this old
    page_size: int = 0  # history pages hold at most this many messages; 0: what the caller asks for
    channels: dict[str, Channel] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    user_groups: dict[str, list[str]] = field(default_factory=dict)  # id of a group -> ids of its members
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add_channel(self, name: str, *, private: bool = False) -> Channel:
        name = name.removeprefix("#")
        channel = Channel(channel_id(name), name.lower() if channel_id(name) == name else name, private=private)
        self.channels[channel.id] = channel
        return channel

    def channel(self, given: str, *, by_name: bool) -> Channel:
        """Find a channel by id, or (only where Slack takes one: posting) by name. Raises channel_not_found."""
        found = self.channels.get(given)
        if found is None and by_name:
            name = given.removeprefix("#")
            found = next((one for one in self.channels.values() if one.name == name), None)
        if found is None:
            raise SlackError("channel_not_found")
        return found

    def names(self, given: str) -> frozenset[str]:
        """Every name a channel goes by, for matching faults."""
        try:
            channel = self.channel(given, by_name=True)
        except SlackError:
            return frozenset({given})
        return frozenset({given, channel.id, channel.name, f"#{channel.name}"})

    def post(self, channel: Channel, **content: Any) -> Message:
        """Add a message under a fresh ts."""
        now = self.clock()
        channel.last_micros = max(channel.last_micros + 1, int(now.timestamp() * 1_000_000))
        seconds, micros = divmod(channel.last_micros, 1_000_000)
        message = Message(channel.id, f"{seconds}.{micros:06d}", posted_at=now, **content)
        channel.messages[message.ts] = message
        return message

    def edit(self, channel: Channel, ts: str, changes: Mapping[str, Any]) -> Message:
        """Change a message in place. Raises message_not_found."""
        message = channel.messages.get(ts)
        if message is None:
            raise SlackError("message_not_found")
        edited = f"{self.clock().timestamp():.6f}"
        changed = replace(message, **changes, edited_ts=edited, history=(*message.history, message.text))
        channel.messages[ts] = changed
        return changed

    def shown(self, channel: Channel, thread_ts: str = "") -> list[Message]:
        """What history (or the replies of a thread, its root first) shows now, oldest first."""
        latest = self.clock() - self.history_lag
        found = (m for m in channel.messages.values() if m.posted_at is None or m.posted_at <= latest)
        if thread_ts:
            return [m for m in found if thread_ts in (m.ts, m.thread_ts)]
        return [m for m in found if not m.thread_ts or m.broadcast]

    def replies(self, channel: Channel, ts: str) -> list[Message]:
        return [message for message in channel.messages.values() if message.thread_ts == ts]

    def all_messages(self) -> Iterable[Message]:
        for channel in self.channels.values():
            yield from channel.messages.values()


def as_json(workspace: Workspace, message: Message, *, metadata: bool) -> dict[str, Any]:
    """A message as Slack's answers carry it; its metadata only where asked for."""
    channel = workspace.channels[message.channel]
    body: dict[str, Any] = {
        "type": "message", "ts": message.ts, "text": message.text, "bot_id": "B0FAKE0001", "user": "U0FAKEBOT1",
        "team": "T0FAKE0001",
    }  # fmt: skip
    if message.blocks:
        body["blocks"] = list(message.blocks)
    if message.attachments:
        body["attachments"] = list(message.attachments)
    if message.files:
        body["files"] = [dict(file) for file in message.files]
    if message.edited_ts:
        body["edited"] = {"user": "U0FAKEBOT1", "ts": message.edited_ts}
    if message.metadata and metadata:
        body["metadata"] = dict(message.metadata)
    if message.thread_ts:
        body |= {"thread_ts": message.thread_ts, "parent_user_id": "U0FAKEBOT1"}
        if message.broadcast:
            body["subtype"] = "thread_broadcast"
    replies = workspace.replies(channel, message.ts)
    if replies:
        body |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
    return body
