"""Files that cannot be read, are not found, or are never looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable

from checks.manifests.affected import ROOT_METADATA as FROM_1_225
from checks.manifests.model import Case, Fault, Manifest, Repository, RepositoryFinding, Spot
from checks.manifests.rules.building import UNREAD, counted, finding, listed, quoted, where

# What Atmos >= 1.225 takes in a manifest's own `metadata`.
GLOBAL_METADATA = ("labels", "tags", "custom", "enabled", "locked", "terraform_workspace_pattern")
MALFORMED = ("broken_yaml", "wrong_type")
NOT_FOUND = ("missing_import", "inherits_unknown")
EXPLAINED = frozenset({*MALFORMED, *NOT_FOUND, "duplicate_key", "type_conflict", "inheritance_loop", "import_loop"})
"""Faults of the reader that have a rule of their own; what else it met is a file that was passed over."""
NOT_FOLLOWED = frozenset({"not_resolved"})
"""Only Atmos can read it: nothing is wrong, and the reading is not complete."""
HARMLESS = frozenset({"second_document"})
"""Worth a note: nothing was left out that Atmos would read."""


def broken_yaml(repository: Repository) -> Iterable[RepositoryFinding]:
    """A file that is no YAML, or no manifest."""
    if faults := _faults(repository, *MALFORMED):
        files = _files(faults)
        reach = _reach(faults)
        first = faults[0]
        stops = (
            f"no YAML, at {where(first.spots[0])}"
            if first.code == "broken_yaml"
            else f"no manifest: at {where(first.spots[0])} {first.detail or 'stands what does not belong there'}"
        )
        yield finding(
            "broken_yaml",
            f"{_is(files)} {stops}.",
            [
                Case(
                    fault.detail or "no YAML",
                    fault.spots,
                    ("",) * (len(fault.spots) - 1) + ("the parser stops here" if fault.code == "broken_yaml" else "",),
                )
                for fault in faults
            ],
            says='"invalid stack manifest", with a line that can be off by one, and loads nothing.'
            if reach
            else "it stops as soon as the file is asked for.",
            remedy=f"Mend {where(first.spots[0])}, or just above it: look for a bracket or quote that is not closed, a "
            "tab, or an indentation that does not fit.",
            stacks=reach,
            blocks_all=bool(reach),
        )


def duplicate_key(repository: Repository) -> Iterable[RepositoryFinding]:
    """One mapping that has one key twice."""
    if faults := _faults(repository, "duplicate_key"):
        names = [name for fault in faults for name in fault.names] or ["a key"]
        reach = _reach(faults)
        yield finding(
            "duplicate_key",
            f"{listed(names)} {'stands' if len(set(names)) == 1 else 'stand'} twice in one mapping, "
            f"in {listed(_files(faults))}.",
            [
                Case(
                    f"{quoted(fault.names[0]) if fault.names else 'a key'} stands twice",
                    fault.spots,
                    ("here",) + ("and here",) * (len(fault.spots) - 1),
                )
                for fault in faults
            ],
            says='"mapping key … already defined", and loads nothing.' if reach else "it stops when it reads the file.",
            remedy=f"Keep one of the two at {where(faults[0].spots[0])} and merge what stands under them: one of them "
            "was meant to be something else, or is a leftover.",
            stacks=reach,
            blocks_all=bool(reach),
        )


def missing_import(repository: Repository) -> Iterable[RepositoryFinding]:
    """An import that matches no file, or a component to inherit from that no import brings."""
    if faults := _faults(repository, "missing_import"):
        names = list(dict.fromkeys(name for fault in faults for name in fault.names))
        near = _nearest(names[0], repository) if names else ""
        reach = _reach(faults)
        yield finding(
            "missing_import",
            f"{listed(names)} {'is' if len(names) == 1 else 'are'} imported, and no such manifest exists.",
            [
                Case(f"import {quoted(name)} matches no file", spots, ("imported here",) * len(spots))
                for name, spots in _by_name(faults)
            ],
            says='"no matches found for the import" (1.226: "stack import not found"), and loads nothing.',
            remedy=f"Correct the path at {where(faults[0].spots[0])}{near}, or bring the file back. Paths are relative "
            "to stacks.base_path, without `.yaml`; `skip_if_missing: true` makes an import optional.",
            stacks=reach,
            blocks_all=bool(reach),
        )
    if faults := _certain(repository, _faults(repository, "inherits_unknown")):
        pairs = [(fault.names[0], fault.names[-1]) if fault.names else ("a component", "another") for fault in faults]
        heir, base = pairs[0]
        more = f"; {counted(len(faults) - 1, 'more case')} like it" if len(faults) > 1 else ""
        home = next((m for m in _sorted(repository) if m.root.at("components", "terraform", base) is not None), None)
        yield finding(
            "missing_import",
            f"{quoted(heir)} inherits from {quoted(base)}, which no manifest of its stack defines{more}.",
            [
                Case(f"{quoted(one)} inherits from {quoted(other)}", fault.spots, ("not defined",))
                for (one, other), fault in zip(pairs, faults, strict=True)
            ],
            says='"The component … inherits from …, but … is not defined in any of the config files", and loads '
            "nothing.",
            remedy=f"Import {quoted(home.name)} in the stack: {home.file} defines it."
            if home is not None
            else f"Correct the name at {where(faults[0].spots[0])}, or bring back the manifest that defined it.",
            stacks=_reach(faults),
            blocks_all=True,
            because=UNREAD,
            variant="inherits",
        )


def unreadable_file(repository: Repository) -> Iterable[RepositoryFinding]:
    """A file that was passed over: too large, not UTF-8, out of the repository, and so on."""
    others = EXPLAINED | HARMLESS | NOT_FOLLOWED
    if faults := [fault for fault in repository.faults if fault.code not in others and fault.spots]:
        files = _files(faults)
        yield finding(
            "unreadable_file",
            f"{counted(len(files), 'file')} could not be read and {'was' if len(files) == 1 else 'were'} passed over: "
            f"{listed(files)}.",
            [Case(fault.detail or fault.code.replace("_", " "), fault.spots) for fault in faults],
            says="it may read what is refused here, so what these files say is missing from this page.",
            remedy="Make them plain UTF-8 YAML of ordinary size inside the repository.",
            stacks=_reach(faults),
            blinds=True,
        )


def root_metadata(repository: Repository) -> Iterable[RepositoryFinding]:
    """A `metadata` at the root of a manifest with keys that Atmos >= 1.225 refuses there."""
    reached = {file for stack in repository.stacks for file in stack.reached | {stack.file}}
    places: dict[Spot, str] = {}
    refusing: set[str] = set()
    for manifest in _sorted(repository):
        metadata = manifest.root.get("metadata")
        if metadata is None or (manifest.file not in reached and not manifest.top_level):
            continue
        refused = {name: node for name, node in metadata.items.items() if name not in GLOBAL_METADATA}
        if refused:
            first = next(iter(refused.values()))
            places[first.key or first.spot] = listed(refused, 6)
            refusing.add(manifest.file)
    if places:
        spot, keys = next(iter(places.items()))
        yield finding(
            "root_metadata",
            f"`metadata` at the root of {counted(len(places), 'manifest')} holds keys that Atmos no longer allows "
            f"there: {keys} at {where(spot)}{', for one' if len(places) > 1 else ''}.",
            [Case("keys that are not allowed at the root", tuple(places), tuple(places.values()))],
            says='"metadata field is not allowed at global (stack-wide) scope". It names no file, and loads nothing.',
            remedy=f"At {where(spot)} move what describes the stack to `vars` or `settings`, or below "
            f"`metadata.custom`. Allowed at the root are {', '.join(GLOBAL_METADATA)}; `component`, `inherits` and "
            "`type` belong into the metadata of a component.",
            affected=FROM_1_225,
            stacks=sorted(
                one.manifest
                for one in repository.stacks
                if one.file in refusing or not refusing.isdisjoint(one.reached)
            ),
            blocks_all=True,
        )


def unreachable_manifest(repository: Repository) -> Iterable[RepositoryFinding]:
    """A manifest that no stack is made of: matched by no included path, and imported by none that is."""
    if not repository.stacks or any(fault.code in UNREAD and fault.code != "missing_import" for fault in
                                    repository.faults):  # fmt: skip
        return  # what cannot be read may import it
    reached = {file for stack in repository.stacks for file in stack.reached | {stack.file}}
    workflows = {workflow.file for workflow in repository.workflows}
    below = f"{repository.settings.workflows_path.rstrip('/')}/" if repository.settings.workflows_path else None
    templated = [_glob(one.path) for m in repository.manifests.values() for one in m.imports if one.templated]
    left = [
        manifest
        for manifest in _sorted(repository)
        if manifest.file not in reached
        and not manifest.top_level
        and manifest.file not in workflows
        and not (below and manifest.file.startswith(below))
        and not any(name in manifest.root.items for name in ("workflows", "kind", "apiVersion"))
        and not any(pattern.fullmatch(manifest.name) for pattern in templated)
    ]
    if left:
        yield finding(
            "unreachable_manifest",
            f"{counted(len(left), 'manifest is', 'manifests are')} read by no stack: "
            f"{listed(manifest.file for manifest in left)}.",
            [Case(f"{manifest.file}", (Spot(manifest.file),)) for manifest in left],
            says="nothing: it never opens them. What stands in them has no effect.",
            remedy="Import them where they are meant to apply, add their folder to stacks.included_paths if they are "
            "stacks, or delete them.",
        )


def _faults(repository: Repository, *codes: str) -> list[Fault]:
    """What went wrong in those ways; what reaches a stack first."""
    found = [fault for fault in repository.faults if fault.code in codes and fault.spots]
    return sorted(found, key=lambda fault: (not fault.stacks, fault.spots[0], fault.names))


def _certain(repository: Repository, faults: list[Fault]) -> list[Fault]:
    """Without those whose stacks may get what is missing from an import that is not ours to follow."""
    partial = {stack.manifest for stack in repository.stacks if stack.partial}
    known = {stack for fault in repository.faults if fault.code in UNREAD for stack in fault.stacks}
    return [fault for fault in faults if not fault.stacks or set(fault.stacks) - partial or set(fault.stacks) & known]


def _reach(faults: Iterable[Fault]) -> list[str]:
    return sorted({stack for fault in faults for stack in fault.stacks})


def _files(faults: Iterable[Fault]) -> list[str]:
    return list(dict.fromkeys(fault.spots[0].file for fault in faults if fault.spots))


def _is(files: list[str]) -> str:
    return f"{listed(files)} {'is' if len(files) == 1 else 'are'}"


def _by_name(faults: Iterable[Fault]) -> list[tuple[str, tuple[Spot, ...]]]:
    found: dict[str, list[Spot]] = {}
    for fault in faults:
        found.setdefault(fault.names[0] if fault.names else "", []).extend(fault.spots)
    return [(name, tuple(dict.fromkeys(spots))) for name, spots in found.items()]


def _nearest(name: str, repository: Repository) -> str:
    """ " (is `catalog/network` meant?)", where a manifest of a similar name exists."""
    from difflib import get_close_matches

    near = get_close_matches(name, [manifest.name for manifest in repository.manifests.values()], 1, 0.75)
    return f" (is {quoted(near[0])} meant?)" if near else ""


def _sorted(repository: Repository) -> list[Manifest]:
    return sorted(repository.manifests.values(), key=lambda manifest: manifest.file)


def _glob(path: str) -> re.Pattern[str]:
    """A path with Go templates as an expression: a template may become anything."""
    stem = re.sub(r"\.(yaml|yml)(\.tmpl)?$", "", path)
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\{\{.*?\}\}", stem)), re.DOTALL)
