"""Small worlds for tests: moto behind a recording proxy, a fake provider, root modules, states in S3."""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import os
import platform
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from checks.base import Instance
from daemon.aws import Aws, AwsSettings
from daemon.inventory.model import DEFAULT_WORKSPACE, Backend, Watched
from daemon.planning import Planner, PlanningSettings
from daemon.processes import Finished, Processes

FIXTURES = Path(__file__).parent / "fixtures"
FAKE_PROVIDER = FIXTURES / "terraform-plans" / "fake_provider.py"
REGION = "us-east-1"
LOCK_TABLE = "locks"
AWS_SOURCE = "registry.terraform.io/hashicorp/aws"

# The fake provider's resource, with a size that is a variable and an output that a hand can move.
FAKE_MODULE = """
terraform {
  required_providers { fake = { source = "local/test/fake" } }
}
variable "size" {
  type    = string
  default = "small"
}
variable "token" {
  type      = string
  default   = null
  sensitive = true
}
resource "fake_thing" "a" {
  name     = "a"
  size     = var.size
  password = var.token
}
output "status" { value = fake_thing.a.status }
"""


@contextmanager
def moto_server() -> Iterator[str]:
    """A moto server on a private port; gives its URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def moto_process() -> Iterator[str]:
    """A moto server in a process of its own, whose world no other server shares; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, "moto ended at its start"
                assert time.monotonic() < until, "moto does not listen"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@dataclass(frozen=True, slots=True)
class Call:
    """One request that went through the proxy."""

    method: str
    path: str
    target: str  # X-Amz-Target of the JSON protocols
    action: str  # Action of the query protocol

    @property
    def writes(self) -> bool:
        """Whether it could change anything: by verb for S3, by the operation's name for the rest."""
        operation = self.target.rpartition(".")[2] or self.action
        if operation:
            return not operation.startswith(("Get", "List", "Describe", "Query", "Scan", "BatchGet", "AssumeRole"))
        return self.method not in ("GET", "HEAD")


@dataclass
class Proxy:
    """A recording proxy before a server. *answer* may answer in its place: (status, body), headers behind."""

    url: str
    calls: list[Call] = field(default_factory=list)
    answer: Callable[[Call], tuple[int, bytes] | tuple[int, bytes, dict[str, str]] | None] = lambda call: None

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.writes]


