"""CODEOWNERS: whom the host of the repository asks about a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from checks.manifests.globs import Glob, gitignore

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # GitHub takes the first that exists
_LIMIT = 3 * 1024 * 1024  # bytes; GitHub ignores larger files


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: files that fit belong to these owners. No owners: to nobody."""

    glob: Glob
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Codeowners:
    """The rules of one repository; the last that fits wins."""

    rules: tuple[Rule, ...] = ()

    def owner(self, paths: Iterable[str]) -> str:
        """The owners that the last rule which fits any of *paths* (relative to the repository) names."""
        wanted = tuple(paths)
        for rule in reversed(self.rules):
            if any(rule.glob.fits(path) for path in wanted):
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
        rules.append(Rule(gitignore(words[0].replace("\\#", "#")), tuple(words[1:])))
    return Codeowners(tuple(rules))
