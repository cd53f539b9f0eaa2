"""Credentials, channels, rates and scripted faults, through the real client."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from daemon.demo.fakeslack import FakeSlack, Fault, FaultKind, Rates, channel_id
from tests.daemon.fakeslack.helpers import Clock, client, fake, metadata, refusal


def test_credentials_are_checked() -> None:
    """No token, a wrong one and a revoked one each have their own word; a revoked one can come back."""
    with fake() as slack:
        assert refusal(client(slack, token=""), "auth.test") == "not_authed"
        assert refusal(client(slack, token="xoxb-other"), "auth.test") == "invalid_auth"
        slack.refuse_token("token_revoked")
        assert refusal(client(slack), "auth.test") == "token_revoked"
        slack.refuse_token("")
        assert client(slack).auth_test()["ok"]
        assert refusal(client(slack, token=slack.app_token), "chat.postMessage") == "not_allowed_token_type"


def test_a_missing_scope_names_itself() -> None:
    """Without the history scopes posting still works and history says what is missing."""
    with fake() as slack:
        slack.drop_scopes("channels:history", "groups:history")
        web = client(slack)
        web.chat_postMessage(channel="alerts", text="x")
        with pytest.raises(SlackApiError) as caught:
            web.conversations_history(channel=channel_id("alerts"))
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == "channels:history"


SPOILT: dict[str, Callable[[FakeSlack], None]] = {
    "is_archived": lambda slack: setattr(slack.channel("alerts"), "archived", True),
    "not_in_channel": lambda slack: setattr(slack.channel("alerts"), "member", False),
    "channel_not_found": lambda slack: slack.workspace.channels.clear(),
}


@pytest.mark.parametrize("error", SPOILT)
def test_a_channel_that_cannot_be_posted_to(error: str) -> None:
    """An archived, left or missing channel refuses posts and edits."""
    with fake() as slack:
        post = client(slack).chat_postMessage(channel="alerts", text="x")
        SPOILT[error](slack)
        assert refusal(client(slack), "chat.postMessage", channel="alerts", text="x") == error
        assert refusal(client(slack), "chat.update", channel=post["channel"], ts=post["ts"], text="y") == error


def test_unreadable_requests() -> None:
    """Unknown methods and bodies that are no JSON are refused by name."""
    with fake() as slack:
        assert refusal(client(slack), "chat.shout") == "unknown_method"
        for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
            request = urllib.request.Request(
                slack.base_url + "chat.postMessage", body, {"Content-Type": "application/json; charset=utf-8"}
            )
            with urllib.request.urlopen(request, timeout=5) as answer:
                assert json.load(answer)["error"] == error


def test_forms_are_read_like_json() -> None:
    """A form with JSON inside posts the same message."""
    with fake() as slack:
        client(slack).api_call(
            "chat.postMessage",
            data={
                "channel": "alerts",
                "blocks": json.dumps([{"type": "divider"}]),
                "metadata": json.dumps(metadata("d")),
            },
        )
        (message,) = slack.visible_by_id("d")
        assert message.blocks == ({"type": "divider"},)
        assert "token" not in slack.journal[-1].arguments


def limited(call: Callable[[], Any]) -> int:
    """The Retry-After with which a call is refused."""
    with pytest.raises(SlackApiError) as caught:
        call()
    assert caught.value.response.status_code == 429
    assert caught.value.response["error"] == "ratelimited"
    return int(caught.value.response.headers["Retry-After"])


def test_each_channel_has_its_own_bucket() -> None:
    """A burst passes, the next post is refused with Retry-After, another channel is free, and time refills."""
    clock = Clock()
    with FakeSlack(["alerts", "other"], clock=clock, rates=Rates(post_per_second=1, post_burst=3)) as slack:
        web = client(slack)
        for _ in range(3):
            web.chat_postMessage(channel="alerts", text="x")
        assert limited(lambda: web.chat_postMessage(channel="#alerts", text="x")) == 1
        assert limited(lambda: web.chat_postMessage(channel=channel_id("alerts"), text="x")) == 1
        web.chat_postMessage(channel="other", text="x")
        clock.move(1)
        web.chat_postMessage(channel="alerts", text="x")
        assert len(slack.messages("alerts")) == 4
        assert [entry.error for entry in slack.journal].count("ratelimited") == 2


def test_edits_and_history_are_tier_three() -> None:
    """More than fifty edits a minute are refused, in all channels together."""
    clock = Clock()
    with FakeSlack(clock=clock) as slack:
        web = client(slack)
        post = web.chat_postMessage(channel="alerts", text="x")
        for _ in range(50):
            web.chat_update(channel=post["channel"], ts=post["ts"], text="y")
            web.conversations_history(channel=post["channel"])
        assert limited(lambda: web.chat_update(channel=post["channel"], ts=post["ts"], text="z")) == 2
        assert limited(lambda: web.conversations_history(channel=post["channel"])) == 2
        clock.move(60)
        web.chat_update(channel=post["channel"], ts=post["ts"], text="z")


FAULTS: dict[str, tuple[Fault, type[Exception]]] = {
    "reset": (Fault(FaultKind.RESET), ConnectionResetError),
    "eof": (Fault(FaultKind.EOF), http.client.RemoteDisconnected),
    "http 500": (Fault(FaultKind.HTTP, status=500), SlackApiError),
    "http 502": (Fault(FaultKind.HTTP, status=502), SlackApiError),
    "http 503": (Fault(FaultKind.HTTP, status=503), SlackApiError),
    "http 504": (Fault(FaultKind.HTTP, status=504), SlackApiError),
    "internal_error": (Fault(FaultKind.ERROR), SlackApiError),
    "fatal_error": (Fault(FaultKind.ERROR, error="fatal_error"), SlackApiError),
    "malformed": (Fault(FaultKind.MALFORMED), SlackApiError),
}


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_before_or_after_the_commit(name: str, committed: bool) -> None:
    """The caller gets the same trouble either way; the message is there only if it was committed."""
    fault, expected = FAULTS[name]
    with fake() as slack:
        slack.script(Fault(**{field: getattr(fault, field) for field in Fault.__slots__} | {"committed": committed}))
        with pytest.raises(expected):
            client(slack).chat_postMessage(channel="alerts", text="x", metadata=metadata("d"))
        assert len(slack.visible_by_id("d")) == int(committed)
        assert [(entry.accepted, entry.fault) for entry in slack.journal] == [(committed, fault.kind.value)]
        client(slack).chat_postMessage(channel="alerts", text="x", metadata=metadata("d"))
        assert len(slack.visible_by_id("d")) == 1 + committed


def test_a_late_answer_and_a_late_message() -> None:
    """After the client's timeout the message is there at once, or lands later, as scripted."""
    with fake() as slack:
        web = client(slack, timeout=1)
        slack.script(Fault(FaultKind.DELAY, committed=True, seconds=30))
        with pytest.raises(TimeoutError):
            web.chat_postMessage(channel="alerts", text="x", metadata=metadata("late answer"))
        assert len(slack.visible_by_id("late answer")) == 1
        slack.script(Fault(FaultKind.DELAY, seconds=30))
        with pytest.raises(TimeoutError):
            web.chat_postMessage(channel="alerts", text="x", metadata=metadata("in flight"))
        assert slack.visible_by_id("in flight") == []