@contextmanager
def recording_proxy(upstream: str) -> Iterator[Proxy]:
    """A proxy on a private port in front of *upstream*."""
    host = upstream.removeprefix("http://")
    proxy = Proxy("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            form = dict(pair.split("=", 1) for pair in body.decode(errors="ignore").split("&") if "=" in pair)
            call = Call(self.command, self.path, self.headers.get("X-Amz-Target", ""), form.get("Action", ""))
            proxy.calls.append(call)
            scripted = proxy.answer(call)
            if scripted is not None:
                status, content, *headers = scripted
                self._send(status, headers[0] if headers else {}, content)
                return
            connection = http.client.HTTPConnection(host, timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            self._send(answer.status, dict(answer.getheaders()), answer.read())
            connection.close()

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - names the base class asks for

        def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("transfer-encoding", "connection", "server", "date"):
                    self.send_header(name, value)
            if not any(name.lower() == "content-length" for name in headers):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of moto at *endpoint*."""
    return boto3.client(
        service, region_name=REGION, endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test"
    )


def write_fake_mirror(folder: Path) -> Path:
    """A filesystem mirror that holds the fake provider."""
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    place = folder / "local/test/fake/0.1.0" / f"{sys.platform}_{machine}"
    place.mkdir(parents=True)
    program = place / "terraform-provider-fake_v0.1.0"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -I '{FAKE_PROVIDER}' \"$@\"\n")
    program.chmod(0o755)
    return folder


def aws_mirror() -> Path:
    """The mirror that holds the real AWS provider. Skips the test, loudly, when there is none."""
    given = os.environ.get("BAROGRAPH_PROVIDER_MIRROR")
    home = Path.home()
    implied = [
        home / ".terraform.d/plugins",
        home / ".local/share/terraform/plugins",
        Path("/usr/local/share/terraform/plugins"),
        Path("/usr/share/terraform/plugins"),
    ]
    for mirror in [Path(given)] if given else implied:
        if (mirror / AWS_SOURCE).is_dir():
            return mirror
    found = None if given else _searched(Path("/"), depth=6)
    if found is None:
        pytest.skip(f"NO AWS PROVIDER: set BAROGRAPH_PROVIDER_MIRROR to a mirror that holds {AWS_SOURCE}")
    return found


def _searched(top: Path, depth: int) -> Path | None:
    """One bounded search: so many levels deep, not into other file systems' tables."""
    for root, folders, _ in os.walk(top):
        if (Path(root) / AWS_SOURCE).is_dir():
            return Path(root)
        if len(Path(root).parts) >= depth:
            folders.clear()
        folders[:] = [name for name in folders if name not in ("proc", "sys", "dev", "node_modules", ".git")]
    return None


@dataclass
class World:
    """A repository of root modules whose states lie in a bucket of moto."""

    root: Path
    aws: str  # moto itself: for what people do by hand
    proxy: Proxy  # what planning goes through
    mirror: Path
    processes: Processes
    planners: list[Planner] = field(default_factory=list)
    applied: dict[str, tuple[bytes, dict[str, str]]] = field(
        default_factory=dict
    )  # states and things of earlier applies

    @property
    def repository(self) -> Path:
        return self.root / "repository"

    @property
    def things(self) -> Path:
        """The fake cloud: one file per thing."""
        return self.root / "cloud"

    @property
    def scratch(self) -> Path:
        return self.root / "scratch"

    def module(self, name: str, text: str = FAKE_MODULE) -> Path:
        folder = self.repository / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.tf").write_text(text)
        return folder

    def watched(
        self, name: str, *, workspace: str = DEFAULT_WORKSPACE, endpoint: str = "", locks: bool = True, **parts: Any
    ) -> Watched:
        """The module *name* as an instance; *parts* are further fields of Watched."""
        endpoint = endpoint or self.proxy.url
        config: dict[str, Any] = {
            "bucket": "states", "key": f"{name}.tfstate", "region": REGION, "access_key": "backend-key-id",
            "secret_key": "canary-backend-secret", "use_path_style": True, "skip_credentials_validation": True,
            "skip_metadata_api_check": True, "skip_region_validation": True, "skip_requesting_account_id": True,
            "endpoints": {"s3": endpoint, "dynamodb": endpoint, "sts": endpoint, "iam": endpoint},
        }  # fmt: skip
        config |= {"dynamodb_table": LOCK_TABLE} if locks else {"use_lockfile": True}
        instance = Instance("dev", name, name, workspace=workspace, working_directory=name, atmos=False)
        env = {"FAKE_CLOUD": str(self.things), **parts.pop("env", {})}
        return Watched(instance, Backend("s3", config, workspace), env=env, **parts)

    def apply(self, watched: Watched) -> None:
        """What a person does: init, workspace, apply, in a copy of the module, straight against moto.

        Applying the same once more puts down what Terraform made the first time: that is most of a test's seconds.
        """
        module = self.repository / watched.instance.working_directory
        text = "".join(file.read_text() for file in sorted(module.glob("*.tf")))
        same = json.dumps([text, dict(watched.vars), watched.backend.workspace])
        if same not in self.applied:
            earlier = set(self.things.iterdir())
            self._apply(watched)
            body = client("s3", self.aws).get_object(Bucket="states", Key=watched.backend.key)["Body"].read()
            made = {file.name: file.read_text() for file in self.things.iterdir() if file not in earlier}
            if made or not earlier:
                self.applied[same] = (body, made)
            return
        body, made = self.applied[same]
        for name, content in made.items():
            (self.things / name).write_text(content)
        client("s3", self.aws).put_object(Bucket="states", Key=watched.backend.key, Body=body)
        put_item(self, f"states/{watched.backend.key}-md5", Digest=hashlib.md5(body).hexdigest())

    def _apply(self, watched: Watched) -> None:
        folder = self.root / "deploy" / f"{watched.instance.component}-{watched.backend.workspace}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.repository / watched.instance.working_directory, folder)
        config = dict(watched.backend.config)
        config["endpoints"] = dict.fromkeys(config["endpoints"], self.aws)
        (folder / "backend_override.tf.json").write_text(json.dumps({"terraform": {"backend": {"s3": config}}}))
        (folder / "own.auto.tfvars.json").write_text(json.dumps(dict(watched.vars)))
        self.terraform(folder, watched.env, "init", "-input=false")
        if watched.backend.workspace != DEFAULT_WORKSPACE:
            self.terraform(folder, watched.env, "workspace", "new", "-lock=false", watched.backend.workspace)
        # Nobody is there to be locked out; and a lock request that a busy machine makes Terraform repeat rivals itself.
        self.terraform(folder, watched.env, "apply", "-auto-approve", "-input=false", "-lock=false")

    def terraform(self, folder: Path, env: Mapping[str, str], *argv: str) -> Finished:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.root), "TMPDIR": str(self.root), "CHECKPOINT_DISABLE": "1"}
        own["TF_CLI_CONFIG_FILE"] = str(self._cli_config())
        finished = self.processes.run(["terraform", *argv], cwd=folder, env={**own, **env}, deadline=240)
        assert finished.rc == 0, (finished.stdout + finished.stderr).decode()
        return finished

    def _cli_config(self) -> Path:
        file = self.root / "terraformrc"
        file.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{self.mirror}"\n  }}\n}}\n')
        return file

    def planner(self, **settings: Any) -> Planner:
        """A planner of the repository; *settings* are fields of PlanningSettings."""
        aws = Aws(AwsSettings(connect_timeout=2, read_timeout=5, attempts=1))
        asked = PlanningSettings(
            scratch=self.scratch, provider_mirror=self.mirror, inherited={"PATH": os.environ["PATH"]}
        )
        planner = Planner(
            replace(asked, **settings), self.repository, self.processes, aws, clock=lambda: datetime.now(UTC)
        )
        self.planners.append(planner)
        return planner

    def thing(self, name: str = "a") -> Path:
        return self.things / f"t-{name}.json"

    def change(self, **values: Any) -> None:
        """What a hand does to the thing."""
        file = self.thing()
        file.write_text(json.dumps(json.loads(file.read_text()) | values))


