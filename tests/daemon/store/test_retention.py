"""What retention removes, and what it must never remove."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.base import Action, Change, IncidentState
from daemon.store import Pruned, RunRow, Store, StoreOutbox, retention
from tests.daemon.store.world import (
    CHECK,
    LABELS,
    NOW,
    PLACE,
    change,
    incident,
    later,
    open_store,
    post,
    reading,
    reply,
)

KEEP = timedelta(days=30)
LATER = later(days=100)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def tell(store: Store, told: Change, at: datetime = NOW) -> None:
    """Store a change and send all that is ready."""
    outbox = StoreOutbox(store)
    with store.transaction() as tx:
        tx.save_change(told)
    for each in outbox.ready(at):
        outbox.mark_sending(each.id, at)
        outbox.mark_sent(each.id, f"ts-{each.number}", at)


def resolved(name: str, at: datetime = NOW) -> Change:
    ended = replace(incident(name, state=IncidentState.RESOLVED), changed_at=at, resolved_at=at)
    told = change(ended, Action.RESOLVE, (post(name, subject=f"{name}#1"),))
    assert told.transition is not None
    return replace(told, transition=replace(told.transition, at=at))


def test_old_history_of_what_ended_is_removed(store: Store) -> None:
    """Transitions, messages and threads of a long resolved incident go; the incident stays and is known."""
    tell(store, resolved("v1:old"))
    tell(store, resolved("v1:new", LATER - KEEP), LATER - KEEP)
    assert store.prune(LATER, KEEP) == Pruned(transitions=1, deliveries=1, threads=1)
    assert {i.fingerprint for i in store.incidents()} == {"v1:old", "v1:new"}
    assert (store.transitions("v1:old"), len(store.transitions("v1:new"))) == ([], 1)
    assert [each.dedupe_key for each in store.deliveries()] == ["v1:new"]
    assert store.prune(LATER, KEEP) == Pruned()


def test_live_incidents_keep_everything(store: Store) -> None:
    """However old: its history is shown, and its thread is answered in."""
    tell(store, change(incident("v1:live"), drafts=(post("p", subject="v1:live#1"),)))
    acknowledged = replace(incident("v1:ack"), state=IncidentState.ACKNOWLEDGED)
    tell(store, change(acknowledged, drafts=(post("a", subject="v1:ack#1"),)))
    assert store.prune(LATER, KEEP) == Pruned()
    with store.transaction() as tx:
        tx.enqueue(reply("late", subject="v1:live#1"))
    assert [each.root_ts for each in StoreOutbox(store).ready(LATER)] == ["ts-1"]


def test_what_waits_or_is_in_doubt_stays(store: Store) -> None:
    """Unsent messages survive any age, with the messages before them in their thread."""
    outbox = StoreOutbox(store)
    tell(store, resolved("v1:a"))
    with store.transaction() as tx:
        tx.enqueue(reply("waiting", subject="v1:a#1"), post("doubt", subject="other"))
    doubt = next(each for each in outbox.ready(NOW) if each.dedupe_key == "doubt")
    outbox.mark_sending(doubt.id, NOW)
    assert store.prune(LATER, KEEP).deliveries == 0
    assert [each.dedupe_key for each in store.deliveries()] == ["v1:a", "waiting", "doubt"]
    assert [each.dedupe_key for each in outbox.in_doubt()] == ["doubt"]


def test_the_latest_run_and_verdict_stay(store: Store) -> None:
    """Old runs go, the last of each job does not; the change that made the present verdict stays."""
    with store.transaction() as tx:
        for day in range(5):
            at = later(days=day)
            tx.save_run(RunRow(CHECK, PLACE, LABELS, at, at, "ok"))
            tx.save_run(RunRow(CHECK, "other", LABELS, at, at, "ok"))
            tx.save_readings(CHECK, PLACE, [reading(verdict=f"verdict{day}")], at)
    assert store.prune(LATER, KEEP) == Pruned(runs=8, verdict_changes=4)
    assert [run.ended for run in store.runs(CHECK, PLACE)] == [later(days=4)]
    assert [(row.verdict, row.since) for row in store.readings()] == [("verdict4", later(days=4))]
    assert store.jobs()[0].runs == 5


def test_what_is_young_stays(store: Store) -> None:
    """Nothing that ended within the time to keep is touched, to the microsecond."""
    with store.transaction() as tx:
        for number in range(3):
            tx.save_run(RunRow(CHECK, PLACE, LABELS, NOW, later(days=number), "ok"))
    assert store.prune(NOW + KEEP, KEEP).runs == 0
    assert store.prune(NOW + KEEP + timedelta(microseconds=1), KEEP).runs == 1


def test_much_is_removed_in_small_steps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than one transaction takes are removed in several."""
    monkeypatch.setattr(retention, "_BATCH", 2)
    with store.transaction() as tx:
        for _ in range(8):
            tx.save_run(RunRow(CHECK, PLACE, LABELS, NOW, NOW, "ok"))
    assert store.prune(LATER, KEEP).runs == 7
