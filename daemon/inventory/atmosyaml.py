"""What Barograph needs to know of atmos.yaml. The only import of yaml for the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from checks.base import Json
from checks.manifests.workspace import Naming
from daemon.inventory.model import InventoryError

_LARGEST = 4 * 1024 * 1024  # bytes
NAMES = ("atmos.yaml", ".atmos.yaml", "atmos.yml", ".atmos.yml")


@dataclass(frozen=True, slots=True)
class AtmosYaml:
    """Settings of Atmos with its defaults (pkg/config in its source)."""

    file: str = ""  # relative to the repository; empty: there is none
    base_path: str = "."
    components_path: str = "components/terraform"
    stacks_path: str = "stacks"
    command: str = "terraform"
    naming: Naming = field(default_factory=Naming)
    included_paths: tuple[str, ...] = ()  # globs below the stacks' folder, of the manifests that are stacks
    excluded_paths: tuple[str, ...] = ()


def read(repository: Path, config_path: str = "") -> AtmosYaml:
    """Read atmos.yaml of *repository*, in the folder *config_path*. No file: the defaults (Atmos says what is wrong).

    Raises InventoryError where the file is no YAML mapping.
    """
    for name in NAMES:
        file = repository / config_path / name
        if not file.is_file():
            continue
        where = file.relative_to(repository).as_posix()
        try:
            if file.stat().st_size > _LARGEST:
                raise InventoryError(
                    f"{where}: is larger than {_LARGEST // 1024 // 1024} MiB; that is no configuration"
                )
            content = yaml.safe_load(file.read_text("utf-8", errors="replace"))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise InventoryError(f"{where}:{line}: is not valid YAML: {error.problem}") from None
        # PyYAML lets out what int() and date() say of its scalars, and the end of the stack.
        except (yaml.YAMLError, OSError, ValueError, RecursionError) as error:
            raise InventoryError(f"{where}: cannot be read: {type(error).__name__}") from None
        if content is not None and not isinstance(content, dict):
            raise InventoryError(f"{where}: is not a mapping; see https://atmos.tools/cli/configuration")
        return _from(content or {}, where)
    return AtmosYaml()


def _from(content: Mapping[str, Json], where: str) -> AtmosYaml:
    terraform = _mapping(_mapping(content.get("components")).get("terraform"))
    stacks = _mapping(content.get("stacks"))
    return AtmosYaml(
        file=where,
        base_path=_text(content.get("base_path")) or ".",
        components_path=_text(terraform.get("base_path")) or "components/terraform",
        stacks_path=_text(stacks.get("base_path")) or "stacks",
        command=_text(terraform.get("command")) or "terraform",
        naming=Naming(
            pattern=_text(stacks.get("name_pattern")),
            template=_text(stacks.get("name_template")),
            workspaces_enabled=terraform.get("workspaces_enabled") is not False,
        ),
        included_paths=_texts(stacks.get("included_paths")),
        excluded_paths=_texts(stacks.get("excluded_paths")),
    )


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
