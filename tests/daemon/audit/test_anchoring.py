"""Anchors: told outside once the head has moved, locked in S3, and what they show that the chain alone cannot."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from alerts.sinks.http import Http
from checks.base import LookFailed
from daemon.audit.anchoring import AnchorError, Anchoring, Hook, Vault, forget_others
from daemon.audit.chain import NONE, Head, digest
from daemon.audit.looking import verify
from daemon.aws import Aws, Identity
from daemon.aws.locked import LockedBucket
from daemon.store import AnchorRow, Store, audit, backup, restore
from tests.daemon.store.test_audit import tampering
from tests.daemon.store.world import NOW
from tests.worlds import moto_process

KEYS = Identity(access_key="AKIAANCHORS000000000", secret_key="moto")
HOUR = timedelta(hours=1)


class Keyed(Aws):
    """Signs as somebody of moto's."""

    def client(self, service: str, region: str, **how: object) -> object:
        return super().client(service, region, identity=KEYS, **how)  # type: ignore[arg-type]  # as given


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """A server of this module alone: what is locked can be removed by nobody, and would stand in others' way."""
    with moto_process() as url:
        yield url


def bucket_in(moto: str, *, lock: bool = True, mode: str = "GOVERNANCE", prefix: str = "b/") -> LockedBucket:
    name, aws = f"anchors-{uuid.uuid4().hex[:12]}", Keyed()
    client = aws.client("s3", "us-east-1", endpoint_url=moto, path_style=True)
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)  # type: ignore[attr-defined]  # a boto3 client
    return LockedBucket(name, prefix, mode, aws, "us-east-1", moto)


def vault_in(moto: str, **how: object) -> Vault:
    return Vault(bucket_in(moto, **how), timedelta(days=30))  # type: ignore[arg-type]  # as above


class World:
    """A store, its clock and its anchors."""

    def __init__(self, folder: Path, *targets: Vault | Hook) -> None:
        self.now = NOW
        self.store = Store.open(folder / "b.db", lambda: self.now)
        self.anchoring = Anchoring(self.store, targets, lambda: self.now, HOUR)

    def write(self, count: int = 1, what: str = "thing.done") -> None:
        for number in range(count):
            with self.store.transaction() as tx:
                tx.audit("anna", what, number)

    def anchors(self) -> list[AnchorRow]:
        with self.store.read() as view:
            return audit.anchors(view.db)


@contextmanager
def world(folder: Path, *targets: Vault | Hook) -> Iterator[World]:
    made = World(folder, *targets)
    try:
        yield made
    finally:
        made.store.close()


def rechained(path: Path, seq: int) -> None:
    """What somebody can do who knows the program: change a row, and make every hash after it anew."""
    with tampering(path) as db:
        db.text_factory = str
        db.execute("update audit set who = 'mallory' where id = ?", (seq,))
        (previous,) = db.execute("select previous from audit where id = ?", (seq,)).fetchone()
        for row in db.execute("select id, at, who, action, detail from audit where id >= ?", (seq,)).fetchall():
            number, at, who, action, detail = row
            mark = digest(number, at, who, action, detail, previous)
            db.execute("update audit set previous = ?, hash = ? where id = ?", (previous, mark, row[0]))
            previous = mark


def cut(path: Path, after: int) -> None:
    """A tail taken off with care: the table's counter and the anchors that the store remembers too."""
    with tampering(path) as db:
        db.execute("drop trigger audit_anchor_is_never_removed")
        db.execute("delete from audit where id > ?", (after,))
        db.execute("update sqlite_sequence set seq = ? where name = 'audit'", (after,))
        db.execute("delete from audit_anchor where seq > ?", (after,))


