"""The backend of a component, with what Atmos adds to it (internal/exec/stack_processor_backend.go)."""

from __future__ import annotations

from checks.manifests.merge import EMPTY
from checks.manifests.model import Node, Spot

_DEFAULTS = {"s3": "workspace_key_prefix", "gcs": "prefix"}


def backend(
    kind: str, merged: Node, name: str, *, own: Node | None, over_all: Node | None, named: str, spot: Spot
) -> Node:  # fmt: skip
    """The section of type *kind* in *merged*, with its default prefix or key.

    *named*: what the prefix is made of (`metadata.name`, the base component, the instance). *own*: the component's own
    `backend`, *over_all* the stack's; both matter to the key of azurerm only.
    """
    section = merged.get(kind) if kind else None
    section = section if section is not None and isinstance(section.items, dict) else EMPTY
    prefix = (named or name).replace("/", "-")
    if (key := _DEFAULTS.get(kind)) is not None:
        given = section.get(key)
        return section if given is not None and given.text else _with(section, key, prefix, spot)
    if kind == "azurerm" and (value := _azure_key(section, own, over_all, prefix)):
        return _with(section, "key", value, spot)
    return section


def _azure_key(section: Node, own: Node | None, over_all: Node | None, prefix: str) -> str:
    """The generated key; empty where a written one stays."""
    mine = own.at("azurerm", "key") if own is not None else None
    if mine is not None and mine.text:
        return ""
    written, common = section.get("key"), over_all.at("azurerm", "key") if over_all is not None else None
    if written is not None and written.text and (common is None or common.text != written.text):
        return ""
    return "/".join(part for part in (common.text if common is not None else "", f"{prefix}.terraform.tfstate") if part)


def _with(section: Node, key: str, value: str, spot: Spot) -> Node:
    place = section.spot if section.spot.file else spot
    return Node({**section.items, key: Node(value, spot)}, place, section.key)
