"""What the proof of blindness asks of the state check: each request failing in turn, through runner and store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from alerts.base import LIVE
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Check, Outcome, Place
from daemon.record import Recorder, StoredMemory
from daemon.runner import CheckPlan, Runner
from daemon.states.library import Library, NoCache
from daemon.states.places import state_places
from daemon.store import Store
from tests.aws.blind import judge
from tests.daemon.states.support import BUCKET, KEY, TABLE, StateWorld, state, state_world
from tests.worlds import Call, moto_server

Which = Callable[[Call], bool]
QUARTER = timedelta(minutes=15)

# How an answer fails.
WAYS: Mapping[str, tuple[int, bytes]] = {
    "denied": (403, b"<Error><Code>AccessDenied</Code><Message>m</Message></Error>"),
    "throttled": (503, b"<Error><Code>SlowDown</Code><Message>m</Message></Error>"),
    "unavailable": (500, b""),
    "failed": (200, b""),
}
JSON_WAYS: Mapping[str, tuple[int, bytes]] = {
    "denied": (400, b'{"__type": "com.amazonaws#AccessDeniedException"}'),
    "throttled": (400, b'{"__type": "com.amazonaws#ThrottlingException"}'),
    "unavailable": (500, b"<html>"),
    "failed": (200, b""),
}

# Each request that a look at a whole state makes, and the permission it takes.
REQUESTS: Mapping[str, tuple[Which, str]] = {
    "head": (lambda call: call.method == "HEAD", "s3:GetObject"),
    "get": (lambda call: call.method == "GET" and call.path.endswith(KEY), "s3:GetObject"),
    "lock file": (lambda call: call.path.endswith(".tflock"), "s3:GetObject"),
    "lock table": (lambda call: call.target.endswith("GetItem"), "dynamodb:GetItem"),
}
# Each that a look at a bucket and its table makes, the reading it is for, and the permission.
SETTINGS: Mapping[str, tuple[Which, str, str]] = {
    "bucket": (lambda call: "list-type" in call.path, f"s3://{BUCKET}", "s3:ListBucket"),
    "versioning": (lambda call: "versioning" in call.path, f"s3://{BUCKET} versioning", "s3:GetBucketVersioning"),
    "encryption": (
        lambda call: "encryption" in call.path, f"s3://{BUCKET} encryption", "s3:GetEncryptionConfiguration"
    ),
    "public access": (
        lambda call: "publicAccessBlock" in call.path, f"s3://{BUCKET} public access", "s3:GetBucketPublicAccessBlock"
    ),
    "policy": (
        lambda call: "policyStatus" in call.path, f"s3://{BUCKET} public access", "s3:GetBucketPolicyStatus"
    ),
    "lifecycle": (lambda call: "lifecycle" in call.path, f"s3://{BUCKET} lifecycle", "s3:GetLifecycleConfiguration"),
    "table": (lambda call: call.target.endswith("DescribeTable"), f"lock table {TABLE}", "dynamodb:DescribeTable"),
    "recovery": (
        lambda call: call.target.endswith("DescribeContinuousBackups"), f"lock table {TABLE} point-in-time recovery",
        "dynamodb:DescribeContinuousBackups",
    ),
}  # fmt: skip


def answer(action: str, way: str) -> tuple[int, bytes]:
    """How the service of *action* fails in *way*."""
    return (JSON_WAYS if action.startswith("dynamodb") else WAYS)[way]


class StatesProof:
    """A state whose lock is too old, in a bucket without versions."""

    def prove(self, check: Check, folder: Path) -> None:
        """Raise AssertionError where *check* takes blindness for health."""
        with moto_server() as moto, state_world(moto, folder) as world:
            world.put(state(5))
            world.lock(timedelta(hours=5))
            world.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
            with Store.open(folder / "barograph.db", world.clock) as store:
                for name, (which, action) in REQUESTS.items():
                    for way in WAYS:
                        self._look(world, check, store, "acme-prod/app", which, f"{name} {way}", answer(action, way))
                for name, (which, _, action) in SETTINGS.items():
                    for way in WAYS:
                        fails = (200, b"<html>") if (name, way) == ("bucket", "failed") else answer(action, way)
                        self._look(world, check, store, f"s3://{BUCKET}", which, f"{name} {way}", fails)

    def _look(
        self, world: StateWorld, check: Check, store: Store, key: str, which: Which, name: str, fails: tuple[int, bytes]
    ) -> None:
        """Look well, then with one request failing: what was found stays, and nothing is judged unseen."""
        plan = CheckPlan("state", check, lambda labels: QUARTER, timedelta(minutes=5))
        runner = Runner({"state": plan}, Recorder(store, Policy(Routes("C0000000001"))), world.clock)
        world.clock.time += QUARTER
        world.proxy.answer = lambda call: None
        good = runner.run_and_record("state", self._place(world, store, key))
        live = {one.fingerprint for one in store.incidents(LIVE)}
        assert good.failure is None
        assert live, "this world must hold something wrong"
        world.clock.time += QUARTER
        world.proxy.answer = lambda call: fails if which(call) else None
        bad = runner.run_and_record("state", self._place(world, store, key))
        assert bad.failure is None, f"{name}: {bad.failure}"
        judge({one.resource: one for one in good.readings}, bad.readings, None, name)
        assert any(one.outcome is Outcome.UNKNOWN for one in bad.readings), name
        ended = live - {one.fingerprint for one in store.incidents(LIVE)}
        assert not ended, f"{name}: {len(ended)} incidents ended although nobody looked"

    def _place(self, world: StateWorld, store: Store, key: str) -> Place:
        """With nothing in the library, so that every request is made."""
        library = Library(NoCache(), world.clock)
        shelf = world.shelf(world.watched(use_lockfile=True))
        return state_places([shelf], library, world.clock, world.clock.wait, StoredMemory(store))[key]
