"""uvicorn in a thread: up when it accepts, down within two seconds, patient with nobody."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.applications import Starlette

MAX_HEADER_BYTES = 16_384
MAX_CONNECTIONS = 200
REQUEST_SECONDS = 10.0  # for a client to send one request's line and headers
KEEP_ALIVE_SECONDS = 15
GRACE_SECONDS = 1  # for answers under way when it stops


class ImpatientProtocol(H11Protocol):
    """uvicorn's protocol, which hangs up on clients that open a connection and take their time with the request."""

    request_seconds = REQUEST_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.request_seconds, self._hang_up)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._answering():
            self._deadline.cancel()
        elif self._deadline.cancelled():
            self._deadline = self.loop.call_later(self.request_seconds, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _hang_up(self) -> None:
        if not self._answering():
            self.transport.close()


@contextmanager
def serving(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Serve *app* in a thread; gives the port once it accepts, and stops it at the end.

    Raises OSError with the address in its text if it cannot be bound.
    """
    listener = _bind(host, port)
    server = uvicorn.Server(uvicorn.Config(
        app, http=ImpatientProtocol, ws="none", lifespan="off", loop="asyncio", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        limit_concurrency=MAX_CONNECTIONS, timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    ))  # fmt: skip
    thread = threading.Thread(target=server.run, args=([listener],), name="web", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the web server ended before it served; the log has the details")
            time.sleep(0.005)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(GRACE_SECONDS + 1)
        listener.close()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"web.listen: {host}:{port} cannot be bound: {error.strerror}") from None
    return listener
