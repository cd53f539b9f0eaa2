"""Who likely did it, from CloudTrail's list to the message and the page: the real checks, store and recorder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.base import Incident, IncidentState
from alerts.render import View, incident_message
from checks.base import Fact, Finding, Json, Kind, Outcome, Reading
from checks.estate import Seen
from daemon.estate import stored
from daemon.record import Recorder, Run
from daemon.store import Store
from daemon.suspects import BEFORE, NOBODY, UNNAMED, UNREAD, Suspects, name_later
from daemon.web import create_app
from tests.aws.blind import POLICY
from tests.aws.places import ACCOUNT, NOW, REGION
from tests.checks.test_access import Watch
from tests.checks.trail.history import ANN, ROOT, History, assumed, event, sso, user
from tests.daemon.web.world import World as Pages
from tests.daemon.web.world import browsing

HOUR = timedelta(hours=1)
AT = f"{ACCOUNT}/{REGION}"
GROUP = "aws_security_group.this"
LABELS = {"stack": "acme-prod", "component": "web", "stage": "production", "account": ACCOUNT}
PLACE = "acme-prod/web"
INGRESS = ("AWS::EC2::SecurityGroup", "sg-0123456789abcdef0")


@dataclass
class Held:
    """What the states hold."""

    by_address: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = field(
        default_factory=lambda: {(PLACE, GROUP): (("", INGRESS[1]),)}
    )

    def names(self, key: str, address: str) -> tuple[tuple[str, str], ...]:
        return self.by_address.get((key, address), ())


class World:
    """A store, and looks of the checks `drift` and `access` as time goes on."""

    def __init__(self, store: Store, history: History) -> None:
        self.store, self.watch = store, Watch(history)
        self.watched: dict[tuple[str, str], Mapping[str, str]] = {("access", AT): {"account": ACCOUNT}}
        self.held = Held()
        self.suspects = Suspects(store, self.seen, self.held)
        self.recorder = Recorder(store, POLICY, self._stored, self.suspects.named)

    @property
    def now(self) -> datetime:
        return self.watch.history.now

    def seen(self, check: str) -> Sequence[Seen]:
        return stored(self.store, lambda: self.watched, lambda: self.now)(check)

    def _stored(self, run: Run | None) -> None:
        if run is not None:
            name_later(self.suspects, self.recorder, run, self.now)

    def access(self, after: timedelta = timedelta(0)) -> None:
        readings = tuple(self.watch.look(after).values())
        run = Run("access", AT, {"account": ACCOUNT}, self.now, self.now, readings)
        self.recorder.record(run, self.now + HOUR)

    def drift(self, *findings: Finding, after: timedelta = timedelta(0), check: str = "drift") -> None:
        self.watch.history.now += after
        outcome, verdict = (Outcome.UNHEALTHY, "drift") if findings else (Outcome.HEALTHY, "in_sync")
        reading = Reading(PLACE, outcome, verdict, "as it says", findings)
        self.recorder.record(Run(check, PLACE, LABELS, self.now, self.now, (reading,)), self.now + HOUR)

    def incident(self, kind: Kind = Kind.DRIFT) -> Incident:
        [found] = [one for one in self.store.incidents() if one.kind is kind and one.check != "access"]
        return found

    def who(self, kind: Kind = Kind.DRIFT) -> Json:
        return self.incident(kind).evidence.get("who")


def drifted(*facts: Fact, kind: Kind = Kind.DRIFT, address: str = GROUP) -> Finding:
    return Finding(kind, "drift", "something was changed by hand", frozenset(facts), addresses=(address,))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    stores: list[Store] = []

    def world(*events: Mapping[str, Any]) -> World:
        history = History(*events)
        store = Store.open(tmp_path / f"{len(stores)}.db", lambda: history.now)
        stores.append(store.__enter__())
        return World(stores[-1], history)

    yield world
    for store in stores:
        store.__exit__(None, None, None)


def opened(hours: float = 1, name: str = "AuthorizeSecurityGroupIngress", **more: Any) -> dict[str, Any]:
    """An event so many hours after the first look."""
    return event(name, ago=-hours * HOUR, **{"resources": [INGRESS], **more})


def test_a_change_by_hand_names_who_made_it_in_message_and_on_the_pages(make: Any) -> None:
    """Seen in sync, changed, found: the event between names him, with what, how and when."""
    world = make(opened())
    world.drift()
    world.access(2 * HOUR)
    world.drift(drifted(), after=HOUR)
    told = (
        f"role/Admin/{ANN}, 2026-03-02 13:00 UTC (ec2:AuthorizeSecurityGroupIngress by cli from 198.51.100.7)"
    )  # fmt: skip
    assert world.who() == [told]
    assert world.incident().evidence["unchanged_until"] == NOW.isoformat()
    message = incident_message(world.incident(), View(), world.now)
    assert "Likely by: role/Admin/" in message["text"]
    pages = Pages(world.store, world.now)
    with browsing(create_app(pages.deps())) as browser:
        for path in (f"/instances/{PLACE}", f"/incidents/{world.incident().fingerprint}"):
            assert "13:00 UTC (ec2:AuthorizeSecurityGroupIngress" in browser.get(path).text, path


def test_a_name_that_somebody_chose_is_escaped_and_bounded(make: Any) -> None:
    """The name of a session is whatever its owner likes: markup, mentions, a secret."""
    hostile = "<script>alert(1)</script><!channel>"
    world = make(opened(identity=sso("Admin", session=hostile)))
    world.drift()
    world.access(2 * HOUR)
    world.drift(drifted(), after=HOUR)
    message = incident_message(world.incident(), View(), world.now)
    assert "<!channel>" not in message["text"]
    with browsing(create_app(Pages(world.store, world.now).deps())) as browser:
        for path in (f"/instances/{PLACE}", f"/incidents/{world.incident().fingerprint}"):
            assert "<script>alert(1)" not in browser.get(path).text


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], NOBODY),
        ([opened(-1)], NOBODY),  # before it was last seen as it should be
        ([opened(resources=[("AWS::EC2::SecurityGroup", "sg-0fffffffffffffff0")])], NOBODY),
        ([opened(identity=sso("acme-terraform-apply"))], NOBODY),
        ([opened(name="DescribeSecurityGroups", write=False, identity=ROOT, username="root")], NOBODY),
        ([assumed("AdminRole", user("bob"), ago=-HOUR, resources=[INGRESS])], NOBODY),
    ],
)
def test_nobody_is_named_for_a_guess(make: Any, events: list[Mapping[str, Any]], expected: str) -> None:
    """Too early, something else, a deployment, only read, a role merely taken on: "not known", in words."""
    world = make(*events)
    world.drift()
    world.access(2 * HOUR)
    world.drift(drifted(), after=HOUR)
    assert world.who() == expected
    assert f"Likely by: {expected}" in incident_message(world.incident(), View(), world.now)["text"]


def test_what_was_so_at_the_first_look_is_nobodys(make: Any) -> None:
    """Nobody knows when it began, so who touched it yesterday may have had nothing to do with it."""
    world = make(opened(-1))
    world.access()
    world.drift(drifted())
    assert world.who() == BEFORE
    world.drift(drifted(), after=HOUR)
    assert world.who() == BEFORE


def test_what_nobody_could_read_is_not_called_nobody(make: Any) -> None:
    """An account whose events are not read, and a resource that no state names."""
    world = make()
    world.watch.labels = {"stage": "development"}
    world.drift()
    world.access(HOUR)
    world.drift(drifted(), after=HOUR)
    assert world.who() == UNREAD
    world.held.by_address = {}
    world.drift(drifted(), after=HOUR)
    assert world.who() == UNNAMED


def test_without_the_check_nothing_is_said(make: Any) -> None:
    """Where CloudTrail is not read at all, a line on each message would tell nobody anything."""
    world = make()
    world.watched = {}
    world.drift()
    world.drift(drifted(), after=HOUR)
    assert "who" not in world.incident().evidence


def test_who_is_named_once_cloudtrail_lists_it(make: Any) -> None:
    """A plan that is quicker than CloudTrail: the incident learns it at the next look of `access`, and says so once."""
    world = make(opened())
    world.drift()
    world.access(timedelta(minutes=30))
    world.drift(drifted(), after=HOUR)
    assert world.who() == NOBODY
    world.access(HOUR)
    assert world.who()[0].startswith(f"role/Admin/{ANN}")
    with world.store.read() as reader:
        told = reader.transitions(world.incident().fingerprint)
    assert [one.reason.partition(";")[0] for one in told] == [
        "seen for the first time", "who likely did it is known now",
    ]  # fmt: skip
    world.access(HOUR)
    world.drift(drifted(), after=HOUR)
    assert world.incident().seq == 2, "what is known already is no news"


def test_who_was_known_stays_known_when_the_trail_has_moved_on(make: Any) -> None:
    """Three days later the case is over; that somebody did it is not. What happens next is another matter."""
    world = make(opened())
    world.drift()
    world.access(2 * HOUR)
    world.drift(drifted(), after=HOUR)
    named = world.who()
    world.access(timedelta(days=8))
    world.access(HOUR)
    world.drift(drifted(), after=HOUR)
    assert world.who() == named
    world.drift(after=HOUR)
    assert world.incident().state is IncidentState.RESOLVED
    world.access(HOUR)
    world.drift(drifted())
    assert world.who() == NOBODY


def test_what_is_no_change_by_hand_has_nobody(make: Any) -> None:
    """What the code has pending is not anybody's doing in the console."""
    world = make(opened())
    world.drift()
    world.access(2 * HOUR)
    world.drift(drifted(Fact.NOT_DRIFT), after=HOUR)
    assert "who" not in world.incident().evidence


