"""The queue of messages: order, states, and that what people finally read is true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.base import Delivery, DeliveryKind, DeliveryState, Draft, Outbox
from checks.base import Tier
from daemon.store import Store, StoreError, StoreOutbox
from daemon.store.read import backlog
from tests.daemon.store.world import NOW, draft, later, open_store, post, reply, update

PENDING, SENDING, SENT = DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.SENT
SUPERSEDED, DEAD = DeliveryState.SUPERSEDED, DeliveryState.DEAD


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def outbox(store: Store) -> StoreOutbox:
    return StoreOutbox(store)


def put(store: Store, *drafts: Draft) -> None:
    with store.transaction() as tx:
        tx.enqueue(*drafts)


def by_key(store: Store) -> dict[str, Delivery]:
    return {each.dedupe_key: each for each in store.deliveries()}


def states(store: Store) -> dict[str, DeliveryState]:
    return {key: each.state for key, each in by_key(store).items()}


def ready(outbox: Outbox) -> list[str]:
    return [each.dedupe_key for each in outbox.ready(NOW)]


def begin(store: Store, outbox: Outbox, key: str) -> str:
    taken = outbox.mark_sending(by_key(store)[key].id, NOW)
    assert taken is not None
    return taken.id


def send(store: Store, outbox: Outbox, key: str, ts: str = "") -> None:
    outbox.mark_sent(begin(store, outbox, key), ts or f"ts-{key}", NOW)


def test_a_message_goes_from_pending_over_sending_to_sent(store: Store, outbox: Outbox) -> None:
    """The intent is on the disk before the answer is, and both carry their time."""
    put(store, post("p"))
    waiting = by_key(store)["p"]
    assert (waiting.state, waiting.attempt, waiting.created_at, len(waiting.id)) == (PENDING, 0, NOW, 32)
    taken = outbox.mark_sending(waiting.id, later(seconds=1))
    assert taken is not None
    assert (taken.state, taken.attempt, taken.intent_at) == (SENDING, 1, later(seconds=1))
    assert [each.id for each in outbox.in_doubt()] == [waiting.id]
    assert outbox.backlog() == {"C1": (1, NOW)}
    outbox.mark_sent(waiting.id, "1.5", later(seconds=2))
    sent = by_key(store)["p"]
    assert (sent.state, sent.ts, sent.sent_at) == (SENT, "1.5", later(seconds=2))
    assert (list(outbox.in_doubt()), outbox.backlog(), ready(outbox)) == ([], {}, [])


def test_a_dedupe_key_is_stored_once(store: Store, outbox: Outbox) -> None:
    """The same message again is passed over, also after it was sent, and moves nothing."""
    put(store, post("p"), post("p", text="other"))
    send(store, outbox, "p")
    put(store, post("p", text="other"))
    (only,) = store.deliveries()
    assert (only.state, only.body) == (SENT, {"text": "p"})


def test_critical_first_then_in_order_of_storing(store: Store, outbox: Outbox) -> None:
    """Tiers are served in order; within one, first come first served; the limit cuts the tail."""
    for number, tier in enumerate([Tier.INFO, Tier.WARNING, Tier.CRITICAL, Tier.WARNING, Tier.CRITICAL]):
        put(store, draft(f"{tier}{number}", subject=f"s{number}", tier=tier))
    assert ready(outbox) == ["critical2", "critical4", "warning1", "warning3", "info0"]
    assert [each.dedupe_key for each in outbox.ready(NOW, limit=2)] == ["critical2", "critical4"]


def test_all_that_waits_is_not_read_to_send_one(store: Store, outbox: Outbox) -> None:
    """Of each channel's posts, and of its edits, only the next is given: the rest cannot go before it anyway."""
    put(store, post("root"))
    send(store, outbox, "root")
    put(store, update("edit"))
    put(store, *(draft(f"c{n}", subject=f"s{n}", tier=Tier.INFO) for n in range(60)))
    put(store, draft("urgent", subject="u", tier=Tier.CRITICAL), replace(draft("other", subject="o"), channel="C2"))
    heads = [each.dedupe_key for each in outbox.heads(NOW)]
    assert sorted(heads) == ["edit", "other", "urgent"]
    assert heads[0] == "urgent"
    send(store, outbox, "urgent")
    outbox.put_back(begin(store, outbox, "c0"), later(minutes=1), "not_sent", "")
    assert {each.dedupe_key for each in outbox.heads(NOW)} == {"edit", "other", "c1"}
    assert "c0" in {each.dedupe_key for each in outbox.heads(later(minutes=2))}


