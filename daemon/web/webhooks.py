"""What other services tell us over HTTP. Their signature is their sign-in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerts.sinks import pagerduty_hook
from daemon.web.sent import RefusedError, body_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from daemon.store import Reader, Transaction

log = logging.getLogger(__name__)

PAGERDUTY = "/webhooks/pagerduty"
GITHUB = "/webhooks/github"
MAX_BYTES = 256 * 1024
# PagerDuty tries for hours. What is older is a replay, and its id need not be known any more.
REMEMBERED = timedelta(days=7)
AHEAD = timedelta(minutes=10)

Acknowledge = Callable[[str, str, datetime], object]  # fingerprint, who, when; may be called again with the same


class Keeps(Protocol):
    """What is needed of the store."""

    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def read(self) -> AbstractContextManager[Reader]: ...


@dataclass(frozen=True, slots=True)
class PagerDutyHook:
    """Takes PagerDuty's v3 webhooks. Without *secrets* there is no such address."""

    secrets: Sequence[str] = field(repr=False)
    acknowledge: Acknowledge
    store: Keeps
    clock: Callable[[], datetime]

    def routes(self) -> list[Route]:
        return [Route(PAGERDUTY, self.answer, methods=["POST"])] if any(self.secrets) else []

    async def answer(self, request: Request) -> Response:
        """200: heard, or of no interest; 401, 408, 413, 400: not taken, and nothing was done."""
        try:
            body = await body_of(request, MAX_BYTES, "this is too much for an event")
        except RefusedError as error:
            return _said(str(error), error.status)
        if not pagerduty_hook.is_signed(self.secrets, request.headers.get("x-pagerduty-signature", ""), body):
            return _said("the signature is not one of ours", 401)
        try:
            heard = pagerduty_hook.read(body)
        except ValueError as error:
            return _said(str(error), 400)
        if not -AHEAD <= self.clock() - heard.at <= REMEMBERED:
            return _said("the event is too old", 400)
        return await run_in_threadpool(self._act, heard)

    def _act(self, heard: pagerduty_hook.Heard) -> Response:
        with self.store.read() as view:
            known = view.has_heard("pagerduty", heard.id)
        if known or not heard.fingerprint:
            return _said("nothing to do", 200)
        # First done, then noted: a crash in between does it twice, which is as once.
        self.acknowledge(heard.fingerprint, heard.who, heard.at)
        with self.store.transaction() as tx:
            tx.hear("pagerduty", heard.id, REMEMBERED + AHEAD)
        log.info("PagerDuty: %s %s", heard.kind, heard.fingerprint)
        return _said("heard", 200)


def _said(text: str, status: int) -> Response:
    return JSONResponse({"said": text}, status)