def test_a_scripted_rate_limit() -> None:
    """A scripted 429 carries its own Retry-After and posts nothing."""
    with fake() as slack:
        slack.script(Fault(FaultKind.RATE_LIMITED, retry_after=30))
        assert limited(lambda: client(slack).chat_postMessage(channel="alerts", text="x")) == 30
        assert slack.messages("alerts") == []


def test_a_fault_meets_the_calls_it_names() -> None:
    """A fault waits for its method, its channel and its turn, and then is spent."""
    with fake(channels=["alerts", "other"]) as slack:
        web = client(slack)
        slack.script(Fault(FaultKind.ERROR, channel="#alerts", error="edit_window_closed", skip=1, times=2))
        web.chat_postMessage(channel="other", text="x")
        web.auth_test()
        web.chat_postMessage(channel="alerts", text="passes")
        for _ in range(2):
            word = refusal(web, "chat.postMessage", channel=channel_id("alerts"), text="x")
            assert word == "edit_window_closed"
        web.chat_postMessage(channel="alerts", text="passes again")
        slack.script(Fault(FaultKind.ERROR, method="*", error="service_unavailable", times=0))
        assert {refusal(web, "auth.test") for _ in range(3)} == {"service_unavailable"}
        slack.faults.clear()
        web.auth_test()
