"""Workflow files: what each step would run, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from checks.manifests.model import Node, Workflow, WorkflowStep


def workflows(file: str, root: Node) -> Iterator[Workflow]:
    """The workflows of one file. What is no workflow is passed over, as Atmos does."""
    section = root.get("workflows")
    for name, node in (section.items if section is not None else {}).items():
        steps = node.get("steps")
        yield Workflow(
            name=name,
            file=file,
            spot=node.key or node.spot,
            steps=tuple(_step(number, step) for number, step in enumerate(steps.list, start=1)) if steps else (),
            stack=_text(node, "stack"),
        )


def _step(number: int, node: Node) -> WorkflowStep:
    return WorkflowStep(
        name=_text(node, "name") or f"step{number}",
        command=node.get("command"),
        type=_text(node, "type") or "atmos",
        spot=node.spot,
        stack=_text(node, "stack"),
        node=node,
    )


def _text(node: Node, name: str) -> str:
    value = node.get(name)
    return value.text if value is not None else ""
