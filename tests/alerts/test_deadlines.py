"""Tiers as deadlines: what is due when, to the second, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.acting import acknowledge
from alerts.base import Action, Change, Incident, IncidentState
from alerts.calendars import Calendar
from alerts.deadlines import due, next_at, offset, reminders
from alerts.lifecycle import changes
from alerts.policy import Policy, Targets
from alerts.reminders import pass_time
from alerts.routes import Escalation, Route, Routes
from checks.base import Kind, Tier
from tests.alerts.build import DELETED, DRIFT, NOW, PLACE, POLICY, History, finding, look, reading, sent

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SECOND = timedelta(seconds=1)
LOUD = replace(POLICY, routes=replace(POLICY.routes, default_escalation=Escalation("C-boss", "<@U0BOSS0001>")))
BERLIN, NEW_YORK, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")


def working(zone: ZoneInfo) -> Policy:
    """A warning's time runs on working days in *zone*."""
    return replace(POLICY, routes=replace(POLICY.routes, default_calendar="work"), calendars={"work": Calendar(zone)})


def opened(found: object = DELETED, policy: Policy = POLICY) -> History:
    history = History(policy)
    history.look(look(reading(found)), timedelta())  # type: ignore[arg-type]  # a Finding
    return history


def tick(history: History, at: datetime) -> Change | None:
    """Let time pass until *at*, and keep what comes of it."""
    change = pass_time(history.only, history.policy, at)
    if change is not None:
        history.keep([change])
    return change


def told(history: History, start: datetime, end: datetime, step: timedelta = SECOND) -> list[tuple[timedelta, Action]]:
    """All that a ticker which ticks every *step* does, and how long after *start*."""
    found, at = [], start
    while at <= end:
        change = tick(history, at)
        if change is not None and change.transition is not None:
            found.append((at - start, change.transition.action))
        at += step
    return found


def test_a_critical_incident_is_repeated_until_somebody_acknowledges_it() -> None:
    """After 15, 30 and 60 minutes, then hourly: to the second."""
    history = opened()
    wanted = [timedelta(minutes=after) for after in (15, 30, 60, 120, 180)]

    assert told(history, NOW, NOW + 3 * HOUR + 59 * MINUTE) == [(after, Action.REMIND) for after in wanted]
    assert history.only.escalated_level == 5
    assert next_at(history.only, POLICY) == history.only.deadline_at == NOW + 4 * HOUR


def test_a_reminder_is_a_broadcast_in_the_thread_and_a_message_for_the_escalation_channel() -> None:
    """The first makes the escalation channel's message, the next ones reply to it; mentions are the configured ones."""
    history = opened(policy=LOUD)
    first = tick(history, NOW + 15 * MINUTE)
    second = tick(history, NOW + 30 * MINUTE)

    assert first is not None
    assert second is not None
    assert sent([first]) == [("reply", "C-crit"), ("post", "C-boss")]
    assert sent([second]) == [("reply", "C-crit"), ("reply", "C-boss")]
    assert all(draft.body["reply_broadcast"] for draft in (first.drafts[0], *second.drafts))
    assert "<!here>" in first.drafts[0].body["text"]
    assert "<@U0BOSS0001>" in first.drafts[1].body["text"]
    assert "Nobody has acknowledged this for 15 min" in first.drafts[0].body["text"]
    assert {draft.subject for draft in (first.drafts[1], second.drafts[1])} == {history.only.escalation}
    assert len({draft.dedupe_key for draft in (*first.drafts, *second.drafts)}) == 4


def test_after_a_night_away_one_reminder_is_due_and_the_next_comes_at_its_own_time() -> None:
    """No flood of missed reminders; what was missed is counted."""
    history = opened()
    away = NOW + 9 * HOUR + 10 * MINUTE

    assert told(history, away, away + 5 * MINUTE) == [(timedelta(), Action.REMIND)]
    assert history.only.escalated_level == 11
    assert history.only.deadline_at == NOW + 10 * HOUR


def test_an_acknowledged_incident_is_left_alone_until_that_ends() -> None:
    """No reminder while somebody has it; then its thread hears it, and the clock begins anew."""
    history = opened(policy=LOUD)
    tick(history, NOW + 15 * MINUTE)
    answer = acknowledge(history.only, "anna", LOUD, NOW + 20 * MINUTE)
    assert answer.change is not None
    history.keep([answer.change])
    assert sent([answer.change]) == [
        ("update", "C-crit"),
        ("update", "C-boss"),
        ("reply", "C-crit"),
        ("reply", "C-boss"),
    ]
    end = NOW + 20 * MINUTE + 24 * HOUR

    assert told(history, NOW + 21 * MINUTE, end - SECOND, MINUTE) == []
    change = tick(history, end)
    assert change is not None
    assert change.transition is not None
    assert change.transition.action is Action.ACK_EXPIRE
    assert (history.only.state, history.only.ack_by, history.only.clock_from) == (IncidentState.OPEN, "", end)
    assert sent([change]) == [("update", "C-crit"), ("update", "C-boss"), ("reply", "C-crit"), ("reply", "C-boss")]
    assert "anna has ended" in change.drafts[2].body["text"]
    assert told(history, end, end + 16 * MINUTE) == [(15 * MINUTE, Action.REMIND)]


