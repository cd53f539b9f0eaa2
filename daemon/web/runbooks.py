"""Pages of runbooks: what a message links to must open where there is no internet."""

from __future__ import annotations

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.runbooks import runbook, runbooks
from daemon.web.rendering import Renderer
from daemon.web.viewing import sight_of


def routes(renderer: Renderer) -> list[Route]:
    """`/runbooks` and `/runbooks/drift`."""

    def listed(request: Request) -> Response:
        return renderer.page("runbooks.html", runbooks=runbooks(), full=sight_of(request).full)

    def one(request: Request) -> Response:
        found = runbook(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        content = Markup(found.html)  # noqa: S704 - made of our own files by a renderer that passes no HTML on
        return renderer.page("runbook.html", runbook=found, content=content, full=sight_of(request).full)

    return [Route("/runbooks", listed), Route("/runbooks/", listed), Route("/runbooks/{name}", one)]
