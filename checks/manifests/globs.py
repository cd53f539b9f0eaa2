"""Paths against globs as Atmos' doublestar library reads them, in time that no pattern can blow up.

`*` and `?` stay in one folder, `**` as a whole part crosses folders, `[a-z]` and `{a,b}` are known. A pattern that is
not well formed fits nothing. Source: https://pkg.go.dev/github.com/bmatcuk/doublestar/v4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_ALTERNATIVES = 256  # that the braces of one pattern may stand for
_LONG = 1024  # characters of a pattern

Token = str | frozenset[str] | tuple[bool, tuple[tuple[str, str], ...]]  # a character; "*" and "?" as ANY, ONE; a class
_ANY: frozenset[str] = frozenset({"*"})
_ONE: frozenset[str] = frozenset({"?"})


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern, taken apart once. Each alternative is a list of parts; None stands for `**`."""

    alternatives: tuple[tuple[tuple[Token, ...] | None, ...], ...]

    @property
    def stars(self) -> int:
        """How many `*` and `**` it has: what looking it up costs."""
        parts = [part for alternative in self.alternatives for part in alternative]
        return sum(1 if part is None else part.count(_ANY) for part in parts)

    def fits(self, path: str) -> bool:
        """Whether the whole of *path* (parts joined by "/") fits."""
        parts = path.split("/")
        return any(_fits(alternative, parts) for alternative in self.alternatives)


def is_glob(path: str) -> bool:
    """Whether *path* says more than one name."""
    return any(char in path for char in "*?[{")


def compiled(pattern: str) -> Glob:
    """Take a pattern apart. A malformed one, or one with too many alternatives, fits nothing."""
    try:
        alternatives = tuple(tuple(_part(part) for part in one.split("/")) for one in _braces(pattern))
    except ValueError:
        return Glob(())
    return Glob(alternatives)


def gitignore(pattern: str) -> Glob:
    """A pattern of .gitignore or CODEOWNERS without `!` and `[ ]`: it fits what it names, and all that is in it."""
    body = pattern.strip("/")
    parts = tuple(None if part == "**" else _plain(part) for part in body.split("/")[:_LONG])
    rooted = parts if "/" in pattern.rstrip("/") else (None, *parts)
    inside = (*rooted, (_ANY,), None)
    return Glob((rooted,) if body.endswith("/*") else (rooted, inside))


def fitting(patterns: Iterable[Glob], path: str) -> bool:
    """Whether any pattern fits."""
    return any(pattern.fits(path) for pattern in patterns)


def _fits(pattern: tuple[tuple[Token, ...] | None, ...], parts: list[str]) -> bool:
    """Which parts of the pattern may be next, after each part of the path: as many steps as parts times parts."""
    states = _closed({0}, pattern)
    for part in parts:
        following: set[int] = set()
        for state in states:
            if state == len(pattern):
                continue
            wanted = pattern[state]
            if wanted is None:
                following.add(state)
            elif _part_fits(wanted, part):
                following.add(state + 1)
        states = _closed(following, pattern)
        if not states:
            return False
    return len(pattern) in states


def _closed(states: set[int], pattern: tuple[tuple[Token, ...] | None, ...]) -> set[int]:
    """With what `**` can skip, as it may stand for no folder at all."""
    closed = set(states)
    for state in states:
        while state < len(pattern) and pattern[state] is None:
            state += 1
            closed.add(state)
    return closed


def _part_fits(tokens: tuple[Token, ...], text: str) -> bool:
    """The same for the characters of one part; a star that failed is tried one character further, never all of them."""
    at = token_at = 0
    star, resume = -1, 0
    while at < len(text):
        if token_at < len(tokens) and tokens[token_at] is _ANY:
            star, resume = token_at, at
            token_at += 1
        elif token_at < len(tokens) and _char_fits(tokens[token_at], text[at]):
            at += 1
            token_at += 1
        elif star >= 0:
            resume += 1
            at, token_at = resume, star + 1
        else:
            return False
    return all(token is _ANY for token in tokens[token_at:])


def _char_fits(token: Token, char: str) -> bool:
    if token is _ONE:
        return True
    if isinstance(token, tuple):
        negated, ranges = token
        return any(low <= char <= high for low, high in ranges) != negated
    return token == char


def _part(text: str) -> tuple[Token, ...] | None:
    if text == "**":
        return None
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
            if at == len(text):
                raise ValueError("ends in a backslash")
            tokens.append(text[at])
        elif char == "[":
            token, at = _class(text, at + 1)
            tokens.append(token)
        elif char == "*":
            if not tokens or tokens[-1] is not _ANY:
                tokens.append(_ANY)
        else:
            tokens.append(_ONE if char == "?" else char)
        at += 1
    return tuple(tokens)


def _plain(text: str) -> tuple[Token, ...]:
    """A part in which only `*` and `?` have a meaning."""
    tokens: list[Token] = []
    for char in text[:_LONG]:
        if char != "*" or not tokens or tokens[-1] is not _ANY:
            tokens.append({"*": _ANY, "?": _ONE}.get(char, char))
    return tuple(tokens)


def _class(text: str, at: int) -> tuple[Token, int]:
    """The class that begins after `[` at *at*, and where its `]` stands."""
    end = text.find("]", at + 1)
    if end < 0:
        raise ValueError("a [ that is not closed")
    body = text[at:end]
    negated = body[:1] in ("!", "^")
    body = body[1:] if negated else body
    ranges = []
    position = 0
    while position < len(body):
        low = body[position]
        if position + 2 < len(body) and body[position + 1] == "-":
            ranges.append((low, body[position + 2]))
            position += 3
        else:
            ranges.append((low, low))
            position += 1
    if not ranges:
        raise ValueError("a class of nothing")
    return (negated, tuple(ranges)), end


def _braces(pattern: str) -> list[str]:
    """The pattern once for each way through its braces."""
    if len(pattern) > _LONG:
        raise ValueError("too long")
    done: list[str] = []
    pending = [pattern]
    while pending:
        one = pending.pop()
        begin = one.find("{")
        if begin < 0:
            if "}" in one:
                raise ValueError("a } that was not opened")
            done.append(one)
            continue
        end = _closing(one, begin)
        pending.extend(one[:begin] + choice + one[end + 1 :] for choice in _choices(one[begin + 1 : end]))
        if len(pending) + len(done) > _ALTERNATIVES:
            raise ValueError("too many alternatives")
    return done


def _closing(text: str, begin: int) -> int:
    depth = 0
    for at in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise ValueError("a { that is not closed")


def _choices(body: str) -> list[str]:
    choices, depth, last = [], 0, 0
    for at, char in enumerate(body):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            choices.append(body[last:at])
            last = at + 1
    return [*choices, body[last:]]
