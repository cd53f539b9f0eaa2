"""One line of Terraform's JSON stream (`-json`): https://developer.hashicorp.com/terraform/internals/machine-readable-ui"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checks.runs.model import Doing, Event, Heard, Phase, PhaseBegun, ResourceEvent, Status, Summary, Trouble

_HOOKS: Mapping[str, Status] = {
    "apply_start": Status.STARTED, "apply_progress": Status.STARTED, "apply_complete": Status.DONE,
    "apply_errored": Status.FAILED,
}  # fmt: skip


def is_stream(line: str) -> bool:
    """Whether a line belongs to the stream."""
    return line.startswith("{") and '"@level"' in line


def parse(line: str) -> tuple[Heard, ...]:
    """The events of one line of the stream; none where it tells of nothing that matters, or is broken."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(told, dict):
        return ()
    at = moment(told.get("@timestamp"))
    return tuple(Heard(event, at) for event in _events(told))


def _events(told: Mapping[str, Any]) -> tuple[Event, ...]:
    kind = _text(told.get("type"))
    if kind == "version":
        return (PhaseBegun(Phase.PLAN),)
    if kind in _HOOKS:
        return _hook(_map(told.get("hook")), _HOOKS[kind])
    if kind == "planned_change":
        change = _map(told.get("change"))
        return _of(_map(change.get("resource")), change.get("action"), Status.PLANNED)
    if kind == "change_summary":
        counts = _map(told.get("changes"))
        numbers = {
            name: _whole(counts.get(key))
            for name, key in (("added", "add"), ("changed", "change"), ("removed", "remove"), ("imported", "import"))
        }
        return (Summary(_text(counts.get("operation")) or "plan", **numbers),)
    if kind == "diagnostic":
        return _diagnostic(_map(told.get("diagnostic")))
    return ()


def _hook(hook: Mapping[str, Any], status: Status) -> tuple[Event, ...]:
    elapsed = hook.get("elapsed_seconds")
    time = float(elapsed) if isinstance(elapsed, (int, float)) and not isinstance(elapsed, bool) else None
    return _of(_map(hook.get("resource")), hook.get("action"), status, time, _text(hook.get("id_value")))


def _of(
    resource: Mapping[str, Any], action: Any, status: Status, time: float | None = None, known_as: str = ""
) -> tuple[Event, ...]:
    address = _text(resource.get("addr"))
    if not address or action == "noop":
        return ()
    word = _text(action)
    doing = Doing(word) if word in set(Doing) else Doing.OTHER
    return (ResourceEvent(address, doing, status, time, known_as),)


def _diagnostic(told: Mapping[str, Any]) -> tuple[Event, ...]:
    if told.get("severity") != "error":
        return ()
    where = _map(told.get("range"))
    line = _whole(_map(where.get("start")).get("line"))
    return (
        Trouble(
            _text(told.get("summary")), _text(told.get("detail")), _text(told.get("address")),
            _text(where.get("filename")), line,
        ),
    )  # fmt: skip


def moment(value: object) -> datetime | None:
    """A time as Terraform and CI systems write it; None where it is none, or names no zone."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0
