"""The web application: pages for people, metrics for Prometheus, health for whoever restarts or routes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerts.announce import threads_of
from alerts.base import LIVE, Incident
from alerts.next_steps import no_runbook
from alerts.owners import managed_by
from alerts.render import standing, where
from checks.base import Instance, Outcome
from checks.runs.record import State, record_of
from daemon.complying import Compliance
from daemon.desk import Desk
from daemon.executions.approving import Approving
from daemon.health import Health, why_not_alive, why_not_ready
from daemon.inventory.model import Inventory
from daemon.metrics.snapshot import Snapshot
from daemon.planned import Duty
from daemon.standing import Standing, standings
from daemon.store import JobRow, Reader, StoreError, executions
from daemon.web import approvals, matrix, network, openapi, reports, repository, runbooks, runs, status
from daemon.web.api import Api
from daemon.web.auth import AuthSettings
from daemon.web.differences import SIDES, differences, other_evidence
from daemon.web.guard import Guard, keep_quiet
from daemon.web.rendering import Renderer
from daemon.web.runs import STYLES, SYMBOLS
from daemon.web.timeline import strips
from daemon.web.viewing import SEES_ALL, sight_of
from daemon.web.wanted import choices, wanted

log = logging.getLogger(__name__)

METRICS_STALE_AFTER = 60.0  # seconds
INVENTORY = "inventory"  # the check under which loads are recorded
HISTORY = 25  # rows of each history on a page
RUNNING = 20  # runs under way that are shown
OWN_RUNS = 10  # of an instance, on its page
MOST_INCIDENTS = 200  # of each kind on the status page


class Face(StrEnum):
    """Whom a listener is for. What it does not serve is not there. Health is on each."""

    PEOPLE = "people"  # pages, reports, the API
    METRICS = "metrics"
    WEBHOOKS = "webhooks"  # what other services and runs tell


class Readable(Protocol):
    """What is needed of the store."""

    def read(self) -> AbstractContextManager[Reader]: ...


@dataclass(frozen=True, slots=True)
class WebDeps:
    """What the pages are made from. `snapshot` gives the cached metrics."""

    store: Readable
    snapshot: Callable[[], Snapshot]
    health: Callable[[], Health]
    clock: Callable[[], datetime]
    auth: AuthSettings = field(default_factory=AuthSettings)
    public_url: str = ""
    inventory: Callable[[], Inventory | None] = lambda: None  # as last loaded; None: never
    hooks: Sequence[Route] = ()  # addresses for other services, which prove themselves to each
    source: str = ""  # where it comes from, for people; nothing secret
    refused: Callable[[str, str, str], None] = lambda who, why, where: None  # see guard.Guard
    planned: Callable[[datetime], Sequence[Duty]] = lambda now: ()  # what is done at set times, beside looking
    runbook_of: Callable[[Incident], str] = no_runbook  # address of what is written for such a case; empty: ours
    desk: Desk | None = None  # who acts on incidents; None: they can only be looked at
    compliance: Compliance | None = None  # makes reports of any period; None: nobody does here
    approving: Approving | None = None  # who keeps what people agree to; None: nobody does here


def create_app(deps: WebDeps, faces: Iterable[Face] = tuple(Face)) -> Starlette:
    """The application, with what *faces* are for. Nothing is started and nothing is read before the first request."""
    shown = frozenset(faces)
    pages = _Pages(deps, with_metrics=Face.METRICS in shown)
    return Starlette(
        routes=[
            Route("/healthz", pages.healthz),
            Route("/readyz", pages.readyz),
            *([Route("/metrics", pages.metrics)] if Face.METRICS in shown else []),
            *(deps.hooks if Face.WEBHOOKS in shown else []),
            *(_for_people(deps, pages) if Face.PEOPLE in shown else []),
        ],
        middleware=[
            Middleware(
                Guard, auth=deps.auth, policy=pages.renderer.policy, public_url=deps.public_url, refused=deps.refused
            )
        ],
        exception_handlers={HTTPException: pages.refused, StoreError: pages.store_failed, Exception: pages.failed},
    )


def _for_people(deps: WebDeps, pages: _Pages) -> list[Route]:
    return [
        Route("/", pages.status),
        Route("/repository", pages.repository),
        *reports.routes(deps.store, pages.renderer, deps.compliance, deps.clock),
        *runs.routes(deps.store, pages.renderer, deps.clock, deps.approving, pages.instances),
        *runbooks.routes(pages.renderer),
        *network.routes(pages.standings, deps.clock, pages.renderer),
        *openapi.routes(acts=deps.desk is not None, agrees=deps.approving is not None),
        Route("/instances/{place:path}", pages.instance),
        Route("/incidents/{fingerprint}", pages.incident),
        *(Api(deps.store, deps.desk).routes() if deps.desk is not None else ()),
        *(approvals.routes(deps.store, deps.approving, pages.instances) if deps.approving is not None else ()),
    ]


class _Pages:
    """One method per route. Those that read the store are plain functions: they run in a thread."""

    def __init__(self, deps: WebDeps, *, with_metrics: bool = True) -> None:
        self._deps = deps
        self.renderer = Renderer(with_metrics=with_metrics)

    def instances(self) -> list[Instance]:
        """Those of the inventory as it was last loaded."""
        known = self._deps.inventory()
        return [] if known is None else [watched.instance for watched in known.watched]

    def standings(self) -> list[Standing]:
        """How everything stands now."""
        with self._deps.store.read() as view:
            return _standings(view, self._deps.health(), self._deps.clock())

    async def metrics(self, request: Request) -> Response:
        snapshot = self._deps.snapshot()
        if snapshot.at is None:
            return Response("no metrics yet\n", 503, media_type="text/plain")
        body, kind = snapshot.answer(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": kind, "Vary": "Accept"})

    async def healthz(self, request: Request) -> Response:
        reasons = why_not_alive(self._deps.health(), self._deps.clock())
        return JSONResponse({"alive": not reasons}, 503 if reasons else 200)

    def readyz(self, request: Request) -> Response:
        now, health = self._deps.clock(), self._deps.health()
        try:
            with self._deps.store.read() as view:
                jobs, backlog = view.jobs(), view.backlog()
            reasons = self._troubles(health, jobs, backlog, now)
        except StoreError as error:
            reasons = [f"the store cannot be read: {error}"]
        why = {"reasons": reasons} if SEES_ALL in request.scope else {}  # not for who did not sign in
        return JSONResponse({"ready": not reasons, **why}, 503 if reasons else 200)

    def status(self, request: Request) -> Response:
        now, health, sight = self._deps.clock(), self._deps.health(), sight_of(request)
        asked = wanted(request.query_params)
        with self._deps.store.read() as view:
            jobs, backlog = view.jobs(), view.backlog()
            found = sight.standings(_standings(view, health, now, jobs))
            incidents = status.by_urgency(sight.incidents(view.incidents(LIVE)))
            rows = executions.listed(view.db, RUNNING + 1, state=State.RUNNING)
            runs = [
                status.live(sight.run(row), record_of(row.run_id, executions.events_of(view.db, row.run_id)))
                for row in rows
            ]
        fitting = [each for each in found if asked.fits(each.job.place, each.job.labels, each.job.check)]
        troubles = self._troubles(health, jobs, backlog, now)
        itself = status.of_itself(sight.health(health), troubles)
        opened = [each for each in incidents if asked.fits(where(each), each.labels, each.place, each.summary)]
        return self.renderer.page(
            "status.html", now=now, health=sight.health(health), full=sight.full, asked=asked,
            choices=choices(each.job.labels for each in found), headline=status.headline(incidents, found, itself),
            details=status.details(incidents), incidents=status.sort(opened), due=status.due, runs=runs[:RUNNING],
            more_runs=len(runs) > RUNNING, overviews=matrix.overviews(fitting, opened), watched=len(fitting),
            gaps=status.gaps(fitting, opened),
            listed=matrix.listed(fitting, opened, whole=asked.whole, page=asked.page),
            ahead=status.ahead(fitting, now), soonest=status.soonest(fitting, health.running), backlog=backlog,
            duties=[each for each in self._deps.planned(now) if each.at <= now + status.DAY], most=MOST_INCIDENTS,
            troubles=troubles, waiting=sum(count for count, _ in backlog.values()),
        )  # fmt: skip

    def repository(self, request: Request) -> Response:
        now, health, inventory = self._deps.clock(), self._deps.health(), self._deps.inventory()
        with self._deps.store.read() as view:
            found = [each for each in _standings(view, health, now) if each.job.check in (repository.CHECK, INVENTORY)]
            readings = view.readings(repository.CHECK)
        looked = [each for each in found if each.job.check == repository.CHECK]
        return self.renderer.page(
            "repository.html", now=now, inventory=inventory, source=self._deps.source or "not told",
            grid=None if inventory is None else repository.grid(inventory), standings=found,
            causes=repository.causes(readings), unread=repository.unread(readings),
            clean=bool(looked) and all(each.outcome is Outcome.HEALTHY for each in looked),
        )  # fmt: skip

    def instance(self, request: Request) -> Response:
        place, sight = request.path_params["place"], sight_of(request)
        now, health = self._deps.clock(), self._deps.health()
        with self._deps.store.read() as view:
            found = [each for each in sight.standings(_standings(view, health, now)) if each.job.place == place]
            if not found:
                raise HTTPException(404)
            incidents = [each for each in sight.incidents(view.incidents()) if each.place == place]
            runs = [sight.look(run) for each in found for run in view.runs(each.job.check, place, HISTORY)]
            changes = [
                sight.change(change)
                for each in found
                for reading in each.readings
                for change in view.verdict_changes(each.job.check, place, reading.resource, HISTORY)
            ]
            done = [sight.run(row) for row in executions.listed(view.db, OWN_RUNS, place=place)]
        live = status.by_urgency(each for each in incidents if each.state in LIVE)
        evidence = [r.evidence for each in found for r in each.readings] + [each.evidence for each in live]
        return self.renderer.page(
            "instance.html", now=now, place=place, standings=found, labels=dict(found[0].job.labels), live=live,
            past=[each for each in incidents if each.state not in LIVE][:HISTORY], differences=differences(evidence),
            seen=[item for each in found for r in each.readings for item in other_evidence(r.evidence)], sides=SIDES,
            runs=sorted(runs, key=lambda run: run.ended, reverse=True)[:HISTORY], executions=done,
            strips=strips(found, changes, now), due=status.due, styles_of=STYLES, symbols_of=SYMBOLS,
            changes=sorted(changes, key=lambda change: change.at, reverse=True)[:HISTORY], full=sight.full,
        )  # fmt: skip

    def incident(self, request: Request) -> Response:
        now, sight = self._deps.clock(), sight_of(request)
        with self._deps.store.read() as view:
            found = view.incident(request.path_params["fingerprint"])
            if found is None:
                raise HTTPException(404)
            transitions = [sight.transition(each, found.check) for each in view.transitions(found.fingerprint)]
            subjects = [thread.subject for thread in threads_of(found)] + [found.escalation] * bool(found.escalation)
            deliveries = [sight.delivery(each) for subject in subjects for each in view.deliveries_of(subject)]
        found = sight.incident(found)
        return self.renderer.page(
            "incident.html", now=now, incident=found, live=found.state in LIVE, transitions=transitions[::-1],
            deliveries=deliveries, differences=differences([found.evidence]), sides=SIDES,
            evidence=other_evidence(found.evidence), managed=managed_by(found.labels),
            runbook=self._deps.runbook_of(found) or f"/runbooks/{found.kind}",
            standing=list(standing(found)) if found.state in LIVE else [], full=sight.full,
        )  # fmt: skip

    def _troubles(
        self,
        health: Health,
        jobs: Sequence[JobRow],
        backlog: Mapping[str, tuple[int, datetime | None]],
        now: datetime,
    ) -> list[str]:
        """Why nobody should rely on what is told here: readiness, and metrics that nobody renews."""
        made = self._deps.snapshot().at
        old = 0.0 if made is None else (now - made).total_seconds()
        stand_still = [f"the metrics are {int(old)} s old"] if old > METRICS_STALE_AFTER else []
        return [*why_not_ready(health, jobs, backlog, now), *stand_still]

    async def refused(self, request: Request, error: Exception) -> Response:
        """404, 405: a page that says what was meant."""
        assert isinstance(error, HTTPException)
        takes = f"This address takes {(error.headers or {}).get('Allow', 'other methods')} only"
        what = {404: "There is no such page", 405: takes}.get(error.status_code, error.detail)
        full = sight_of(request).full
        page = self.renderer.page("error.html", error.status_code, what=what, why="", full=full)
        page.headers.update(error.headers or {})
        return page

    async def store_failed(self, request: Request, error: Exception) -> Response:
        return self.renderer.page("error.html", 503, what="The store cannot be read", why=str(error))

    async def failed(self, request: Request, error: Exception) -> Response:
        """A bug: the log has it, the page tells nothing of it."""
        page = self.renderer.page("error.html", 500, what="Something went wrong", why="The log has the details.")
        keep_quiet(page.headers, self.renderer.policy)  # Starlette answers for bugs outside of all middleware
        return page


def _standings(view: Reader, health: Health, now: datetime, jobs: Sequence[JobRow] | None = None) -> list[Standing]:
    known = view.jobs() if jobs is None else jobs
    return standings(known, view.readings(), now, health.expected, health.unrecorded, health.outdated)
