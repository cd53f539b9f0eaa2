"""What the fake refuses about a message, and what it takes at the very limit."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.demo.fakeslack import validate_message
from tests.daemon.fakeslack.helpers import client, fake


def section(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(action_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": "Go"}, **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def table(rows: int, columns: int, cell: str = "c") -> dict[str, Any]:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": cell}] * columns] * rows}


def text(length: int, kind: str = "mrkdwn") -> dict[str, Any]:
    return {"type": kind, "text": "x" * length}


def blocks(*items: dict[str, Any]) -> dict[str, Any]:
    return {"text": "fallback", "blocks": list(items)}


def metadata(payload: Any, kind: Any = "kind") -> dict[str, Any]:
    return {"text": "x", "metadata": {"event_type": kind, "event_payload": payload}}


TAKEN: dict[str, dict[str, Any]] = {
    "text alone": {"text": "x"},
    "text of 40,000": {"text": "x" * 40_000},
    "blocks without text": {"blocks": [section()]},
    "50 blocks": blocks(*[{"type": "divider"}] * 50),
    "section of 3000": blocks(section("x" * 3_000)),
    "13,000 in all": blocks(*[section("x" * 2_600)] * 5),
    "10 fields of 1000": blocks({"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 1_000}] * 10}),
    "header of 150": blocks({"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}),
    "25 buttons": blocks(actions(*[button(f"a{number}") for number in range(25)])),
    "10 context elements": blocks({"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10}),
    "table 100 x 20": blocks(table(100, 20)),
    "alert": blocks({"type": "alert", "level": "error", "text": {"type": "plain_text", "text": "x"}}),
    "markdown of 12,000": blocks({"type": "markdown", "text": "x" * 12_000}),
    "image": blocks({"type": "image", "image_url": "https://a.example/x.png", "alt_text": "x"}),
    "100 attachments": {"attachments": [{"color": "#ff0000", "text": "x"}] * 100},
    "flat metadata": metadata({"id": "1", "n": 1, "ok": True, "flat": {"a": "b"}}),
}

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("no_text", {}),
    "blank text": ("no_text", {"text": " \n"}),
    "text of 40,001": ("msg_too_long", {"text": "x" * 40_001}),
    "51 blocks": ("invalid_blocks", blocks(*[{"type": "divider"}] * 51)),
    "section of 3001": ("invalid_blocks", blocks(section("x" * 3_001))),
    "empty section": ("invalid_blocks", blocks(section(""))),
    "section without text": ("invalid_blocks", blocks({"type": "section"})),
    "13,001 in all": ("msg_blocks_too_long", blocks(*[section("x" * 2_600)] * 5, section("x"))),
    "11 fields": ("invalid_blocks", blocks({"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11})),
    "field of 2001": ("invalid_blocks", blocks({"type": "section", "fields": [text(2_001)]})),
    "header of 151": ("invalid_blocks", blocks({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}})),
    "header in mrkdwn": ("invalid_blocks", blocks({"type": "header", "text": {"type": "mrkdwn", "text": "x"}})),
    "26 buttons": ("invalid_blocks", blocks(actions(*[button(f"a{number}") for number in range(26)]))),
    "11 context elements": ("invalid_blocks", blocks({"type": "context", "elements": [text(1)] * 11})),
    "action_id twice": ("invalid_blocks", blocks(actions(button("a")), actions(button("a")))),
    "block_id twice": ("invalid_blocks", blocks(section(block_id="b"), section(block_id="b"))),
    "block_id of 256": ("invalid_blocks", blocks(section(block_id="b" * 256))),
    "button text of 76": (
        "invalid_blocks",
        blocks(actions(button("a", text={"type": "plain_text", "text": "x" * 76}))),
    ),
    "button in mrkdwn": ("invalid_blocks", blocks(actions(button("a", text={"type": "mrkdwn", "text": "x"})))),
    "button value of 2001": ("invalid_blocks", blocks(actions(button("a", value="x" * 2_001)))),
    "button url of 3001": ("invalid_blocks", blocks(actions(button("a", url="https://a/" + "x" * 3_000)))),
    "button url of a script": ("invalid_blocks", blocks(actions(button("a", url="javascript:alert(1)")))),
    "unknown style": ("invalid_blocks", blocks(actions(button("a", style="green")))),
    "unknown block": ("invalid_blocks", blocks({"type": "sparkline"})),
    "unknown field": ("invalid_blocks", blocks(section(colour="red"))),
    "plain text as a string": ("invalid_blocks", blocks({"type": "section", "text": "x"})),
    "table of 101 rows": ("invalid_blocks", blocks(table(101, 1))),
    "table of 21 columns": ("invalid_blocks", blocks(table(1, 21))),
    "two tables": ("invalid_attachments", blocks(table(1, 1), table(1, 1))),
    "unknown alert level": ("invalid_blocks", blocks({"type": "alert", "level": "fatal", "text": text(1)})),
    "markdown of 12,001": ("invalid_blocks", blocks({"type": "markdown", "text": "x" * 12_001})),
    "image without alt text": ("invalid_blocks", blocks({"type": "image", "image_url": "https://a.example/x.png"})),
    "101 attachments": ("too_many_attachments", {"attachments": [{"text": "x"}] * 101}),
    "attachment color": ("invalid_attachments", {"attachments": [{"color": "crimson", "text": "x"}]}),
    "blocks of an attachment": ("invalid_blocks", {"attachments": [{"blocks": [section("x" * 3_001)]}]}),
    "metadata without type": ("invalid_metadata_format", metadata({"id": "1"}, kind="")),
    "metadata payload": ("invalid_metadata_format", metadata("1")),
    "nested metadata": ("invalid_metadata_format", metadata({"a": {"b": {"c": 1}}})),
    "metadata too large": ("metadata_too_large", metadata({"id": "x" * 4_000})),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_takes_what_is_at_the_limit(name: str) -> None:
    """A message at a limit passes."""
    assert validate_message(TAKEN[name]) == []


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_is_over_the_limit(name: str) -> None:
    """A message over a limit is refused with Slack's word for it."""
    error, payload = REFUSED[name]
    assert [problem.partition(":")[0] for problem in validate_message(payload)][:1] == [error]


def test_the_server_refuses_as_the_function_does() -> None:
    """The client gets the same error, with the details where Slack puts them, and no message is posted."""
    with fake() as slack:
        for error, payload in REFUSED.values():
            answer = client(slack).api_call
            try:
                answer("chat.postMessage", json={"channel": "alerts", **payload})
            except Exception as caught:  # noqa: BLE001 - the type is asserted by reading its response
                response = caught.response  # type: ignore[attr-defined]  # only SlackApiError has one
                assert response["error"] == error
                if error == "invalid_blocks":
                    assert "json-pointer:/" in response["response_metadata"]["messages"][0]
            else:
                pytest.fail(f"accepted: {error}")
        assert slack.messages("alerts") == []
        assert [entry.error for entry in slack.journal] == [error for error, _ in REFUSED.values()]


def test_an_edit_takes_less_text_than_a_post() -> None:
    """chat.update refuses more than 4,000 characters of text."""
    assert validate_message({"text": "x" * 4_000}, update=True) == []
    assert validate_message({"text": "x" * 4_001}, update=True) == ["msg_too_long"]
