"""The names of stacks: all else that Atmos does goes by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from checks.manifests.affected import ALL, BY_NAME, BY_PATTERN_ONLY, NAMED
from checks.manifests.model import Case, Component, Repository, RepositoryFinding, Spot, Stack
from checks.manifests.rules.building import computed_name, counted, finding, listed, quoted, settings_file, where

TOKENS = ("namespace", "tenant", "environment", "stage")
"""All that Atmos knows in `name_pattern`."""

_AMBIGUOUS = (
    '"Atmos can\'t decide which stack manifest file to use", once for each component and with every manifest: '
    "tens to hundreds of kilobytes, none of which name the cause."
)


def tokens(pattern: str) -> list[str]:
    """The names in braces, in order."""
    return re.findall(r"\{([^{}]*)\}", pattern)


def pattern_part_missing(repository: Repository) -> Iterable[RepositoryFinding]:
    """A stack that does not set a variable that `name_pattern` is made of."""
    pattern = repository.settings.name_pattern
    if pattern is None:
        return
    missing: dict[str, list[Stack]] = {}
    for stack in _by_pattern(repository):
        if stack.partial:
            continue  # what could not be read may set it
        for token in (word for word in tokens(pattern.text) if word in TOKENS):
            if not all(_has(one, token) for one in stack.components.values()):
                missing.setdefault(token, []).append(stack)
    if missing:
        token, stacks = next(iter(missing.items()))
        concerned = list({stack.manifest: stack for found in missing.values() for stack in found}.values())
        yield finding(
            "pattern_part_missing",
            f"{listed(stack.manifest for stack in concerned)} {'does' if len(concerned) == 1 else 'do'} not set "
            f"`vars.{token}`, which name_pattern needs for the stack's name.",
            [
                Case(f"`vars.{word}` is not set for {quoted(stack.manifest)}", (_vars(repository, stack),))
                for word, found in missing.items()
                for stack in found
            ]
            + [Case("the pattern", (pattern.spot,), ("asks for it",))],
            says=f"\"the stack name pattern … specifies '{token}', but the stack … does not have a {token} defined\", "
            "and lists nothing, the other stacks neither.",
            remedy=f"Set `{token}` under `vars:` at {where(_vars(repository, stacks[0]))}. If the file is no stack but "
            "a part that others import, add it to stacks.excluded_paths.",
            affected=BY_PATTERN_ONLY if all(stack.manifest_name for stack in concerned) else ALL,
            stacks=[stack.manifest for stack in concerned],
            blocks_all=True,
        )


def unknown_pattern_token(repository: Repository) -> Iterable[RepositoryFinding]:
    """A token in `name_pattern` that Atmos does not know, and leaves out without a word."""
    pattern = repository.settings.name_pattern
    stacks = _by_pattern(repository)
    if pattern is None or not stacks:
        return
    found = tokens(pattern.text)
    unknown = [token for token in found if token not in TOKENS]
    if not unknown:
        return
    empty = len(unknown) == len(found)
    effect = "every stack's name is empty" if empty else "that part is left out of every stack's name"
    yield finding(
        "unknown_pattern_token",
        f"name_pattern uses {listed(f'{{{token}}}' for token in unknown)}, which Atmos does not know: {effect}.",
        [Case(f"{listed(f'{{{token}}}' for token in unknown)} is no token", (pattern.spot,), ("name_pattern",))],
        says=f"nothing about the token. {_AMBIGUOUS}" if empty else "nothing: it leaves the part out.",
        remedy=f"{_suggestion(repository, stacks)} Tokens are {', '.join(f'{{{token}}}' for token in TOKENS)}; "
        "anything else needs name_template.",
        affected=BY_PATTERN_ONLY if all(stack.manifest_name for stack in stacks) else ALL,
        stacks=[stack.manifest for stack in stacks],
        blocks_all=empty and len(stacks) > 1,
        blinds=True,
    )


def stack_name_collision(repository: Repository) -> Iterable[RepositoryFinding]:
    """Two manifests with one stack name: one of them silently wins."""
    pattern = repository.settings.name_pattern
    unknown = pattern is not None and any(token not in TOKENS for token in tokens(pattern.text))
    for by_name in (True, False):
        groups = [
            group
            for group in _groups(_told(repository), lambda stack: stack.name)
            if (any(stack.name_from == "name" for stack in group)) is by_name
        ]
        if not groups:
            continue
        names = [group[0].name for group in groups]
        concerned = [stack for group in groups for stack in group]
        cause = _imported_name(groups[0]) if by_name else ""
        yield finding(
            "stack_name_collision",
            f"{counted(len(concerned), 'manifest')} share {_the_names(names)}: "
            f"{listed((stack.manifest for stack in concerned), 4)}{cause}.",
            [
                Case(
                    f"{quoted(group[0].name)}: {listed((stack.manifest for stack in group), 6)}",
                    *_naming_places(repository, group, by_name=by_name),
                )
                for group in groups
            ],
            says="nothing: `describe stacks` ends with 0 and lists one of them under the name, not the same one at "
            'each call; the others are not there. Planning in it fails with "Found duplicate config", or plans '
            "the winner.",
            remedy=_collision_remedy(groups[0], by_name=by_name),
            affected=BY_NAME if by_name else ALL,
            stacks=[stack.manifest for stack in concerned],
            blinds=True,
            because=("unknown_pattern_token",) if unknown and not by_name else (),
            variant="by_name" if by_name else "",
        )


def ambiguous_component(repository: Repository) -> Iterable[RepositoryFinding]:
    """A component that several manifests of one stack name, or of none, define: Atmos cannot tell which is meant."""
    groups = _groups(_told(repository), lambda stack: stack.name, empty=True)
    cases, concerned = [], []
    for group in groups:
        if not group[0].name and any(_lacks_part(repository, stack) for stack in group):
            continue  # Atmos stops before
        by_component: dict[str, list[Component]] = {}
        for stack in group:
            for component in stack.components.values():
                if not component.abstract:
                    by_component.setdefault(component.name, []).append(component)
        for name, found in sorted(by_component.items()):
            if len(found) > 1:
                stack_name = quoted(group[0].name) if group[0].name else "an empty stack name"
                cases.append(
                    Case(f"{quoted(name)}: in {counted(len(found), 'manifest')} with {stack_name}",
                         tuple(one.spot for one in found))
                )  # fmt: skip
                concerned.extend(found)
    if cases:
        only_named = all(stack.name_from == "name" for group in groups for stack in group)
        yield finding(
            "ambiguous_component",
            f"{counted(len(cases), 'component')} cannot be told apart: several manifests define them under one name.",
            cases,
            says=_AMBIGUOUS,
            remedy="Give every stack a name of its own.",
            affected=BY_NAME if only_named else ALL,
            components=concerned,
            blinds=True,
            blocks_all=any(not group[0].name for group in groups),
            because=("unknown_pattern_token", "pattern_part_missing", "stack_name_collision"),
        )


def name_cannot_be_planned(repository: Repository) -> Iterable[RepositoryFinding]:
    """A stack's name with a slash: listed, and then not found."""
    found = [stack for stack in repository.stacks if "/" in stack.name and stack.name_from != "file"]
    if found:
        spots: dict[Spot, list[Stack]] = {}
        for stack in found:
            spots.setdefault(stack.name_spot, []).append(stack)
        first = found[0]
        yield finding(
            "name_cannot_be_planned",
            f"{listed(stack.name for stack in found)}: a stack's name with a slash is listed, but nothing in it can "
            "be planned.",
            [
                Case(f"makes {listed((stack.name for stack in stacks), 6)}", (spot,), (f"the {stacks[0].name_from}",))
                for spot, stacks in spots.items()
            ],
            says=f"\"could not find the stack '{first.name[:120]}'\", for each plan and apply; `describe stacks` "
            "shows nothing unusual.",
            remedy=f"Write `-` for `/` at {where(first.name_spot)}, so that "
            f"{quoted(first.name)} becomes {quoted(first.name.replace('/', '-'))}. States that exist under a "
            "workspace of the old name need `metadata.terraform_workspace`.",
            affected=BY_NAME if all(stack.name_from == "name" for stack in found) else ALL,
            stacks=[stack.manifest for stack in found],
            blinds=True,
        )


