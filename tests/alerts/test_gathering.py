"""Floods: what is gathered, how it reads, and that nothing of it is lost, doubled or hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.base import DeliveryKind, DeliveryState, IncidentState
from alerts.delivery import Courier, Settings
from alerts.gathering import (
    CATCH_UP,
    ESCALATED,
    FLOOD,
    MOST_PAGES,
    PAGE,
    Group,
    Member,
    Pace,
    Waiting,
    decide,
    new_group,
    over_message,
    page_message,
    pages,
    root_message,
)
from alerts.lifecycle import Look
from alerts.reminders import pass_time
from alerts.routes import Route
from alerts.slack import SlackNotifier
from checks.base import Reading, Tier
from daemon.demo.fakeslack import Fault, FaultKind, Rates
from daemon.demo.fakeslack.limits import validate_message
from daemon.outlets import Gatherer
from daemon.store import StoreOutbox
from tests.alerts.build import DELETED, DRIFT, NOW, POLICY, finding, incident, reading
from tests.alerts.world import FAST, World, running

LIMITED = Settings(settle_seconds=5, timeout_seconds=30, per_second=1, burst=5)
PACE = Pace(gather_from=10, gather_for=timedelta(seconds=60))


@contextmanager
def gathering(path: Path, settings: Settings = LIMITED, rates: Rates | None = None) -> Iterator[World]:
    """A world whose courier gathers, as the daemon's does."""
    with running(path, settings, rates=rates) as world:
        notifier = SlackNotifier(world.slack.token, base_url=world.slack.base_url)
        world.courier = Courier(
            StoreOutbox(world.store), notifier, world.clock, settings, on_event=world.events.append,
            jitter=lambda: 0.5, chore=Gatherer(world.store, PACE, POLICY.status_url),
        )  # fmt: skip
        yield world


def at(number: int, *readings: Reading) -> Look:
    place = f"acme-prod/service/{number}"
    labels = {"stack": "acme-prod", "component": f"service/{number}", "stage": "production"}
    return Look("drift", place, labels, tuple(replace(each, resource=place) for each in readings))


def seen(world: World, channel: str = "C-ops") -> str:
    """All that people can read there now."""
    return json.dumps([(m.text, m.blocks) for m in world.slack.messages(channel)], ensure_ascii=False)


def waiting(count: int, tier: Tier = Tier.WARNING, *, over: bool = False, channel: str = "C1") -> list[Waiting]:
    return [Waiting(f"s{n}{over}{tier}", channel, tier, over) for n in range(count)]


def group(cause: str = FLOOD, **more: object) -> Group:
    return replace(new_group("C1", cause, "", PACE, NOW), **more)  # type: ignore[arg-type]  # a test names any field


@pytest.mark.parametrize(
    ("there", "groups", "gathered"),
    [
        (waiting(9), [], []),
        (waiting(10), [], [(FLOOD, 10)]),
        (waiting(1), [group(sent=True)], [(FLOOD, 1)]),
        (waiting(1), [group(sent=True, joins_until=NOW - timedelta(seconds=1))], []),
        (waiting(1), [group(joins_until=NOW - timedelta(hours=1))], [(FLOOD, 1)]),
        (waiting(1), [group(sent=True, channel="C2")], []),
        (waiting(50, Tier.CRITICAL), [group()], []),
        (waiting(1, over=True), [], []),
        (waiting(2, over=True), [], [(CATCH_UP, 2)]),
        (waiting(1, over=True), [group(CATCH_UP)], [(CATCH_UP, 1)]),
        (waiting(1, over=True), [group(CATCH_UP, sent=True)], [(CATCH_UP, 1)]),
        (waiting(1, over=True), [group(CATCH_UP, sent=True, joins_until=NOW - timedelta(seconds=1))], []),
        (waiting(2, Tier.CRITICAL, over=True) + waiting(12), [], [(CATCH_UP, 2), (FLOOD, 12)]),
        (waiting(6) + waiting(6, channel="C2"), [], []),
        ([replace(one, escalated=True) for one in waiting(12)] + waiting(9), [], [(ESCALATED, 12)]),
    ],
)
def test_what_is_gathered(there: list[Waiting], groups: list[Group], gathered: list[tuple[str, int]]) -> None:
    """A flood, and what came and went; a critical that is open never."""
    found = decide(there, groups, PACE, NOW)
    assert [(each.group.cause, len(each.subjects)) for each in found.gather] == gathered
    assert found.hold == []


TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


