"""The estate out of a real store: what each place gave last, and every reason why it may not hold any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.base import IncidentState
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Finding, Instance, Kind, Outcome, Reading
from checks.estate import KEY, UNKNOWN_VALUE, Answer, Seen
from checks.network import Network
from daemon.estate import Estate, looked, stored
from daemon.inventory.model import Backend, Inventory, Watched
from daemon.record import Recorder, Run, StoredMemory
from daemon.store import Store
from tests.aws.places import NOW, fake_place
from tests.checks.nets.world import ANSWERS, vpc

ONE, TWO = "111111111111/eu-west-1", "222222222222/eu-west-1"
HOUR = timedelta(hours=1)


class World:
    """A store, a clock, and places that are watched."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOW
        self.recorder = Recorder(store, Policy(Routes("C0000000001")))
        self.watched: dict[tuple[str, str], Mapping[str, str]] = {
            ("network", place): {"account": place[:12]} for place in (ONE, TWO, KEY)
        }

    def look(
        self, place: str, *readings: Reading, failure: tuple[str, str] | None = None, check: str = "network"
    ) -> None:
        run = Run(check, place, {"account": place[:12]}, self.now, self.now, readings, failure)
        self.recorder.record(run, self.now + HOUR)

    def seen(self, check: str = "network") -> dict[str, Seen]:
        source = stored(self.store, lambda: self.watched, lambda: self.now, lambda: self.recorder.unrecorded)
        return {one.place: one for one in source(check)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock: list[World] = []

    def now() -> datetime:
        return clock[0].now if clock else NOW

    with Store.open(tmp_path / "barograph.db", now) as store:
        made = World(store)
        clock.append(made)
        yield made


def fine(resource: str = "vpc-1", **evidence: str) -> Reading:
    return Reading(resource, Outcome.HEALTHY, "seen", "there", values={"vpcs": 1.0}, evidence=evidence)


def test_a_fresh_place_gives_what_it_read(world: World) -> None:
    """Readings with values and evidence, no gap; the estate's own place is left out."""
    world.look(ONE, fine(block="10.0.0.0/16"))
    world.look(TWO, fine())
    world.look(KEY, fine("overlap"))
    found = world.seen()
    assert set(found) == {ONE, TWO}
    assert (found[ONE].gap, found[ONE].tried, found[ONE].looked_at) == ("", True, NOW)
    (note,) = found[ONE].notes
    assert (note.resource, note.outcome, note.values, note.evidence) == (
        "vpc-1", Outcome.HEALTHY, {"vpcs": 1.0}, {"block": "10.0.0.0/16"},
    )  # fmt: skip


def test_a_place_that_was_never_looked_at_is_there_and_says_so(world: World) -> None:
    """It is no place without networks."""
    world.look(ONE, fine())
    found = world.seen()[TWO]
    assert (found.tried, found.notes, found.looked_at) == (False, (), None)
    assert found.gap


def test_a_look_that_failed_leaves_what_was_seen_and_a_gap(world: World) -> None:
    """What it read before is old, and is not given as if it held."""
    world.look(ONE, fine(block="10.0.0.0/16"))
    world.now += HOUR
    world.look(ONE, failure=("denied", "access is denied"))
    found = world.seen()[ONE]
    assert found.tried
    assert "denied" in found.gap
    assert [(note.outcome, note.evidence) for note in found.notes] == [(Outcome.UNKNOWN, {"block": "10.0.0.0/16"})]


def test_one_part_that_could_not_be_read_is_a_gap(world: World) -> None:
    """The rest of the look is fresh."""
    world.look(ONE, fine(), Reading("transit", Outcome.UNKNOWN, "permission", "access is denied"))
    found = world.seen()[ONE]
    assert found.gap == "transit: access is denied"
    assert {note.resource: note.outcome for note in found.notes} == {
        "vpc-1": Outcome.HEALTHY, "transit": Outcome.UNKNOWN,
    }  # fmt: skip


def test_a_place_that_is_overdue_is_a_gap(world: World) -> None:
    """Nobody looked for two periods, so nobody knows."""
    world.look(ONE, fine())
    world.now += 3 * HOUR
    assert "overdue" in world.seen()[ONE].gap


def test_a_look_that_could_not_be_stored_is_a_gap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store says may be outdated."""
    world.look(ONE, fine())

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "transaction", full)
        with pytest.raises(OSError, match="disk is full"):
            world.look(ONE, fine())
    assert "could not be stored" in world.seen()[ONE].gap


def test_a_place_that_is_not_watched_any_more_is_left_out(world: World) -> None:
    """A closed account holds no addresses."""
    world.look(ONE, fine())
    world.look(TWO, fine())
    del world.watched["network", TWO]
    assert set(world.seen()) == {ONE}


def test_one_round_of_looks_gives_the_same_without_a_store() -> None:
    """As `barograph check` does: failures and UNKNOWN readings are gaps there too."""
    bad = Reading("transit", Outcome.UNKNOWN, "permission", "access is denied")
    finding = Finding(Kind.UTILIZATION, "x", "full")
    runs = [
        Run("network", TWO, {}, NOW, NOW, (), ("denied", "no")),
        Run("network", ONE, {}, NOW, NOW, (fine(), bad)),
        Run("network", KEY, {}, NOW, NOW, (fine(),)),
        Run("other", ONE, {}, NOW, NOW, (Reading("r", Outcome.UNHEALTHY, "full", "full", (finding,)),)),
    ]
    found = looked(runs)("network")
    assert [(one.place, one.gap, one.looked_at) for one in found] == [
        (ONE, "transit: access is denied", NOW), (TWO, "denied: no", None),
    ]  # fmt: skip
    assert looked(runs)("nothing") == []


def test_an_overlap_is_found_healed_and_resolved_by_what_two_accounts_left_in_the_store(world: World) -> None:
    """From real readings of regions, through the store, to an incident; and it ends only when both were seen again."""
    held = {"111111111111": "10.77.0.0/16", "222222222222": "10.77.0.0/20"}
    check = Network()
    source = stored(world.store, lambda: world.watched, lambda: world.now, lambda: world.recorder.unrecorded)
    estate = Estate("network", source, Inventory(()), NoNames(), lambda: world.now, StoredMemory(world.store))

    def round_of_looks(refused: str = "") -> list[IncidentState]:
        world.now += HOUR / 2
        for place in (ONE, TWO):
            account = place[:12]
            if account == refused:
                world.look(place, failure=("denied", "no role"))
                continue
            answers = {
                **ANSWERS,
                ("ec2", "describe_vpcs"): {"Vpcs": [vpc(f"vpc-{account}", held[account], account=account)]},
            }
            world.look(place, *check.run(fake_place(check, answers, account=account, now=world.now)))
        one = estate.opened()
        run = Run("network", KEY, one.labels, world.now, world.now, tuple(check.run(one)), kept=one.kept)
        world.recorder.record(run, world.now + HOUR)
        found = world.store.incidents(list(IncidentState))
        return [one.state for one in found if one.resource == "overlap/apart/10.77.0.0/16"]

    assert round_of_looks() == [IncidentState.OPEN]
    held["222222222222"] = "10.78.0.0/20"
    assert round_of_looks(refused="222222222222") == [IncidentState.OPEN], "nobody saw that it was mended"
    assert round_of_looks() == [IncidentState.RESOLVED]


class NoNames:
    """DNS that nobody asks here."""

    def resolve(self, name: str, kind: str = "A") -> Answer:
        raise AssertionError

    def delegation(self, zone: str) -> Answer:
        raise AssertionError


def test_variables_are_given_by_name_and_what_was_not_worked_out_is_not_known(world: World) -> None:
    """No other variable is given, and a value that stands for a template is none."""
    watched = (
        Watched(Instance("a", "vpc", "vpc"), Backend("s3"), vars={"cidr": "10.0.0.0/16", "password": "canary"}),
        Watched(Instance("b", "vpc", "vpc"), Backend("s3"), vars={"cidr": "{{ x }}"}, unresolved=("cidr", "region")),
        Watched(Instance("c", "db", "db"), Backend("s3"), vars={"password": "canary"}),
    )
    estate = Estate("network", looked([]), Inventory(watched, stale_because="old"), NoNames(), lambda: NOW,
                    StoredMemory(world.store))  # fmt: skip
    assert estate.variables(["cidr"]) == {"a/vpc": {"cidr": "10.0.0.0/16"}, "b/vpc": {"cidr": UNKNOWN_VALUE}}
    assert [one.key for one in estate.instances] == ["a/vpc", "b/vpc", "c/db"]
    assert estate.inventory_gap == "old"
    assert "canary" not in repr(estate)


def test_what_is_kept_is_there_at_the_next_look_and_not_before_it_is_stored(world: World) -> None:
    """Each look has its own, until the look is recorded."""
    estate = Estate("network", looked([]), Inventory(()), NoNames(), lambda: NOW, StoredMemory(world.store))
    first = estate.opened()
    first.keep("told", {"a": [1]})
    assert first.recall("told") == {"a": [1]}
    assert estate.opened().recall("told") is None
    world.recorder.record(Run("network", KEY, {}, NOW, NOW, (fine(),), kept=first.kept), NOW + HOUR)
    assert estate.opened().recall("told") == {"a": [1]}