def _by_pattern(repository: Repository) -> list[Stack]:
    """The stacks whose name `name_pattern` makes, under the version asked for or, where that is not known, any."""
    settings = repository.settings
    if settings.name_pattern is None or settings.name_template is not None:
        return []
    named_by_themselves = repository.version is not None and repository.version >= NAMED
    return [stack for stack in repository.stacks if not (named_by_themselves and stack.manifest_name)]


def _has(component: Component, token: str) -> bool:
    node = component.vars.get(token)
    return node is not None and node.value is not None and node.value != ""


def _lacks_part(repository: Repository, stack: Stack) -> bool:
    pattern = repository.settings.name_pattern
    if pattern is None or repository.settings.name_template is not None:
        return False
    needed = [token for token in tokens(pattern.text) if token in TOKENS]
    return not all(_has(one, token) for token in needed for one in stack.components.values())


def _vars(repository: Repository, stack: Stack) -> Spot:
    """Where a variable of the stack would be set: its own `vars`, else its file."""
    manifest = repository.manifests.get(stack.file)
    own = manifest.root.get("vars") if manifest is not None else None
    return (own.key or own.spot) if own is not None else Spot(stack.file)


def _told(repository: Repository) -> list[Stack]:
    """The stacks whose names can be told."""
    return [stack for stack in repository.stacks if not computed_name(repository, stack)]


