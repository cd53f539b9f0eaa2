"""Pages of reports: those that are kept, and each as it was made, with its forms for programs."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.complying import Compliance, written_as
from daemon.report.html import policy
from daemon.report.span import parse_span
from daemon.reporting import KIND
from daemon.store import Reader, reports
from daemon.web.rendering import Renderer

_NAME = re.compile(r"(?P<period>\d{4}-W\d\d)(?P<form>\.json|\.csv|\.zip)?")
_FORMS = {
    None: ("report.html", "text/html; charset=utf-8"),
    ".json": ("report.json", "application/json"),
    ".csv": ("report.csv", "text/csv; charset=utf-8"),
    ".zip": ("tables.zip", "application/zip"),
}
_COMPLIANCE = {
    "html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8", "json": "application/json",
}  # fmt: skip


class Readable(Protocol):
    def read(self) -> AbstractContextManager[Reader]: ...


def _last_month(now: datetime, compliance: Compliance | None) -> tuple[str, str] | None:
    """The first days of the last month and of this one."""
    if compliance is None:
        return None
    ends = now.astimezone(compliance.zone).date().replace(day=1)
    starts = (ends - timedelta(days=1)).replace(day=1)
    return starts.isoformat(), ends.isoformat()


def routes(
    store: Readable, renderer: Renderer, compliance: Compliance | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Route]:  # fmt: skip
    """`/reports/` and `/reports/2026-W47`, with .json, .csv and .zip; `/reports/compliance?from=…&to=…&format=…`."""
    one_at_a_time = threading.Lock()  # it reads much: many at once would keep everything else waiting

    def listed(request: Request) -> Response:
        with store.read() as view:
            found = reports.newest(view.db, KIND)
        return renderer.page("reports.html", reports=found, month=_last_month(clock(), compliance))

    def one(request: Request) -> Response:
        name = _NAME.fullmatch(request.path_params["name"])
        if name is None:
            raise HTTPException(404)
        file, kind = _FORMS[name["form"]]
        with store.read() as view:
            content = reports.file(view.db, KIND, name["period"], file)
        if content is None:
            raise HTTPException(404)
        headers = {"Content-Type": kind}
        if name["form"] is None:
            headers["Content-Security-Policy"] = f"{policy()}; frame-ancestors 'none'"
        else:
            headers["Content-Disposition"] = f'attachment; filename="barograph-{name["period"]}{name["form"]}"'
        return Response(content, headers=headers)

    def complied(request: Request) -> Response:
        asked, form = request.query_params, request.query_params.get("format", "html")
        if compliance is None or form not in _COMPLIANCE:
            raise HTTPException(404 if compliance is None else 400, "format must be html, csv or json")
        try:
            span = parse_span(asked.get("from", ""), asked.get("to", ""), compliance.zone)
        except ValueError as error:
            raise HTTPException(400, f"from and to: {error}") from None
        if not one_at_a_time.acquire(blocking=False):
            raise HTTPException(503, "Another report is being made; ask again in a moment", {"Retry-After": "10"})
        try:
            with store.read() as view:
                content = written_as(compliance.report(view, span, clock()), form)
        finally:
            one_at_a_time.release()
        headers = {"Content-Type": _COMPLIANCE[form]}
        if form == "html":
            headers["Content-Security-Policy"] = f"{policy()}; frame-ancestors 'none'"
        else:
            headers["Content-Disposition"] = f'attachment; filename="barograph-compliance-{span.name}.{form}"'
        return Response(content.encode("utf-8-sig" if form == "csv" else "utf-8"), headers=headers)

    return [
        Route("/reports", listed), Route("/reports/", listed), Route("/reports/compliance", complied),
        Route("/reports/{name}", one),
    ]  # fmt: skip
