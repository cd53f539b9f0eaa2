"""The unmanaged check at a region and at an account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.base import UNMANAGED, Check, Kind, Outcome, Reading, Scope
from checks.strays import lists, once
from checks.strays.model import Accepted
from checks.unmanaged import Unmanaged
from tests.aws.blind import World
from tests.aws.fake import Answers, FakeAws, Fault
from tests.aws.places import ACCOUNT, NOW, REGION, fake_place, moto_place, seed
from tests.checks.strays.world import GLOBAL, OLD, OWNERS, REGIONAL, STACK, VIEW, arn, instance

AT = f"{ACCOUNT}/{REGION}"
LATER = date(2031, 12, 31)


def look(
    changed: Answers | None = None, *, check: Unmanaged | None = None, answers: Answers = REGIONAL, **place: Any
) -> dict[str, Reading]:
    """The readings by resource, each with a verdict that the check declares, and JSON for evidence."""
    asking = check or Unmanaged()
    where = fake_place(asking, {**answers, **(changed or {})}, **{"owners": OWNERS, **place})
    found = list(asking.run(where))
    for reading in found:
        assert reading.verdict in Unmanaged.verdicts, reading.verdict
        assert set(reading.values) <= set(Unmanaged.measures)
        json.dumps([reading.evidence, *(dict(one.evidence) for one in reading.findings)])
    by_resource = {reading.resource: reading for reading in found}
    assert len(by_resource) == len(found)
    return by_resource


def account(changed: Answers | None = None, **more: Any) -> dict[str, Reading]:
    return look(changed, answers=GLOBAL, scope=Scope.ACCOUNT, region="us-east-1", **more)


def strays(found: dict[str, Reading]) -> dict[str, list[str]]:
    """Kind -> the names of what is told."""
    return {
        str(reading.evidence["type"]): [one["name"] for one in reading.evidence["resources"]]
        for reading in found.values()
        if reading.verdict == "unmanaged"
    }


def test_what_no_state_holds_and_nobody_else_made_is_told_by_kind() -> None:
    """One resource of each kind that is nobody's, and nothing that AWS or a controller made."""
    assert strays(look()) == {
        "athena:workgroup": ["hand"],
        "cloudformation:stack": ["legacy"],
        "ec2:elastic-ip": ["eipalloc-1"],
        "ec2:instance": ["i-stray"],
        "ec2:internet-gateway": ["igw-loose"],
        "ec2:natgateway": ["nat-1"],
        "ec2:network-acl": ["acl-changed"],
        "ec2:network-interface": ["eni-loose"],
        "ec2:route-table": ["rtb-own"],
        "ec2:security-group": ["sg-also", "sg-default", "sg-wizard"],
        "ec2:subnet": ["subnet-used"],
        "ec2:volume": ["vol-added", "vol-loose"],
        "ec2:vpc": ["vpc-default"],
        "ec2:vpc-endpoint": ["vpce-1"],
        "ecs:cluster": ["main"],
        "elasticache:cluster": ["alone"],
        "elasticloadbalancing:classic": ["old"],
        "elasticloadbalancing:loadbalancer": ["web"],
        "kms:key": ["loose"],
        "lambda:function": ["f"],
        "logs:log-group": ["app"],
        "rds:db": ["default-db"],
        "secretsmanager:secret": ["token"],
        "sqs:queue": ["jobs"],
        "states:stateMachine": ["billing"],
    }


def test_what_an_account_has_once_is_told_at_the_account() -> None:
    """Service-linked roles, those of Identity Center and those of a stack in a watched region are somebody's."""
    found = account(regions=(REGION,))
    assert strays(found) == {
        "globalaccelerator:accelerator": ["1"],
        "iam:group": ["devs"],
        "iam:policy": ["p"],
        "iam:role": ["hand-made"],
        "iam:user": ["ann"],
        "route53:hostedzone": ["example.com."],
        "s3:bucket": ["notes"],
    }
    roles = found[f"{ACCOUNT}/iam:role"]
    assert roles.evidence["of_others"] == {"AWS": 1, "IAM Identity Center": 1, "CloudFormation stack legacy": 1}


