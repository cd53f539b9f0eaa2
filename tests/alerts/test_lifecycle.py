from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.base import Action, IncidentState
from alerts.lifecycle import COULD_NOT_LOOK, Look, Sight, changes, decide, retire
from checks.base import Fact, Kind, Outcome, Reading, Tier
from tests.alerts.build import DELETED, DRIFT, LABELS, NOTE, NOW, PLACE, POLICY, History, finding, look, reading, sent

OPEN, ACKED = IncidentState.OPEN, IncidentState.ACKNOWLEDGED
RESOLVED, RETIRED = IncidentState.RESOLVED, IncidentState.RETIRED
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("state", "sight", "differs", "expected"),
    [
        (None, Sight.SEEN, "", Action.OPEN),
        (OPEN, Sight.SEEN, "", None),
        (ACKED, Sight.SEEN, "", None),
        (OPEN, Sight.SEEN, "tier", Action.UPDATE),
        (ACKED, Sight.SEEN, "tier", Action.UPDATE),
        (RESOLVED, Sight.SEEN, "", Action.REOPEN),
        (RETIRED, Sight.SEEN, "", Action.REOPEN),
        (OPEN, Sight.HEALED, "", Action.RESOLVE),
        (ACKED, Sight.HEALED, "", Action.RESOLVE),
        (OPEN, Sight.VANISHED, "", Action.RESOLVE),
        (OPEN, Sight.UNSURE, "", None),
        (ACKED, Sight.UNSURE, "", None),
        (OPEN, Sight.NOT_APPLICABLE, "", Action.RETIRE),
        (RESOLVED, Sight.HEALED, "", None),
        (RESOLVED, Sight.VANISHED, "", None),
        (RESOLVED, Sight.UNSURE, "", None),
        (RESOLVED, Sight.NOT_APPLICABLE, "", None),
        (RETIRED, Sight.HEALED, "", None),
        (None, Sight.HEALED, "", None),
    ],
)
def test_the_decision_table(state: IncidentState | None, sight: Sight, differs: str, expected: Action | None) -> None:
    """Each state and each sight have one answer, and every answer has a reason."""
    action, reason = decide(state, sight, differs)
    assert action is expected
    assert reason


def test_only_looking_resolves() -> None:
    """Of all that a look can say, only "read and gone" and "the whole look no longer has it" resolve."""
    resolving = {sight for sight in Sight if decide(OPEN, sight)[0] is Action.RESOLVE}
    assert resolving == {Sight.HEALED, Sight.VANISHED}


def test_a_finding_opens_and_is_posted_once() -> None:
    """The first look posts; the same finding again changes nothing but the time it was last seen."""
    history = History()
    (opened,) = history.look(look(reading(DRIFT)))
    assert sent([opened]) == [("post", "C-ops")]
    assert opened.transition is not None
    assert opened.transition.reason == "seen for the first time; first message to C-ops by default route"
    (again,) = history.look(look(reading(DRIFT)))
    assert (again.transition, again.drafts) == (None, ())
    assert history.only.last_seen == history.now
    assert history.only.seq == 1


def test_changed_content_edits_in_place_without_a_reply() -> None:
    """An edit is enough where neither tier nor verdict changed."""
    history = History()
    history.look(look(reading(DRIFT)))
    made = history.look(look(reading(finding("two things have changed"))))
    assert sent(made) == [("update", "C-ops")]
    assert history.only.summary == "two things have changed"


def test_a_stored_tuple_that_comes_back_as_a_list_is_no_change() -> None:
    """Evidence from the store equals the evidence of the check, though JSON has no tuples."""
    history = History()
    history.look(look(reading(replace(DRIFT, evidence={"paths": ("a", "b")}, addresses=("x",)))))
    history.known = {k: replace(i, evidence={"paths": ["a", "b"]}) for k, i in history.known.items()}
    (again,) = history.look(look(reading(replace(DRIFT, evidence={"paths": ("a", "b")}, addresses=("x",)))))
    assert again.transition is None


def test_a_changed_verdict_is_told_in_the_thread() -> None:
    """A reader of the thread hears that drift became drift and a pending change."""
    history = History()
    history.look(look(reading(DRIFT)))
    made = history.look(look(reading(DRIFT, verdict="drift+pending")))
    assert sent(made) == [("update", "C-ops"), ("reply", "C-ops")]


