from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.base import DeliveryKind, DeliveryState
from alerts.degrade import smaller
from alerts.delivery import Courier, Settings
from alerts.slack import SlackNotifier
from checks.base import Tier
from daemon.demo.fakeslack import Fault, FaultKind, Rates
from daemon.store import StoreOutbox
from tests.alerts.build import DELETED, DRIFT, look, reading
from tests.alerts.world import FAST, World, draft, running

POST, UPDATE, REPLY = DeliveryKind.POST, DeliveryKind.UPDATE, DeliveryKind.REPLY
METHOD = {POST: "chat.postMessage", REPLY: "chat.postMessage", UPDATE: "chat.update"}

# Everything after which nobody knows whether the message arrived.
AMBIGUOUS = [
    Fault(FaultKind.RESET),
    Fault(FaultKind.EOF),
    Fault(FaultKind.MALFORMED),
    Fault(FaultKind.DELAY, seconds=0.6),
    *(Fault(FaultKind.HTTP, status=status) for status in (500, 502, 503, 504)),
    *(Fault(FaultKind.ERROR, error=e) for e in ("internal_error", "fatal_error", "service_unavailable", "new_word")),
]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as made:
        yield made


def test_an_incident_is_posted_edited_and_answered_in_its_thread(world: World) -> None:
    """Found, changed for the worse in another channel, gone: each message is where people look for it."""
    world.look(look(reading(DRIFT)))
    world.work()
    world.look(look(reading(DELETED)))
    world.work()
    world.clock.advance(600)
    world.look(look(reading()))
    world.work()
    ops, crit = world.slack.messages("C-ops"), world.slack.messages("C-crit")
    assert "goes on in C-crit" in ops[0].text
    assert [m.text.split("\n")[0] for m in crit] == [
        "✅ RESOLVED drift — acme-prod/service/payments",
        "✅ Resolved after 10 min",
    ]
    assert crit[1].thread_ts == crit[0].ts
    world.assert_exactly_once()


def _id(fault: Fault) -> str:
    return f"{fault.kind}-{fault.status if fault.kind is FaultKind.HTTP else fault.error}"


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not"])
@pytest.mark.parametrize("fault", AMBIGUOUS, ids=_id)
def test_doubt_ends_with_exactly_one_message(tmp_path: Path, fault: Fault, committed: bool) -> None:
    """Whether Slack did it or not, a root message and a reply are each visible once, and an edit shows."""
    with running(tmp_path, timeout=0.3 if fault.kind is FaultKind.DELAY else 10.0) as world:
        for kind in (POST, REPLY, UPDATE):
            world.slack.script(replace(fault, method=METHOD[kind], committed=committed))
            world.put(draft(kind=kind, subject="s"))
            world.work()
            if fault.kind is FaultKind.DELAY and kind is not UPDATE:
                _wait_until_landed(world, kind)
            world.work(40)
        world.assert_exactly_once()
        assert len(world.named("failed")) == 3
        assert {event.error_class for event in world.named("failed")} == {"ambiguous"}
        assert world.slack.messages("C-ops")[0].text == "update 1"


def _wait_until_landed(world: World, kind: DeliveryKind) -> None:
    """A request that its sender gave up on arrives late; real Slack has the settle window for it, we wait for it."""
    (delivery,) = (d for d in world.deliveries if d.kind is kind)
    tick = threading.Event()
    for _ in range(200):
        if world.slack.visible_by_id(delivery.id):
            return
        tick.wait(0.02)
    pytest.fail("the delayed request never landed")


def test_not_posted_is_concluded_only_after_the_window(world: World) -> None:
    """Before intent + timeout + settle nothing is sent again, though the history does not have it."""
    world.slack.script(Fault(FaultKind.RESET))
    world.put(draft())
    world.work(34)
    assert world.slack.accepted() == []
    world.work(2)
    world.assert_exactly_once()


def test_a_message_that_history_shows_late_is_not_posted_twice(tmp_path: Path) -> None:
    """A lag within the settle window is survived."""
    with running(tmp_path, history_lag=33.0) as world:
        world.slack.script(Fault(FaultKind.EOF, committed=True))
        world.put(draft())
        world.work(60)
        world.assert_exactly_once()


