"""The access check: trails and events, look after look."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.base import LIVE, IncidentState
from alerts.tiers import tier_of
from checks.access import KEPT, Access
from checks.base import UNMANAGED, Fact, Json, Kind, Outcome, Owner, Reading, Scope, Tier
from checks.trail.looking import STEP
from daemon.record import Recorder
from daemon.runner import CheckPlan, Runner
from daemon.store import Store
from tests.aws.blind import POLICY, World
from tests.aws.fake import Answers, FakeAws, Fault
from tests.aws.places import ACCOUNT, NAME, NOW, REGION, fake_place, moto_place, seed
from tests.checks.trail.history import ANN, ROOT, SERVICE, History, assumed, event, sign_in, sso, user

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
EVENTS = f"{ACCOUNT}/{REGION}/events"
WEB = Owner("acme-prod", "web", "aws_security_group.this", "production", "team-web")


def trails(now: datetime = NOW, **more: Any) -> Answers:
    listed = {
        "Name": "audit", "TrailARN": TRAIL, "HomeRegion": REGION, "IsMultiRegionTrail": True,
        "LogFileValidationEnabled": True, "HasCustomEventSelectors": False,
    }  # fmt: skip
    status = {
        "IsLogging": True, "LatestDeliveryTime": now - HOUR, "LatestDigestDeliveryTime": now - HOUR,
        "StartLoggingTime": now - 90 * DAY,
    }  # fmt: skip
    return {
        ("cloudtrail", "describe_trails"): {"trailList": [listed]},
        ("cloudtrail", "get_trail_status"): {**status, **more},
    }


@dataclass
class Watch:
    """Looks at one region again and again, as time goes on; what is kept is kept."""

    history: History
    check: Access = field(default_factory=Access)
    memory: Mapping[str, Json] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=lambda: {"stage": "production"})
    fake: FakeAws = field(init=False)

    def __post_init__(self) -> None:
        self.fake = FakeAws({**trails(self.history.now), ("cloudtrail", "lookup_events"): self.history})

    def look(self, after: timedelta = timedelta(0), **more: Any) -> dict[str, Reading]:
        """Look, *after* the last time; give what it says of events, by resource."""
        self.history.now += after
        self.fake._answers.update(trails(self.history.now))
        place = fake_place(self.check, self.fake, now=self.history.now, memory=self.memory, labels=self.labels, **more)
        found = list(self.check.run(place))
        self.memory = {**self.memory, **place.kept}
        assert len({reading.resource for reading in found}) == len(found)
        for reading in found:
            assert reading.verdict in Access.verdicts
            assert set(reading.values) <= set(Access.measures)
            json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
        return {reading.resource: reading for reading in found if not reading.resource.endswith("/trails")}

    def cases(self, after: timedelta = timedelta(0), **more: Any) -> dict[str, Reading]:
        """The same, of cases only, by what stands behind the region's name."""
        prefix = f"{ACCOUNT}/{REGION}/"
        return {
            name.removeprefix(prefix): reading for name, reading in self.look(after, **more).items() if name != EVENTS
        }


def tier(reading: Reading, stage: str = "production") -> Tier:
    [finding] = reading.findings
    return tier_of(finding.kind, finding.facts, {"stage": stage}, reading.resource)[0]


def test_what_happened_is_told_with_who_when_what_and_from_where() -> None:
    """One case each, with its kind and tier."""
    watch = Watch(
        History(
            event("RunInstances", resources=[("AWS::EC2::Instance", "i-1")]),
            event("AuthorizeSecurityGroupIngress", resources=[("AWS::EC2::SecurityGroup", "sg-1")]),
            event("RunInstances", identity=sso("terraform")),
            event("RunInstances", identity=SERVICE),
            sign_in(ROOT),
            sign_in(user("bob"), mfa=False),
            sign_in(sso("ReadOnly")),
            assumed("OrganizationAccountAccessRole", user("bob"), username="bob"),
        )
    )
    found = watch.cases()
    assert {name: tier(reading) for name, reading in found.items()} == {
        f"change_by_hand/role/Admin/{ANN}/ec2/2026-03-02": Tier.INFO,
        f"sensitive_change/role/Admin/{ANN}/ec2/2026-03-02": Tier.CRITICAL,
        "root_use/root/198.51.100.7/2026-03-02": Tier.CRITICAL,
        "sign_in_without_mfa/user/bob/console/2026-03-02": Tier.CRITICAL,
        f"sign_in/role/ReadOnly/{ANN}/console/2026-03-02": Tier.INFO,
        "privileged_role/user/bob/OrganizationAccountAccessRole/2026-03-02": Tier.INFO,
    }
    [finding] = found[f"sensitive_change/role/Admin/{ANN}/ec2/2026-03-02"].findings
    assert finding.summary == (
        f"role/Admin/{ANN} changed access, exposure, keys or the audit trail by hand in ec2 on 2026-03-02"
        " from 198.51.100.7: AuthorizeSecurityGroupIngress"
    )
    assert finding.evidence["who"] == f"role/Admin/{ANN}"
    assert finding.evidence["events"][0]["at"] == (NOW - timedelta(minutes=10)).isoformat()
    assert finding.addresses == ("sg-1",)
    assert "AttributeKey=EventId" in finding.remedy
    assert Fact.ROOT_USE in found["root_use/root/198.51.100.7/2026-03-02"].findings[0].facts


