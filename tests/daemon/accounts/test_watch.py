"""The whole way over moto: an organization's accounts are looked at, and given up when they are closed."""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from alerts.base import LIVE, Incident, IncidentState
from alerts.policy import Policy
from alerts.routes import Routes
from checks import discover
from checks.base import Kind, Outcome
from daemon.accounts.watch import CHECK, PLACE, SOONER, AccountsWatch
from daemon.app import Running, serve
from daemon.cli import cli
from daemon.config import load
from daemon.eyes import Eyes, open_eyes
from daemon.inventory.model import Inventory
from daemon.orders import STOP
from daemon.record import Recorder, StoredMemory
from daemon.repository.tree import Tree
from daemon.runner import Runner
from daemon.store import Store, open_reader
from tests.aws.places import seed
from tests.aws.sample import Sample
from tests.worlds import Proxy, client, recording_proxy

HOUR = timedelta(hours=1)
REGION = "eu-west-1"
CONFIG = """
source: {{kind: atmos, path: .}}
aws:
  region: eu-west-1
  endpoint_url: {url}
  discovery:
    role_arn: arn:aws:iam::{{account}}:role/sweep
    regions: [eu-west-1]
    organization: {{exclude: [master], stage_tags: stage, owner_tags: owner}}
"""


@dataclass
class Clock:
    """A clock that moves when told."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Crank:
    """A scheduler that starts nothing by itself."""

    jobs: dict[str, datetime] = field(default_factory=dict)

    def at(self, job_id: str, when: datetime, function: Callable[[], None], *, pool: str = "default") -> None:
        self.jobs[job_id] = when

    def cancel(self, job_id: str) -> None:
        self.jobs.pop(job_id, None)

    def waiting(self) -> Mapping[str, datetime]:
        return dict(self.jobs)


@pytest.fixture
def organization(moto: str) -> Any:
    """A client of a management account with an organization; its accounts are made by each test."""
    found = client("organizations", moto)
    with suppress(found.exceptions.AlreadyInOrganizationException):
        found.create_organization(FeatureSet="ALL")
    return found


def account(organization: Any, name: str, **tags: str) -> str:
    """A new account of the organization, by its id."""
    made = organization.create_account(
        AccountName=name, Email=f"{uuid.uuid4()}@example.com",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )  # fmt: skip
    return str(made["CreateAccountStatus"]["AccountId"])


@dataclass
class Bench:
    """What the daemon has of accounts, put together, with a clock of the test."""

    eyes: Eyes
    store: Store
    clock: Clock
    recorder: Recorder
    runner: Runner
    crank: Crank = field(default_factory=Crank)

    def __post_init__(self) -> None:
        self.watch = AccountsWatch(self.eyes.directory, self.recorder, self.clock, self.sync)
        self.watch.begin()

    def sync(self) -> None:
        places = self.eyes.places(Inventory(()), Tree(Path()))
        self.runner.sync(places, self.crank, complete=False, fate=self.eyes.fate)

    def hour(self) -> datetime:
        self.clock.now += HOUR
        return self.watch.refresh()

    def watched(self) -> set[str]:
        return set(self.eyes.places(Inventory(()), Tree(Path()))["sample"])

    def look(self, key: str) -> None:
        place = self.eyes.places(Inventory(()), Tree(Path()))["sample"][key]
        self.runner.run_and_record("sample", place)

    def incidents(self, kind: Kind) -> list[Incident]:
        return [one for one in self.store.incidents() if one.kind is kind]


@contextmanager
def bench(folder: Path, url: str, clock: Clock) -> Iterator[Bench]:
    """A process of the daemon over the store of *folder*."""
    path = folder / "barograph.yml"
    path.write_text(CONFIG.format(url=url))
    config = load(path, {}, {"sample": Sample})
    with (
        Store.open(folder / "b.db", clock) as store,
        open_eyes(config, folder / "scratch", {}, clock, StoredMemory(store)) as eyes,
    ):
        recorder = Recorder(store, Policy(Routes("C0000000001")))
        yield Bench(eyes, store, clock, recorder, Runner(eyes.plans, recorder, clock))


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the daemon finds in its environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def proxy(moto: str) -> Iterator[Proxy]:
    with recording_proxy(moto) as made:
        yield made


DENIED = (400, b'{"__type": "AccessDeniedException", "Message": "canary"}')


def test_a_closed_account_is_retired_with_its_reason(organization: Any, proxy: Proxy, tmp_path: Path) -> None:
    """After two listings that say so, over a restart between them; its neighbour is watched on."""
    clock = Clock()
    keep, close = (account(organization, name, stage="dev", owner="crew") for name in ("keep", "close"))
    seed(proxy.url, "ec2", account=close).create_volume(AvailabilityZone=f"{REGION}a", Size=8, Encrypted=False)
    with bench(tmp_path, proxy.url, clock) as first:
        assert first.hour() == clock.now + HOUR
        assert {f"{keep}/{REGION}", f"{close}/{REGION}"} <= first.watched()
        first.look(f"{close}/{REGION}")
        [found] = first.incidents(Kind.SECURITY_VIOLATION)
        assert (found.labels["account_name"], found.labels["stage"], found.labels["owner"]) == (
            "close", "development", "crew"
        )  # fmt: skip
        organization.close_account(AccountId=close)
        first.hour()
        assert f"{close}/{REGION}" not in first.watched()
        assert [one.state for one in first.incidents(Kind.SECURITY_VIOLATION)] == [found.state]
        closed = {one.resource: one for one in first.store.readings(CHECK)}[close]
        assert (closed.outcome, closed.verdict) == (Outcome.NOT_APPLICABLE, "closed")
    with bench(tmp_path, proxy.url, clock) as second:
        assert f"{keep}/{REGION}" in second.watched()
        assert f"{close}/{REGION}" not in second.watched()
        second.hour()
        [gone] = second.incidents(Kind.SECURITY_VIOLATION)
        with second.store.read() as reader:
            last = reader.transitions(gone.fingerprint)[-1]
        assert gone.state is IncidentState.RETIRED
        assert f"account {close} is not watched any more: it is " in last.reason
        assert f"{keep}/{REGION}" in second.watched()


def test_a_list_that_fails_retires_nothing_and_is_told(organization: Any, proxy: Proxy, tmp_path: Path) -> None:
    """For a day, over restarts: the last list is used, an incident says so, and it ends when the list is back."""
    clock = Clock()
    one = account(organization, "one")
    seed(proxy.url, "ec2", account=one).create_volume(AvailabilityZone=f"{REGION}a", Size=8, Encrypted=False)
    with bench(tmp_path, proxy.url, clock) as first:
        first.hour()
        first.look(f"{one}/{REGION}")
        before = first.watched()
    proxy.answer = lambda call: DENIED if call.target.endswith("ListAccounts") else None
    for _ in range(3):
        with bench(tmp_path, proxy.url, clock) as again:
            for _ in range(4):
                assert again.hour() == clock.now + SOONER
            assert again.watched() == before
            [blind] = again.incidents(Kind.MONITORING)
            assert (blind.check, blind.place, blind.state in LIVE) == (CHECK, PLACE, True)
            assert "the accounts of the organization are not listed, and the list of 20" in blind.summary
            assert "canary" not in blind.summary
            assert [each.state in LIVE for each in again.incidents(Kind.SECURITY_VIOLATION)] == [True]
    proxy.answer = lambda call: None
    with bench(tmp_path, proxy.url, clock) as last:
        last.hour()
        assert [each.state in LIVE for each in last.incidents(Kind.MONITORING)] == [False]


def wait_for(done: Callable[[], bool], what: str) -> None:
    """Wait until something is so that other threads bring about."""
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_the_daemon_watches_what_it_finds(organization: Any, moto: str, tmp_path: Path) -> None:
    """Without any inventory: accounts are found, looked at, and one that is new is looked at after the next list."""
    one = account(organization, "one")
    off = "".join(f"  {name}: {{enabled: false}}\n" for name in discover() if name != "network")
    path = tmp_path / "barograph.yml"
    path.write_text(CONFIG.format(url=moto) + f"store: {{path: b.db}}\nweb: {{listen: '127.0.0.1:0'}}\nchecks:\n{off}")
    commands: Any = queue.SimpleQueue()
    ready: queue.SimpleQueue[Running] = queue.SimpleQueue()
    daemon = threading.Thread(target=serve, args=(path, commands), kwargs={"on_ready": ready.put}, daemon=True)
    daemon.start()
    running = ready.get(timeout=60)

    def looked_at() -> set[str]:
        with open_reader(tmp_path / "b.db") as reader:
            return {job.place for job in reader.jobs() if job.check == "network" and job.last_end is not None}

    def idle() -> bool:
        """No thread of a look is left that goes on into other tests."""
        with open_reader(tmp_path / "b.db") as reader:
            return not any(job.running for job in reader.jobs())

    try:
        wait_for(lambda: f"{one}/{REGION}" in looked_at(), "the account is looked at")
        new = account(organization, "new")
        running.refresh()
        wait_for(lambda: f"{new}/{REGION}" in looked_at(), "the new account is looked at")
        wait_for(idle, "every look ends")
    finally:
        commands.put(STOP)
        daemon.join(60)
    assert not daemon.is_alive()


def test_one_look_says_which_accounts_it_could_not_list(organization: Any, proxy: Proxy, tmp_path: Path) -> None:
    """`barograph check` has no earlier list to go by: that nothing was looked at is no success."""
    proxy.answer = lambda call: DENIED if call.target.endswith("ListAccounts") else None
    path = tmp_path / "barograph.yml"
    path.write_text(CONFIG.format(url=proxy.url))
    done = CliRunner().invoke(cli, ["check", "backups", "-c", str(path), "--json"])
    report = json.loads(done.stdout)
    assert done.exit_code == 3
    [blind] = [one for one in report["could_not_look"] if one["place"] == "organization"]
    assert "the role lacks organizations:ListAccounts" in blind["reason"]
    assert "no account of it was ever listed" in blind["reason"]
