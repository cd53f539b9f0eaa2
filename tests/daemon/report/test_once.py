"""A report goes to each destination exactly once: killed at every step, started twice, tried before, made up for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from alerts import delivery
from alerts.base import DeliveryKind, DeliveryState
from daemon import reporting
from daemon.demo.fakeslack import FakeSlack, Message, Rates, channel_id
from daemon.report.period import Week
from daemon.reporting import Plan, Reporter, due, due_at, order
from daemon.store import Store, StoreOutbox, reports
from tests.daemon.report.child import DRAINED, WAITING
from tests.daemon.report.scenarios import all_resolved
from tests.daemon.report.world import BERLIN, DAY, HOUR, WEEK, World, world

ROOT = Path(__file__).parents[3]
CHANNEL = channel_id("reports")
DUE = WEEK.ends + 9 * HOUR
KILLED = -9
PLAN = Plan(BERLIN, (CHANNEL,), status_url="https://barograph.example.com")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a week in it."""
    folder = tmp_path_factory.mktemp("seeded")
    with world(folder) as it:
        all_resolved(it)
        with it.store.transaction() as tx:
            tx.db.execute("update delivery set state = 'sent'")
    return folder / "barograph.db"


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        all_resolved(made)
        made.now = DUE
        yield made


def reporter(it: World, plan: Plan = PLAN, orders: Path | None = None) -> Reporter:
    return Reporter(it.store, lambda: it.now, plan, orders)


def messages(store: Store) -> list[tuple[str, str]]:
    """(kind, state) of the messages of reports."""
    found = (each for each in store.deliveries(limit=None) if each.subject.startswith("report:"))
    return [(str(each.kind), str(each.state)) for each in found]


# -- killed -------------------------------------------------------------------------------------------------------


