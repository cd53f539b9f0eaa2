"""The OpenAPI document of the API, its events made from the table that they are validated by.

`x-scopes` says what a token needs for an operation: any one of them, as daemon.web.guard asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerts.base import IncidentState
from checks.runs.record import State
from checks.runs.wire import FIELDS, MAX_EVENTS, MAX_SEQ, ROW, SCHEMA
from daemon.deskwork import Verb
from daemon.web.auth import READ, VIEW
from daemon.web.guard import API, APPROVALS, EVENTS, PING, REVIEWS, needed_scope

OPENAPI = f"{API}openapi.json"
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "[]": {"type": "array", "items": {"type": "string"}},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "number": {"type": "number"},
}


def document(*, acts: bool = True, agrees: bool = True) -> dict[str, Any]:
    """The document, as JSON. *acts*: incidents can be acted on here; *agrees*: runs can be approved here."""
    run = _in_path("run")
    summary = "Events of runs, in any order and any number of times. Needs the scope `ingest`."
    tell = _operation("tell", summary, 400, 403, 408, 413, 503, good={"202": "Stored."})
    tell["requestBody"] = {"required": True, "content": {"application/json": {"schema": _events()}}}
    listed = _operation("listRuns", "Runs, the latest begun first.", 400, 403)
    listed["parameters"] = [
        _asked("place", {"type": "string"}), _asked("state", {"type": "string", "enum": [str(one) for one in State]}),
        _asked("before", {"type": "string", "format": "date-time"}),
    ]  # fmt: skip
    one = _operation("getRun", "A run with its steps, phases, resources and errors.", 403, 404)
    one["parameters"] = [run]
    figures = _operation("getDeployments", "How changes reached production in the last 30 days, by stack.", 403)
    paths: dict[str, Any] = {
        EVENTS: {"post": tell},
        f"{API}runs": {"get": listed},
        f"{API}deployments": {"get": figures},
        f"{API}runs/{{run}}": {"get": one},
    }
    for path, names in ((f"{PING}{{name}}", ["name"]), (f"{PING}{{name}}/{{action}}", ["name", "action"])):
        given = [_in_path(name) for name in names]
        rid = _asked("rid", {"type": "string", "format": "uuid"})
        paths[path] = {}
        for method in ("get", "post", "head"):
            ping = _operation(
                f"{method}Ping{len(names)}", "A ping, as Healthchecks' clients send it.", 400, 403, 404, 503
            )
            paths[path][method] = ping | {"parameters": [*given, rid]}
    paths |= _of_incidents() if acts else {}
    paths |= _of_approvals() if agrees else {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            needed = needed_scope(method.upper(), path)
            operation["x-scopes"] = [VIEW, READ] if needed == VIEW else [needed]
    schemes = {"token": {"type": "http", "scheme": "bearer"}, "login": {"type": "http", "scheme": "basic"}}
    return {
        "openapi": "3.0.3", "info": {"title": "Barograph", "version": "1"}, "paths": paths,
        "security": [{name: []} for name in schemes], "components": {"securitySchemes": schemes},
    }  # fmt: skip


def _of_incidents() -> dict[str, Any]:
    """Incidents and silences. What tokens with `view` get of them lacks what may hold values."""
    listed = _operation("listIncidents", "Incidents, the latest opened first; the live ones without `state`.", 400, 403)
    listed["parameters"] = [_asked("state", {"type": "string", "enum": [str(one) for one in IncidentState]})]
    fingerprint, which = _in_path("fingerprint"), _in_path("id")
    one = _operation("getIncident", "An incident with all that happened to it.", 403, 404)
    acted = _operation(
        "act", "Acknowledge, silence, unsilence, or show its difference in its thread (which needs `read` too).",
        400, 403, 404, 408, 409, 413, 415, 503,
    )  # fmt: skip
    verb = _in_path("verb") | {"schema": {"type": "string", "enum": [str(each) for each in Verb]}}
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    made = _operation("silence", "Silence what a matcher fits.", 400, 403, 404, 408, 409, 413, 415, 503)
    ended = _operation("endSilence", "End a silence.", 400, 403, 404, 408, 409, 413, 415, 503)
    return {
        f"{API}incidents": {"get": listed},
        f"{API}incidents/{{fingerprint}}": {"get": one | {"parameters": [fingerprint]}},
        f"{API}incidents/{{fingerprint}}/{{verb}}": {
            "post": acted | {"parameters": [fingerprint, verb], "requestBody": body}
        },
        f"{API}silences": {
            "get": _operation("listSilences", "Silences, ended ones too.", 403),
            "post": made | {"requestBody": body | {"required": True}},
        },
        f"{API}silences/{{id}}": {"delete": ended | {"parameters": [which]}},
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _of_approvals() -> dict[str, Any]:
    """Approvals and reviews."""
    texts = {name: {"type": "string"} for name in ("evidence", "note", "by")}
    named = {name: {"type": "string"} for name in ("run", "workflow", "stack", "commit")}
    until = {"for": {"type": "string"}, "expires_at": {"type": "string", "format": "date-time"}}
    back = {"why": {"type": "string"}, "by": {"type": "string"}}

    def asks(name: str, summary: str, properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
        found = _operation(name, f"{summary}", 400, 403, 404, 408, 409, 413, 415, 503)
        schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
        content = {"application/json": {"schema": {**schema, **({"required": list(required)} if required else {})}}}
        return found | {"requestBody": {"required": True, "content": content}}

    listed = _operation("listApprovals", "The latest, and what waits for one; or those of a run.", 400, 403)
    one = asks("revokeApproval", "Take one back.", back)
    return {
        APPROVALS: {
            "get": listed | {"parameters": [_asked("run", {"type": "string"})]},
            "post": asks("approve", "Agree to a run, or to a commit on a stack.", named | texts | until, "evidence"),
            "delete": asks("revokeApprovals", "Take back all that are of a subject.", named | back),
        },
        f"{APPROVALS}/{{id}}": {"delete": one | {"parameters": [_in_path("id")]}},
        REVIEWS: {
            "post": asks("review", "The review of an emergency.", {"run": named["run"], **texts}, "run", "evidence"),
            "delete": asks("revokeReviews", "Take the reviews of a run back.", {"run": named["run"], **back}, "run"),
        },
    }  # fmt: skip


def routes(*, acts: bool = True, agrees: bool = True) -> list[Route]:
    """`/api/v1/openapi.json`."""

    def answer(request: Request) -> Response:
        return JSONResponse(document(acts=acts, agrees=agrees))

    return [Route(OPENAPI, answer)]


def _operation(name: str, summary: str, *refusals: int, good: Mapping[str, str] | None = None) -> dict[str, Any]:
    said = dict(good or {"200": "It is given."}) | {
        str(code): "Refused; the answer says why." for code in (401, *refusals)
    }
    return {
        "operationId": name, "summary": summary,
        "responses": {code: {"description": text} for code, text in sorted(said.items())},
    }  # fmt: skip


def _asked(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _events() -> dict[str, Any]:
    one = {"oneOf": [_event(name, fields) for name, fields in FIELDS.items()]}
    events = {"type": "array", "maxItems": MAX_EVENTS, "items": one}
    return {"type": "object", "required": ["events"], "properties": {"events": events}}


def _event(name: str, fields: Mapping[str, int | str]) -> dict[str, Any]:
    head: dict[str, Any] = {
        "schema": {"type": "integer", "enum": [SCHEMA]}, "run_id": {"type": "string", "format": "uuid"},
        "seq": {"type": "integer", "minimum": 0, "maximum": MAX_SEQ}, "event": {"type": "string", "enum": [name]},
        "ts": {"type": "string", "format": "date-time"},
    }  # fmt: skip
    return {"type": "object", "required": ["run_id", "seq", "event", "ts"], "properties": head | _properties(fields)}


def _properties(fields: Mapping[str, int | str]) -> dict[str, Any]:
    return {field: _schema(kind) for field, kind in fields.items()}


def _schema(kind: int | str) -> dict[str, Any]:
    if kind == "rows":
        return {"type": "array", "items": {"type": "object", "properties": _properties(ROW)}}
    return {"type": "string"} if isinstance(kind, int) else dict(_KINDS[kind])
