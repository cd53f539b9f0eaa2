"""Events as they travel: what is taken, what is refused, what is bounded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.runs import travel, wire
from checks.runs.model import (
    Doing,
    Event,
    Interrupted,
    Phase,
    PhaseBegun,
    ResourceEvent,
    Status,
    StepBegun,
    StepFailed,
    Summary,
    Trouble,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "01890a5d-ac96-774b-bcce-b302099a8057"
TEXT = st.text(max_size=300)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def event(**fields: Any) -> dict[str, Any]:
    return {"schema": 1, "run_id": ID, "seq": 0, "event": "run.end", "ts": "2026-03-01T12:00:00Z", **fields}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"run_id": "../../etc/passwd"}, "run_id"), ({"run_id": None}, "run_id"), ({"seq": -1}, "seq"),
        ({"seq": True}, "seq"), ({"seq": 1.0}, "seq"), ({"seq": 2**40}, "seq"), ({"event": "Run End"}, "event"),
        ({"event": 3}, "event"), ({"ts": "yesterday"}, "ts"), ({"ts": "2026-03-01T12:00:00"}, "ts"),
        ({"ts": 1e300}, "ts"), ({"ts": True}, "ts"), ({"schema": "1"}, "schema"), ({"schema": 0}, "schema"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_with_the_field_that_is_wrong(broken: dict[str, Any], said: str) -> None:
    """Nothing of what came is in the text."""
    with pytest.raises(wire.WireError, match=f"^{said} is to be"):
        wire.parse(event(**broken))


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"events": {}}', b"\xff", b"[" * 200_000, b'{"events":[NaN]}'])
def test_what_is_no_body_is_refused(raw: bytes) -> None:
    """As a whole: nothing of it is taken."""
    with pytest.raises(wire.WireError):
        wire.batch(raw)


def test_a_body_is_bounded_in_bytes_and_in_events() -> None:
    """Before anything of it is looked at."""
    with pytest.raises(wire.WireError, match="bytes"):
        wire.batch(b" " * (wire.MAX_BODY + 1))
    with pytest.raises(wire.WireError, match="events"):
        wire.batch(json.dumps({"events": [0] * (wire.MAX_EVENTS + 1)}).encode())


def test_one_bad_event_does_not_spoil_the_others() -> None:
    """Each is given as it is or as why it is none."""
    found = wire.batch(json.dumps({"events": [event(seq=0), 7, event(seq=2)]}).encode())
    assert [type(one) for one in found] == [wire.WireEvent, wire.WireError, wire.WireEvent]


def test_an_event_of_a_later_schema_is_kept_as_a_log() -> None:
    """With its name, and no field that nobody knows."""
    found = wire.parse(event(schema=2, event="policy.check", message="ok", secret="hunter2"))
    assert (found.event, found.data) == ("log", {"name": "policy.check", "message": "ok"})


@given(st.dictionaries(st.sampled_from(["schema", "run_id", "seq", "event", "ts", *wire.FIELDS["run.start"]]), JSON))
def test_whatever_comes_is_an_event_or_refused(told: dict[str, Any]) -> None:
    """No other exception; what is taken survives its own way out and in."""
    for one in (told, {**event(event="run.start"), **{k: v for k, v in told.items() if k in wire.FIELDS["run.start"]}}):
        try:
            found = wire.parse(one)
        except wire.WireError:
            continue
        assert (
            found == wire.parse(json.loads(wire.line(found))) or len(json.dumps(wire.to_json(found))) > wire.MAX_EVENT
        )


def test_a_line_is_bounded_whatever_is_in_it() -> None:
    """By cutting texts, never the event's name and number."""
    huge = wire.WireEvent(ID, 5, "error", NOW, {"summary": "ä" * 500, "detail": "€" * 4000, "address": "x" * 1000})
    line = wire.line(huge)
    assert len(line) <= wire.MAX_EVENT
    assert wire.parse(json.loads(line)).key == (ID, 5)


def test_control_characters_and_direction_marks_do_not_pass() -> None:
    """A terminal or a page that shows them shows what is there."""
    assert wire.parse(event(event="log", message="a\x1b[31m\u202eb\nc")).data["message"] == "a\ufffd[31m\ufffdb\nc"


@pytest.mark.parametrize(
    "said",
    [
        StepBegun("atmos terraform plan vpc", "one"), StepFailed("one", 1, "atmos workflow x --from-step one"),
        PhaseBegun(Phase.WORKSPACE, "blue"), Summary("apply", 1, 2, 3, 4), Interrupted(),
        ResourceEvent('module.a["k"].b.c', Doing.REPLACE, Status.DONE, 2.5, "i-1"),
        Trouble("Unsupported argument", "No such", "a.b", "main.tf", 3),
    ],
)  # fmt: skip
def test_what_the_grammar_hears_travels_whole(said: Event) -> None:
    """Told, sent, read and heard again it is the same."""
    name, data = travel.told(said)
    line = wire.line(wire.WireEvent(ID, 0, name, NOW, data))
    assert said == travel.heard(wire.parse(json.loads(line)))


def test_a_signature_holds_for_its_body_its_secret_and_five_minutes() -> None:
    """A forged or replayed one does not."""
    stamp = str(int(NOW.timestamp()))
    made = wire.signature("s3cret", stamp, b"body")
    assert wire.signed(["old", "s3cret"], stamp, b"body", made, NOW)
    assert not wire.signed(["s3cret"], stamp, b"body2", made, NOW)
    assert not wire.signed(["other", ""], stamp, b"body", made, NOW)
    assert not wire.signed(["s3cret"], stamp, b"body", made, NOW + timedelta(seconds=301))
    assert not wire.signed(["s3cret"], "0" + stamp, b"body", made, NOW)
    assert not wire.signed(["s3cret"], "١", b"body", made, NOW)
    assert not wire.signed([], stamp, b"body", "", NOW)
