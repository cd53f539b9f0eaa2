"""Which regions of an account are looked at, where it says so itself."""

from __future__ import annotations

import pytest

from checks.aws_errors import AwsError, ErrorClass
from daemon.accounts.regions import ACTIONS, list_regions
from daemon.aws import Account, AwsContext, AwsSettings, ClientPool, Identity, Role, Sessions, Watching
from daemon.aws.asking import Asker
from tests.aws.fake import Answers, FakeAws, Fault, loader
from tests.aws.places import seed
from tests.daemon.accounts.world import NOW, PROD, identity

EC2 = [
    {"RegionName": "eu-west-1", "OptInStatus": "opt-in-not-required"},
    {"RegionName": "af-south-1", "OptInStatus": "opted-in"},
    {"RegionName": "me-south-1", "OptInStatus": "not-opted-in"},
]
OF_ACCOUNT = [
    {"RegionName": "eu-west-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"},
    {"RegionName": "af-south-1", "RegionOptStatus": "ENABLED"},
    {"RegionName": "me-south-1", "RegionOptStatus": "ENABLING"},
    {"RegionName": "me-central-1", "RegionOptStatus": "DISABLED"},
]
ANSWERS: Answers = {
    ("ec2", "describe_regions"): {"Regions": EC2},
    ("account", "list_regions"): [{"Regions": OF_ACCOUNT[:1]}, {"Regions": OF_ACCOUNT[1:]}],
}


def asker(aws: FakeAws) -> Asker:
    """One who asks for the regions of PROD."""
    aws.accounts[f"ASIAFAKE{PROD}"] = PROD
    pool = ClientPool(Sessions(AwsSettings(region="eu-west-1"), loader()), prepare=aws.prepare)
    context = AwsContext(pool, lambda: NOW, strict=True)
    return Asker(PROD, identity(PROD), Watching("accounts", ACTIONS), context)


ACCOUNT = Account(PROD, (), identity=identity(PROD))


def test_what_is_not_switched_on_is_not_looked_at() -> None:
    """EC2 is asked where the configuration says, for all regions."""
    aws = FakeAws(ANSWERS)
    assert list_regions(asker(aws), ACCOUNT, "eu-west-1") == ("af-south-1", "eu-west-1")
    assert [(call.operation, call.region, call.parameters) for call in aws.calls] == [
        ("describe_regions", "eu-west-1", {"AllRegions": True})
    ]


def test_where_ec2_refuses_the_account_service_tells() -> None:
    """A region that is only being switched on is not there yet."""
    aws = FakeAws(ANSWERS)
    with aws.failing("ec2", "describe_regions", Fault.DENIED):
        assert list_regions(asker(aws), ACCOUNT) == ("af-south-1", "eu-west-1")


def test_what_neither_tells_is_ec2s_refusal() -> None:
    """People are told of the first right that is missing."""
    aws = FakeAws(ANSWERS)
    with (
        aws.failing("ec2", "describe_regions", Fault.SCP),
        aws.failing("account", "list_regions", Fault.DENIED),
        pytest.raises(AwsError) as failed,
    ):
        list_regions(asker(aws), ACCOUNT)
    assert (failed.value.error_class, failed.value.action) == (ErrorClass.SCP, "ec2:DescribeRegions")


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.TIMEOUT, Fault.NETWORK, Fault.EMPTY])
def test_no_answer_is_no_list(fault: Fault) -> None:
    """And the other service is not asked in its place."""
    aws = FakeAws(ANSWERS)
    with aws.failing("ec2", "describe_regions", fault), pytest.raises(AwsError):
        list_regions(asker(aws), ACCOUNT)
    assert ("account", "list_regions") not in aws.asked


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ([], "no region that is switched on"),
        ([EC2[2]], "no region that is switched on"),
        ([EC2[0], {"RegionName": "eu-south-9"}], "nothing said of eu-south-9"),
    ],
)
def test_half_an_answer_is_none(regions: list[dict[str, str]], told: str) -> None:
    """Nothing vanishes because AWS left something out."""
    aws = FakeAws({("ec2", "describe_regions"): {"Regions": regions}})
    with pytest.raises(AwsError, match=told):
        list_regions(asker(aws), ACCOUNT)


def test_moto_agrees(moto: str) -> None:
    """It knows the regions and how they stand."""
    settings = AwsSettings(region="eu-west-1", endpoint_url=moto, attempts=1)
    context = AwsContext(ClientPool(Sessions(settings, loader())), lambda: NOW, strict=True)
    role = Role("arn:aws:iam::000000000077:role/sweep", sts_endpoint=moto)
    one = Account("000000000077", (), identity=Identity("test", "test", roles=(role,)))
    found = list_regions(Asker(one.id, one.identity, Watching("accounts", ACTIONS), context), one)
    context.pool.close()
    assert "eu-west-1" in found
    told = seed(moto, "ec2", account=one.id).describe_regions(AllRegions=True)["Regions"]
    assert sorted(each["RegionName"] for each in told if each["OptInStatus"] != "not-opted-in") == list(found)
