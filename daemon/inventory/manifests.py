"""Which stack manifests there are on the disk, and which of them Atmos made a stack of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from checks.base import Json
from checks.manifests.globs import compiled, fitting
from daemon.inventory.atmosyaml import AtmosYaml

_ENDINGS = (".yaml.tmpl", ".yml.tmpl", ".yaml", ".yml")
_SAYS_SOMETHING = re.compile(rb"(?m)^[\"']?(?:components|imports?)[\"']?\s*:")
_READ = 256 * 1024  # bytes: sections at the top level stand near it
_MOST = 20_000  # files
_MOST_GLOBS = 200


def of_stacks(listing: Mapping[str, Json]) -> dict[str, tuple[str, ...]]:
    """Stack -> the manifests that its components came from, by the names that Atmos gives them."""
    found: dict[str, tuple[str, ...]] = {}
    for stack, content in listing.items():
        names = {name for component in _components(content) if (name := _manifest(component))}
        if names:
            found[stack] = tuple(sorted(names))
    return found


def unlisted(root: Path, yaml: AtmosYaml, base: str, listed: Iterable[str]) -> frozenset[str]:
    """Stack manifests below *root* that say something and that no stack came from, by the names Atmos would give them.

    Empty where atmos.yaml does not say which manifests are stacks. *base* is Atmos' base path.
    """
    if not yaml.included_paths:
        return frozenset()
    folder = root / base / yaml.stacks_path
    included = [compiled(_name(glob)) for glob in yaml.included_paths[:_MOST_GLOBS]]
    excluded = [compiled(_name(glob)) for glob in yaml.excluded_paths[:_MOST_GLOBS]]
    known = set(listed)
    found = set()
    for file in _files(folder):
        name = _name(file.relative_to(folder).as_posix())
        if name in known or not fitting(included, name):
            continue
        if not fitting(excluded, name) and _says_something(file):
            found.add(name)
    return frozenset(found)


def _files(folder: Path) -> Iterable[Path]:
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", ".terraform")]
        for name in names:
            if name.endswith(_ENDINGS) and (file := Path(parent, name)).is_file():
                count += 1
                if count > _MOST:
                    return
                yield file


def _says_something(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return _SAYS_SOMETHING.search(stream.read(_READ)) is not None
    except OSError:
        return False


def _name(path: str) -> str:
    ending = next((ending for ending in _ENDINGS if path.endswith(ending)), "")
    return path.removesuffix(ending)


def _components(stack: Json) -> Iterable[Mapping[str, Json]]:
    kinds = stack.get("components") if isinstance(stack, dict) else None
    for components in kinds.values() if isinstance(kinds, dict) else ():
        for section in components.values() if isinstance(components, dict) else ():
            if isinstance(section, dict):
                yield section


def _manifest(section: Mapping[str, Json]) -> str:
    name = section.get("atmos_manifest") or section.get("atmos_stack_file")
    return name if isinstance(name, str) else ""
