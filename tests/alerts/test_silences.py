"""Silences and windows: what they hide, for how long, and what comes after."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.acting import acknowledge
from alerts.acting import silence as silence_it
from alerts.base import Action, IncidentState
from alerts.reminders import pass_time
from alerts.silences import LONGEST, Matcher, Silence, SilenceError, Silences, Window, make
from checks.base import Kind, Outcome, Tier
from tests.alerts.build import DELETED, DRIFT, NOTE, NOW, PLACE, History, incident, look, reading, sent

HOUR = timedelta(hours=1)
BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
NIGHT = Window(
    "night", Matcher(stacks=("acme-*",)), frozenset({5}), time(22), time(4), BERLIN, "instances restart", "platform"
)


def silenced(matcher: Matcher, hours: float = 4, **more: object) -> Silences:
    return Silences((make("s1", matcher, "anna", "we are moving house", NOW, hours * HOUR, **more),))  # type: ignore[arg-type]  # starts_at


@pytest.mark.parametrize(
    ("matcher", "fits"),
    [
        (Matcher(kinds=(Kind.DRIFT,)), True),
        (Matcher(kinds=(Kind.COMPLIANCE, Kind.DRIFT)), True),
        (Matcher(kinds=(Kind.COMPLIANCE,)), False),
        (Matcher(tiers=(Tier.WARNING,)), True),
        (Matcher(tiers=(Tier.CRITICAL,)), False),
        (Matcher(checks=("drift",)), True),
        (Matcher(checks=("drif*",)), False),
        (Matcher(tenants=("acme",)), False),
        (Matcher(tenants=("*",)), True),
        (Matcher(stages=("production",)), True),
        (Matcher(stages=("staging",)), False),
        (Matcher(stacks=("acme-*",)), True),
        (Matcher(stacks=("acme",)), False),
        (Matcher(components=("service/*",)), True),
        (Matcher(components=("SERVICE/*",)), False),
        (Matcher(resources=(f"{PLACE[:5]}*",)), True),
        (Matcher(stacks=("acme-*",), kinds=(Kind.COMPLIANCE,)), False),
        (Matcher(stacks=("acme-*",), tiers=(Tier.WARNING,), components=("x", "service/pay*")), True),
        (Matcher(fingerprints=("v1:other",)), False),
    ],
)
def test_what_a_matcher_fits(matcher: Matcher, fits: bool) -> None:
    """All lists must fit; of each, one."""
    assert fits is matcher.fits(incident())


def test_a_stage_that_is_not_known_is_production() -> None:
    """As everywhere."""
    unknown = incident(labels={"stack": "acme-x"})
    assert Matcher(stages=("production",)).fits(unknown)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"author": " "}, "author"),
        ({"reason": "  "}, "needs a reason"),
        ({"reason": "x" * 501}, "500 characters"),
        ({"matcher": Matcher()}, "what it is for"),
        ({"matcher": Matcher(stacks=("a",) * 51)}, "50 patterns"),
        ({"length": timedelta()}, "ends after now"),
        ({"length": -HOUR}, "ends after now"),
        ({"length": LONGEST + timedelta(seconds=1)}, "30 days"),
        ({"starts_at": NOW + LONGEST + HOUR}, "30 days"),
        ({"starts_at": NOW - 3 * HOUR, "length": HOUR}, "ends after now"),
    ],
)
def test_a_silence_that_must_not_be_made_is_refused_with_its_reason(more: dict[str, object], why: str) -> None:
    """Every silence has an author, a reason, a scope and an end."""
    values: dict[str, object] = {
        "id_": "s", "matcher": Matcher(stacks=("a",)), "author": "anna", "reason": "because", "now": NOW,
        "length": HOUR,
    }  # fmt: skip
    with pytest.raises(SilenceError, match=why):
        make(**(values | more))  # type: ignore[arg-type]  # a test names any argument


def test_no_secret_gets_into_a_silence() -> None:
    """What people paste is redacted before it is stored."""
    made = make("s", Matcher(stacks=("a",)), "anna", "key AKIAIOSFODNN7EXAMPLE leaked", NOW, HOUR)
    assert made.reason == "key (secret removed) leaked"


def test_a_silence_holds_from_its_start_to_its_end_to_the_instant() -> None:
    """And not once it was removed."""
    made = make("s", Matcher(stacks=("*",)), "anna", "x", NOW, HOUR, NOW + HOUR)
    tick = timedelta(microseconds=1)

    assert [made.holds(NOW + HOUR - tick), made.holds(NOW + HOUR)] == [False, True]
    assert [made.holds(NOW + 2 * HOUR - tick), made.holds(NOW + 2 * HOUR)] == [True, False]
    assert not replace(made, removed_at=NOW).holds(NOW + HOUR)


@pytest.mark.parametrize(
    ("window", "begin", "end"),
    [
        (NIGHT, datetime(2026, 3, 7, 22, tzinfo=BERLIN), datetime(2026, 3, 8, 4, tzinfo=BERLIN)),
        # The clocks go forward in it: five hours; and back: seven.
        (NIGHT, datetime(2026, 3, 28, 22, tzinfo=BERLIN), datetime(2026, 3, 29, 4, tzinfo=BERLIN)),
        (NIGHT, datetime(2026, 10, 24, 22, tzinfo=BERLIN), datetime(2026, 10, 25, 4, tzinfo=BERLIN)),
        # It ends at a time that the clocks leave out.
        (replace(NIGHT, end=time(2, 30)), datetime(2026, 3, 28, 22, tzinfo=BERLIN),
         datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN)),
        (replace(NIGHT, zone=LORD_HOWE), datetime(2026, 10, 3, 22, tzinfo=LORD_HOWE),
         datetime(2026, 10, 4, 4, tzinfo=LORD_HOWE)),
        (replace(NIGHT, start=time(), end=time()), datetime(2026, 3, 28, tzinfo=BERLIN),
         datetime(2026, 3, 29, tzinfo=BERLIN)),
        (replace(NIGHT, start=time(9), end=time(17)), datetime(2026, 3, 28, 9, tzinfo=BERLIN),
         datetime(2026, 3, 28, 17, tzinfo=BERLIN)),
    ],
)  # fmt: skip
def test_a_window_opens_and_closes_at_its_local_times(window: Window, begin: datetime, end: datetime) -> None:
    """To the second, over midnight and where clocks change."""
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    second = timedelta(seconds=1)

    assert window.around(begin - second) is None
    assert window.around(begin) == (begin, end)
    assert window.around(end - second) == (begin, end)
    assert window.around(end) is None


@given(minutes=st.integers(0, 2 * 365 * 24 * 60), zone=st.sampled_from([BERLIN, LORD_HOWE]))
def test_every_moment_in_a_window_has_an_end_within_a_day(minutes: int, zone: ZoneInfo) -> None:
    """Whatever the moment, the stretch that is given contains it and is short."""
    at = datetime(2025, 12, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = replace(NIGHT, zone=zone, days=frozenset(range(7))).around(at)
    local = at.astimezone(zone)

    assert (found is not None) == (local.hour >= 22 or local.hour < 4)
    if found is not None:
        assert found[0] <= at < found[1]
        assert found[1] - found[0] <= timedelta(hours=7)


def test_of_several_silences_the_one_that_lasts_longest_is_told() -> None:
    """A short one inside a long one changes nothing."""
    short = make("short", Matcher(stacks=("*",)), "anna", "x", NOW, HOUR)
    long = make("long", Matcher(stacks=("*",)), "ben", "y", NOW, 3 * HOUR)
    hidden = Silences((short, long), (NIGHT,)).hiding(incident(), NOW)

    assert hidden is not None
    assert (hidden.by, hidden.until) == ("long", NOW + 3 * HOUR)
    assert hidden.note == "silenced until 2026-03-02 12:00 UTC by ben: y"


class Quiet(History):
    """A history whose policy has silences that can change."""

    def hush(self, *made: Silence) -> None:
        self.policy = replace(self.policy, silences=Silences(tuple(made)))

    def tick(self, after: timedelta = timedelta()) -> list[tuple[str, str]]:
        self.now += after
        change = pass_time(self.only, self.policy, self.now)
        return [] if change is None else sent(self.keep([change]))


def everything(hours: float = 4, **more: object) -> Silence:
    (made,) = silenced(Matcher(stacks=("acme-*",)), hours, **more).made
    return made


def test_what_opens_under_a_silence_is_stored_and_posted_once_when_it_ends() -> None:
    """Not a message before, one after, with what hid it; then its clock begins."""
    history = Quiet()
    history.hush(everything())
    (change,) = history.look(look(reading(DELETED)), HOUR)
    assert sent([change]) == []
    assert change.transition is not None
    assert "no message: silenced until 2026-03-02 13:00 UTC by anna: we are moving house" in change.transition.reason
    assert history.only.deadline_at == NOW + 4 * HOUR
    assert history.tick(2 * HOUR) == []

    assert history.tick(HOUR) == [("post", "C-crit")]
    assert (history.only.silence, history.only.deadline_at) == ("", NOW + 4 * HOUR + timedelta(minutes=15))
    assert history.tick() == []


def test_what_comes_and_goes_under_a_silence_is_never_posted() -> None:
    """It was there, it is over, nobody was told: the store knows."""
    history = Quiet()
    history.hush(everything())
    history.look(look(reading(DRIFT)), HOUR)
    (change,) = history.look(look(reading()), HOUR)

    assert sent([change]) == []
    assert (history.only.state, history.only.silence) == (IncidentState.RESOLVED, "")
    assert change.transition is not None
    assert "silenced until" in change.transition.reason
    history.hush()
    assert history.tick(9 * HOUR) == []


def test_a_silence_over_an_incident_with_a_message_edits_it_and_says_nothing() -> None:
    """Edits notify nobody, and the message stays true; at the end its thread hears that it is still there."""
    history = Quiet()
    history.look(look(reading(DELETED)), timedelta())
    history.hush(everything())
    assert history.tick(timedelta(minutes=10)) == [("update", "C-crit")]
    assert history.tick(HOUR) == []  # no reminder
    (change,) = history.look(look(reading(replace(DELETED, summary="more is gone"))), HOUR)
    assert sent([change]) == [("update", "C-crit")]
    assert history.tick(2 * HOUR) == [("update", "C-crit"), ("reply", "C-crit")]
    assert history.tick(timedelta(minutes=15)) == [("reply", "C-crit")]


def test_the_end_of_an_incident_under_a_silence_is_an_edit() -> None:
    """Its message says that it is resolved; nobody is notified."""
    history = Quiet()
    history.look(look(reading(DRIFT)), timedelta())
    history.hush(everything())
    history.tick()
    (change,) = history.look(look(reading()), HOUR)

    assert sent([change]) == [("update", "C-ops")]
    assert change.drafts[0].body["text"].startswith("✅ RESOLVED")


def test_a_silence_of_warnings_hides_no_critical_incident() -> None:
    """Raised while it is hidden, it is posted at once."""
    history = Quiet()
    (made,) = silenced(Matcher(tiers=(Tier.WARNING,))).made
    history.hush(made)
    history.look(look(reading(DRIFT)), HOUR)
    (change,) = history.look(look(reading(DELETED)), HOUR)

    assert sent([change]) == [("post", "C-crit")]
    assert "Was silenced until" in change.drafts[0].body["text"]
    assert history.only.silence == ""
    assert history.tick() == []


def test_a_comeback_under_a_silence_gets_its_message_when_it_ends() -> None:
    """A new occurrence, a new root message; soon after its end, the old one."""
    for pause, wanted in ((2 * HOUR, [("post", "C-ops")]), (HOUR / 4, [("update", "C-ops"), ("reply", "C-ops")])):
        history = Quiet()
        history.look(look(reading(DRIFT)), timedelta())
        history.look(look(reading()), HOUR)
        history.hush(everything(8))
        (change,) = history.look(look(reading(DRIFT)), pause)
        assert sent([change]) == ([] if pause > HOUR else [("update", "C-ops")])
        assert history.tick(7 * HOUR) == wanted


def test_a_silence_turns_no_failure_to_look_into_green() -> None:
    """What could not be looked at stays what it was, silenced or not, and its own incident is open."""
    history = Quiet()
    history.look(look(reading(DRIFT)), timedelta())
    history.hush(everything())
    history.look(look(reading(outcome=Outcome.UNKNOWN, verdict="denied")), HOUR)
    assert history.only.state is IncidentState.OPEN
    assert history.only.not_seen_because
    history.look(look(failure=("denied", "AccessDenied")), HOUR)
    states = {each.kind: (each.state, bool(each.channel)) for each in history.known.values()}

    assert states == {Kind.DRIFT: (IncidentState.OPEN, True), Kind.MONITORING: (IncidentState.OPEN, False)}


def test_what_is_not_posted_alone_is_not_posted_after_a_silence_either() -> None:
    """Info waits for the weekly review, a baseline for its summary."""
    for first, found in ((False, NOTE), (True, DRIFT)):
        history = Quiet()
        history.hush(everything())
        history.look(look(reading(found), first=first), HOUR)
        if not first:
            history.known = {mark: replace(one, tier=Tier.INFO) for mark, one in history.known.items()}
        assert history.tick(9 * HOUR) == []
        assert history.only.silence == ""


def test_one_incident_is_silenced_and_its_thread_hears_by_whom() -> None:
    """Doing it again changes nothing; nor does doing it to what is over, or to an earlier occurrence."""
    history = Quiet()
    history.look(look(reading(DELETED)), timedelta())
    made = make("s", Matcher(fingerprints=(history.only.fingerprint,)), "anna", "at work on it", NOW, 4 * HOUR)
    answer = silence_it(history.only, made, history.policy, NOW, occurrence=1)
    assert answer.change is not None
    assert sent([answer.change]) == [("update", "C-crit"), ("reply", "C-crit")]
    assert "Silenced until 2026-03-02 13:00 UTC by anna: at work on it" in answer.change.drafts[1].body["text"]
    history.hush(made)
    history.keep([answer.change])

    again = silence_it(history.only, made, history.policy, NOW, occurrence=1)
    assert (again.change, again.refused) == (None, False)
    assert history.tick(timedelta(minutes=1)) == []
    assert silence_it(history.only, made, history.policy, NOW, occurrence=2).refused
    history.look(look(reading()), HOUR)
    assert silence_it(history.only, made, history.policy, NOW).refused


def test_an_acknowledgement_that_ends_under_a_silence_is_told_after_it() -> None:
    """First what hid it ends, then the reminder that nobody has it any more."""
    history = Quiet()
    history.look(look(reading(DELETED)), timedelta())
    answer = acknowledge(history.only, "anna", history.policy, history.now, HOUR)
    assert answer.change is not None
    history.keep([answer.change])
    history.hush(everything())
    history.tick()
    assert history.tick(2 * HOUR) == []
    history.tick(3 * HOUR)
    assert history.only.state is IncidentState.ACKNOWLEDGED
    change = pass_time(history.only, history.policy, history.now)
    assert change is not None
    assert change.transition is not None
    assert change.transition.action is Action.ACK_EXPIRE
