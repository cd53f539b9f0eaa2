"""The demo's AWS: moto's server, completed by the stand-in, in a process of its own, on a port of its own."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from daemon.demo.api import Api
from daemon.demo.programs import DemoError, end_with_parent, python_command
from daemon.processes import Finished, Processes, ProgramMissingError

READY_SECONDS = 60.0
_TICK_SECONDS = 0.02
_FOREVER = 10 * 365 * 86400.0  # seconds: it is ended by Processes.close()


class Cloud:
    """A moto server. It ends when *processes* is closed, and by itself when this process is gone."""

    def __init__(self, processes: Processes, scratch: Path) -> None:
        self._processes = processes
        self._scratch = scratch
        self._finished: Finished | ProgramMissingError | None = None
        self._thread = threading.Thread(target=self._run, name="demo-cloud", daemon=True)

    def start(self, region: str) -> Api:
        """Start it, wait until it answers, and give the way to it. Raises DemoError and ApiError."""
        self._thread.start()
        port, until = self._port_file, time.monotonic() + READY_SECONDS
        while not port.exists():
            if self._finished is not None or time.monotonic() > until:
                raise DemoError(f"the embedded AWS does not start: {self._last_words()}")
            time.sleep(_TICK_SECONDS)
        api = Api(f"http://127.0.0.1:{port.read_text()}", region)
        api.s3("GET", "/")
        return api

    def join(self) -> None:
        """Wait for its end, after Processes.close()."""
        if self._thread.ident is not None:
            self._thread.join(READY_SECONDS)

    @property
    def _port_file(self) -> Path:
        return self._scratch / "cloud.port"

    def _run(self) -> None:
        command = python_command("from daemon.demo.cloud import main; main()", str(self._port_file))
        env = {"HOME": str(self._scratch), "TMPDIR": str(self._scratch)}
        try:
            self._finished = self._processes.run(command, cwd=self._scratch, env=env, deadline=_FOREVER)
        except ProgramMissingError as error:
            self._finished = error

    def _last_words(self) -> str:
        if isinstance(self._finished, Finished):
            lines = self._finished.stderr.decode(errors="replace").strip().splitlines()
            return lines[-1] if lines else "it ended without a word"
        return str(self._finished) if self._finished else f"it did not answer within {READY_SECONDS:.0f} s"


def main() -> None:
    """Serve until somebody ends this process, or its parent is gone. The port is written to the file named first."""
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from daemon.demo.standin.front import Front

    end_with_parent()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request otherwise
    front = Front(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, front, threaded=True, request_handler=MotoRequestHandler)
    port_file = Path(sys.argv[1])
    whole = port_file.with_suffix(".new")
    whole.write_text(str(server.server_port))
    os.replace(whole, port_file)
    server.serve_forever()
