"""What every check has to survive: each of its operations failing in turn, four ways.

Nothing may turn green, become 0 or resolve for it. A test module of a check offers a World as `WORLD`, in which its
check finds at least one thing wrong; tests/checks/test_blindness.py does the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.base import LIVE
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Check, Json, Kind, LookFailed, Outcome, Owner, Reading, Scope
from daemon.record import Recorder, Run
from daemon.runner import CheckPlan, Runner
from daemon.store import Store
from tests.aws.fake import Answers, FakeAws, Fault
from tests.aws.places import ACCOUNT, NAME, NOW, REGION, fake_place

WAYS = (Fault.DENIED, Fault.THROTTLED, Fault.TIMEOUT, Fault.EMPTY)
LATER = timedelta(hours=6)
POLICY = Policy(Routes("C0000000001"))


@dataclass(frozen=True)
class World:
    """Answers in which a check finds something wrong, and something right.

    *spare*: operations whose answer can be had in another way too, so that their failure may change nothing.
    """

    answers: Answers
    owners: Mapping[str, Owner] = field(default_factory=dict)
    memory: Mapping[str, Json] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    account: str = ACCOUNT
    region: str = REGION
    now: datetime = NOW
    spare: frozenset[tuple[str, str]] = frozenset()
    scope: Scope | None = None  # of a check that has several
    regions: tuple[str, ...] = ()

    def prove(self, check: Check, folder: Path) -> None:
        """Raise AssertionError where *check* takes blindness for health. *folder* is for stores."""
        good, asked = self._good(check)
        clock, fake = [self.now], FakeAws(self.answers)
        with Store.open(folder / "barograph.db", lambda: clock[0]) as store:
            for service, operation in sorted(asked):
                for way in WAYS:
                    with fake.failing(service, operation, way):
                        bad, failure = _readings(check, self._place(check, fake))
                    spare = (service, operation) in self.spare
                    judge(good, bad, failure, f"{service} {operation} {way}", may_be_spared=spare)
                    self._recorded(check, service, operation, way, store, clock, fake)

    def _place(self, check: Check, fake: FakeAws) -> Any:
        return fake_place(
            check, fake, account=self.account, region=self.region, now=self.now, owners=self.owners,
            memory=self.memory, labels=self.labels, scope=self.scope, regions=self.regions,
        )  # fmt: skip

    def _good(self, check: Check) -> tuple[Mapping[str, Reading], set[tuple[str, str]]]:
        fake = FakeAws(self.answers)
        readings = tuple(check.run(self._place(check, fake)))
        unasked = set(self.answers) - fake.asked
        assert not unasked, f"WORLD answers what the check never asks: {sorted(unasked)}"
        outcomes = {reading.outcome for reading in readings}
        assert outcomes >= {Outcome.HEALTHY, Outcome.UNHEALTHY}, "WORLD must hold something right and something wrong"
        assert Outcome.UNKNOWN not in outcomes, "in WORLD itself everything can be seen"
        assert all(reading.verdict in check.verdicts for reading in readings), "a verdict that the check does not name"
        return _by_resource(readings), fake.asked

    def _recorded(
        self,
        check: Check,
        service: str,
        operation: str,
        way: Fault,
        store: Store,
        clock: list[datetime],
        fake: FakeAws,
    ) -> None:
        """Look well, then blindly, through the real runner, recorder and store."""
        plan = CheckPlan(NAME, check, lambda labels: LATER, timedelta(minutes=5))
        runner = Runner({NAME: plan}, Recorder(store, POLICY), lambda: clock[0])
        clock[0] += LATER
        runner.run_and_record(NAME, self._place(check, fake))
        live = {one.fingerprint for one in store.incidents(LIVE)}
        seen_at = {row.resource: (row.good_at, row.values) for row in _rows(store)}
        clock[0] += LATER
        with fake.failing(service, operation, way):
            after = runner.run_and_record(NAME, self._place(check, fake))
        failing = f"{service} {operation} {way}"
        _unharmed(store, after, live, seen_at, failing)
        told = [one for one in store.incidents(LIVE) if one.kind is Kind.MONITORING]
        assert len(told) == 1 or (service, operation) in self.spare, f"{failing}: {len(told)} incidents tell of it"


def _readings(check: Check, place: Any) -> tuple[tuple[Reading, ...], LookFailed | None]:
    readings: list[Reading] = []
    try:
        readings.extend(check.run(place))
    except LookFailed as failure:
        return (), failure  # as the runner does: a look that ends with an error has no readings
    return tuple(readings), None


def _by_resource(readings: tuple[Reading, ...]) -> Mapping[str, Reading]:
    assert len({reading.resource for reading in readings}) == len(readings), "two readings of one resource"
    return {reading.resource: reading for reading in readings}


def judge(
    good: Mapping[str, Reading],
    bad: tuple[Reading, ...],
    failure: LookFailed | None,
    failing: str,
    *,
    may_be_spared: bool = False,
) -> None:
    """Every reading is as it was, or UNKNOWN; one that is not there is behind an UNKNOWN one, or behind the failure."""
    unknown = {reading.resource for reading in bad if reading.outcome is Outcome.UNKNOWN}
    told = failure is not None or bool(unknown)
    assert told or may_be_spared, f"{failing}: nothing tells that it could not look"
    for reading in bad:
        before = good.get(reading.resource)
        if reading.outcome is not Outcome.UNKNOWN and reading.resource not in unknown:
            assert reading == before, f"{failing}: {reading.resource} is judged, and otherwise than before"
        if reading.outcome is Outcome.UNKNOWN:
            known = set(before.values.items()) if before is not None else set()
            new = dict(set(reading.values.items()) - known)
            assert new == {}, f"{failing}: {reading.resource} has values although it could not be seen"
    missing = set(good) - {reading.resource for reading in bad}
    assert told or not missing, f"{failing}: {sorted(missing)} are gone without a word"


def _rows(store: Store) -> list[Any]:
    with store.read() as reader:
        return reader.readings(NAME)


def _unharmed(
    store: Store,
    after: Run,
    live: set[str],
    seen_at: Mapping[str, tuple[datetime | None, Mapping[str, float]]],
    failing: str,
) -> None:
    """No incident ended; and a value that could not be renewed is as old as it is."""
    ended = live - {one.fingerprint for one in store.incidents(LIVE)}
    assert not ended, f"{failing}: {len(ended)} incidents ended although nobody looked"
    renewed = {one.resource for one in after.readings if one.outcome is not Outcome.UNKNOWN}
    renewed -= {one.resource for one in after.readings if one.outcome is Outcome.UNKNOWN}
    rows = {row.resource: row for row in _rows(store)}
    assert set(seen_at) <= set(rows), f"{failing}: readings are gone"
    for resource, (good_at, values) in seen_at.items():
        row = rows[resource]
        if resource not in renewed:
            assert (row.good_at, row.values) == (good_at, values), f"{failing}: {resource} looks as if it were renewed"
            assert row.stale or row.outcome is Outcome.UNKNOWN, f"{failing}: {resource} passes for fresh"