def test_a_subject_is_sent_strictly_in_order(store: Store, outbox: Outbox) -> None:
    """Neither a later reply nor a more urgent one overtakes; what is in doubt holds the rest back."""
    put(store, post("p"))
    send(store, outbox, "p", "1.0")
    put(store, update("u"), draft("r", DeliveryKind.REPLY, tier=Tier.CRITICAL))
    assert ready(outbox) == ["u"]
    assert outbox.mark_sending(by_key(store)["r"].id, NOW) is None
    begin(store, outbox, "u")
    assert ready(outbox) == []
    outbox.mark_sent(by_key(store)["u"].id, "1.0", NOW)
    (left,) = outbox.ready(NOW)
    assert (left.dedupe_key, left.root_ts) == ("r", "1.0")


def test_edits_and_replies_wait_for_the_root_message(store: Store, outbox: Outbox) -> None:
    """While it is in doubt there is nothing to edit; once it is sent they carry its ts."""
    put(store, post("p"))
    begin(store, outbox, "p")
    put(store, update("u"), reply("r"))
    assert ready(outbox) == []
    outbox.mark_sent(by_key(store)["p"].id, "1.0", NOW)
    (first,) = outbox.ready(NOW)
    assert (first.dedupe_key, first.root_ts, first.kind) == ("u", "1.0", DeliveryKind.UPDATE)


def test_a_later_update_supersedes_those_that_wait(store: Store, outbox: Outbox) -> None:
    """The latest state is enough; replies are each a line of the story and stay."""
    put(store, post("p"))
    send(store, outbox, "p")
    put(store, update("u1"), reply("r1"))
    put(store, update("u2"), reply("r2"))
    assert states(store) == {"p": SENT, "u1": SUPERSEDED, "r1": PENDING, "u2": PENDING, "r2": PENDING}
    assert outbox.mark_sending(by_key(store)["u1"].id, NOW) is None


def test_what_ends_before_it_was_told_is_one_true_message(store: Store, outbox: Outbox) -> None:
    """Opened, changed and resolved while Slack was down: the root message tells the final state, alone."""
    put(store, post("p", text="open"))
    outbox.put_back(begin(store, outbox, "p"), later(seconds=30), "not_sent", "no route to host")
    put(store, update("u1", text="worse"), reply("r1", text="got worse"))
    put(store, reply("r2", text="resolved"), update("u2", text="resolved after 20 min"))
    assert states(store) == {"p": PENDING, "u1": SUPERSEDED, "r1": SUPERSEDED, "r2": SUPERSEDED, "u2": SUPERSEDED}
    root = by_key(store)["p"]
    assert (root.body, root.attempt, root.not_before) == ({"text": "resolved after 20 min"}, 1, later(seconds=30))
    put(store, update("u2", text="an echo"))
    assert by_key(store)["p"].body == {"text": "resolved after 20 min"}


def test_a_waiting_root_message_takes_the_tier_of_the_update(store: Store, outbox: Outbox) -> None:
    """What became critical while it waited is sent as critical."""
    put(store, draft("other", subject="other", tier=Tier.WARNING), post("p"))
    put(store, draft("u", DeliveryKind.UPDATE, tier=Tier.CRITICAL))
    assert ready(outbox) == ["p", "other"]


def test_replies_to_a_waiting_root_message_are_kept_where_nothing_replaces_them(store: Store, outbox: Outbox) -> None:
    """A long message is a root and its continuation."""
    put(store, post("p"), reply("more"))
    assert states(store) == {"p": PENDING, "more": PENDING}
    send(store, outbox, "p")
    assert ready(outbox) == ["more"]


def test_a_state_that_came_while_the_root_was_in_doubt_wins(store: Store, outbox: Outbox) -> None:
    """Known not to have arrived, the root message takes the body of the update that waited behind it."""
    put(store, post("p", text="open"))
    taken = begin(store, outbox, "p")
    put(store, update("u", text="resolved"), reply("r"))
    assert states(store)["u"] is PENDING
    outbox.put_back(taken, later(seconds=1), "not_sent", "refused")
    assert states(store) == {"p": PENDING, "u": SUPERSEDED, "r": SUPERSEDED}
    assert by_key(store)["p"].body == {"text": "resolved"}


