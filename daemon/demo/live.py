"""What Slack shows, as it happens, on the terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import TracebackType

from alerts.blocks import as_text
from daemon.demo.fakeslack import Entry, FakeSlack

_TICK_SECONDS = 0.1
_SHOWN = {"chat.postMessage": "", "chat.update": " (edited in place)"}


class LivePrinter:
    """Prints each message that the fake Slack takes, in order, until it is left; what is there by then is printed."""

    def __init__(self, slack: FakeSlack, channels: Mapping[str, str], say: Callable[[str], None]) -> None:
        """*channels*: id -> name, of those that are shown. *say* takes one text of several lines."""
        self._slack = slack
        self._channels = channels
        self._say = say
        self._printed = 0
        self._printing = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-live", daemon=True)

    def __enter__(self) -> LivePrinter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def say(self, text: str) -> None:
        """Print a text below all messages that are there by now."""
        with self._printing:
            self._print_new()
            self._say(text)

    def _run(self) -> None:
        while not self._done.wait(_TICK_SECONDS):
            with self._printing:
                self._print_new()
        with self._printing:
            self._print_new()

    def _print_new(self) -> None:
        entries = self._slack.journal[self._printed :]
        self._printed += len(entries)
        for entry in (each for each in entries if each.channel in self._channels):
            text = as_shown(entry, self._channels)
            if text:
                self._say(text)


# Lines of a message that its page in the inbox shows, and the terminal does not.
_LEFT_OUT = ("Since:", "Kind:", "Resource:", "Stage:", "Account:", "Region:")
_FOUND, _FOOT = "What was found", " · v1:"


def as_shown(entry: Entry, channels: Mapping[str, str]) -> str:
    """A message as plain text, its channel in front, without all details; empty for what nobody sees in Slack.

    *channels*: id -> name.
    """
    if not entry.accepted or entry.method not in _SHOWN:
        return ""
    how = " (in the thread)" if entry.arguments.get("thread_ts") else _SHOWN[entry.method]
    title = f"#{channels.get(entry.channel, entry.channel)}{how}"
    lines = as_text(entry.arguments).splitlines()
    if _FOUND in lines:
        lines = lines[: lines.index(_FOUND)]
    told = (line for line in lines if not line.startswith(_LEFT_OUT) and _FOOT not in line)
    body = "".join(f"  │ {printable(line)}\n" for line in told)
    return f"  ┌ {title}\n{body}  └"


def printable(line: str) -> str:
    """One line without what a terminal would take as a command."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
