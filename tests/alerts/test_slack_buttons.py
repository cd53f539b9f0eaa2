"""Buttons over a real WebSocket: a click in the fake Slack becomes one act in a real store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from alerts.base import IncidentState
from alerts.buttons import ACKNOWLEDGE, DIFF, SILENCE, Press
from alerts.slack_buttons import Buttons
from daemon.delivering import carry_out
from daemon.desk import Desk
from daemon.store import StoreError
from tests.alerts.build import DELETED, POLICY, look, reading
from tests.alerts.world import World, running

LOUD = replace(POLICY, buttons=True)
CRITICAL = "C-crit"


def until(true: Callable[[], bool]) -> bool:
    """Wait for something that another thread does."""
    tick = threading.Event()
    return any(true() or tick.wait(0.02) for _ in range(1_000))


@dataclass
class Pressed:
    """A world with one critical incident posted, and somebody who listens to its buttons."""

    world: World
    desk: Desk
    buttons: Buttons
    done: list[Press] = field(default_factory=list)

    @property
    def root(self) -> str:
        return next(m.ts for m in self.world.slack.messages(CRITICAL) if not m.thread_ts)

    def click(self, action: str, user: str = "U0PERSON01", envelope: str = "") -> str:
        """Click, and wait until Slack has its answer; give the envelope."""
        sent = self.world.slack.click(CRITICAL, self.root, action, user=user, envelope_id=envelope)
        assert self.world.slack.sockets.wait_for_ack(sent, 3.0) is not None, "Slack waits for three seconds"
        return sent

    def settle(self, presses: int) -> None:
        """Wait until so many presses were carried out, and deliver what came of them."""
        assert until(lambda: len(self.done) >= presses)
        self.world.work()

    def replies(self) -> list[str]:
        return [m.text for m in self.world.slack.messages(CRITICAL) if m.thread_ts]

    def whispers(self) -> list[str]:
        return [str(each.arguments["text"]) for each in self.world.slack.accepted("chat.postEphemeral")]

    def facts(self) -> list[str]:
        (incident,) = self.world.store.incidents()
        return [str(each.action) for each in self.world.store.transitions(incident.fingerprint)]


@contextmanager
def pressed(path: Path, groups: tuple[str, ...] = (), do: Callable[[Press], str] | None = None) -> Iterator[Pressed]:
    stop = threading.Event()
    with running(path) as world:
        world.look(look(reading(DELETED)), LOUD)
        world.work()
        desk = Desk(world.store, LOUD, world.clock)
        done: list[Press] = []

        def carry(press: Press) -> str:
            try:
                return (do or (lambda one: carry_out(desk, one)))(press)
            finally:
                done.append(press)

        slack = world.slack
        buttons = Buttons(slack.app_token, slack.token, carry, groups=groups, base_url=slack.base_url, timeout=5)
        thread = threading.Thread(target=buttons.run, args=(stop,))
        thread.start()
        try:
            assert slack.sockets.wait_for_connections(1, 10)
            yield Pressed(world, desk, buttons, done)
        finally:
            stop.set()
            thread.join(10)
            assert not thread.is_alive()


def test_a_click_acknowledges_and_the_thread_says_who_and_until_when(tmp_path: Path) -> None:
    """Slack has its answer in time, the store has who and when, the audit trail too, and the button is gone."""
    with pressed(tmp_path) as it:
        it.click(ACKNOWLEDGE)
        it.settle(1)
        (incident,) = it.world.store.incidents()

        assert incident.state is IncidentState.ACKNOWLEDGED
        assert incident.ack_by == "person (Slack U0PERSON01)"
        assert len(it.replies()) == 1
        assert it.replies()[0].startswith("👀 Acknowledged by person (Slack U0PERSON01), until 2026-03-03 09:00 UTC")
        with it.world.store.read() as view:
            (line,) = view.audit()
        assert (line.who, line.action) == ("person (Slack U0PERSON01)", "acknowledge")
        with pytest.raises(LookupError):
            it.click(ACKNOWLEDGE)
        it.world.assert_exactly_once()


def test_double_clicks_and_envelopes_that_come_again_are_one_acknowledgement(tmp_path: Path) -> None:
    """Slack delivers at least once, and people click more than once."""
    with pressed(tmp_path) as it:
        envelope = it.click(ACKNOWLEDGE)
        it.click(ACKNOWLEDGE, envelope=envelope)
        it.click(ACKNOWLEDGE)
        it.click(ACKNOWLEDGE, user="U0PERSON02")
        it.settle(4)

        assert it.facts() == ["open", "acknowledge"]
        assert len(it.replies()) == 1
        assert until(lambda: len(it.whispers()) == 3)
        assert all(text.startswith("already acknowledged by person (Slack U0PERSON01)") for text in it.whispers())


def test_a_press_that_comes_again_after_a_restart_is_still_one(tmp_path: Path) -> None:
    """What was done is in the store, not in the process."""
    with pressed(tmp_path) as it:
        envelope = it.click(ACKNOWLEDGE)
        it.settle(1)
        after = Desk(it.world.store, LOUD, it.world.clock)
        press = it.done[0]

        assert carry_out(after, press).startswith("already acknowledged")
        assert it.facts() == ["open", "acknowledge"]
        assert envelope


def test_a_click_silences_for_four_hours(tmp_path: Path) -> None:
    """The thread says so, the message says so; twice is once."""
    with pressed(tmp_path) as it:
        it.click(SILENCE)
        it.click(SILENCE)
        it.settle(2)
        (incident,) = it.world.store.incidents()

        assert incident.silence_note.startswith("silenced until 2026-03-02 13:00 UTC by person (Slack U0PERSON01)")
        assert it.facts() == ["open", "silence"]
        assert len(it.replies()) == 1
        with it.world.store.read() as view:
            assert [one.ends_at for one in view.silences()] == [incident.silenced_until]
            assert [one.action for one in view.audit()] == ["silence.create"]


def test_a_click_shows_the_difference_once(tmp_path: Path) -> None:
    """In the thread; a second click adds nothing."""
    with pressed(tmp_path) as it:
        it.click(DIFF)
        it.click(DIFF)
        it.settle(2)

        assert len(it.replies()) == 1
        assert it.facts() == ["open"]


def test_only_members_of_the_group_may_press(tmp_path: Path) -> None:
    """Who is not in it is told so, alone; who cannot be looked up is not let in."""
    with pressed(tmp_path, groups=("S0000000001",)) as it:
        it.world.slack.workspace.user_groups["S0000000001"] = ["U0MEMBER01"]
        it.world.slack.drop_scopes("usergroups:read")
        it.click(ACKNOWLEDGE, user="U0MEMBER01")
        assert until(lambda: len(it.whispers()) == 1)
        assert "does not say who is in the user group" in it.whispers()[0]
        token = it.world.slack.workspace.tokens[it.world.slack.token]
        token.scopes = token.scopes | {"usergroups:read"}
        it.click(ACKNOWLEDGE, user="U0PERSON01")
        assert until(lambda: len(it.whispers()) == 2)
        assert "only members" in it.whispers()[1]
        assert it.facts() == ["open"]
        it.click(ACKNOWLEDGE, user="U0MEMBER01")
        it.settle(1)
        assert it.facts() == ["open", "acknowledge"]


def test_it_goes_on_after_slack_asks_for_another_connection_and_after_one_that_breaks(tmp_path: Path) -> None:
    """Every few hours Slack closes; networks do it when they like."""
    with pressed(tmp_path) as it:
        it.world.slack.sockets.refresh()
        assert it.world.slack.sockets.wait_for_connections(0, 10)
        assert it.world.slack.sockets.wait_for_connections(1, 20)
        it.click(ACKNOWLEDGE)
        it.settle(1)
        it.world.slack.sockets.close()
        assert it.world.slack.sockets.wait_for_connections(0, 10)
        assert it.world.slack.sockets.wait_for_connections(1, 30)
        it.click(SILENCE)
        it.settle(2)
        assert it.facts() == ["open", "acknowledge", "silence"]


def test_a_token_that_is_refused_is_told_and_tried_again(tmp_path: Path) -> None:
    """Nobody hears the buttons, and the status page says so; when it is mended, somebody does."""
    stop = threading.Event()
    with running(tmp_path) as world:
        token = world.slack.workspace.tokens[world.slack.app_token]
        token.refused = "token_revoked"
        buttons = Buttons(world.slack.app_token, "x", lambda press: "", base_url=world.slack.base_url, timeout=5)
        thread = threading.Thread(target=buttons.run, args=(stop,))
        thread.start()
        try:
            assert until(lambda: buttons.trouble == "buttons in Slack are not heard: token_revoked")
            token.refused = ""
            assert world.slack.sockets.wait_for_connections(1, 20)
            assert until(lambda: buttons.trouble == "")
        finally:
            stop.set()
            thread.join(10)


def test_slack_is_answered_in_time_however_long_the_store_takes(tmp_path: Path) -> None:
    """A store that is busy for longer than Slack waits: the answer comes first, the deed after it."""
    release = threading.Event()

    def slowly(press: Press) -> str:
        assert release.wait(20)
        return ""

    with pressed(tmp_path, do=slowly) as it:
        it.click(ACKNOWLEDGE)
        assert it.done == []
        release.set()
        it.settle(1)


def test_a_press_that_cannot_be_stored_is_told_and_the_next_one_is_carried_out(tmp_path: Path) -> None:
    """The disk is full once."""
    failures = [StoreError("the disk is full")]

    def once(press: Press) -> str:
        if failures:
            raise failures.pop()
        return ""

    with pressed(tmp_path, do=once) as it:
        it.click(ACKNOWLEDGE)
        assert until(lambda: it.whispers() == ["this could not be stored; try again"])
        it.click(ACKNOWLEDGE)
        it.settle(2)


def test_what_is_no_press_of_ours_is_answered_and_does_nothing(tmp_path: Path) -> None:
    """Slack sends other things over the same connection."""
    with pressed(tmp_path) as it:
        for kind, payload in (("interactive", {"type": "view_submission"}), ("events_api", {}), ("slash_commands", {})):
            envelope = it.world.slack.sockets.send(kind, payload)
            assert it.world.slack.sockets.wait_for_ack(envelope, 3.0) is not None
        assert it.done == []
