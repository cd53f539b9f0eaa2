"""What people live with: incidents that are acknowledged, silenced and over, in the service that runs.

By the doors that people have: a button of a message in Slack, the API, and mending what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from http.client import HTTPException
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote
from urllib.request import Request, urlopen

from alerts.base import Incident, IncidentState
from alerts.buttons import ACKNOWLEDGE
from checks.kinds import Kind
from daemon.demo.fakeslack import FakeSlack, Message
from daemon.demo.mischief import close_port
from daemon.demo.programs import DemoError
from daemon.demo.quarter import Past, report
from daemon.demo.round import DELIVERY_SECONDS, DemoRound, Watcher
from daemon.demo.scorecard import DRIFT, Row, agreed
from daemon.demo.world import DemoWorld

if TYPE_CHECKING:
    from daemon.store import Transaction

REPORTS = "weekly-report-simulated"  # a channel
SECONDS = 30.0
ANA, BEN = "ana", "ben"
_PORT, _QUEUE = "acme-staging/network", "acme-dev/service"  # places of things planted
_BUTTONS, _API, _MENDING, _REPORT = "Slack's buttons", "the API", "mending", "weekly report"


class Served(Watcher, Protocol):
    """The running service, as whoever lives with its incidents needs it."""

    def incident(self, fingerprint: str) -> Incident | None:
        """An incident as it stands now."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Write into its store what the demo makes itself: the report of a simulated quarter."""


