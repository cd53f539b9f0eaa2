"""What a client sends, taken in with care: from no page of another site, no larger and no slower than it may be."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request

BODY_SECONDS = 10.0  # for a client to send one
MAX_JSON = 64 * 1024  # bytes of a request of a person
OWN_HOSTS = "own_hosts"  # in a request's scope: names and ports under which people reach these pages through a proxy


class RefusedError(Exception):
    """An answer that says no, with its status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def refuse_foreign(request: Request) -> None:
    """Raise RefusedError for what a page of another site may have a browser send."""
    origin = request.headers.get("origin")
    own = {request.headers.get("host", "").lower(), *request.scope.get(OWN_HOSTS, ())} - {""}
    if origin is not None and urlsplit(origin).netloc.lower() not in own:
        raise RefusedError(403, "this comes from a page of another site")
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise RefusedError(403, "this comes from a page of another site")


async def body_of(request: Request, most: int, too_large: str) -> bytes:
    """What was sent. Raises RefusedError: *too_large* beyond *most* bytes, and where it does not arrive in time."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                data += chunk
                if len(data) > most:
                    raise RefusedError(413, too_large)
    except ClientDisconnect:
        raise RefusedError(400, "the request ended early") from None
    except TimeoutError:
        raise RefusedError(408, f"the request did not arrive in {BODY_SECONDS:.0f} s") from None
    return bytes(data)


async def json_of(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; nothing is an empty one. Raises RefusedError.

    What is no JSON a browser sends from another site's page without asking first.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedError(415, "send it as application/json")
    data = await body_of(request, MAX_JSON, f"a request has {MAX_JSON // 1024} KiB at most")
    try:
        found = json.loads(data) if data.strip() else {}
    except (ValueError, RecursionError):
        raise RefusedError(400, "this is no JSON") from None
    if not isinstance(found, dict):
        raise RefusedError(400, "send a JSON object")
    return found
