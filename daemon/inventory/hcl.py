"""The `terraform` blocks of a root module. The only import of python-hcl2 for the inventory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import hcl2
from lark.exceptions import LarkError

from checks.base import Json
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
        text = file.read_text("utf-8")
        content = json.loads(text) if file.name.endswith(".json") else hcl2.loads(text)  # type: ignore[attr-defined]  # it is re-exported without __all__

    except OSError as error:
        raise InventoryError(f"{file}: cannot be read: {error.strerror}") from None
    except LarkError as error:
        raise InventoryError(f"{file}:{getattr(error, 'line', 1)}: is not valid HCL") from None
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are both
        raise InventoryError(
            f"{file}:{getattr(error, 'lineno', 1)}: cannot be parsed: {type(error).__name__}"
        ) from None
    return _mapping(content)


def _terraform_blocks(content: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for block in _list(content.get("terraform")):
        yield _mapping(block)


def _list(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
