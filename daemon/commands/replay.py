"""`barograph replay`: what another configuration would have posted, mentioned and paged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.commands.config import config_file, load_or_exit
from daemon.commands.incidents import reading, refuse
from daemon.commands.verdict import printable

if TYPE_CHECKING:
    from alerts.policy import Policy
    from alerts.replay import Replay, Tally

COLUMNS = ("messages", "mentions", "edits", "pages")


@click.command()
@config_file
@click.option("--since", default="30d", show_default=True, metavar="DURATION", help="How far back, such as 30d or 12h.")
@click.option("--store", type=click.Path(path_type=Path), help="The store; that of the configuration if not given.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def replay(path: Path, since: str, store: Path | None, *, as_json: bool) -> None:
    """Say what CONFIG would have made of what happened, beside what was sent. Sends and writes nothing.

    Give the changed configuration with -c, and where it names another store, the present one with --store.

    Exit codes: 0 shown; 2 wrong usage or configuration, or the store cannot be read.
    """
    from daemon.commands.check import utc_now
    from daemon.config.units import parse_duration
    from daemon.wiring import alert_policy

    now = utc_now()
    try:
        start = now - parse_duration(since)
    except (ValueError, OverflowError):
        refuse(f"--since {since!r} is no duration such as 30d or 12h.")
    config = load_or_exit(path)
    found = compare(store or config.store.path, alert_policy(config), start, now)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
        return
    for line in found.lines():
        click.echo(printable(line))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was, and what would have been, from *since* until *until*."""

    since: datetime
    until: datetime
    sent: Mapping[str, Tally]
    made: Mapping[str, Tally]
    would: Replay
    oldest: datetime | None  # transition that is still stored

    @property
    def channels(self) -> list[str]:
        """Channels first, then sinks."""
        return sorted({*self.sent, *self.made, *self.would.tallies}, key=lambda name: (name.startswith("sink:"), name))

    def as_json(self) -> dict[str, Any]:
        from alerts.replay import Tally

        return {
            "since": self.since.isoformat(), "until": self.until.isoformat(),
            "transitions": self.would.transitions, "incidents": self.would.incidents,
            "channels": {
                name: {
                    "sent": asdict(self.sent.get(name, Tally())), "stored": asdict(self.made.get(name, Tally())),
                    "replayed": asdict(self.would.tallies.get(name, Tally())),
                }
                for name in self.channels
            },
            "not_replayed": {
                "beginning_not_stored": self.would.middle, "tier_not_known": self.would.guessed,
                "moot": dict(sorted(self.would.moot.items())),
                "history_begins": self.oldest.isoformat() if self.oldest else None,
            },
            "notes": list(self.notes()),
        }  # fmt: skip

    def lines(self) -> Iterator[str]:
        """The same for people."""
        yield (
            f"From {self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC: "
            f"{self.would.transitions} transitions of {self.would.incidents} incidents."
        )
        yield ""
        width = max([len("channel"), *map(len, self.channels)])
        yield f"{'':{width}}  {'was sent':>9} {'was stored':>11} {'would be':>9} {'':>7}"
        for column in COLUMNS:
            rows = [(name, self._counts(name, column)) for name in self.channels]
            told = [(name, counts) for name, counts in rows if any(counts)]
            if told:
                yield column
            for name, (sent, made, would) in told:
                change = f"{would - made:+d}" if would != made else "same"
                yield f"{name:{width}}  {sent:>9} {made:>11} {would:>9} {change:>7}"
        yield ""
        yield from self.notes()

    def _counts(self, name: str, column: str) -> tuple[int, int, int]:
        from alerts.replay import Tally

        tallies = (self.sent.get(name), self.made.get(name), self.would.tallies.get(name))
        sent, made, would = (int(getattr(tally or Tally(), column)) for tally in tallies)
        return sent, made, would

    def notes(self) -> Iterator[str]:
        """What this can and cannot tell."""
        yield (
            "Stored and not sent: what waits, what a later state made pointless, and what was refused. A root message "
            "that waited until its incident was over called nobody."
        )
        if self.oldest is None:
            yield "No transition is stored."
        elif self.oldest > self.since:
            yield f"Transitions are stored from {self.oldest:%Y-%m-%d %H:%M} UTC on: before that, nothing is known."
        if self.would.middle:
            yield (
                f"{self.would.middle} incidents began before what is stored: taken as told where this configuration "
                "would have told of them."
            )
        if self.would.guessed:
            yield (
                f"{self.would.guessed} transitions had a tier by configuration that this one does not give: taken as "
                "the table of tiers has it, without the facts of the time."
            )
        if self.would.moot:
            told = ", ".join(f"{name} {count}" for name, count in sorted(self.would.moot.items()))
            yield f"What people or time did to incidents that would not have been told like this: {told}."
        yield (
            "Acknowledgements, reminders and silences are taken at the moments at which they were; what people had "
            "themselves shown is not done again, nor is told what a window that is new hides until it ends."
        )
        yield "Labels (owner, stage, stack) are those of today; first looks and outages are as they were."


def compare(store: Path, policy: Policy, since: datetime, until: datetime) -> Comparison:
    """Read the store, which a daemon may be using, and replay it. Changes nothing; ends with 2 if it cannot be read."""
    from alerts.replay import really
    from alerts.replay import replay as again
    from daemon.store import history

    with reading(store) as view:
        incidents = {one.fingerprint: one for one in view.incidents()}
        transitions = history.transitions(view)
        sent = history.sent(view, since - timedelta(seconds=1))
        policy = replace(policy, silences=replace(policy.silences, made=history.silences(view)))
        oldest = history.oldest_transition(view.db)
    made, gone = really(sent, since, until)
    return Comparison(since, until, gone, made, again(incidents, transitions, sent, policy, since, until), oldest)
