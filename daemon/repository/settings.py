"""atmos.yaml, and what it draws in, as checks.manifests.model.Settings."""

from __future__ import annotations

from checks.manifests.merge import Budget, Merger
from checks.manifests.model import Fault, Node, Settings
from daemon.inventory.atmosyaml import NAMES
from daemon.repository.checkout import Checkout
from daemon.repository.documents import parsed
from daemon.repository.limits import Limits

_DROPINS = ("atmos.d", ".atmos.d")


def read(checkout: Checkout, folder: str, limits: Limits) -> tuple[Settings, list[Fault]]:
    """What atmos.yaml in *folder* says, its drop-ins below it. No file, or an empty one: settings without stacks."""
    faults: list[Fault] = []
    prefix = f"{folder}/" if folder else ""
    main = next((prefix + name for name in NAMES if checkout.is_file(prefix + name)), "")
    layers = []
    for dropins in _DROPINS:
        files, _ = checkout.below(prefix + dropins) if checkout.is_folder(prefix + dropins) else ([], [])
        layers += [_root(checkout, file, limits, faults) for file in files if file.endswith((".yaml", ".yml"))]
    own = _root(checkout, main, limits, faults) if main else None
    layers += _imported(checkout, prefix, own, limits, faults)
    root = Merger(Budget(limits.work)).merge((*layers, own), set())
    if not root.items:
        return Settings(stacks_path=""), faults
    return _settings(main or root.spot.file, root), faults


def _root(checkout: Checkout, file: str, limits: Limits, faults: list[Fault]) -> Node | None:
    text = checkout.text(file, limits.file_bytes)
    if text is None:
        return None
    document = parsed(text, file, limits)
    faults += document.faults
    return document.root


def _imported(
    checkout: Checkout, prefix: str, own: Node | None, limits: Limits, faults: list[Fault]
) -> list[Node | None]:  # fmt: skip
    """What `import:` of atmos.yaml names: plain files of the repository. Others are named as not followed."""
    section = own.get("import") if own is not None else None
    layers: list[Node | None] = []
    for node in section.list if section is not None else ():
        path = node.text
        candidates = (path, f"{path}.yaml", f"{path}.yml")
        file = next((prefix + one for one in candidates if path and checkout.is_file(prefix + one)), "")
        if file:
            layers.append(_root(checkout, file, limits, faults))
        else:
            detail = "an import of atmos.yaml that is not followed: only plain files of the repository are"
            faults.append(Fault("not_resolved", (node.spot,), detail))  # its address may hold a password
    return layers


def _settings(file: str, root: Node) -> Settings:
    stacks = root.get("stacks")

    def text(*names: str) -> str:
        node = root.at(*names)
        return node.text if node is not None else ""

    def paths(name: str) -> tuple[Node, ...]:
        node = stacks.get(name) if stacks is not None else None
        return tuple(one for one in node.list if one.text) if node is not None else ()

    def pattern(name: str) -> Node | None:
        node = stacks.get(name) if stacks is not None else None
        return node if node is not None and node.text else None

    return Settings(
        file=file,
        root=root,
        base_path=text("base_path") or ".",
        components_path=text("components", "terraform", "base_path") or "components/terraform",
        stacks_path=text("stacks", "base_path"),
        workflows_path=text("workflows", "base_path"),
        included=paths("included_paths"),
        excluded=paths("excluded_paths"),
        name_pattern=pattern("name_pattern"),
        name_template=pattern("name_template"),
    )
