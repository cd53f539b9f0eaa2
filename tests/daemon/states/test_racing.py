"""A writer at work is never called damage: S3 first, then the digest, as Terraform writes."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from checks.base import Outcome
from checks.state import State
from daemon.states.library import Library, NoCache
from daemon.states.places import StateOfInstance
from tests.daemon.states.support import BUCKET, KEY, StateWorld, clients, md5, state

ROUNDS = 1000


class Writer(threading.Thread):
    """Writes a new version again and again: object, then digest."""

    def __init__(self, world: StateWorld) -> None:
        super().__init__(name="writer", daemon=True)
        self.s3, self.tables = clients(world.aws)
        self.rounds = 0
        self.moved = threading.Condition()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for serial in range(1, ROUNDS + 1):
                body = state(serial, resources=1)
                self.s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
                item = {"LockID": {"S": f"{BUCKET}/{KEY}-md5"}, "Digest": {"S": md5(body)}}
                self.tables.put_item(TableName="acme-locks", Item=item)
                self._moved(serial)
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            self.error = error
        finally:
            self._moved(ROUNDS)

    def _moved(self, rounds: int) -> None:
        with self.moved:
            self.rounds = rounds
            self.moved.notify_all()

    def wait_for_a_round(self) -> None:
        """What two seconds are to a real writer: a whole round at least has been written."""
        with self.moved:
            until = min(self.rounds + 1, ROUNDS)
            assert self.moved.wait_for(lambda: self.rounds >= until, timeout=120)


def test_a_thousand_writes_raise_no_alarm(world: StateWorld) -> None:
    """However often it looks into the middle of a write, with no lock to see: never damage, and it did look there."""
    writer, library = Writer(world), Library(NoCache(), world.clock)
    middles = 0

    def pause(seconds: float) -> None:
        nonlocal middles
        middles += 1
        writer.wait_for_a_round()
        world.clock.wait(seconds)

    place = StateOfInstance(world.shelf(), library, world.clock, pause, world.memory)
    writer.start()
    writer.wait_for_a_round()
    looks = []
    while writer.rounds < ROUNDS:
        looks += list(State().run(place.opened(timedelta(minutes=5))))
    writer.join()
    assert writer.error is None
    alarms = [reading for reading in looks if reading.findings or reading.outcome is Outcome.UNHEALTHY]
    assert alarms == []
    assert middles > 10, "hardly a look fell between object and digest: this proves nothing"
    assert world.look().verdict == "ok"


def test_damage_is_said_only_after_it_stayed(world: StateWorld) -> None:
    """A mismatch that heals within ten seconds is none; what heals later was told."""
    world.put(state(1))
    world.look()
    for heals_after, verdict in ((10.0, "ok"), (14.0, "digest_mismatch")):
        serial = int(heals_after)
        world.put(state(serial), digest=False)
        began: datetime = world.clock.time
        healed = state(serial)

        def pause(seconds: float, began: datetime = began, after: float = heals_after, body: bytes = healed) -> None:
            world.clock.wait(seconds)
            if (world.clock.time - began).total_seconds() >= after:
                world.item(f"{BUCKET}/{KEY}-md5", Digest=md5(body))

        place = StateOfInstance(world.shelf(), world.library, world.clock, pause, world.memory)
        reading = next(iter(State().run(place.opened(timedelta(minutes=5)))))
        assert reading.verdict == verdict
        world.item(f"{BUCKET}/{KEY}-md5", Digest=md5(healed))


def test_one_that_never_settles_is_busy(world: StateWorld) -> None:
    """Every look finds another object that does not match: it is being written, and that is no damage yet."""
    world.put(state(1))
    serial = 1

    def pause(seconds: float) -> None:
        nonlocal serial
        serial += 1
        world.put(state(serial), digest=False)
        world.clock.wait(seconds)

    world.put(state(serial, resources=2), digest=False)
    place = StateOfInstance(world.shelf(), world.library, world.clock, pause, world.memory)
    reading = next(iter(State().run(place.opened(timedelta(minutes=5)))))
    assert (reading.verdict, reading.outcome, reading.findings) == ("busy", Outcome.UNKNOWN, ())
    assert reading.look_again_in is not None
