"""Runs and readings: what moves, what stays, what is removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from checks.base import Outcome, Reading
from daemon.store import JobStateRow, ReadingRow, RunRow, Store
from tests.daemon.store.world import CHECK, LABELS, NOW, PLACE, later, open_store, reading

FINE = RunRow(CHECK, PLACE, LABELS, NOW, later(seconds=20), "ok", next_due=later(hours=1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def see(store: Store, *readings: Reading, at: datetime = NOW, complete: bool = True) -> dict[str, ReadingRow]:
    with store.transaction() as tx:
        tx.save_run(replace(FINE, started=at, ended=at))
        tx.save_readings(CHECK, PLACE, readings, at, complete=complete)
    return {row.resource: row for row in store.readings()}


def test_a_job_knows_its_runs(store: Store) -> None:
    """First success, last success and the last failure are each kept."""
    failed = RunRow(CHECK, PLACE, LABELS, later(hours=1), later(hours=1, seconds=5), "failed", "denied", "no s3:Get",
                    later(hours=2))  # fmt: skip
    with store.transaction() as tx:
        assert tx.first_ok(CHECK, PLACE) is False
        tx.save_run(FINE)
        assert tx.first_ok(CHECK, PLACE) is True
        tx.save_run(failed)
    (job,) = store.jobs()
    assert (job.first_ok, job.last_ok, job.last_end) == (FINE.ended, FINE.ended, failed.ended)
    assert (job.outcome, job.reason, job.detail, job.runs) == ("failed", "denied", "no s3:Get", 2)
    assert (job.next_due, job.labels) == (later(hours=2), LABELS)
    assert store.runs(CHECK, PLACE) == [failed, FINE]


def test_a_failed_first_run_is_no_success(store: Store) -> None:
    """Having tried is not having looked."""
    with store.transaction() as tx:
        tx.save_run(replace(FINE, outcome="failed", reason="timeout"))
        assert tx.first_ok(CHECK, PLACE) is False
    assert store.jobs()[0].last_ok is None


def test_a_run_that_began_and_did_not_end_is_seen(store: Store) -> None:
    """After a crash the job is still marked as running."""
    with store.transaction() as tx:
        tx.start_run(CHECK, PLACE, LABELS, NOW)
    assert store.jobs()[0].running
    with store.transaction() as tx:
        tx.save_run(FINE)
    assert not store.jobs()[0].running


def test_a_run_has_two_outcomes(store: Store) -> None:
    """A third word is a defect of the caller."""
    with pytest.raises(ValueError, match="ok or failed"), store.transaction() as tx:
        tx.save_run(replace(FINE, outcome="green"))


def test_unknown_moves_no_last_good_look(store: Store) -> None:
    """UNKNOWN shows as such, and the last time that somebody really looked stays."""
    see(store, reading(verdict="drift", outcome=Outcome.UNHEALTHY), at=NOW)
    row = see(store, reading(verdict="error", outcome=Outcome.UNKNOWN), at=later(hours=1))[PLACE]
    assert (row.outcome, row.verdict, row.at, row.since) == (Outcome.UNKNOWN, "error", later(hours=1), later(hours=1))
    assert (row.good_verdict, row.good_at, row.good_since) == ("drift", NOW, NOW)
    row = see(store, reading(verdict="drift", outcome=Outcome.UNHEALTHY), at=later(hours=2))[PLACE]
    assert (row.since, row.good_at, row.good_since) == (later(hours=2), later(hours=2), NOW)


def test_a_first_unknown_has_no_last_good_look(store: Store) -> None:
    """Never seen is not seen healthy."""
    row = see(store, reading(verdict="error", outcome=Outcome.UNKNOWN))[PLACE]
    assert (row.good_verdict, row.good_at, row.good_since) == ("", None, None)


def test_the_same_verdict_keeps_its_beginning(store: Store) -> None:
    """`since` is when the verdict began, `at` when it was last seen."""
    see(store, reading(), at=NOW)
    row = see(store, reading(), at=later(hours=3))[PLACE]
    assert (row.since, row.at, row.good_since) == (NOW, later(hours=3), NOW)
    assert len(verdicts(store)) == 1


def verdicts(store: Store, resource: str = PLACE) -> list[tuple[Outcome | None, str]]:
    with store.read() as view:
        return [(each.outcome, each.verdict) for each in view.verdict_changes(CHECK, PLACE, resource)]


def test_a_failed_run_marks_readings_stale_and_keeps_them(store: Store) -> None:
    """The page can show the last answer and why there is no newer one; a good run makes it fresh."""
    see(store, reading())
    with store.transaction() as tx:
        tx.save_run(replace(FINE, outcome="failed", reason="denied", detail="AccessDenied on s3:GetObject"))
    (row,) = store.readings()
    assert (row.stale, row.stale_reason) == (True, "denied: AccessDenied on s3:GetObject")
    assert (row.outcome, row.at) == (Outcome.HEALTHY, NOW)
    assert not see(store, reading(), at=later(hours=1))[PLACE].stale


def test_a_vanished_resource_is_removed_and_remembered(store: Store) -> None:
    """A run that looked and found a resource no more removes its reading; its history tells of it."""
    see(store, reading("a"), reading("b"))
    assert set(see(store, reading("a"), at=later(hours=1))) == {"a"}
    assert verdicts(store, "b") == [(None, ""), (Outcome.HEALTHY, "in_sync")]
    assert set(see(store, at=later(hours=2))) == set()


def test_a_run_that_stopped_half_way_removes_nothing(store: Store) -> None:
    """What it did not reach was not seen to be gone."""
    see(store, reading("a"), reading("b"))
    assert set(see(store, reading("a"), at=later(hours=1), complete=False)) == {"a", "b"}


def test_of_two_readings_the_worse_is_kept(store: Store) -> None:
    """A check that names a resource twice cannot hide its bad news."""
    bad = reading(outcome=Outcome.UNHEALTHY, verdict="drift")
    assert see(store, bad, reading())[PLACE].verdict == "drift"
    assert see(store, reading(), bad)[PLACE].verdict == "drift"
    assert see(store, reading(), reading(outcome=Outcome.UNKNOWN, verdict="error"))[PLACE].verdict == "error"


def test_other_places_are_left_alone(store: Store) -> None:
    """Readings of one place say nothing about another's, also if their resources share a name."""
    see(store, reading("a"))
    with store.transaction() as tx:
        tx.save_run(replace(FINE, place="other", outcome="failed", reason="denied"))
        tx.save_readings(CHECK, "other", [reading("b")], NOW)
    assert [(row.place, row.resource, row.stale) for row in store.readings()] == [
        (PLACE, "a", False), ("other", "b", False),
    ]  # fmt: skip
    assert store.readings("certificates") == []