def test_a_busy_channel_is_searched_to_its_last_page(tmp_path: Path) -> None:
    """The message is found although others came after it."""
    with running(tmp_path, page_size=2) as world:
        world.slack.script(Fault(FaultKind.RESET, committed=True))
        world.put(draft(1))
        world.work()
        world.put(*(draft(n) for n in range(2, 12)))
        world.work(40)
        world.assert_exactly_once()


def test_an_edit_in_doubt_never_lands_over_a_newer_one(world: World) -> None:
    """The old state waits for its own request to be dead before it, or what came after it, is sent."""
    world.put(draft(1, subject="s"))
    world.work()
    world.slack.script(Fault(FaultKind.RESET, "chat.update", committed=True))
    world.put(draft(2, UPDATE, subject="s", text="old"))
    world.work()
    world.put(draft(3, UPDATE, subject="s", text="new"))
    world.work(60)
    assert world.slack.messages("C-ops")[0].text == "new"


def test_without_the_history_scope_the_repeat_is_marked(world: World) -> None:
    """What may be a second copy says so, and only after the window."""
    world.slack.drop_scopes("channels:history", "groups:history")
    world.slack.script(Fault(FaultKind.RESET, committed=True))
    world.put(draft())
    world.work(34)
    assert len(world.slack.messages("C-ops")) == 1
    world.work(5)
    first, second = world.slack.messages("C-ops")
    assert not first.text.startswith("(may repeat)")
    assert second.text.startswith("(may repeat)")


def test_retry_after_holds_its_channel_alone(world: World) -> None:
    """The limited channel waits what Slack says, to the second; another one is served at once."""
    world.slack.script(Fault(FaultKind.RATE_LIMITED, channel="C-ops", retry_after=30))
    world.put(draft(1), draft(2), draft(3, channel="C-other"))
    world.work()
    started = world.clock()
    assert [len(world.slack.messages(c)) for c in ("C-ops", "C-other")] == [0, 1]
    world.work(29)
    assert world.slack.messages("C-ops") == []
    world.work(2)
    waited = [entry.at - started for entry in world.slack.accepted() if entry.channel != _channel(world, "C-other")]
    assert all(timedelta(seconds=29) < wait < timedelta(seconds=32) for wait in waited)
    world.assert_exactly_once()


def _channel(world: World, name: str) -> str:
    return world.slack.channel(name).id


def test_our_pace_never_meets_slacks_limit(tmp_path: Path) -> None:
    """A storm of findings in one channel causes no 429, and a critical goes ahead of it."""
    settings = Settings(burst=5)
    with running(tmp_path, settings, rates=Rates()) as world:
        world.put(*(draft(n) for n in range(60)))
        world.work(20)
        world.put(draft("critical", tier=Tier.CRITICAL))
        raised = world.clock()
        world.work(5)
        (critical,) = (d for d in world.deliveries if d.tier is Tier.CRITICAL)
        assert critical.sent_at is not None
        assert critical.sent_at - raised < timedelta(seconds=5)
        world.work(60)
        world.assert_exactly_once()
        assert [entry.error for entry in world.slack.journal if entry.error] == []


def test_edits_are_paced_for_the_whole_workspace(tmp_path: Path) -> None:
    """Slack limits chat.update per workspace: a hundred resolved incidents cause no 429."""
    with running(tmp_path, replace(FAST, per_minute=45), rates=Rates(post_per_second=0)) as world:
        world.put(*(draft(n, subject=f"s{n}") for n in range(100)))
        world.work()
        world.put(*(draft(f"u{n}", UPDATE, subject=f"s{n}") for n in range(100)))
        world.work(200)
        world.assert_exactly_once()
        assert [entry.error for entry in world.slack.journal if entry.error] == []


def test_one_full_channel_does_not_hide_the_others(tmp_path: Path) -> None:
    """Hundreds of waiting messages of one channel hold up nobody else."""
    with running(tmp_path, Settings(per_second=0.01, burst=1)) as world:
        world.put(*(draft(n) for n in range(120)), draft("other", channel="C-other"))
        world.work()
        assert [len(world.slack.messages(c)) for c in ("C-ops", "C-other")] == [1, 1]