@given(
    st.lists(st.tuples(TEXT, TEXT, st.sampled_from(Tier), st.sampled_from(IncidentState), st.booleans()), max_size=70),
    TEXT,
)
def test_every_message_of_a_group_is_taken_by_slack(
    found: list[tuple[str, str, Tier, IncidentState, bool]], title: str
) -> None:
    """Whatever is in it: within every limit, without a mention."""
    one = replace(group(), title=title)
    members = [
        Member(n, incident(summary=summary, labels={"stack": name, "component": name}, tier=tier, state=state), left)
        for n, (summary, name, tier, state, left) in enumerate(found)
    ]
    bodies = [root_message(one, members, POLICY.status_url), over_message(one, members)]
    bodies += [page_message(one, number, page) for number, page in pages(members)]
    for body in bodies:
        assert validate_message(body) == []
        assert validate_message(body, update=True) == []


def test_a_list_says_what_it_leaves_out() -> None:
    """Beyond the last page members are counted, and the root message says where they are."""
    members = [Member(n, incident()) for n in range(PAGE * MOST_PAGES + 7)]
    assert len(list(pages(members))) == MOST_PAGES
    assert "lists 1,200 of them; the status page has them all" in root_message(group(), members, "")["text"]


def test_a_storm_is_a_few_messages_and_a_critical_does_not_wait_for_it(tmp_path: Path) -> None:
    """1,000 findings in 10 s into one channel of 1 message a second: no 429, and everything is to be read in time."""
    with gathering(tmp_path, rates=Rates()) as world:
        began = world.clock()
        for second in range(10):
            for n in range(100):
                world.look(at(100 * second + n, reading(finding(f"finding no. {100 * second + n};"))))
            if second == 5:
                critical = at(5_000, reading(DELETED))
                world.look(replace(critical, place="x", readings=(reading(DELETED, resource="x"),)))
                raised = world.clock()
            world.work(1)
        world.work(50)
        assert [entry.error for entry in world.slack.journal if entry.error] == []
        messages = world.slack.messages("C-ops")
        assert len(messages) <= 30
        summary = next(m for m in messages if "new incidents at once" in m.text)
        assert summary.posted_at is not None
        assert summary.posted_at - began <= timedelta(seconds=5)
        read = seen(world)
        assert [n for n in range(1_000) if f"finding no. {n};" not in read] == []
        (loud,) = world.slack.messages("C-crit")
        assert loud.posted_at is not None
        assert loud.posted_at - raised <= timedelta(seconds=5)
        world.assert_exactly_once()


def test_a_critical_in_the_very_channel_of_a_storm_goes_ahead(tmp_path: Path) -> None:
    """It is posted alone within seconds, though a list of hundreds waits."""
    with gathering(tmp_path, rates=Rates()) as world:
        for n in range(600):
            world.look(at(n, reading(DRIFT)))
        world.work(3)
        policy = replace(POLICY, routes=replace(POLICY.routes, rows=()))
        raised = world.clock()
        world.look(at(9_999, reading(DELETED)), policy)
        world.work(5)
        (loud,) = [m for m in world.slack.messages("C-ops") if m.text.startswith("🔴 CRITICAL")]
        assert loud.posted_at is not None
        assert loud.posted_at - raised <= timedelta(seconds=5)


def test_members_end_in_the_list_and_the_thread_hears_the_last(tmp_path: Path) -> None:
    """Each end edits the message that lists it; no thread of its own, and one word when all are over."""
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)))
        world.work(5)
        root, page = world.slack.messages("C-ops")
        assert root.text.startswith("🟠 12 new incidents at once")
        assert page.thread_ts == root.ts
        for n in range(11):
            world.look(at(n, reading()))
        world.work(5)
        root, page = world.slack.messages("C-ops")
        assert "open 1" in root.text
        assert "resolved 11" in root.text
        assert page.text.count("✅") == 11
        world.look(at(11, reading()))
        world.work(5)
        root, _, last = world.slack.messages("C-ops")
        assert root.text.startswith("✅ All over: 12")
        assert (last.text, last.thread_ts) == ("✅ All 12 are over.", root.ts)
        world.assert_exactly_once()


def test_a_member_that_gets_worse_gets_a_message_of_its_own(tmp_path: Path) -> None:
    """In the same channel too: nothing critical is hidden in a list, and the list says where it went."""
    policy = replace(POLICY, routes=replace(POLICY.routes, rows=()))
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)), policy)
        world.work(5)
        world.look(at(3, reading(DELETED)), policy)
        world.work(5)
        own = [m for m in world.slack.messages("C-ops") if m.text.startswith("🔴 CRITICAL")]
        assert len(own) == 1
        assert "with a message of their own 1" in seen(world)
        world.look(at(3, reading()), policy)
        world.work(5)
        (ended,) = [m for m in world.slack.messages("C-ops") if m.text.startswith("✅ RESOLVED")]
        assert ended.ts == own[0].ts
        world.assert_exactly_once()