@contextmanager
def world(
    root: Path, endpoint: str, mirror: Path, applied: dict[str, tuple[bytes, dict[str, str]]] | None = None
) -> Iterator[World]:
    """A world below *root* on the moto server at *endpoint*, with a bucket of states and a lock table, both empty."""
    s3, tables = client("s3", endpoint), client("dynamodb", endpoint)
    _empty(s3)
    if LOCK_TABLE in tables.list_tables()["TableNames"]:
        tables.delete_table(TableName=LOCK_TABLE)
    s3.create_bucket(Bucket="states")
    tables.create_table(
        TableName=LOCK_TABLE, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )  # fmt: skip
    processes = Processes()
    with recording_proxy(endpoint) as proxy:
        made = World(root, endpoint, proxy, mirror, processes, applied={} if applied is None else applied)
        made.repository.mkdir()
        made.things.mkdir()
        try:
            yield made
        finally:
            processes.close()
            for planner in made.planners:
                planner.close()


def _empty(s3: Any) -> None:
    for bucket in s3.list_buckets()["Buckets"]:
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            s3.delete_object(Bucket=bucket["Name"], Key=item["Key"])
        s3.delete_bucket(Bucket=bucket["Name"])


def put_item(world: World, lock_id: str, **values: str) -> None:
    """Put an item into the lock table."""
    item = {"LockID": {"S": lock_id}, **{name: {"S": value} for name, value in values.items()}}
    client("dynamodb", world.aws).put_item(TableName=LOCK_TABLE, Item=item)