def test_a_warning_is_promoted_once() -> None:
    """At 24 hours, to where critical incidents go, with its reason; and never again, however long it is open."""
    history = opened(DRIFT)
    change = tick(history, NOW + 24 * HOUR - SECOND)
    assert change is None
    change = tick(history, NOW + 24 * HOUR)

    assert change is not None
    assert change.transition is not None
    assert change.transition.reason.startswith("24 h target missed: it was to be answered by 2026-03-03 09:00 UTC")
    assert sent([change]) == [("update", "C-ops"), ("reply", "C-ops"), ("post", "C-crit")]
    assert "24 h target missed" in change.drafts[2].body["text"]
    assert "<!here>" in change.drafts[2].body["text"]
    assert history.only.tier is Tier.WARNING
    assert history.only.promoted
    assert told(history, NOW + 24 * HOUR, NOW + 24 * HOUR * 30, HOUR) == []


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE])
def test_a_warning_over_a_weekend_on_which_clocks_change_is_due_on_monday_at_its_hour(zone: ZoneInfo) -> None:
    """On a calendar of working days, in each zone's own spring."""
    friday = {
        BERLIN: datetime(2026, 3, 27, 15, 0, 1, tzinfo=BERLIN),
        NEW_YORK: datetime(2026, 3, 6, 15, 0, 1, tzinfo=NEW_YORK),
        LORD_HOWE: datetime(2026, 10, 2, 15, 0, 1, tzinfo=LORD_HOWE),
    }[zone]
    policy = working(zone)
    history = History(policy)
    history.now = friday.astimezone(UTC)
    history.look(look(reading(DRIFT)), timedelta())
    due_at = (friday + timedelta(days=3)).astimezone(UTC)  # the same time on the wall

    assert history.only.deadline_at == due_at
    assert tick(history, due_at - SECOND) is None
    promoted = tick(history, due_at)
    assert promoted is not None
    assert history.only.promoted


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE])
def test_reminders_go_by_real_time_when_clocks_change(zone: ZoneInfo) -> None:
    """An incident that opens just before the clocks go back is repeated after 15 real minutes, not 75."""
    start = {
        BERLIN: datetime(2026, 10, 25, 0, 55, tzinfo=UTC),
        NEW_YORK: datetime(2026, 11, 1, 5, 55, tzinfo=UTC),
        LORD_HOWE: datetime(2026, 4, 4, 14, 55, tzinfo=UTC),
    }[zone]
    policy = working(zone)
    history = History(policy)
    history.now = start
    history.look(look(reading(DELETED)), timedelta())

    assert told(history, start, start + HOUR) == [
        (after * MINUTE, Action.REMIND) for after in (15, 30, 60)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("incident", "why"),
    [
        ({"tier": Tier.INFO}, "info has no deadline"),
        ({"state": IncidentState.RESOLVED}, "it is resolved"),
        ({"state": IncidentState.RETIRED}, "it is retired"),
        ({"channel": "", "baseline": True}, "no message of its own"),
        ({"channel": "", "tier": Tier.CRITICAL}, "no message of its own"),
        ({"promoted": True}, "that was told"),
        (
            {"state": IncidentState.ACKNOWLEDGED, "ack_by": "anna", "ack_until": NOW + 900 * HOUR},
            "acknowledged by anna",
        ),
    ],
)
def test_nothing_is_due(incident: dict[str, object], why: str) -> None:
    """Each with its reason, however late it is."""
    history = opened(DRIFT)
    found = replace(history.only, **incident)  # type: ignore[arg-type]  # a test names any field
    step = due(found, POLICY, NOW + 500 * HOUR)

    assert step.action is None
    assert why in step.why


def test_a_tier_that_is_raised_begins_its_own_clock_and_ends_an_acknowledgement() -> None:
    """Who has seen a warning has not seen a critical incident."""
    history = opened(DRIFT)
    answer = acknowledge(history.only, "anna", POLICY, NOW + HOUR)
    assert answer.change is not None
    history.keep([answer.change])
    history.look(look(reading(DELETED)), 2 * HOUR)
    raised = history.only

    assert (raised.tier, raised.state, raised.ack_by) == (Tier.CRITICAL, IncidentState.OPEN, "")
    assert raised.deadline_at == NOW + 2 * HOUR + 15 * MINUTE
    history.look(look(reading(DRIFT)), HOUR)
    assert history.only.tier is Tier.WARNING
    assert history.only.deadline_at == NOW + 3 * HOUR + 24 * HOUR


