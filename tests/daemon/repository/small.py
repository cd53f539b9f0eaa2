"""Repositories of a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from checks.manifests.model import Component, Fault, Repository, Stack, Version
from daemon.repository import Limits, read

ATMOS = """\
base_path: "."
components: {terraform: {base_path: components/terraform}}
stacks:
  base_path: stacks
  included_paths: ["deploy/**/*"]
  excluded_paths: ["**/_defaults.yaml"]
  name_pattern: "{tenant}-{stage}"
workflows: {base_path: workflows}
"""

NAMED = "vars: {tenant: acme, stage: dev}\n"
OLD: Version = (1, 163, 0)
NEW: Version = (1, 226, 1)


def write(root: Path, files: Mapping[str, str | bytes], atmos: str = ATMOS) -> Path:
    """A repository with an atmos.yaml and *files*."""
    for name, content in {"atmos.yaml": atmos, **files}.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def repository(
    root: Path,
    files: Mapping[str, str | bytes],
    version: Version | None = (1, 226, 1),
    *,
    atmos: str = ATMOS,
    limits: Limits | None = None,
) -> Repository:
    """The same, read."""
    return read(write(root, files, atmos), version, limits=limits)


def only(found: Repository) -> Stack:
    """Its one stack."""
    (stack,) = found.stacks
    return stack


def told(faults: tuple[Fault, ...]) -> list[tuple[str, list[str], tuple[str, ...]]]:
    """Faults as code, places and names."""
    return [(fault.code, [str(spot) for spot in fault.spots], fault.names) for fault in faults]


def component(root: Path, text: str, name: str, version: Version = NEW, **files: str) -> Component:
    """One component of a stack whose manifest is *text*; more manifests by their names below stacks/."""
    others = {f"stacks/{path.replace('__', '/')}.yaml": content for path, content in files.items()}
    return only(repository(root, {"stacks/deploy/dev.yaml": text, **others}, version)).components[name]