def test_raised_into_another_channel_gets_a_new_root_there() -> None:
    """The old message says where it goes on, the new one where it began, under the next number."""
    history = History()
    history.look(look(reading(DRIFT)))
    (made,) = history.look(look(reading(DELETED)))
    old, new = made.drafts
    assert (old.kind, old.channel, old.subject[-2:]) == ("update", "C-ops", "#1")
    assert (new.kind, new.channel, new.subject[-2:]) == ("post", "C-crit", "#2")
    assert "goes on in C-crit" in old.body["text"]
    assert "it began in C-ops" in new.body["text"].replace("\u200b", "")
    assert history.only.channel == "C-crit"


def test_raised_within_its_channel_is_told_in_the_thread_with_the_mention() -> None:
    """An edit notifies nobody, so the reply calls."""
    history = History(replace(POLICY, routes=replace(POLICY.routes, rows=(), default_mention="<!here>")))
    history.look(look(reading(DRIFT)))
    made = history.look(look(reading(DELETED)))
    assert sent(made) == [("update", "C-ops"), ("reply", "C-ops")]
    assert "<!here>" in made[0].drafts[1].body["text"]


def test_lowered_stays_in_its_thread() -> None:
    """Critical, then a warning, then only a note: the thread that people read hears of it."""
    history = History()
    history.look(look(reading(DELETED)))
    assert sent(history.look(look(reading(DRIFT)))) == [("update", "C-crit"), ("reply", "C-crit")]
    assert sent(history.look(look(reading(NOTE)))) == [("update", "C-crit"), ("reply", "C-crit")]
    assert sent(history.look(look(reading()))) == [("update", "C-crit"), ("reply", "C-crit")]


def test_resolved_edits_and_replies_with_the_duration() -> None:
    """The end is told with how long it lasted and how it ended."""
    history = History()
    history.look(look(reading(DRIFT)))
    (made,) = history.look(look(reading()), after=timedelta(hours=2, minutes=5))
    assert sent([made]) == [("update", "C-ops"), ("reply", "C-ops")]
    assert "Resolved after 2 h 5 min" in made.drafts[1].body["text"]
    assert history.only.state is RESOLVED
    assert history.only.resolved_at == history.now


def test_back_soon_is_the_same_thread_and_back_later_a_new_one() -> None:
    """Within half an hour the thread goes on with a count; later a new message names the old."""
    history = History()
    history.look(look(reading(DRIFT)))
    history.look(look(reading()))
    (soon,) = history.look(look(reading(DRIFT)), after=30 * MINUTE)
    assert sent([soon]) == [("update", "C-ops"), ("reply", "C-ops")]
    assert "2nd time" in soon.drafts[1].body["text"]
    history.look(look(reading()))
    (later,) = history.look(look(reading(DRIFT)), after=31 * MINUTE)
    assert sent([later]) == [("post", "C-ops")]
    assert "Seen before: opened" in later.drafts[0].body["text"]
    assert (history.only.thread[-2:], history.only.occurrence) == ("#2", 3)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_gone_finding_is_resolved_only_where_its_resource_was_read(outcome: Outcome) -> None:
    """UNKNOWN keeps the incident and says why; NOT_APPLICABLE retires it and never says resolved."""
    history = History()
    history.look(look(reading(DRIFT)))
    history.look(look(reading(outcome=outcome)))
    expected = {
        Outcome.HEALTHY: (RESOLVED, ""),
        Outcome.UNHEALTHY: (RESOLVED, ""),
        Outcome.UNKNOWN: (OPEN, "it is unknown"),
        Outcome.NOT_APPLICABLE: (RETIRED, ""),
    }
    assert (history.only.state, history.only.not_seen_because) == expected[outcome]


def test_two_readings_of_one_resource_resolve_nothing_if_one_could_not_look() -> None:
    """The reading that could not look decides, whatever the order."""
    for pair in ((Outcome.HEALTHY, Outcome.UNKNOWN), (Outcome.UNKNOWN, Outcome.HEALTHY)):
        history = History()
        history.look(look(reading(DRIFT)))
        history.look(look(*(reading(outcome=outcome) for outcome in pair)))
        assert history.only.state is OPEN


