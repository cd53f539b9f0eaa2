"""Delivery processes killed with SIGKILL at every failpoint: nothing is lost, nothing is posted twice.

The oracle is the fake Slack's journal and messages against the rows of the store, read with plain sqlite3.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.delivery import FAILPOINTS
from daemon.demo.fakeslack import FakeSlack, Fault, FaultKind, Rates
from daemon.ticking import FAILPOINTS as TICK_FAILPOINTS
from tests.alerts.crash_child import DRAINED, WAITING
from tests.alerts.world import CHANNELS

ROOT = Path(__file__).parent.parent.parent
KILLED = -9


class Launcher:
    """The program that forks delivering processes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.alerts.crash_child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def run(self, **command: Any) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the launcher ended"
        return int(json.loads(answer)["status"])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    made.close()


class Arena:
    """One store and one Slack, and processes that come and go. Time is the real one plus what is skipped."""

    def __init__(self, path: Path, launcher: Launcher, slack: FakeSlack) -> None:
        self.path = path / "barograph.sqlite3"
        self.launcher = launcher
        self.slack = slack
        self.offset = 0.0

    def process(self, **command: Any) -> int:
        status = self.launcher.run(
            store=str(self.path), offset=self.offset, base_url=self.slack.base_url, token=self.slack.token, **command
        )
        assert status in (DRAINED, WAITING, KILLED)
        return status

    def drain(self) -> None:
        """Restart until nothing waits, each time a little later."""
        for _ in range(20):
            if self.process() == DRAINED:
                return
            self.offset += 20
        pytest.fail(f"it does not drain: {self.rows()}")

    def rows(self) -> list[dict[str, Any]]:
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            found = [dict(row) for row in db.execute("select * from delivery order by number")]
        db.close()
        return found

    def transitions(self) -> Counter[str]:
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            found = Counter(action for (action,) in db.execute("select action from transition"))
        db.close()
        return found

    def count(self) -> int:
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            (count,) = db.execute("select count(*) from delivery").fetchone()
        db.close()
        return int(count)

    def incidents(self) -> int:
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            (count,) = db.execute("select count(*) from incident where channel <> ''").fetchone()
        db.close()
        return int(count)

    def taken_over(self) -> dict[str, str]:
        """Whose message has become that of a group: the member's subject, and the group's."""
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            found = dict(db.execute("select subject, gathered from thread where gathered <> ''"))
        db.close()
        return found

    def assert_nothing_lost_and_nothing_doubled(self) -> None:
        rows = self.rows()
        assert {row["state"] for row in rows} <= {"sent", "superseded"}
        visible = [m for channel in CHANNELS for m in self.slack.messages(channel)]
        messages = {m.metadata_id: m for m in visible}
        times = Counter(m.metadata_id for m in visible)
        posted = [row["id"] for row in rows if row["state"] == "sent" and row["kind"] != "update"]
        lost = [row for row in posted if not times[row]]
        doubled = [row for row in posted if times[row] > 1]
        assert (lost, doubled) == ([], [])
        assert set(messages) == set(posted)
        assert sorted(entry.metadata_id for entry in self.slack.accepted()) == sorted(posted)
        # What people see of each incident is the last state that was stored.
        roots = {row["subject"]: messages[row["id"]] for row in rows if row["id"] in messages and row["kind"] == "post"}
        last = {r["subject"]: r for r in rows if r["kind"] in ("post", "update") and r["state"] == "sent"}
        taken_over = self.taken_over()
        for subject, message in roots.items():
            assert message.text == json.loads(last[taken_over.get(subject, subject)]["body"])["text"]
        if any(subject.startswith("group:") for subject in roots):
            return
        assert len({subject.partition("#")[0] for subject in roots}) == self.incidents()