def test_who_made_what_is_nobodys_is_said() -> None:
    """Each parent by name, with how much of it is there; and how much of a kind Terraform holds."""
    found = look()
    instances = found[f"{AT}/ec2:instance"]
    assert instances.evidence["of_others"] == {"Auto Scaling group web": 1, "eks.amazonaws.com": 1}
    assert instances.values == {
        "resources": 1.0, "resources_managed": 1.0, "resources_of_others": 2.0, "resources_accepted": 0.0,
        "resources_new": 0.0, "managed_ratio": 0.5,
    }  # fmt: skip
    tables = found[f"{AT}/dynamodb:table"]
    assert (tables.verdict, tables.evidence["of_others"]) == ("managed", {"CloudFormation stack legacy": 1})
    assert found[f"{AT}/ec2:volume"].evidence["of_others"] == {
        "instance i-stray": 1, "Kubernetes volume claim data": 1, "instance i-managed": 1,
    }  # fmt: skip
    assert f"{AT}/backup:backup-vault" not in found, "what every account comes with has no reading of its own"


def test_one_finding_names_all_of_a_kind() -> None:
    """A thousand stray instances are one thing to hear about, with a bounded list."""
    many = [instance(f"i-{number:04}") for number in range(1000)]
    answers = {("ec2", "describe_instances"): {"Reservations": [{"OwnerId": ACCOUNT, "Instances": many}]}}
    reading = look(answers)[f"{AT}/ec2:instance"]
    (finding,) = reading.findings
    assert (finding.kind, finding.owner, finding.evidence["number"]) == (Kind.COMPLIANCE, UNMANAGED, 1000)
    assert len(finding.addresses) == len(finding.evidence["resources"]) == 200
    assert finding.summary == (
        f"no Terraform state holds 1000 ec2:instance in {AT}: i-0000, i-0001, i-0002, i-0003, i-0004 and 995 more"
    )
    assert finding.evidence["resources"][0] == {
        "arn": arn("ec2", "instance/i-0000"), "name": "i-0000", "created": OLD.isoformat()
    }  # fmt: skip


def test_without_every_state_nothing_is_called_unmanaged() -> None:
    """And AWS is not even asked: whatever it lists may be in the state that nobody could read."""
    fake = FakeAws(REGIONAL)
    (reading,) = Unmanaged().run(fake_place(Unmanaged, fake, owners=OWNERS, states_read=False))
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "states_not_read")
    assert fake.calls == []
    assert reading.look_again_in is not None


def test_what_is_new_has_time_to_get_into_a_state() -> None:
    """By the date of the list, else by when it was first seen; what was there at the first look is not new."""
    young = instance("i-young", LaunchTime=NOW - timedelta(hours=2))
    answers = {("ec2", "describe_instances"): {"Reservations": [{"OwnerId": ACCOUNT, "Instances": [young]}]}}
    found = look(answers, memory={"since": {}})
    assert found[f"{AT}/ec2:instance"].verdict == "managed"
    assert found[f"{AT}/ec2:instance"].evidence["new"] == [arn("ec2", "instance/i-young")]
    assert found[f"{AT}/sqs:queue"].values["resources_new"] == 1.0, "a queue says no date, and was not there before"
    assert look(answers)[f"{AT}/sqs:queue"].verdict == "unmanaged", "at the first look nobody knows since when"


def test_a_restart_makes_nothing_new() -> None:
    """An instance's date is that of its last start: one that was known before keeps its age."""
    started = instance("i-stray", LaunchTime=NOW - timedelta(minutes=5))
    answers = {("ec2", "describe_instances"): {"Reservations": [{"OwnerId": ACCOUNT, "Instances": [started]}]}}
    known = {arn("ec2", "instance/i-stray"): OLD.timestamp()}
    assert look(answers, memory={"since": known})[f"{AT}/ec2:instance"].verdict == "unmanaged"


def test_what_is_kept_is_what_is_nobodys_with_its_age() -> None:
    """What could not be seen keeps its age; what is in a state by now is forgotten."""
    fake = FakeAws(REGIONAL)
    before = {"arn:of:old": 5.0, arn("sqs", "jobs"): 7.0}
    place = fake_place(Unmanaged, fake, owners=OWNERS, memory={"since": before})
    list(Unmanaged().run(place))
    assert place.kept["since"][arn("sqs", "jobs")] == 7.0
    assert "arn:of:old" not in place.kept["since"]
    assert arn("rds", "db:orders") not in place.kept["since"]
    with fake.failing("sqs", "list_queues", Fault.DENIED):
        place = fake_place(Unmanaged, fake, owners=OWNERS, memory={"since": before})
        list(Unmanaged().run(place))
    assert place.kept["since"]["arn:of:old"] == 5.0