def test_an_update_that_did_not_arrive_gives_way_to_a_later_one(store: Store, outbox: Outbox) -> None:
    """An old state is never sent after a newer one was stored."""
    put(store, post("p"))
    send(store, outbox, "p")
    put(store, update("u1"))
    taken = begin(store, outbox, "u1")
    put(store, update("u2"))
    assert ready(outbox) == []
    outbox.put_back(taken, later(hours=1), "not_sent", "refused")
    assert (states(store)["u1"], ready(outbox)) == (SUPERSEDED, ["u2"])


def test_a_message_put_back_waits_for_its_time(store: Store, outbox: Outbox) -> None:
    """Not before the time given, and then with what is known of the failure."""
    put(store, post("p"))
    outbox.put_back(begin(store, outbox, "p"), later(seconds=30), "not_sent", "rate limited")
    assert ready(outbox) == []
    (again,) = outbox.ready(later(seconds=30))
    assert (again.attempt, again.error_class, again.error) == (1, "not_sent", "rate limited")


def test_only_what_is_being_sent_becomes_sent(store: Store, outbox: Outbox) -> None:
    """The same answer twice is no error; another answer, or one to a message nobody sent, is."""
    put(store, post("p"))
    identity = by_key(store)["p"].id
    with pytest.raises(StoreError, match="is pending"):
        outbox.mark_sent(identity, "1.0", NOW)
    begin(store, outbox, "p")
    with pytest.raises(StoreError, match="ts ''"):
        outbox.mark_sent(identity, "", NOW)
    outbox.mark_sent(identity, "1.0", NOW)
    outbox.mark_sent(identity, "1.0", NOW)
    with pytest.raises(StoreError, match="is sent"):
        outbox.mark_sent(identity, "2.0", NOW)
    with pytest.raises(StoreError, match="is sent"):
        outbox.put_back(identity, NOW, "not_sent", "late")
    with pytest.raises(StoreError, match="no message nothing"):
        outbox.mark_dead("nothing", "payload", "x")
    assert outbox.mark_sending(identity, NOW) is None


def test_a_redirected_subject_starts_anew_in_the_other_channel(store: Store, outbox: Outbox) -> None:
    """An edit whose channel is gone becomes the root message there, and what follows goes there too."""
    put(store, post("p"))
    send(store, outbox, "p", "1.0")
    put(store, update("u"), reply("r"))
    outbox.redirect(begin(store, outbox, "u"), "C2", "destination", "is_archived")
    (root,) = outbox.ready(NOW)
    assert (root.dedupe_key, root.kind, root.channel, root.error_class) == ("u", "post", "C2", "destination")
    send(store, outbox, "u", "2.0")
    put(store, update("u2"))
    waiting = [(each.dedupe_key, each.channel, each.root_ts) for each in store.deliveries(PENDING)]
    assert waiting == [("r", "C2", "2.0"), ("u2", "C2", "2.0")]


def test_a_root_message_is_redirected_with_its_thread(store: Store, outbox: Outbox) -> None:
    """Nothing of it was sent, so nothing changes but the channel."""
    put(store, post("p"), reply("r"))
    outbox.redirect(begin(store, outbox, "p"), "C2", "destination", "channel_not_found")
    assert {key: (each.kind, each.channel) for key, each in by_key(store).items()} == {
        "p": ("post", "C2"), "r": ("reply", "C2"),
    }  # fmt: skip


def test_a_smaller_body_replaces_one_that_was_refused(store: Store, outbox: Outbox) -> None:
    """It waits again, with the new body and the reason."""
    put(store, post("p"))
    outbox.replace_body(begin(store, outbox, "p"), {"text": "short"}, "msg_blocks_too_long")
    (again,) = outbox.ready(NOW)
    assert (again.body, again.error_class, again.error) == ({"text": "short"}, "payload", "msg_blocks_too_long")


def test_an_edit_of_a_deleted_root_becomes_a_new_root(store: Store, outbox: Outbox) -> None:
    """The thread goes on under the new message."""
    put(store, post("p"))
    send(store, outbox, "p", "1.0")
    put(store, update("u"), reply("r"))
    outbox.repost(begin(store, outbox, "u"), {"text": "again"}, "message_not_found")
    (root,) = outbox.ready(NOW)
    assert (root.kind, root.body, root.root_ts) == (DeliveryKind.POST, {"text": "again"}, "")
    send(store, outbox, "u", "2.0")
    assert outbox.ready(NOW)[0].root_ts == "2.0"


