"""The whole demo: world, Slack, service and one round, from nothing to nothing."""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from daemon.demo.config import CHANNELS, use_demo_credentials, write_config
from daemon.demo.day import DAY_CHANNEL, ON_CALL, day
from daemon.demo.fakeslack import FakeSlack, channel_id
from daemon.demo.life import REPORTS, Life, Served
from daemon.demo.live import LivePrinter
from daemon.demo.programs import DemoError
from daemon.demo.quarter import Replay
from daemon.demo.round import DemoRound, Watcher
from daemon.demo.scorecard import Scorecard
from daemon.demo.world import DemoWorld

OpenService = Callable[[Path], AbstractContextManager[Served]]
_TICK_SECONDS = 0.5
_TOPICS = {
    DAY_CHANNEL: "a day on a simulated clock: the status page knows nothing of it",
    ON_CALL: "who hears of that day's incidents when nobody acknowledges them",
    REPORTS: "the report of thirteen simulated weeks: its numbers are not those of the status page",
}


def perform(
    open_service: OpenService, *, once: bool, port: int, say: Callable[[str], None], clock: Callable[[], datetime]
) -> int:
    """Make the world, watch it, do one round of mischief. Gives the exit code: 0 only if all of it was found.

    *open_service* starts the service with a configuration file, and ends it when it is left. Without *once* the
    service goes on until KeyboardInterrupt, which is let out once everything is ended and removed. Raises DemoError
    and ApiError.
    """
    refuse_taken(port)
    with (
        scratch_folder() as folder,
        DemoWorld(Path(folder), say=say) as world,
        Replay(Path(folder) / "past" / "barograph.db", clock()) as replay,
    ):
        cards = _watched(world, replay, open_service, once=once, port=port, say=say, clock=clock)
    # Last, below the messages, which are all printed by now.
    say(tables(cards))
    return 0 if all(card.ok for card in cards) else 1


def _watched(
    world: DemoWorld, replay: Replay, open_service: OpenService, *, once: bool, port: int, say: Callable[[str], None],
    clock: Callable[[], datetime],
) -> tuple[Scorecard, ...]:  # fmt: skip
    """Start everything, do one round, and then what people live with."""
    world.start()
    use_demo_credentials()
    slack = FakeSlack((*CHANNELS.values(), *_TOPICS))
    for name, topic in _TOPICS.items():
        slack.channel(name).topic = topic
    with slack, LivePrinter(slack, {channel_id(name): name for name in CHANNELS.values()}, say) as printer:
        config = write_config(
            world, slack_url=slack.base_url, slack_token=slack.token, app_token=slack.app_token, port=port
        )
        with open_service(config) as watcher:
            say(addresses(watcher, slack, config))
            one_round = DemoRound(world, slack, watcher, clock=clock, say=printer.say)
            planted = one_round.run()
            people = Life(world, slack, watcher, one_round, printer.say)
            rows = people.run()
            with day(world.scratch / "day" / "barograph.db", slack, clock(), printer.say) as simulated:
                rows += simulated.live()
            past = replay.past()
            rows.append(people.report(past, channel_id(REPORTS)))
            cards = (planted, Scorecard(tuple(rows), ("by", "what happens"), "ways"))
            if not once:
                seen = addresses(watcher, slack, config, past.week.name)
                printer.say(f"{tables(cards)}\n\n{seen}\n\nCtrl-C ends it.")
                watch(watcher)
    return cards


def tables(cards: Iterable[Scorecard]) -> str:
    """What was planted, and then the life of alerts."""
    return "\n\n".join(card.text() for card in cards)


def refuse_taken(port: int) -> None:
    """Say at once, before a world is made, that the port cannot be had. Raises DemoError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(
                f"port {port} of 127.0.0.1 cannot be had ({error.strerror}): give another --port"
            ) from error


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """An empty folder with a short path, removed when it is left: providers put sockets below it."""
    # macOS gives each user a folder for temporary files whose path is too long for that.
    parent = "/tmp" if sys.platform == "darwin" else None  # noqa: S108 - mkdtemp makes a private folder in it
    return tempfile.TemporaryDirectory(prefix="barograph-", dir=parent)


def addresses(watcher: Watcher, slack: FakeSlack, config: Path, week: str = "") -> str:
    """Where a person can look. *week*: of the report that was made."""
    lines = {
        "Status page": watcher.address,
        "Slack inbox": f"{slack.url}/inbox",
        "Metrics": f"{watcher.address}/metrics",
        "Configuration": str(config),
    }
    if week:
        lines["Weekly report"] = f"{watcher.address}/reports/{week}  (of a simulated quarter)"
    return "\n".join(f"{name + ':':<15} {address}" for name, address in lines.items())


def watch(watcher: Watcher) -> None:
    """Stay until KeyboardInterrupt. Raises DemoError when the service ends by itself."""
    while True:
        watcher.check_alive()
        time.sleep(_TICK_SECONDS)
