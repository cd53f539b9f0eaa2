"""The examination of a repository as a page that a person reads from top to bottom."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from checks.manifests.model import Case, Examination, RepositoryFinding
from daemon.preflight.report import instances, version_text
from daemon.preflight.words import harmless, shown

IN_FULL = 10  # findings that are explained; what is left gets a line each
_CASES = 6  # of a finding
_SPOTS = 4  # of a case
_FOLLOWS = 8


@dataclass(frozen=True, slots=True)
class _Line:
    """One paragraph. *whole*: never wrapped, so that a place can be clicked and copied."""

    text: str
    indent: int = 0
    style: str = ""
    whole: bool = False
    mark: str = ""  # "1.", "-": stands before the first line, and what is wrapped stands behind it


def page(seen: Examination, repository: str, *, width: int, colour: bool) -> str:
    """The page, *width* columns wide, with escapes for colours only if asked for."""
    out = io.StringIO()
    console = Console(
        file=out, width=max(width, 40), force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    for line in (*_head(seen, repository), *_body(seen), *_foot(seen)):
        _print(console, line)
    text = out.getvalue()
    return "\n".join(harmless(line.rstrip()) for line in text.splitlines()) + "\n"


def _print(console: Console, line: _Line) -> None:
    text = Text(shown(line.text), style=line.style)
    text.highlight_regex(r"`[^`]+`", "cyan")
    if line.whole:
        text.pad_left(line.indent)
        console.print(text, no_wrap=True, overflow="ignore", crop=False)
    elif line.mark:
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True, style=line.style)
        grid.add_column(overflow="fold")
        grid.add_row(line.mark, text)
        console.print(Padding(grid, (0, 0, 0, line.indent)))
    else:
        console.print(Padding(text, (0, 0, 0, line.indent)))


def _head(seen: Examination, repository: str) -> Iterator[_Line]:
    if seen.unread and not seen.files_read:
        yield _Line(f"{repository} could not be read:", style="bold red")
        yield from (_Line(why, 2, mark="-") for why in seen.unread)
        return
    version = version_text(seen.version)
    read_as = f"as Atmos {version} reads it" if version else "for every Atmos version (--atmos-version narrows it down)"
    numbers = ", ".join(
        _counted(number, word)
        for number, word in (
            (len(seen.stacks), "stack"),
            (instances(seen), "component instance"),
            (seen.files_read, "file"),
        )
    )
    yield _Line(f"{repository}: {numbers}, {read_as}.")
    if seen.unread:
        yield _Line("")
        yield _Line("Not everything could be read, so what stands here is not all:", style="bold red")
        yield from (_Line(why, 2, mark="-") for why in seen.unread)
    yield _Line("")
    if not seen.findings:
        if seen.unread:
            yield _Line("In what could be read, nothing is wrong.", style="bold")
        else:
            yield _Line("Clean: nothing is wrong that can be seen without running Atmos.", style="bold green")
    else:
        yield _Line(f"{_counted(len(seen.findings), 'finding')}{_weight(seen.findings)}", style="bold")


def _weight(findings: Sequence[RepositoryFinding]) -> str:
    first = findings[0]
    if first.blocks_all:
        alone = len(findings) == 1
        rest = "" if alone else " Mend it first: the others show in Atmos only after it."
        return f". {'It' if alone else 'The first'} keeps Atmos from loading anything{_version_words(first)}.{rest}"
    if first.blinds:
        return ", what makes Atmos list or plan wrongly first."
    return (
        "; Atmos lists and plans in spite of them." if len(findings) > 1 else "; Atmos lists and plans in spite of it."
    )


def _version_words(one: RepositoryFinding) -> str:
    return "" if one.since is None and one.before is None else f", {one.affected.split(';')[0].split(',')[0]}"


def _body(seen: Examination) -> Iterator[_Line]:
    for number, one in enumerate(seen.findings[:IN_FULL], 1):
        yield _Line("")
        yield from _finding(number, one)
    rest = seen.findings[IN_FULL:]
    if rest:
        yield _Line("")
        yield _Line("And in short (--json tells all of each):", style="bold")
        yield from (_Line(f"{one.code}: {one.summary}", 2, mark="-") for one in rest)


def _finding(number: int, one: RepositoryFinding) -> Iterator[_Line]:
    colour = "bold red" if one.blocks_all else "bold yellow" if one.blinds else "bold"
    yield _Line(one.summary, style=colour, mark=f"{number}.")
    effect = "nothing loads" if one.blocks_all else "Atmos lists or plans wrongly" if one.blinds else "a mistake"
    facts = [one.code, effect, _affects(one), *([f"owner: {one.owner}"] if one.owner else [])]
    yield _Line(" · ".join(facts), 3, "dim")
    yield from _places(one.cases)
    yield _Line("")
    yield _Line(_said(one), 3)
    yield _Line("")
    yield _Line(f"Do: {one.remedy}", 3)
    if one.follows:
        yield _Line("")
        yield _Line("What follows from it, and goes with it:", 3)
        for each in one.follows[:_FOLLOWS]:
            yield _Line(f"{each.summary} ({each.code}{_first(each)})", 3, mark="-")
        if len(one.follows) > _FOLLOWS:
            yield _Line(f"… and {len(one.follows) - _FOLLOWS} more", 5)


def _affects(one: RepositoryFinding) -> str:
    return f"affects {one.affected}" if one.affected == "all versions" else f"affects Atmos {one.affected}"


def _said(one: RepositoryFinding) -> str:
    quoted = one.atmos_says.startswith(('"', "nothing"))
    return f"Atmos says {one.atmos_says}" if quoted else f"Atmos: {one.atmos_says}"


def _places(cases: Sequence[Case]) -> Iterator[_Line]:
    if cases:
        yield _Line("")
    for case in cases[:_CASES]:
        yield _Line(case.text, 3)
        spots = [str(spot) for spot in case.spots[:_SPOTS]]
        room = max((len(shown(spot)) for spot in spots), default=0)
        for index, spot in enumerate(spots):
            mark = case.marks[index] if index < len(case.marks) else ""
            yield _Line(f"{shown(spot):<{room}}  {mark}".rstrip(), 5, "bold", whole=True)
        if len(case.spots) > _SPOTS:
            yield _Line(f"… and {_counted(len(case.spots) - _SPOTS, 'more place')}", 5)
    if len(cases) > _CASES:
        yield _Line(f"… and {_counted(len(cases) - _CASES, 'more case')} of the same (--json lists all)", 3)


def _first(one: RepositoryFinding) -> str:
    if not one.spots:
        return ""
    more = f" and {_counted(len(one.spots) - 1, 'more place')}" if len(one.spots) > 1 else ""
    return f", {one.spots[0]}{more}"


def _foot(seen: Examination) -> Iterator[_Line]:
    if seen.notes:
        yield _Line("")
        yield _Line("Not judged, or worth knowing:", style="bold")
        yield from (_Line(note, 2, mark="-") for note in seen.notes)
    if seen.atmos_words:
        yield _Line("")
        yield _Line("`atmos validate stacks` says:", style="bold")
        yield _Line(seen.atmos_words, 2)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
