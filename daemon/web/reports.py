"""Pages of reports: those that are kept, and each as it was made, with its forms for programs."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.report.html import policy
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


class Readable(Protocol):
    def read(self) -> AbstractContextManager[Reader]: ...


def routes(store: Readable, renderer: Renderer) -> list[Route]:
    """`/reports/` and `/reports/2026-W47`, with .json, .csv and .zip."""

    def listed(request: Request) -> Response:
        with store.read() as view:
            found = reports.newest(view.db, KIND)
        return renderer.page("reports.html", reports=found)

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

    return [Route("/reports", listed), Route("/reports/", listed), Route("/reports/{name}", one)]
