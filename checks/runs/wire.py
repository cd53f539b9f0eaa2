"""What a run tells of itself, as it travels: JSON events, validated and bounded. Sender and receiver share it.

A body is `{"events": [EVENT, …]}`. An event is one flat object: `schema`, `run_id`, `seq`, `event`, `ts`, and the
fields of its kind (`FIELDS`). `(run_id, seq)` names it: a receiver that knows one already takes it for a repeat. Events
may come in any order.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeGuard

SCHEMA = 1
MAX_BODY = 1_048_576  # bytes of a body
MAX_EVENTS = 500  # of a body
MAX_EVENT = 16_384  # bytes of an event
MAX_SEQ = 2**31 - 1
WINDOW = 300  # seconds by which the time of a signature may differ from now
UNKNOWN = "log"  # what an event of a later schema is kept as
TIMESTAMP_HEADER = "X-Barograph-Timestamp"
SIGNATURE_HEADER = "X-Barograph-Signature"

_TEXT = 500
_LIST = 200
_RUN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,39}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")

# Of the rows of an impact, as FIELDS.
ROW: Mapping[str, int | str] = {
    "addr": 1_000, "type": 100, "action": 40, "order": 40, "opens": "[]", "unclear": "bool", "drifted": "bool",
    "id": 400, "final": "bool", "subnets": "[]", "takes": "int", "somewhere": "bool", "variant": 60, "image": 60,
    "profile": 200,
}  # fmt: skip

# Event -> field -> what it is. An int is the longest text, in characters; "[]" a list of texts, "rows" one of ROW.
FIELDS: Mapping[str, Mapping[str, int | str]] = {
    "run.start": {
        "name": 100, "workflow": 200, "stack": 200, "component": 200, "argv": "[]", "parent": 36, "depth": "int",
        "git_sha": 64, "git_branch": 250, "git_dirty": "bool", "actor": 200, "host": 253, "ci": 40, "ci_url": 1_000,
        "git_committed_at": 40,
        "attempt": "int", "expected_steps": "[]", "pid": "int", "shim": "bool", "version": 40,
        "emergency": "bool", "rollback": _TEXT, "dry_run": "bool",
    },
    "step.start": {"index": "int", "name": 200, "command": _TEXT},
    "step.end": {"index": "int", "name": 200, "rc": "int", "resume": _TEXT},
    "phase.start": {"phase": 40, "call": 80, "workspace": 200, "component": 400, "operation": 40, "source": 40},
    "phase.end": {
        "phase": 40, "call": 80, "workspace": 200, "component": 400, "operation": 40, "source": 40, "rc": "int",
        "signal": "int", "duration": "number",
    },
    "resource": {"addr": 1_000, "action": 40, "status": 40, "elapsed": "number", "id": 200, "order": 40},
    "impact": {
        "plan": 80, "part": "int", "parts": "int", "why": _TEXT, "partial": 200, "digest": 64, "workspace": 200,
        "component": 400, "operation": 40, "create": "int", "update": "int", "delete": "int", "replace": "int",
        "import": "int", "forget": "int", "move": "int", "left_out": "int", "created": "[]", "rows": "rows",
    },
    "summary": {"operation": 40, "add": "int", "change": "int", "remove": "int", "import": "int"},
    "error": {"class": 40, "summary": _TEXT, "detail": 4_000, "address": 1_000, "file": 400, "line": "int"},
    "interrupt": {"signal": "int"},
    "heartbeat": {"heard": "int", "missed": "int"},
    "run.end": {
        "rc": "int", "signal": "int", "duration": "number", "missed": "int", "dropped": "int", "complete": "bool"
    },
    "log": {"name": 40, "message": 1_000},
}  # fmt: skip


class WireError(ValueError):
    """What came is no event, or no body of events; its text says why, without what came."""


@dataclass(frozen=True, slots=True)
class WireEvent:
    """One event. *data* holds the fields of its kind that were given, each within its bounds."""

    run_id: str  # a UUID in lower case; of version 7 by `barograph exec`
    seq: int  # per run, from 0
    event: str
    ts: datetime  # when it happened, by the clock of the machine that ran it; UTC
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        """What a receiver knows a repeat by."""
        return self.run_id, self.seq


def to_json(event: WireEvent) -> dict[str, Any]:
    """*event* as it travels."""
    head = {
        "schema": SCHEMA, "run_id": event.run_id, "seq": event.seq, "event": event.event, "ts": stamp(event.ts),
    }  # fmt: skip
    return {**head, **event.data}


def line(event: WireEvent) -> bytes:
    """*event* as one line of a spool, at most MAX_EVENT bytes long."""
    text = _line(to_json(event))
    for longest in (1_000, 100, 0):
        if len(text) <= MAX_EVENT:
            break
        text = _line(to_json(WireEvent(event.run_id, event.seq, event.event, event.ts, _cut(event.data, longest))))
    return text


def body(lines: Iterable[bytes]) -> bytes:
    """A body of what `line` gave."""
    return b'{"events":[' + b",".join(one.rstrip(b"\n") for one in lines) + b"]}"


def batch(raw: bytes) -> list[WireEvent | WireError]:
    """The events of a body, each as it is or why it is none. Raises WireError where the body as a whole is none."""
    if len(raw) > MAX_BODY:
        raise WireError(f"the body has {len(raw)} bytes; at most {MAX_BODY} are taken")
    told = _loaded(raw)
    events = told.get("events") if isinstance(told, dict) else None
    if not isinstance(events, list):
        raise WireError('the body is to be {"events": [...]}')
    if len(events) > MAX_EVENTS:
        raise WireError(f"the body has {len(events)} events; at most {MAX_EVENTS} are taken")
    return [_tried(one) for one in events]


def parse(told: object) -> WireEvent:
    """The event that *told* is. Raises WireError. What is longer than its bound is cut; unknown fields are left out."""
    if not isinstance(told, dict):
        raise WireError("an event is to be an object")
    schema = told.get("schema", SCHEMA)
    if not _is_whole(schema) or not 1 <= schema <= 1_000:
        raise WireError("schema is to be a whole number")
    run_id, seq, name = told.get("run_id"), told.get("seq"), told.get("event")
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id.lower()):
        raise WireError("run_id is to be a UUID")
    if not _is_whole(seq) or not 0 <= seq <= MAX_SEQ:
        raise WireError(f"seq is to be a whole number from 0 to {MAX_SEQ}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise WireError('event is to be a name such as "run.start"')
    data: dict[str, Any]
    if name in FIELDS:
        data = {key: value for key, kind in FIELDS[name].items() if (value := _field(told.get(key), kind)) is not None}
    else:
        message = _field(told.get("message"), 1_000)
        data = {"name": name} if message is None else {"name": name, "message": message}
        name = UNKNOWN
    return WireEvent(run_id.lower(), seq, name, _moment(told.get("ts")), data)


def stamp(moment: datetime) -> str:
    """*moment* as events say it: UTC, with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def signature(secret: str, timestamp: str, raw: bytes) -> str:
    """What SIGNATURE_HEADER holds: an HMAC-SHA256 of `TIMESTAMP.BODY`. *timestamp*: whole seconds since 1970."""
    import hashlib
    import hmac

    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + raw, hashlib.sha256).hexdigest()


