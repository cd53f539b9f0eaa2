"""The same repository as an Atmos before 1.204 names it, where `name:` of a manifest meant nothing yet."""

from __future__ import annotations

from dataclasses import replace

from checks.manifests.affected import NAMED
from checks.manifests.merge import EMPTY
from checks.manifests.model import Component, Repository, Stack, Version
from checks.manifests.names import Context, named
from checks.manifests.versions import abilities

LAST_UNNAMED: Version = (1, 203, 0)
_OWN = ("terraform_workspace", "terraform_workspace_pattern", "terraform_workspace_template")


def before_names(repository: Repository) -> Repository | None:
    """*repository* with the stacks' older names, and the workspaces and variable files that follow from them.

    None where every Atmos gives the same names, or where the version that matters is known.
    """
    if repository.version is not None or not any(stack.name_from == "name" for stack in repository.stacks):
        return None
    return replace(repository, version=LAST_UNNAMED, stacks=tuple(_older(one, repository) for one in repository.stacks))


def since_names(repository: Repository) -> Repository:
    """*repository*, read as the first Atmos that knows `name:`."""
    return replace(repository, version=NAMED)


def _older(stack: Stack, repository: Repository) -> Stack:
    if stack.name_from != "name":
        return stack
    context = Context(stack.manifest, stack.file, None, stack.vars, EMPTY, EMPTY)
    name = named(context, repository.settings, abilities(LAST_UNNAMED))
    return replace(
        stack,
        name=name.text,
        name_spot=name.spot,
        name_from=name.source,
        components={key: _renamed(one, stack.name, name.text) for key, one in stack.components.items()},
    )


def _renamed(component: Component, before: str, after: str) -> Component:
    workspace = component.workspace
    if not any(component.metadata.get(key) is not None for key in _OWN) and workspace != "default":
        workspace = after if component.base == component.name else f"{after}-{component.name}"
    varfile = component.varfile
    if before and varfile.startswith(f"{before}-"):
        varfile = f"{after}{varfile[len(before) :]}"
    return replace(component, stack=after, workspace=workspace.replace("/", "-"), varfile=varfile)
