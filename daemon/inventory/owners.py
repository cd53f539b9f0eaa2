"""CODEOWNERS: whom the host of the repository asks about a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # GitHub takes the first that exists
_LIMIT = 3 * 1024 * 1024  # bytes; GitHub ignores larger files


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: files that fit belong to these owners. No owners: to nobody."""

    fits: re.Pattern[str]
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Codeowners:
    """The rules of one repository; the last that fits wins."""

    rules: tuple[Rule, ...] = ()

    def owner(self, paths: Iterable[str]) -> str:
        """The owners that the last rule which fits any of *paths* (relative to the repository) names."""
        wanted = tuple(paths)
        for rule in reversed(self.rules):
            if any(rule.fits.fullmatch(path) for path in wanted):
                return " ".join(rule.owners)
        return ""


def read(repository: Path) -> Codeowners:
    """The repository's CODEOWNERS; empty where it has none, or one that cannot be read."""
    for place in PLACES:
        file = repository / place
        try:
            if file.is_file() and file.stat().st_size <= _LIMIT:
                return parse(file.read_text("utf-8", errors="replace"))
        except OSError:
            return Codeowners()
    return Codeowners()


def parse(text: str) -> Codeowners:
    """CODEOWNERS as GitHub reads it: gitignore's patterns without `!` and `[ ]`, then owners, then a comment."""
    rules = []
    for line in text.splitlines():
        words = re.split(r"(?<!\\)#", line, maxsplit=1)[0].split()
        if not words or words[0].startswith(("!", "[")):  # sections of GitLab, and what GitHub does not take
            continue
        rules.append(Rule(_pattern(words[0].replace("\\#", "#")), tuple(words[1:])))
    return Codeowners(tuple(rules))


def _pattern(glob: str) -> re.Pattern[str]:
    """A gitignore pattern as an expression that fits whole paths."""
    anchored = "/" in glob.rstrip("/")
    body = glob.strip("/")
    expression = "" if anchored else "(?:.*/)?"
    position = 0
    while position < len(body):
        if body.startswith("**/", position):
            expression += "(?:.*/)?"
            position += 3
        elif body.startswith("**", position):
            expression += ".*"
            position += 2
        else:
            char = body[position]
            expression += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
            position += 1
    # A pattern that ends in /* does not reach into folders; all else that names a folder means what is in it.
    inside = "" if body.endswith("/*") else "(?:/.*)?"
    return re.compile(expression + inside)