class Arena:
    """One store, one Slack, and processes that come and go. The clock is the real one, moved to when it is due."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skew = (DUE - datetime.now(UTC)).total_seconds()
        self.slack = FakeSlack(("reports",), rates=Rates.unlimited(), clock=self.clock)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.daemon.report.child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def clock(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skew)

    def process(self, failpoint: str = "") -> int:
        command = {"store": str(self.path), "skew": self.skew, "base_url": self.slack.base_url,
                   "token": self.slack.token, "channel": CHANNEL, "failpoint": failpoint}  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        status = int(json.loads(self._process.stdout.readline())["status"])
        assert status in (DRAINED, WAITING, KILLED)
        return status

    def drain(self) -> None:
        for _ in range(20):
            if self.process() == DRAINED:
                return
            self.skew += 20
        pytest.fail("it does not drain")

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    made = Arena(tmp_path_factory.mktemp("arena") / "barograph.db")
    with made.slack:
        yield made
    made.close()


def shape(found: list[Message]) -> list[tuple[bool, str, tuple[str, ...]]]:
    """What people see, without times and ids: whether it is a reply, its first line, the kinds of its files."""
    return [
        (bool(m.thread_ts), m.text.split("\n")[0], tuple(f["name"].rpartition(".")[2] for f in m.files)) for m in found
    ]


KILLS = [
    *reporting.FAILPOINTS,
    *(f"{name}:{number}" for name in delivery.FAILPOINTS
      for number in (1, 3, 6, 7) if name in ("before_intent", "after_intent", "after_send", "after_sent")),
]  # fmt: skip


def test_killed_at_any_step_it_is_there_once(arena: Arena, seeded: Path) -> None:
    """SIGKILL on both sides of each commit and of each call, of the message, of its replies, of its files."""
    whole: list[Any] = []
    for kill in ["", *KILLS]:
        for leftover in arena.path.parent.glob("barograph.db*"):
            leftover.unlink()
        shutil.copy(seeded, arena.path)
        arena.slack.channel("reports").messages.clear()
        status = arena.process(kill)
        assert status == (KILLED if kill else DRAINED), kill
        arena.skew += 40
        arena.drain()
        arena.drain()  # a second start sends nothing more
        found = shape(arena.slack.messages("reports"))
        whole = whole or found
        assert found == whole, kill
    kinds = [files for _, _, files in whole if files]
    assert [reply for reply, _, _ in whole] == [False] + [True] * (len(whole) - 1)
    assert kinds == [("png",), ("html", "zip")]
    assert whole[0][1].startswith("🟢 Weekly report 2026-W47")


# -- twice, tried before, made up for -----------------------------------------------------------------------------


def test_it_is_made_once_however_often_it_is_due(it: World) -> None:
    """Another tick, another daemon on the store, a day later: nothing more is queued."""
    reporter(it).tick()
    first = messages(it.store)
    assert first.count(("post", "pending")) == 1
    assert first.count(("file", "pending")) == 2
    for _ in range(3):
        it.now += DAY
        reporter(it).tick()
    assert messages(it.store) == first


def test_two_that_make_it_at_once_queue_it_once(it: World) -> None:
    """Both have read the facts when the first begins to write; the row decides."""
    both = threading.Barrier(2, timeout=30)

    def failpoint(name: str) -> None:
        if name == "after_facts":
            both.wait()

    made: list[tuple[str, ...]] = []
    threads = [
        threading.Thread(target=lambda: made.append(
            Reporter(it.store, lambda: it.now, PLAN, failpoint=failpoint).make(WEEK).queued))
        for _ in range(2)
    ]  # fmt: skip
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(made) == [(), (CHANNEL,)]
    assert messages(it.store).count(("post", "pending")) == 1


def test_showing_it_before_takes_nothing_away(it: World) -> None:
    """A dry run keeps nothing, so that the real one is made all the same."""
    shown = it.report()
    with it.store.read() as view:
        assert reports.newest(view.db, "weekly") == []
    reporter(it).tick()
    with it.store.read() as view:
        (kept,) = reports.newest(view.db, "weekly")
        assert (kept.period, kept.edition, kept.headline) == ("2026-W47", 1, shown.headline)
        assert json.loads(reports.file(view.db, "weekly", "2026-W47", "report.json") or b"")["version"] == 1


@pytest.mark.parametrize(
    ("late", "made"), [(timedelta(seconds=-1), 0), (timedelta(), 1), (6 * DAY, 1), (6 * DAY + timedelta(seconds=1), 0)]
)
def test_what_was_missed_is_made_within_six_days(it: World, late: timedelta, made: int) -> None:
    """Under its real week; not before its time, and not when it is old news."""
    it.now = due_at(PLAN, WEEK) + late
    reporter(it).tick()
    with it.store.read() as view:
        assert [each.period for each in reports.newest(view.db, "weekly")] == ["2026-W47"] * made


def test_a_report_that_fails_is_tried_again_after_a_pause(it: World) -> None:
    """Not every fifteen seconds, and not never."""
    tried: list[datetime] = []

    def failpoint(name: str) -> None:
        tried.append(it.now)
        if len(tried) == 1:
            raise OSError("no space left")

    one = Reporter(it.store, lambda: it.now, PLAN, failpoint=failpoint)
    with pytest.raises(OSError, match="no space"):
        one.tick()
    it.now += timedelta(minutes=5)
    one.tick()
    assert len(tried) == 1
    it.now += timedelta(minutes=6)
    one.tick()
    assert messages(it.store).count(("post", "pending")) == 1
    assert it.store.job_states()["report:weekly"].next_due == due_at(PLAN, WEEK) + 7 * DAY


def test_it_tells_when_the_next_is_due(it: World) -> None:
    """A missing one stays due until it is made; then the next week's is. Without a destination none is."""
    due_now = due_at(PLAN, WEEK)
    failing = [True]

    def failpoint(name: str) -> None:
        if failing:
            raise OSError("no space left")

    one = Reporter(it.store, lambda: it.now, PLAN, failpoint=failpoint)
    assert one.next_due is None
    it.now = due_now - timedelta(hours=1)
    one.tick()
    assert one.next_due == due_now
    it.now = due_now + timedelta(hours=1)
    with pytest.raises(OSError, match="no space"):
        one.tick()
    assert one.next_due == due_now
    failing.clear()
    it.now += timedelta(minutes=11)
    one.tick()
    assert one.next_due == due_now + 7 * DAY
    nobody = Reporter(it.store, lambda: it.now, replace(PLAN, destinations=()))
    nobody.tick()
    assert nobody.next_due is None


def test_a_report_on_friday_is_about_the_week_before(it: World) -> None:
    """It is due on Friday, and may still be made on the Wednesday after, when a newer week is over but not due."""
    plan = replace(PLAN, weekday=4)
    wednesday = WEEK.ends + 9 * DAY + 10 * HOUR
    assert [each.name for each in due(plan, wednesday)] == ["2026-W47"]
    assert [each.name for each in due(plan, WEEK.ends + 4 * DAY + 9 * HOUR)] == ["2026-W47"]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"])
def test_one_report_for_each_week_of_two_years(zone: str) -> None:
    """At every hour at most one week is due first, and over two years each week has its turn once, in order."""
    from zoneinfo import ZoneInfo

    plan = replace(PLAN, zone=ZoneInfo(zone))
    at, seen = datetime(2026, 1, 1, tzinfo=UTC), list[Week]()
    while at < datetime(2028, 1, 1, tzinfo=UTC):
        seen += [week for week in due(plan, at) if week not in seen]
        at += HOUR
    assert all(later.before() == earlier for earlier, later in pairwise(seen))
    assert len(seen) in (104, 105)


def test_a_week_that_nobody_watched_is_not_reported(tmp_path: Path) -> None:
    """Barograph was switched on this morning: there is nothing to say of last week."""
    with world(tmp_path) as it:
        it.now = DUE
        reporter(it).tick()
        it.quiet("drift", "acme-prod/vpc", WEEK.ends + HOUR, WEEK.ends + 2 * HOUR, HOUR)
        it.now = DUE
        reporter(it).tick()
        assert messages(it.store) == []


