"""The demo's AWS in this process: moto with the stand-in in front, and real clients for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from daemon.demo.api import Api
from daemon.demo.standin.front import Front

NOW = datetime(2031, 3, 14, 9, 26, 53, tzinfo=UTC)
REGION = "eu-west-1"


@contextmanager
def served() -> Iterator[tuple[Front, Api]]:
    """The front, with a clock that stands still, and the way to it."""
    front = Front(DomainDispatcherApplication(create_backend_app), lambda: NOW)
    server = make_server("127.0.0.1", 0, front, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield front, Api(f"http://127.0.0.1:{server.server_port}", REGION)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