def _groups(
    stacks: Sequence[Stack], key: Callable[[Stack], str], *, empty: bool = False
) -> list[list[Stack]]:  # fmt: skip
    """Stacks of one name, where there is more than one; those without a name too, if asked for."""
    found: dict[str, list[Stack]] = {}
    for stack in sorted(stacks, key=lambda one: one.manifest):
        if empty or key(stack):
            found.setdefault(key(stack), []).append(stack)
    return [group for _, group in sorted(found.items()) if len(group) > 1]


def _the_names(names: Sequence[str]) -> str:
    return f"the stack name {quoted(names[0])}" if len(names) == 1 else f"{len(names)} stack names ({listed(names)})"


def _imported_name(group: Sequence[Stack]) -> str:
    """ ", because stacks/catalog/x.yaml:1, which they import, says `name:`"."""
    spots = {stack.manifest_name_spot for stack in group}
    spot = next(iter(spots))
    if len(spots) == 1 and spot is not None and all(spot.file != stack.file for stack in group):
        return f", because {where(spot)}, which all of them import, sets `name:`"
    return ""


def _naming_places(
    repository: Repository, group: Sequence[Stack], *, by_name: bool
) -> tuple[tuple[Spot, ...], tuple[str, ...]]:
    """The places that give the stacks of a group their name, and what stands there."""
    if by_name:
        spots = [stack.manifest_name_spot or stack.name_spot for stack in group]
        own = [(spot, "`name:`") for spot in dict.fromkeys(spots)]
        naming = {spot.file for spot in spots}
        files = [(Spot(stack.file), "gets it") for stack in group if stack.file not in naming]
        return tuple(spot for spot, _ in own + files), tuple(mark for _, mark in own + files)
    pattern = repository.settings.name_pattern
    found: list[tuple[Spot, str]] = []
    for stack in group:
        node = _deciding(stack, tokens(pattern.text) if pattern is not None else ())
        found.append((node, "decides the name"))
    found += [(spot, f"the {group[0].name_from}") for spot in dict.fromkeys(stack.name_spot for stack in group)]
    unique = dict(reversed(found))
    ordered = list(dict.fromkeys(spot for spot, _ in found))
    return tuple(ordered), tuple(unique[spot] for spot in ordered)


def _deciding(stack: Stack, names: Iterable[str]) -> Spot:
    """Where the stack's own file sets a part of its name; else the file."""
    for name in reversed(list(names) or list(TOKENS)):
        node = stack.vars.get(name)
        if node is not None and node.spot.file == stack.file:
            return node.key or node.spot
    return Spot(stack.file)


def _collision_remedy(group: Sequence[Stack], *, by_name: bool) -> str:
    first = group[0]
    if by_name:
        spot = first.manifest_name_spot or first.name_spot
        imported = all(spot.file != stack.file for stack in group)
        if imported:
            return (
                f"Delete `name:` at {where(spot)}: a catalog file that several stacks import must not name a stack. "
                "Where a stack should be named by hand, set `name:` in its own manifest."
            )
        return f"Give each manifest a `name:` of its own; start at {where(spot)}."
    files = " and ".join(stack.file for stack in group[:3])
    return (
        f"If {files} are one stack, merge them into one file; if they are two, let them differ in a variable that the "
        "name is made of. If one is a leftover copy, delete it: until then either may be the one that is applied."
    )


def _suggestion(repository: Repository, stacks: Sequence[Stack]) -> str:
    """The edit that would make names unique, from the variables that all stacks set."""
    file = settings_file(repository)
    shared = [name for name in TOKENS if all(_text(stack, name) for stack in stacks)]
    for chosen in ([name for name in shared if name != "namespace"], shared):
        names = {tuple(_text(stack, name) for name in chosen) for stack in stacks}
        if chosen and len(names) == len(stacks):
            pattern = "-".join(f"{{{name}}}" for name in chosen)
            return f'In {file} set `name_pattern: "{pattern}"`: with it every stack here has a name of its own.'
    more = sorted({name for stack in stacks for name in stack.vars.items} - set(TOKENS))
    for name in more:
        chosen = [*shared, name]
        names = {tuple(_text(stack, one) for one in chosen) for stack in stacks}
        if all(_text(stack, name) for stack in stacks) and len(names) == len(stacks):
            template = "-".join(f"{{{{ .vars.{one} }}}}" for one in chosen)
            return f'In {file} set `name_template: "{template}"`: with it every stack here has a name of its own.'
    return f"In {file} use variables that every stack sets, and that tell all stacks apart."


def _text(stack: Stack, name: str) -> str:
    node = stack.vars.get(name)
    return node.text if node is not None and "{{" not in node.text else ""
