"""What a failed call says about the message: not sent, perhaps sent, or refused, and why. Pure.

Error words: docs.slack.dev/reference/methods, chat.postMessage, chat.update and conversations.history.
"""

from __future__ import annotations

import errno
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import URLError

from alerts.base import NotifyError

NOT_SENT = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "accesslimited"})
AMBIGUOUS = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
DESTINATION = frozenset({
    "channel_not_found", "not_in_channel", "is_archived", "channel_is_archived", "missing_scope", "no_permission",
    "not_allowed_token_type", "channel_type_not_supported", "method_not_supported_for_channel_type",
    "cannot_reply_to_message", "user_not_in_channel", "messages_tab_disabled",
})  # fmt: skip
CREDENTIAL = frozenset({
    "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "team_access_not_granted",
    "access_denied", "org_login_required", "ekm_access_denied", "enterprise_is_restricted", "two_factor_setup_required",
})  # fmt: skip
PAYLOAD = frozenset({
    "msg_blocks_too_long", "msg_too_long", "no_text", "too_many_attachments", "metadata_too_large",
    "attachment_payload_limit_exceeded", "invalid_arguments", "invalid_json", "json_not_object", "invalid_charset",
    "invalid_form_data", "invalid_array_arg", "markdown_text_conflict", "slack_connect_file_link_sharing_blocked",
})  # fmt: skip
GONE = frozenset({
    "message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found", "invalid_thread_ts",
    "update_failed", "cant_broadcast_message",
})  # fmt: skip
PREFIXES = (("restricted_action", "destination"), ("invalid_blocks", "payload"), ("invalid_attachments", "payload"),
            ("invalid_metadata", "payload"))  # fmt: skip

WAIT = 30.0  # seconds, where Slack refuses for the rate and does not say for how long


def error_class(word: str) -> str:
    """The class of an `ok: false` answer. A word that is not known is ambiguous: look before sending again."""
    for known, name in (
        (NOT_SENT, "not_sent"), (AMBIGUOUS, "ambiguous"), (DESTINATION, "destination"),
        (CREDENTIAL, "credential"), (PAYLOAD, "payload"), (GONE, "gone"),
    ):  # fmt: skip
        if word in known:
            return name
    return next((name for prefix, name in PREFIXES if word.startswith(prefix)), "ambiguous")


def from_answer(
    method: str, status: int, answer: Mapping[str, Any], headers: Mapping[str, Any], hide: Callable[[str], str]
) -> NotifyError:
    """Given an answer that is no success, say what it means."""
    word = str(answer.get("error") or "")
    if status == 429 or word in ("ratelimited", "rate_limited"):
        wait = _seconds(headers)
        return NotifyError("not_sent", f"{method}: rate limited for {wait:g} s", retry_after=wait)
    if status >= 500 or status == 408:
        return NotifyError("ambiguous", f"{method}: HTTP {status}")
    if " " in word or not word:  # slack_sdk's own sentence about a body that is no JSON
        name = "ambiguous" if status < 400 else "payload" if status == 413 else "not_sent"
        return NotifyError(name, f"{method}: HTTP {status} with an answer that is not Slack's")
    text = f"{method}: {word}"
    if word == "missing_scope" and answer.get("needed"):
        text += f"; the token needs {answer['needed']}"
    details = (answer.get("response_metadata") or {}).get("messages")
    if details:
        text += f" {json.dumps(details, ensure_ascii=False)}"
    return NotifyError(error_class(word), hide(text)[:500])


def from_exception(method: str, error: Exception, hide: Callable[[str], str]) -> NotifyError:
    """Given what was raised instead of an answer: not sent only where the connection was never made."""
    reason = error.reason if isinstance(error, URLError) else error
    never = isinstance(error, URLError) and (
        isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError)
        or (isinstance(reason, OSError) and reason.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH))
    )
    text = hide(f"{method}: {type(reason).__name__}: {reason}")[:300]
    return NotifyError("not_sent" if never else "ambiguous", text)


def _seconds(headers: Mapping[str, Any]) -> float:
    value = next((v for name, v in headers.items() if name.lower() == "retry-after"), None)
    try:
        return max(1.0, float(str(value)))
    except ValueError:
        return WAIT
