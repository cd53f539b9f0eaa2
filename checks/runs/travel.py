"""Between what the grammar hears of a run's output and events as they travel."""

from __future__ import annotations

from typing import Any

from checks.runs.model import (
    Doing,
    Event,
    Interrupted,
    Phase,
    PhaseBegun,
    ResourceEvent,
    Status,
    StepBegun,
    StepFailed,
    Summary,
    Trouble,
)
from checks.runs.wire import WireEvent


def told(event: Event) -> tuple[str, dict[str, Any]]:
    """The name of the event that tells *event*, and its fields; what is not known is left out."""
    name, data = _told(event)
    return name, {key: value for key, value in data.items() if value not in ("", None)}


def _told(event: Event) -> tuple[str, dict[str, Any]]:
    match event:
        case StepBegun():
            return "step.start", {"name": event.name, "command": event.command}
        case StepFailed():
            return "step.end", {"name": event.name, "rc": event.exit_code, "resume": event.resume}
        case PhaseBegun():
            return "phase.start", {"phase": event.phase.value, "workspace": event.workspace, "source": "output"}
        case ResourceEvent():
            return "resource", {
                "addr": event.address, "action": event.doing.value, "status": event.status.value,
                "elapsed": event.seconds, "id": event.id, "order": event.order,
            }  # fmt: skip
        case Summary():
            counts = {"add": event.added, "change": event.changed, "remove": event.removed, "import": event.imported}
            return "summary", {"operation": event.operation, **counts}
        case Trouble():
            from checks.runs.errors import explain  # its patterns are many, and most runs have no error

            return "error", {
                "class": explain(event).kind.value, "summary": event.summary, "detail": event.detail,
                "address": event.address, "file": event.file, "line": event.line or None,
            }  # fmt: skip
        case Interrupted():
            return "interrupt", {}


def heard(event: WireEvent) -> Event | None:
    """What the grammar would have heard; None: an event that it has no word for, such as a heartbeat."""
    data = event.data
    match event.event:
        case "step.start":
            return StepBegun(data.get("command", ""), data.get("name", ""))
        case "step.end" if data.get("rc") != 0:
            return StepFailed(data.get("name", ""), data.get("rc"), data.get("resume", ""))
        case "phase.start" if data.get("phase") in frozenset(Phase):
            return PhaseBegun(Phase(data["phase"]), data.get("workspace", ""))
        case "resource":
            doing, status = data.get("action"), data.get("status")
            return ResourceEvent(
                data.get("addr", ""), Doing(doing) if doing in frozenset(Doing) else Doing.OTHER,
                Status(status) if status in frozenset(Status) else Status.STARTED, data.get("elapsed"),
                data.get("id", ""), data.get("order", ""),
            )  # fmt: skip
        case "summary":
            added, changed, removed, imported = (data.get(name, 0) for name in ("add", "change", "remove", "import"))
            return Summary(data.get("operation", "plan"), added, changed, removed, imported)
        case "error":
            summary, detail, address, file = (data.get(name, "") for name in ("summary", "detail", "address", "file"))
            return Trouble(summary, detail, address, file, data.get("line", 0))
        case "interrupt":
            return Interrupted()
    return None
