"""What docs/sinks.md tells a receiver to do works with what is sent."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.base import Delivery
from alerts.events import EventAction, EventView, event
from alerts.sinks.webhook import SignedWebhook
from tests.alerts.build import incident
from tests.alerts.sinks.fakes import SECRET

DOCS = (Path(__file__).parents[3] / "docs" / "sinks.md").read_text()


def sent(*secrets: str) -> tuple[dict[str, str], bytes]:
    made = event(incident(), "x", EventAction.TRIGGER, EventView("why"))
    delivery = Delivery(made.dedupe_key, made.subject, made.kind, made.channel, made.tier, made.body, id="one")
    request = SignedWebhook("https://x/", secrets).request(delivery, datetime.now(UTC))
    assert request is not None
    return dict(request.headers), request.body


@pytest.fixture
def verified() -> Any:
    (block,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)  # a reader would
    return names["verified"]


def test_the_receiver_of_the_documentation_takes_each_event_once(verified: Any) -> None:
    """Also while a secret is replaced."""
    headers, body = sent("new", SECRET)
    seen: set[str] = set()
    assert verified(SECRET, headers, body, seen)["action"] == "trigger"
    assert verified(SECRET, headers, body, seen) is None


def test_it_refuses_what_is_changed_old_or_of_others(verified: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed body, another timestamp, another secret, an hour later."""
    headers, body = sent(SECRET)
    for wrong in (
        (SECRET, headers, body + b" "),
        (SECRET, {**headers, "X-Barograph-Timestamp": str(int(headers["X-Barograph-Timestamp"]) + 1)}, body),
        ("another", headers, body),
    ):
        with pytest.raises(ValueError, match="not signed"):
            verified(*wrong, set())
    later = time.time() + 3_600
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(ValueError, match="too old"):
        verified(SECRET, headers, body, set())


def test_every_field_of_the_body_is_documented() -> None:
    """By name."""
    _, body = sent(SECRET)
    assert [name for name in json.loads(body) if f"`{name}`" not in DOCS] == []