def test_a_security_violation_names_who_opened_it(make: Any) -> None:
    """Of another check too, whose findings have ARNs; a name counts within its own service and account only."""
    group = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{INGRESS[1]}"
    world = make(opened(), opened(2, identity=user("bob"), username="bob", resources=[("AWS::S3::Bucket", "logs")]))
    world.drift(check="security")
    world.access(3 * HOUR)
    world.drift(drifted(kind=Kind.SECURITY_VIOLATION, address=group), after=HOUR, check="security")
    [who] = world.who(Kind.SECURITY_VIOLATION)
    assert who.startswith(f"role/Admin/{ANN}")


def test_an_account_elsewhere_is_not_asked(make: Any) -> None:
    """The same id in the events of another account is another thing."""
    world = make(opened())
    world.drift(check="security")
    world.access(2 * HOUR)
    elsewhere = f"arn:aws:ec2:{REGION}:222222222222:security-group/{INGRESS[1]}"
    world.drift(drifted(kind=Kind.SECURITY_VIOLATION, address=elsewhere), after=HOUR, check="security")
    assert world.who(Kind.SECURITY_VIOLATION) == UNREAD


def test_a_mistake_in_it_loses_no_run(make: Any) -> None:
    """Whatever cannot be joined, the drift itself is recorded and told."""
    world = make()

    def broken(check: str) -> Sequence[Seen]:
        raise RuntimeError(check)

    world.recorder = Recorder(world.store, POLICY, enriched=Suspects(world.store, broken, world.held).named)
    world.drift()
    world.drift(drifted(), after=HOUR)
    assert world.incident().state is IncidentState.OPEN
