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
    if settings.atmos_base:
        return (tree / settings.atmos_base).resolve()
    try:
        return (tree / atmosyaml.read(repository, settings.atmos_config).base_path).resolve()
    except InventoryError as bad:
        raise config_error(str(bad), cause="atmos.yaml") from bad