@pytest.fixture
def arena(launcher: Launcher) -> Iterator[Arena]:
    """In memory where there is such a folder: what a killed process leaves does not depend on the disk."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="barograph-crash-", dir=base) as folder:
        yield from _arena(Path(folder), launcher)


def _arena(path: Path, launcher: Launcher) -> Iterator[Arena]:
    made: list[Arena] = []

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=made[0].offset if made else 0)

    with FakeSlack(CHANNELS, rates=Rates.unlimited(), clock=clock) as slack:
        made.append(Arena(path, launcher, slack))
        yield made[0]


# What has to go wrong at Slack for a process to come by this failpoint at all.
FAULTS = {
    "after_error": Fault(FaultKind.RESET, committed=True),
    "after_error_stored": Fault(FaultKind.ERROR, error="fatal_error"),
    "during_redirect": Fault(FaultKind.ERROR, error="is_archived", channel="C-ops"),
    "before_settle": Fault(FaultKind.EOF, committed=True),
    "during_settle": Fault(FaultKind.RESET, committed=True),
    "after_settle": Fault(FaultKind.HTTP, status=503),
}


def crash(arena: Arena, failpoint: str, kills: int) -> None:
    """Record and deliver until *kills* processes were killed there; after each, kill the restart somewhere too."""
    chance = random.Random(failpoint)
    killed = seed = 0
    while killed < kills:
        seed += 1
        if failpoint in FAULTS:
            arena.slack.script(FAULTS[failpoint])
        arena.offset += chance.choice([0, 0, 40])
        times = 1 if failpoint in FAULTS else chance.randint(1, 3)
        killed += arena.process(failpoint=f"{failpoint}:{times}", seed=seed) == KILLED
        arena.offset += chance.choice([0, 10, 40])
        arena.process(failpoint=f"{chance.choice(FAILPOINTS)}:{chance.randint(1, 2)}")
        arena.offset += chance.choice([0, 10, 40])
        assert seed < 5 * kills, f"no process comes by {failpoint}"
        arena.slack.faults.clear()
    arena.drain()
    arena.assert_nothing_lost_and_nothing_doubled()


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_twenty_kills_at_each_failpoint_lose_and_double_nothing(arena: Arena, failpoint: str) -> None:
    """Whatever was committed is visible exactly once after the restart, in its last state."""
    crash(arena, failpoint, 20)


def crash_tickers(arena: Arena, failpoint: str, kills: int) -> None:
    """Hour after hour a ticker is killed there, and its restart somewhere in delivery; then one is left alone."""
    chance = random.Random(failpoint)
    arena.process(open=True)
    for number in range(1, kills + 1):
        arena.offset = 61 * 60 + number * 3600  # past the third reminder, and one more each time
        point = f"{failpoint}:{chance.randint(1, 2)}"
        assert arena.process(tick=True, failpoint=point) == KILLED
        arena.process(tick=True, failpoint=f"{chance.choice(FAILPOINTS)}:{chance.randint(1, 2)}")
        arena.offset += 40
        arena.process(tick=True)
        arena.offset += chance.choice([0, 20])
    arena.drain()
    arena.assert_nothing_lost_and_nothing_doubled()
    told = arena.transitions()
    assert told["remind"] == 2 * kills
    assert told["promote"] == (1 if kills >= 23 else 0)
    sent = [row for row in arena.rows() if row["kind"] == "reply" and row["state"] == "sent"]
    # Each reminder is one reply in its thread; of the escalation channel the first is its root message.
    assert len(sent) <= 2 * (2 * kills) + 2


@pytest.mark.parametrize("failpoint", TICK_FAILPOINTS)
def test_tickers_that_are_killed_repeat_and_forget_nothing(arena: Arena, failpoint: str) -> None:
    """Each reminder is stored once with its messages, the promotion once, and each message is visible once."""
    crash_tickers(arena, failpoint, 25)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("failpoint", TICK_FAILPOINTS)
def test_two_hundred_kills_of_tickers_repeat_and_forget_nothing(arena: Arena, failpoint: str) -> None:
    """The same, for longer."""
    crash_tickers(arena, failpoint, 200)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_two_hundred_kills_at_each_failpoint_lose_and_double_nothing(arena: Arena, failpoint: str) -> None:
    """The same, ten times as long."""
    crash(arena, failpoint, 200)


def soak(arena: Arena, kills: int, deliveries: int, *, gather: bool = False, causes: int = 0) -> None:
    """Record and deliver, each process killed at a random moment, until there were so many kills and deliveries."""
    chance = random.Random(kills)
    killed = seed = 0
    while killed < kills or arena.count() < deliveries:
        seed += 1
        if chance.random() < 0.2:
            arena.slack.script(chance.choice(list(FAULTS.values())))
        moment = chance.uniform(1, 100)
        killed += arena.process(seed=seed, places=14, die_in=moment, gather=gather, causes=causes) == KILLED
        arena.slack.faults.clear()
        arena.offset += chance.choice([0, 0, 10, 40])
        if seed % 10 == 0:  # what waits is told now and then, so that processes die at all stages of it
            arena.process(gather=gather)
        assert seed < 40 * max(kills, deliveries // 10), "the processes are not killed"
    for _ in range(100):
        if arena.process(gather=gather) == DRAINED:
            break
        arena.offset += 20
    arena.assert_nothing_lost_and_nothing_doubled()


@pytest.mark.parametrize(("gather", "causes"), [(False, 0), (True, 0), (True, 3)], ids=["alone", "flood", "causes"])
def test_kills_at_random_moments_lose_and_double_nothing(arena: Arena, gather: bool, causes: int) -> None:
    """Wherever it is killed, in a commit, in a call, while it gathers a flood or what has one cause."""
    soak(arena, 15, 150, gather=gather, causes=causes)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_kills_over_ten_thousand_deliveries_lose_and_double_nothing(arena: Arena) -> None:
    """The same, as long as it takes."""
    soak(arena, 1_000, 10_000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills_while_floods_are_gathered_lose_and_double_nothing(arena: Arena) -> None:
    """The same, with groups."""
    soak(arena, 100, 1_000, gather=True)
    soak(arena, 200, 2_000, gather=True, causes=3)


def test_with_history_denied_a_kill_costs_one_repeat_that_says_so(arena: Arena) -> None:
    """At most one for each kill, each with its mark; nothing is lost."""
    arena.slack.drop_scopes("channels:history", "groups:history")
    kills = 0
    for seed in range(0, 40, 4):
        kills += arena.process(seed=seed, failpoint="after_send:1") == KILLED
        arena.offset += 40
    arena.drain()
    visible = [m for channel in CHANNELS for m in arena.slack.messages(channel)]
    times = Counter(m.metadata_id for m in visible)
    repeats = [m for m in visible if times[m.metadata_id] > 1 and m.text.startswith("(may repeat)")]
    posted = {row["id"] for row in arena.rows() if row["state"] == "sent" and row["kind"] != "update"}
    assert posted == set(times)
    assert kills >= 5
    assert sum(times.values()) - len(times) == len(repeats) <= kills


def _until(true: Callable[[], bool]) -> bool:
    """Wait for something that another thread does."""
    tick = threading.Event()
    return any(true() or tick.wait(0.01) for _ in range(2_000))


def test_a_request_in_flight_when_its_sender_dies_is_not_sent_again(arena: Arena) -> None:
    """The restart finds nothing yet and waits; the request lands; it is found."""
    arena.slack.script(Fault(FaultKind.DELAY, seconds=2.0))
    now = arena.path.with_name("now")

    def kill_while_slack_works() -> None:
        if _until(lambda: not arena.slack.faults._armed):
            now.touch()

    killer = threading.Thread(target=kill_while_slack_works)
    killer.start()
    assert arena.process(seed=1, kill_when=str(now)) == KILLED
    killer.join()
    (sending,) = (row["id"] for row in arena.rows() if row["state"] == "sending")
    assert arena.process() == WAITING
    assert _until(lambda: bool(arena.slack.accepted(metadata_id=sending)))
    arena.drain()
    arena.assert_nothing_lost_and_nothing_doubled()


def test_the_oracle_sees_a_message_that_was_posted_twice(arena: Arena) -> None:
    """A row that is sent again without looking is caught, so that the tests above mean something."""
    arena.process(seed=1)
    arena.assert_nothing_lost_and_nothing_doubled()
    with sqlite3.connect(arena.path) as db:
        db.execute("update delivery set state = 'pending' where number = 1")
    db.close()
    arena.drain()
    with pytest.raises(AssertionError):
        arena.assert_nothing_lost_and_nothing_doubled()
