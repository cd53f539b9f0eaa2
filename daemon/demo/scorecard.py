"""What was planted against what was found: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from checks.kinds import Kind, Tier
from daemon.demo.mischief import Mischief
from daemon.demo.repository import DemoInstance

Findings = frozenset[tuple[Kind, Tier]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What Barograph says after the mischief. Keys are instances: "acme-prod/service"."""

    verdicts: Mapping[str, str]  # of the last reading of the drift check
    incidents: Mapping[str, Findings]  # that are open
    messages: Sequence[str]  # the texts of Slack's root messages, the baseline's summary left out


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was done to an instance, what must come of it, what came of it."""

    planted: str
    instance: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The table, and whether all of it agrees."""

    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        return bool(self.rows) and all(row.ok for row in self.rows)

    def text(self) -> str:
        """The table as plain text."""
        titles = ("planted", "where", "expected", "found")
        cells = [(r.planted, r.instance, r.expected, "as expected" if r.ok else f"WRONG: {r.found}") for r in self.rows]
        widths = [max(len(row[i]) for row in (titles, *cells)) for i in range(len(titles) - 1)] + [len("as expected")]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (titles, tuple("-" * width for width in widths), *cells)
        ]
        right = sum(row.ok for row in self.rows)
        return "\n".join([*lines, "", f"{right} of {len(self.rows)} agree"])


def compare(mischief: Iterable[Mischief], calm: Iterable[DemoInstance], seen: Seen) -> Scorecard:
    """One row for each thing planted, for each instance left alone, and for whatever nobody planted."""
    rows, known = [], set()
    for item in mischief:
        rows.append(_row(item.name, item.instance.key, item.verdict, item.findings, seen))
        known.add(item.instance.key)
    for instance in calm:
        rows.append(_row("nothing", instance.key, "in_sync", frozenset(), seen))
        known.add(instance.key)
    strangers = sorted((seen.verdicts.keys() | {key for key, found in seen.incidents.items() if found}) - known)
    rows += [Row("nothing", key, "not watched", _found(key, seen), False) for key in strangers]
    return Scorecard(tuple(rows))


def _row(planted: str, key: str, verdict: str, findings: Findings, seen: Seen) -> Row:
    posted = sum(tier is not Tier.INFO for _, tier in findings)
    expected = _words(verdict, findings, posted)
    return Row(planted, key, expected, _found(key, seen), expected == _found(key, seen))


def _found(key: str, seen: Seen) -> str:
    posted = sum(_names(text, key) for text in seen.messages)
    return _words(seen.verdicts.get(key, "not looked at"), seen.incidents.get(key, frozenset()), posted)


def _names(text: str, key: str) -> bool:
    """Whether the message's first line, its headline, is about this instance."""
    headline = text.partition("\n")[0]
    return key in headline.split()


def _words(verdict: str, findings: Findings, posted: int) -> str:
    parts = [verdict, *sorted(f"{kind} {tier}" for kind, tier in findings)]
    return f"{', '.join(parts)} ({posted} posted)" if posted else ", ".join(parts)
