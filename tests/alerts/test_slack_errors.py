from __future__ import annotations

import errno
import socket
import ssl
from http.client import RemoteDisconnected
from urllib.error import URLError

import pytest

from alerts.slack_errors import error_class, from_answer, from_exception

TOKEN = "xoxb-very-secret"


def hide(text: str) -> str:
    return text.replace(TOKEN, "(token)")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ratelimited rate_limited message_limit_exceeded", "not_sent"),
        ("internal_error fatal_error service_unavailable request_timeout never_heard_of", "ambiguous"),
        ("channel_not_found not_in_channel is_archived restricted_action restricted_action_read_only_channel "
         "missing_scope", "destination"),
        ("invalid_auth token_revoked token_expired account_inactive team_access_not_granted", "credential"),
        ("invalid_blocks invalid_blocks_format msg_blocks_too_long no_text too_many_attachments metadata_too_large "
         "invalid_metadata_format invalid_metadata_schema", "payload"),
        ("message_not_found cant_update_message edit_window_closed", "gone"),
    ],
)  # fmt: skip
def test_each_word_of_slack_has_its_class(words: str, expected: str) -> None:
    """A word that nobody knows is doubt, not permission to send again."""
    assert {error_class(word) for word in words.split()} == {expected}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (URLError(ConnectionRefusedError()), "not_sent"),
        (URLError(socket.gaierror(-2, "Name or service not known")), "not_sent"),
        (URLError(OSError(errno.ENETUNREACH, "unreachable")), "not_sent"),
        (URLError(ssl.SSLCertVerificationError("self-signed")), "not_sent"),
        (URLError(ConnectionResetError()), "ambiguous"),
        (URLError(BrokenPipeError()), "ambiguous"),
        (URLError(TimeoutError("timed out")), "ambiguous"),
        (ConnectionResetError(), "ambiguous"),
        (RemoteDisconnected("closed"), "ambiguous"),
        (TimeoutError("timed out"), "ambiguous"),
        (ValueError("anything"), "ambiguous"),
    ],
)
def test_not_sent_only_where_the_connection_was_never_made(error: Exception, expected: str) -> None:
    """Once bytes may have left, the message may have arrived."""
    assert from_exception("chat.postMessage", error, hide).error_class == expected


@pytest.mark.parametrize(
    ("status", "answer", "headers", "expected", "wait"),
    [
        (429, {"error": "ratelimited"}, {"Retry-After": "30"}, "not_sent", 30.0),
        (429, {}, {"retry-after": "0"}, "not_sent", 1.0),
        (429, {}, {"Retry-After": "soon"}, "not_sent", 30.0),
        (200, {"error": "ratelimited"}, {}, "not_sent", 30.0),
        (500, {"error": "invalid_auth"}, {}, "ambiguous", None),
        (503, {}, {}, "ambiguous", None),
        (408, {}, {}, "ambiguous", None),
        (200, {"error": "Received a response in a non-JSON format: half"}, {}, "ambiguous", None),
        (200, {}, {}, "ambiguous", None),
        (413, {"error": "Received a response in a non-JSON format"}, {}, "payload", None),
        (407, {"error": "Received a response in a non-JSON format"}, {}, "not_sent", None),
        (200, {"error": "is_archived"}, {}, "destination", None),
    ],
)
def test_each_answer_has_its_class(
    status: int, answer: dict[str, str], headers: dict[str, str], expected: str, wait: float | None
) -> None:
    """Status, word and headers together."""
    error = from_answer("chat.postMessage", status, answer, headers, hide)
    assert (error.error_class, error.retry_after) == (expected, wait)


def test_no_error_names_the_token() -> None:
    """Not even where Slack, or a proxy, says it back."""
    assert TOKEN not in str(from_exception("m", ValueError(f"sent {TOKEN}"), hide))
    answer = {"error": "invalid_arguments", "response_metadata": {"messages": [TOKEN]}}
    assert TOKEN not in str(from_answer("m", 200, answer, {}, hide))


def test_a_missing_scope_is_named() -> None:
    """The operator reads what to add."""
    error = from_answer("m", 200, {"error": "missing_scope", "needed": "channels:history"}, {}, hide)
    assert str(error) == "m: missing_scope; the token needs channels:history"
