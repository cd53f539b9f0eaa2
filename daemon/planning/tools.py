"""How Terraform finds providers, and Atmos its base path."""

from __future__ import annotations

import json
from pathlib import Path

from daemon.inventory import atmosyaml
from daemon.inventory.model import InventoryError
from daemon.planning.ended import config_error
from daemon.planning.settings import PlanningSettings


def cli_config(settings: PlanningSettings, folder: Path) -> Path:
    """Terraform's CLI configuration file: the one of the settings, or our own, written into *folder*.

    Providers that the mirror holds come from there alone; all others from where they are published.
    """
    if settings.cli_config is not None:
        return settings.cli_config
    file = folder / "terraformrc"
    file.write_text(_mirrored(settings.provider_mirror) if settings.provider_mirror is not None else "")
    return file


def _mirrored(mirror: Path) -> str:
    sources = sorted(path.relative_to(mirror).as_posix() for path in mirror.glob("*/*/*") if path.is_dir())
    listed = json.dumps(sources)
    return (
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n    include = {listed}\n  }}\n"
        f"  direct {{\n    exclude = {listed}\n  }}\n"
        "}\n"
    )


def atmos_base(repository: Path, settings: PlanningSettings, tree: Path) -> Path:
    """Atmos' base path in the private copy *tree*: of the settings, else of atmos.yaml. Raises LookEndedError."""
    try:
        yaml = atmosyaml.read(repository, settings.atmos_config)
    except InventoryError as bad:
        raise config_error(str(bad), cause="atmos.yaml") from bad
    if Path(yaml.components_path).is_absolute():
        raise config_error(
            f"{yaml.file} names the components by the absolute path {yaml.components_path}: Atmos would write there",
            cause="atmos components path",
            remedy="give components.terraform.base_path relative to the base path",
        )
    base = settings.atmos_base or yaml.base_path
    copied = in_copy(repository, base, tree)
    if copied is None:
        raise config_error(
            f"Atmos' base path {base} lies outside the repository: Atmos would write there",
            cause="atmos base path",
            remedy="set base_path in atmos.yaml, or the source's own, to a folder of the repository",
        )
    return copied


def in_copy(repository: Path, path: str, tree: Path) -> Path | None:
    """Where *path*, relative to *repository* or absolute, is in the copy *tree*; None: it is not in the repository."""
    top = repository.resolve()
    meant = (top / path).resolve()
    return tree / meant.relative_to(top) if meant.is_relative_to(top) else None


def component_folder(tree: Path, directory: str) -> Path:
    """The folder *directory* in the copy *tree*. Raises LookEndedError for one that would lead out of it."""
    folder = tree / directory
    if not folder.resolve().is_relative_to(tree.resolve()):
        raise config_error(
            f"the component's folder {directory} does not lie in the repository",
            cause="folder outside",
            remedy="give it relative to the repository",
        )
    return folder
