"""Empty lists rest for a day: said so, never fine for it, and ended by the first thing that is seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alerts.policy import Policy
from alerts.routes import Routes
from checks import discover
from checks.aws import EMPTY, VERDICTS, AwsPlace, guarded, looked
from checks.base import Check, Outcome, Reading, Scope
from daemon.aws import Account, AwsContext, AwsSettings, ClientPool, Identity, Sessions, places_of
from daemon.aws.iam import action_of
from daemon.aws.shared import SharedAnswers
from daemon.record import Recorder, StoredMemory
from daemon.runner import CheckPlan, Runner
from daemon.standing import standings
from daemon.store import Store
from daemon.tally import Result, tally
from tests.aws.fake import FakeAws, Fault, loader

ACCOUNT, REGION = "111111111111", "eu-west-1"
VOLUMES, DATABASES = ("ec2", "describe_volumes"), ("rds", "describe_db_instances")
HOUR = timedelta(hours=1)


class Stores(Check):
    """Looks at volumes, databases and trails; no trail is a finding elsewhere, so its list never rests."""

    iam: ClassVar[tuple[str, ...]] = ("ec2:DescribeVolumes", "rds:DescribeDBInstances", "cloudtrail:DescribeTrails")
    rests: ClassVar[tuple[str, ...]] = ("ec2:describe_volumes", "rds:describe_db_instances")
    verdicts: ClassVar[Mapping[str, str]] = VERDICTS

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        for name, look in (("volumes", self._volumes), ("databases", self._databases), ("trails", self._trails)):
            yield from guarded(f"{place.key}/{name}", f"which {name} there are", look, place)

    def _volumes(self, place: AwsPlace) -> Iterator[Reading]:
        yield looked(place, "volumes", len(place.shared(*VOLUMES, "Volumes")))

    def _databases(self, place: AwsPlace) -> Iterator[Reading]:
        yield looked(place, "databases", len(list(place.pages(*DATABASES, "DBInstances"))))

    def _trails(self, place: AwsPlace) -> Iterator[Reading]:
        yield looked(place, "trails", len(place.call("cloudtrail", "describe_trails")["trailList"]))


class OnlyStores(Stores):
    """All of whose lists rest."""

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        yield from self._volumes(place)
        yield from self._databases(place)


class World:
    """A store, a fake AWS, a clock; each look() is that of a daemon that was just started."""

    def __init__(self, folder: Path, check: type[Check] = Stores) -> None:
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.volumes: list[Mapping[str, Any]] = []
        self.fake = FakeAws({
            VOLUMES: lambda call: {"Volumes": self.volumes}, DATABASES: {"DBInstances": []},
            ("cloudtrail", "describe_trails"): {"trailList": []},
        })  # fmt: skip
        self.fake.accounts["key"] = ACCOUNT
        self.pool = ClientPool(Sessions(AwsSettings(), loader()), prepare=self.fake.prepare)
        self.check = check
        self.store = Store.open(folder / "b.db", lambda: self.now)
        self.context = self.fresh()

    def fresh(self) -> AwsContext:
        shared = SharedAnswers(ticks=lambda: self.now.timestamp())
        return AwsContext(self.pool, lambda: self.now, shared, memory=StoredMemory(self.store), strict=True)

    def look(self, *, restarted: bool = True, name: str = "stores") -> dict[str, tuple[str, str]]:
        """Look, and give the readings: (outcome, summary) by the last word of their resource."""
        if restarted:
            self.context = self.fresh()
        account = Account(ACCOUNT, (REGION,), identity=Identity("key", "secret"))
        [place] = places_of(name, self.check, (account,), None, self.context).values()
        plan = CheckPlan(name, self.check(), lambda labels: HOUR, HOUR)
        records = Recorder(self.store, Policy(Routes("C0000000001")))
        self.fake.calls.clear()
        run = Runner({name: plan}, records, lambda: self.now).run_and_record(name, place)
        assert run.failure is None
        return {one.resource.rpartition("/")[2]: (str(one.outcome), one.summary) for one in run.readings}

    @property
    def asked(self) -> list[str]:
        return sorted(call.operation for call in self.fake.calls)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with made.store:
        yield made


def test_an_empty_list_is_asked_for_once_a_day(world: World) -> None:
    """Beyond restarts; what may not rest is asked for at every look; a day later all is asked for again."""
    rest, every = ["describe_db_instances", "describe_trails", "describe_volumes"], ["describe_trails"]
    found = []
    for _ in range(26):
        world.look()
        found.append(world.asked)
        world.now += HOUR
    assert found == [rest, *[every] * 23, rest, every]


def test_a_list_that_rests_is_not_called_fine(world: World) -> None:
    """It is said what is skipped and when it was last looked at, from the first look on; the words stay the same."""
    words = "asked for at 2026-03-02 12:00 UTC, and again a day later"
    for _ in range(3):
        seen = world.look()
        assert seen["volumes"] == ("not_applicable", f"no volumes; {words}: ec2 describe_volumes eu-west-1")
        assert seen["databases"] == ("not_applicable", f"no databases; {words}: rds describe_db_instances eu-west-1")
        assert seen["trails"] == ("healthy", "0 trails")
        world.now += HOUR


def test_a_place_where_everything_rests_is_counted_as_skipped(tmp_path: Path) -> None:
    """Neither ok nor unknown, and the sum holds."""
    world = World(tmp_path, OnlyStores)
    with world.store:
        world.look()
        world.now += HOUR
        world.look()
        assert world.asked == []
        with world.store.read() as view:
            found = standings(view.jobs(), view.readings(), world.now)
    counted = tally([("stores", f"{ACCOUNT}/{REGION}")], found, ())
    assert counted.whole
    assert counted.results["stores"][Result.SKIPPED] == 1
    assert counted.results["stores"][Result.OK] == 0
    assert [one.outcome for one in found] == [Outcome.NOT_APPLICABLE]


def test_what_has_something_in_it_never_rests(world: World) -> None:
    """And a list that is emptied rests only after it was seen to be empty."""
    world.volumes = [{"VolumeId": "vol-1"}]
    for _ in range(3):
        assert world.look()["volumes"] == ("healthy", "1 volumes")
        world.now += HOUR
    world.volumes = []
    assert world.look()["volumes"][0] == "not_applicable"
    assert "describe_volumes" in world.asked
    world.now += HOUR
    world.look()
    assert "describe_volumes" not in world.asked
    world.volumes = [{"VolumeId": "vol-1"}]
    world.now += 24 * HOUR
    assert world.look()["volumes"] == ("healthy", "1 volumes")


def test_what_another_check_sees_ends_the_rest(world: World) -> None:
    """Within one process a region that comes into use is looked at by all as soon as one has seen it."""
    world.look(name="first")
    world.now += HOUR
    world.volumes = [{"VolumeId": "vol-1"}]
    assert world.look(restarted=False, name="second")["volumes"] == ("healthy", "1 volumes")
    world.now += HOUR
    assert world.look(restarted=False, name="first")["volumes"] == ("healthy", "1 volumes")


class Sleepless(Stores):
    """The same, but for lists that rest."""

    rests: ClassVar[tuple[str, ...]] = ()


def test_a_check_whose_lists_never_rest_ends_the_rest_too(world: World) -> None:
    """What it sees in a list is there for all."""
    world.look(name="first")
    world.now += HOUR
    world.volumes = [{"VolumeId": "vol-1"}]
    world.check = Sleepless
    assert world.look(restarted=False, name="second")["volumes"] == ("healthy", "1 volumes")
    world.now += HOUR
    world.check = Stores
    assert world.look(restarted=False, name="first")["volumes"] == ("healthy", "1 volumes")


def test_an_answer_that_others_asked_for_rests_from_when_it_was_asked_for(world: World) -> None:
    """Not from when it is used: what was seen in between is newer."""
    began = world.now
    world.look(name="first")
    world.now += timedelta(minutes=5)
    world.context.filled.note(ACCOUNT, f"ec2 describe_volumes {REGION}", world.now)
    world.now += timedelta(minutes=4)
    words = world.look(restarted=False, name="second")["volumes"][1]
    assert f"asked for at {began:%Y-%m-%d %H:%M} UTC" in words
    world.volumes = [{"VolumeId": "vol-1"}]
    world.now += HOUR
    assert world.look(restarted=False, name="second")["volumes"] == ("healthy", "1 volumes")


@pytest.mark.parametrize("fault", [Fault.DENIED, Fault.THROTTLED, Fault.TIMEOUT, Fault.EMPTY, Fault.MALFORMED])
def test_a_list_that_could_not_be_read_is_not_empty(world: World, fault: Fault) -> None:
    """It is unknown, nothing is learned, and the next look asks for it."""
    with world.fake.failing(*DATABASES, fault):
        assert world.look()["databases"][0] == "unknown"
    world.now += HOUR
    world.look()
    assert "describe_db_instances" in world.asked


def test_a_clock_set_back_lets_nothing_rest(world: World) -> None:
    """What was learned in the future was learned at a time that nobody can tell."""
    world.look()
    world.now -= 2 * HOUR
    world.look()
    assert world.asked == ["describe_db_instances", "describe_trails", "describe_volumes"]


def test_what_may_rest_is_a_list_that_the_check_may_ask_for() -> None:
    """Of every check: a real operation that is declared; and none of a check that judges what is not there."""
    session = Sessions(AwsSettings(), loader()).new()
    resting = {name: check for name, check in discover().items() if check.rests}
    assert resting
    for name, check in resting.items():
        assert Scope.ESTATE not in check.scopes(), f"{name} judges all places at once"
        assert EMPTY in check.verdicts
        for each in check.rests:
            service, _, method = each.partition(":")
            client = ClientPool(Sessions(AwsSettings(), loader()))
            with client.lease(service, REGION) as leased:
                operation = leased.meta.method_to_api_mapping[method]
            model = session.get_service_model(service)
            assert action_of(service, model.signing_name, operation) in check.iam


def test_where_something_may_have_changed_nothing_rests_and_no_answer_is_reused(world: World) -> None:
    """Of that region of that account; what was empty again rests again."""
    world.look()
    world.context.refresh("222222222222", REGION)
    world.context.refresh(ACCOUNT, "us-east-2")
    world.now += timedelta(minutes=2)
    world.look(restarted=False)
    assert world.asked == ["describe_trails"]
    world.context.refresh(ACCOUNT, REGION)
    world.volumes = [{"VolumeId": "vol-1"}]
    world.now += timedelta(minutes=2)
    assert world.look(restarted=False)["volumes"] == ("healthy", "1 volumes")
    world.now += timedelta(minutes=2)
    world.look(restarted=False)
    assert world.asked == ["describe_trails"]  # the databases rest, and what was shared two minutes ago still holds
