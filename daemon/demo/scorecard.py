"""What was planted against what was found: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from checks.kinds import Kind, Tier
from daemon.demo.mischief import Expected, Mischief
from daemon.demo.repository import DemoInstance

DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Found:
    """An open incident."""

    check: str
    where: str  # in the words of messages: "acme-prod/service", "123456789012/eu-west-1"
    kind: Kind
    tier: Tier
    text: str  # its resource and summary
    posted: int  # messages of its own in Slack, the baseline's summary left out


@dataclass(frozen=True, slots=True)
class Unsure:
    """Something that could not be looked at."""

    check: str
    place: str
    resource: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What Barograph says after the mischief."""

    verdicts: Mapping[str, str]  # of the last reading of the drift check, by instance: "acme-prod/service"
    found: Sequence[Found]
    unsure: Sequence[Unsure]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was done, which check must find what of it, and what it found."""

    check: str
    planted: str
    where: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The table, and whether all of it agrees."""

    rows: tuple[Row, ...]
    titles: tuple[str, str] = ("check", "planted")  # of the first two columns
    of: str = "checks"  # what the first column counts

    @property
    def ok(self) -> bool:
        return bool(self.rows) and all(row.ok for row in self.rows)

    def text(self) -> str:
        """The table as plain text."""
        titles = (*self.titles, "where", "expected", "found")
        cells = [
            (r.check, r.planted, r.where, r.expected, "as expected" if r.ok else f"WRONG: {r.found}") for r in self.rows
        ]
        widths = [max(len(row[i]) for row in (titles, *cells)) for i in range(len(titles) - 1)] + [len("as expected")]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (titles, tuple("-" * width for width in widths), *cells)
        ]
        right = sum(row.ok for row in self.rows)
        checks = len({row.check for row in self.rows})
        return "\n".join([*lines, "", f"{right} of {len(self.rows)} agree, of {checks} {self.of}"])


def agreed(check: str, happens: str, where: str, expected: str, found: str) -> Row:
    """A row that is right if what was found is, to the word, what was expected."""
    return Row(check, happens, where, expected, found, expected == found)


def compare(mischief: Iterable[Mischief], calm: Iterable[DemoInstance], seen: Seen) -> Scorecard:
    """One row for each check and place that must find something, for each instance left alone, and for whatever
    nobody planted: a false alarm is as wrong as a thing not found."""
    rows: list[Row] = []
    told: set[int] = set()
    blind: set[tuple[str, str]] = set()
    instances: set[str] = set()
    for item in mischief:
        if item.instance is not None:
            instances.add(item.instance.key)
            rows.append(_of_instance(item.name, item.instance.key, item.verdict, item.expected, seen, told))
            blind.update((check, item.instance.key) for check in (DRIFT, *item.blinds))
        rows += _of_checks(item, seen, told)
    for instance in calm:
        instances.add(instance.key)
        rows.append(_of_instance("nothing", instance.key, "in_sync", (), seen, told))
    rows.sort(key=lambda row: row.check)
    rows += [
        Row(DRIFT, "nothing", key, "not watched", verdict, False)
        for key, verdict in sorted(seen.verdicts.items()) if key not in instances
    ]  # fmt: skip
    rows += [
        Row(one.check, "nothing", one.where, "nothing", f"{_words([one])}: {one.text}", False)
        for number, one in enumerate(seen.found) if number not in told
    ]  # fmt: skip
    rows += [
        Row(one.check, "nothing", one.place, "a look", f"could not look ({one.verdict}): {one.resource}", False)
        for one in seen.unsure if (one.check, one.place) not in blind
    ]  # fmt: skip
    return Scorecard(tuple(rows))


def _of_instance(planted: str, key: str, verdict: str, expected: Sequence[Expected], seen: Seen, told: set[int]) -> Row:
    """What the drift check says of an instance: its verdict, and all that is open there."""
    mine = [one for one in expected if one.check == DRIFT]
    found = _matching(DRIFT, key, "", seen, told)
    wanted, got = _wanted(mine), _words(found)
    said = seen.verdicts.get(key, "not looked at")
    return Row(
        DRIFT, planted, key, _joined(verdict, wanted), _joined(said, got), (verdict, wanted) == (said, got)
    )  # fmt: skip


def _of_checks(item: Mischief, seen: Seen, told: set[int]) -> Iterable[Row]:
    """What each other check says of one thing planted."""
    places: dict[tuple[str, str, str], list[Expected]] = {}
    for one in item.expected:
        if one.check != DRIFT or item.instance is None:
            places.setdefault((one.check, one.where, one.about), []).append(one)
    for (check, where, about), expected in places.items():
        wanted, got = _wanted(expected), _words(_matching(check, where, about, seen, told))
        yield Row(check, item.name, where, wanted, got or "nothing", wanted == got)


def _matching(check: str, where: str, about: str, seen: Seen, told: set[int]) -> list[Found]:
    """What is open there, and not told of by a row yet; it is then."""
    found = [
        number for number, one in enumerate(seen.found)
        if number not in told and one.check == check and fnmatchcase(one.where, where) and about in one.text
    ]  # fmt: skip
    told.update(found)
    return [seen.found[number] for number in found]


def _wanted(expected: Iterable[Expected]) -> str:
    return _counted(
        name for one in expected for name in [_name(one.kind, one.tier, one.tier is not Tier.INFO)] * one.times
    )


def _words(found: Iterable[Found]) -> str:
    return _counted(_name(one.kind, one.tier, one.posted) for one in found)


def _name(kind: Kind, tier: Tier, posted: int) -> str:
    times = "" if posted == 0 else ", posted" if posted == 1 else f", posted {posted} times"
    return f"{kind} {tier}{times}"


def _counted(names: Iterable[str]) -> str:
    return "; ".join(f"{count} × {name}" if count > 1 else name for name, count in sorted(Counter(names).items()))


def _joined(verdict: str, findings: str) -> str:
    return f"{verdict}: {findings}" if findings else verdict
