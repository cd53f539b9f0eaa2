"""The terminal shows what Slack shows."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from daemon.demo.fakeslack import FakeSlack, Rates, channel_id
from daemon.demo.live import LivePrinter, as_shown

CHANNELS = {channel_id("alerts-critical"): "alerts-critical"}


def _post(slack: FakeSlack, method: str = "chat.postMessage", **arguments: Any) -> dict[str, Any]:
    body = json.dumps({"channel": channel_id("alerts-critical"), **arguments}).encode()
    headers = {"Authorization": f"Bearer {slack.token}", "Content-Type": "application/json; charset=utf-8"}
    with urlopen(Request(slack.base_url + method, body, headers), timeout=10) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def test_messages_edits_and_replies_are_printed_in_order() -> None:
    """Each accepted message is printed once with its channel; what Slack refuses is not."""
    said: list[str] = []
    with FakeSlack(["alerts-critical"], rates=Rates.unlimited()) as slack, LivePrinter(slack, CHANNELS, said.append):
        ts = _post(slack, text="🔴 CRITICAL drift — acme-prod/database")["ts"]
        assert not _post(slack, channel="C0UNKNOWN0", text="lost")["ok"]
        _post(slack, "chat.update", ts=ts, text="✅ RESOLVED drift — acme-prod/database")
        _post(slack, text="Resolved after 2 min", thread_ts=ts)
    titles = [text.splitlines()[0] for text in said]
    assert titles == [
        "  ┌ #alerts-critical", "  ┌ #alerts-critical (edited in place)", "  ┌ #alerts-critical (in the thread)"
    ]  # fmt: skip
    assert "🔴 CRITICAL drift — acme-prod/database" in said[0]


def test_a_message_cannot_command_the_terminal() -> None:
    """Control characters in what data says do not reach the terminal, and escaped text is shown as it was meant."""
    with FakeSlack(["alerts-critical"], rates=Rates.unlimited()) as slack:
        _post(slack, text="a \x1b[2J &lt;b&gt; \u202e end")
        shown = as_shown(slack.journal[-1], CHANNELS)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "<b>" in shown


def test_a_text_is_printed_below_what_was_there_and_other_channels_are_not() -> None:
    """What is said of a message comes after it; channels that the terminal does not show stay in the inbox."""
    said: list[str] = []
    with FakeSlack(["alerts-critical", "on-call"], rates=Rates.unlimited()) as slack:
        with LivePrinter(slack, CHANNELS, said.append) as printer:
            _post(slack, text="first")
            _post(slack, channel=channel_id("on-call"), text="elsewhere")
            printer.say("somebody reads it")
        assert len(slack.journal) == 2
    assert said == ["  ┌ #alerts-critical\n  │ first\n  └", "somebody reads it"]
