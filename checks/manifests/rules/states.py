"""Where the state of an instance lies: whether anywhere, and whether another instance has the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from checks.manifests.affected import BACKEND_REQUIRED, since, told, until
from checks.manifests.model import Case, Component, Node, Opaque, Repository, RepositoryFinding, Spot, Stack
from checks.manifests.rules.building import (
    NAMING,
    computed_name,
    counted,
    finding,
    listed,
    plannable,
    quoted,
    where,
)
from checks.manifests.rules.names import TOKENS, tokens

# Backend type -> what of its settings says where a state lies. Its workspace, and the component, come on top.
IDENTITY: Mapping[str, tuple[str, ...]] = {
    "s3": ("bucket", "key"),
    "gcs": ("bucket", "prefix"),
    "azurerm": ("storage_account_name", "container_name", "key"),
    "local": ("path", "workspace_dir"),
    "remote": ("hostname", "organization"),
    "cloud": ("hostname", "organization"),
    "consul": ("address", "path"),
    "pg": ("conn_str", "schema_name"),
    "kubernetes": ("namespace", "secret_suffix"),
}


def no_backend(repository: Repository) -> Iterable[RepositoryFinding]:
    """Instances that have no backend: Atmos cannot plan them."""
    root = repository.settings.root
    generated = root.at("components", "terraform", "auto_generate_backend_file") if root is not None else None
    if generated is not None and generated.value is False:
        return  # the code of the components says where their states lie
    found = [(stack, one) for stack, one in plannable(repository) if not one.backend_type and not stack.partial]
    if not found:
        return
    stacks = {stack.manifest: stack for stack, _ in found}
    stray = root.at("components", "terraform", "backend") if root is not None else None
    home = _common(repository, list(stacks.values()))
    cases = []
    if home is not None:
        cases.append(Case("all of these stacks import it, and it sets no backend", (home,), ("belongs here",)))
    if stray is not None:
        cases.append(
            Case("a backend in atmos.yaml has no effect, as that is no key of Atmos", (stray.key or stray.spot,),
                 ("components.terraform.backend",))
        )  # fmt: skip
    instances: dict[str, list[str]] = {}
    for stack, one in found:
        instances.setdefault(stack.manifest, []).append(one.name)
    for manifest, stack in sorted(stacks.items()):
        names = instances[manifest]
        cases.append(Case(f"{counted(len(names), 'instance')} of {quoted(manifest)}: {listed(names, 4)}",
                          (Spot(stack.file),)))  # fmt: skip
    home_text = f"{home.file}, which" if home is not None else "a manifest that"
    move = f" What stands at {where(stray.key or stray.spot)} can move there." if stray is not None else ""
    yield finding(
        "no_backend",
        f"{counted(len(found), 'instance')} in {counted(len(stacks), 'stack')} {'has' if len(found) == 1 else 'have'} "
        "no backend: nothing sets `backend_type`.",
        cases,
        says=told(
            repository.version,
            (until(BACKEND_REQUIRED), 'it writes an empty backend, and Terraform says "There is no backend type '
             'named "".'),
            (since(BACKEND_REQUIRED), '"backend_type is required", at each plan. Listing shows nothing unusual.'),
        ),
        remedy=f"In {home_text} all of these stacks import, set `terraform.backend_type` (`s3`) and "
        f"`terraform.backend.s3` (bucket, region, key).{move}",
        components=[one for _, one in found],
        blinds=True,
    )  # fmt: skip


def state_collision(repository: Repository) -> Iterable[RepositoryFinding]:
    """Instances that have one state: what one applies, the other destroys."""
    groups: dict[tuple[str, ...], list[tuple[Stack, Component]]] = {}
    for stack, component in plannable(repository):
        place = state_of(component)
        if place is not None:
            groups.setdefault(place, []).append((stack, component))
    yield from _split(groups, _state_finding)


def varfile_collision(repository: Repository) -> Iterable[RepositoryFinding]:
    """Instances that write one variable file: each overwrites the other's."""
    groups: dict[tuple[str, ...], list[tuple[Stack, Component]]] = {}
    for stack, component in plannable(repository):
        if component.varfile and component.folder_exists and not computed_name(repository, stack):
            groups.setdefault((component.folder, component.varfile), []).append((stack, component))
    yield from _split(groups, _varfile_finding)