def test_an_end_ends_everything_and_a_comeback_begins_anew() -> None:
    """Resolved: nobody has it, nothing is due, its escalation hears it. Back: open, and late at its own time."""
    history = opened(policy=LOUD)
    tick(history, NOW + 15 * MINUTE)
    answer = acknowledge(history.only, "anna", LOUD, NOW + 20 * MINUTE)
    assert answer.change is not None
    history.keep([answer.change])
    (ended,) = history.look(look(reading()), HOUR)

    assert (history.only.state, history.only.ack_by, history.only.deadline_at) == (IncidentState.RESOLVED, "", None)
    assert sent([ended]) == [("update", "C-crit"), ("reply", "C-crit"), ("update", "C-boss"), ("reply", "C-boss")]
    assert acknowledge(history.only, "anna", LOUD, NOW + 2 * HOUR).refused
    history.look(look(reading(DELETED)), 5 * HOUR)
    back = history.only
    assert (back.state, back.occurrence, back.escalated_level, back.escalation) == (IncidentState.OPEN, 2, 0, "")
    assert back.deadline_at == history.now + 15 * MINUTE
    again = tick(history, history.now + 15 * MINUTE)
    assert again is not None
    assert sent([again]) == [("reply", "C-crit"), ("post", "C-boss")]


def test_a_promoted_warning_tells_its_end_where_it_was_promoted_to() -> None:
    """Who was called hears that it is over."""
    history = opened(DRIFT)
    tick(history, NOW + 24 * HOUR)
    (ended,) = history.look(look(reading()), 30 * HOUR)

    assert sent([ended]) == [("update", "C-ops"), ("reply", "C-ops"), ("update", "C-crit"), ("reply", "C-crit")]


def test_one_channel_for_everything_hears_a_promotion_once() -> None:
    """Where critical incidents go to the warning's own channel, its thread is enough, with the critical mention."""
    policy = Policy(routes=Routes("C-one", (Route("C-one", "<!here>", tiers=(Tier.CRITICAL,)),)))
    history = opened(DRIFT, policy)
    change = tick(history, NOW + 24 * HOUR)

    assert change is not None
    assert sent([change]) == [("update", "C-one"), ("reply", "C-one")]
    assert "<!here>" in change.drafts[1].body["text"]


def test_a_clock_that_was_set_back_begins_the_clock_of_the_incident_anew() -> None:
    """Opened by a clock that was a year ahead: it is not a year until the first reminder."""
    history = opened()
    year = timedelta(days=365)
    found = replace(history.only, clock_from=NOW + year, deadline_at=NOW + year)
    change = pass_time(found, POLICY, NOW)

    assert change is not None
    assert change.transition is None
    assert change.incident.deadline_at == NOW + 15 * MINUTE
    held = replace(
        found, state=IncidentState.ACKNOWLEDGED, ack_by="anna", ack_at=NOW + year, ack_until=NOW + year + HOUR
    )
    change = pass_time(held, POLICY, NOW)
    assert change is not None
    assert change.incident.ack_until == NOW + HOUR


def test_other_targets_are_taken_from_the_configuration() -> None:
    """Reminders after 5 minutes, then every 10; warnings within 2 hours."""
    targets = Targets(remind_after=(5 * MINUTE,), remind_every=10 * MINUTE, warning_within=2 * HOUR)
    policy = replace(POLICY, targets=targets)

    assert [offset(targets, level) for level in range(3)] == [5 * MINUTE, 15 * MINUTE, 25 * MINUTE]
    assert [reminders(targets, minutes * MINUTE) for minutes in (4, 5, 14, 15, 26)] == [0, 1, 1, 2, 3]
    assert reminders(Targets(remind_after=()), 3 * HOUR) == 3
    assert told(opened(policy=policy), NOW, NOW + 26 * MINUTE) == [
        (after * MINUTE, Action.REMIND) for after in (5, 15, 25)
    ]  # fmt: skip
    assert told(opened(DRIFT, policy), NOW, NOW + 3 * HOUR) == [(2 * HOUR, Action.PROMOTE)]


def test_failed_runs_of_tier_info_are_posted_and_have_no_deadline() -> None:
    """Posted at once in every stage; the weekly review looks after them."""
    labels = {"stack": "acme-dev", "component": "x", "stage": "development"}
    seen = replace(look(reading(finding("a run failed", kind=Kind.WORKFLOW_FAILURE))), labels=labels)
    (change,) = changes({}, seen, POLICY, NOW)

    assert change.incident.channel
    assert change.incident.deadline_at is None
    assert pass_time(change.incident, POLICY, NOW + 900 * HOUR) is None


def test_the_message_says_who_has_it_and_until_when_it_is_to_be_answered() -> None:
    """What a person on a phone wants to know first."""
    history = opened(DRIFT)
    assert "To be answered by: 2026-03-03 09:00 UTC" in _root(history.only)
    answer = acknowledge(history.only, "anna (Slack U0PERSON01)", POLICY, NOW + HOUR)
    assert answer.change is not None
    assert "Acknowledged: by anna (Slack U0PERSON01), until 2026-03-03 10:00 UTC" in _root(answer.change.incident)
    tick(history, NOW + 24 * HOUR)
    assert "Target: missed" in _root(history.only)


def _root(incident: Incident) -> str:
    from alerts.render import View, incident_message

    return str(incident_message(incident, View(), NOW)["text"])


def test_the_place_is_named_in_every_reminder() -> None:
    """A broadcast stands alone in its channel."""
    history = opened()
    change = tick(history, NOW + 15 * MINUTE)
    assert change is not None
    assert PLACE in change.drafts[0].body["text"]