def test_a_forgotten_job_leaves_its_history(store: Store) -> None:
    """Readings go, so that pages and metrics forget the place; what happened stays."""
    see(store, reading())
    with store.transaction() as tx:
        tx.forget_job(CHECK, PLACE, later(hours=1))
    assert (store.jobs(), store.readings()) == ([], [])
    assert len(store.runs(CHECK, PLACE)) == 1
    assert verdicts(store) == [(None, ""), (Outcome.HEALTHY, "in_sync")]


def test_values_come_back_as_they_went_in(store: Store) -> None:
    """Evidence of any depth, and text in any script; what UTF-8 cannot carry comes back as its escape, everywhere."""
    odd = Reading("r", Outcome.UNHEALTHY, "drift", "wegen Überlast \udcff", values={"age": 1.5},
                  evidence={"b": [1, None, {"ü": "✓ \udcff"}], "a": (1, 2)})  # fmt: skip
    row = see(store, odd)["r"]
    assert row.summary == "wegen Überlast \\udcff"
    assert row.evidence == {"a": [1, 2], "b": [1, None, {"ü": "✓ \\udcff"}]}
    assert (row.values, row.labels) == ({"age": 1.5}, LABELS)


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    """It could be any of 38 moments."""
    with pytest.raises(ValueError, match="without a zone"), store.transaction() as tx:
        tx.start_run(CHECK, PLACE, LABELS, NOW.replace(tzinfo=None))


def test_due_times_can_be_moved(store: Store) -> None:
    """The scheduler stores when a job runs next without a run."""
    with store.transaction() as tx:
        tx.save_run(FINE)
        tx.set_next_due(CHECK, PLACE, later(days=1))
    assert store.jobs()[0].next_due == later(days=1)


def test_jobs_that_are_no_checks_keep_their_state(store: Store) -> None:
    """A purge or a report is stored under its name."""
    done = JobStateRow("prune", NOW, later(seconds=1), later(seconds=1), later(days=1), "ok")
    with store.transaction() as tx:
        tx.save_job_state(JobStateRow("prune", NOW))
        tx.save_job_state(done)
    assert store.job_states() == {"prune": done}


def test_the_audit_trail_cannot_be_changed(store: Store) -> None:
    """Not even by a statement that goes round this package."""
    import sqlite3

    with store.transaction() as tx:
        tx.audit("alice", "acknowledge", "v1:a")
    for statement in ("update audit set who = 'bob'", "delete from audit", "insert or replace into audit "
                      "values (1, '', 'bob', '', '', '', '')"):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store._db.execute(statement)
    with store.read() as view:
        (line,) = view.audit()
    assert (line.at, line.who, line.action, line.detail) == (NOW, "alice", "acknowledge", "v1:a")