def test_more_than_can_be_remembered_is_told_all_the_same() -> None:
    """Else what does not fit would be new at every look, and never told."""
    urls = [f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue-{number}" for number in range(2500)]
    fake = FakeAws({**REGIONAL, ("sqs", "list_queues"): {"QueueUrls": urls}})
    check, kept = Unmanaged(types=("sqs:*",), explorer=False), None
    for _ in range(3):
        place = fake_place(check, fake, owners=OWNERS, memory=kept)
        found = {one.resource: one for one in check.run(place)}
        assert found[f"{AT}/sqs:queue"].values["resources"] == 2500.0
        kept = place.kept
    assert len(place.kept["since"]) == 2000


def test_what_somebody_accepted_is_not_told_until_its_day_is_over() -> None:
    """By name, kind, tag or account; an accepted one counts, and one whose day is over is told with the old reason."""
    rule = Accepted("the old shop", "web", LATER, resource="i-stray")
    found = look(check=Unmanaged(ignore=(rule,)))[f"{AT}/ec2:instance"]
    assert (found.verdict, found.values["resources_accepted"]) == ("managed", 1.0)
    over = Accepted("the old shop", "web", NOW.date() - timedelta(days=1), resource="i-stray")
    (finding,) = look(check=Unmanaged(ignore=(over,)))[f"{AT}/ec2:instance"].findings
    assert finding.evidence["expired_ignores"] == [over.label]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"type": "states:*"}, False),
        ({"tag": "team"}, False),
        ({"tag": "team=mon*"}, False),
        ({"tag": "team=web"}, True),
        ({"resource": "bill*", "type": "states:stateMachine"}, False),
        ({"resource": "billing", "account": "2*"}, True),
        ({"type": "sqs:*"}, True),
    ],
)
def test_a_rule_is_about_what_fits_all_it_says(rule: dict[str, str], told: bool) -> None:
    """Each part of an ignore rule narrows it."""
    found = look(check=Unmanaged(ignore=(Accepted("why", "who", LATER, **rule),)))
    assert (found[f"{AT}/states:stateMachine"].verdict == "unmanaged") is told


@pytest.mark.parametrize("wrong", [{"reason": " "}, {"owner": ""}, {}, {"resource": "**"}])
def test_a_rule_without_reason_owner_or_subject_is_refused(wrong: dict[str, str]) -> None:
    """A list of exceptions that anybody may be on is none."""
    with pytest.raises(ValueError, match="ignored needs"):
        Accepted(**{"reason": "why", "owner": "who", "expires": LATER, **wrong})  # type: ignore[arg-type]  # a table


def test_types_and_tags_narrow_what_is_looked_at() -> None:
    """What no pattern fits is not asked for; a tag of another tool makes a resource somebody's."""
    fake = FakeAws(REGIONAL)
    check = Unmanaged(types=("sqs:*", "states:*"), tags=("team=money",))
    found = {one.resource: one for one in check.run(fake_place(check, fake, owners=OWNERS))}
    assert strays(found) == {"sqs:queue": ["jobs"]}
    assert found[f"{AT}/states:stateMachine"].evidence["of_others"] == {"who sets the tag team=money": 1}
    assert ("ec2", "describe_instances") not in fake.asked


def test_resource_explorer_is_asked_for_pages_and_not_trusted_to_be_whole() -> None:
    """A page of 1,000 has no second one; what the view leaves out, or that it is off, is said."""
    fake = FakeAws(REGIONAL)
    list(Unmanaged().run(fake_place(Unmanaged, fake, owners=OWNERS)))
    asked = [call.parameters for call in fake.calls if call.operation == "list_resources"]
    assert len(asked) == 2
    assert all(one["MaxResults"] < 1000 for one in asked)
    filtered = look({("resource-explorer-2", "get_view"): {
        "View": {"ViewArn": VIEW, "Filters": {"FilterString": "tag:env=prod"}}}})  # fmt: skip
    assert any("by a filter" in one for one in filtered[f"{AT}/resources"].evidence["limits"])
    creating = look({("resource-explorer-2", "get_index"): {"State": "CREATING"}})
    assert creating[f"{AT}/explorer"].verdict == "explorer_off"
    assert "athena:workgroup" not in strays(creating)


