"""The compliance check at a region and at an account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checks.base import Check, Kind, Outcome, Reading, Scope
from checks.compliance import Compliance
from checks.comply.model import Exemption
from checks.comply.rules import Naming, RequiredTag
from tests.aws.blind import World
from tests.aws.fake import Answers, Call, FakeAws, Fault
from tests.aws.places import ACCOUNT, NOW, REGION, fake_place, moto_place, seed
from tests.checks.comply.world import (
    ANSWERS,
    CDN,
    DEV,
    GLOBAL,
    GROUP,
    LB,
    LOOKED,
    OWNERS,
    PROD,
    SERVICES,
    at,
    service,
)  # fmt: skip


class AtAccount(Compliance):
    """The same check, for the places that tests make by a check's scope."""

    scope: ClassVar[Scope] = Scope.ACCOUNT


def arn(kind: str, name: str) -> str:
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/{name}"


def look(
    changed: Answers | None = None, *, check: Compliance | None = None, answers: Answers = ANSWERS, **place: Any
) -> dict[str, Reading]:
    """The readings by resource, each with a verdict that the check declares, JSON for evidence, and no measure."""
    asking = check or Compliance()
    given = {"owners": OWNERS, "memory": {"seen_off": LOOKED}, **place}
    found = list(asking.run(fake_place(asking, {**answers, **(changed or {})}, **given)))
    for reading in found:
        assert reading.verdict in Compliance.verdicts, reading.verdict
        assert reading.values == {}, "a stack is counted once, at the estate"
        json.dumps([reading.evidence, *(dict(one.evidence) for one in reading.findings)])
    by_resource = {reading.resource: reading for reading in found}
    assert len(by_resource) == len(found)
    return by_resource


def stack(found: Mapping[str, Reading], name: str, where: str = f"{ACCOUNT}/{REGION}") -> Reading:
    return found[f"{where}/stack/{name}"]


def failed(reading: Reading, word: str = "failed") -> dict[str, list[str]]:
    """Rule -> the resources of which it says *word*."""
    rules = reading.evidence["compliance"]["rules"]
    return {rule: [name for name, _ in counts[word]] for rule, counts in rules.items() if counts.get(word)}