def test_a_revoked_token_is_tried_once_and_comes_back_without_a_restart(world: World) -> None:
    """One call opens the circuit, then at most one probe a minute; nothing is lost."""
    world.slack.refuse_token("token_revoked")
    world.put(*(draft(n) for n in range(5)))
    world.work(600)
    methods = [entry.method for entry in world.slack.journal]
    assert methods.count("chat.postMessage") == 1
    assert 9 <= methods.count("auth.test") <= 10
    world.slack.refuse_token("")
    world.work(60)
    world.assert_exactly_once()
    assert [e.name for e in world.events if e.name.startswith("circuit")] == ["circuit_open", "circuit_closed"]


def test_a_lost_channel_goes_to_the_fallback_with_the_reason(tmp_path: Path) -> None:
    """Every message of the thread follows, and the first says where it was meant for."""
    with running(tmp_path, replace(FAST, fallback_channel="C-fallback")) as world:
        world.slack.channel("C-ops").archived = True
        world.put(draft(1, subject="s"), draft(2, REPLY, subject="s"))
        world.work()
        root, reply = world.slack.messages("C-fallback")
        assert root.text.startswith("Meant for C-ops, which cannot be reached: chat.postMessage: is_archived")
        assert reply.thread_ts == root.ts
        assert len(world.named("redirected")) == 1
        world.assert_exactly_once()


def test_without_a_fallback_the_message_waits_and_is_not_lost(world: World) -> None:
    """It is tried again now and then, and arrives when the channel is back."""
    world.slack.channel("C-ops").archived = True
    world.put(draft())
    world.work(1000)
    assert 3 <= len([e for e in world.slack.journal if e.error == "is_archived"]) <= 10
    world.slack.channel("C-ops").archived = False
    world.work(300)
    world.assert_exactly_once()


@pytest.mark.parametrize(("refusals", "blocks"), [(1, 2), (2, 0)])
def test_a_refused_payload_is_made_smaller_until_it_goes(world: World, refusals: int, blocks: int) -> None:
    """Fewer blocks, then text alone."""
    world.slack.script(Fault(FaultKind.ERROR, error="invalid_blocks", times=refusals))
    world.put(draft())
    world.work()
    assert [len(m.blocks) for m in world.slack.messages("C-ops")] == [blocks]
    world.assert_exactly_once()


def test_only_what_slack_refuses_in_every_form_is_given_up_and_that_is_told(world: World) -> None:
    """Its later messages still go out."""
    world.slack.script(Fault(FaultKind.ERROR, error="msg_blocks_too_long", times=3))
    world.put(draft(1, subject="s"))
    world.work()
    assert [(d.state, d.error_class) for d in world.deliveries] == [(DeliveryState.DEAD, "payload")]
    assert len(world.named("dead")) == 1
    world.put(draft(2, UPDATE, subject="s"))
    world.work()
    assert [m.text for m in world.slack.messages("C-ops")] == ["update 2"]


def test_a_deleted_root_message_is_posted_again(world: World) -> None:
    """Somebody deleted it; the edit becomes a new message, and replies follow it."""
    world.put(draft(1, subject="s"))
    world.work()
    world.slack.remove("C-ops", world.slack.messages("C-ops")[0].ts)
    world.put(draft(2, UPDATE, subject="s"), draft(3, REPLY, subject="s"))
    world.work()
    root, reply = world.slack.messages("C-ops")
    assert root.text == "The earlier message of this is gone.\nupdate 2"
    assert reply.thread_ts == root.ts


def test_an_outage_ends_with_the_final_state_only(world: World) -> None:
    """Opened and resolved while Slack was away: one message that says how it ended."""
    dead = SlackNotifier(world.slack.token, base_url="http://127.0.0.1:9/api/")
    away = Courier(StoreOutbox(world.store), dead, world.clock, FAST, on_event=world.events.append)
    world.look(look(reading(DRIFT)))
    away.step()
    assert [(e.name, e.error_class) for e in world.events] == [("failed", "not_sent")]
    world.clock.advance(600)
    world.look(look(reading()))
    world.work(600)
    (message,) = world.slack.messages("C-ops")
    assert message.text.startswith("✅ RESOLVED")


