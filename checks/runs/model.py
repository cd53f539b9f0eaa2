"""What can happen in a run, one event each. Redacted: nothing of a plan's values or of outputs is in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Phase(StrEnum):
    """What Terraform is doing."""

    INIT = "init"
    WORKSPACE = "workspace"
    PLAN = "plan"
    APPLY = "apply"


class Doing(StrEnum):
    """What is done to a resource. The words of Terraform's JSON stream."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    IMPORT = "import"
    MOVE = "move"
    FORGET = "forget"
    OTHER = "other"  # of a later Terraform


class Status(StrEnum):
    """How far a resource has come. UNFINISHED: it was begun, the run is over, and nobody heard its end."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class StepBegun:
    """A step of a workflow. Atmos tells its command, and not its name."""

    command: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step of a workflow failed. Atmos tells its name, its exit code, and how to go on, in events of their own."""

    name: str = ""
    exit_code: int | None = None
    resume: str = ""  # the command that goes on from it


@dataclass(frozen=True, slots=True)
class PhaseBegun:
    """Terraform begins to do something else. INIT, or a PLAN without one, is a new call of Terraform."""

    phase: Phase
    workspace: str = ""


@dataclass(frozen=True, slots=True)
class ResourceEvent:
    """Something happened to a resource."""

    address: str
    doing: Doing
    status: Status
    seconds: float | None = None  # since it was begun
    id: str = ""
    order: str = ""  # of a planned replacement: create_first, destroy_first; empty: not told


@dataclass(frozen=True, slots=True)
class Summary:
    """What a plan will do, or what an apply has done: the one proof that it came to its end."""

    operation: str  # plan | apply | destroy
    added: int = 0
    changed: int = 0
    removed: int = 0
    imported: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error that Terraform or Atmos reported."""

    summary: str
    detail: str = ""
    address: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Terraform was told to stop, and says so."""


Event = StepBegun | StepFailed | PhaseBegun | ResourceEvent | Summary | Trouble | Interrupted


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and when the output itself says it happened."""

    event: Event
    at: datetime | None = None
