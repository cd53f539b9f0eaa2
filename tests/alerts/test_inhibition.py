"""What another incident tells of already: muted, kept, shown, and told when that has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.base import IncidentState
from alerts.inhibition import inhibitions
from checks.aws import AwsError, ErrorClass, could_not_look
from checks.base import Finding, Kind, Outcome, Reading, Tier
from daemon.desk import Desk
from daemon.record import Recorder, Run
from daemon.ticking import Ticker
from tests.alerts.build import NOW, POLICY, finding, incident
from tests.alerts.world import World, running

ACCOUNT, OTHER = "111111111111", "222222222222"
REFUSED = f"role_refused {ACCOUNT}"
HOUR = timedelta(hours=1)


def blind(mark: str, *, account: str = ACCOUNT, region: str = "", minutes: int = 1, **more: Any) -> Any:
    labels = {"account": account, "region": region}
    values: dict[str, Any] = {
        "fingerprint": mark, "kind": Kind.MONITORING, "key": "could_not_look", "check": "quotas", "labels": labels,
        "opened_at": NOW + timedelta(minutes=minutes), **more,
    }  # fmt: skip
    return incident(**values)


PARENT = blind("parent", cause=REFUSED, minutes=0)
OFF = blind("off", region="eu-west-1", cause=f"region_off {ACCOUNT} eu-west-1")
NOT_LOADED = blind("inventory", account="", check="inventory")
OF_COMPONENT: dict[str, Any] = {"labels": {"account": ACCOUNT, "component": "vpc"}}


@pytest.mark.parametrize(
    ("parents", "child", "muted"),
    [
        ([PARENT], blind("c"), True),
        ([PARENT], blind("c", region="us-east-1", cause="network s3:X 1"), True),
        ([PARENT], blind("c", cause=REFUSED), True),
        ([PARENT], PARENT, False),
        ([PARENT], blind("c", account=OTHER), False),
        ([PARENT], blind("c", kind=Kind.SECURITY_VIOLATION), False),
        ([PARENT], blind("c", kind=Kind.DRIFT, key="drift"), False),
        ([PARENT], blind("c", key="stale"), False),
        ([PARENT], blind("c", **OF_COMPONENT), False),
        ([PARENT], blind("c", cause=REFUSED, **OF_COMPONENT), True),
        ([OFF], blind("c", region="eu-west-1"), True),
        ([OFF], blind("c", region="eu-west-2"), False),
        ([OFF], blind("c"), False),
        ([OFF, PARENT], OFF, True),
        ([OFF, PARENT], PARENT, False),
        ([NOT_LOADED], blind("c", account="", check="repository"), True),
        ([NOT_LOADED], blind("c", **OF_COMPONENT), True),
        ([NOT_LOADED], blind("c", check="quotas"), False),
        ([NOT_LOADED], incident(), False),
        ([replace(PARENT, state=IncidentState.RESOLVED)], blind("c"), False),
        ([replace(PARENT, state=IncidentState.ACKNOWLEDGED)], blind("c"), True),
        ([replace(PARENT, cause="role_refused ")], blind("c"), False),
    ],
)
def test_what_is_muted(parents: list[Any], child: Any, muted: bool) -> None:
    """What says no more than that the account, the region or the repository is out of reach; never a finding."""
    assert any(each.fits(child) for each in inhibitions(parents)) is muted


CAUSES = [REFUSED, f"role_refused {OTHER}", f"region_off {ACCOUNT} a", f"region_off {OTHER} b", "network x", ""]


@given(st.lists(st.tuples(st.sampled_from(CAUSES), st.sampled_from([ACCOUNT, OTHER]), st.sampled_from("ab")),
                min_size=1, max_size=12))  # fmt: skip
def test_of_what_is_muted_somebody_tells(ones: list[tuple[str, str, str]]) -> None:
    """Whatever is muted, an incident mutes it that is not muted itself."""
    live = [
        blind(f"v1:{n}", account=account, region=region, cause=cause, minutes=n)
        for n, (cause, account, region) in enumerate(ones)
    ]
    found = inhibitions(live)
    told = {one.fingerprint for one in live if not any(each.fits(one) for each in found)}
    for one in live:
        by = [each.parent for each in found if each.fits(one)]
        assert not by or set(by) & told


def refused(account: str = ACCOUNT) -> Finding:
    error = AwsError(ErrorClass.ROLE_REFUSED, service="sts", operation="AssumeRole", account=account)
    return could_not_look("x", error, "anything").findings[0]


class Watching:
    """A recorder, a ticker and a desk on a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.recorder = Recorder(world.store, POLICY)
        self.ticker = Ticker(world.store, POLICY, world.clock)
        self.desk = Desk(world.store, POLICY, world.clock)

    def look(self, check: str, place: str, *found: Finding) -> None:
        outcome = Outcome.HEALTHY if not found else Outcome.UNKNOWN
        outcome = Outcome.UNHEALTHY if found and found[0].kind is not Kind.MONITORING else outcome
        reading = Reading(place, outcome, "v", "as it is", found)
        now = self.world.clock()
        labels = {"account": place.split("/", maxsplit=1)[0], "region": place.partition("/")[2]}
        self.recorder.record(Run(check, place, labels, now, now, (reading,)), now + HOUR)

    def tick(self) -> None:
        self.ticker.tick()
        self.world.work(5)

    @property
    def roots(self) -> list[str]:
        return [m.text for c in ("C-ops", "C-crit") for m in self.world.slack.messages(c) if not m.thread_ts]