def test_what_was_changed_is_joined_with_its_owner() -> None:
    """The owning stack decides tier and channel; what no state holds is unmanaged; a sign-in has no owner."""
    history = History(
        event("AuthorizeSecurityGroupIngress", resources=[("AWS::EC2::SecurityGroup", "sg-1")]), sign_in(user("bob"))
    )

    def owners(**more: Any) -> list[Owner | None]:
        return [reading.findings[0].owner for reading in Watch(history).cases(**more).values()]

    assert owners(owners={"sg-1": WEB}) == [WEB, None]
    assert owners() == [UNMANAGED, None]
    assert owners(states_read=False) == [None, None]
    [changed, _] = Watch(history).cases(owners={"sg-1": WEB}).values()
    assert changed.evidence["events"][0]["owned_by"] == {"sg-1": "acme-prod/web aws_security_group.this"}


def test_secrets_in_what_was_asked_are_kept_nowhere() -> None:
    """Neither in what is told nor in what is kept for the next look."""
    secret = event(
        "CreateUser", "iam", requestParameters={"password": "canary-1", "userName": "x"},
        responseElements={"accessKey": {"secretAccessKey": "canary-2"}}, userAgent="canary-3", errorMessage="canary-4",
    )  # fmt: skip
    watch = Watch(History(secret))
    found = watch.cases()
    assert found[f"sensitive_change/role/Admin/{ANN}/iam/2026-03-02"].evidence["events"][0]["parameters"] == [
        "password", "userName",
    ]  # fmt: skip
    assert "canary" not in repr(found) + json.dumps(watch.memory)


def test_an_event_is_told_once_however_often_it_is_listed() -> None:
    """The overlap lists it again; the case stays as it was, and so no message is edited."""
    watch = Watch(History(event("RunInstances")))
    first = watch.cases()
    assert [watch.cases(timedelta(minutes=m)) for m in (5, 30, 600)] == [first] * 3


def test_an_event_that_is_listed_late_is_not_lost() -> None:
    """CloudTrail lists most events after minutes, some after a quarter of an hour."""
    late = event("RunInstances", ago=timedelta(minutes=1), id="late")
    history = History(late)
    history.listed["late"] = NOW + timedelta(minutes=20)
    watch = Watch(history)
    assert watch.cases() == {}
    assert [reading.verdict for reading in watch.cases(timedelta(minutes=25)).values()] == ["change_by_hand"]
    assert [reading.values["changes_by_hand"] for reading in watch.cases(timedelta(minutes=5)).values()] == [1]


def test_more_of_the_same_grows_the_case_of_the_day() -> None:
    """Counted in place; the next day is another case."""
    history = History(event("RunInstances"))
    watch = Watch(history)
    watch.look()
    history.events.append(event("StopInstances", now=NOW + HOUR))
    [reading] = watch.cases(HOUR).values()
    assert reading.findings[0].summary.endswith("2 times on 2026-03-02 from 198.51.100.7: RunInstances, StopInstances")
    history.events.append(event("RunInstances", now=NOW + DAY))
    assert len(watch.cases(DAY)) == 2


def test_a_case_ends_with_a_word_when_nothing_more_came() -> None:
    """It stays open for three days, is said to be over once, and is then history."""
    watch = Watch(History(event("RunInstances")))
    watch.look()
    assert [reading.verdict for reading in watch.cases(2 * DAY).values()] == ["change_by_hand"]
    [over] = watch.cases(2 * DAY).values()
    assert (over.outcome, over.verdict) == (Outcome.HEALTHY, "over")
    assert watch.cases(HOUR) == {}


