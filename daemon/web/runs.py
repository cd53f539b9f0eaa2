"""Runs, as pages and as JSON: a list, and each with its steps, phases and resources as far as they have come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from checks.base import Instance
from checks.runs.dora import WINDOW, Figures, median
from checks.runs.holders import Holder
from checks.runs.model import Status
from checks.runs.record import RunRecord, State, record_of
from checks.runs.told import Standing, reading_of
from daemon.executions import impacts
from daemon.executions.approving import Approving
from daemon.executions.locks import holders_of
from daemon.executions.production import production
from daemon.executions.waiting import waiting
from daemon.store import Reader, aftercare, executions
from daemon.store.aftercare import CareRow
from daemon.store.executions import ExecutionRow
from daemon.web.guard import API
from daemon.web.rendering import Renderer
from daemon.web.viewing import sight_of

MOST = 200  # runs on a page
MOST_WAITING = 20  # whose plans are shown with them
STYLES: Mapping[str, str] = {"succeeded": "good", "failed": "bad", "lost": "bad", "cancelled": "warn"}
SYMBOLS: Mapping[str, str] = {"succeeded": "✓", "failed": "✗", "lost": "?", "cancelled": "–", "running": "…"}

HEALTH_STYLES: Mapping[str, str] = {"healthy": "good", "worse": "bad", "watching": "none", "unchanged": "none"}
_ENDS = {Status.DONE: ("done", "good"), Status.FAILED: ("failed", "bad"), Status.PLANNED: ("planned", "none")}


_LINK = re.compile(r"https?://[^\s<>\"'`]{1,1000}")


class Readable(Protocol):
    """What is needed of the store."""

    def read(self) -> AbstractContextManager[Reader]: ...


@dataclass(frozen=True, slots=True)
class Bar:
    """A step, a phase or a resource on the page: how far it has come, and how long it took or takes."""

    name: str
    word: str
    style: str
    begun_at: datetime | None
    seconds: float | None
    more: str = ""


def routes(
    store: Readable, renderer: Renderer, clock: Callable[[], datetime], approving: Approving | None = None,
    instances: Callable[[], Iterable[Instance]] = lambda: (),
) -> list[Route]:  # fmt: skip
    """`/runs`, `/runs/ID`, and the same as JSON below /api/v1. *instances*: of the inventory, as far as it is known."""

    def asked(request: Request) -> list[ExecutionRow]:
        place, state = request.query_params.get("place", ""), request.query_params.get("state", "")
        if state and state not in frozenset(State):
            raise HTTPException(400, f"state must be one of {', '.join(State)}")
        before = _moment(request.query_params.get("before", ""))
        with store.read() as view:
            found = executions.listed(view.db, MOST + 1, place=place[:1_000], state=state, before=before)
            return [sight_of(request).run(row) for row in found]

    def cares(found: list[ExecutionRow]) -> dict[str, CareRow]:
        with store.read() as view:
            return aftercare.of_runs(view.db, [row.run_id for row in found])

    def known(request: Request) -> tuple[ExecutionRow, RunRecord, tuple[impacts.Assessed, ...], Mapping[str, Holder]]:
        with store.read() as view:
            row = executions.find(view.db, request.path_params["run"][:100])
            if row is None:
                raise HTTPException(404)
            record = record_of(row.run_id, executions.events_of(view.db, row.run_id), row.lost_at is not None)
            sight = sight_of(request)
            if not sight.full:  # who is shown neither need not wait for them
                return sight.run(row), sight.record(record), (), {}
            return row, record, impacts.assessed(view, record, instances(), clock()), holders_of(view, record)

    def median_of(row: ExecutionRow) -> tuple[float | None, int]:
        with store.read() as view:
            usual = executions.durations(view.db, row.resource)
        return median(usual), len(usual)

    def figures() -> Mapping[str, Figures]:
        now = clock()
        with store.read() as view:
            return production(view, now - WINDOW, now)

    def page(request: Request) -> Response:
        found, now, full = asked(request), clock(), sight_of(request).full
        with store.read() as view:
            waits = None if approving is None else waiting(view, approving.guideline, instances())
            plans = {
                each.run_id: impacts.for_approval(view, each.run_id, each.stack, each.commit, instances(), now)
                for each in ((waits or ())[:MOST_WAITING] if full else ())
            }
        return renderer.page(
            "runs.html", now=now, plans=plans, runs=found[:MOST], more=len(found) > MOST, styles_of=STYLES,
            symbols_of=SYMBOLS, cares=cares(found[:MOST]) if full else {}, care_styles=HEALTH_STYLES,
            figures=figures(), full=full, place=request.query_params.get("place", ""), waiting=waits,
        )  # fmt: skip

    def one(request: Request) -> Response:
        (row, record, plans, holders), now = known(request), clock()
        planned_by = row.run_id
        if not sight_of(request).full:
            return renderer.page(
                "run_viewed.html", now=now, row=row, record=record, steps=_steps(record, now),
                phases=_phases(record, now), styles_of=STYLES, symbols_of=SYMBOLS, full=False,
            )  # fmt: skip
        with store.read() as view:
            if not plans and not record.over and record.applied is None:
                planned_by, plans = impacts.for_approval(
                    view, row.run_id, record.stack, record.commit, instances(), now
                )  # fmt: skip
            agreed = [] if approving is None else approving.of_run(view, row.run_id)
        instance = next((one for one in instances() if (one.stack, one.component) == (row.stack, row.component)), None)
        standing = Standing(row.resource, row.workflow, record, holders=holders)
        said = reading_of(standing, instance, now) if record.over else None
        finding = next((one for one in said.findings), None) if said is not None else None
        care = cares([row]).get(row.run_id)
        return renderer.page(
            "run.html", now=now, row=row, record=record, summary=said.summary if said is not None else "",
            remedy=finding.remedy if finding is not None else "", steps=_steps(record, now),
            phases=_phases(record, now), resources=_resources(record, now), styles_of=STYLES, symbols_of=SYMBOLS,
            care=care, usual=median_of(row), cost=cost_json(care), care_styles=HEALTH_STYLES,
            plans=plans, planned_by=planned_by, link=_link(record.url), way_back=_link(record.rollback),
            approvals=[(one, why, _link(one.evidence)) for one, why in agreed[:MOST]],
        )  # fmt: skip

    def listed_json(request: Request) -> Response:
        try:
            found = asked(request)
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code)
        watched = cares(found[:MOST]) if sight_of(request).full else {}
        told = [row_json(row) | {"health": health_json(watched.get(row.run_id))} for row in found[:MOST]]
        return JSONResponse({"runs": told, "more": len(found) > MOST})

    def figures_json(request: Request) -> Response:
        return JSONResponse(
            {"days": WINDOW.days, "stacks": {stack: figure_json(each) for stack, each in figures().items()}}
        )

    def one_json(request: Request) -> Response:
        try:
            row, record, plans, _ = known(request)
        except HTTPException:
            return JSONResponse({"error": "there is no such run"}, 404)
        if not sight_of(request).full:
            return JSONResponse(row_json(row) | viewed_json(record))
        care = cares([row]).get(row.run_id)
        usual = median_of(row)
        more = {
            "health": health_json(care),
            "cost": cost_json(care),
            "usual_seconds": usual[0],
            "usual_of": usual[1],
            "impacts": [impacts.as_json(one) for one in plans],
        }
        return JSONResponse(row_json(row) | record_json(record) | more)

    return [
        Route("/runs", page), Route("/runs/{run}", one),
        Route(f"{API}deployments", figures_json),
        Route(f"{API}runs", listed_json), Route(f"{API}runs/{{run}}", one_json),
    ]  # fmt: skip


def _link(text: str) -> str:
    """*text* where a browser may follow it."""
    return text if _LINK.fullmatch(text) else ""


def row_json(row: ExecutionRow) -> dict[str, Any]:
    """A run in the list."""
    return {
        "run_id": row.run_id, "state": row.state, "workflow": row.workflow, "stack": row.stack,
        "component": row.component, "place": row.place, "source": row.source, "started_at": row.started_at.isoformat(),
        "ended_at": _text(row.ended_at), "seconds": row.seconds, "verdict": row.summary,
        "changes": {name: row.counts.get(name) for name in ("added", "changed", "destroyed")},
        "actor": row.counts.get("actor"), "commit": row.counts.get("commit"), "heard_at": row.heard_at.isoformat(),
        "was_lost": row.was_lost, "stuck": row.stuck_at is not None, "events": row.events, "left_out": row.left_out,
    }  # fmt: skip


def figure_json(found: Figures) -> dict[str, Any]:
    """The figures of a stack. What is not known is null."""
    return {
        "deployments": found.succeeded, "deployments_per_week": round(found.per_week, 3),
        "lead_seconds": found.lead.value, "lead_known": found.lead.known, "lead_of": found.lead.of,
        "failures": found.failures.part, "applies": found.failures.of, "failure_ratio": found.failures.ratio,
        "restore_seconds": found.restore.value, "restored": found.restore.known,
        "through_cycle": found.cycle.part, "changes": found.cycle.of, "cycle_ratio": found.cycle.ratio,
        "unrecorded": found.unrecorded, "cycle_not_known": found.undecided, "not_watched": found.unwatched,
    }  # fmt: skip


def health_json(care: CareRow | None) -> dict[str, Any] | None:
    """How its stack stood after it; None: it was not to be watched, or is not yet."""
    if care is None or not care.health:
        return None
    return {**care.verdict, "watched_until": _text(care.until)}


def cost_json(care: CareRow | None) -> dict[str, Any] | None:
    """What it did to the daily cost of its stack; None: that was not looked at yet."""
    return dict(care.notes["cost"]) if care is not None and care.notes.get("cost") else None


def record_json(record: RunRecord) -> dict[str, Any]:
    """What the list lacks."""
    return {
        "argv": list(record.argv), "host": record.host, "ci_url": record.url, "attempt": record.attempt,
        "rollback": record.rollback, "emergency": record.emergency, "exit_code": record.code, "signal": record.signal,
        "expected_steps": record.expected_steps,
        "steps": [
            {"index": each.index, "name": each.name, "command": each.command, "started_at": _text(each.begun_at),
             "ended_at": _text(each.ended_at), "exit_code": each.code, "inert": each.inert}
            for each in record.steps
        ],
        "phases": [
            {"phase": each.name, "started_at": _text(each.begun_at), "ended_at": _text(each.ended_at)}
            for each in record.phases
        ],
        "resources": [
            {"address": each.address, "action": each.doing, "status": str(each.status),
             "started_at": _text(each.begun_at), "ended_at": _text(each.ended_at), "seconds": each.seconds,
             "id": each.id}
            for each in record.resources
        ],
        "possibly_orphaned": list(record.unfinished),
        "errors": [
            {"summary": each.summary, "detail": each.detail, "address": each.address, "file": each.file,
             "line": each.line}
            for each in record.troubles
        ],
    }  # fmt: skip


def viewed_json(record: RunRecord) -> dict[str, Any]:
    """What the list lacks, for viewers: how far it has come."""
    whole = record_json(record)
    return {
        name: whole[name] for name in ("host", "attempt", "exit_code", "signal", "expected_steps", "steps", "phases")
    }


def _steps(record: RunRecord, now: datetime) -> list[Bar]:
    found = []
    for step in record.steps:
        word, style = _how(record, step.ended_at, failed=step.failed)
        more = "does nothing: its command is empty" if step.inert else step.command or ""
        code = f"exit code {step.code}; " if step.failed else ""
        name = step.name or f"step {step.index + 1}"
        found.append(
            Bar(name, word, style, step.begun_at, _took(step.begun_at, step.ended_at, record, now), code + more)
        )
    return found


def _phases(record: RunRecord, now: datetime) -> list[Bar]:
    found = []
    for number, phase in enumerate(record.phases):
        # Output tells only of beginnings: a phase has ended where the next one began.
        following = record.phases[number + 1].begun_at if number + 1 < len(record.phases) else None
        ended = phase.ended_at or following or (record.ended_at if record.state is State.SUCCEEDED else None)
        word, style = _how(record, ended)
        found.append(Bar(phase.name, word, style, phase.begun_at, _took(phase.begun_at, ended, record, now)))
    return found


def _resources(record: RunRecord, now: datetime) -> list[Bar]:
    found = []
    orphans = frozenset(record.unfinished)
    for each in record.resources:
        word, style = _ENDS.get(each.status) or _how(record, None)
        if each.status is Status.STARTED and each.address in orphans:
            word, style = "possibly orphaned", "bad"
        took = each.seconds if each.seconds is not None else _took(each.begun_at, each.ended_at, record, now)
        found.append(Bar(each.address, word, style, each.begun_at, took, f"{each.doing} {each.id}".strip()))
    return found


def _how(record: RunRecord, ended: datetime | None, failed: bool = False) -> tuple[str, str]:
    if failed:
        return "failed", "bad"
    if ended is not None:
        return "ended", "good"
    return ("no end was heard", "unknown") if record.over else ("running", "warn")


def _took(begun: datetime | None, ended: datetime | None, record: RunRecord, now: datetime) -> float | None:
    if begun is None or (ended is None and record.over):
        return None
    return max(0.0, ((ended or now) - begun).total_seconds())


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _moment(told: str) -> datetime | None:
    if not told:
        return None
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise HTTPException(400, "before must be a time with a zone, such as 2026-03-01T09:00:00Z")
    return found