def test_a_failed_look_resolves_nothing_and_is_an_incident_itself() -> None:
    """The drift stays open, not confirmed; could_not_look opens, stays, and ends with the next good look."""
    history = History()
    history.look(look(reading(DRIFT), reading(DRIFT, resource="other")))
    made = history.look(Look("drift", PLACE, LABELS, (reading(),), ("denied", "AccessDenied on s3:GetObject")))
    opened = next(c.incident for c in made if c.incident.kind is Kind.MONITORING)
    assert (opened.key, opened.resource, opened.tier) == (COULD_NOT_LOOK, PLACE, Tier.WARNING)
    drifts = [i for i in history.known.values() if i.kind is Kind.DRIFT]
    assert [i.state for i in drifts] == [OPEN, OPEN]
    assert all("AccessDenied" in i.not_seen_because for i in drifts)
    assert sent(made) == [("post", "C-ops")]
    assert not any(c.drafts for c in history.look(look(failure=("denied", "AccessDenied on s3:GetObject"))))
    history.look(look(reading(DRIFT), reading(DRIFT, resource="other")))
    assert history.known[opened.fingerprint].state is RESOLVED
    assert [i.not_seen_because for i in history.known.values() if i.kind is Kind.DRIFT] == ["", ""]


def test_no_answer_at_all_is_a_failure() -> None:
    """A look without readings and without a reason has not looked."""
    history = History()
    history.look(look(reading(DRIFT)))
    history.look(Look("drift", PLACE, LABELS, None))
    assert [i.state for i in history.known.values()] == [OPEN, OPEN]


def test_a_look_that_gave_only_unknown_does_not_end_could_not_look() -> None:
    """Not having looked twice is not having looked."""
    history = History()
    history.look(look(failure=("timeout", "no answer in 10 min")))
    history.look(look(reading(outcome=Outcome.UNKNOWN, resource="other")))
    assert history.only.state is OPEN
    history.look(look(reading(outcome=Outcome.UNKNOWN)))
    assert history.only.state is OPEN


def test_a_resource_that_is_gone_is_resolved_as_no_longer_there() -> None:
    """Only after a look that succeeded as a whole, and the reason says so."""
    history = History()
    history.look(look(reading(DRIFT, resource="arn:a"), reading(resource="arn:b")))
    (made, *_) = history.look(look(reading(resource="arn:b")))
    assert made.transition is not None
    assert made.transition.reason.startswith("no longer there")
    assert history.only.state is RESOLVED


def test_a_place_does_not_go_away_by_not_being_mentioned() -> None:
    """An empty answer about the place itself resolves nothing."""
    history = History()
    history.look(look(reading(DRIFT)))
    history.look(look())
    assert (history.only.state, history.only.not_seen_because) == (OPEN, "the look said nothing about it")


def test_an_unknown_reading_opens_its_own_finding_and_keeps_the_others() -> None:
    """What could not be planned is monitoring; the drift found before stays open."""
    history = History()
    history.look(look(reading(DRIFT)))
    broken = finding("the plan cannot run", kind=Kind.MONITORING, key="config_error")
    made = history.look(look(reading(broken, outcome=Outcome.UNKNOWN, verdict="config_error")))
    assert sent(made) == [("post", "C-ops")]
    assert {i.key: i.state for i in history.known.values()} == {"drift": OPEN, "config_error": OPEN}
    history.look(look(reading(DRIFT)))
    assert {i.key: i.state for i in history.known.values()} == {"drift": OPEN, "config_error": RESOLVED}


def test_the_first_look_is_a_baseline_but_for_what_is_exempt() -> None:
    """Findings of a first look are recorded, not posted; public data and the like are."""
    public = finding("open", kind=Kind.SECURITY_VIOLATION, key="s", facts=frozenset({Fact.PUBLIC_DATA}))
    history = History()
    made = history.look(look(reading(DRIFT, public), first=True))
    assert [(c.incident.key, c.incident.baseline, c.incident.announced, sent([c])) for c in made] == [
        ("drift", True, False, []),
        ("s", False, True, [("post", "C-crit")]),
    ]