def workspace_name_unusable(repository: Repository) -> Iterable[RepositoryFinding]:
    """Workspaces that Terraform refuses or takes for a flag."""
    for named in (True, False):
        found = [
            (stack, one)
            for stack, one in plannable(repository)
            if (one.workspace or _nameless(repository, stack))
            and unusable(one.workspace)
            and _from_name(stack, one) is named
        ]
        if not found:
            continue
        spots: dict[Spot, list[Component]] = {}
        for _, component in found:
            spots.setdefault(_workspace_spot(component), []).append(component)
        names = list(dict.fromkeys(_name_of_workspace(one) for _, one in found))
        yield finding(
            "workspace_name_unusable",
            f"{counted(len(found), 'instance')} {'gets' if len(found) == 1 else 'get'} a workspace that Terraform does "
            f"not take: {listed(names)}.",
            [
                Case(
                    f"{listed((one.name for one in ones), 4)}: {listed(map(_name_of_workspace, ones), 4)}",
                    (spot,),
                )
                for spot, ones in spots.items()
            ],
            says="it passes the name on; Terraform takes a leading `-` for a flag and refuses other signs that would "
            "have to be escaped in a URL.",
            remedy="Give every stack a name of its own, and the workspaces follow."
            if named
            else f"Change the workspace at {where(next(iter(spots)))}: letters, digits, `-`, `_` and `.`, and no `-` "
            "in front. Tokens like {tenant} have a value there only if stacks.name_pattern is set.",
            components=[one for _, one in found],
            blinds=True,
            because=NAMING if named else (),
            variant="by_stack_name" if named else "",
        )


def _name_of_workspace(component: Component) -> str:
    return component.workspace or "an empty name"


def _nameless(repository: Repository, stack: Stack) -> bool:
    """Whether Atmos goes on with an empty stack name: the pattern knows no part of itself."""
    pattern = repository.settings.name_pattern
    by_pattern = pattern is not None and not any(token in TOKENS for token in tokens(pattern.text))
    return not stack.name and stack.name_from == "pattern" and by_pattern


def unusable(workspace: str) -> bool:
    """Whether Terraform refuses the name, or takes it for a flag."""
    # Terraform takes what url.PathEscape leaves as it is: letters, digits and these.
    return not workspace or workspace.startswith("-") or quote(workspace, safe="$&+:=@", errors="replace") != workspace


def state_of(component: Component) -> tuple[str, ...] | None:
    """What says where the state of *component* lies; None where that cannot be told without running Atmos."""
    kind = component.backend_type
    if not component.workspace:
        return None
    if not kind:  # it will have one, and a default prefix: its state will lie where the others' of its kind will
        return ("", component.base.replace("/", "-"), component.workspace)
    if kind == "http":
        address = _plain(component.backend, "address")
        return None if address is None else (kind, address)
    names = IDENTITY.get(kind) or tuple(sorted(component.backend.items))
    values = [_plain(component.backend, name) for name in names]
    if any(value is None for value in values):
        return None
    prefix = component.folder if kind == "local" else component.base.replace("/", "-")
    if kind == "s3":
        given = component.backend.get("workspace_key_prefix")
        own = _plain(component.backend, "workspace_key_prefix")
        if own is None:
            return None
        prefix = own if given is not None else prefix
    return (kind, *(value or "" for value in values), prefix, component.workspace)


def _plain(backend: Node, name: str) -> str | None:
    """A setting as text; empty where it is not set, None where only Atmos can compute it."""
    node = backend.get(name)
    if node is None or node.value is None:
        return ""
    if isinstance(node.value, Opaque | tuple | Mapping) or "{{" in str(node.value):
        return None
    return str(node.value)


Groups = Mapping[tuple[str, ...], list[tuple[Stack, Component]]]


def _split(groups: Groups, make: object) -> Iterable[RepositoryFinding]:
    """Collisions that follow from stacks of one name apart from those that do not."""
    assert callable(make)
    for named in (True, False):
        told_ = [
            found
            for _, found in sorted(groups.items())
            if len(found) > 1 and (len({stack.manifest for stack, _ in found}) > 1 and _one_name(found)) is named
        ]
        if told_:
            yield make(told_, named)


def _one_name(found: Sequence[tuple[Stack, Component]]) -> bool:
    """Whether the stacks of the instances share a name, and the instances do not name their own workspaces."""
    return len({stack.name for stack, _ in found}) == 1 and all(_from_name(stack, one) for stack, one in found)


def _from_name(stack: Stack, component: Component) -> bool:
    """Whether the instance's workspace is made of the stack's name."""
    own = ("terraform_workspace", "terraform_workspace_pattern", "terraform_workspace_template")
    return not any(component.metadata.get(name) is not None for name in own)


