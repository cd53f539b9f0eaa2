"""What the parts of alerting do to one another: silences, acknowledgements, baselines, outages and ways out, joined."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.acting import acknowledge
from alerts.acting import silence as silence_it
from alerts.base import Change
from alerts.lifecycle import Look
from alerts.reminders import pass_time
from alerts.routes import Escalation
from alerts.silences import Matcher, make
from checks.base import Reading
from daemon.record import Recorder
from tests.alerts.build import DELETED, DRIFT, LABELS, look, reading
from tests.alerts.sinks.fakes import FakePagerDuty, served
from tests.alerts.sinks.test_sinks import page
from tests.alerts.sinks.world import SinkWorld, sinks_running
from tests.daemon.test_ticking import HOUR, LOUD, MINUTE, Watch, watching

ALL = Matcher(resources=("*",))
AN_HOUR = timedelta(hours=1)


def elsewhere(it: Watch, *readings: Reading) -> None:
    """A look at a place that none has looked at before."""
    it.record(Look("drift", "acme-prod/service/other", LABELS, readings))


def sum_up(it: Watch) -> None:
    Recorder(it.world.store, it.policy).announce_baseline(0, it.world.clock())
    it.world.work()


def save(world: SinkWorld, change: Change | None) -> None:
    assert change is not None
    with world.store.transaction() as tx:
        tx.save_change(change)


def test_a_baseline_that_gets_worse_under_a_silence_is_posted_when_it_ends(tmp_path: Path) -> None:
    """Summed up as a warning long ago, and critical by now: nobody has heard of that. Its clock runs, too."""
    with watching(tmp_path) as it:
        elsewhere(it, reading(DRIFT))
        sum_up(it)
        assert len(it.roots("C-ops")) == 1
        it.desk.silence(ALL, "anna", "moving", AN_HOUR)
        elsewhere(it, reading(DELETED))
        it.world.work()
        assert it.roots("C-crit") == []
        it.wait(HOUR + 2 * MINUTE)
        assert len(it.roots("C-crit")) == 1
        it.wait(HOUR)
        assert len(it.roots("C-crit")) == 1
        assert len(it.replies("C-crit", broadcast=True)) == 3


def test_a_baseline_is_not_summed_up_under_a_silence(tmp_path: Path) -> None:
    """It is when the silence has ended."""
    with watching(tmp_path) as it:
        it.desk.silence(ALL, "anna", "moving", AN_HOUR)
        elsewhere(it, reading(DRIFT))
        sum_up(it)
        assert it.roots("C-ops") == []
        it.wait(HOUR + MINUTE)
        sum_up(it)
        sum_up(it)
        assert len(it.roots("C-ops")) == 1


@pytest.mark.parametrize("done", ["silenced", "acknowledged"])
def test_a_message_that_waits_calls_nobody_once_somebody_has_dealt_with_it(tmp_path: Path, done: str) -> None:
    """By the command line, while Slack is away."""
    with watching(tmp_path) as it:
        it.look(reading(DELETED))
        (incident,) = it.world.store.incidents()
        if done == "silenced":
            assert it.desk.silence_incident(incident.fingerprint, "anna", "at it").changed
        else:
            assert it.desk.acknowledge(incident.fingerprint, "anna").changed
        it.world.work()
        (root,) = it.roots("C-crit")
        assert "<!here>" not in root


def test_an_acknowledged_incident_calls_nobody_when_its_silence_ends(tmp_path: Path) -> None:
    """It is posted, with who has it in hand; and calls when the acknowledgement has ended."""
    with watching(tmp_path) as it:
        it.desk.silence(ALL, "anna", "moving", AN_HOUR)
        it.look(reading(DELETED))
        (incident,) = it.world.store.incidents()
        assert it.desk.acknowledge(incident.fingerprint, "anna").changed
        it.wait(HOUR + MINUTE)
        (root,) = it.roots("C-crit")
        assert "Acknowledged: by anna" in root
        assert "<!here>" not in root
        it.wait(24 * HOUR, 600)
        assert "<!here>" in it.replies("C-crit", broadcast=True)[0]


def test_pagerduty_pages_for_nothing_that_somebody_has_in_hand(tmp_path: Path) -> None:
    """Acknowledged under a silence, it is told of when the acknowledgement ends."""
    pagerduty = FakePagerDuty()
    with served(pagerduty), sinks_running(tmp_path, {"oncall": page(pagerduty)}) as world:
        loud = world.policy
        made = make("s1", ALL, "anna", "moving", world.clock(), AN_HOUR)
        world.policy = replace(loud, silences=replace(loud.silences, made=(made,)))
        world.look(look(reading(DELETED)))
        (incident,) = world.store.incidents()
        save(world, acknowledge(incident, "anna", world.policy, world.clock()).change)
        world.policy = loud
        world.clock.advance(HOUR)
        save(world, pass_time(world.store.incidents()[0], loud, world.clock()))
        world.work(5)
        assert len(world.slack.messages("C-crit")) == 1
        assert pagerduty.events == []
        world.clock.advance(24 * HOUR)
        save(world, pass_time(world.store.incidents()[0], loud, world.clock()))
        world.work(5)
        assert [event["event_action"] for event in pagerduty.events] == ["trigger"]


@pytest.mark.parametrize("done", ["silenced", "acknowledged"])
def test_the_fallback_pages_for_nothing_that_somebody_has_dealt_with(tmp_path: Path, done: str) -> None:
    """What waits for Slack is only the word that they have."""
    pagerduty = FakePagerDuty()
    with served(pagerduty), sinks_running(tmp_path, {"oncall": page(pagerduty)}, fallback="oncall") as world:
        world.look(look(reading(DELETED)))
        world.work(5)
        (incident,) = world.store.incidents()
        world.slack.refuse_token("token_revoked")
        if done == "silenced":
            made = make("s1", Matcher(fingerprints=(incident.fingerprint,)), "anna", "x", world.clock(), AN_HOUR)
            change = silence_it(incident, made, world.policy, world.clock()).change
        else:
            change = acknowledge(incident, "anna", world.policy, world.clock()).change
        save(world, change)
        world.work(130)
        assert pagerduty.events == []


def test_an_acknowledgement_that_arrives_late_is_none_of_what_has_begun_since(tmp_path: Path) -> None:
    """PagerDuty tries for hours: what was meant is over, and has come back; or it was a warning, and is critical."""
    with watching(tmp_path) as it:
        it.look(reading(DRIFT))
        (incident,) = it.world.store.incidents()
        it.wait(10 * MINUTE)
        then = it.world.clock()
        it.wait(10 * MINUTE)
        it.look(reading())
        it.look(reading(DRIFT))
        assert it.desk.acknowledge_of(incident.fingerprint, "ben (PagerDuty)", then).refused
        again = it.world.clock()
        it.look(reading(DELETED))
        assert it.desk.acknowledge_of(incident.fingerprint, "ben (PagerDuty)", again).refused
        it.wait(16 * MINUTE)
        assert it.facts[-1] == "remind"
        assert it.desk.acknowledge_of(incident.fingerprint, "ben (PagerDuty)", it.world.clock()).changed


def test_an_escalation_that_waits_still_calls_whom_it_was_to_call(tmp_path: Path) -> None:
    """Slack is away, and what was found changes meanwhile: the edit is the message then."""
    loud = replace(LOUD, routes=replace(LOUD.routes, default_escalation=Escalation("C-other", "<!channel>")))
    with watching(tmp_path, loud) as it:
        it.look(reading(DELETED))
        it.world.work()
        it.world.clock.advance(16 * MINUTE)
        assert it.ticker.tick() == 1
        it.look(reading(replace(DELETED, summary="and more is gone")))
        it.world.work()
        (root,) = it.roots("C-other")
        assert "and more is gone" in root
        assert "<!channel>" in root


def test_a_silence_holds_on_where_the_clock_is_set_back(tmp_path: Path) -> None:
    """It was made by a clock that was ahead; one that is to begin later still does so."""
    with watching(tmp_path) as it:
        later = it.world.clock() + timedelta(hours=6)
        assert it.desk.silence(ALL, "anna", "moving", timedelta(hours=4)).changed
        it.world.clock.advance(-HOUR)
        it.look(reading(DELETED))
        it.world.work()
        assert it.wait(30 * MINUTE) == 0
        assert it.roots("C-crit") == []
        it.wait(5 * HOUR, 600)
        assert len(it.roots("C-crit")) == 1
        assert it.desk.silence(ALL, "anna", "moving", timedelta(hours=4), later).changed
        with it.world.store.read() as view:
            (held,) = [one for one in view.silences(it.world.clock()) if one.starts_at == later]
        assert not held.holds(it.world.clock())