@pytest.mark.parametrize("fault", [Fault.DENIED, Fault.THROTTLED, Fault.TIMEOUT, Fault.EMPTY])
def test_what_could_not_be_read_is_read_at_the_next_look(fault: Fault) -> None:
    """The window does not move, nothing ends, and what is only remembered does not pass for seen."""
    history = History(event("RunInstances"))
    watch = Watch(history)
    before = watch.cases()
    history.events.append(event("StopInstances", now=NOW + HOUR))
    with watch.fake.failing("cloudtrail", "lookup_events", fault):
        blind = watch.look(10 * DAY)
    assert blind[EVENTS].outcome is Outcome.UNKNOWN
    assert "2026-03-02 12:00" in blind[EVENTS].summary
    assert {name: reading.outcome for name, reading in blind.items() if name != EVENTS} == {
        f"{ACCOUNT}/{REGION}/{name}": Outcome.UNKNOWN for name in before
    }
    found = watch.look(HOUR)
    assert found[EVENTS].outcome is Outcome.HEALTHY
    assert {name: reading.verdict for name, reading in found.items()} == {
        EVENTS: "read", **dict.fromkeys((f"{ACCOUNT}/{REGION}/{name}" for name in before), "over"),
    }  # fmt: skip
    assert json.loads(json.dumps(watch.memory[KEPT]))["cases"][0]["count"] == 2


def test_a_page_that_fails_moves_nothing() -> None:
    """Of 120 events the third page is refused: all of them are read at the next look, each once."""
    history = History(*(event("RunInstances", ago=timedelta(minutes=n)) for n in range(120)))
    watch = Watch(history)
    answer = history.__call__

    def refuse_the_third(call: Any) -> Mapping[str, Any]:
        if call.parameters.get("NextToken") == "50":
            watch.fake._faults["cloudtrail", "lookup_events"] = Fault.THROTTLED  # met by the page after this one
        return answer(call)

    watch.fake._answers["cloudtrail", "lookup_events"] = refuse_the_third
    blind = watch.look()
    assert {name: reading.outcome for name, reading in blind.items()} == {EVENTS: Outcome.UNKNOWN}
    watch.fake._faults.clear()
    watch.fake._answers["cloudtrail", "lookup_events"] = history
    [reading] = watch.cases(timedelta(minutes=1)).values()
    assert reading.values["changes_by_hand"] == 120


def test_less_is_asked_for_at_a_time_where_it_was_too_much() -> None:
    """A slice that is not read in time is halved at the next look, and whole again after one that ended."""
    watch = Watch(History())
    for times in (1, 2):
        with watch.fake.failing("cloudtrail", "lookup_events", Fault.TIMEOUT):
            watch.look(HOUR)
        assert json.loads(json.dumps(watch.memory[KEPT]))["step"] == STEP.total_seconds() / 2**times
    watch.look(HOUR)
    assert json.loads(json.dumps(watch.memory[KEPT]))["step"] is None


def test_what_was_read_before_a_failure_counts() -> None:
    """Slices that were read to their end stay read: a busy account gets on, look by look."""
    history = History(event("RunInstances", ago=20 * HOUR))
    watch = Watch(history)
    asked = history.__call__

    def fail_later(call: Any) -> Mapping[str, Any]:
        if call.parameters["StartTime"] >= NOW - 12 * HOUR:
            watch.fake._faults["cloudtrail", "lookup_events"] = Fault.THROTTLED
        return asked(call)

    watch.fake._answers["cloudtrail", "lookup_events"] = fail_later
    found = watch.look()
    assert found[EVENTS].outcome is Outcome.UNKNOWN
    assert [reading.verdict for name, reading in found.items() if name != EVENTS] == ["change_by_hand"]
    kept: Any = watch.memory[KEPT]
    assert NOW - 12 * HOUR <= datetime.fromisoformat(kept["mark"]) < NOW


def test_a_time_that_cloudtrail_lists_no_more_is_a_gap() -> None:
    """Switched off for four months: said, not skipped."""
    watch = Watch(History(event("RunInstances")))
    watch.look()
    found = watch.look(120 * DAY)
    assert (found[EVENTS].outcome, found[EVENTS].verdict) == (Outcome.UNHEALTHY, "gap")
    assert found[EVENTS].findings[0].kind is Kind.MONITORING
    assert watch.look(4 * DAY)[EVENTS].verdict == "read"