def _state_finding(groups: list[list[tuple[Stack, Component]]], named: bool) -> RepositoryFinding:
    ones = [one for group in groups for _, one in group]
    first = groups[0]
    return finding(
        "state_collision",
        f"{counted(len(ones), 'instance')} share {counted(len(groups), 'Terraform state')}: the same backend, key "
        f"and workspace{'' if named else f'. {_pair(first)}, for one'}.",
        [
            Case(
                f"workspace {quoted(group[0][1].workspace)} of component {quoted(group[0][1].base)}: "
                f"{listed((_label(stack, one) for stack, one in group), 4)}",
                tuple(_workspace_spot(one) for _, one in group),
            )
            for group in groups
        ],
        says="nothing: whichever is applied last rewrites what the other one made, or destroys it.",
        remedy="Give every stack a name of its own, and the workspaces follow. Apply nothing before."
        if named
        else f"Give each a workspace of its own (`metadata.terraform_workspace` at "
        f"{where(_workspace_spot(first[0][1]))}), or a backend key of its own. "
        "Apply nothing before: first look in the state whose resources it holds.",
        components=ones,
        blinds=True,
        because=NAMING if named else (),
        variant="by_stack_name" if named else "",
    )


def _varfile_finding(groups: list[list[tuple[Stack, Component]]], named: bool) -> RepositoryFinding:
    ones = [one for group in groups for _, one in group]
    _, renamed = groups[0][-1]
    keep = f"`metadata.terraform_workspace: {renamed.workspace}`" if renamed.workspace else "its workspace"
    return finding(
        "varfile_collision",
        f"{_pair(groups[0])} write one variable file: Atmos names it after the last part of the instance's name, in "
        "the folder of the component."
        if len(groups) == 1
        else f"{counted(len(ones), 'instance')} share {counted(len(groups), 'variable file')}, each in the folder of a "
        f"component{'' if named else f': {_pair(groups[0])}, for one'}.",
        [
            Case(
                f"{group[0][1].folder}/{group[0][1].varfile}: "
                f"{listed((_label(stack, one) for stack, one in group), 4)}",
                tuple(one.spot for _, one in group),
            )
            for group in groups
        ],
        says="nothing: each plan overwrites the file. Run side by side, or with a plan made before, one gets the "
        "variables of the other.",
        remedy="Give every stack a name of its own, and the files follow."
        if named
        else f"Rename one so that the last parts differ (for example {quoted(renamed.name)} to "
        f"{quoted(renamed.name.replace('/', '-') if '/' in renamed.name else renamed.name + '-2')} at "
        f"{where(renamed.spot)}) and keep its state by {keep}. Until then plan and apply them one after the other.",
        components=ones,
        blinds=True,
        because=NAMING if named else (),
        variant="by_stack_name" if named else "",
    )


def _pair(group: Sequence[tuple[Stack, Component]]) -> str:
    names = [quoted(_label(stack, one)) for stack, one in group[:2]]
    more = f" and {len(group) - 2} more" if len(group) > 2 else ""
    return f"{' and '.join(names)}{more}"


def _label(stack: Stack, component: Component) -> str:
    return f"{component.name} in {stack.manifest}"


def _workspace_spot(component: Component) -> Spot:
    """Where the instance's own workspace is set; else where it is defined."""
    for name in ("terraform_workspace", "terraform_workspace_pattern", "terraform_workspace_template"):
        node = component.metadata.get(name)
        if node is not None:
            return node.key or node.spot
    return component.spot


def _common(repository: Repository, stacks: Sequence[Stack]) -> Spot | None:
    """A file that all *stacks* import and that is there to set defaults: no components of its own."""
    shared = frozenset.intersection(*(stack.reached for stack in stacks)) if stacks else frozenset()
    best: tuple[int, str, Spot] | None = None
    for file in sorted(shared - {stack.file for stack in stacks} if len(stacks) > 1 else shared):
        manifest = repository.manifests.get(file)
        if manifest is None or manifest.root.get("components") is not None:
            continue
        terraform, own = manifest.root.get("terraform"), manifest.root.get("vars")
        node = terraform or own or manifest.root
        rank = (0 if terraform is not None else 1 if own is not None else 2, file, node.key or node.spot)
        best = rank if best is None or rank[:2] < best[:2] else best
    return best[2] if best is not None else None
