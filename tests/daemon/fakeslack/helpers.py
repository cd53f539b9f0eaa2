"""A client for the fake, and a clock that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from daemon.demo.fakeslack import FakeSlack, Rates


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def fake(**settings: Any) -> FakeSlack:
    """A fake without rate limits unless they are given."""
    return FakeSlack(**{"rates": Rates.unlimited(), **settings})


def client(slack: FakeSlack, *, token: str | None = None, timeout: int = 5) -> WebClient:
    """The real client, which retries nothing."""
    return WebClient(
        slack.token if token is None else token, base_url=slack.base_url, retry_handlers=[], timeout=timeout
    )


def refusal(web: WebClient, method: str, **arguments: Any) -> str:
    """The error word with which a call is refused."""
    with pytest.raises(SlackApiError) as caught:
        web.api_call(method, json=arguments)
    return str(caught.value.response["error"])


def metadata(delivery_id: str) -> dict[str, Any]:
    return {"event_type": "barograph_delivery", "event_payload": {"id": delivery_id}}
