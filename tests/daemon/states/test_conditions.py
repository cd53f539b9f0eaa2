"""The conditions a state can be in, each made on moto's server, told apart by the check."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from checks.base import Fact, Kind, Outcome
from checks.state import State
from checks.states.unrecorded import VERDICTS as CHANGES
from tests.daemon.states.support import BUCKET, KEY, LINEAGE, TABLE, StateWorld, lock_info, md5, state

OK, BAD, UNKNOWN, NOTHING = Outcome.HEALTHY, Outcome.UNHEALTHY, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE
CORRUPTION = Kind.STATE_CORRUPTION
Do = Callable[[StateWorld], None]
HOUR = timedelta(hours=1)


def _put(*args: object, **more: object) -> Do:
    return lambda world: world.put(*args, **more)  # type: ignore[arg-type]  # the arguments of put()


def _delete(world: StateWorld) -> None:
    world.s3.delete_object(Bucket=BUCKET, Key=KEY)


def _purge(world: StateWorld) -> None:
    """Delete the object, every version of it, and its digest."""
    listed = world.s3.list_object_versions(Bucket=BUCKET, Prefix=KEY)
    for one in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
        world.s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=one["VersionId"])
    world.drop_item(f"{BUCKET}/{KEY}-md5")


def _all(*steps: Do) -> Do:
    def do(world: StateWorld) -> None:
        for step in steps:
            step(world)

    return do


def _lock(age: timedelta, **more: str) -> Do:
    return lambda world: world.lock(age, **more)


def _digest(value: str) -> Do:
    return lambda world: world.item(f"{BUCKET}/{KEY}-md5", Digest=value)


NOTHING_BEFORE: Do = lambda world: None  # noqa: E731 - it reads as the other rows do
SECOND = state(2)

# What was there at the first look, what happened then, and what the second look must say.
CASES: dict[str, tuple[Do, Do, str, Outcome, tuple[tuple[Kind, str], ...]]] = {
    "never deployed": (NOTHING_BEFORE, NOTHING_BEFORE, "absent", NOTHING, ()),
    "whole": (_put(state()), NOTHING_BEFORE, "ok", OK, ()),
    "moved on": (_put(state()), _put(SECOND), "ok", OK, ()),
    "same serial": (_put(state(7)), _put(state(7, terraform_version="1.12.0")), "ok", OK, ()),
    "digest in capitals": (_put(state()), _digest(md5(state()).upper()), "ok", OK, ()),
    "digest of another": (_put(state()), _put(SECOND, digest=False), "digest_mismatch", BAD, ((CORRUPTION, "state"),)),
    "no digest": (
        _put(state()), lambda world: world.drop_item(f"{BUCKET}/{KEY}-md5"), "no_digest", BAD,
        ((Kind.COMPLIANCE, "no_digest"),),
    ),
    "mismatch under a lock": (_put(state()), _all(_put(SECOND, digest=False), _lock(HOUR)), "busy", UNKNOWN, ()),
    "mismatch under an old lock": (
        _put(state()), _all(_put(SECOND, digest=False), _lock(3 * HOUR)), "digest_mismatch", BAD,
        ((CORRUPTION, "state"), (CORRUPTION, "lock:dynamodb")),
    ),
    "digest without an object": (
        NOTHING_BEFORE, _digest(md5(SECOND)), "orphan_digest", BAD, ((CORRUPTION, "state"),),
    ),
    "empty from the start": (_put(b""), NOTHING_BEFORE, "empty", NOTHING, ()),
    "emptied": (_put(state()), _put(b""), "emptied", BAD, ((CORRUPTION, "state"),)),
    "cut off": (_put(state()), _put(state(2)[:-9]), "unparsable", BAD, ((CORRUPTION, "state"),)),
    "garbage": (_put(state()), _put(b'{"version": 4, "serial": \x00\xff garbage'), "unparsable", BAD,
                ((CORRUPTION, "state"),)),
    "JSON and no state": (_put(state()), _put(b'{"hello": "world"}'), "unparsable", BAD, ((CORRUPTION, "state"),)),
    "a list": (_put(state()), _put(b"[]"), "unparsable", BAD, ((CORRUPTION, "state"),)),
    "resources are text": (_put(state()), _put(state(2, resources=0).replace(b'"resources": []', b'"resources": "x"')),
                           "unparsable", BAD, ((CORRUPTION, "state"),)),
    "garbage under a lock": (
        _put(state()), _all(_put(b"garbage"), _lock(HOUR)), "unparsable", BAD, ((CORRUPTION, "state"),),
    ),
    "of a later Terraform": (_put(state()), _put(state(2, version=5)), "unsupported_version", BAD,
                             ((CORRUPTION, "state"),)),
    "of a later Terraform, of another shape": (
        _put(state()), _put(b'{"version": 5, "serial": "two", "resources": {}}'), "unsupported_version", BAD,
        ((CORRUPTION, "state"),),
    ),
    "of an old Terraform": (
        _put(b'{"version": 3, "serial": 1, "lineage": "x", "modules": []}'), NOTHING_BEFORE, "old_version", BAD,
        ((Kind.COMPLIANCE, "old_version"),),
    ),
    "went back": (_put(state(9)), _put(state(7)), "serial_regressed", BAD, ((CORRUPTION, "state"),)),
    "another lineage": (_put(state(9)), _put(state(10, lineage="other")), "lineage_changed", BAD,
                        ((CORRUPTION, "state"),)),
    "another lineage being written": (
        _put(state(9)), _all(_put(state(10, lineage="other")), _lock(HOUR)), "busy", UNKNOWN, (),
    ),
    "collapsed": (_put(state(9, 30)), _put(state(10, 3)), "collapsed", BAD, ((CORRUPTION, "state"),)),
    "shrunk": (_put(state(9, 30)), _put(state(10, 4)), "ok", OK, ()),
    "few to none": (_put(state(9, 19)), _put(state(10, 0)), "ok", OK, ()),
    "deleted": (_put(state()), _delete, "deleted", BAD, ((CORRUPTION, "state"),)),
    "deleted before the first look": (
        _all(_put(state()), _delete), NOTHING_BEFORE, "deleted", BAD, ((CORRUPTION, "state"),),
    ),
    "an empty workspace deleted": (
        _all(_put(state(3, 0)), _delete, lambda world: world.drop_item(f"{BUCKET}/{KEY}-md5")), NOTHING_BEFORE,
        "absent", NOTHING, (),
    ),
    "gone for good": (_put(state()), _purge, "lost", BAD, ((CORRUPTION, "state"),)),
    "gone and held nothing": (_put(state(3, 0)), _purge, "absent", NOTHING, ()),
    "locked": (_put(state()), _lock(HOUR), "locked", OK, ()),
    "locked for long": (_put(state()), _lock(3 * HOUR), "stale_lock", BAD, ((CORRUPTION, "lock:dynamodb"),)),
    "lock that is no JSON": (_put(state()), _lock(HOUR, info="{"), "unreadable_lock", BAD,
                             ((CORRUPTION, "lock:dynamodb"),)),
    "lock that says nothing": (_put(state()), _lock(HOUR, info="[]"), "unreadable_lock", BAD,
                               ((CORRUPTION, "lock:dynamodb"),)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_condition_has_its_verdict(world: StateWorld, name: str) -> None:
    """Fourteen conditions and their neighbours: one verdict each, with what a person must hear of it."""
    first, then, verdict, outcome, findings = CASES[name]
    first(world)
    world.look()
    then(world)
    reading = world.look()
    found = tuple((finding.kind, finding.key) for finding in reading.findings)
    assert (reading.verdict, reading.outcome, found) == (verdict, outcome, findings), reading
    assert verdict in State.verdicts
    assert set(reading.values) <= set(State.measures)


def test_every_verdict_on_states_has_a_case() -> None:
    """All that can be said is made once, here or, where a state cannot be read, in the tests of blindness."""
    told = {case[2] for case in CASES.values()} | {"unreadable"}
    settings = {"as_it_should_be", "bucket_missing", "not_versioned", "not_encrypted", "not_blocked", "public",
                "expires_early", "table_missing", "table_unprotected"}  # fmt: skip
    assert told == set(State.verdicts) - settings - set(CHANGES)


def test_a_state_that_moved_is_compared_with_nothing(world: StateWorld) -> None:
    """Another bucket or key is another state: its lineage and serial are no news."""
    world.put(state(9))
    world.look()
    world.put(state(1, lineage="new"), key="moved.tfstate")
    assert world.look(world.watched(key="moved.tfstate")).verdict == "ok"


def test_a_lock_file_beside_the_state_is_seen(world: StateWorld) -> None:
    """Terraform's own lock in S3, with and without the table's: each is one finding with its own command."""
    world.put(state())
    watched = world.watched(use_lockfile=True)
    assert world.look(watched).verdict == "ok"
    info = lock_info(world.clock() - 5 * HOUR, "bob@laptop")
    world.s3.put_object(Bucket=BUCKET, Key=f"{KEY}.tflock", Body=info.encode())
    assert [finding.key for finding in world.look(watched).findings] == ["lock:s3"]
    world.lock(4 * HOUR)
    assert [finding.key for finding in world.look(watched).findings] == ["lock:dynamodb", "lock:s3"]
    world.s3.put_object(Bucket=BUCKET, Key=f"{KEY}.tflock", Body=b"\xff{")
    world.unlock()
    assert world.look(watched).verdict == "locked"
    world.clock.time += 3 * HOUR
    reading = world.look(watched)
    assert reading.verdict == "unreadable_lock"
    assert f"delete-object --bucket {BUCKET} --key {KEY}.tflock" in reading.findings[0].remedy


def test_without_a_table_there_is_no_digest_to_miss(world: StateWorld) -> None:
    """After the switch to lock files alone, an old digest in a table that nobody uses says nothing."""
    world.put(state(), digest="0" * 32)
    assert world.look(world.watched(locks=False, use_lockfile=True)).verdict == "ok"


def test_what_a_comparison_found_is_told_until_it_counts_as_right(world: StateWorld) -> None:
    """An older state in its place is told of for a day, then it is the new one to compare with."""
    world.put(state(9))
    world.look()
    world.put(state(7))
    told = []
    for hours in (0, 12, 11, 2, 1):
        world.clock.time += hours * HOUR
        told.append(world.look().verdict)
    assert told == ["serial_regressed", "serial_regressed", "serial_regressed", "serial_regressed", "ok"]
    world.put(state(6))
    assert world.look().verdict == "serial_regressed"
    world.put(state(8))
    assert world.look().verdict == "ok"


def test_a_loss_of_resources_is_critical_in_production_only() -> None:
    """Elsewhere it is most likely a destroy; a lock is never critical."""
    from alerts.tiers import tier_of

    def tier(stage: str, fact: Fact) -> str:
        return tier_of(CORRUPTION, {fact}, {"stage": stage}, "x")[0]

    assert [tier(stage, Fact.RESOURCES_GONE) for stage in ("production", "staging", "")] == [
        "critical", "warning", "critical",
    ]  # fmt: skip
    assert [tier(stage, Fact.LOCK_HELD) for stage in ("production", "development")] == ["warning", "warning"]
    assert tier_of(CORRUPTION, frozenset(), {"stage": "development"}, "x")[0] == "critical"


def test_a_reading_says_what_to_run(world: StateWorld) -> None:
    """Restoring, unlocking: commands that can be copied, for this bucket, key, folder and workspace."""
    world.put(state())
    world.lock(3 * HOUR)
    lock = world.look().findings[0]
    assert lock.remedy == (
        "terraform -chdir=components/app force-unlock 5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77"
        "  # only once its owner is known to have ended"
    )
    assert lock.summary.startswith(f"ana@ci-7 (apply) holds the lock of s3://{BUCKET}/{KEY} in DynamoDB table {TABLE}")
    world.unlock()
    _delete(world)
    marker = world.s3.list_object_versions(Bucket=BUCKET, Prefix=KEY)["DeleteMarkers"][0]["VersionId"]
    assert (
        world.look()
        .findings[0]
        .remedy.startswith(f"aws s3api delete-object --bucket {BUCKET} --key {KEY} --version-id {marker}  #")
    )


def test_the_values_are_those_of_the_state(world: StateWorld) -> None:
    """Serial, size, resources, locks: what Prometheus shows, in base units."""
    body = state(12, 25)
    world.put(body)
    world.lock(HOUR)
    values = dict(world.look().values)
    assert values.pop("written_timestamp_seconds") > 0
    assert values == {
        "serial": 12.0, "size_bytes": float(len(body)), "resources": 25.0, "tainted": 0.0, "deposed": 0.0, "locks": 1.0,
        "lock_created_timestamp_seconds": (world.clock() - HOUR).timestamp(),
    }  # fmt: skip
    assert LINEAGE in str(world.look().evidence)
