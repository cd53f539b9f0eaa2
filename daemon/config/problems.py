"""What is wrong with a configuration, where, and how values may be named in a message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.config.secrets import FromEnvironment, Secret, looks_secret

HIDDEN_LOOK = "(something that looks like a secret)"
MAX_ECHO = 60  # characters of a wrong value that a message repeats


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong, at one place of the file. Line and column count from 1; 0 is the file as a whole."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.text}"


class ConfigError(Exception):
    """The configuration cannot be used. *problems* is everything that is wrong, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def label(path: Sequence[Any]) -> str:
    """Name a place in the file as people write it: ("roots", 0, "path") is `roots[0].path`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_shown(str(part))}" if text else _shown(str(part))
    return text


def echo(value: Any) -> str:
    """Repeat a wrong value so that a person finds it again, unless it could be a secret."""
    if isinstance(value, FromEnvironment):
        return "the value of " + " and ".join(f"${{{name}}}" for name in value.names)
    if isinstance(value, Secret):
        return "a secret"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    return HIDDEN_LOOK if looks_secret(str(value)) else f"'{_shown(str(value))}'"


def _shown(text: str) -> str:
    if looks_secret(text):
        return HIDDEN_LOOK
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if len(clean) <= MAX_ECHO else clean[:MAX_ECHO] + "…"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Say what was likely meant by *word*, else what there is to choose from."""
    choices = sorted(known)
    by_fold = {choice.casefold(): choice for choice in choices}
    near = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    near = near or [c for c in by_fold if len(word) > 2 and c.startswith(word.casefold())][:1]
    if near:
        return f"did you mean {by_fold[near[0]]}?"
    if not choices:
        return "there is none to choose from"
    return f"choose from {', '.join(choices)}"