def test_resource_explorer_can_be_left_out() -> None:
    """With `explorer: false` it is not asked."""
    fake = FakeAws(REGIONAL)
    list(Unmanaged(explorer=False).run(fake_place(Unmanaged, fake, owners=OWNERS)))
    assert not any(service == "resource-explorer-2" for service, _ in fake.asked)


def test_an_index_that_still_lists_what_is_gone_adds_nothing_to_a_kind_with_its_own_list() -> None:
    """A terminated instance that tags still name, and one that Resource Explorer remembers, are not there."""
    row = {"Arn": arn("ec2", "instance/i-ghost"), "Region": REGION, "OwningAccountId": ACCOUNT}
    found = look({("resource-explorer-2", "list_resources"): {"Resources": [row]}})
    assert strays(found)["ec2:instance"] == ["i-stray"]


def test_a_nested_stack_and_one_of_a_stack_set_are_their_parents() -> None:
    """Only the stack that somebody made is told."""
    made = {"CreationTime": OLD, "StackStatus": "CREATE_COMPLETE"}
    rows = [
        {"StackName": "nested", "StackId": STACK.replace("legacy", "nested"), "ParentId": STACK, **made},
        {"StackName": "StackSet-base-1", "StackId": STACK.replace("legacy", "StackSet-base-1"), **made},
        {"StackName": "legacy", "StackId": STACK, **made},
    ]
    found = look({("cloudformation", "describe_stacks"): {"Stacks": rows}})[f"{AT}/cloudformation:stack"]
    assert found.evidence["of_others"] == {"CloudFormation StackSets": 1, "CloudFormation stack legacy": 1}


def test_a_short_grace_is_refused() -> None:
    """What is known of a state can be an hour old: sooner, every apply would look like somebody's hand."""
    with pytest.raises(ValueError, match="at least 1h"):
        Unmanaged(grace=timedelta(minutes=30))


def test_over_moto_a_new_account_holds_nothing_of_anybody_and_what_is_made_is_found(moto: str) -> None:
    """With real answers; moto's CloudFormation does not run without further packages, so it is not asked."""
    made = {
        "ec2:volume": seed(moto, "ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"],
        "sqs:queue": seed(moto, "sqs").create_queue(QueueName="stray")["QueueUrl"].rpartition("/")[2],
        "kms:key": seed(moto, "kms").create_key()["KeyMetadata"]["KeyId"],
        "iam:role": seed(moto, "iam").create_role(RoleName="stray", AssumeRolePolicyDocument="{}")["Role"]["RoleName"],
        "s3:bucket": "stray-of-nobody",
    }
    where = {"LocationConstraint": REGION}
    seed(moto, "s3").create_bucket(Bucket="stray-of-nobody", CreateBucketConfiguration=where)
    region, whole = (moto_place(Unmanaged, moto, scope=scope) for scope in (Scope.REGION, Scope.ACCOUNT))
    found = [
        (one.kind, one.name)
        for place, listings in ((region, lists.REGIONAL), (whole, once.GLOBAL))
        for listing in listings
        if listing.service != "cloudformation"
        for one in listing.things(place)
        if not one.maker
    ]
    assert sorted(found) == sorted(made.items())


@dataclass(frozen=True)
class InParts:
    """The check at a region and at an account, a few kinds at a time: each look asks for all of its kinds."""

    kinds: int = 15

    def prove(self, check: Check, folder: Path) -> None:
        """As World.prove(), of every kind at its place."""
        for name, listings, answers, place in (
            ("region", lists.REGIONAL, REGIONAL, {}),
            ("account", once.GLOBAL, GLOBAL, {"region": "us-east-1", "scope": Scope.ACCOUNT, "regions": (REGION,)}),
        ):
            own = {(one.service, one.operation) for one in listings}
            for start in range(0, len(listings), self.kinds):
                part = listings[start : start + self.kinds]
                check = Unmanaged(types=(*(one.kind for one in part), "athena:*"))
                fake = FakeAws(answers)
                where: dict[str, Any] = {"owners": OWNERS, **place}
                list(check.run(fake_place(check, fake, **where)))
                below = folder / f"{name}-{start}"
                below.mkdir()
                World({key: answer for key, answer in answers.items() if key in fake.asked}, **where).prove(
                    check, below
                )
                own -= fake.asked
            assert own == set(), f"nobody proves {sorted(own)}"


WORLD = InParts()
