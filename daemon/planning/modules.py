"""What a root module says about itself: required versions, and its AWS providers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon import hcl
from daemon.planning.ended import config_error

_OURS = "zzz_barograph_override.tf.json"
_OVERRIDES = ("_override.tf", "_override.tf.json")


@dataclass(frozen=True, slots=True)
class RootModule:
    """The parts of a root module that planning needs."""

    required_versions: tuple[str, ...] = ()
    aws_providers: tuple[str, ...] = ()  # aliases of its `provider "aws"` blocks; "" is the one without
    uses_aws: bool = False  # it names AWS, or calls modules that may
    unreadable: tuple[str, ...] = ()  # files that do not parse
    overrides: tuple[str, ...] = ()  # its override files


def read_module(folder: Path) -> RootModule:
    """Read the `.tf` and `.tf.json` files of *folder*. A file that does not parse is named, not an error."""
    versions: list[str] = []
    aliases: list[str] = []
    unreadable: list[str] = []
    uses_aws = False
    for file in sorted([*folder.glob("*.tf"), *folder.glob("*.tf.json")]):
        try:
            body = hcl.read(file)
        except hcl.HclError:
            unreadable.append(file.name)
            continue
        terraform = list(_blocks(body.get("terraform")))
        versions += [str(block["required_version"]).strip('"') for block in terraform if block.get("required_version")]
        for block in _blocks(body.get("provider")):
            aliases += [str(provider.get("alias", "")).strip('"') for provider in _blocks(block.get("aws"))]
        uses_aws = uses_aws or "module" in body or _names_aws(body, terraform)
    overrides = tuple(sorted(file.name for file in folder.iterdir() if file.name.endswith(_OVERRIDES)))
    return RootModule(
        tuple(versions), tuple(dict.fromkeys(aliases)), uses_aws or bool(aliases), tuple(unreadable), overrides
    )


def _names_aws(body: Mapping[str, Any], terraform: Iterable[Mapping[str, Any]]) -> bool:
    types = [name for kind in ("resource", "data") for block in _blocks(body.get(kind)) for name in block]
    wanted = [name for block in terraform for listed in _blocks(block.get("required_providers")) for name in listed]
    return "aws" in wanted or any(name.startswith("aws_") for name in types)


def role_override(module: RootModule, role: str, external_id: str) -> dict[str, dict[str, Any]]:
    """Files (name to content) that put *role* in place of whatever role the module's AWS providers assume.

    Terraform merges override files in the order of their names, the last one winning, and a nested block replaces all
    of its kind. A module that uses AWS and declares no provider for it gets one, as there is nothing to override.
    Raises LookEndedError when a file could not be read, or is merged after ours: a provider in it would keep its own,
    perhaps writing, role.
    """
    if module.unreadable:
        raise config_error(
            f"{module.unreadable[0]} cannot be read, so the plan role cannot be put in place of its providers' own",
            cause="module unreadable",
        )
    later = [name for name in module.overrides if name > _OURS]
    if later:
        raise config_error(
            f"{later[0]} is merged after Barograph's own override file and could put another role back",
            cause="override file", remedy="give it a name that sorts earlier",
        )  # fmt: skip
    assume: dict[str, str] = {"role_arn": role, "session_name": "barograph"}
    if external_id:
        assume["external_id"] = external_id
    block = {"assume_role": [assume]}
    declared = [{**({"alias": alias} if alias else {}), **block} for alias in module.aws_providers]
    files: dict[str, dict[str, Any]] = {}
    if declared:
        files[_OURS] = {"provider": {"aws": declared}}
    if "" not in module.aws_providers and module.uses_aws:
        files["barograph_provider.tf.json"] = {"provider": {"aws": [block]}}
    return files


def _blocks(value: object) -> Iterator[Mapping[str, Any]]:
    """Blocks come alone or as a list, in HCL's JSON as in hcl2's answer."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            yield item
