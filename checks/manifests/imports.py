"""The `import` section of a manifest: which files each entry means."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from checks.manifests import globs
from checks.manifests.model import Fault, Import, Node, Spot
from checks.manifests.templates import has_template

EXTENSIONS = (".yaml", ".yml", ".yaml.tmpl", ".yml.tmpl")  # tried in this order where a path names none
_REMOTE = re.compile(
    r"[a-z0-9+]+::|[a-zA-Z][a-zA-Z0-9+.-]*://|git@|(?:github|gitlab|bitbucket)\.(?:com|org)/|s3\.|hg::",
)  # what go-getter fetches


class Tree(Protocol):
    """The files of a repository, by their names relative to it."""

    @property
    def names(self) -> Sequence[str]:
        """Every YAML file below the stacks folder, sorted."""

    def exists(self, file: str) -> bool:
        """Whether there is such a file in the repository."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `import`, as written."""

    path: str
    spot: Spot
    context: Node | None = None
    optional: bool = False  # skip_if_missing
    raw: bool = False  # skip_templates_processing


def entries(root: Node, faults: list[Fault]) -> Iterator[Entry]:
    """The entries of a manifest. What is no entry at all is a fault: Atmos loads nothing because of it."""
    section = root.get("import")
    if section is None or section.value is None:
        return
    if not isinstance(section.value, tuple):
        faults.append(Fault("wrong_type", (section.spot,), "`import` must be a list", ("import",)))
        return
    for item in section.list:
        path = item.get("path") if item.items else item
        if path is None or not path.text:
            detail = "an import must be a path, or a map with a `path`"
            faults.append(Fault("wrong_type", (item.spot,), detail, ("import",)))
            continue
        yield Entry(
            path.text,
            path.spot,
            context=item.get("context") if item.items else None,
            optional=_is_true(item, "skip_if_missing"),
            raw=_is_true(item, "skip_templates_processing"),
        )


def resolved(entry: Entry, importer: str, stacks: str, tree: Tree) -> Import:
    """What an entry of the manifest *importer* means. *stacks*: the stacks folder; all relative to the repository."""

    def found(files: tuple[str, ...] = (), *, remote: bool = False, templated: bool = False) -> Import:
        return Import(entry.path, entry.spot, files, remote, templated, entry.context, entry.optional)

    if has_template(entry.path):
        return found(templated=True)
    if _REMOTE.match(entry.path):
        return found(remote=True)
    path = entry.path
    if path.split("/", 1)[0] in (".", ".."):
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(importer), path))
    else:
        wanted = posixpath.normpath(posixpath.join(stacks, path.lstrip("/")))
    wanted = _with_extension(wanted, tree)
    if not globs.is_glob(wanted):
        return found((wanted,) if tree.exists(wanted) else ())
    glob = globs.compiled(wanted)
    return found(tuple(name for name in tree.names if glob.fits(name)))


def _with_extension(path: str, tree: Tree) -> str:
    """As Atmos: a name with any dot has its extension; one without gets the first that exists."""
    last = posixpath.basename(path)
    extension = last[last.rfind(".") :] if "." in last else ""
    if not extension:
        return next((path + one for one in EXTENSIONS if tree.exists(path + one)), path + ".yaml")
    if extension in (".yaml", ".yml") and tree.exists(path + ".tmpl"):
        return path + ".tmpl"
    return path


def manifest_name(file: str, stacks: str) -> str:
    """How Atmos names a manifest: its path below the stacks folder, without extension."""
    name = file.removeprefix(f"{stacks}/") if stacks else file
    longest = sorted(EXTENSIONS, key=len, reverse=True)
    return next((name.removesuffix(one) for one in longest if name.endswith(one)), name)


def _is_true(item: Node, key: str) -> bool:
    value = item.get(key)
    return value is not None and value.value is True
