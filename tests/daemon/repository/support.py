"""What the repository's tests share: real repositories, and real servers for them on loopback."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from daemon.processes import Processes
from daemon.repository.access import Access
from daemon.repository.address import parse
from daemon.repository.calls import Git
from daemon.repository.git import GitSource, Wanted, home
from daemon.repository.mirror import FetchLimits, Mirror

TOKEN = "canary/token+4f1d9a-é"  # with what an address would have to escape
USER = "bot"


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


def git(folder: Path, *arguments: str, **more: str) -> str:
    """Run git as its user would, in *folder*; what it prints."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    identity += ["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", "-c", "safe.directory=*"]
    done = subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **more},
    )
    return done.stdout.decode().strip()


def commit(folder: Path, files: Mapping[str, str], message: str = "more") -> str:
    """Write *files* into the work tree *folder* and commit everything; the hash."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", message, "--allow-empty")
    return git(folder, "rev-parse", "HEAD")


@dataclass
class Remote:
    """A bare repository, and the work tree that pushes into it."""

    bare: Path
    work: Path

    def push(self, files: Mapping[str, str], message: str = "more") -> str:
        made = commit(self.work, files, message)
        git(self.work, "push", "-qf", "origin", "HEAD")
        return made


def remote(folder: Path, files: Mapping[str, str] | None = None) -> Remote:
    """A repository with one commit on its branch main."""
    bare, work = folder / "served" / "infra.git", folder / "work"
    bare.mkdir(parents=True)
    git(bare, "init", "-q", "--bare")
    git(bare, "config", "http.receivepack", "false")
    work.mkdir()
    git(work, "init", "-q")
    git(work, "remote", "add", "origin", str(bare))
    made = Remote(bare, work)
    made.push(files or {"main.tf": "# one\n"})
    return made


@dataclass
class Bench:
    """Barograph's side: everything that a source needs, in a folder of its own."""

    folder: Path
    processes: Processes = field(default_factory=lambda: Processes(grace_seconds=0.5))

    def git(self, url: str = "", **access: Any) -> Git:
        origin = parse(url).origin if url else ""
        return Git(self.processes.run, home(self.folder), environment(), Access(origin=origin, **access))

    def mirror(self, url: str, limits: FetchLimits | None = None, **access: Any) -> Mirror:
        return Mirror(self.folder / "mirror", parse(url), self.git(url, **access), limits or FetchLimits())

    def source(
        self, url: str, ref: str = "", limits: FetchLimits | None = None, subfolder: str = "",
        submodules: bool | None = None, **access: Any,
    ) -> GitSource:  # fmt: skip
        wanted = Wanted(parse(url), ref, subfolder, submodules)
        return GitSource(wanted, self.folder / "mirror", self.git(url, **access), limits or FetchLimits())


@dataclass
class HttpServer:
    """Smart HTTP through `git http-backend`, with basic authentication, and ways to misbehave."""

    root: Path
    token: str = ""
    user: str = USER
    port: int = 0
    seen: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)  # path and headers of each request
    before: Callable[[BaseHTTPRequestHandler], bool] = lambda handler: False  # True: it has answered itself
    slow: threading.Event | None = None  # packs stop half way until it is set

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/infra.git"

    def allows(self, header: str | None) -> bool:
        expected = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        return not self.token or header == f"Basic {expected}"


@contextmanager
def http_server(root: Path, token: str = "", **more: Any) -> Iterator[HttpServer]:
    """Serve the bare repositories in *root*."""
    server = HttpServer(root, token, **more)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def _answer(self) -> None:
            server.seen.append((self.path, dict(self.headers.items())))
            if server.before(self):
                return
            if not server.allows(self.headers.get("Authorization")):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
                return
            self._backend()

        def _backend(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            done = subprocess.run(
                [shutil.which("git") or "git", "http-backend"],
                input=body,
                capture_output=True,
                check=False,
                env={
                    "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(server.root), "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command, "HOME": "/nonexistent",
                    "CONTENT_TYPE": self.headers.get("Content-Type") or "", "REMOTE_ADDR": "127.0.0.1",
                    "CONTENT_LENGTH": str(len(body)), "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "", "GIT_CONFIG_COUNT": "1",
                    "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
                },
            )  # fmt: skip
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if server.slow is not None and self.command == "POST" and b"fetch" in body:
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                server.slow.wait(60)
                content = content[len(content) // 2 :]
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed is no error of the server's."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        server.port = listening.server_port
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            if server.slow is not None:
                server.slow.set()
            listening.shutdown()
            thread.join()
