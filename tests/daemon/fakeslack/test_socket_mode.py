"""Socket Mode with slack_sdk's own client, which needs no other library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from daemon.demo.fakeslack import FakeSlack, Rates
from tests.daemon.fakeslack.helpers import client, fake, refusal

BLOCKS = [
    {
        "type": "actions",
        "block_id": "row",
        "elements": [
            {"type": "button", "action_id": "ack", "value": "v1:abc", "text": {"type": "plain_text", "text": "Ack"}}
        ],
    }
]


@contextmanager
def listening(slack: FakeSlack, got: list[SocketModeRequest]) -> Iterator[SocketModeClient]:
    """A connected client that acknowledges and keeps every request."""
    socket = SocketModeClient(app_token=slack.app_token, web_client=WebClient(base_url=slack.base_url))

    def listener(sender: BaseSocketModeClient, request: SocketModeRequest) -> None:
        got.append(request)
        sender.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    socket.socket_mode_request_listeners.append(listener)
    socket.connect()
    assert slack.sockets.wait_for_connections(1, 10)
    try:
        yield socket
    finally:
        socket.close()


def test_a_click_reaches_the_app_and_is_acknowledged() -> None:
    """A press of a button arrives with the button's value and message, and the fake sees the acknowledgement."""
    with fake() as slack:
        ts = client(slack).chat_postMessage(channel="alerts", text="x", blocks=BLOCKS)["ts"]
        got: list[SocketModeRequest] = []
        with listening(slack, got):
            envelope = slack.click("alerts", ts, "ack", user="U0ALICE001")
            assert slack.sockets.wait_for_ack(envelope, 10) is not None
            again = slack.click("alerts", ts, "ack", envelope_id=envelope)  # Slack sends a slow one twice
            assert again == envelope
        payload = got[0].payload
        assert payload["actions"][0]["value"] == "v1:abc"
        assert payload["container"]["message_ts"] == ts
        assert payload["user"]["id"] == "U0ALICE001"
        with pytest.raises(LookupError, match="no element"):
            slack.click("alerts", ts, "silence")


def test_a_client_comes_back_after_a_refresh() -> None:
    """When Slack asks for a new connection, the client makes one and goes on hearing."""
    with fake() as slack:
        got: list[SocketModeRequest] = []
        with listening(slack, got):
            opened = len(slack.accepted("apps.connections.open"))
            slack.sockets.refresh()
            assert slack.sockets.wait_for_connections(0, 10)
            assert slack.sockets.wait_for_connections(1, 20)
            assert len(slack.accepted("apps.connections.open")) > opened
            envelope = slack.sockets.send("events_api", {"event": {"type": "ping"}})
            assert slack.sockets.wait_for_ack(envelope, 10) is not None


def test_only_an_app_token_opens_a_connection() -> None:
    """The bot's token is refused, and without a client a click says so."""
    with fake(rates=Rates.unlimited()) as slack:
        assert refusal(client(slack), "apps.connections.open") == "not_allowed_token_type"
        with pytest.raises(RuntimeError, match="no Socket Mode client"):
            slack.sockets.send("interactive", {})
