"""Files to Slack: three calls, of which only the last shows; exactly once whatever goes wrong with any of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alerts.base import DeliveryKind, DeliveryState, Draft
from alerts.delivery import Courier
from alerts.slack import SlackNotifier
from alerts.slack_files import tagged
from checks.base import Tier
from daemon.demo.fakeslack import Fault, FaultKind
from daemon.store import StoreOutbox
from tests.alerts.world import FAST, World, draft, running

KEPT = {"weekly/2026-W47/1/report.html": b"<!doctype html>whole", "weekly/2026-W47/1/tables.zip": b"PK\x03\x04"}
FILES = [
    {"name": "report.html", "title": "The page", "ref": "weekly/2026-W47/1/report.html"},
    {"name": "tables.zip", "title": "The tables", "ref": "weekly/2026-W47/1/tables.zip"},
]
STEPS = ("files.getUploadURLExternal", "upload", "files.completeUploadExternal")


@contextmanager
def world(path: Path, timeout: float = 10.0) -> Iterator[World]:
    """One whose notifier has the bytes of KEPT."""
    with running(path, timeout=timeout) as it:
        notifier = SlackNotifier(it.slack.token, base_url=it.slack.base_url, timeout=timeout, content=KEPT.__getitem__)
        outbox = StoreOutbox(it.store)
        it.courier = Courier(outbox, notifier, it.clock, FAST, on_event=it.events.append, jitter=lambda: 0.5)
        yield it


def files(key: str = "files") -> Draft:
    body = {"text": "Attached: all of it", "files": FILES}
    return Draft(key, "s1", DeliveryKind.FILE, "C-ops", Tier.INFO, body)


def shared(it: World) -> list[list[str]]:
    """The names of the files of each message that has any."""
    return [[file["name"] for file in message.files] for message in it.slack.messages("C-ops") if message.files]


def assert_there_once(it: World) -> None:
    (delivery,) = [each for each in it.deliveries if each.kind is DeliveryKind.FILE]
    assert delivery.state is DeliveryState.SENT
    assert shared(it) == [[tagged(file["name"], delivery.id) for file in FILES]]
    (root, message) = it.slack.messages("C-ops")
    assert (message.thread_ts, message.text) == (root.ts, "Attached: all of it")
    kept = {file["name"]: file["content"] for file in it.slack.workspace.files.values() if file["shared"]}
    assert sorted(kept.values()) == sorted(KEPT.values())


def test_files_come_into_the_thread_as_one_message(tmp_path: Path) -> None:
    """After the root message, with their titles, in one share."""
    with world(tmp_path) as it:
        it.put(draft(1), files())
        it.work(60)
        assert_there_once(it)
        assert [len(it.slack.accepted(step)) for step in STEPS] == [2, 2, 1]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.RESET), Fault(FaultKind.EOF), Fault(FaultKind.HTTP, status=503),
        Fault(FaultKind.MALFORMED), Fault(FaultKind.ERROR, error="internal_error"),
    ],
    ids=lambda fault: str(fault.kind),
)  # fmt: skip
def test_a_fault_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, fault: Fault, committed: bool, step: str
) -> None:
    """The connection breaks, or the answer makes no sense, before or after Slack has done what was asked."""
    with world(tmp_path) as it:
        it.slack.script(Fault(fault.kind, step, committed=committed, status=fault.status, error=fault.error))
        it.put(draft(1), files())
        it.work(600)
        assert_there_once(it)


def test_a_late_share_is_waited_for(tmp_path: Path) -> None:
    """Slack shows a shared file some seconds later: until then it is not shared again."""
    with world(tmp_path) as it:
        it.slack.workspace.history_lag = it.slack.workspace.history_lag.__class__(seconds=3)
        it.slack.script(Fault(FaultKind.RESET, STEPS[2], committed=True))
        it.put(draft(1), files())
        it.work(600)
        assert len(shared(it)) == 1


def test_a_token_without_the_scope_says_so_in_words(tmp_path: Path) -> None:
    """The report is there; that its files are not, and why, is said once in the thread."""
    with world(tmp_path) as it:
        it.slack.drop_scopes("files:write")
        it.put(draft(1), files())
        it.work(600)
        assert shared(it) == []
        (_, reply) = it.slack.messages("C-ops")
        assert "could not be attached" in reply.text
        assert "files:write" in reply.text
        assert {each.state for each in it.deliveries} == {DeliveryState.SENT}


def test_a_rate_limit_is_waited_out(tmp_path: Path) -> None:
    """A 429 to the first call is no failure of the files."""
    with world(tmp_path) as it:
        it.slack.script(Fault(FaultKind.RATE_LIMITED, STEPS[0], retry_after=7))
        it.put(draft(1), files())
        it.work(120)
        assert_there_once(it)


def test_a_file_that_is_kept_no_more_is_told_of(tmp_path: Path) -> None:
    """What a message refers to may be gone; the message then says so, and the queue goes on."""
    with world(tmp_path) as it:
        gone = {"text": "Attached", "files": [{"name": "a.html", "title": "a", "ref": "weekly/2020-W01/1/report.html"}]}
        it.put(draft(1), Draft("gone", "s1", DeliveryKind.FILE, "C-ops", Tier.INFO, gone), draft(2, subject="s1",
               kind=DeliveryKind.REPLY))  # fmt: skip
        it.work(120)
        assert [message.text.split("\n")[0] for message in it.slack.messages("C-ops")] == [
            "post 1",
            "Attached",
            "reply 2",
        ]


def test_an_unreadable_history_shares_again_and_says_that_it_may_repeat(tmp_path: Path) -> None:
    """Without the scope to look, doubt cannot be settled: the promise is then at least once, and it is labelled."""
    with world(tmp_path) as it:
        it.slack.drop_scopes("channels:history", "groups:history")
        it.slack.script(Fault(FaultKind.RESET, STEPS[2], committed=True))
        it.put(draft(1), files())
        it.work(600)
        assert len(shared(it)) == 2
        assert "(may repeat)" in it.slack.messages("C-ops")[-1].text
