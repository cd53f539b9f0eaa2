"""Every version of a state is downloaded once, by whoever asks first, and not again after a restart."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from botocore.session import get_session

from checks.state import State
from daemon.states.cache import StoredStates
from daemon.states.library import Library
from daemon.states.ownership import Ownership
from daemon.store import Store
from tests.daemon.states.support import BUCKET, KEY, SECRET, StateWorld, bucket_arn, md5, state
from tests.worlds import Call


def _downloads(world: StateWorld) -> int:
    return sum(call.method == "GET" and call.path == f"/{BUCKET}/{KEY}" for call in world.proxy.calls)


def test_a_version_is_downloaded_once(world: StateWorld) -> None:
    """The check and the index ask for the same; what did not change is asked for by HEAD only."""
    world.put(state(1))
    owners = Ownership(world.library, world.clock)
    owners.watch([world.shelf()], complete=True)
    world.look()
    owners.refresh()
    world.look()
    assert _downloads(world) == 1
    world.put(state(2))
    world.clock.time += timedelta(hours=1)
    owners.refresh()
    world.look()
    assert _downloads(world) == 2


def test_the_same_bytes_under_a_new_version_are_not_downloaded(world: StateWorld) -> None:
    """Where the ETag is the MD5 of the object, it says that nothing changed."""
    world.put(state(1))
    world.look()
    world.put(state(1))
    assert world.look().verdict == "ok"
    assert _downloads(world) == 1


def test_two_who_ask_at_once_cost_one_download(world: StateWorld) -> None:
    """The second one waits for the first."""
    world.put(state(1))
    began, source = threading.Barrier(4), world.shelf().source
    assert source is not None

    def ask() -> None:
        began.wait()
        world.library.look(source)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _downloads(world) == 1


def test_the_etag_of_an_encrypted_or_multipart_object_is_no_md5(world: StateWorld) -> None:
    """S3 gives KMS objects an ETag that is no digest (moto does not): the bytes decide, and are read once."""
    body = state(3)
    world.put(body)
    world.look()
    parsed = {
        "ETag": '"0123456789abcdef0123456789abcdef"', "ServerSideEncryption": "aws:kms", "ContentLength": len(body),
        "VersionId": "v2", "LastModified": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    _validate("HeadObject", parsed)
    _validate("GetObject", parsed)
    headers: dict[str, str] = {
        "ETag": str(parsed["ETag"]), "x-amz-server-side-encryption": "aws:kms", "x-amz-version-id": "v2",
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    }  # fmt: skip

    def answer(call: Call) -> tuple[int, bytes, dict[str, str]] | None:
        if call.path != f"/{BUCKET}/{KEY}":
            return None
        length = {"Content-Length": str(len(body))}
        return 200, body if call.method == "GET" else b"", headers | length

    world.proxy.answer = answer
    assert [world.look().verdict for _ in range(3)] == ["ok"] * 3
    assert _downloads(world) == 2
    headers["ETag"] = f'"{md5(body)}-2"'  # several parts, as large states are written
    assert [world.look().verdict for _ in range(2)] == ["ok"] * 2
    assert _downloads(world) == 3


def _validate(operation: str, answer: dict[str, Any]) -> None:
    """Members and enumerations are those of the installed service model."""
    shape = get_session().get_service_model("s3").operation_model(operation).output_shape
    for name, value in answer.items():
        allowed = getattr(shape.members[name], "enum", ())
        assert not allowed or value in allowed, (name, value)


def test_a_restart_downloads_nothing(world: StateWorld) -> None:
    """What was read is in the store: names, addresses, versions, and no other value of the state."""
    world.put(state(1))
    shelf, path = world.shelf(), world.folder / "b.sqlite3"
    with Store.open(path, world.clock) as store:
        library = Library(StoredStates(store), world.clock)
        owners = Ownership(library, world.clock)
        owners.watch([shelf], complete=True)
        owners.refresh()
        assert owners.known
    asked = len(world.proxy.calls)
    with Store.open(path, world.clock) as store:
        library = Library(StoredStates(store), world.clock)
        owners = Ownership(library, world.clock)
        owners.watch([shelf], complete=True)
        assert owners.known
        found = owners.find(bucket_arn(3))
        assert found is not None
        assert (found.stack, found.component, found.address) == ("acme-prod", "app", "aws_s3_bucket.b3")
        owners.refresh()
        assert len(world.proxy.calls) == asked
        world.clock.time += timedelta(minutes=20)
        owners.refresh()
        assert [call.method for call in world.proxy.calls[asked:]] == ["HEAD"]
        with store.read() as reader:
            assert [row.looked_at for row in reader.states()] == [world.clock()]
        owners.watch([], complete=True)
        with store.read() as reader:
            assert reader.states() == []
    assert SECRET.encode() not in path.read_bytes()


def test_no_value_of_a_state_is_kept_or_told(world: StateWorld, caplog: Any) -> None:
    """A secret in attributes, tags, outputs and lock information: not in readings, store, index, logs or texts."""
    caplog.set_level("DEBUG", logger="daemon")
    path = world.folder / "b.sqlite3"
    with Store.open(path, world.clock) as store:
        world.library = Library(StoredStates(store), world.clock)
        told: list[Any] = []
        source = world.shelf().source
        assert source is not None
        for body in (state(1), state(2)[:-20], state(3, version=9), b'"%s"' % SECRET.encode(), b"[" * 5000):
            world.put(body)
            world.lock(timedelta(hours=5))
            told.append(world.look())
            told.append(repr(world.library.known(source.id)))
        told += [repr(world.place()), repr(world.shelf()), repr(world.memory)]
        with store.read() as reader:
            told.append(repr(reader.states()))
    assert len(told) > 10
    assert SECRET not in repr(told)
    assert SECRET not in caplog.text
    for file in world.folder.iterdir():
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file.name


def test_a_state_nested_too_deep_could_not_be_read(world: StateWorld) -> None:
    """Terraform may be able to; so it is not called damaged."""
    world.put(b'{"version": 4, "serial": 1, "check_results": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert world.look(check=State()).verdict == "unreadable"
