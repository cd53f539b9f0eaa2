"""The way out to Slack's Web API: one call is one attempt, and every failure says what is known about it.

Facts about slack_sdk 3: its default client repeats a POST after a reset although Slack has processed it, so it gets no
retry handlers; the SDK's own log shows requests, so it gets a logger that says nothing.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web import WebClient

from alerts.base import Delivery, DeliveryKind, NotifyError
from alerts.slack_errors import from_answer, from_exception
from alerts.slack_files import found, sender, share

EVENT_TYPE = "barograph_delivery"
# Slack's clock names the messages, ours the intent: how far they may be apart.
CLOCK_DIFFERENCE = timedelta(hours=1)
PAGE = 200
MAX_PAGES = 500
_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{8,}")


def _no_content(ref: str) -> bytes:
    raise LookupError(ref)


class SlackNotifier:
    """alerts.base.Notifier on a bot token with chat:write, channels:history and groups:history.

    Channels may be ids or names; for names the token also needs channels:read and groups:read, and for files
    files:write. *timeout* is in seconds. *content* gives the bytes that a file's reference stands for, or raises
    LookupError.
    """

    def __init__(
        self, token: str, *, base_url: str = WebClient.BASE_URL, timeout: float = 30.0,
        content: Callable[[str], bytes] = _no_content,
    ) -> None:  # fmt: skip
        self._token = token
        silent = logging.Logger("slack_sdk", logging.CRITICAL + 1)
        self._client = WebClient(
            token,
            base_url=base_url if base_url.endswith("/") else f"{base_url}/",
            timeout=timeout,  # type: ignore[arg-type]  # annotated int, handed to urllib, which takes fractions
            retry_handlers=[],
            logger=silent,
        )
        self._content = content
        self._upload = sender(self._client.base_url, timeout)
        self._ids: dict[str, str] = {}  # channel name -> id, which never changes
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SlackNotifier({self._client.base_url})"

    def post(self, delivery: Delivery) -> str:
        if delivery.kind is DeliveryKind.FILE:
            channel = self.channel_id(delivery.channel)
            return share(delivery, channel, self._call, self._upload, self._content)
        arguments: dict[str, Any] = {
            "channel": delivery.channel,
            "text": delivery.body["text"],
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"id": delivery.id}},
            "unfurl_links": False,
            "unfurl_media": False,
            "parse": "none",  # nothing in the text becomes a link or a mention that is not marked up as one
        }
        if delivery.body.get("blocks"):
            arguments["blocks"] = delivery.body["blocks"]
        if thread := _thread(delivery):
            arguments["thread_ts"] = thread
            if delivery.kind is DeliveryKind.REPLY and delivery.body.get("reply_broadcast"):
                arguments["reply_broadcast"] = True
        answer = self._call("chat.postMessage", arguments)
        self._remember(delivery.channel, answer)
        return _ts(answer)

    def update(self, delivery: Delivery) -> str:
        arguments = {
            "channel": self.channel_id(delivery.channel),
            "ts": delivery.root_ts,
            "text": delivery.body["text"],
            "blocks": list(delivery.body.get("blocks") or ()),  # an empty list takes the old blocks away
            "parse": "none",
        }
        return _ts(self._call("chat.update", arguments))

    def find(self, delivery: Delivery) -> str | None:
        if delivery.intent_at is None:
            raise ValueError(f"message {delivery.id} was never meant to be sent: there is nothing to find")
        arguments: dict[str, Any] = {
            "channel": self.channel_id(delivery.channel),
            "oldest": _stamp(delivery.intent_at - CLOCK_DIFFERENCE),
            "include_all_metadata": True,
            "limit": PAGE,
        }
        method = "conversations.history"
        if thread := _thread(delivery):
            method = "conversations.replies"
            arguments["ts"] = thread
        if delivery.kind is DeliveryKind.FILE:
            return found(self._pages(method, arguments, "messages"), delivery.id)
        for message in self._pages(method, arguments, "messages"):
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("id") == delivery.id:
                return str(message["ts"])
        return None

    def probe(self) -> None:
        self._call("auth.test", {})

    def _pages(self, method: str, arguments: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        """Every item of every page. Raises NotifyError, also where they do not end: half a history proves nothing."""
        items: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(MAX_PAGES):
            try:
                answer = self._call(method, {**arguments, **({"cursor": cursor} if cursor else {})})
            except NotifyError as error:
                if method == "conversations.replies" and error.error_class == "gone":
                    return []  # no thread, so no reply in it
                raise
            items += answer.get(key) or []
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                if answer.get("has_more"):
                    raise NotifyError("ambiguous", f"{method}: Slack says there is more and not where")
                return items
        raise NotifyError("ambiguous", f"{method}: more than {MAX_PAGES} pages")

    def channel_id(self, channel: str) -> str:
        """The id of a channel: posting takes a name too, everything else the id alone. Raises NotifyError."""
        if _CHANNEL_ID.fullmatch(channel):
            return channel
        with self._lock:
            known = self._ids.get(channel)
        if known:
            return known
        arguments = {"types": "public_channel,private_channel", "exclude_archived": False, "limit": 1000}
        name = channel.removeprefix("#")
        found = [c["id"] for c in self._pages("conversations.list", arguments, "channels") if c.get("name") == name]
        if not found:
            raise NotifyError("destination", f"conversations.list: there is no channel {channel} that this token sees")
        with self._lock:
            return self._ids.setdefault(channel, str(found[0]))

    def _remember(self, channel: str, answer: Mapping[str, Any]) -> None:
        if answer.get("channel"):
            with self._lock:
                self._ids[channel] = str(answer["channel"])

    def _call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """One attempt. Raises NotifyError and nothing else; its text never holds the token."""
        try:
            # Reading methods take forms only, writing ones JSON (docs.slack.dev/apis/web-api).
            if method.startswith("chat."):
                response = self._client.api_call(method, json=dict(arguments))
            else:
                response = self._client.api_call(method, params=_form(arguments))
        except SlackApiError as error:
            answer = error.response.data if isinstance(error.response.data, dict) else {}
            raise from_answer(method, error.response.status_code, answer, error.response.headers, self._hide) from None
        except Exception as error:  # noqa: BLE001 - whatever urllib and the SDK raise, the message may have arrived
            raise from_exception(method, error, self._hide) from None
        return response.data if isinstance(response.data, dict) else {}

    @property
    def _hide(self) -> Callable[[str], str]:
        return lambda text: text.replace(self._token, "(token)") if self._token else text


def _thread(delivery: Delivery) -> str:
    """The root message below which it goes; empty: into the channel itself."""
    return delivery.root_ts if delivery.kind in (DeliveryKind.REPLY, DeliveryKind.FILE) else delivery.parent_ts


def _form(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in arguments.items()}


def _ts(answer: Mapping[str, Any]) -> str:
    ts = answer.get("ts")
    if not ts:
        raise NotifyError("ambiguous", "Slack said ok without the ts of the message")
    return str(ts)


def _stamp(at: datetime) -> str:
    return f"{at.timestamp():.6f}"