def test_a_group_is_not_called_over_for_a_member_that_goes_on_elsewhere(tmp_path: Path) -> None:
    """Nothing is open that it tells of, and one thing is that it told of once."""
    policy = replace(POLICY, routes=replace(POLICY.routes, rows=()))
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)), policy)
        world.work(5)
        world.look(at(3, reading(DELETED)), policy)
        for n in set(range(12)) - {3}:
            world.look(at(n, reading()), policy)
        world.work(5)
        texts = [message.text for message in world.slack.messages("C-ops")]
        assert texts[0].startswith("✅ All over but what has a message of its own: 12 new incidents at once")
        assert texts[-1] == "✅ All 11 are over. 1 more has a message of its own."


def test_a_member_that_moves_is_told_of_elsewhere_alone(tmp_path: Path) -> None:
    """Raised, and routed to another channel: one message there, none more here."""
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)))
        world.work(5)
        world.look(at(3, reading(DELETED)))
        world.work(5)
        assert [m.text.split("\n")[0] for m in world.slack.messages("C-crit")] == [
            "🔴 CRITICAL drift — acme-prod/service/3"
        ]
        assert len(world.slack.messages("C-ops")) == 2
        assert "with a message of their own 1" in seen(world)
        world.assert_exactly_once()


def test_what_is_said_of_an_open_member_is_heard_in_the_groups_thread(tmp_path: Path) -> None:
    """A verdict that changed, a comeback: an edit notifies nobody."""
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)))
        world.work(5)
        world.look(at(3, reading()))
        world.look(at(3, reading(finding("it is back"))))
        world.work(5)
        replies = [m for m in world.slack.messages("C-ops") if m.thread_ts and "it is back" in m.text]
        assert any(m.text.startswith("acme-prod/service/3:\n🟠 Back: 2nd time") for m in replies)
        world.assert_exactly_once()


def test_six_hours_without_slack_end_with_what_is_open_and_one_digest(tmp_path: Path) -> None:
    """One message per incident that is still open, one for all that came and went, nothing lost, no stale flood."""
    with gathering(tmp_path, rates=Rates()) as world:
        world.look(at(900, reading(DRIFT)))
        world.work(5)
        world.slack.script(Fault(FaultKind.HTTP, "*", status=503, times=0))
        for hour in range(6):
            for n in range(5):
                number = 10 * hour + n
                world.look(at(number, reading(DELETED if n == 0 else finding(f"finding no. {number};"))))
                _pass(world, 60)
                if n < 4:
                    world.look(at(number, reading()))
            _pass(world, 3_300)
        world.look(at(900, reading()))
        open_now = [10 * hour + 4 for hour in range(6)]
        before = len(world.slack.accepted())
        world.slack.faults.clear()
        world.work(400)
        said = world.slack.accepted()[before:]
        # One in doubt when Slack went away is found out about, not repeated.
        roots = [m for c in ("C-ops", "C-crit") for m in world.slack.messages(c) if not m.thread_ts]
        assert len(roots) <= 1 + len(open_now) + 2
        assert sum("came and went before they could be told here" in m.text for m in roots) <= 2
        read = seen(world) + seen(world, "C-crit")
        for hour in range(6):
            for n in range(5):
                assert f"acme-prod/service/{10 * hour + n}" in read
        for number in open_now:
            assert f"finding no. {number};" in read
        assert len(said) <= len(open_now) + 6
        world.assert_exactly_once()


def _pass(world: World, seconds: int) -> None:
    """Let time pass in steps that are long beside what a courier does, and short beside an outage."""
    for _ in range(0, seconds, 30):
        world.work()
        world.clock.advance(30)


def test_one_that_is_listed_as_over_and_comes_back_is_told_alone(tmp_path: Path) -> None:
    """A digest of the past hides nothing that is open."""
    with gathering(tmp_path, FAST) as world:
        world.slack.script(Fault(FaultKind.ERROR, "chat.postMessage", error="ratelimited", times=40))
        for n in range(3):
            world.look(at(n, reading(DRIFT)))
            world.look(at(n, reading()))
        world.slack.faults.clear()
        world.work(60)
        (digest, _) = world.slack.messages("C-ops")
        assert digest.text.startswith("⏪ 3 incidents came and went")
        world.look(at(1, reading(DRIFT)))
        world.work(5)
        (own,) = [m for m in world.slack.messages("C-ops") if m.text.startswith("🟠 WARNING")]
        assert "acme-prod/service/1" in own.text
        world.assert_exactly_once()


