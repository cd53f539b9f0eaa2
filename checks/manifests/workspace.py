"""The workspace that Atmos really plans in, computed.

`atmos describe stacks` prints a wrong one for every derived instance (recorded with 1.163.0, 1.205.1 and 1.226.1):
taken at its word, a deployed component looks never deployed. The rule here holds on all recorded rows, and follows what
Atmos does before a plan (BuildTerraformWorkspace in its internal/exec/stack_utils.go).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from checks.base import Json

_TOKEN = re.compile(r"\{([a-z-]+)\}")
_FROM_VARS = ("namespace", "tenant", "environment", "stage", "region")


@dataclass(frozen=True, slots=True)
class Naming:
    """How stacks are named in this repository (atmos.yaml, `stacks`). A template wins over a pattern."""

    pattern: str = ""
    template: str = ""
    workspaces_enabled: bool = True

    @property
    def has_tokens(self) -> bool:
        """Atmos fills {tenant}, {stage} … in other patterns only under `name_pattern`."""
        return bool(self.pattern) and not self.template


def workspace(stack: str, instance: str, section: Mapping[str, Json], naming: Naming) -> str:
    """The workspace of *instance* in *stack*.

    *section* is the component's object in `describe stacks`. Raises nothing: a section that says nothing usable gives
    the workspace of an underived instance, and the confirmation by Atmos finds the difference.
    """
    metadata = _mapping(section.get("metadata"))
    printed = _text(section.get("workspace"))
    if not naming.workspaces_enabled or _text(section.get("backend_type")) == "http":
        return "default"
    if _text(metadata.get("terraform_workspace_template")):
        name = printed
    elif pattern := _text(metadata.get("terraform_workspace_pattern")):
        name = _filled(pattern, printed, instance, base_of(instance, section), section, naming)
    elif _text(metadata.get("terraform_workspace")):
        name = printed
    elif base_of(instance, section) == instance:
        name = stack
    else:
        name = f"{stack}-{instance}"
    return name.replace("/", "-")


def planned(
    stack: str, instance: str, base: str, metadata: Mapping[str, Json], variables: Mapping[str, Json], naming: Naming
) -> str:  # fmt: skip
    """The workspace of *instance*, where nothing was printed: worked out from what the manifests say.

    `terraform_workspace_template` in *metadata* must be filled in already. A token that Atmos does not know stays.
    """
    if template := _text(metadata.get("terraform_workspace_template")):
        name = template
    elif pattern := _text(metadata.get("terraform_workspace_pattern")):
        known = variables if naming.has_tokens else {}
        values = {token: _text(known.get(token)) for token in _FROM_VARS}
        values |= {"component": instance, "base-component": "" if base == instance else base}
        name = _TOKEN.sub(lambda match: values.get(match[1], match[0]), pattern)
    else:
        name = _text(metadata.get("terraform_workspace")) or (stack if base == instance else f"{stack}-{instance}")
    return name.replace("/", "-")


def base_of(instance: str, section: Mapping[str, Json]) -> str:
    """The Terraform component an instance is made from: `metadata.component`, else the section's `component`."""
    return _text(_mapping(section.get("metadata")).get("component")) or _text(section.get("component")) or instance


def _filled(
    pattern: str, printed: str, instance: str, base: str, section: Mapping[str, Json], naming: Naming
) -> str:  # fmt: skip
    """The pattern with its tokens filled as in *printed*, but with {component} the instance (printed as nothing)."""
    own = {"component": instance, "base-component": "" if base == instance else base}
    if not any(f"{{{token}}}" in pattern for token in own):
        return printed
    known = _mapping(section.get("vars")) if naming.has_tokens else {}
    values = {token: _text(known.get(token)) for token in _FROM_VARS}
    if _fill(pattern, values) == printed:
        return _fill(pattern, values | own)
    return _aligned(pattern, printed, own)


def _fill(pattern: str, values: Mapping[str, str]) -> str:
    """Unknown tokens become nothing, as in Atmos."""
    return _TOKEN.sub(lambda match: values.get(match[1], ""), pattern)


def _aligned(pattern: str, printed: str, own: Mapping[str, str]) -> str:
    """The values of the other tokens read back out of the printed name, where vars do not explain it."""
    pieces = _TOKEN.split(pattern)  # literal, token, literal, token, …, literal
    expression = "".join(
        re.escape(piece) if index % 2 == 0 else "()" if piece in own else "(.*?)" for index, piece in enumerate(pieces)
    )
    match = re.fullmatch(expression, printed)
    if match is None:
        return printed
    groups = iter(match.groups())
    filled = []
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            filled.append(piece)
        else:
            value = next(groups)
            filled.append(own.get(piece, value))
    return "".join(filled)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
