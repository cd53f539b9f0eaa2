"""What is seen with the credentials of one account never passes for another one, over moto."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from checks.aws import AwsError, ErrorClass, could_not_look
from daemon.aws import (
    Account,
    AwsContext,
    AwsRegionPlace,
    AwsSettings,
    ClientPool,
    Identity,
    Role,
    Sessions,
    Watching,
    Whose,
)
from tests.aws.fake import loader
from tests.worlds import Proxy, recording_proxy

REGION, MINE, OTHER = "eu-west-1", "123456789012", "000000000081"  # the first is moto's own
VOLUMES = Watching("volumes", frozenset({"ec2:DescribeVolumes"}))
KEYS = Identity("test", "canary-secret")


@pytest.fixture
def proxy(moto: str) -> Iterator[Proxy]:
    with recording_proxy(moto) as made:
        yield made


@pytest.fixture
def context(proxy: Proxy) -> Iterator[AwsContext]:
    pool = ClientPool(Sessions(AwsSettings(region=REGION, endpoint_url=proxy.url, attempts=1), loader()))
    yield AwsContext(pool, lambda: datetime.now(UTC), whose=Whose(pool), strict=True)
    pool.close()


def place(context: AwsContext, account: str, identity: Identity = KEYS) -> AwsRegionPlace:
    return AwsRegionPlace(Account(account, (REGION,), identity=identity), REGION, VOLUMES, context)


def refusal(one: AwsRegionPlace) -> AwsError:
    """Why *one* cannot be asked."""
    with pytest.raises(AwsError) as failed:
        one.call("ec2", "describe_volumes")
    return failed.value


def asked(proxy: Proxy) -> list[str]:
    return [call.action for call in proxy.calls]


def test_an_account_is_not_seen_with_the_credentials_of_another(context: AwsContext, proxy: Proxy) -> None:
    """Nothing is asked in its name, and it is said what to do; the account that they are of is seen."""
    error = refusal(place(context, OTHER))
    assert error.error_class is ErrorClass.OTHER_ACCOUNT
    assert f"they are of {MINE}" in str(error)
    assert could_not_look("x", error, "x").findings[0].remedy == (
        f"Give account {OTHER} a role_arn that leads into it."
    )
    place(context, MINE).call("ec2", "describe_volumes")
    place(context, MINE).call("ec2", "describe_volumes")
    assert asked(proxy) == ["GetCallerIdentity", "DescribeVolumes", "DescribeVolumes"]


def test_a_role_leads_into_its_own_account_alone(context: AwsContext, proxy: Proxy) -> None:
    """Its name says which that is, and nobody is asked."""
    role = Role(f"arn:aws:iam::{OTHER}:role/sweep", sts_endpoint=proxy.url)
    identity = replace(KEYS, roles=(role,))
    assert refusal(place(context, MINE, identity)).error_class is ErrorClass.OTHER_ACCOUNT
    place(context, OTHER, identity).call("ec2", "describe_volumes")
    assert asked(proxy) == ["AssumeRole", "DescribeVolumes"]


@pytest.mark.parametrize("answer", [(503, b""), (200, b""), (200, b"<GetCallerIdentityResponse/>")])
def test_what_nobody_says_is_not_assumed(context: AwsContext, proxy: Proxy, answer: tuple[int, bytes]) -> None:
    """Without an answer of STS nothing is asked; with the next one it is."""
    proxy.answer = lambda call: answer if call.action == "GetCallerIdentity" else None
    assert refusal(place(context, MINE)).operation == "GetCallerIdentity"
    proxy.answer = lambda call: None
    place(context, MINE).call("ec2", "describe_volumes")
    assert asked(proxy) == ["GetCallerIdentity", "GetCallerIdentity", "DescribeVolumes"]


def test_other_keys_are_asked_about_again(context: AwsContext, proxy: Proxy) -> None:
    """They may be of another account."""
    place(context, MINE).call("ec2", "describe_volumes")
    place(context, MINE, replace(KEYS, access_key="test2")).call("ec2", "describe_volumes")
    assert asked(proxy).count("GetCallerIdentity") == 2