def test_production_is_held_against_what_is_expected_of_it() -> None:
    """Each kind of resource by what AWS says of it."""
    found = stack(look(), "acme-prod")
    assert failed(found) == {
        "encryption": [arn("volume", "vol-1")],
        "log_retention": [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/old"],
        "multi_az": [GROUP, "arn:db:main"],
        "deletion_protection": [LB],
        "rollback": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/main/stays"],
        "alarms": [
            "arn:aws:dynamodb:eu-west-1:111111111111:table/orders",
            *(f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/main/{name}" for name in ("blue", "rolls", "stays")),
            f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs",
            "arn:cache",
            "arn:cluster:aurora",
            "arn:db:member",
        ],
    }
    assert (found.outcome, found.verdict, found.findings) == (Outcome.UNHEALTHY, "gaps", ())
    passed = {
        rule: counts["passed"] for rule, counts in found.evidence["compliance"]["rules"].items() if counts["passed"]
    }
    assert passed == {
        "encryption": 5,
        "log_retention": 1,
        "flow_logs": 1,
        "load_balancer_logs": 1,
        "audit_logs": 1,
        "alarms": 3,
        "multi_az": 4,
        "deletion_protection": 3,
        "rollback": 2,
    }


def test_development_that_runs_at_night() -> None:
    """An instance by its start; a database by the look of last night, which did not see it."""
    found = stack(look(), "acme-dev")
    assert failed(found) == {"shutdown": [arn("instance", "i-1")]}
    seen = {"seen_off": {**LOOKED, "arn:db:play": LOOKED["looked"]}}
    assert failed(stack(look(memory=seen), "acme-dev"))["shutdown"] == [arn("instance", "i-1"), "arn:db:play"]


def test_a_look_at_night_is_kept_for_the_day() -> None:
    """And the look by day comes again when working hours are over."""
    night = NOW.replace(hour=23)
    place = fake_place(Compliance(), ANSWERS, owners=OWNERS, now=night)
    found = {one.resource: one for one in Compliance().run(place)}
    assert set(place.kept["seen_off"]) == {"looked", "arn:db:play"}
    assert failed(stack(found, "acme-dev"))["shutdown"] == [arn("instance", "i-1"), "arn:db:play"]
    assert found[f"{ACCOUNT}/{REGION}/resources"].look_again_in is None
    day = look()[f"{ACCOUNT}/{REGION}/resources"].look_again_in
    assert day is not None
    assert NOW + day == NOW.replace(hour=21, minute=5)


def test_nobody_looked_at_night_yet() -> None:
    """Then nobody knows, and the stack has no score."""
    found = stack(look(memory={}), "acme-dev")
    assert found.outcome is Outcome.UNKNOWN
    assert failed(found, "not_known") == {"shutdown": ["arn:db:play"]}


def test_what_no_state_holds_is_counted_by_itself() -> None:
    """Where all states were read; where not, nobody can say whose it is."""
    found = look(owners={})
    assert {one for one in found if "/stack/" in one} == {f"{ACCOUNT}/{REGION}/stack/unmanaged"}
    assert stack(found, "unmanaged").evidence["compliance"]["stack"] == ""
    nobody = look(owners={}, states_read=False)
    (reading,) = (one for name, one in nobody.items() if "/stack/" in name)
    assert reading.outcome is Outcome.UNKNOWN
    assert reading.evidence["compliance"]["known"] is False
    assert "states could not all be read" in reading.summary


CHECK = Compliance(
    tags=(RequiredTag("Owner", types=("rds:*", "eks:*", "elasticloadbalancing:*", "sqs:*", "ec2:volume")),),
    naming=(Naming(("sqs:queue",), r"acme-.*"),),
)


def test_tags_and_names_as_the_configuration_wants_them() -> None:
    """Tags as listed, and by ARN where a list has none; what no tag service names has none."""
    found = stack(look(check=CHECK), "acme-prod")
    assert failed(found)["tags"] == [f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs", "arn:cluster:aurora", "arn:db:member"]
    assert failed(found)["naming"] == [f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"]
    assert found.evidence["compliance"]["rules"]["tags"]["passed"] == 4


def test_a_rule_that_is_switched_off_says_why() -> None:
    """And is no gap."""
    check = Compliance(exemptions=(Exemption("multi_az", "moves in May", "platform", resource="main"),))
    found = stack(look(check=check), "acme-prod")
    assert failed(found, "off") == {"multi_az": ["arn:db:main"]}
    assert found.evidence["compliance"]["rules"]["multi_az"]["off"] == [["arn:db:main", "moves in May (platform)"]]


def test_an_exemption_of_no_rule_is_refused() -> None:
    """A slip of the pen would switch nothing off, and nobody would know."""
    with pytest.raises(ValueError, match="no rule fits multi-az"):
        Compliance(exemptions=(Exemption("multi-az", "x", "y"),))


@pytest.mark.parametrize(
    ("operation", "rules"),
    [
        (("elbv2", "describe_load_balancer_attributes"), ["deletion_protection", "load_balancer_logs"]),
        (("dynamodb", "describe_table"), ["deletion_protection"]),
        (("cloudwatch", "describe_alarms"), ["alarms"]),
        (("ec2", "describe_flow_logs"), ["flow_logs"]),
        (("eks", "describe_cluster"), ["audit_logs"]),
        (("codedeploy", "get_deployment_group"), ["rollback"]),
        (("resourcegroupstaggingapi", "get_resources"), ["tags"]),
    ],
)
def test_one_question_that_is_refused_spoils_the_rules_it_is_for(operation: tuple[str, str], rules: list[str]) -> None:
    """What it would have said is not known; the rest is as it was, and the stack has no score."""
    fake = FakeAws(ANSWERS)
    with fake.failing(*operation, Fault.DENIED):
        place = fake_place(CHECK, fake, owners=OWNERS, memory={"seen_off": LOOKED})
        found = {one.resource: one for one in CHECK.run(place)}
    reading = stack(found, "acme-prod")
    assert reading.outcome is Outcome.UNKNOWN
    assert list(failed(reading, "not_known")) == rules
    assert failed(reading)["encryption"] == [arn("volume", "vol-1")]
    assert any(one.kind is Kind.MONITORING for each in found.values() for one in each.findings)


def test_a_list_that_is_refused_spoils_every_score() -> None:
    """Any stack may have something in it."""
    fake = FakeAws(ANSWERS)
    with fake.failing("sqs", "list_queues", Fault.THROTTLED):
        place = fake_place(Compliance(), fake, owners=OWNERS, memory={"seen_off": LOOKED})
        found = {one.resource: one for one in Compliance().run(place)}
    assert {stack(found, name).outcome for name in ("acme-prod", "acme-dev")} == {Outcome.UNKNOWN}
    assert found[f"{ACCOUNT}/{REGION}/resources"].outcome is Outcome.UNKNOWN


def test_a_switch_that_aws_leaves_out_is_not_off() -> None:
    """Nobody knows."""
    bare = {
        "DBInstanceIdentifier": "main",
        "DBInstanceArn": "arn:db:main",
        "DBInstanceStatus": "available",
        "TagList": [],
    }
    found = stack(look({("rds", "describe_db_instances"): {"DBInstances": [bare]}}), "acme-prod")
    assert set(failed(found, "not_known")) == {"encryption", "multi_az", "deletion_protection"}


@pytest.mark.parametrize(
    ("expression", "covered"),
    [
        ('SELECT AVG(x) FROM SCHEMA("AWS/SQS", QueueName)', True),
        ('SELECT AVG(x) FROM "AWS/SQS" GROUP BY QueueName', True),
        ('SELECT AVG(x) FROM SCHEMA("AWS/SQSX", QueueName)', False),
        ("a + b", False),
    ],
)
def test_an_alarm_over_a_namespace_is_about_all_in_it(expression: str, covered: bool) -> None:
    """A query names no single queue."""
    alarms: Answers = {("cloudwatch", "describe_alarms"): {
        "MetricAlarms": [{"AlarmName": "q", "Metrics": [{"Id": "q", "Expression": expression}]}]}}  # fmt: skip
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
    assert (queue not in failed(stack(look(alarms), "acme-prod"))["alarms"]) is covered


@pytest.mark.parametrize(
    ("alarm", "covered"),
    [
        ({"Dimensions": [("ClusterName", "main"), ("ServiceName", "rolls")]}, True),
        ({"Dimensions": [("ClusterName", "other"), ("ServiceName", "rolls")]}, False),
        ({"Dimensions": [("ClusterName", "main")]}, False),
        ({"Dimensions": [("ClusterName", "main"), ("ServiceName", "rolls")], "ActionsEnabled": False}, False),
    ],
)
def test_an_alarm_is_about_a_service_of_its_own_cluster(alarm: dict[str, Any], covered: bool) -> None:
    """Names are given again in other clusters; and an alarm that tells nobody is none."""
    dimensions = [{"Name": name, "Value": value} for name, value in alarm["Dimensions"]]
    alarms = [{**alarm, "AlarmName": "a", "Namespace": "AWS/ECS", "Dimensions": dimensions}]
    found = stack(look({("cloudwatch", "describe_alarms"): {"MetricAlarms": alarms}}), "acme-prod")
    assert (SERVICES[0] not in failed(found)["alarms"]) is covered


def test_a_thing_of_another_service_with_the_same_name_is_not_the_owner() -> None:
    """Names are no identity: only ARNs and ids are."""
    found = look(owners={"jobs": DEV, "orders": DEV, "main": DEV})
    assert {one for one in found if "/stack/" in one} == {f"{ACCOUNT}/{REGION}/stack/unmanaged"}


def test_services_are_asked_ten_at_a_time() -> None:
    """All of them."""
    names = [f"s{n}" for n in range(25)]

    def described(call: Call) -> Mapping[str, Any]:
        assert len(call.parameters["services"]) <= 10
        return {"services": [service(name.rpartition(":")[2]) for name in call.parameters["services"]]}

    found = look(
        {
            ("ecs", "list_services"): [
                {"serviceArns": [f"arn:s:{name}" for name in names[:20]]},
                {"serviceArns": [f"arn:s:{name}" for name in names[20:]]},
            ],
            ("ecs", "describe_services"): described,
        },
        answers={key: value for key, value in ANSWERS.items() if key[0] != "codedeploy"},
        owners={**OWNERS, **dict.fromkeys((at("ecs", f"service/main/{name}") for name in names), PROD)},
    )
    assert len(failed(stack(found, "acme-prod"))["rollback"]) == 25


def account(changed: Answers | None = None, **place: Any) -> dict[str, Reading]:
    return look(
        changed,
        answers=GLOBAL,
        check=AtAccount(),
        **{"owners": {"arn:aws:s3:::data": PROD, CDN: PROD, "arn:aws:s3:::logs": PROD}, **place},
    )


def test_buckets_and_distributions_of_an_account() -> None:
    """A bucket that logs go to need not log; a distribution logs in the old way or in the new."""
    found = account()
    assert failed(stack(found, "acme-prod", ACCOUNT)) == {"bucket_logs": ["arn:aws:s3:::data"]}
    rules = stack(found, "acme-prod", ACCOUNT).evidence["compliance"]["rules"]
    assert {rule: counts["passed"] for rule, counts in rules.items()} == {"bucket_logs": 0, "cdn_logs": 1}
    unlogged = account({("logs", "describe_delivery_sources"): {"deliverySources": []}})
    assert failed(stack(unlogged, "acme-prod", ACCOUNT))["cdn_logs"] == [CDN]


def test_buckets_are_asked_in_their_own_region() -> None:
    """Elsewhere S3 would send one away."""
    fake = FakeAws(GLOBAL)
    list(AtAccount().run(fake_place(AtAccount(), fake, owners={})))
    assert {call.region for call in fake.calls if call.operation == "get_bucket_logging"} == {"eu-central-1"}


@dataclass(frozen=True)
class BothPlaces:
    """The worlds of a region and of an account, one after the other."""

    region: World = field(default_factory=lambda: World(ANSWERS, owners=OWNERS, memory={"seen_off": LOOKED}))
    account: World = field(
        default_factory=lambda: World(GLOBAL, owners={"arn:aws:s3:::data": PROD, CDN: PROD, "arn:aws:s3:::logs": DEV})
    )

    def prove(self, check: Check, folder: Path) -> None:
        """As World.prove(), at both; with rules for tags, that their reading is proved too."""
        self.region.prove(CHECK, folder / "region")
        self.account.prove(AtAccount(tags=(RequiredTag("Owner"),)), folder / "account")


WORLD = BothPlaces()


def test_over_moto(moto: str) -> None:
    """Real answers of instances, volumes, tables, queues and log groups."""
    mine = "333333333303"
    seed(moto, "ec2", account=mine).create_volume(Size=1, AvailabilityZone=f"{REGION}a", Encrypted=False)
    seed(moto, "sqs", account=mine).create_queue(QueueName="jobs")
    seed(moto, "logs", account=mine).create_log_group(logGroupName="/app")
    seed(moto, "dynamodb", account=mine).create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], DeletionProtectionEnabled=True,
    )  # fmt: skip
    check = Compliance()
    found = {one.resource: one for one in check.run(moto_place(check, moto, account=mine, now=datetime.now(UTC)))}
    rules = stack(found, "unmanaged", f"{mine}/{REGION}").evidence["compliance"]["rules"]
    assert len(rules["encryption"]["failed"]) == 1
    assert [name for name, _ in rules["log_retention"]["failed"]] == [f"arn:aws:logs:{REGION}:{mine}:log-group:/app"]
    assert rules["deletion_protection"]["passed"] == 1
