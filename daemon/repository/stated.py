"""Versions that the repository states in manifests, atmos.yaml and the Terraform code of its components."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from checks.manifests.model import Manifest, Node, Settings, Spot, Stated
from daemon import hcl
from daemon.repository.checkout import Checkout
from daemon.repository.limits import Limits

_BLOCK = re.compile(r"^[ \t]*terraform[ \t]*\{", re.MULTILINE)
_LONGEST = 4 * 1024  # characters of a `terraform` block that are read
_CODE = 256 * 1024  # bytes of a Terraform file
_FILES = 5_000  # Terraform files
_BLOCKS = 10  # of one file
_PARSED = 1_000  # different blocks: parsing one takes milliseconds
_CONSTRAINT = re.compile(r"[~<>=!,. \dA-Za-z+-]{1,100}")
_KEYS = (
    (("settings", "atmos_cli_version"), "atmos"),
    (("settings", "terraform_version"), "terraform"),
    (("terraform", "settings", "atmos_cli_version"), "atmos"),
)
_OF_ATMOS_YAML = (
    *_KEYS,
    (("version", "constraint", "require"), "atmos"),
    (("components", "terraform", "version"), "terraform"),
    (("components", "terraform", "terraform_version"), "terraform"),
    (("components", "terraform", "required_version"), "terraform"),
    (("terraform", "version"), "terraform"),
    (("atmos", "version"), "atmos"),
)


def of_manifests(manifests: Iterable[Manifest], settings: Settings) -> Iterator[Stated]:
    """`settings.atmos_cli_version` and its like."""
    roots = [(settings.root, _OF_ATMOS_YAML), *((manifest.root, _KEYS) for manifest in manifests)]
    for root, keys in roots:
        for names, tool in keys:
            node = root.at(*names) if root is not None else None
            if (constraint := _constraint(node)) and node is not None:
                yield Stated(tool, constraint, node.spot)


def of_components(checkout: Checkout, components_path: str, folders: Iterable[str], limits: Limits) -> list[Stated]:
    """`required_version` and `required_providers` of the code in the component folders."""
    known: dict[str, Mapping[str, Any]] = {}
    found: list[Stated] = []
    left = _FILES
    for folder in sorted(folders):
        inside = f"{components_path}/{folder}" if components_path else folder
        for name in checkout.listing(inside).files:
            if not name.endswith((".tf", ".tofu")):
                continue
            left -= 1
            if left < 0:
                checkout.refuse(components_path, "too_many_files", f"holds more than {_FILES} Terraform files")
                return found[: limits.lines]
            file = f"{inside}/{name}"
            text = checkout.text(file, _CODE, optional=True)
            if text is not None and "required_" in text:
                found += _of_code(text, file, inside, known)
    return found[: limits.lines]


def _of_code(text: str, file: str, folder: str, known: dict[str, Mapping[str, Any]]) -> Iterator[Stated]:
    for match in islice(_BLOCK.finditer(text), _BLOCKS):
        block = _block(text, match.start(), match.end())
        if "required_" not in block:
            continue
        if block not in known and len(known) < _PARSED:
            try:
                known[block] = hcl.parse(block, file)
            except hcl.HclError:
                known[block] = {}  # the plan tells what is wrong with it
        first = text.count("\n", 0, match.start()) + 1
        for content in _list(known.get(block, {}).get("terraform")):
            yield from _of_block(content, block, file, first, folder)


def _of_block(content: Any, block: str, file: str, first: int, folder: str) -> Iterator[Stated]:
    content = content if isinstance(content, dict) else {}
    for version in _list(content.get("required_version")):
        if constraint := _text(version):
            yield Stated("terraform", constraint, _spot(block, "required_version", file, first), folder)
    for providers in _list(content.get("required_providers")):
        for name, said in (providers if isinstance(providers, dict) else {}).items():
            said = said[0] if isinstance(said, list) and said else said
            constraint = _text(said.get("version") if isinstance(said, dict) else said)
            source = (_text(said.get("source")) if isinstance(said, dict) else "") or f"hashicorp/{name}"
            if constraint and not str(name).startswith("__"):
                spot = _spot(block, str(name), file, first)
                yield Stated(f"provider {source.strip()[:200]}", constraint, spot, folder)


def _block(text: str, begin: int, inner: int) -> str:
    """From the word `terraform` to the brace that closes it, as far as quotes and comments let one see."""
    depth, at, end = 1, inner, min(len(text), begin + _LONGEST)
    while at < end:
        char = text[at]
        if char == '"':
            at = _quoted(text, at + 1, end)
        elif char == "#" or text.startswith("//", at):
            at = text.find("\n", at)
            if at < 0:
                return ""
        elif char in "{}":
            depth += 1 if char == "{" else -1
            if depth == 0:
                return text[begin : at + 1]
        at += 1
    return ""


def _quoted(text: str, at: int, end: int) -> int:
    while at < end and text[at] not in '"\n':
        at += 2 if text[at] == "\\" else 1
    return at


def _spot(block: str, word: str, file: str, first: int) -> Spot:
    match = re.search(rf"^[ \t]*\"?{re.escape(word)}\"?[ \t]*=", block, re.MULTILINE)
    begin = match.end() - len(match[0].lstrip()) if match else 0
    return Spot(file, first + block.count("\n", 0, begin), begin - block.rfind("\n", 0, begin))


def _constraint(node: Node | None) -> str:
    if node is None or isinstance(node.value, bool):
        return ""
    return _text(str(node.value)) if isinstance(node.value, str | int | float) else ""


def _text(value: Any) -> str:
    """A constraint as plain text; empty for what is none."""
    text = value.strip().strip('"').strip() if isinstance(value, str) else ""
    return text if _CONSTRAINT.fullmatch(text) or "/" in text else ""


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