@pytest.mark.parametrize("ahead", [5 * HOUR, 400 * DAY])
@pytest.mark.parametrize("before", [(), (event("RunInstances", identity=user("bob"), id="bob"),)])
def test_a_clock_that_was_ahead_loses_no_event(ahead: timedelta, before: tuple[Any, ...]) -> None:
    """What happened since the last event is read when the clock is right again, and told once."""
    watch = Watch(History(*before))
    watch.look()
    watch.look(ahead)
    watch.history.events.append(event("RunInstances", ago=timedelta(0), id="new"))
    found = watch.cases(HOUR - ahead)
    new = [reading for name, reading in found.items() if ANN in name]
    assert [reading.values["changes_by_hand"] for reading in new] == [1]
    assert watch.cases(HOUR) == watch.cases(HOUR)


def test_failed_sign_ins_are_told_when_they_are_many() -> None:
    """Somebody who mistypes is nobody's business."""
    history = History(*(sign_in(user("bob"), well=False, ago=timedelta(minutes=n)) for n in range(9)))
    watch = Watch(history)
    assert watch.cases() == {}
    history.events.append(sign_in(user("bob"), well=False, now=NOW + HOUR))
    [reading] = watch.cases(HOUR).values()
    assert reading.findings[0].summary == "10 sign-ins of user/bob failed on 2026-03-02 from 198.51.100.7"


def test_only_production_is_read_unless_it_is_said() -> None:
    """An account whose stage nobody knows counts as production."""
    history = History(event("RunInstances"))
    assert Watch(history, labels={"stage": "development"}).look()[EVENTS].outcome is Outcome.NOT_APPLICABLE
    assert len(Watch(history, labels={}).cases()) == 1
    both = Access(stages=("production", "development"))
    assert len(Watch(history, both, labels={"stage": "development"}).cases()) == 1


def test_no_role_is_asked_for_where_none_is_privileged() -> None:
    """AssumeRole is the most frequent event of all."""
    history = History()
    Watch(history, Access(privileged_roles=())).look()
    assert {asked["LookupAttributes"][0]["AttributeValue"] for asked in history.asked} == {
        "false",
        "ConsoleLogin",
        "root",
    }


def test_global_events_are_read_once() -> None:
    """IAM and root sign in us-east-1: as a region where it is watched, else with the account."""
    history = History(event("CreateUser", "iam", identity=user("ann")))
    answers: Answers = {("cloudtrail", "lookup_events"): history}

    def look(*regions: str) -> dict[str, str]:
        place = fake_place(Access, answers, scope=Scope.ACCOUNT, region="us-east-1", regions=regions)
        return {reading.resource: reading.verdict for reading in Access().run(place)}

    assert look("us-east-1", REGION) == {f"{ACCOUNT}/events": "not_asked"}
    assert look(REGION) == {
        f"{ACCOUNT}/events": "read", f"{ACCOUNT}/sensitive_change/user/ann/iam/2026-03-02": "sensitive_change",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"failed_sign_ins": 0}, "failed_sign_ins must be"),
        ({"open_for": timedelta(hours=1)}, "open_for must be"),
        ({"first_look": timedelta(days=91)}, "first_look must be"),
    ],
)
def test_options_that_cannot_work_are_refused(more: dict[str, Any], told: str) -> None:
    """At the configuration."""
    with pytest.raises(ValueError, match=told):
        Access(**more)


# -- trails ---------------------------------------------------------------------------------------------------------


def trail_reading(answers: Answers, **more: Any) -> Reading:
    answers = {**answers, ("cloudtrail", "lookup_events"): History()}
    found = {reading.resource: reading for reading in Access().run(fake_place(Access, answers, **more))}
    return found[f"{ACCOUNT}/{REGION}/trails"]


def test_a_trail_that_records_and_delivers() -> None:
    """Healthy, with the time of its last delivery."""
    reading = trail_reading(trails())
    assert (reading.outcome, reading.verdict) == (Outcome.HEALTHY, "recorded")
    assert reading.values == {"trail_delivered_timestamp_seconds": (NOW - HOUR).timestamp()}


def test_a_region_without_a_trail_is_a_violation() -> None:
    """Also where one is listed that is switched off."""
    nothing: Answers = {("cloudtrail", "describe_trails"): {"trailList": []}}
    assert trail_reading(nothing).verdict == "not_recorded"
    assert tier(trail_reading(trails(IsLogging=False))) is Tier.CRITICAL