def test_a_head_is_anchored_once_where_it_moved(tmp_path: Path, moto: str) -> None:
    """Nothing is told of a trail that stands still; what was anchored is in the store and in the bucket."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.anchoring.tick()
        assert it.anchors() == []
        it.write(2)
        for _ in range(3):
            it.anchoring.tick()
        it.write()
        it.anchoring.tick()
        assert [(row.seq, row.target) for row in it.anchors()] == [(2, "s3"), (3, "s3")]
        assert [each.head.seq for each in vault.read()] == [2, 3]
        verdict = verify(it.store.path, vault)
    assert (verdict.outcome, verdict.compared) == ("whole", {"s3": 2, "this store": 2})


def test_an_anchor_is_locked_for_as_long_as_is_configured(tmp_path: Path, moto: str) -> None:
    """S3 itself says so, and refuses to remove that version."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.write()
        it.now = datetime.now(NOW.tzinfo)
        it.anchoring.tick()
    client = vault.bucket._client
    (version,) = client.list_object_versions(Bucket=vault.bucket.bucket)["Versions"]
    where = {"Bucket": vault.bucket.bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
    kept = client.head_object(**where)
    assert kept["ObjectLockMode"] == "GOVERNANCE"
    assert abs(kept["ObjectLockRetainUntilDate"] - it.now - timedelta(days=30)) < timedelta(seconds=2)
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.delete_object(**where)


def test_an_anchor_that_was_set_and_not_noted_is_no_trouble(tmp_path: Path, moto: str) -> None:
    """A kill between the two: the same name is there already, and is noted now."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.write()
        with it.store.read() as view:
            head = audit.head(view.db)
        assert head is not None
        vault.tell(head, it.now)
        it.anchoring.tick()
        assert [row.seq for row in it.anchors()] == [1]
    assert len(list(vault.read())) == 1


def test_a_removed_or_overwritten_anchor_still_counts(tmp_path: Path, moto: str) -> None:
    """A marker in front of it hides it from nobody; that somebody tried is told."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.write()
        it.anchoring.tick()
        (before,) = vault.read()
        key = f"b/{before.head.seq:012d}-{before.head.hash}.json"
        vault.bucket._client.put_object(Bucket=vault.bucket.bucket, Key=key, Body=b"{}")
        vault.bucket._client.delete_object(Bucket=vault.bucket.bucket, Key=key)
        verdict = verify(it.store.path, vault)
    assert verdict.compared["s3"] == 1
    assert verdict.outcome == "broken"
    assert "tried to remove" in verdict.faults[0]


def test_a_bucket_without_object_lock_takes_no_anchor(tmp_path: Path, moto: str) -> None:
    """What could be removed is no anchor: told, and tried again."""
    with pytest.raises(AnchorError, match="AWS answered InvalidRequest to PutObject"):
        vault_in(moto, lock=False).tell(Head(1, NONE), NOW)


def test_what_cannot_be_fetched_is_not_compared(tmp_path: Path, moto: str) -> None:
    """Neither whole nor broken: could not look."""
    vault = vault_in(moto)
    gone = Vault(LockedBucket("no-such-bucket-here", "b/", "GOVERNANCE", Keyed(), "us-east-1", moto), HOUR)
    with world(tmp_path, vault) as it:
        it.write()
        it.anchoring.tick()
        with pytest.raises(LookFailed):
            list(gone.read())
        assert verify(it.store.path, gone).outcome == "unknown"
        assert verify(it.store.path, None).outcome == "unknown"
        assert verify(it.store.path, vault).outcome == "whole"


def test_a_tail_that_was_cut_with_care_is_seen_by_the_anchor(tmp_path: Path, moto: str) -> None:
    """The chain alone holds; also when the trail has gone on."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.write(6)
        it.anchoring.tick()
    cut(it.store.path, 4)
    found = verify(it.store.path, vault)
    assert (found.walk.broken, found.outcome) == ("", "broken")
    assert "the trail ends at row 4" in found.faults[0]
    with world(tmp_path) as again:
        again.write(5)
    assert "has another row there" in verify(it.store.path, vault).faults[0]


def test_a_trail_that_was_written_anew_is_seen_by_the_anchor(tmp_path: Path, moto: str) -> None:
    """Every link holds, and none is the one that was anchored; the anchors that the store remembers say so too."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.write(5)
        it.anchoring.tick()
    rechained(it.store.path, 3)
    for found in (verify(it.store.path, vault), verify(it.store.path, None)):
        assert (found.walk.broken, found.outcome) == ("", "broken")


def test_a_restore_is_told_and_can_be_accepted_and_hides_no_later_cut(tmp_path: Path, moto: str) -> None:
    """Only what that restore took away."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.write(3)
        backup(it.store.path, tmp_path / "copy")
        it.write(3)
        it.anchoring.tick()
    restore(it.store.path, tmp_path / "copy", lambda: NOW)
    found = verify(it.store.path, vault)
    assert found.outcome == "broken"
    assert "--accept-restore 4" in found.faults[0]
    assert verify(it.store.path, vault, (), (4,)).outcome == "whole"
    with world(tmp_path, vault) as again:
        again.write(6)
        again.anchoring.tick()
    assert verify(it.store.path, vault, (), (4,)).outcome == "whole"
    cut(it.store.path, 8)
    assert verify(it.store.path, vault, (), (4,)).outcome == "broken"


def test_an_older_copy_put_back_by_hand_is_seen(tmp_path: Path, moto: str) -> None:
    """No row tells of it."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.write(3)
    shutil.copy(it.store.path, tmp_path / "copy")
    with world(tmp_path, vault) as it:
        it.write(3)
        it.anchoring.tick()
    shutil.copy(tmp_path / "copy", it.store.path)
    found = verify(it.store.path, vault)
    assert found.outcome == "broken"
    assert "older copy" in found.faults[0]
    assert "accept" not in found.faults[0]


def test_anchors_of_rows_that_left_by_age_are_told_as_not_compared(tmp_path: Path, moto: str) -> None:
    """The one at the very end of what left still is."""
    vault = vault_in(moto)
    with world(tmp_path, vault) as it:
        it.write(2)
        it.anchoring.tick()
        it.write(3)
        it.anchoring.tick()
        it.store.let_go_of_audit(it.now + timedelta(days=2), timedelta(days=1))
        found = verify(it.store.path, vault)
    assert (found.outcome, found.compared["s3"]) == ("whole", 1)
    assert "1 anchors of s3 are of rows that have left by age" in found.unseen


def test_nothing_anchored_is_said(tmp_path: Path) -> None:
    """Whole, as far as a chain can tell, and what it cannot tell."""
    with world(tmp_path) as it:
        it.write(2)
        found = verify(it.store.path, None)
    assert found.outcome == "whole"
    assert "nothing is anchored outside" in found.unseen[0]


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it was sent; checks the signature as its documentation says."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        stamp = self.headers["X-Barograph-Timestamp"]
        mark = hmac.new(b"shared", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        good = self.headers["X-Barograph-Signature"] == f"v1={mark}"
        self.server.heard.append(json.loads(body) if good else None)  # type: ignore[attr-defined]  # of the test
        self.send_response(self.server.answers.pop(0))  # type: ignore[attr-defined]  # of the test
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.heard, server.answers = [], [503, 204, 204]  # type: ignore[attr-defined]  # of the test
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_target_that_is_configured_no_more_is_not_late_for_ever(tmp_path: Path, receiver: HTTPServer) -> None:
    """Where it stood is gone, and with it the metric that says it is due; what was anchored stays known."""
    hook = Hook(f"http://127.0.0.1:{receiver.server_port}/x", ("shared",), Http(5))
    with world(tmp_path, hook) as it:
        it.write()
        for _ in range(2):  # the receiver refuses the first
            it.anchoring.tick()
        forget_others(it.store, (hook,))
        with it.store.read() as view:
            assert set(view.job_states()) == {"audit anchor:webhook"}
        forget_others(it.store, ())
        with it.store.read() as view:
            assert view.job_states() == {}
        assert [row.target for row in it.anchors()] == ["webhook"]


def test_the_webhook_is_told_signed_and_again_after_a_failure(tmp_path: Path, receiver: HTTPServer) -> None:
    """A refusal is stored as one; the same head has the same id. What it heard can be given to a verification."""
    hook = Hook(f"http://127.0.0.1:{receiver.server_port}/x", ("shared",), Http(5))
    with world(tmp_path, hook) as it:
        it.write(2)
        it.anchoring.tick()
        with it.store.read() as view:
            state = view.job_states()["audit anchor:webhook"]
        assert (state.outcome, state.last_ok, it.anchors()) == ("failed", None, [])
        it.anchoring.tick()
        assert [row.seq for row in it.anchors()] == [2]
        first, second = receiver.heard  # type: ignore[attr-defined]  # of the test
        assert first == second
        head = Head(second["seq"], second["hash"])
        found = verify(it.store.path, None, (head,))
        assert (found.outcome, found.compared["given"]) == ("whole", 1)
        assert any("what the webhook was told" in each for each in found.unseen)
        assert verify(it.store.path, None, (Head(2, NONE),)).outcome == "broken"


def test_anchors_cannot_be_changed(tmp_path: Path, moto: str) -> None:
    """By no statement, as long as the triggers are there."""
    with world(tmp_path, vault_in(moto)) as it:
        it.write()
        it.anchoring.tick()
        for statement in ("update audit_anchor set seq = 2", "delete from audit_anchor"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                it.store._db.execute(statement)
