"""The inventory as plain data. Vars, environment and backend settings may hold secrets: never stored, never shown."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from checks.base import Instance, Json

DEFAULT_WORKSPACE = "default"
ABSTRACT = "abstract"  # the one reason for being left out that is no problem: there is nothing to look at


@dataclass(frozen=True, slots=True)
class Backend:
    """Where an instance's Terraform state lies."""

    type: str  # "s3", "local"; empty: none is configured
    config: Mapping[str, Json] = field(default_factory=dict, repr=False)  # as the backend block takes it; may hold keys
    workspace: str = DEFAULT_WORKSPACE

    @property
    def bucket(self) -> str:
        return str(self.config.get("bucket", ""))

    @property
    def key(self) -> str:
        """The whole object key, workspace included, as Terraform's S3 backend joins it (`path.Join` in its `path()`).

        `workspace_key_prefix` is `env:` where it is not set; set to nothing, it is nothing.
        """
        key = str(self.config.get("key", ""))
        if self.type != "s3" or self.workspace == DEFAULT_WORKSPACE:
            return key
        prefix = self.config.get("workspace_key_prefix")
        parts = ("env:" if prefix is None else str(prefix), self.workspace, key)
        return posixpath.normpath("/".join(part for part in parts if part))


@dataclass(frozen=True, slots=True)
class Watched:
    """An instance with all that planning it needs."""

    instance: Instance
    backend: Backend
    vars: Mapping[str, Json] = field(default_factory=dict, repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    providers: Mapping[str, Json] = field(default_factory=dict, repr=False)  # Atmos' providers section
    command: str = "terraform"  # Atmos' `command` of the component
    var_files: tuple[str, ...] = ()  # of a plain root module, relative to its working directory
    unresolved: tuple[str, ...] = ()  # vars whose templates or functions were not run: only Atmos itself can plan these
    settings: Mapping[str, Json] = field(default_factory=dict)  # settings.barograph of the component
    manifest: str = ""  # the stack manifest it comes from, as Atmos names it


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is listed but will not be watched, and why."""

    stack: str
    component: str
    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the inventory that a person must hear of (kind `monitoring`)."""

    key: str  # stable: "stage_unknown", "workspace_differs", "stale"
    summary: str
    where: tuple[str, ...] = ()  # instances or files
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """How a listing differs from the one before."""

    before: str = ""  # the commit of the one before
    appeared: tuple[str, ...] = ()  # keys of instances
    vanished: tuple[str, ...] = ()
    changed: tuple[tuple[str, tuple[str, ...]], ...] = ()  # key, and names of what is not as it was

    def __bool__(self) -> bool:
        return bool(self.appeared or self.vanished or self.changed)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is watched, at one commit."""

    watched: tuple[Watched, ...]
    left_out: tuple[LeftOut, ...] = ()
    problems: tuple[Problem, ...] = ()
    commit: str = ""  # empty: the folder is not a git work tree
    dirty: bool = False  # the work tree has uncommitted changes
    loaded_at: datetime | None = None
    stale_because: str = ""  # the last load failed, and this is the last good one
    notes: tuple[str, ...] = ()  # worth knowing, wrong with nothing: "Atmos 1.300.0 is newer than …"
    changes: Changes = field(default_factory=Changes)  # against the listing before
    held: frozenset[str] = frozenset()  # keys that are not listed any more, and may not be gone
    gone: frozenset[str] = frozenset()  # keys that are not listed any more, for good


class InventoryError(Exception):
    """The source does not load. The text is for people: where, what is wrong, what to do."""
