"""uvicorn in threads: up when it accepts, down within two seconds, patient with nobody.

Each listener has a thread, an event loop, connections and handlers of its own, so that clients that clog one of them
keep nobody from the others.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
    with serving_all({"listen": (app, host, port)}) as ports:
        yield ports["listen"]


@contextmanager
def serving_all(apps: Mapping[str, tuple[Starlette, str, int]]) -> Iterator[Mapping[str, int]]:
    """Serve each application at its (host, port), all of them or none; gives the ports by the same names.

    The names are those of options below `web`. Raises OSError with option and address in its text if one of them
    cannot be bound: nothing is served then.
    """
    with ExitStack() as stack:
        listeners: dict[str, socket.socket] = {}
        for option, (_, host, port) in apps.items():
            listeners[option] = _bind(option, host, port)
            stack.callback(listeners[option].close)
        served = [_Served(apps[option][0], listener, option) for option, listener in listeners.items()]
        stack.callback(_stop, served)
        for each in served:
            each.thread.start()
        for each in served:
            each.wait()
        yield {option: listener.getsockname()[1] for option, listener in listeners.items()}


class _Served:
    """One server, and the thread that it runs in."""

    def __init__(self, app: Starlette, listener: socket.socket, option: str) -> None:
        self.server = uvicorn.Server(uvicorn.Config(
            app, http=ImpatientProtocol, ws="none", lifespan="off", loop="asyncio", log_config=None, access_log=False,
            server_header=False, proxy_headers=False, h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            limit_concurrency=MAX_CONNECTIONS, timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ))  # fmt: skip
        self.thread = threading.Thread(target=self.server.run, args=([listener],), name=f"web {option}", daemon=True)

    def wait(self) -> None:
        """Until it accepts."""
        while not self.server.started:
            if not self.thread.is_alive():
                raise RuntimeError("the web server ended before it served; the log has the details")
            time.sleep(0.005)


def _stop(served: Sequence[_Served]) -> None:
    """All at once, so that many take no longer than one."""
    for each in served:
        each.server.should_exit = True
    ends = time.monotonic() + GRACE_SECONDS + 1
    for each in served:
        if each.thread.is_alive():
            each.thread.join(max(0.0, ends - time.monotonic()))


def _bind(option: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        shown = f"[{host}]" if ":" in host else host
        raise OSError(error.errno, f"web.{option}: {shown}:{port} cannot be bound: {error.strerror}") from None
    return listener
