"""Command lines that call Atmos, taken apart as far as a rule needs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

# Flags of Atmos that take the next word for their value.
_TAKES_VALUE = frozenset(
    {
        "-s", "--stack", "-f", "--file", "--from-step", "--components", "--query", "-q", "--format", "-o", "--output",
        "--logs-level", "--logs-file", "--base-path", "--config", "--config-path", "--identity", "-i", "--chdir", "-C",
        "--redirect-stderr", "--schema-path", "--schema-type", "--module-paths", "--timeout", "--profile", "--ref",
        "--sha", "--repo-path", "--max-concurrency", "--tags", "--labels", "--type", "-t", "--use-version",
    }
)  # fmt: skip
_MANY = frozenset({"--all", "--affected", "--components", "--query", "--tags", "--labels"})
# Words of a shell that end a command.
_ENDS = re.compile(r"^(?:[|&;<>()]+|\d*>.*|2>&1)$")
_CALL = re.compile(r"(?:^|[\s;&|(`\"'@])atmos[ \t]+([^\n`]*)")
_KEY_VALUE = re.compile(r"[A-Za-z_][\w.-]*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of Atmos."""

    words: tuple[str, ...]  # without flags and their values: ("terraform", "plan", "vpc")
    stack: str = ""
    many: bool = False  # it selects components by a flag
    file: str = ""  # of `atmos workflow -f`
    pairs: tuple[str, ...] = field(default=())  # words of the form key=value, keys only

    @property
    def computed(self) -> bool:
        """Whether a shell or a template would put something else in place of a word."""
        return any(mark in word for word in (*self.words, self.stack) for mark in ("$", "{{", "<", "`", "*"))


def parsed(line: str) -> Call:
    """What follows the word `atmos`, taken apart."""
    words: list[str] = []
    pairs: list[str] = []
    stack = file = ""
    many = False
    rest = iter(_split(line))
    for word in rest:
        if word == "--" or _ENDS.match(word):
            break
        if word.startswith("-"):
            name, given, value = word.partition("=")
            many = many or name in _MANY
            if not given and name in _TAKES_VALUE:
                value = next(rest, "")
            if name in ("-s", "--stack"):
                stack = value
            elif name in ("-f", "--file"):
                file = value
        elif _KEY_VALUE.fullmatch(word):
            pairs.append(word.partition("=")[0])
        else:
            words.append(word)
    return Call(tuple(words), stack, many, file, tuple(pairs))


def calls(text: str) -> Iterator[Call]:
    """Every call of Atmos in a line or a script."""
    joined = re.sub(r"\\\r?\n[ \t]*", " ", text)
    for line in joined.splitlines():
        if line.lstrip().startswith("#") and not line.lstrip().startswith("#!"):
            continue
        for found in _CALL.finditer(line):
            yield parsed(found[1])


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        return list(lexer)
    except ValueError:  # a quote that is not closed
        return line.split()
