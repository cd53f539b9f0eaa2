"""What the rules build their findings with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from checks.manifests.affected import ALL, Affected
from checks.manifests.model import Case, Component, Content, Opaque, Repository, RepositoryFinding, Spot, Stack
from checks.manifests.names import TOKENS

NAMING = ("unknown_pattern_token", "pattern_part_missing", "stack_name_collision", "name_cannot_be_planned")
"""What can be wrong with the names of stacks: all else that goes by these names follows from it."""
UNREAD = ("broken_yaml", "duplicate_key", "unreadable_file", "missing_import")
"""What can keep a part of a stack from being read."""

_LONGEST = 120  # of a name in a sentence
_SHOWN = 3  # names in a sentence


def finding(
    code: str,
    summary: str,
    cases: Iterable[Case],
    *,
    says: str,
    remedy: str,
    affected: Affected = ALL,
    blinds: bool = False,
    blocks_all: bool = False,
    components: Iterable[Component] = (),
    stacks: Iterable[str] = (),
    because: Sequence[str] = (),
    variant: str = "",
) -> RepositoryFinding:
    """A finding of *cases*: its places are theirs, in their order, each once."""
    told = tuple(cases)
    concerned = tuple(components)
    return RepositoryFinding(
        code=code,
        summary=summary,
        spots=tuple(dict.fromkeys(spot for case in told for spot in case.spots)),
        atmos_says=says,
        remedy=remedy,
        affected=affected.words,
        blinds=blinds or blocks_all,
        blocks_all=blocks_all,
        stacks=tuple(dict.fromkeys(chain(stacks, (one.manifest for one in concerned)))),
        components=tuple(dict.fromkeys(one.name for one in concerned)),
        cases=told,
        since=affected.since,
        before=affected.before,
        because=tuple(because),
        variant=variant,
    )


def quoted(name: str) -> str:
    """*name* as it stands in a sentence, cut where it is longer than any sentence bears."""
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return f"`{short}`"


def listed(names: Iterable[str], shown: int = _SHOWN) -> str:
    """ "`a`, `b` and 4 more"."""
    unique = list(dict.fromkeys(names))
    quotes = [quoted(name) for name in unique[:shown]]
    if len(unique) > shown:
        return f"{', '.join(quotes)} and {len(unique) - shown} more"
    return " and ".join([", ".join(quotes[:-1]), quotes[-1]]) if len(quotes) > 1 else "".join(quotes)


def counted(number: int, word: str, plural: str = "") -> str:
    """ "1 stack", "3 stacks"."""
    return f"{number} {word if number == 1 else plural or word + 's'}"


def type_of(value: Content) -> str:
    """What kind of value it is, for people."""
    if isinstance(value, Opaque):
        return "a function"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "a map"
    if value is None:
        return "nothing"
    words: Mapping[type, str] = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}
    return words[type(value)]


def plannable(repository: Repository) -> Iterator[tuple[Stack, Component]]:
    """Every instance that Atmos would plan, with its stack: neither abstract nor switched off."""
    for stack in repository.stacks:
        for component in stack.components.values():
            if not component.abstract and component.enabled:
                yield stack, component


def settings_file(repository: Repository) -> str:
    """The name of the configuration file, whether it is there or not."""
    return repository.settings.file or "atmos.yaml"


def where(spot: Spot) -> str:
    """A place for a remedy: file and line."""
    return f"{spot.file}:{spot.line}" if spot.line else spot.file


def computed_name(repository: Repository, stack: Stack) -> bool:
    """Whether only Atmos can tell the stack's name: a template or a function makes it. Two of them are not one name."""
    if stack.name or stack.name_from == "template":
        return not stack.name
    pattern = repository.settings.name_pattern
    if stack.name_from != "pattern" or pattern is None:
        return False
    needed = (stack.vars.get(token) for token in TOKENS if f"{{{token}}}" in pattern.text)
    return any(node is not None and isinstance(node.value, Opaque) for node in needed)
