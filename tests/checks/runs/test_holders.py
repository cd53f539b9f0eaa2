"""Who holds a lock, one case a line: ended only where both ends were heard."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.runs.errors import Lock
from checks.runs.holders import created_at, holder_of
from checks.runs.model import Trouble
from checks.runs.record import PhaseRow, RunRecord, State
from tests.checks.runs.test_record import NOW, RUN

LOCK = Lock("l-1", "ci@Runner-7", "OperationTypeApply", "2026-03-02 09:01:00.123456789 +0000 UTC", "bucket/key")
MINUTE = timedelta(minutes=1)
APPLY = PhaseRow("apply", NOW + MINUTE / 2, NOW + 4 * MINUTE)
HELD = Trouble(
    "Error acquiring the state lock",
    """Lock Info:
  ID:        l-1
  Path:      bucket/key
  Operation: OperationTypeApply
  Who:       ci@Runner-7
  Version:   1.11.4
  Created:   2026-03-02 09:01:00.123456789 +0000 UTC
""",
)
ENDED = RunRecord(RUN, True, "deploy", stack="acme-prod", component="vpc", host="runner-7", started_at=NOW,
                  ended_at=NOW + 5 * MINUTE, state=State.FAILED, phases=(APPLY,))  # fmt: skip


def run(**more: Any) -> RunRecord:
    return replace(ENDED, **more)


CASES: list[tuple[str, Lock, tuple[RunRecord, ...], bool, str]] = [
    ("ended", LOCK, (ENDED,), True, "ended 2026-03-02 09:05 UTC, and its Terraform with it"),
    ("cancelled", LOCK, (run(state=State.CANCELLED),), True, "ended"),
    ("running", LOCK, (run(state=State.RUNNING, ended_at=None),), False, "still goes on"),
    ("lost", LOCK, (run(state=State.LOST, ended_at=None),), False, "is lost, and nobody knows whether it has ended"),
    ("its Terraform may go on", LOCK, (run(phases=(replace(APPLY, ended_at=None),)),), False, "is not known"),
    ("nobody heard of Terraform", LOCK, (run(phases=()),), False, "is not known"),
    ("one of two goes on", LOCK, (ENDED, run(state=State.LOST, ended_at=None)), False, "is lost"),
    ("another machine", LOCK, (run(host="runner-8"),), False, ""),
    ("a machine that is not told", LOCK, (run(host=""),), False, ""),
    ("before its time", LOCK, (run(started_at=NOW + 2 * MINUTE),), False, ""),
    ("after its end", LOCK, (run(ended_at=NOW + MINUTE / 2),), False, ""),
    ("between its calls", LOCK, (run(phases=(replace(APPLY, begun_at=NOW + 3 * MINUTE),)),), False, ""),
    ("ran into it within the slack of clocks", LOCK, (run(troubles=(HELD,)),), False, ""),
    ("ran into another one", LOCK, (run(troubles=(replace(HELD, detail=HELD.detail.replace("l-1", "l-2")),)),), True,
     "ended"),
    ("ended well", LOCK, (run(state=State.SUCCEEDED),), False, ""),
    ("ended well, and its Terraform may go on", LOCK,
     (run(state=State.SUCCEEDED, phases=(replace(APPLY, ended_at=None),)),), False, "is not known"),
    ("no runs", LOCK, (), False, ""), ("nobody", replace(LOCK, who=""), (ENDED,), False, ""),
    ("no host", replace(LOCK, who="runner-7"), (ENDED,), False, ""),
    ("no time", replace(LOCK, created=""), (ENDED,), False, ""),
    ("a time that is none", replace(LOCK, created="2026-13-02 09:01:00 +0000 UTC"), (ENDED,), False, ""),
]  # fmt: skip


@pytest.mark.parametrize(("what", "lock", "runs", "ended", "words"), CASES, ids=[case[0] for case in CASES])
def test_a_lock_is_its_runs_until_both_ends_were_heard(
    what: str, lock: Lock, runs: tuple[RunRecord, ...], ended: bool, words: str
) -> None:
    """Silence is no end, and a machine that is not known is nobody's."""
    found = holder_of(lock, runs)
    assert (found.ended, bool(found.told), words in found.told) == (ended, bool(words), True), (what, found)


def test_the_time_of_a_lock_is_read_as_go_prints_it() -> None:
    """To the microsecond; another zone is not guessed at."""
    assert created_at(LOCK.created) == NOW + MINUTE + timedelta(microseconds=123_456)
    assert created_at("2026-03-02 09:01:00 +0200 CEST") is None
