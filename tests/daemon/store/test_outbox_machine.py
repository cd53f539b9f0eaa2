"""The outbox against a model, over random histories: nothing lost, nothing twice, always in order, finally true."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.base import Delivery, DeliveryKind, DeliveryState, Draft
from checks.base import Tier
from daemon.store import Store, StoreOutbox
from tests.daemon.store.world import NOW, open_store

SUBJECTS = ("a", "b", "c")
POST, UPDATE, REPLY = DeliveryKind.POST, DeliveryKind.UPDATE, DeliveryKind.REPLY


@dataclass
class Told:
    """What the readers of one subject's thread see, and what is true."""

    truth: int = 0  # number of the latest change
    shown: int = 0  # number of the change that the root message shows
    root: str = ""  # ts of the root message; empty: none, or lost
    numbers: list[int] = field(default_factory=list)  # of the sent messages, in the order of sending
    spoiled: bool = False  # the latest state died: Slack takes it in no form


class OutboxMachine(RuleBasedStateMachine):
    """Writers, a worker that fails in every way, and crashes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store: Store = open_store(Path(self.folder.name))
        self.now = NOW
        self.keys: set[str] = set()
        self.sent: dict[str, str] = {}  # delivery id -> ts
        self.told = {subject: Told() for subject in SUBJECTS}

    def teardown(self) -> None:
        self.drain()
        self.store.close()
        self.folder.cleanup()

    @property
    def outbox(self) -> StoreOutbox:
        return StoreOutbox(self.store)

    @initialize()
    def start(self) -> None:
        for subject in SUBJECTS:
            self.change(subject, Tier.WARNING, update_first=True)

    @rule(subject=st.sampled_from(SUBJECTS), tier=st.sampled_from(Tier), update_first=st.booleans())
    def change(self, subject: str, tier: Tier, update_first: bool) -> None:
        """The state of a subject changes: a root message at first, then an edit and a reply, in either order."""
        told = self.told[subject]
        told.truth += 1
        told.spoiled = False
        kinds = [POST] if told.truth == 1 else [UPDATE, REPLY] if update_first else [REPLY, UPDATE]
        drafts = [Draft(f"{subject}{told.truth}{kind}", subject, kind, "C", tier, {"n": told.truth}) for kind in kinds]
        for _ in range(2):  # storing the same change again stores nothing
            with self.store.transaction() as tx:
                tx.enqueue(*drafts)
        self.keys |= {draft.dedupe_key for draft in drafts}

    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """The worker takes a message that is ready."""
        ready = self.outbox.ready(self.now)
        ranks = [(list(Tier).index(each.tier), each.number) for each in ready]
        assert ranks == sorted(ranks)
        if ready:
            chosen = data.draw(st.sampled_from(ready))
            taken = self.outbox.mark_sending(chosen.id, self.now)
            assert taken is not None
            assert taken.root_ts == ("" if taken.kind is POST else self.told[taken.subject].root)
            assert taken.kind is POST or taken.root_ts

    @precondition(lambda self: self.outbox.in_doubt())
    @rule(data=st.data(), how=st.sampled_from(["sent", "back", "redirect", "smaller", "gone", "dead"]))
    def finish(self, data: st.DataObject, how: str) -> None:
        """The answer comes, or the doubt is settled."""
        taken = data.draw(st.sampled_from(list(self.outbox.in_doubt())))
        told = self.told[taken.subject]
        if how == "sent":
            self.arrive(taken)
        elif how == "back":
            self.outbox.put_back(taken.id, self.now + timedelta(seconds=30), "not_sent", "refused")
        elif how == "redirect":
            self.outbox.redirect(taken.id, "D", "destination", "is_archived")
            told.root = ""
        elif how == "smaller":
            self.outbox.replace_body(taken.id, {"n": taken.body["n"]}, "msg_too_long")
        elif how == "gone" and taken.kind is UPDATE:
            self.outbox.repost(taken.id, taken.body, "message_not_found")
            told.root = ""
        elif how == "dead":
            self.outbox.mark_dead(taken.id, "payload", "invalid_blocks")
            told.spoiled = told.spoiled or taken.body["n"] == told.truth

    def arrive(self, taken: Delivery) -> None:
        told = self.told[taken.subject]
        ts = told.root if taken.kind is UPDATE else f"ts{len(self.sent)}"
        self.outbox.mark_sent(taken.id, ts, self.now)
        assert taken.id not in self.sent
        self.sent[taken.id] = ts
        told.numbers.append(taken.number)
        if taken.kind is POST:
            told.root = ts
        if taken.kind is not REPLY:
            told.shown = taken.body["n"]

    @rule()
    def wait(self) -> None:
        self.now += timedelta(minutes=1)

    @rule()
    def restart(self) -> None:
        """The process ends and another one goes on from the disk."""
        self.store.close()
        self.store = open_store(Path(self.folder.name))

    @invariant()
    def every_message_is_there_once_in_one_state(self) -> None:
        stored = self.store.deliveries()
        assert sorted(each.dedupe_key for each in stored) == sorted(self.keys)
        assert {each.id: each.ts for each in stored if each.state is DeliveryState.SENT} == self.sent

    @invariant()
    def nothing_outdated_waits(self) -> None:
        waiting = self.store.deliveries(DeliveryState.PENDING)
        for subject in SUBJECTS:
            kinds = [each.kind for each in waiting if each.subject == subject]
            assert kinds.count(UPDATE) + kinds.count(POST) <= 1, f"{subject} has {kinds} waiting"

    @invariant()
    def a_subject_is_in_order(self) -> None:
        doubt = [each.subject for each in self.outbox.in_doubt()]
        assert len(doubt) == len(set(doubt))
        for told in self.told.values():
            assert told.numbers == sorted(told.numbers)

    def drain(self) -> None:
        """With Slack well again everything leaves, and the root messages show what is true."""
        for taken in self.outbox.in_doubt():
            self.arrive(taken)
        self.now += timedelta(days=1)
        while ready := self.outbox.ready(self.now):
            begun = self.outbox.mark_sending(ready[0].id, self.now)
            assert begun is not None
            self.arrive(begun)
        assert self.outbox.backlog() == {}
        for subject, told in self.told.items():
            assert told.spoiled or told.shown == told.truth, f"{subject} shows {told.shown}, not {told.truth}"


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=30, stateful_step_count=25, deadline=None, database=None)
