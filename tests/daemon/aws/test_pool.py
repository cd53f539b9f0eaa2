"""Clients: how they behave, how many there are, and that nothing of them is left."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from benchmarks.stub import stub
from checks.aws import AwsError, ErrorClass
from daemon.aws import (
    Account,
    Aws,
    AwsContext,
    AwsRegionPlace,
    AwsSettings,
    ClientPool,
    Identity,
    Role,
    Sessions,
    Watching,
)
from daemon.aws.credentials import speaking_for
from daemon.aws.iam import action_of
from tests.aws.fake import FakeAws, Fault, loader
from tests.aws.places import fake_place
from tests.daemon.aws.test_place import LIST, Looking
from tests.worlds import recording_proxy

SERVICES = ("acm", "backup", "ce", "ec2", "iam", "s3", "service-quotas", "sts")


def sockets() -> int:
    links = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(each))
        except OSError:
            continue
    return sum(link.startswith("socket:") for link in links)


def none_left(before: int) -> None:
    """No more sockets are open than *before*. A server in this process may need a moment to close its side."""
    until = time.monotonic() + 10
    while gc.collect() >= 0 and sockets() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert sockets() <= before


@pytest.mark.parametrize("service", SERVICES)
def test_every_client_retries_as_we_mean_it(service: str) -> None:
    """Mode standard, five tries, bounded connections; for checks and for planning."""
    with ClientPool(Sessions(AwsSettings(), loader())).lease(service, "eu-west-1") as client:
        for config in (client.meta.config, Aws().client(service, "eu-west-1").meta.config):
            assert config.retries == {"mode": "standard", "total_max_attempts": 5}
            assert config.max_pool_connections == 10
        assert client.meta.config.account_id_endpoint_mode == "disabled"


def test_requests_go_to_the_endpoint_that_stands_in_for_aws(moto: str) -> None:
    """S3 Control wants the account in front of the host, which is none there; elsewhere it stays."""
    pool = ClientPool(Sessions(AwsSettings(endpoint_url=moto, attempts=1), loader()))
    with (
        speaking_for(pool.account(Identity("AKIA", "canary"))),
        pool.lease("s3control", "eu-west-1") as client,
        pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"),
    ):
        client.get_public_access_block(AccountId="123456789012")
    pool.close()


def test_one_client_serves_all_accounts_of_a_region() -> None:
    """The same object for all who ask at once; another region has another."""
    pool = ClientPool(Sessions(AwsSettings(), loader()))

    def lent(region: str) -> int:
        with pool.lease("sts", region) as client:
            return id(client)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lent, ["eu-west-1"] * 40 + ["us-east-1"] * 40))) == 2


def test_clients_that_nobody_uses_are_few() -> None:
    """The longest unused is closed; one in use is not, however many there are."""
    pool = ClientPool(Sessions(AwsSettings(), loader()), idle=2)
    with pool.lease("sts", "eu-west-1") as kept:
        for region in ("us-east-1", "us-east-2", "us-west-1", "us-west-2"):
            with pool.lease("sts", region):
                pass
        assert pool.open_clients == 3
        with pool.lease("sts", "eu-west-1") as same:
            assert same is kept
    pool.close()
    assert pool.open_clients == 0


def test_no_socket_is_left_open(moto: str) -> None:
    """After close(), even of a client that was in use meanwhile."""
    gc.collect()
    before = sockets()
    pool = ClientPool(Sessions(AwsSettings(endpoint_url=moto, attempts=1), loader()))
    context = AwsContext(pool, lambda: datetime.now(UTC), strict=True)
    account = Account("123456789012", ("eu-west-1",), identity=Identity("test", "test"))
    place = AwsRegionPlace(account, "eu-west-1", Watching("x", frozenset({"sts:GetCallerIdentity"})), context)
    with pool.lease("sts", "eu-west-1"):
        place.call("sts", "get_caller_identity")
        pool.close()
        place.call("sts", "get_caller_identity")
    pool.close()
    none_left(before)


def test_every_request_is_counted_with_its_result() -> None:
    """Retries too: five throttled tries are five requests."""
    fake = FakeAws({})
    place = fake_place(Looking, fake)
    for fault in (Fault.THROTTLED, Fault.DENIED, Fault.TIMEOUT):
        with fake.failing(*LIST, fault), pytest.raises(Exception, match="acm ListCertificates"):
            place.call(*LIST)
    counts = place._asker.context.pool.ledger.counts()
    assert counts == {
        ("acm", "ListCertificates", "throttled"): 5,
        ("acm", "ListCertificates", "permission"): 1,
        ("acm", "ListCertificates", "timeout"): 5,
    }


def test_where_the_sdk_knows_a_service() -> None:
    """A region without the service; of a region that the SDK does not know, nothing is claimed."""
    pool = ClientPool(Sessions(AwsSettings(), loader()))
    assert pool.offers("cloudsearch", "eu-west-1")
    assert not pool.offers("cloudsearch", "eu-north-1")
    assert pool.offers("sts", "eu-north-9")
    assert pool.offers("ec2", "mars-north-1")


class LookingForWords(Looking):
    iam = ("cloudsearch:DescribeDomains",)


def test_no_answer_of_a_service_that_answered_is_never_taken_for_none_there() -> None:
    """Where the SDK knows no endpoint and none answers, there is no such service; where one did answer, the network
    is down, and incidents of yesterday must not end for it."""
    fake = FakeAws({})
    place = fake_place(LookingForWords, fake, region="eu-north-1")
    found = []
    for fault in (Fault.NETWORK, Fault.DENIED, Fault.NETWORK):
        with fake.failing("cloudsearch", "describe_domains", fault), pytest.raises(AwsError) as failed:
            place.call("cloudsearch", "describe_domains")
        found.append(failed.value.error_class)
    assert found == [ErrorClass.NOT_ENABLED, ErrorClass.PERMISSION, ErrorClass.NETWORK]


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("acm", "ListCertificates", "acm:ListCertificates"),
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("s3control", "GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock"),
        ("s3", "GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
        ("elbv2", "DescribeListeners", "elasticloadbalancing:DescribeListeners"),
        ("efs", "DescribeFileSystems", "elasticfilesystem:DescribeFileSystems"),
        ("service-quotas", "StartQuotaUtilizationReport", "servicequotas:StartQuotaUtilizationReport"),
        ("budgets", "DescribeBudgets", "budgets:ViewBudget"),
        ("cloudwatch", "GetMetricData", "cloudwatch:GetMetricData"),
        ("resourcegroupstaggingapi", "GetResources", "tag:GetResources"),
        ("accessanalyzer", "ListFindingsV2", "access-analyzer:ListFindings"),
        ("apigateway", "GetRestApis", "apigateway:GET"),
        ("ce", "GetCostAndUsage", "ce:GetCostAndUsage"),
        ("stepfunctions", "ListStateMachines", "states:ListStateMachines"),
    ],
)
def test_an_operation_needs_an_action(service: str, operation: str, action: str) -> None:
    """By the signing name of the real service model, and the exceptions; each operation is one that there is."""
    session = Sessions(AwsSettings(), loader()).new()
    model = session.get_service_model(service)
    assert operation in model.operation_names
    assert action_of(service, model.signing_name, operation) == action


def test_sockets_stay_few_however_many_clients_there_are() -> None:
    """Kept connections of the longest unused go first; a client that has none any more opens one again."""
    regions = ("eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2", "us-west-1")
    most: dict[int, int] = {}
    with stub(latency=0) as address:
        for bound in (2, 4, 10):
            settings = AwsSettings(endpoint_url=address, attempts=1)
            pool = ClientPool(Sessions(settings, loader()), sockets=bound)
            context = AwsContext(pool, lambda: datetime.now(UTC), strict=True)
            account = Account("123456789012", ("eu-west-1",), identity=Identity("test", "test"))
            place = AwsRegionPlace(account, "eu-west-1", Watching("x", frozenset({"acm:ListCertificates"})), context)
            gc.collect()
            before = sockets()
            for region in regions * 2:
                place.call(*LIST, region=region)
                most[bound] = max(most.get(bound, 0), sockets() - before)
            assert pool.open_clients == len(regions)
            pool.close()
            none_left(before)
    assert most == {2: 2, 4: 4, 10: len(regions)}


def test_the_clients_of_a_region_are_closed_when_its_turn_is_over() -> None:
    """Those that nobody uses, and of no other region."""
    pool = ClientPool(Sessions(AwsSettings(), loader()))
    with pool.lease("sts", "eu-west-1") as used:
        for service, region in (("acm", "eu-west-1"), ("sts", "us-east-1")):
            with pool.lease(service, region):
                pass
        pool.close_idle("eu-west-1")
        assert pool.open_clients == 2
        with pool.lease("sts", "eu-west-1") as same:
            assert same is used


def test_roles_are_taken_on_through_one_client(moto: str) -> None:
    """However many accounts there are; AssumeRole is counted as every other request is."""
    settings = AwsSettings(region="eu-west-1", endpoint_url=moto, attempts=1)
    pool = ClientPool(Sessions(settings, loader()))
    for number in range(5):
        hub = Role("arn:aws:iam::000000000001:role/hub", sts_endpoint=moto)
        spoke = Role(f"arn:aws:iam::00000000010{number}:role/sweep", "external", sts_endpoint=moto)
        assert pool.account(Identity("test", "test", roles=(hub, spoke))).frozen().token
    assert pool.open_clients == 1
    assert pool.ledger.counts() == {("sts", "AssumeRole", "ok"): 6}  # the hub's once
    pool.close()


def test_models_without_documentation_are_the_same_models() -> None:
    """Shapes, operations and members of the largest model, as botocore itself reads them."""
    slim, whole = Sessions(AwsSettings()).new(), Sessions(AwsSettings(), loader()).new()
    for service in ("ec2", "cloudwatch", "s3"):
        one, other = slim.get_service_model(service), whole.get_service_model(service)
        assert one.operation_names == other.operation_names
        assert one.shape_names == other.shape_names
        for name in one.shape_names:
            assert list(getattr(one.shape_for(name), "members", ())) == list(
                getattr(other.shape_for(name), "members", ())
            )
        assert one.documentation == ""


PAGES = [
    b"<html><body>Sign in</body></html>", b"<!DOCTYPE html>\n<html lang='en'><p>Sign in</p></html>", b"[]", b"null",
    b'"x"', b'{"message": "Sign in"}', b"<Error><Code>InternalError</Code></Error>",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ec2", "describe_volumes", {}), ("iam", "get_account_summary", {}),
        ("s3", "get_bucket_policy_status", {"Bucket": "b"}), ("sqs", "list_queues", {}),
        ("guardduty", "list_detectors", {}), ("cloudfront", "list_distributions", {}),
    ],
)  # fmt: skip
def test_a_page_of_a_proxy_is_no_answer(
    moto: str, page: bytes, service: str, operation: str, parameters: Mapping[str, str]
) -> None:
    """With status 200 and well-formed: it does not say that there is none, or that a bucket is not public."""
    iam = {
        "ec2:DescribeVolumes", "iam:GetAccountSummary", "s3:GetBucketPolicyStatus", "sqs:ListQueues",
        "guardduty:ListDetectors", "cloudfront:ListDistributions",
    }  # fmt: skip
    with recording_proxy(moto) as proxy:
        proxy.answer = lambda call: (200, page)
        pool = ClientPool(Sessions(AwsSettings(region="eu-west-1", endpoint_url=proxy.url, attempts=1), loader()))
        context = AwsContext(pool, lambda: datetime.now(UTC), strict=True)
        account = Account("111111111111", ("eu-west-1",), identity=Identity("test", "test"))
        place = AwsRegionPlace(account, "eu-west-1", Watching("x", frozenset(iam)), context)
        with pytest.raises(AwsError) as failed:
            place.call(service, operation, **parameters)
        pool.close()
    assert failed.value.error_class in (ErrorClass.ERROR, ErrorClass.NETWORK)  # of S3, botocore calls some a 500
