"""How stacks are named: by `name:` (from 1.204), template, pattern or file. Pure; the facts are recorded or in §2.1
of the notes on Atmos: GetContextPrefix in pkg/config/utils.go splits the pattern at "-" and knows four tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

from checks.manifests.model import Node, Settings, Spot
from checks.manifests.templates import filled
from checks.manifests.versions import Abilities

TOKENS = ("namespace", "tenant", "environment", "stage")


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a stack, and what decided it."""

    text: str  # empty: nothing gives one
    spot: Spot
    source: str  # "name", "template", "pattern", "file"


@dataclass(frozen=True, slots=True)
class Context:
    """What a name can be made of."""

    manifest: str
    file: str
    own: Node | None  # the merged `name:`
    vars: Node
    settings: Node
    env: Node


def named(context: Context, settings: Settings, can: Abilities) -> Name:
    """The name Atmos of that version gives."""
    if can.manifest_names and context.own is not None and context.own.text:
        return Name(context.own.text, context.own.key or context.own.spot, "name")
    if settings.name_template is not None and settings.name_template.text:
        node = settings.name_template
        return Name(filled(node.text, lambda names: field(context, names)) or "", node.spot, "template")
    if settings.name_pattern is not None and settings.name_pattern.text:
        node = settings.name_pattern
        return Name(by_pattern(node.text, context.vars) or "", node.spot, "pattern")
    return Name(context.manifest if can.manifest_names else "", Spot(context.file), "file")


def by_pattern(pattern: str, variables: Node) -> str | None:
    """The name by `name_pattern`; None where a part that it asks for is not in vars; empty where it knows no part."""
    parts = []
    for part in pattern.split("-"):
        token = part[1:-1] if part.startswith("{") and part.endswith("}") else ""
        if token not in TOKENS:
            continue
        value = variables.get(token)
        if value is None or not value.text:
            return None
        parts.append(value.text)
    return "-".join(parts)


def field(context: Context, names: tuple[str, ...]) -> str | None:
    """The text of `.vars.stage`, `.settings.x` or `.env.x`; None where there is none, or it is itself unresolved."""
    sections = {"vars": context.vars, "settings": context.settings, "env": context.env}
    section = sections.get(names[0])
    return text_of(section.at(*names[1:])) if section is not None and len(names) > 1 else None


def text_of(node: Node | None) -> str | None:
    """A plain value as Go's templates print it; None for anything else."""
    value = node.value if node is not None else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) and "{{" not in value else None
