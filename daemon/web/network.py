"""The page of the network's topology."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.standing import Standing
from daemon.topology import topology
from daemon.topology.draw import MOST, svg
from daemon.topology.write import as_json
from daemon.web.rendering import Renderer


def routes(
    standings: Callable[[], Sequence[Standing]], clock: Callable[[], datetime], renderer: Renderer
) -> list[Route]:
    """`/network` and `/network.json`. *standings*: how every check stands, the check `network` among them."""

    def page(request: Request) -> Response:
        found = topology(standings(), clock())
        picture = Markup(svg(found))  # noqa: S704 - every text in it is escaped where it is drawn
        return renderer.page("network.html", now=clock(), found=found, picture=picture, most=MOST)

    def data(request: Request) -> Response:
        return Response(as_json(topology(standings(), clock())), media_type="application/json")

    return [Route("/network", page), Route("/network.json", data)]
