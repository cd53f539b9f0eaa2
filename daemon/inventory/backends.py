"""Which backend a root module names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from checks.base import Json
from daemon import hcl
from daemon.inventory.model import InventoryError


def backend_of(module: Path) -> tuple[str, dict[str, Json]]:
    """Type and settings of the backend that a module's *.tf and *.tf.json name; "" and {} for none.

    `override.tf` and `*_override.tf` win, as in Terraform. HCP Terraform's `cloud` block counts as the type "cloud".
    Raises InventoryError for files that cannot be parsed.
    """
    found: tuple[str, dict[str, Json]] = ("", {})
    for file in _files(module):
        for block in _terraform_blocks(_parsed(file)):
            for backends in _list(block.get("backend")):
                for kind, config in _mapping(backends).items():
                    inner = config[0] if isinstance(config, list) and config else config
                    found = (kind, dict(_mapping(inner)))
            if block.get("cloud"):
                cloud = _list(block["cloud"])
                found = ("cloud", dict(_mapping(cloud[0] if cloud else {})))
    return found


def values_of(file: Path) -> dict[str, Json]:
    """The settings in a `-backend-config=FILE`. Raises InventoryError."""
    return dict(_parsed(file))


def _files(module: Path) -> list[Path]:
    """Terraform's order: plain files by name, then overrides."""
    files = [*module.glob("*.tf"), *module.glob("*.tf.json")]

    def is_override(file: Path) -> bool:
        stem = file.name.removesuffix(".json").removesuffix(".tf")
        return stem == "override" or stem.endswith("_override")

    return sorted(files, key=lambda file: (is_override(file), file.name))


def _parsed(file: Path) -> Mapping[str, Json]:
    try:
        return hcl.read(file)
    except hcl.HclError as error:
        raise InventoryError(str(error)) from None


def _terraform_blocks(content: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for block in _list(content.get("terraform")):
        yield _mapping(block)


def _list(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
