"""Jobs under `barograph exec` as processes of their own, and daemons, good and bad, that take what is sent."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from checks.runs import wire

COMMAND = [sys.executable, "-c", "import sys; from daemon.entry import main; sys.exit(main())", "exec"]
PATIENCE = 30.0  # seconds: how long a test waits for what must come


class Shop:
    """A folder to run jobs in, with a spool of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spool = root / "spool"
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(root), "BAROGRAPH_SPOOL": str(self.spool),
            "BAROGRAPH_EXEC_DEBUG": "", "LANG": "C.UTF-8", "CHECKPOINT_DISABLE": "1",
        }  # fmt: skip

    def command(self, *argv: str, options: Sequence[str] = ()) -> list[str]:
        return [*COMMAND, *options, "--", *argv]

    def run(
        self, *argv: str, options: Sequence[str] = (), env: dict[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a job to its end."""
        given = {"cwd": self.root, "capture_output": True, "stdin": subprocess.DEVNULL, "timeout": 120, **more}
        return subprocess.run(self.command(*argv, options=options), env=self.env | (env or {}), check=False, **given)

    def bare(self, *argv: str, env: dict[str, str] | None = None, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """The same without Barograph."""
        given = {"cwd": self.root, "capture_output": True, "stdin": subprocess.DEVNULL, "timeout": 120, **more}
        return subprocess.run(list(argv), env=self.env | (env or {}), check=False, **given)

    def start(self, *argv: str, options: Sequence[str] = (), **more: Any) -> subprocess.Popen[bytes]:
        """Start a job in a process group of its own."""
        given = {"cwd": self.root, "env": self.env, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.Popen(self.command(*argv, options=options), start_new_session=True, **given)

    def written(self) -> list[dict[str, Any]]:
        """All events in the spool, by run and number."""
        lines = [line for path in self.spool.glob("*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
        return sorted((json.loads(line) for line in lines), key=lambda told: (told["run_id"], told["seq"]))

    def record(self, runs: int = 1) -> list[dict[str, Any]]:
        """The events of the spool, once so many runs have ended in it."""
        wait_for(lambda: sum(told["event"] == "run.end" for told in self.written()) >= runs)
        return self.written()


def wait_for(what: Callable[[], object]) -> None:
    """Wait until *what* is true."""
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


def of(events: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Those events of a name."""
    return [told for told in events if told["event"] == name]


class Daemon:
    """What a daemon was sent: every request, and each event once."""

    def __init__(self) -> None:
        self.url = ""
        self.requests = 0
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.events: dict[tuple[str, int], wire.WireEvent] = {}
        self.repeats = 0
        self.answer: Callable[[Daemon, bytes], tuple[int, bytes]] = Daemon.take

    def take(self, raw: bytes) -> tuple[int, bytes]:
        """Take a body, as the real one does."""
        accepted = 0
        for event in wire.batch(raw):
            assert isinstance(event, wire.WireEvent), event
            accepted += event.key not in self.events
            self.repeats += event.key in self.events
            self.events.setdefault(event.key, event)
        return 202, json.dumps({"accepted": accepted, "duplicates": self.repeats}).encode()

    def named(self, name: str) -> list[wire.WireEvent]:
        return [event for event in self.events.values() if event.event == name]


@contextmanager
def daemon() -> Iterator[Daemon]:
    """A daemon that listens over HTTP."""
    told = Daemon()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                told.requests += 1
                told.headers.append({"path": self.path, **dict(self.headers.items())})
                told.bodies.append(raw)
                status, body = told.answer(told, raw)
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return  # whoever asked has gone

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def raw_server(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """Something that listens and says what *speak* writes; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_quietly, args=(speak, connection), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _quietly(speak: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection:
        try:
            speak(connection)
        except OSError:
            return