def test_could_not_look_is_never_part_of_a_baseline() -> None:
    """A first look that failed, or a reading that is UNKNOWN, is posted at once."""
    broken = finding("the plan cannot run", kind=Kind.MONITORING, key="config_error")
    for seen in (
        look(first=True, failure=("denied", "AccessDenied")),
        look(reading(broken, outcome=Outcome.UNKNOWN), first=True),
    ):
        (made,) = changes({}, seen, POLICY, NOW)
        assert (made.incident.baseline, sent([made])) == (False, [("post", "C-ops")])


def test_a_baseline_ends_without_a_message_and_is_posted_when_it_comes_back() -> None:
    """The report shows it shrink; a comeback is news."""
    history = History()
    history.look(look(reading(DRIFT), first=True))
    assert sent(history.look(look(reading()))) == []
    assert history.only.state is RESOLVED
    assert sent(history.look(look(reading(DRIFT)))) == [("post", "C-ops")]
    assert not history.only.baseline


@pytest.mark.parametrize(("announced", "expected"), [(False, []), (True, [("post", "C-crit")])])
def test_a_baseline_that_gets_worse_is_posted_once_it_was_announced(
    announced: bool, expected: list[tuple[str, str]]
) -> None:
    """Before the summary, the summary will tell; after it, the worse tier is news."""
    history = History()
    history.look(look(reading(DRIFT), first=True))
    history.known = {k: replace(i, announced=announced) for k, i in history.known.items()}
    assert sent(history.look(look(reading(DELETED)))) == expected


def test_info_is_recorded_and_not_posted_but_failed_runs_are() -> None:
    """Info waits for the weekly review; when it becomes a warning it gets its first message."""
    history = History()
    assert sent(history.look(look(reading(NOTE)))) == []
    assert sent(history.look(look(reading(DRIFT)))) == [("post", "C-ops")]
    failed = finding("the run failed", kind=Kind.WORKFLOW_FAILURE)
    seen = Look("runs", PLACE, {**LABELS, "stage": "development"}, (reading(failed),))
    (made,) = changes({}, seen, POLICY, NOW)
    assert (made.incident.tier, sent([made])) == (Tier.INFO, [("post", "C-ops")])


def test_a_place_that_left_the_inventory_retires_its_incidents() -> None:
    """Nobody looks any more, so nothing is called resolved."""
    history = History()
    history.look(look(reading(DRIFT)))
    (made,) = history.keep(retire(history.known, "the instance left the inventory", POLICY, history.now))
    assert history.only.state is RETIRED
    assert "does not mean that it is fixed" in made.drafts[1].body["text"]
    assert retire(history.known, "again", POLICY, history.now) == []


def test_incidents_of_other_places_are_left_alone() -> None:
    """A look speaks of its own check and place only."""
    history = History()
    history.look(look(reading(DRIFT, resource="elsewhere"), place="elsewhere"))
    assert changes(history.known, look(reading()), POLICY, NOW) == []


def test_a_change_stored_twice_has_the_same_keys() -> None:
    """The same look at the same moment gives the same messages, so that storing it again adds none."""
    first, second = (changes({}, look(reading(DRIFT)), POLICY, NOW) for _ in range(2))
    assert first == second


def test_what_one_refusal_hides_is_told_once() -> None:
    """Three resources that cannot be seen are one incident of the place; it ends when all can be seen again."""

    def hidden(*names: str) -> list[Reading]:
        blind = finding("not known: its policy", kind=Kind.MONITORING, key=COULD_NOT_LOOK, cause="permission s3:Get")
        return [reading(blind, outcome=Outcome.UNKNOWN, resource=name, verdict="permission") for name in names]

    history = History()
    made = history.look(look(reading(resource="a"), *hidden("b", "c", "d"), first=True))
    told = history.only
    assert (told.resource, told.kind, told.state) == (PLACE, Kind.MONITORING, OPEN)
    assert told.summary == "not known: its policy (and 2 more that could not be seen)"
    assert told.evidence["resources"] == ["b", "c", "d"]
    assert sent(made) == [("post", "C-ops")]
    history.look(look(reading(resource="a"), reading(resource="b"), *hidden("d")))
    assert (history.only.state, history.only.occurrence) == (OPEN, 1)
    history.look(look(failure=("timeout", "no answer")))
    assert (history.only.state, history.only.occurrence) == (OPEN, 1)
    history.look(look(*(reading(resource=name) for name in "abcd")))
    assert history.only.state is IncidentState.RESOLVED