def test_without_a_destination_none_is_made_by_itself(it: World) -> None:
    """It can still be made by hand, and is kept then."""
    plan = replace(PLAN, destinations=())
    reporter(it, plan).tick()
    with it.store.read() as view:
        assert reports.newest(view.db, "weekly") == []
    reporter(it, plan).make(WEEK)
    with it.store.read() as view:
        assert len(reports.newest(view.db, "weekly")) == 1
    assert messages(it.store) == []


# -- again --------------------------------------------------------------------------------------------------------


def sent(it: World) -> None:
    """Everything leaves, in order."""
    outbox = StoreOutbox(it.store)
    while ready := outbox.ready(it.now):
        for each in ready:
            if outbox.mark_sending(each.id, it.now):
                outbox.mark_sent(each.id, f"1.{each.number:06d}", it.now)


def test_force_edits_what_was_sent(it: World) -> None:
    """The root message is updated, the thread hears of it, the new files follow; nothing is posted anew."""
    reporter(it).tick()
    sent(it)
    before = len(messages(it.store))
    it.now += DAY
    made = reporter(it).make(WEEK, force=True)
    assert made.queued == (CHANNEL,)
    assert messages(it.store)[before:] == [
        ("update", "pending"), ("reply", "pending"), ("file", "pending"), ("file", "pending"),
    ]  # fmt: skip
    with it.store.read() as view:
        assert [(row.period, row.edition) for row in reports.newest(view.db, "weekly")] == [("2026-W47", 2)]


def test_force_before_it_was_sent_sends_one_whole_report(it: World) -> None:
    """The newer edition takes the place of the waiting one, with all its sections."""
    reporter(it).tick()
    first = [each for each in messages(it.store) if each[0] == "reply"]
    reporter(it).make(WEEK, force=True)
    sent(it)
    found = [each for each in it.store.deliveries(limit=None) if each.subject.startswith("report:")]
    seen = [each for each in found if each.state is DeliveryState.SENT]
    assert sum(each.kind is DeliveryKind.POST for each in seen) == 1
    assert sum(each.kind is DeliveryKind.REPLY for each in seen) == len(first)
    (root,) = [each for each in seen if each.kind is DeliveryKind.POST]
    assert "Edition 2" in root.body["text"]


def test_an_order_of_the_command_line_is_carried_out_once(it: World, tmp_path: Path) -> None:
    """The running daemon makes what was asked for, and takes the order away; nonsense goes too."""
    store = tmp_path / "barograph.db"
    path = order(store, WEEK.before(), force=False)
    (path.parent / "weekly-nonsense.json").write_text("{")
    it.now = WEEK.ends + HOUR  # nothing is due by itself
    reporter(it, orders=path.parent).tick()
    reporter(it, orders=path.parent).tick()
    assert list(path.parent.iterdir()) == []
    with it.store.read() as view:
        assert [each.period for each in reports.newest(view.db, "weekly")] == ["2026-W46"]


def test_an_order_is_carried_out_once_though_it_is_killed_before_it_takes_the_order_away(
    it: World, tmp_path: Path
) -> None:
    """What was made again is not made again and again; the next order is another one."""

    class KilledError(BaseException):
        pass

    def failpoint(name: str) -> None:
        if name == "after_commit":
            raise KilledError

    reporter(it).tick()
    it.deliver()
    path = order(tmp_path / "barograph.db", WEEK, force=True)
    with pytest.raises(KilledError):
        Reporter(it.store, lambda: it.now, PLAN, path.parent, failpoint).tick()
    once = messages(it.store)
    it.now += HOUR
    reporter(it, orders=path.parent).tick()
    assert messages(it.store) == once
    assert list(path.parent.iterdir()) == []
    order(tmp_path / "barograph.db", WEEK, force=True)
    reporter(it, orders=path.parent).tick()
    with it.store.read() as view:
        assert reports.edition(view.db, "weekly", WEEK.name) == 3


def test_a_reference_outside_gives_nothing(it: World) -> None:
    """What a message names is looked up among kept files, and nowhere else."""
    with it.store.read() as view:
        for ref in ("weekly/2026-W47/1/../../etc/passwd", "/etc/passwd", "weekly/2026-W47/x/report.html", ""):
            with pytest.raises(LookupError):
                reports.referred(view.db, ref)


def test_that_a_report_was_sent_or_made_again_is_in_the_audit_trail(it: World) -> None:
    """By whom, and to whom; what nobody gets a second time is noted once."""
    reporter = Reporter(it.store, lambda: it.now, PLAN)
    reporter.make(WEEK)
    reporter.make(WEEK)
    reporter.make(WEEK, force=True, who="anna (command line)")
    with it.store.read() as view:
        told = [(line.who, line.action) for line in view.audit()][::-1]
    assert told == [("barograph", "report.send"), ("anna (command line)", "report.force")]
