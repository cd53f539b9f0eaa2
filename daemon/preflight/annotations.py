"""The examination of a repository as GitHub's annotations, for the check of a pull request.

One line each: `::error file=…,line=…,col=…,title=…::message`. GitHub shows ten of each level per step.
Source: docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.manifests.model import Examination, RepositoryFinding, Spot
from daemon.preflight.words import shown

_PLACES = 5


def annotated(seen: Examination) -> str:
    """An annotation for each finding, at its most telling place, and one for each thing that could not be read."""
    lines = [_annotation(one) for one in seen.findings]
    lines += [_line("error", "could not read", why, None) for why in seen.unread]
    lines += [_line("notice", "note", note, None) for note in seen.notes]
    if not seen.findings and not seen.unread:
        lines.append("barograph: clean")
    return "\n".join(lines) + "\n"


def _annotation(one: RepositoryFinding) -> str:
    level = "error" if one.blinds or one.blocks_all else "warning"
    message = "\n".join(shown(part) for part in _message(one))
    return _line(level, one.code.replace("_", " "), message, one.spots[0] if one.spots else None, lines=True)


def _message(one: RepositoryFinding) -> Iterator[str]:
    yield one.summary
    others = one.spots[1 : _PLACES + 1]
    if others:
        more = f" and {len(one.spots) - 1 - len(others)} more" if len(one.spots) > len(others) + 1 else ""
        yield f"Also: {', '.join(map(str, others))}{more}"
    yield f"Atmos ({one.affected}) says: {one.atmos_says}"
    yield f"Do: {one.remedy}"
    for each in one.follows:
        yield f"Follows from it: {each.summary}"


def _line(level: str, title: str, message: str, spot: Spot | None, *, lines: bool = False) -> str:
    properties = []
    if spot is not None:
        properties.append(("file", spot.file))
        properties += [(name, str(number)) for name, number in (("line", spot.line), ("col", spot.column)) if number]
    properties.append(("title", title))
    told = ",".join(f"{name}={_property(shown(text))}" for name, text in properties)
    return f"::{level} {told}::{_data(message if lines else shown(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