def test_a_dead_root_message_hands_over_to_the_next(store: Store, outbox: Outbox) -> None:
    """One payload that Slack refuses must not silence the subject for ever."""
    put(store, post("p"))
    taken = begin(store, outbox, "p")
    put(store, update("u"), reply("r"))
    outbox.mark_dead(taken, "payload", "invalid_blocks")
    assert states(store) == {"p": DEAD, "u": PENDING, "r": PENDING}
    assert (ready(outbox), by_key(store)["u"].kind) == (["u"], DeliveryKind.POST)


def test_a_message_for_a_subject_without_a_root_becomes_the_root(store: Store, outbox: Outbox) -> None:
    """After a root message died with nothing behind it, the next state is posted."""
    put(store, post("p"))
    outbox.mark_dead(begin(store, outbox, "p"), "payload", "invalid_blocks")
    assert (ready(outbox), outbox.backlog()) == ([], {})
    put(store, reply("r"), update("u", text="now"))
    (root,) = outbox.ready(NOW)
    assert (root.dedupe_key, root.kind, root.body) == ("r", DeliveryKind.POST, {"text": "now"})


def test_a_second_root_message_does_not_take_an_earlier_edit(store: Store, outbox: Outbox) -> None:
    """An edit of the old root message is older than the new root message: it may not become its body."""
    put(store, post("p1"))
    send(store, outbox, "p1", "1.0")
    put(store, update("u"), post("p2"))
    assert states(store) == {"p1": SENT, "u": PENDING, "p2": PENDING}
    assert by_key(store)["p2"].body == {"text": "p2"}


def test_the_backlog_is_counted_by_channel(store: Store, outbox: Outbox) -> None:
    """What waits and what is in doubt, since the oldest."""
    put(store, post("a", subject="a"), Draft("b", "b", DeliveryKind.POST, "C2", Tier.INFO, {}), post("c", subject="c"))
    begin(store, outbox, "a")
    assert outbox.backlog() == {"C1": (2, NOW), "C2": (1, NOW)}
    assert store.backlog() == outbox.backlog()


def test_the_latest_messages_are_listed(store: Store, outbox: Outbox) -> None:
    """In the order of storing, of all or of one state."""
    put(store, *(post(key, subject=key) for key in "abc"))
    send(store, outbox, "c")
    assert [each.dedupe_key for each in store.deliveries(limit=2)] == ["b", "c"]
    assert [each.dedupe_key for each in store.deliveries(PENDING)] == ["a", "b"]
    with store.read() as view:
        assert [each.ts for each in view.deliveries_of("c")] == ["ts-c"]
        assert view.delivery(by_key(store)["a"].id) == by_key(store)["a"]
        assert view.delivery("nothing") is None


def test_no_step_of_a_delivery_reads_the_whole_table(store: Store, outbox: Outbox) -> None:
    """Every statement finds its rows by an index, so that a year of messages does not slow an alert down."""
    seen: list[str] = []
    store._db.conn.set_trace_callback(seen.append)
    put(store, post("p"), reply("r"))
    send(store, outbox, "p")
    put(store, update("u1"), update("u2"))
    outbox.put_back(begin(store, outbox, "r"), NOW, "not_sent", "x")
    store._db.conn.set_trace_callback(None)
    asked = [each for each in dict.fromkeys(seen) if each.split()[0].lower() in {"select", "update", "delete"}]
    assert len(asked) > 10
    with store.read() as view:
        seen.clear()
        view.db.conn.set_trace_callback(seen.append)
        backlog(view.db)
        view.deliveries(SENDING)
        view.db.conn.set_trace_callback(None)
    for statement in [*asked, *seen]:
        plan = [row[3] for row in store._db.execute(f"explain query plan {statement}")]
        assert not [step for step in plan if step.startswith("SCAN")], (statement, plan)


def test_the_outbox_keeps_the_contract(outbox: StoreOutbox) -> None:
    """mypy checks the signatures: this line is wrong if they are."""
    contract: Outbox = outbox
    assert contract.ready(NOW) == []