def signed(secrets: Sequence[str], timestamp: str, raw: bytes, given: str, now: datetime) -> bool:
    """Whether *given* was made with one of *secrets*, at a time that is near *now*."""
    import hmac

    if not re.fullmatch(r"\d{1,12}", timestamp, re.ASCII) or abs(int(timestamp) - now.timestamp()) > WINDOW:
        return False
    made = [signature(secret, timestamp, raw).encode() for secret in secrets if secret]
    offered = [one.strip().encode("utf-8", "replace") for one in given[:1_000].split(",")]
    return any(hmac.compare_digest(one, other) for one in made for other in offered)


def _tried(told: object) -> WireEvent | WireError:
    try:
        return parse(told)
    except WireError as error:
        return error


def _loaded(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise WireError("the body is not JSON") from error


def _no_number(text: str) -> float:
    raise ValueError(text)


def _line(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def _cut(data: Mapping[str, Any], longest: int) -> dict[str, Any]:
    cut: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, str):
            cut[name] = value[:longest]
        elif isinstance(value, list):
            kept = value[: max(longest // 25, 1)]
            cut[name] = [_cut(item, longest) if isinstance(item, dict) else item[:longest] for item in kept]
        else:
            cut[name] = value
    return cut


def _field(value: object, kind: int | str) -> Any:
    """*value* within its bounds; None: it is none of this kind."""
    if isinstance(kind, int):
        return _CONTROL.sub("\ufffd", value[:kind]) if isinstance(value, str) else None
    if kind == "[]":
        if not isinstance(value, list):
            return None
        return [_CONTROL.sub("\ufffd", item[:_TEXT]) for item in value[:_LIST] if isinstance(item, str)]
    if kind == "rows":
        return [_row(item) for item in value[:_LIST] if isinstance(item, dict)] if isinstance(value, list) else None
    if kind == "bool":
        return value if isinstance(value, bool) else None
    if kind == "int":
        return value if _is_whole(value) and abs(value) <= MAX_SEQ else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_SEQ:
        return None
    return float(value)


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, kind in ROW.items() if (value := _field(told.get(key), kind)) is not None}


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _moment(value: object) -> datetime:
    """A time with a zone; a number is seconds since 1970."""
    try:
        if isinstance(value, str) and len(value) <= 40:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise WireError("ts is to be a time of RFC 3339 with a zone") from error
    raise WireError("ts is to be a time of RFC 3339 with a zone")
