"""What the real Atmos printed of a repository, held against what reading its files gives."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from checks.manifests.merge import plain
from checks.manifests.model import Component, Node, Opaque, Repository, Version
from checks.manifests.templates import has_template
from daemon.repository import read
from tests import fakeatmos

MASKED = "<MASKED>"  # what Atmos >= 1.205 prints in place of values that look like credentials

# Recordings of whole listings, and of which repository. Some generations refuse some repositories.
LISTINGS: tuple[tuple[str, str], ...] = (
    ("describe-stacks", ""),
    ("describe-stacks-dev", ""),
    ("describe-stacks", "ci"),
    ("describe-stacks", "inert-workflow"),
    ("duplicate-stack", "duplicate-stack"),
    ("functions-off", "functions"),
    ("functions-on", "functions"),
    ("missing-component-folder", "missing-component-folder"),
    ("name-collision", "name-collision"),
    ("name-template", "name-template"),
    ("no-backend", "no-backend"),
    ("root-metadata", "root-metadata"),
    ("templates-default", "templates"),
    ("templates-off", "templates"),
    ("type-conflict", "type-conflict"),
    ("workspaces-describe-stacks", "workspaces"),
)


def version(generation: str) -> Version:
    major, minor, patch = (int(part) for part in generation.split("."))
    return major, minor, patch


def listings() -> list[tuple[str, str, str]]:
    """Generation, recording and variant of every listing that succeeded."""
    return [
        (generation, name, variant)
        for generation in fakeatmos.GENERATIONS
        for name, variant in LISTINGS
        if fakeatmos.recording(generation, name)["rc"] == 0
    ]


def reading(folder: Path, generation: str, variant: str) -> Repository:
    """The repository of *variant*, read as that generation would."""
    repository = fakeatmos.lay_out(folder, *([variant] if variant else []), generation=generation)
    return read(repository, version(generation))


def differences(repository: Repository, generation: str, name: str) -> list[str]:
    """Where the reading and the recording disagree."""
    call = fakeatmos.recording(generation, name)
    listing = json.loads(call["stdout"])
    only = call["argv"][call["argv"].index("-s") + 1] if "-s" in call["argv"] else None
    return [*_missing(repository, listing, only), *_wrong(repository, listing)]


def _missing(repository: Repository, listing: Mapping[str, Any], only: str | None) -> Iterator[str]:
    ours = {
        (one.stack, one.name)
        for stack in repository.stacks
        for one in stack.components.values()
        if only in (None, one.stack)
    }
    theirs = {(stack, name) for stack, content in listing.items() for name in content["components"]["terraform"]}
    yield from (f"only Atmos lists {one}" for one in sorted(theirs - ours))
    yield from (f"only the reading lists {one}" for one in sorted(ours - theirs))
    if only is None and {stack.name for stack in repository.stacks} != set(listing):
        yield f"stacks are {sorted({stack.name for stack in repository.stacks})}, not {sorted(listing)}"


def _wrong(repository: Repository, listing: Mapping[str, Any]) -> Iterator[str]:
    found = {
        (stack.manifest, one.name): one for stack in repository.stacks for one in stack.components.values()
    }  # fmt: skip
    for stack, content in listing.items():
        for name, section in content["components"]["terraform"].items():
            component = found.get((section["atmos_manifest"], name))
            if component is None:
                yield f"{stack}: {name} of {section['atmos_manifest']} is not in the reading"
            else:
                yield from (f"{stack}/{name}: {one}" for one in _apart(component, section))


def _apart(component: Component, section: Mapping[str, Any]) -> Iterator[str]:
    for key, node in (
        ("vars", component.vars),
        ("settings", component.settings),
        ("metadata", component.metadata),
        ("env", component.env),
        ("backend", component.backend),
    ):
        yield from _unequal(node, section[key], key)
    for key, said, printed in (
        ("backend_type", component.backend_type, section["backend_type"]),
        ("inheritance", list(component.inherits), section["inheritance"] or []),
        ("base", component.base, section["metadata"].get("component") or section["component"]),
        ("abstract", component.abstract, section["metadata"].get("type") == "abstract"),
        ("enabled", component.enabled, section["metadata"].get("enabled") is not False),
    ):
        if said != printed:
            yield f"{key} is {said!r}, not {printed!r}"
    if component.base == component.name and component.workspace != section["workspace"]:
        yield f"workspace is {component.workspace!r}, not {section['workspace']!r}"


def _unequal(node: Node, printed: Any, path: str) -> Iterator[str]:
    """Deep comparison. Functions and templates are not run by the reading, and Atmos masks what may be secret."""
    if printed == MASKED or isinstance(node.value, Opaque) or has_template(node.text):
        return
    if isinstance(printed, dict) and isinstance(node.value, Mapping):
        for key in sorted({*printed, *node.items}):
            mine = node.get(key)
            if mine is None or key not in printed:
                yield f"{path}.{key} is only in {'the recording' if mine is None else 'the reading'}"
            else:
                yield from _unequal(mine, printed[key], f"{path}.{key}")
    elif plain(node) != printed:
        yield f"{path} is {plain(node)!r}, not {printed!r}"
