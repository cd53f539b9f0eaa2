"""What runs tell over HTTP: the events API, pings, GitHub's webhooks. Stored before it is answered; never a 500."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from checks.runs.wire import (
    MAX_BODY,
    MAX_EVENTS,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    WireError,
    WireEvent,
    batch,
    signed,
)
from daemon.executions import github, github_reviews, pings
from daemon.executions.approving import REJECT, Approving
from daemon.executions.github import Mapped
from daemon.executions.intake import Intake, Offer
from daemon.executions.schedules import Schedule
from daemon.store import StoreError, executions
from daemon.web.guard import EVENTS, PING
from daemon.web.sent import RefusedError, body_of, refuse_foreign
from daemon.web.webhooks import GITHUB

LIMIT = {"Body-Limit": str(MAX_BODY), "Events-Limit": str(MAX_EVENTS)}
PING_LIMIT = {"Ping-Body-Limit": str(pings.BODY_LIMIT)}
REFUSED = 20  # events whose fault is told
HEARD = timedelta(days=7)  # for which a delivery's id is known
GITHUB_BODY = 25 * 1024 * 1024  # as large as GitHub sends them
WAIT = {"Retry-After": "30"}


@dataclass(frozen=True, slots=True)
class Ingest:
    """Its routes. daemon.web.guard has asked for the scope `ingest` before, but for what is its own proof."""

    intake: Intake
    clock: Callable[[], datetime]
    signing: Sequence[str] = field(default=(), repr=False)
    schedules: Sequence[Schedule] = field(default=(), repr=False)
    github_secrets: Sequence[str] = field(default=(), repr=False)
    mapped: Sequence[Mapped] = ()
    github_silence: timedelta = timedelta(days=1)
    approving: Approving | None = None  # who keeps what people agree to there

    def routes(self) -> list[Route]:
        pinged = ["GET", "POST", "HEAD"]
        found = [
            Route(EVENTS, self.events, methods=["POST"]),
            Route(f"{PING}{{name}}", self.ping, methods=pinged),
            Route(f"{PING}{{name}}/{{action}}", self.ping, methods=pinged),
        ]
        return [*found, *([Route(GITHUB, self.github, methods=["POST"])] if any(self.github_secrets) else [])]

    async def events(self, request: Request) -> Response:
        """202: stored; `refused` names each event that was none. 400, 401, 403, 408, 413, 503: nothing was stored."""
        try:
            refuse_foreign(request)
            raw = await _body(request, MAX_BODY)
            given = request.headers.get(SIGNATURE_HEADER)
            if given is not None and not signed(
                self.signing, request.headers.get(TIMESTAMP_HEADER, ""), raw, given, self.clock()
            ):
                raise RefusedError(401, "the signature is not one of ours, or its time is not within five minutes")
            told = batch(raw)
            good = [one for one in told if isinstance(one, WireEvent)]
            bad = [{"event": n, "error": str(one)} for n, one in enumerate(told) if isinstance(one, WireError)]
            if bad and not good:
                raise RefusedError(400, f"event {bad[0]['event']}: {bad[0]['error']}")
            taken = await run_in_threadpool(self.intake.events, good)
        except RefusedError as error:
            return JSONResponse({"error": str(error)}, error.status, LIMIT)
        except WireError as error:
            return JSONResponse({"error": str(error)}, 400, LIMIT)
        except StoreError as error:
            return JSONResponse({"error": f"nothing was stored: {error}"}, 503, LIMIT | WAIT)
        answer: dict[str, object] = {"accepted": taken.accepted, "duplicates": taken.duplicates}
        if taken.left_out:
            answer["left_out"] = taken.left_out
        if bad:
            answer |= {"refused": bad[:REFUSED], "refused_count": len(bad)}
        return JSONResponse(answer, 202, LIMIT)

    async def ping(self, request: Request) -> Response:
        """200 `OK`: stored. The body may be the output of the run; what is beyond the limit is passed over."""
        try:
            refuse_foreign(request)
            name = request.path_params["name"]
            schedule = next((one for one in self.schedules if _is(one, name)), None)
            action = pings.action_of(request.path_params.get("action", ""))
            rid = request.query_params.get("rid", "")
            if schedule is None or action is None:
                raise RefusedError(404, "not found")
            if rid and not pings.is_rid(rid):
                raise RefusedError(400, "invalid url format: rid is to be a UUID")
            body = await _body(request, MAX_BODY)
            host = request.headers.get("user-agent", "")[:100]
            await run_in_threadpool(self._pinged, schedule, action, rid, body, host)
        except RefusedError as error:
            return PlainTextResponse(str(error), error.status, PING_LIMIT)
        except StoreError:
            return PlainTextResponse("not stored; try again", 503, PING_LIMIT | WAIT)
        return PlainTextResponse("OK", 200, PING_LIMIT)

    def _pinged(self, schedule: Schedule, action: str | int, rid: str, body: bytes, host: str) -> None:
        now = self.clock()
        with self.intake.store.transaction() as tx:
            known = executions.schedule(tx.db, schedule.name, now)
            run_id = pings.run_of(schedule, rid, known.open_run, action, f"{now.isoformat()}/{secrets.token_hex(8)}")
            if not rid:
                goes_on = action == pings.START or (action == pings.LOG and bool(known.open_run))
                executions.set_schedule(tx.db, replace(known, open_run=run_id if goes_on else ""))
            self.intake.within(tx, [pings.offer(schedule, action, run_id, body, now, host)])
        self.intake.on_taken()

    async def github(self, request: Request) -> Response:
        """200: heard, or of no interest; 401, 413, 400: not taken."""
        try:
            raw = await _body(request, GITHUB_BODY)
            if not github.is_signed(self.github_secrets, request.headers.get(github.SIGNATURE, ""), raw):
                raise RefusedError(401, "the signature is not one of ours")
            event = request.headers.get(github.EVENT, "")
            delivery = request.headers.get(github.DELIVERY, "")[:100]
            if event in github_reviews.EVENTS:
                agreed = github_reviews.read(event, raw, self.mapped, self.clock())
                said = await run_in_threadpool(self._agreed, agreed, delivery)
            else:
                found = github.read(event, raw, self.mapped, self.github_silence, self.clock())
                said = "nothing to do" if found is None else await run_in_threadpool(self._heard, found, delivery)
        except RefusedError as error:
            return JSONResponse({"said": str(error)}, error.status)
        except ValueError as error:
            return JSONResponse({"said": str(error)}, 400)
        except StoreError as error:
            return JSONResponse({"said": f"nothing was stored: {error}"}, 503, WAIT)
        return JSONResponse({"said": said})

    def _agreed(self, heard: github_reviews.Heard, delivery: str) -> str:
        if self.approving is None or heard == github_reviews.Heard():
            return "nothing to do"
        with self.intake.store.read() as view:
            if delivery and view.has_heard("github", delivery):
                return "nothing to do"
        with self.intake.store.transaction() as tx:
            changed = self.approving.keep(tx, heard.given)
            for mark, at, who, why in heard.ended:
                changed |= self.approving.end(tx, mark, at, who, why)
            changed |= self.approving.withdraw(tx, heard.withdrawn)
            for who, what in heard.rejected:
                tx.audit(f"{who} ({github_reviews.ENVIRONMENT})", REJECT, dict(what))
            if heard.offer is not None:
                self.intake.within(tx, [replace(heard.offer, silence=self.github_silence)])
            if delivery:
                tx.hear("github", delivery, HEARD)
        for stack in {one.stack for one in (*heard.given, *heard.withdrawn)} | {
            row.stack for row in self.mapped if heard.ended
        }:
            self.approving.on_stored(stack)
        self.intake.on_taken()
        return "heard" if changed or heard.offer or heard.rejected else "nothing to do"

    def _heard(self, offer: Offer, delivery: str) -> str:
        with self.intake.store.read() as view:
            if delivery and view.has_heard("github", delivery):
                return "nothing to do"
        with self.intake.store.transaction() as tx:
            self.intake.within(tx, [offer])
            if delivery:
                tx.hear("github", delivery, HEARD)
        self.intake.on_taken()
        return "heard"


def _is(schedule: Schedule, name: str) -> bool:
    """Whether *name* is its slug or its UUID; the UUID is compared in constant time, for it is a secret."""
    given = name.lower().encode("utf-8", "replace")
    by_secret = bool(schedule.uuid) and secrets.compare_digest(schedule.uuid.lower().encode(), given)
    return by_secret or schedule.name == name


async def _body(request: Request, most: int) -> bytes:
    return await body_of(request, most, f"a body has {most} bytes at most")