def test_a_trail_with_selectors_of_its_own_is_asked_what_it_takes_in() -> None:
    """In its home region; one that records only reads is no record of changes."""
    answers = dict(trails())
    [listed] = answers["cloudtrail", "describe_trails"]["trailList"]  # type: ignore[index,call-overload]  # a mapping here
    listed.update(HasCustomEventSelectors=True, HomeRegion="us-east-1")
    answers["cloudtrail", "get_event_selectors"] = {"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}
    fake = FakeAws({**answers, ("cloudtrail", "lookup_events"): History()})
    found = {reading.resource: reading for reading in Access().run(fake_place(Access, fake))}
    assert found[f"{ACCOUNT}/{REGION}/trails"].verdict == "not_recorded"
    assert [call.region for call in fake.calls if call.operation == "get_event_selectors"] == ["us-east-1"]


def test_an_organization_trail_that_cannot_be_asked_leaves_it_unknown() -> None:
    """It may be the one that records."""
    fake = FakeAws({**trails(), ("cloudtrail", "lookup_events"): History()})
    with fake.failing("cloudtrail", "get_trail_status", Fault.DENIED):
        found = {reading.resource: reading for reading in Access().run(fake_place(Access, fake))}
    assert found[f"{ACCOUNT}/{REGION}/trails"].outcome is Outcome.UNKNOWN


def test_moto_trails(moto: str) -> None:
    """Over HTTP: moto knows trails and their states, and no history of events."""
    account = "555566667777"
    seed(moto, "s3", account=account).create_bucket(
        Bucket="audit-555566667777", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    client = seed(moto, "cloudtrail", account=account)
    place = moto_place(Access, moto, account=account)
    client.create_trail(Name="audit", S3BucketName="audit-555566667777", IsMultiRegionTrail=True)

    def look() -> dict[str, Reading]:
        return {reading.resource: reading for reading in Access().run(moto_place(Access, moto, account=account))}

    assert look()[f"{place.key}/trails"].verdict == "not_recorded"
    client.start_logging(Name="audit")
    found = look()
    assert found[f"{place.key}/trails"].verdict == "not_validated"
    assert found[f"{place.key}/events"].outcome is Outcome.UNKNOWN


# -- through the recorder -------------------------------------------------------------------------------------------


def test_one_incident_from_its_first_event_to_its_last(tmp_path: Path) -> None:
    """Opened once, never resolved while CloudTrail could not be read, resolved when nothing more came."""
    history = History(event("AuthorizeSecurityGroupIngress", now=NOW + 2 * HOUR))
    fake = FakeAws({**trails(), ("cloudtrail", "lookup_events"): history})
    check = Access()
    with Store.open(tmp_path / "b.db", lambda: history.now) as store:
        recorder = Recorder(store, POLICY)
        plan = CheckPlan(NAME, check, lambda labels: HOUR, timedelta(minutes=5))
        runner = Runner({NAME: plan}, recorder, lambda: history.now)

        def look(after: timedelta) -> list[tuple[IncidentState, int]]:
            history.now += after
            fake._answers.update(trails(history.now))
            with store.read() as reader:
                row = reader.recall(NAME, f"{ACCOUNT}/{REGION}", KEPT)
            memory = {} if row is None else {KEPT: row}
            runner.run_and_record(NAME, fake_place(check, fake, now=history.now, memory=memory))
            return [(one.state, one.seq) for one in store.incidents() if one.kind is Kind.SECURITY_VIOLATION]

        assert look(timedelta(0)) == []
        assert look(3 * HOUR) == [(IncidentState.OPEN, 1)]
        assert look(HOUR) == [(IncidentState.OPEN, 1)]
        with fake.failing("cloudtrail", "lookup_events", Fault.DENIED):
            assert look(9 * DAY) == [(IncidentState.OPEN, 1)]
        assert look(HOUR) == [(IncidentState.RESOLVED, 2)]
        assert look(HOUR) == [(IncidentState.RESOLVED, 2)]
        assert {one.state for one in store.incidents(LIVE)} <= LIVE


WORLD = World(
    {
        **trails(),
        ("cloudtrail", "lookup_events"): History(
            event("AuthorizeSecurityGroupIngress", resources=[("AWS::EC2::SecurityGroup", "sg-1")], id="a"),
            sign_in(ROOT, id="b"),
        ),
    },
    labels={"stage": "production"},
)
