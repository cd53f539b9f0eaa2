"""Incidents and their history come back as they were stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.base import LIVE, Action, Change, Copy, DeliveryState, IncidentState
from alerts.escape import has_mention
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Finding, Kind, Outcome, Reading
from daemon.record import Recorder, Run
from daemon.store import Store, StoreOutbox
from tests.daemon.store.world import CHECK, NOW, PLACE, change, incident, later, open_store, post


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def test_an_incident_comes_back_equal(store: Store) -> None:
    """Every field, also after a change."""
    first = incident()
    resolved = replace(
        first, state=IncidentState.RESOLVED, seq=2, resolved_at=later(hours=1), changed_at=later(hours=1),
        not_seen_because="", announced=True, baseline=True,
        copies=(Copy("C2", "v1:a#1@C2"), Copy("C3", "v1:a#1@C3", left=True)),
    )  # fmt: skip
    for stored, action in ((first, Action.OPEN), (resolved, Action.RESOLVE)):
        with store.transaction() as tx:
            tx.save_change(change(stored, action))
            assert tx.incidents(CHECK, PLACE) == {"v1:a": stored}
    assert store.incident("v1:a") == resolved
    assert [(t.seq, t.action, t.after) for t in store.transitions("v1:a")] == [(1, "open", "open"),
                                                                               (2, "resolve", "resolved")]  # fmt: skip
    assert store.transitions("v1:a")[0] == change(first).transition


def test_a_change_without_a_transition_adds_no_history(store: Store) -> None:
    """That it was seen again moves last_seen and nothing else."""
    with store.transaction() as tx:
        tx.save_change(change(incident()))
        tx.save_change(Change(replace(incident(), last_seen=later(hours=1)), None))
    assert len(store.transitions("v1:a")) == 1
    seen = store.incident("v1:a")
    assert seen is not None
    assert seen.last_seen == later(hours=1)


def test_incidents_are_found_by_state_and_job(store: Store) -> None:
    """The latest opened first; another place's are not among a job's."""
    with store.transaction() as tx:
        tx.save_change(change(incident("v1:a")))
        tx.save_change(change(replace(incident("v1:b"), opened_at=later(hours=1))))
        tx.save_change(change(incident("v1:c", state=IncidentState.RETIRED)))
        tx.save_change(change(replace(incident("v1:d"), place="other")))
        assert set(tx.incidents(CHECK, PLACE)) == {"v1:a", "v1:b", "v1:c"}
    assert [i.fingerprint for i in store.incidents(LIVE)] == ["v1:b", "v1:a", "v1:d"]
    assert [i.fingerprint for i in store.incidents(LIVE, limit=1)] == ["v1:b"]
    assert [i.fingerprint for i in store.incidents([IncidentState.RETIRED])] == ["v1:c"]
    assert len(store.incidents()) == 4
    assert store.incidents([]) == []


def test_the_baseline_that_nobody_was_told_of(store: Store) -> None:
    """Only what is live, was there at the first look, and is in no message yet."""
    base = replace(incident("v1:a"), baseline=True)
    with store.transaction() as tx:
        tx.save_change(change(base))
        tx.save_change(change(replace(base, fingerprint="v1:b", announced=True)))
        tx.save_change(change(replace(base, fingerprint="v1:c", state=IncidentState.RESOLVED)))
        tx.save_change(change(replace(base, fingerprint="v1:d", baseline=False)))
        assert tx.unannounced_baseline()
        assert tx.baseline(None) == [base]


def test_unknown_fingerprints_have_nothing(store: Store) -> None:
    """No incident is None, and no history is empty."""
    assert store.incident("v1:none") is None
    assert store.transitions("v1:none") == []


def test_a_root_message_that_waits_still_calls_people_when_it_is_edited(store: Store) -> None:
    """While Slack is away the latest edit becomes the body of the root message, and its mention is in it."""
    policy = Policy(Routes("C1", default_mention="<!here>"))
    recorder = Recorder(store, policy)
    for number in range(2):
        finding = Finding(Kind.STATE_CORRUPTION, "state", f"damage {number}")
        seen = Reading(PLACE, Outcome.UNHEALTHY, "damaged", "it is", (finding,))
        recorder.record(Run(CHECK, PLACE, {"stage": "production"}, NOW, NOW, (seen,)), NOW)
    with store.read() as view:
        [root] = view.deliveries(DeliveryState.PENDING)
    assert "damage 1" in root.body["text"]
    assert has_mention(root.body)


def test_threads_of_a_live_incident_outlive_the_retention(store: Store) -> None:
    """Also those in further channels: without their root message, the next edit would post it again."""
    for fingerprint, state in (("v1:a", IncidentState.OPEN), ("v1:b", IncidentState.RESOLVED)):
        one = replace(incident(fingerprint, state=state), copies=(Copy("C2", f"{fingerprint}#1@C2"),))
        drafts = (
            post(f"{fingerprint}1", subject=f"{fingerprint}#1"),
            post(f"{fingerprint}2", subject=f"{fingerprint}#1@C2"),
        )
        with store.transaction() as tx:
            tx.save_change(change(one, drafts=drafts))
    outbox = StoreOutbox(store)
    for number, message in enumerate(outbox.ready(NOW)):
        outbox.mark_sending(message.id, NOW)
        outbox.mark_sent(message.id, f"1.{number}", NOW)
    store.prune(later(days=900), later(days=400) - NOW)
    with store.read() as view:
        assert {each.subject for each in view.deliveries()} == {"v1:a#1", "v1:a#1@C2"}
