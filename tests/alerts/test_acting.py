"""What people do to an incident, and what a press of a button says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.acting import acknowledge, show_difference
from alerts.base import Action, IncidentState
from alerts.buttons import ACKNOWLEDGE, DIFF, SILENCE, Press, buttons, press_of
from daemon.demo.fakeslack import validate_message
from tests.alerts.build import NOW, POLICY, incident, sent

HOUR = timedelta(hours=1)
LOUD = replace(POLICY, buttons=True)


def test_acknowledging_is_a_stored_fact_an_edit_and_a_reply() -> None:
    """Who, when, until when: in the transition, in the message, in the thread."""
    open_one = incident()
    answer = acknowledge(open_one, "anna", POLICY, NOW)
    assert answer.change is not None
    after, fact = answer.change.incident, answer.change.transition

    assert (after.state, after.ack_by, after.ack_at, after.ack_until) == (
        IncidentState.ACKNOWLEDGED, "anna", NOW, NOW + 24 * HOUR,
    )  # fmt: skip
    assert fact is not None
    assert (fact.action, fact.seq, fact.before, fact.after) == (Action.ACKNOWLEDGE, 2, "open", "acknowledged")
    assert fact.reason == "acknowledged by anna, until 2026-03-03 09:00 UTC"
    assert sent([answer.change]) == [("update", "C-ops"), ("reply", "C-ops")]


def test_a_second_acknowledgement_changes_nothing_until_the_first_has_ended() -> None:
    """Two clicks are one, whoever clicks; the answer says who has it."""
    answer = acknowledge(incident(), "anna", POLICY, NOW)
    assert answer.change is not None
    held = answer.change.incident
    again = acknowledge(held, "ben", POLICY, NOW + HOUR)

    assert (again.change, again.refused) == (None, False)
    assert again.text == "already acknowledged by anna, until 2026-03-03 09:00 UTC"
    assert acknowledge(held, "ben", POLICY, NOW + 24 * HOUR).change is not None


@pytest.mark.parametrize(
    ("state", "occurrence", "length", "why"),
    [
        (IncidentState.RESOLVED, 0, None, "it is resolved since"),
        (IncidentState.RETIRED, 1, None, "it is retired since"),
        (IncidentState.OPEN, 2, None, "an earlier time"),
        (IncidentState.OPEN, 0, timedelta(), "30 days at most"),
        (IncidentState.OPEN, 0, timedelta(days=31), "30 days at most"),
    ],
)
def test_what_cannot_be_acknowledged(state: IncidentState, occurrence: int, length: timedelta | None, why: str) -> None:
    """What is over, what was meant of an earlier occurrence, and for ever."""
    answer = acknowledge(incident(state=state), "anna", POLICY, NOW, length, occurrence)

    assert answer.refused
    assert answer.change is None
    assert why in answer.text


def test_an_incident_without_a_message_can_be_acknowledged() -> None:
    """One of the baseline: stored and shown, nothing is sent."""
    answer = acknowledge(incident(channel="", thread="", baseline=True), "anna", POLICY, NOW)
    assert answer.change is not None
    assert answer.change.drafts == ()


def test_the_name_of_a_person_is_data_like_any_other() -> None:
    """No mention, no link, no secret comes from it."""
    answer = acknowledge(incident(), "<!channel> AKIAIOSFODNN7EXAMPLE <https://evil|x>", POLICY, NOW)
    assert answer.change is not None
    for draft in answer.change.drafts:
        assert validate_message(draft.body) == []
        assert "<!channel>" not in draft.body["text"]
        assert "AKIA" not in str(draft.body)
        assert "<https://evil" not in draft.body["text"]


def test_the_difference_is_shown_once_for_each_state_of_the_incident() -> None:
    """Twice the same button is one reply; after a change it is another."""
    found = incident(evidence={"differences": [{"address": "a.b", "path": "size", "recorded": 1, "actual": 2}]})
    _, first = show_difference(found, "anna")
    _, second = show_difference(found, "ben")
    _, later = show_difference(replace(found, seq=9), "ben")

    assert first is not None
    assert second is not None
    assert later is not None
    assert first.dedupe_key == second.dedupe_key != later.dedupe_key
    assert "a.b" in first.body["text"]
    assert validate_message(first.body) == []
    _, nothing = show_difference(incident(), "anna")
    assert nothing is not None
    assert "nothing that can be shown" in nothing.body["text"]
    assert validate_message(nothing.body) == []


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, [ACKNOWLEDGE, SILENCE, DIFF]),
        ({"state": IncidentState.ACKNOWLEDGED}, [SILENCE, DIFF]),
        ({"silence": "s1"}, [ACKNOWLEDGE, DIFF]),
        ({"state": IncidentState.ACKNOWLEDGED, "silence": "s1"}, [DIFF]),
        ({"state": IncidentState.RESOLVED}, []),
    ],
)
def test_only_buttons_that_do_something_are_shown(more: dict[str, Any], shown: list[str]) -> None:
    """And each says which incident and which occurrence it is about."""
    found = incident(**more)
    row = buttons(found, 4)

    assert [each["action_id"] for each in (row or {"elements": []})["elements"]] == shown
    for each in (row or {"elements": []})["elements"]:
        press = press_of(payload(each["action_id"], each["value"]))
        assert press == Press(each["action_id"], found.fingerprint, 1, "U0PERSON01", "anna", "C0000000001")


def payload(action: str, value: str, **more: object) -> dict[str, object]:
    return {
        "type": "block_actions", "user": {"id": "U0PERSON01", "username": "anna"},
        "channel": {"id": "C0000000001"}, "actions": [{"action_id": action, "value": value}], **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        None, [], "x", {}, payload("other", "v1:a|1"), payload(ACKNOWLEDGE, "v1:a"), payload(ACKNOWLEDGE, "|1"),
        payload(ACKNOWLEDGE, "v1:a|x"), payload(ACKNOWLEDGE, "v1:a|-1"), payload(ACKNOWLEDGE, "v1:a|9999999999"),
        payload(ACKNOWLEDGE, "v1:a|1", type="view_submission"), payload(ACKNOWLEDGE, "v1:a|1", user=None),
        payload(ACKNOWLEDGE, "v1:a|1", user={"id": "<!channel>"}), payload(ACKNOWLEDGE, "v1:a|1", actions=[]),
        payload(ACKNOWLEDGE, "v1:a|1", actions=["x"]), payload(ACKNOWLEDGE, "v1:a|1", user={"id": 7}),
    ],
)  # fmt: skip
def test_what_is_no_press_of_our_buttons_is_nothing(given: object) -> None:
    """Whatever comes in, it is not taken for one."""
    assert press_of(given) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "user", "id", "actions", "action_id", "value", "channel"]) | st.text(max_size=5),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.sampled_from(["user", "actions", "channel", "type"]))
def test_no_payload_breaks_the_reading_of_it(given: Any, at: str) -> None:
    """Anything at all, and anything in place of a part, gives a press or nothing."""
    assert press_of(given) is None or isinstance(press_of(given), Press)
    broken = press_of(payload(ACKNOWLEDGE, "v1:a|1", **{at: given}))
    assert broken is None or broken.fingerprint
