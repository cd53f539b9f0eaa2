"""Approvals and reviews over HTTP: given, taken back, listed. Who gives one is who signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from checks.base import Instance
from daemon.approvework import give, review, revoke, signed_in
from daemon.deskwork import BadRequestError
from daemon.executions import impacts
from daemon.executions.approving import Answer, Approving, Signed, answer_json, approval_json
from daemon.executions.waiting import Asked, waiting
from daemon.store import Reader, StoreError, approvals
from daemon.web.guard import APPROVALS, REVIEWS
from daemon.web.sent import RefusedError, json_of, refuse_foreign
from daemon.web.viewing import sight_of

MOST = 500  # in one answer
NOBODY = "HTTP, where nobody signs in"
_PLAIN = ("id", "by", "for", "via", "at", "run_id", "commit", "stack", "workflow", "review", "expires_at", "revoked_at",
          "revoked_by")  # fmt: skip


class Readable(Protocol):
    """What is needed of the store."""

    def read(self) -> AbstractContextManager[Reader]: ...


def routes(store: Readable, desk: Approving, instances: Callable[[], Iterable[Instance]]) -> list[Route]:
    """Giving needs the scope `approve`, the list `read`: daemon.web.guard asks for them before."""

    def listed(request: Request) -> Response:
        with store.read() as view:
            run = request.query_params.get("run", "")
            if run:
                found = [approval_json(one, why) for one, why in desk.of_run(view, run[:100])]
                return JSONResponse({"approvals": found[:MOST], "more": len(found) > MOST})
            given = approvals.newest(view.db, MOST + 1)
            asked = waiting(view, desk.guideline, instances())
            waits = None if asked is None else [_waiting(view, desk, one, instances()) for one in asked[:MOST]]
        body = {"approvals": [approval_json(one) for one in given[:MOST]], "more": len(given) > MOST}
        return JSONResponse(body | {"waiting": waits})

    def given(body: Mapping[str, Any], signed: Signed) -> tuple[Answer, dict[str, Any]]:
        answer = give(desk, body, signed)
        run_id = next((one.run_id for one in answer.approvals), "")
        with store.read() as view:
            plans = impacts.of_run(view, run_id, instances(), desk.clock()) if run_id else ()
        return answer, {"impacts": [impacts.as_json(one) for one in plans]} if run_id else {}

    async def approve(request: Request) -> Response:
        return await _done(request, given)

    async def reviewed(request: Request) -> Response:
        return await _done(request, lambda body, signed: (review(desk, body, signed), {}))

    async def review_back(request: Request) -> Response:
        return await _done(request, lambda body, signed: (revoke(desk, body, signed, review=True), {}))

    async def taken_back(request: Request) -> Response:
        mark = request.path_params.get("id", "")
        return await _done(request, lambda body, signed: (revoke(desk, body, signed, mark), {}))

    return [
        Route(APPROVALS, listed),
        Route(APPROVALS, approve, methods=["POST"]),
        Route(APPROVALS, taken_back, methods=["DELETE"]),
        Route(f"{APPROVALS}/{{id}}", taken_back, methods=["DELETE"]),
        Route(REVIEWS, reviewed, methods=["POST"]),
        Route(REVIEWS, review_back, methods=["DELETE"]),
    ]


def _waiting(view: Reader, desk: Approving, one: Asked, instances: Iterable[Instance]) -> Mapping[str, Any]:
    """A run that waits, with what its apply would do; no plan: nobody has told of one."""
    run_id, plans = impacts.for_approval(view, one.run_id, one.stack, one.commit, instances, desk.clock())
    return {**one.json(), "planned_by": run_id, "impacts": [impacts.as_json(each) for each in plans]}


async def _done(
    request: Request, do: Callable[[Mapping[str, Any], Signed], tuple[Answer, dict[str, Any]]]
) -> Response:  # fmt: skip
    try:
        refuse_foreign(request)
        body = await json_of(request)
        name = str(request.scope.get("user_name") or "")
        by = request.scope.get("user_by")
        via = f"HTTP, by the {by}" if by else "HTTP"
        signed = signed_in(name, via if name else NOBODY, body.pop("by", ""))
        answer, more = await run_in_threadpool(do, body, signed)
    except RefusedError as error:
        return JSONResponse({"error": str(error)}, error.status)
    except BadRequestError as error:
        return JSONResponse({"error": str(error)}, 400)
    except StoreError as error:
        return JSONResponse({"error": f"nothing was stored: {error}"}, 503)
    status = 404 if not answer.known else 409 if answer.refused else 200
    told = {**answer_json(answer), **more}
    return JSONResponse(told if sight_of(request).full else _untold(told), status)


def _untold(told: Mapping[str, Any]) -> dict[str, Any]:
    """An answer for who may approve and not read: that it is so, and nothing of plans or of what others wrote."""
    given = [{name: one[name] for name in _PLAIN} for one in told["approvals"]]
    return {**told, "approvals": given} | ({"impacts": None} if "impacts" in told else {})
