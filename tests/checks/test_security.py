"""The check of what is open, unencrypted or unguarded, at a region and at an account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks.base import Check, Fact, Kind, Outcome, Owner, Reading, Scope
from checks.security import Security
from tests.aws.blind import World
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import ACCOUNT, REGION, fake_place, moto_place, seed
from tests.checks.exposure.account_world import (
    BY_ALL,
    GLOBAL,
)
from tests.checks.exposure.world import REGIONAL, arn, balancer, group, interface, rule, search_domain

ROOT = arn("iam", "root", region="")


class BothPlaces:
    """A region, and an account as a whole."""

    def prove(self, check: Check, folder: Path) -> None:
        told = [["store_unencrypted", arn("ec2", "volume/vol-2")]]  # which Security Hub says too
        for name, world in (
            ("region", World(REGIONAL, memory={"told": told})),
            ("account", World(GLOBAL, region="us-east-1", scope=Scope.ACCOUNT)),
        ):
            (folder / name).mkdir()
            world.prove(check, folder / name)


WORLD = BothPlaces()


def global_place(answers: FakeAws | Mapping[tuple[str, str], Any], **more: Any) -> Any:
    """An account as a whole."""
    return fake_place(Security, answers, region="us-east-1", scope=Scope.ACCOUNT, **more)


# -- the region -------------------------------------------------------------------------------------------------------


def read(check: Check, place: Any) -> dict[str, Reading]:
    """The readings of one look, by resource."""
    found = list(check.run(place))
    assert len({one.resource for one in found}) == len(found)
    assert {one.verdict for one in found} <= set(check.verdicts)
    return {reading.resource: reading for reading in found}


def look(check: Check, answers: Mapping[tuple[str, str], Any], **more: Any) -> dict[str, Reading]:
    return read(check, fake_place(check, answers, **more))


def regional(check: Check | None = None, **changed: Any) -> dict[str, Reading]:
    """REGIONAL with answers of EC2 changed: `describe_volumes={…}`."""
    return look(check or Security(), {**REGIONAL, **{("ec2", name): answer for name, answer in changed.items()}})


def sg(name: str) -> str:
    return arn("ec2", f"security-group/{name}")


SSH = group("sg-1", rule("tcp", 22, 22, "0.0.0.0/0"))
WEB = group("sg-1", rule("tcp", 443, 443, "0.0.0.0/0"))
BALANCER = interface("sg-1", requester="amazon-elb")


@pytest.mark.parametrize(
    ("one", "interfaces", "options", "verdict"),
    [
        (SSH, [], {}, "unattached"),
        (SSH, [interface("sg-2")], {}, "unattached"),
        (SSH, [interface("sg-1")], {}, "group_open_sensitive"),
        (SSH, [interface("sg-2", "sg-1")], {}, "group_open_sensitive"),
        (SSH, [BALANCER], {}, "group_open_sensitive"),
        # A function's interface is an interface.
        (SSH, [interface("sg-1", kind="lambda")], {}, "group_open_sensitive"),
        (SSH, [interface("sg-1")], {"public_ports": (22,)}, "fine"),
        (SSH, [interface("sg-1")], {"sensitive_ports": ()}, "group_open"),
        (WEB, [BALANCER], {}, "fine"),
        (WEB, [interface("sg-1", kind="network_load_balancer")], {}, "fine"),
        (WEB, [interface("sg-1")], {}, "group_open"),
        # One machine that shares the group of a load balancer is reached as well.
        (WEB, [BALANCER, interface("sg-1")], {}, "group_open"),
        (WEB, [BALANCER], {"load_balancer_ports": (80,)}, "group_open"),
        (WEB, [interface("sg-1")], {"public_ports": (443,)}, "fine"),
    ],
)
def test_a_group_counts_where_something_uses_it(
    one: Any, interfaces: list[Any], options: dict[str, Any], verdict: str
) -> None:
    """Port 443 is open at load balancers, and port 22 nowhere."""
    found = regional(
        Security(**options),
        describe_security_groups={"SecurityGroups": [one]},
        describe_network_interfaces={"NetworkInterfaces": interfaces},
    )
    assert found[sg("sg-1")].verdict == verdict


def without(one: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return {key: value for key, value in one.items() if key != name}


def test_what_aws_leaves_out_is_not_known() -> None:
    """The rules of a group, the groups of an interface, the listeners of a load balancer: none is not "no"."""
    mute = regional(describe_security_groups={"SecurityGroups": [without(SSH, "IpPermissions")]})
    assert mute[sg("sg-1")].outcome is Outcome.UNKNOWN
    unused = regional(
        describe_security_groups={"SecurityGroups": [SSH]},
        describe_network_interfaces={"NetworkInterfaces": [without(interface("sg-1"), "Groups")]},
    )
    assert unused[f"{ACCOUNT}/{REGION}/security-groups"].outcome is Outcome.UNKNOWN
    assert sg("sg-1") not in unused
    classic = {("elb", "describe_load_balancers"): {"LoadBalancerDescriptions": [{"LoadBalancerName": "old"}]}}
    found = look(Security(), {**REGIONAL, **classic})
    assert found[arn("elasticloadbalancing", "loadbalancer/old")].outcome is Outcome.UNKNOWN


def test_a_group_that_other_accounts_may_use_is_used() -> None:
    """Their interfaces are nowhere to be seen from here."""
    shared = {"resources": [{"arn": sg("sg-1"), "type": "ec2:SecurityGroup"}]}
    answers: dict[tuple[str, str], Any] = {
        **REGIONAL,
        ("ec2", "describe_security_groups"): {"SecurityGroups": [SSH]},
        ("ec2", "describe_network_interfaces"): {"NetworkInterfaces": []},
        ("ram", "list_resources"): [{"resources": []}, shared],
    }
    assert look(Security(), answers)[sg("sg-1")].verdict == "group_open_sensitive"


def test_a_group_of_another_account_has_its_arn() -> None:
    """In a shared VPC groups of its owner are seen."""
    theirs = group("sg-1", rule("tcp", 22, 22, "0.0.0.0/0"), owner="222222222222")
    found = regional(
        describe_security_groups={"SecurityGroups": [theirs]},
        describe_network_interfaces={"NetworkInterfaces": [interface("sg-1")]},
    )
    assert arn("ec2", "security-group/sg-1", account="222222222222") in found


def test_a_prefix_list_that_cannot_be_read_is_not_empty() -> None:
    """The group is not known; others are judged."""
    fake = FakeAws(REGIONAL)
    place = fake_place(Security, fake)
    with fake.failing("ec2", "get_managed_prefix_list_entries", Fault.DENIED):
        found = {one.resource: one for one in Security().run(place)}
    assert found[sg("sg-listed")].outcome is Outcome.UNKNOWN
    assert found[sg("sg-open")].verdict == "group_open_sensitive"


def test_snapshots_that_the_account_took_back() -> None:
    """Their attribute still says "all", and nobody can restore them."""
    found = regional(get_snapshot_block_public_access_state={"State": "block-all-sharing"})
    assert not any(name.startswith("arn:aws:ec2:eu-west-1::snapshot/") for name in found)
    for state in ("unblocked", "block-new-sharing"):
        reading = regional(get_snapshot_block_public_access_state={"State": state})[
            "arn:aws:ec2:eu-west-1::snapshot/snap-1"
        ]
        assert reading.findings[0].facts == {Fact.PUBLIC_DATA}


def test_a_snapshot_that_is_public_no_more_is_looked_at_once_more() -> None:
    """So its incident ends with a look, whatever else could not be seen."""
    answers: dict[tuple[str, str], Any] = {**REGIONAL, ("ec2", "describe_snapshots"): {"Snapshots": []}}
    del answers["ec2", "get_snapshot_block_public_access_state"]
    found = look(Security(), answers, memory={"public_snapshots": ["arn:aws:ec2:eu-west-1::snapshot/snap-1"]})
    assert found["arn:aws:ec2:eu-west-1::snapshot/snap-1"].outcome is Outcome.HEALTHY


def test_an_answer_without_the_word_that_matters_is_not_a_no() -> None:
    """Neither green nor a finding."""
    reading = regional(get_ebs_encryption_by_default={"SseType": "none"})[f"{ACCOUNT}/{REGION}/ebs-encryption"]
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "unreadable")


def test_a_network_load_balancer_passes_on_what_comes() -> None:
    """What is in it is not known, and not called TLS."""
    tcp = {"ListenerArn": "l", "Port": 5432, "Protocol": "TCP"}
    answers: dict[tuple[str, str], Any] = {
        **REGIONAL,
        ("elbv2", "describe_load_balancers"): {"LoadBalancers": [balancer("db", kind="network")]},
        ("elbv2", "describe_listeners"): {"Listeners": [tcp]},
    }
    del answers["elbv2", "describe_rules"]
    reading = look(Security(), answers)[balancer("db")["LoadBalancerArn"]]
    assert (reading.outcome, reading.verdict) == (Outcome.NOT_APPLICABLE, "passed_on")


def test_internal_load_balancers_on_demand() -> None:
    """`internal_listeners` judges them as all others."""
    inside = balancer("inside")["LoadBalancerArn"]
    assert regional()[inside].outcome is Outcome.NOT_APPLICABLE
    assert regional(Security(internal_listeners=True))[inside].verdict == "fine"


def test_the_owning_stack_decides() -> None:
    """By ARN or by the id that a state holds."""
    owner = Owner("acme-prod", "vpc", "aws_security_group.this", "production")
    (finding, _) = look(Security(), REGIONAL, owners={"sg-open": owner})[sg("sg-open")].findings
    assert finding.owner == owner
    assert "aws_security_group.this, component vpc in stack acme-prod" in finding.remedy


def test_a_search_domain_that_asks_who_you_are() -> None:
    """In a VPC, or with users of its own, an open policy opens nothing."""
    bad = search_domain("bad", safe=False)
    for more, public in (
        ({}, True),
        ({"VPCOptions": {"VPCId": "vpc-1"}}, False),
        ({"AdvancedSecurityOptions": {"Enabled": True}}, False),
        ({"AccessPolicies": "{"}, None),
    ):
        answers: dict[tuple[str, str], Any] = {
            **REGIONAL,
            ("opensearch", "describe_domains"): {"DomainStatusList": [bad | more]},
        }
        reading = look(Security(), answers)[arn("es", "domain/bad")]
        if public is None:
            assert reading.outcome is Outcome.UNKNOWN
        else:
            assert (reading.verdict == "search_public") is public


def test_a_search_domain_that_aws_leaves_out_is_not_known() -> None:
    """It was listed, and its answer lacks it."""
    answers: dict[tuple[str, str], Any] = {**REGIONAL, ("opensearch", "describe_domains"): {"DomainStatusList": []}}
    assert look(Security(), answers)[arn("es", "domain/good")].outcome is Outcome.UNKNOWN


# -- over both --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"most_findings": 0}, "most_findings must be at least 1"),
        ({"public_ports": (70000,)}, "public_ports: there is no port 70000"),
        ({"sensitive_ports": (-1,)}, "sensitive_ports: there is no port -1"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    """Said when the configuration is read."""
    with pytest.raises(ValueError, match=message):
        Security(**options)


def test_every_finding_says_where_and_what_to_do() -> None:
    """An ARN or a place, a stable key, a remedy; and no key twice at one resource."""
    for place in (fake_place(Security, REGIONAL), global_place(GLOBAL)):
        for reading in read(Security(), place).values():
            keys = [finding.key for finding in reading.findings]
            assert len(set(keys)) == len(keys)
            for finding in reading.findings:
                assert finding.kind is Kind.SECURITY_VIOLATION
                assert finding.remedy
                assert finding.addresses
                assert finding.owner is not None


def test_access_is_denied() -> None:
    """Every question refused: nothing is green, and every missing action is named."""
    for answers, scope in ((REGIONAL, Scope.REGION), (GLOBAL, Scope.ACCOUNT)):
        fake = FakeAws(answers)
        with ExitStack() as stack:
            for service, operation in answers:
                stack.enter_context(fake.failing(service, operation, Fault.DENIED))
            found = read(Security(), fake_place(Security, fake, scope=scope)).values()
        assert {one.outcome for one in found} == {Outcome.UNKNOWN}
        assert {one.evidence["action"] for one in found} <= set(Security.iam)


def test_moto(moto: str) -> None:
    """Real requests over HTTP: groups, volumes, buckets, users and roles."""
    number = "333344445555"
    ec2 = seed(moto, "ec2", account=number)
    open_group = ec2.create_security_group(GroupName="open", Description="d")["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ec2.authorize_security_group_ingress(GroupId=open_group, IpPermissions=[permission])
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    ec2.create_network_interface(SubnetId=subnet, Groups=[open_group])
    volume = ec2.create_volume(Size=1, AvailabilityZone=f"{REGION}a", Encrypted=False)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
    )
    found = {one.resource: one for one in Security().run(moto_place(Security, moto, account=number))}
    where = f"arn:aws:ec2:{REGION}:{number}"
    assert found[f"{where}:security-group/{open_group}"].findings[0].key == "group_open_sensitive:tcp/22"
    assert found[f"{where}:volume/{volume}"].verdict == "store_unencrypted"

    s3 = seed(moto, "s3", account=number, region="us-east-1")
    s3.create_bucket(Bucket="open-by-acl", ACL="public-read")
    s3.create_bucket(Bucket="open-by-policy")
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open-by-policy/*"}
    s3.put_bucket_policy(Bucket="open-by-policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    iam = seed(moto, "iam", account=number, region="us-east-1")
    trust = json.dumps({"Version": "2012-10-17", **BY_ALL})
    iam.create_role(RoleName="open", AssumeRolePolicyDocument=trust)
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="canary-Passw0rd!")
    place = moto_place(Security, moto, account=number, region="us-east-1", now=datetime.now(UTC), scope=Scope.ACCOUNT)
    found = {one.resource: one for one in Security().run(place)}
    assert found[f"{number}/public-access-block"].outcome is Outcome.HEALTHY
    assert [found[f"arn:aws:s3:::open-by-{way}"].verdict for way in ("acl", "policy")] == ["bucket_public"] * 2
    assert found["arn:aws:s3:::open-by-acl#transport"].verdict == "bucket_plain_transport"
    assert found[f"arn:aws:iam::{number}:role/open"].verdict == "trust_world"
    assert found[f"arn:aws:iam::{number}:user/ann#credentials"].verdict == "user_no_mfa"
