"""The methods of the Web API. Each takes the workspace and the call's arguments; it answers or raises SlackError."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from daemon.demo.fakeslack.limits import problems
from daemon.demo.fakeslack.workspace import Channel, Message, SlackError, Token, Workspace, as_json

Arguments = Mapping[str, Any]
MAX_FILE_BYTES = 1_000_000_000
Method = Callable[[Workspace, Arguments], dict[str, Any]]

# A method needs one of these scopes.
SCOPES: Mapping[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "conversations.history": ("channels:history", "groups:history"),
    "conversations.replies": ("channels:history", "groups:history"),
    "conversations.info": ("channels:read", "groups:read"),
    "conversations.list": ("channels:read", "groups:read"),
    "conversations.join": ("channels:join",),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
    "usergroups.users.list": ("usergroups:read",),
    "apps.connections.open": ("connections:write",),
}


def authorise(workspace: Workspace, method: str, token: str) -> Token:
    """The token of a call. Raises not_authed, invalid_auth, token_revoked and the like, missing_scope."""
    if not token:
        raise SlackError("not_authed")
    known = workspace.tokens.get(token)
    if known is None:
        raise SlackError("invalid_auth")
    if known.refused:
        raise SlackError(known.refused)
    needed = SCOPES.get(method, ())
    if needed and not known.scopes & set(needed):
        if method == "apps.connections.open" or "connections:write" in known.scopes:
            raise SlackError("not_allowed_token_type")
        raise SlackError("missing_scope", needed=needed[0], provided=",".join(sorted(known.scopes)))
    return known


def _writable(workspace: Workspace, arguments: Arguments, *, by_name: bool) -> Channel:
    channel = workspace.channel(_need(arguments, "channel"), by_name=by_name)
    if channel.archived:
        raise SlackError("is_archived")
    if not channel.member:
        raise SlackError("not_in_channel")
    return channel


def _need(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    if not value:
        raise SlackError(
            "invalid_arguments", response_metadata={"messages": [f"[ERROR] missing required field: {name}"]}
        )
    return str(value)


def _validate(arguments: Arguments, *, update: bool = False) -> None:
    found = problems(arguments, update=update)
    if found:
        details = [f"[ERROR] {one.detail}" for one in found if one.error == found[0].error and one.detail]
        raise SlackError(found[0].error, **({"response_metadata": {"messages": details}} if details else {}))


def post_message(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = _writable(workspace, arguments, by_name=True)
    _validate(arguments)
    thread_ts = str(arguments.get("thread_ts") or "")
    if thread_ts:
        root = channel.messages.get(thread_ts)
        if root is None or root.thread_ts:
            raise SlackError("thread_not_found" if root is None else "invalid_thread_ts")
    message = workspace.post(
        channel,
        text=str(arguments.get("text") or ""),
        blocks=tuple(arguments.get("blocks") or ()),
        attachments=tuple(arguments.get("attachments") or ()),
        metadata=arguments.get("metadata") or {},
        thread_ts=thread_ts,
        broadcast=bool(thread_ts and arguments.get("reply_broadcast")),
    )
    return {"channel": channel.id, "ts": message.ts, "message": as_json(workspace, message, metadata=True)}


def post_ephemeral(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    _writable(workspace, arguments, by_name=True)
    _need(arguments, "user")
    _validate(arguments)
    return {"message_ts": f"{workspace.clock().timestamp():.6f}"}


def update(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    """Edit a message. Blocks, attachments and metadata that are not given stay; the channel is an id, not a name."""
    channel = _writable(workspace, arguments, by_name=False)
    ts = _need(arguments, "ts")
    _validate(arguments, update=True)
    if ts not in channel.messages:
        raise SlackError("message_not_found")
    changes: dict[str, Any] = {"text": str(arguments.get("text") or "")}
    for name in ("blocks", "attachments"):
        if arguments.get(name) is not None:
            changes[name] = tuple(arguments[name])
    if arguments.get("metadata") is not None:
        changes["metadata"] = arguments["metadata"]
    message = workspace.edit(channel, ts, changes)
    return {
        "channel": channel.id, "ts": ts, "text": message.text,
        "message": as_json(workspace, message, metadata=True),
    }  # fmt: skip


def delete(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = _writable(workspace, arguments, by_name=False)
    ts = _need(arguments, "ts")
    if channel.messages.pop(ts, None) is None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "ts": ts}


def permalink(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = workspace.channel(_need(arguments, "channel"), by_name=False)
    ts = _need(arguments, "message_ts")
    if ts not in channel.messages:
        raise SlackError("message_not_found")
    link = f"https://fake.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def history(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    """Root messages and broadcast replies, newest first."""
    channel = _readable(workspace, arguments)
    return _page(workspace, workspace.shown(channel)[::-1], arguments)


def replies(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    """A thread, its root first, oldest first."""
    channel = _readable(workspace, arguments)
    ts = _need(arguments, "ts")
    if ts not in channel.messages:
        raise SlackError("thread_not_found")
    root = channel.messages[ts].thread_ts or ts
    return _page(workspace, workspace.shown(channel, root), arguments)


def _readable(workspace: Workspace, arguments: Arguments) -> Channel:
    channel = workspace.channel(_need(arguments, "channel"), by_name=False)
    if not channel.member:
        raise SlackError("not_in_channel")
    return channel


def _page(workspace: Workspace, found: list[Message], arguments: Arguments) -> dict[str, Any]:
    """Cut *found* by oldest, latest (exclusive unless inclusive) and cursor."""
    inclusive = _flag(arguments, "inclusive")
    oldest, latest = _moment(arguments, "oldest"), _moment(arguments, "latest")
    window = [
        message
        for message in found
        if (oldest is None or _ts(message) > oldest or (inclusive and _ts(message) == oldest))
        and (latest is None or _ts(message) < latest or (inclusive and _ts(message) == latest))
    ]
    limit = _number(arguments, "limit", 100, most=999)
    if workspace.page_size:
        limit = min(limit, workspace.page_size)
    start = 0
    if arguments.get("cursor"):
        after = _read_cursor(str(arguments["cursor"]))
        # by ts and not by count: what is posted between two pages must shift nothing
        start = next((number for number, message in enumerate(window) if message.ts == after), -1) + 1
        if not start:
            raise SlackError("invalid_cursor")
    metadata = _flag(arguments, "include_all_metadata")
    page = window[start : start + limit]
    more = start + limit < len(window)
    answer: dict[str, Any] = {
        "messages": [as_json(workspace, message, metadata=metadata) for message in page],
        "has_more": more,
        "pin_count": 0,
    }
    if more:
        answer["response_metadata"] = {"next_cursor": _cursor(page[-1].ts)}
    return answer


def _ts(message: Message) -> int:
    return _micros(message.ts)


def _micros(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int((fraction + "000000")[:6])


def _moment(arguments: Arguments, name: str) -> int | None:
    value = arguments.get(name)
    if value in (None, "", "0", 0):
        return None
    try:
        return _micros(str(value))
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _flag(arguments: Arguments, name: str) -> bool:
    return str(arguments.get(name, "")).lower() in ("1", "true")


def _number(arguments: Arguments, name: str, default: int, *, most: int) -> int:
    try:
        value = int(arguments.get(name) or default)
    except (TypeError, ValueError):
        raise SlackError(f"invalid_{name}") from None
    if value < 1:
        raise SlackError(f"invalid_{name}")
    return min(value, most)


def _cursor(ts: str) -> str:
    return base64.b64encode(f"after:{ts}".encode()).decode()


def _read_cursor(cursor: str) -> str:
    try:
        prefix, _, ts = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackError("invalid_cursor") from None
    if prefix != "after":
        raise SlackError("invalid_cursor")
    return ts


def _describe(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id, "name": channel.name, "is_channel": not channel.private, "is_private": channel.private,
        "is_archived": channel.archived, "is_member": channel.member,
    }  # fmt: skip


def info(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    return {"channel": _describe(workspace.channel(_need(arguments, "channel"), by_name=False))}


def list_channels(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    kinds = str(arguments.get("types") or "public_channel").split(",")
    found = [
        channel
        for channel in workspace.channels.values()
        if ("private_channel" if channel.private else "public_channel") in kinds
        and not (channel.archived and _flag(arguments, "exclude_archived"))
    ]
    limit = _number(arguments, "limit", 100, most=1000)
    if workspace.page_size:
        limit = min(limit, workspace.page_size)
    start = 0
    if arguments.get("cursor"):
        after = _read_cursor(str(arguments["cursor"]))
        start = next((number for number, channel in enumerate(found) if channel.id == after), -1) + 1
        if not start:
            raise SlackError("invalid_cursor")
    page = found[start : start + limit]
    cursor = _cursor(page[-1].id) if start + limit < len(found) else ""
    return {"channels": [_describe(channel) for channel in page], "response_metadata": {"next_cursor": cursor}}


def join(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = workspace.channel(_need(arguments, "channel"), by_name=False)
    if channel.archived:
        raise SlackError("is_archived")
    channel.member = True
    return {"channel": _describe(channel)}


def auth_test(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    return {
        "url": "https://fake.slack.com/", "team": "Fake", "user": "barograph", "team_id": "T0FAKE0001",
        "user_id": "U0FAKEBOT1", "bot_id": "B0FAKE0001", "is_enterprise_install": False,
    }  # fmt: skip


def upload_url(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    """Step one of a file: a place to send it to. The server turns `upload_path` into a URL of its own."""
    name, length = _need(arguments, "filename"), _number(arguments, "length", 0, most=MAX_FILE_BYTES + 1)
    if length > MAX_FILE_BYTES:
        raise SlackError("file_upload_size_restricted")
    file_id = "F" + secrets.token_hex(5).upper()
    workspace.files[file_id] = {
        "id": file_id, "name": name, "title": name, "size": length, "content": None, "shared": False,
    }  # fmt: skip
    return {"file_id": file_id, "upload_path": f"/upload/{file_id}"}


def complete_upload(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    """Step three: what was uploaded becomes a message of the channel. All of it, or nothing; each file only once."""
    given = arguments.get("files")
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) and item.get("id") for item in given):
        raise SlackError("invalid_arguments")
    kept = [workspace.files.get(str(item["id"])) for item in given]
    if any(file is None or file["content"] is None or file["shared"] for file in kept):
        raise SlackError("file_not_found")
    channel = None
    thread_ts = str(arguments.get("thread_ts") or "")
    if arguments.get("channel_id"):
        channel = _writable(workspace, {"channel": arguments["channel_id"]}, by_name=False)
        root = channel.messages.get(thread_ts)
        if thread_ts and (root is None or root.thread_ts):
            raise SlackError("thread_not_found" if root is None else "invalid_thread_ts")
    elif thread_ts:
        raise SlackError("invalid_arguments")
    files = []
    for file, item in zip(kept, given, strict=True):
        assert file is not None
        file |= {"title": item.get("title") or file["name"], "shared": True}
        files.append({name: file[name] for name in ("id", "name", "title", "size")})
    if channel is not None:
        text = str(arguments.get("initial_comment") or "")
        workspace.post(channel, text=text, thread_ts=thread_ts, files=tuple(files))
    return {"files": [{"id": file["id"], "title": file["title"]} for file in files]}


def group_members(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    members = workspace.user_groups.get(_need(arguments, "usergroup"))
    if members is None:
        raise SlackError("no_such_subteam")
    return {"users": list(members)}


METHODS: Mapping[str, Method] = {
    "auth.test": auth_test,
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": permalink,
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.info": info,
    "conversations.list": list_channels,
    "conversations.join": join,
    "usergroups.users.list": group_members,
    "files.getUploadURLExternal": upload_url,
    "files.completeUploadExternal": complete_upload,
}
