"""Who presses buttons in Slack, heard over Socket Mode: connects, stays connected, answers Slack in time.

Slack wants an answer within three seconds. So a press goes to a worker at once, and Slack gets its answer as soon as
that has stored it, but after `PATIENCE` at the latest. A process that dies before that has not answered, and the person
sees that nothing came of the press. Slack may deliver a press twice: doing it twice must be doing it once.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient

from alerts.buttons import Press, press_of

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds that Slack waits for us to store a press
LOOK_EVERY = 0.5  # seconds between looks at whether the connection stands
GIVE_UP = 15.0  # seconds without a connection after which a client is replaced by a new one
LONGEST_PAUSE = 60.0  # seconds between attempts to connect
MEMBERS_FOR = 300.0  # seconds for which the members of a group are taken as known


class Members:
    """Who is in the user groups whose members may press. Asks Slack with the bot's token (`usergroups:read`)."""

    def __init__(
        self, web: WebClient, groups: Collection[str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._web = web
        self._groups = tuple(groups)
        self._monotonic = monotonic
        self._known: tuple[float, frozenset[str]] | None = None

    def refusal(self, user: str) -> str:
        """Why *user* may not press; empty: they may. Who cannot be looked up may not."""
        if not self._groups:
            return ""
        if self._known is None or self._monotonic() - self._known[0] > MEMBERS_FOR:
            try:
                found = [str(one) for group in self._groups for one in self._ask(group)]
            except Exception as error:  # noqa: BLE001 - whatever stands in the way, nobody is let in for it
                log.warning("buttons: the members of the user groups cannot be read: %s", _said(error))
                return "Slack does not say who is in the user group that may do this"
            self._known = (self._monotonic(), frozenset(found))
        return "" if user in self._known[1] else "only members of the user group that is configured may do this"

    def _ask(self, group: str) -> list[Any]:
        return list(self._web.usergroups_users_list(usergroup=group).get("users") or ())


class Buttons:
    """Listens until it is told to end. *do* stores a press and gives what to tell the person; it is asked in one
    thread, one press after another."""

    def __init__(
        self,
        app_token: str,
        bot_token: str,
        do: Callable[[Press], str],
        *,
        groups: Collection[str] = (),
        base_url: str = WebClient.BASE_URL,
        timeout: float = 10.0,
    ) -> None:
        url = base_url if base_url.endswith("/") else f"{base_url}/"
        silent = logging.Logger("slack_sdk", logging.CRITICAL + 1)
        self._silent = silent
        self._app_token = app_token
        self._do = do
        seconds: Any = timeout  # annotated int, handed to urllib, which takes fractions
        self._app = WebClient(base_url=url, timeout=seconds, retry_handlers=[], logger=silent)
        self._web = WebClient(bot_token, base_url=url, timeout=seconds, retry_handlers=[], logger=silent)
        self._members = Members(self._web, groups)
        self._presses: SimpleQueue[tuple[Press, threading.Event]] = SimpleQueue()
        self._lock = threading.Lock()
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why nobody hears the buttons now, for people; empty: somebody does."""
        with self._lock:
            return self._trouble

    def run(self, stop: threading.Event) -> None:
        """Listen until *stop* is set. What goes wrong is logged and tried again."""
        worker = threading.Thread(target=self._work, args=(stop,), name="presses", daemon=True)
        worker.start()
        pause = 1.0
        while not stop.is_set():
            began = time.monotonic()
            try:
                self._listen(stop)
            except Exception as error:  # noqa: BLE001 - a library in the middle of a broken network raises anything
                self._tell(f"buttons in Slack are not heard: {_said(error)}")
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = 1.0
            stop.wait(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        worker.join(PATIENCE)

    def _listen(self, stop: threading.Event) -> None:
        """Connect, and stay while the client keeps the connection up. Raises what the library raises."""
        client = SocketModeClient(self._app_token, logger=self._silent, web_client=self._app)
        client.socket_mode_request_listeners.append(partial(self._heard, stop))
        try:
            client.connect()
            up = time.monotonic()
            while not stop.wait(LOOK_EVERY):
                if client.is_connected():
                    up = time.monotonic()
                    self._tell("")
                elif time.monotonic() - up > GIVE_UP:
                    raise ConnectionError("the connection was lost and does not come back")
        finally:
            # It waits for its own threads for seconds, and nobody else needs to.
            threading.Thread(target=_close, args=(client,), name="closing", daemon=True).start()

    def _heard(self, stop: threading.Event, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        if stop.is_set():
            return  # not answered: the person sees that nothing came of it, or Slack asks whoever listens next
        press = press_of(request.payload) if request.type == "interactive" else None
        if press is not None:
            stored = threading.Event()
            self._presses.put((press, stored))
            stored.wait(PATIENCE)
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    def _work(self, stop: threading.Event) -> None:
        while True:
            try:
                press, stored = self._presses.get(timeout=LOOK_EVERY)
            except Empty:
                if stop.is_set():
                    return
                continue
            try:
                text = self._members.refusal(press.user) or self._do(press)
            except Exception as error:
                log.error("buttons: a press was not carried out: %s", type(error).__name__, exc_info=error)
                text = "this could not be stored; try again"
            finally:
                stored.set()
            if text:
                self._answer(press, text)

    def _answer(self, press: Press, text: str) -> None:
        """Tell the person, where it can be told: what was done is in the thread anyway."""
        try:
            self._web.chat_postEphemeral(channel=press.channel, user=press.user, text=text[:1_000], parse="none")
        except Exception as error:  # noqa: BLE001 - nothing depends on it
            log.info("buttons: no answer to the person: %s", _said(error))

    def _tell(self, trouble: str) -> None:
        with self._lock:
            new, self._trouble = trouble != self._trouble, trouble
        if new and trouble:
            log.warning("%s", trouble)
        elif new:
            log.info("buttons in Slack are heard")


def _close(client: SocketModeClient) -> None:
    with contextlib.suppress(Exception):  # it closes what may be closed already
        client.close()


def _said(error: Exception) -> str:
    """What went wrong without what was sent: only Slack's own word, or the error's type."""
    if isinstance(error, SlackApiError) and isinstance(error.response.data, dict):
        return str(error.response.data.get("error", ""))[:100]
    return str(error) if isinstance(error, ConnectionError) and not error.errno else type(error).__name__