def test_a_group_follows_its_channel_to_the_fallback(tmp_path: Path) -> None:
    """Root message and list go together, and stay one thread."""
    with gathering(tmp_path, replace(FAST, fallback_channel="C-fallback")) as world:
        world.slack.channel("C-ops").archived = True
        for n in range(70):
            world.look(at(n, reading(DRIFT)))
        world.work(60)
        root, *lists = world.slack.messages("C-fallback")
        assert [m.thread_ts for m in lists] == [root.ts] * 2
        assert root.text.startswith("Meant for C-ops, which cannot be reached")


@pytest.mark.parametrize("committed", [True, False])
def test_doubt_about_a_groups_messages_ends_with_each_once(tmp_path: Path, committed: bool) -> None:
    """Root message and list are looked for where they are."""
    with gathering(tmp_path, FAST) as world:
        world.slack.script(*[Fault(FaultKind.RESET, committed=committed, times=2)])
        for n in range(12):
            world.look(at(n, reading(DRIFT)))
        world.work(120)
        assert len(world.slack.messages("C-ops")) == 2
        world.assert_exactly_once()


def test_members_are_never_posted_beside_their_group(tmp_path: Path) -> None:
    """What was taken out of the queue stays out of it, over every later look."""
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)))
        world.work(5)
        for n in range(12):
            world.look(at(n, reading(finding("other words"))))
        world.work(5)
        subjects = {d.subject for d in world.deliveries if d.state is DeliveryState.SENT}
        assert all(subject.startswith("group:") for subject in subjects)
        assert "other words" in seen(world)
        assert DeliveryKind.UPDATE in {d.kind for d in world.deliveries if d.state is DeliveryState.SENT}


def test_a_flood_in_every_channel_that_hears_of_it_is_gathered_there(tmp_path: Path) -> None:
    """A row that says `continue` gives each incident a thread more; a raised one leaves the list of both."""
    row = Route("C-other", further=True)
    policy = replace(POLICY, routes=replace(POLICY.routes, rows=(row,)))
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)), policy)
        world.work(5)
        assert [len(world.slack.messages(c)) for c in ("C-ops", "C-other")] == [2, 2]
        world.look(at(3, reading(DELETED)), policy)
        world.look(at(4, reading()), policy)
        world.work(5)
        for channel in ("C-ops", "C-other"):
            own = [m for m in world.slack.messages(channel) if m.text.startswith("🔴 CRITICAL")]
            assert len(own) == 1
            assert "open 10" in seen(world, channel)
            assert "resolved 1" in seen(world, channel)
        world.assert_exactly_once()


def test_a_group_is_kept_for_as_long_as_it_has_a_member_that_lives(tmp_path: Path) -> None:
    """Then it goes with its messages; nothing of it is posted anew meanwhile."""
    keep, long = timedelta(days=400), timedelta(days=500).total_seconds()
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)))
        world.work(5)
        for n in range(11):
            world.look(at(n, reading()))
        world.work(5)
        world.clock.advance(long)
        world.store.prune(world.clock(), keep)
        world.look(at(11, reading(finding("other words"))))
        world.work(5)
        assert len(world.slack.messages("C-ops")) == 2
        assert "other words" in seen(world)
        world.look(at(11, reading()))
        world.work(5)
        world.clock.advance(long)
        for _ in range(2):
            world.store.prune(world.clock(), keep)
        tables = world.store.counts().tables
        assert (tables["gathering"], tables["gathered"], tables["delivery"]) == (0, 0, 0)


def test_many_that_nobody_answered_are_one_message_to_those_who_hear_of_it(tmp_path: Path) -> None:
    """Warnings that miss their target together: one list in the escalation channel, which says when each is over."""
    policy = replace(POLICY, targets=replace(POLICY.targets, warning_within=timedelta(hours=1)))
    rows = (Route("C-crit", tiers=(Tier.CRITICAL,)),)
    policy = replace(policy, routes=replace(policy.routes, rows=rows))
    with gathering(tmp_path, FAST) as world:
        for n in range(12):
            world.look(at(n, reading(DRIFT)), policy)
        world.work(5)
        world.clock.advance(3_601)
        with world.store.transaction() as tx:
            for one in world.store.incidents():
                change = pass_time(one, policy, world.clock())
                assert change is not None
                tx.save_change(change)
        world.work(5)
        root, _ = world.slack.messages("C-crit")
        assert root.text.startswith("🟠 12 incidents that were not answered in time")
        for n in range(12):
            world.look(at(n, reading()), policy)
        world.work(5)
        assert world.slack.messages("C-crit")[0].text.startswith("✅ All over: 12")
        world.assert_exactly_once()
