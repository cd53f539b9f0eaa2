"""The API under /api/v1: incidents, acknowledging, silences. JSON in, JSON out.

A browser cannot be made to act on anybody's behalf: what changes something must be sent as `application/json`, which a
page of another site may not send without asking first, and nobody answers that; and an `Origin` that is not this
address is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerts.base import LIVE, IncidentState
from alerts.escape import clean
from daemon.desk import Desk, Done
from daemon.deskwork import (
    BadRequestError,
    Verb,
    done_json,
    incident_json,
    new_silence,
    on_incident,
    silence_json,
)
from daemon.store import Reader, StoreError
from daemon.web.guard import API as PREFIX
from daemon.web.sent import RefusedError, json_of, refuse_foreign
from daemon.web.viewing import sight_of

MOST = 1_000  # incidents in one answer


class Readable(Protocol):
    """What is needed of the store."""

    def read(self) -> AbstractContextManager[Reader]: ...


class Api:
    """Its routes. Reading needs the scope `read`, the rest `acknowledge`: daemon.web.guard asks for them before."""

    def __init__(self, store: Readable, desk: Desk) -> None:
        self._store = store
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route(f"{PREFIX}incidents", self.incidents),
            Route(f"{PREFIX}incidents/{{fingerprint}}", self.incident),
            Route(f"{PREFIX}incidents/{{fingerprint}}/{{verb}}", self.act, methods=["POST"]),
            Route(f"{PREFIX}silences", self.silences),
            Route(f"{PREFIX}silences", self.silence, methods=["POST"]),
            Route(f"{PREFIX}silences/{{id}}", self.unsilence, methods=["DELETE"]),
        ]

    def incidents(self, request: Request) -> Response:
        """Incidents, the latest opened first: the live ones, or those in the `state` that is asked for."""
        states = request.query_params.getlist("state")
        try:
            wanted = {IncidentState(state) for state in states} or set(LIVE)
        except ValueError:
            return _no(400, f"state must be one of {', '.join(IncidentState)}")
        with self._store.read() as view:
            found = view.incidents(wanted, MOST + 1)
        shown = sight_of(request).incidents(found[:MOST])
        return JSONResponse({"incidents": [incident_json(one) for one in shown], "more": len(found) > MOST})

    def incident(self, request: Request) -> Response:
        with self._store.read() as view:
            found = view.incident(request.path_params["fingerprint"])
            transitions = [] if found is None else view.transitions(found.fingerprint)
        if found is None:
            return _no(404, "there is no such incident")
        sight = sight_of(request)
        told = [sight.transition(each, found.check) for each in transitions]
        return JSONResponse(incident_json(sight.incident(found), told))

    def silences(self, request: Request) -> Response:
        with self._store.read() as view:
            return JSONResponse({"silences": [silence_json(one) for one in view.silences()[:MOST]]})

    async def act(self, request: Request) -> Response:
        try:
            verb = Verb(request.path_params["verb"])
        except ValueError:
            return _no(404, f"an incident takes {', '.join(Verb)}")
        fingerprint = request.path_params["fingerprint"]
        if verb is Verb.DIFF and not sight_of(request).full:
            return _no(403, "This needs the scope read: the difference is shown in the incident's thread.")
        return await self._done(request, partial(on_incident, self._desk, verb, fingerprint))

    async def silence(self, request: Request) -> Response:
        return await self._done(request, partial(new_silence, self._desk))

    async def unsilence(self, request: Request) -> Response:
        silence = request.path_params["id"]
        return await self._done(request, lambda body, who: self._desk.unsilence(silence, who))

    async def _done(self, request: Request, do: Callable[[Mapping[str, Any], str], Done]) -> Response:
        try:
            refuse_foreign(request)
            body = await json_of(request)
            who = _who(request, body.pop("by", ""))
            done = await run_in_threadpool(do, body, who)
        except RefusedError as error:
            return _no(error.status, str(error))
        except BadRequestError as error:
            return _no(400, str(error))
        except StoreError as error:
            return _no(503, f"nothing was stored: {error}")
        status = 404 if not done.known else 409 if done.refused else 200
        return JSONResponse(done_json(done), status)


def _who(request: Request, by: object) -> str:
    """Who signed in; *by* is who they say it is for, which nobody has proven. Raises BadRequestError."""
    if not isinstance(by, str):
        raise BadRequestError("by must be a text")
    name = clean(" ".join(str(request.scope.get("user_name") or "").split()), 256)
    through = f"HTTP, by the {request.scope['user_by']}" if request.scope.get("user_by") else "HTTP"
    signed = f"signed in as {name}" if name else "on this machine, where nobody signs in"
    told = clean(" ".join(by.split()), 80)
    return f"{told}, {signed} ({through})" if told else f"{name or 'somebody'} ({through})"


def _no(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)