def test_backoff_grows_with_jitter_to_five_minutes(world: World) -> None:
    """The pause is between a second and a limit that doubles up to 300 seconds."""
    dead = SlackNotifier(world.slack.token, base_url="http://127.0.0.1:9/api/")
    world.put(draft())
    pauses = []
    courier = Courier(StoreOutbox(world.store), dead, world.clock, FAST, jitter=lambda: 1.0)
    for _ in range(12):
        courier.step()
        (delivery,) = world.deliveries
        assert delivery.not_before is not None
        pauses.append(round((delivery.not_before - world.clock()).total_seconds()))
        world.clock.advance(301)
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]


def test_the_token_is_in_no_error_and_no_stored_row(world: World) -> None:
    """Whatever goes wrong, the credential shows nowhere."""
    for fault in (*AMBIGUOUS, Fault(FaultKind.ERROR, error=f"odd {world.slack.token}")):
        if fault.kind is not FaultKind.DELAY:
            world.slack.script(fault)
            world.put(draft(str(id(fault))))
            world.work(40)
    world.assert_exactly_once()
    assert world.slack.token not in repr([world.events, world.deliveries, world.courier.__dict__])
    assert world.slack.token.encode() not in world.store.path.read_bytes()


def test_the_loop_delivers_goes_on_after_a_failing_store_and_stops(world: World) -> None:
    """run() sends what comes, tells of what it cannot do, and ends when told."""
    stop = threading.Event()
    worker = threading.Thread(target=world.courier.run, args=(stop,))
    worker.start()
    try:
        world.put(draft())
        for _ in range(500):
            if world.named("sent"):
                break
            stop.wait(0.01)
        world.assert_exactly_once()
        world.store.close()
        for _ in range(500):
            if world.named("error"):
                break
            stop.wait(0.01)
        assert "closed" in world.named("error")[0].detail
    finally:
        stop.set()
        worker.join(5)
    assert not worker.is_alive()


def test_smaller_ends() -> None:
    """Every body comes to an end, and each form is smaller than the one before."""
    body: dict[str, object] | None = dict(draft(text="x" * 3000).body)
    sizes = []
    while body is not None:
        sizes.append((len(body["blocks"]), len(body["text"])))  # type: ignore[arg-type]  # the shape of every body
        body = smaller(body)
    assert sizes == [(3, 3000), (2, 3000), (0, 3000), (0, 501)]


def test_a_clock_set_back_holds_no_message(world: World) -> None:
    """Backoff, a held lane and a refused credential are timed by the clock that was wrong; none outlives it."""
    world.slack.script(Fault(FaultKind.RATE_LIMITED), Fault(FaultKind.ERROR, error="token_revoked", skip=1))
    world.put(draft(1), draft(2))
    world.work(0.1)
    world.clock.advance(-timedelta(days=365).total_seconds())
    world.work(120)
    world.assert_exactly_once()


@pytest.mark.parametrize("ahead", [timedelta(minutes=50), -timedelta(minutes=50)])
def test_a_clock_that_is_wrong_by_minutes_repeats_nothing(tmp_path: Path, ahead: timedelta) -> None:
    """The history is asked by Slack's clock, and a message in doubt is found though ours differs."""
    with running(tmp_path) as world:
        courier = Courier(
            StoreOutbox(world.store), SlackNotifier(world.slack.token, base_url=world.slack.base_url),
            lambda: world.clock() + ahead, FAST,
        )  # fmt: skip
        world.courier = courier
        world.slack.script(Fault(FaultKind.RESET, committed=True))
        world.put(draft())
        world.work(120)
        world.assert_exactly_once()


def test_a_courier_that_is_to_stop_settles_no_further(world: World) -> None:
    """Many messages in doubt and a slow Slack: after the look-up under way it lets another courier begin."""
    world.slack.script(Fault(FaultKind.RESET, times=5))
    world.put(*(draft(number) for number in range(5)))
    world.work(0.1)
    world.clock.advance(60)
    before = len(world.slack.accepted("conversations.history"))
    stop = threading.Event()
    courier = Courier(
        StoreOutbox(world.store), SlackNotifier(world.slack.token, base_url=world.slack.base_url), world.clock, FAST,
        failpoint=lambda name: stop.set() if name == "before_settle" else None,
    )  # fmt: skip
    courier.run(stop)
    assert len(world.slack.accepted("conversations.history")) == before + 1
