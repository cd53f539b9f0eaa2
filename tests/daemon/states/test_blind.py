"""Every request failing in turn, in every way: nothing turns green, nothing becomes 0, and the permission is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks.base import Kind, Outcome
from checks.state import State
from tests.daemon.states.proof import JSON_WAYS, REQUESTS, SETTINGS, WAYS, answer
from tests.daemon.states.support import BUCKET, KEY, TABLE, StateWorld, md5, state
from tests.worlds import Call


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_state_that_cannot_be_read_is_never_whole(world: StateWorld, request_: str, way: str) -> None:
    """UNKNOWN, with the reason, and with the action where it was denied; no value stands for what was not read."""
    which, action = REQUESTS[request_]
    world.put(state(5))
    watched = world.watched(use_lockfile=True)
    assert world.look(watched).outcome is Outcome.HEALTHY
    known = dict(world.memory.kept)
    world.put(state(6))  # so that there is something to download
    fails = answer(action, way)
    world.proxy.answer = lambda call: fails if which(call) else None
    reading = world.look(watched)
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "unreadable"), reading
    assert [finding.kind for finding in reading.findings] == [Kind.MONITORING]
    assert 0.0 not in [value for name, value in reading.values.items() if name in ("serial", "resources", "size_bytes")]
    assert request_ not in ("lock file", "lock table") or "locks" not in reading.values
    if way == "denied":
        assert action in reading.summary
        assert action in reading.findings[0].remedy
    assert world.memory.kept == known
    world.proxy.answer = lambda call: None
    assert world.look(watched).verdict == "ok"


def test_a_slow_answer_is_no_answer(world: StateWorld) -> None:
    """A time-out is told as one."""
    import threading

    world.put(state())
    held = threading.Event()

    def never(call: Call) -> None:
        if call.method == "HEAD":
            held.wait(20)

    world.proxy.answer = never
    try:
        reading = world.look()
    finally:
        held.set()
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "unreadable")
    assert "(timeout)" in reading.summary


def test_damage_is_told_though_the_locks_cannot_be_read(world: StateWorld) -> None:
    """What was found is not lost behind what was not: an object is never half written, whoever holds the lock."""
    world.put(b"garbage")
    which, _ = REQUESTS["lock table"]
    world.proxy.answer = lambda call: JSON_WAYS["denied"] if which(call) else None
    assert world.look().verdict == "unparsable"


def test_a_missing_bucket_is_not_a_state_that_never_was(world: StateWorld) -> None:
    """HEAD says 404 for both; only one of them is harmless."""
    reading = world.look(world.watched(bucket="not-there"))
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "unreadable")


def test_a_missing_table_is_not_a_lock_that_is_free(world: StateWorld) -> None:
    """Nor a digest that was never written."""
    world.put(state())
    world.tables.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    world.tables.delete_table(TableName=TABLE)
    reading = world.look()
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "unreadable")


def test_where_listing_versions_is_denied_a_deleted_state_is_still_deleted(world: StateWorld) -> None:
    """S3 names the delete marker in its refusal of the object; the command lists versions then."""
    world.put(state())
    world.look()
    gone = 404, b"<Error><Code>NoSuchKey</Code></Error>", {"x-amz-delete-marker": "true"}
    denied = WAYS["denied"]
    world.proxy.answer = lambda call: denied if "versions" in call.path else gone if call.path.endswith(KEY) else None
    reading = world.look()
    assert reading.verdict == "deleted"
    assert "list-object-versions" in reading.findings[0].remedy


@pytest.mark.parametrize("config", [{"bucket": ""}, {"key": ""}, {"bucket": ["x"]}])
def test_a_backend_without_a_place_could_not_be_looked_at(world: StateWorld, config: dict[str, Any]) -> None:
    """The run fails, with a reason: LookFailed."""
    from checks.base import LookFailed

    place = world.place(world.watched(**config))
    with pytest.raises(LookFailed, match="names no"):
        list(State().run(place.opened(timedelta(minutes=1))))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_that_cannot_be_read_is_unknown_and_alone(world: StateWorld, setting: str, way: str) -> None:
    """One refusal spoils one reading; the settings beside it are read."""
    which, resource, action = SETTINGS[setting]
    fails = (200, b"<html>") if (setting, way) == ("bucket", "failed") else answer(action, way)
    before = world.settings()
    world.proxy.answer = lambda call: fails if which(call) else None
    after = world.settings()
    assert (after[resource].outcome, after[resource].verdict) == (Outcome.UNKNOWN, "unreadable"), after[resource]
    assert way != "denied" or action in after[resource].summary
    others = {name for name in after if name != resource}
    assert {name: after[name] for name in others} == {name: before[name] for name in others}


def test_nothing_is_written(world: StateWorld) -> None:
    """No request of all these looks could have changed anything."""
    world.put(state())
    world.look()
    world.settings()
    world.s3.delete_object(Bucket=BUCKET, Key=KEY)
    world.look()
    assert world.proxy.writes == []
    assert len(world.proxy.calls) > 10
    assert md5(state()) not in str([call.path for call in world.proxy.calls])
