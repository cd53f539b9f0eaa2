"""`${…}` in vars: Terraform's way to write a reference, which Atmos passes on as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from checks.manifests.model import Case, Component, Node, Repository, RepositoryFinding, Spot
from checks.manifests.rules.building import counted, finding, listed, plannable, quoted, where

_DEEPEST = 64
# `$${` is an escaped one; `${aws:username}` and its like are variables of IAM policies, which AWS itself fills in.
_LITERAL = re.compile(r"(?<!\$)\$\{(?!(?:aws|saml|cognito-identity|graph|accounts|www|iot|ec2|s3|kms|sts):)[^{}]*\}")


def literal_interpolation(repository: Repository) -> Iterable[RepositoryFinding]:
    """Strings in vars that hold `${…}`, by file. Their text is never quoted: it may be part of a secret."""
    paths: dict[Spot, str] = {}
    concerned: dict[Spot, list[Component]] = {}
    for _, component in plannable(repository):
        for path, node in literals(component.vars, "vars"):
            paths.setdefault(node.spot, path)
            concerned.setdefault(node.spot, []).append(component)
    if not paths:
        return
    files: dict[str, list[Spot]] = {}
    for spot in sorted(paths):
        files.setdefault(spot.file, []).append(spot)
    instances = {(one.manifest, one.name): one for found in concerned.values() for one in found}
    first = min(paths)
    yield finding(
        "literal_interpolation",
        f"{counted(len(paths), 'value')} in vars {'holds' if len(paths) == 1 else 'hold'} `${{…}}`, which Atmos does "
        f"not resolve: {counted(len(instances), 'instance')} would get the text as it stands. {quoted(paths[first])}, "
        "for one.",
        [
            Case(f"{counted(len(spots), 'value')}: {listed((paths[spot] for spot in spots), 5)}", tuple(spots))
            for spots in files.values()
        ],
        says="nothing: it hands the text to Terraform, and Terraform to AWS.",
        remedy=f"At {where(first)} use a function of Atmos (`!terraform.state COMPONENT OUTPUT`, `!env NAME`), a Go "
        "template (`{{ .vars.name }}`, with templates switched on), or the value itself.",
        components=instances.values(),
    )


def literals(node: Node, path: str, depth: int = 0) -> Iterator[tuple[str, Node]]:
    """Every string below *node* that holds a literal `${…}`, with its path."""
    if depth > _DEEPEST:
        return
    if isinstance(node.value, str):
        if _LITERAL.search(node.value) and not _script(node.value):
            yield path, node
        return
    for name, child in node.items.items():
        yield from literals(child, f"{path}.{name}", depth + 1)
    for index, child in enumerate(node.list):
        yield from literals(child, f"{path}[{index}]", depth + 1)


def _script(text: str) -> bool:
    """Whether it is a program, in which `${…}` is for the shell."""
    return text.lstrip().startswith(("#!", "#cloud-config", "Content-Type:"))