class Life:
    """In a world with a round behind it."""

    def __init__(
        self, world: DemoWorld, slack: FakeSlack, watcher: Served, one_round: DemoRound, say: Callable[[str], None]
    ) -> None:
        self._world = world
        self._slack = slack
        self._watcher = watcher
        self._round = one_round
        self._say = say

    def run(self) -> list[Row]:
        """All of it, in order: rows of the scorecard. Raises DemoError and ApiError."""
        port = self._open(_PORT, Kind.SECURITY_VIOLATION)
        queue = self._open(_QUEUE, Kind.DRIFT)
        return [self._acknowledge(port), self._silence(queue), self._mend(port)]

    def report(self, past: Past, channel: str) -> Row:
        """The weekly report of a simulated quarter: kept and sent by the service, as any other. Raises DemoError."""
        made = report(past, self._watcher, channel, self._watcher.address)
        week = made.report.week.name
        self._say(
            f"quarter: {past.looks:,} looks of thirteen simulated weeks are replayed; the report on {week} goes to"
            f" #{REPORTS}"
        )
        self._delivered("the report")
        sent = self._slack.messages(channel)
        roots = [one for one in sent if not one.thread_ts and not one.files]
        names = {str(file.get("name", "")).rpartition(".")[2] for one in sent for file in one.files}
        page = self._page(f"reports/{week}")
        opened = f"{past.opened} opened"
        told = opened in page and any(opened in one.text for one in roots)
        return agreed(
            _REPORT, "the last week of a simulated quarter", f"/reports/{week}",
            f"{opened}; sent once, with html, png, zip",
            f"{opened if told else 'other numbers'}; sent {_times(len(roots))}, with {', '.join(sorted(names))}",
        )  # fmt: skip

    def _acknowledge(self, incident: Incident) -> Row:
        """Somebody presses the button in Slack, and thread and page say who."""
        self._say(f"people: {ANA} presses Acknowledge in Slack, on the port that is open in {_PORT}")
        root = self._root(incident)
        if not self._slack.sockets.wait_for_connections(1, SECONDS):
            raise DemoError("nobody listens to the buttons in Slack")
        envelope = self._slack.click(root.channel, root.ts, ACKNOWLEDGE, user="U0ANA00001", name=ANA)
        if self._slack.sockets.wait_for_ack(envelope, SECONDS) is None:
            raise DemoError("the press of a button in Slack was not answered")
        self._until(incident, "the acknowledgement", lambda now: now.state is IncidentState.ACKNOWLEDGED)
        who = f"by {ANA} "
        told = {
            "thread": any(f"cknowledged {who}" in one.text for one in self._replies(root)),
            "message": f"Acknowledged: {who}" in self._root(incident).text,
            "page": f"by {ANA}" in self._page(f"incidents/{quote(incident.fingerprint)}"),
        }
        return _said(_BUTTONS, f"{ANA} acknowledges the open port", _PORT, f"say that {ANA} has it", told)

    def _silence(self, incident: Incident) -> Row:
        """Somebody silences an incident by the API: it is shown as such, and notifies nobody."""
        self._say(f"people: {BEN} silences the queue of {_QUEUE} for 4 hours, by the API")
        root, before = self._root(incident), self._calls()
        asked = {"for": "4h", "reason": "the queue is being rebuilt", "by": BEN}
        self._post(f"incidents/{quote(incident.fingerprint)}/silence", asked)
        self._until(incident, "the silence", lambda now: bool(now.silence))
        told = {
            "thread": any(f"by {BEN}," in one.text for one in self._replies(root)),
            "message": f"by {BEN}," in self._root(incident).text,
            "page": f"by {BEN}," in self._page(f"incidents/{quote(incident.fingerprint)}"),
        }
        said = f"say that {BEN} did" if self._calls() == before else "call somebody"
        return _said(_API, f"{BEN} silences the queue", _QUEUE, f"say that {BEN} did", told, said)

    def _mend(self, incident: Incident) -> Row:
        """What was planted is mended, Barograph looks again, and its message ends with that."""
        self._say(f"people: {ANA} closes the port again, and Barograph looks at {_PORT}")
        close_port(self._world)
        self._round.look_at("the look at what was mended", {(DRIFT, _PORT)})
        self._until(incident, "the end of the incident", lambda now: now.state is IncidentState.RESOLVED)
        root = self._root(incident)
        told = {
            "message": root.text.startswith("✅ RESOLVED"),
            "thread": any(one.text.startswith("✅ Resolved") for one in self._replies(root)),
        }
        return _said(_MENDING, f"{ANA} closes the port, Barograph looks", _PORT, "say that it is over", told)

    def _open(self, place: str, kind: Kind) -> Incident:
        for one in self._watcher.open_incidents():
            if (one.check, one.place, one.kind) == (DRIFT, place, kind):
                return one
        raise DemoError(f"there is no {kind} of {place} that somebody could take in hand")

    def _until(self, incident: Incident, what: str, done: Callable[[Incident], bool]) -> None:
        """Wait until it is so, and all that there is to say of it is said."""

        def so() -> bool:
            now = self._watcher.incident(incident.fingerprint)
            return now is not None and done(now)

        self._round.wait(what, SECONDS, so)
        self._delivered(what)

    def _delivered(self, what: str) -> None:
        self._round.wait(f"the messages of {what}", DELIVERY_SECONDS, lambda: self._watcher.undelivered() == 0)

    def _root(self, incident: Incident) -> Message:
        with self._slack.workspace.lock:
            for one in self._slack.workspace.all_messages():
                if not one.thread_ts and incident.fingerprint in json.dumps(one.blocks):
                    return one
        raise DemoError(f"Slack has no message of {incident.summary}")

    def _replies(self, root: Message) -> list[Message]:
        return [one for one in self._slack.messages(root.channel) if one.thread_ts == root.ts]

    def _calls(self) -> int:
        """How many messages channels show: an edit, and a reply that stays in its thread, call nobody."""
        with self._slack.workspace.lock:
            return sum(not one.thread_ts or one.broadcast for one in self._slack.workspace.all_messages())

    def _page(self, path: str) -> str:
        return self._ask(Request(f"{self._watcher.address}/{path}"))  # noqa: S310 - the demo's own page

    def _post(self, path: str, body: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json"}
        self._ask(Request(f"{self._watcher.address}/api/v1/{path}", json.dumps(body).encode(), headers))  # noqa: S310

    def _ask(self, request: Request) -> str:
        try:
            with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the demo's own page
                return str(answer.read().decode())
        except (OSError, HTTPException) as error:
            raise DemoError(f"{request.full_url} does not answer as it should: {error}") from error


def _said(act: str, happens: str, where: str, expected: str, told: Mapping[str, bool], said: str = "") -> Row:
    """A row of places that must all say what is *expected*. *said*: what they say, if it is not that."""
    found = ", ".join(name for name, right in told.items() if right) or "nowhere"
    return agreed(act, happens, where, f"{', '.join(told)} {expected}", f"{found} {said or expected}")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
