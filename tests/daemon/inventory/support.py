"""What the inventory's tests share: a loader on a recorded repository, with the fake Atmos on its PATH."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from daemon.inventory.loader import InventoryLoader
from daemon.inventory.settings import SourceKind, SourceSettings
from daemon.processes import Processes
from tests import fakeatmos
from tests.worlds import client, moto_server

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BUCKET = "acme-terraform-state"
LOCKS = "acme-terraform-lock"
SECRETS = ("canary-secret-in-vars", "canary-secret-in-env")


@dataclass(frozen=True, slots=True)
class World:
    """A recorded repository and the Atmos that reads it."""

    repository: Path
    binaries: Path
    journal: Path

    def settings(self, **changes: Any) -> SourceSettings:
        values: dict[str, Any] = {
            "kind": SourceKind.ATMOS,
            "path": self.repository,
            "environment": {"PATH": f"{self.binaries}:{os.environ['PATH']}"},
        }
        return SourceSettings(**(values | changes))

    def loader(self, **changes: Any) -> InventoryLoader:
        return InventoryLoader(self.settings(**changes), Processes().run, lambda: NOW)

    def atmos_calls(self) -> list[list[str]]:
        return [call["atmos"] for call in fakeatmos.calls(self.journal) if "atmos" in call]

    def terraform_calls(self) -> list[dict[str, Any]]:
        return [call for call in fakeatmos.calls(self.journal) if "terraform" in call]


def world(folder: Path, generation: str, *variants: str, endpoint: str = fakeatmos.ENDPOINT) -> World:
    """The recorded repository with *variants* laid over it, and an Atmos of *generation*; its backend at *endpoint*."""
    repository = fakeatmos.lay_out(folder / "repository", *variants, generation=generation)
    journal = folder / "journal.jsonl"
    fakeatmos.install(folder / "bin", generation, endpoint=endpoint, journal=journal)
    return World(repository, folder / "bin", journal)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder below *folder* with its size and time of change."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def state_objects(endpoint: str) -> list[str]:
    """The keys of all objects in the state bucket."""
    return [one["Key"] for one in client("s3", endpoint).list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def create_states(endpoint: str) -> None:
    """The state bucket and the lock table of the recorded repository."""
    client("s3", endpoint).create_bucket(Bucket=BUCKET)
    client("dynamodb", endpoint).create_table(
        TableName=LOCKS,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def drop_states(endpoint: str) -> None:
    """Remove them again: moto keeps one world per process, whoever serves it."""
    for key in state_objects(endpoint):
        client("s3", endpoint).delete_object(Bucket=BUCKET, Key=key)
    client("s3", endpoint).delete_bucket(Bucket=BUCKET)
    client("dynamodb", endpoint).delete_table(TableName=LOCKS)


def drop_locks(endpoint: str) -> None:
    """Let go of every lock; digests of states stay."""
    table = client("dynamodb", endpoint)
    for item in table.scan(TableName=LOCKS)["Items"]:
        if not item["LockID"]["S"].endswith("-md5"):
            table.delete_item(TableName=LOCKS, Key={"LockID": item["LockID"]})


@contextmanager
def running_cloud() -> Iterator[str]:
    """moto's server with the state bucket and the lock table; its address."""
    with moto_server() as endpoint:
        create_states(endpoint)
        try:
            yield endpoint
        finally:
            drop_states(endpoint)


@contextmanager
def denying_server() -> Iterator[str]:
    """Something that answers every request with 403."""

    class Denies(BaseHTTPRequestHandler):
        def _deny(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = _deny  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Denies) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