def test_an_account_out_of_reach_is_one_message_and_its_findings_are_still_told(tmp_path: Path) -> None:
    """Sixty checks and regions say so; one is posted, the others are stored and shown with the reason."""
    with running(tmp_path) as world:
        it = Watching(world)
        it.look("security", f"{ACCOUNT}/r0")
        for n in range(60):
            it.look(f"check{n % 12}", f"{ACCOUNT}/r{n % 5}x{n}", refused())
        it.look("security", f"{ACCOUNT}/r0", finding("open to all", kind=Kind.SECURITY_VIOLATION, key="open"))
        it.tick()
        assert sum("could not look" in text for text in it.roots) == 1
        assert sum("open to all" in text for text in it.roots) == 1
        quiet = [one for one in world.store.incidents() if one.silence]
        assert len(quiet) == 59
        assert all(one.silence_note.startswith(f"muted while account {ACCOUNT} cannot be looked at") for one in quiet)
        with world.store.read() as view:
            assert len(view.hidden()) == 59
        assert it.desk.unsilence(quiet[0].fingerprint, "eve").refused


def test_what_is_still_open_when_the_reason_has_ended_is_told(tmp_path: Path) -> None:
    """The role works again, and one region is still not to be seen; what has ended meanwhile is never posted."""
    with running(tmp_path) as world:
        it = Watching(world)
        for check in ("accounts", "quotas", "backups"):
            it.look(check, ACCOUNT, refused())
        it.tick()
        assert len(it.roots) == 1
        denied = replace(refused(), cause="permission backup:ListVaults", summary="backup:ListVaults is denied")
        for check in ("accounts", "quotas"):
            it.look(check, ACCOUNT)
        it.look("backups", ACCOUNT, denied)
        it.tick()
        assert len(it.roots) == 2
        assert "backup:ListVaults is denied" in it.roots[1]
        assert [one.silence for one in world.store.incidents()] == ["", "", ""]
        with world.store.read() as view:
            assert sorted(row.outcome for row in view.hidden()) == ["resolved", "shown"]


def test_where_the_one_that_tells_has_ended_the_next_one_tells(tmp_path: Path) -> None:
    """A check that is switched off must not take the only message with it."""
    with running(tmp_path) as world:
        it = Watching(world)
        for check in ("accounts", "quotas", "backups"):
            it.look(check, ACCOUNT, refused())
        it.tick()
        it.recorder.retire("accounts", ACCOUNT, "the check is switched off", world.clock())
        it.tick()
        assert len(it.roots) == 2
        live = world.store.incidents([IncidentState.OPEN])
        assert sorted(bool(one.silence) for one in live) == [False, True]
        world.assert_exactly_once()


def test_what_was_told_before_is_edited_and_hears_no_more(tmp_path: Path) -> None:
    """It says itself what mutes it, and its deadline does not run."""
    with running(tmp_path) as world:
        it = Watching(world)
        it.look("backups", ACCOUNT, replace(refused(), cause="permission backup:ListVaults"))
        it.tick()
        it.look("quotas", ACCOUNT, refused())
        it.tick()
        world.clock.advance(25 * 3600)
        it.tick()
        muted = next(m for m in world.slack.messages("C-ops") if "could not look: backups" in m.text)
        assert "muted while account" in muted.text
        assert not [m for m in world.slack.messages("C-ops") if m.thread_ts == muted.ts]
        assert {one.tier for one in world.store.incidents()} == {Tier.WARNING}
