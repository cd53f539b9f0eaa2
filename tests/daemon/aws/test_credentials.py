"""Whose credentials sign a request, over moto: each account its own, one AssumeRole for many readers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import NoCredentialsError

from checks.aws import AwsError, ErrorClass
from daemon.aws import Account, AwsContext, AwsRegionPlace, AwsSettings, ClientPool, Identity, Role, Sessions, Watching
from daemon.aws.credentials import AccountCredentials, SpeakersCredentials, speaking_for
from daemon.aws.refusals import REFUSED_SECONDS
from daemon.aws.sessions import ROLE_SECONDS
from tests.aws.fake import loader
from tests.worlds import Proxy, recording_proxy

REGION = "eu-west-1"
ME = Watching("identity", frozenset({"sts:GetCallerIdentity"}))


@pytest.fixture
def proxy(moto: str) -> Iterator[Proxy]:
    with recording_proxy(moto) as made:
        yield made


@pytest.fixture
def context(proxy: Proxy) -> Iterator[AwsContext]:
    settings = AwsSettings(region=REGION, endpoint_url=proxy.url, attempts=1)
    pool = ClientPool(Sessions(settings, loader()))
    yield AwsContext(pool, lambda: datetime.now(UTC), strict=True)
    pool.close()


def place(context: AwsContext, account: str, url: str, *hubs: str) -> AwsRegionPlace:
    roles = tuple(Role(f"arn:aws:iam::{each}:role/sweep", "external", sts_endpoint=url) for each in (*hubs, account))
    watched = Account(account, (REGION,), identity=Identity("test", "canary-secret", roles=roles))
    return AwsRegionPlace(watched, REGION, ME, context)


def test_many_threads_and_accounts_never_mix(context: AwsContext, proxy: Proxy) -> None:
    """200 requests of 10 accounts by 8 threads through one client: each is signed for its own, each role taken once."""
    accounts = [f"{number:012}" for number in range(1, 11)]
    places = [place(context, account, proxy.url) for account in accounts] * 20
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: one.call("sts", "get_caller_identity")["Account"], places))
    assert answers == accounts * 20
    assert sum(call.action == "AssumeRole" for call in proxy.calls) == 10
    assert context.pool.open_clients == 1


def test_one_role_is_taken_on_once_for_200_readers(context: AwsContext, proxy: Proxy) -> None:
    """However many ask at once: one AssumeRole, and none per request."""
    one = place(context, "000000000042", proxy.url)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: one.call("sts", "get_caller_identity")["Account"], range(200)))
    assert answers == ["000000000042"] * 200
    assert sum(call.action == "AssumeRole" for call in proxy.calls) == 1
    assert ROLE_SECONDS >= 1800  # below, botocore would take it on for every request


def test_a_chain_of_roles_ends_in_the_account(context: AwsContext, proxy: Proxy) -> None:
    """From the hub's role into the account's."""
    assert place(context, "000000000043", proxy.url, "000000000099").call("sts", "get_caller_identity")["Account"] == (
        "000000000043"
    )
    assert sum(call.action == "AssumeRole" for call in proxy.calls) == 2


def test_a_role_that_is_refused_fails_its_account_alone(context: AwsContext, proxy: Proxy) -> None:
    """The text names AssumeRole and the account, and no secret; another account goes on."""
    proxy.answer = lambda call: (
        (403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>canary</Message></Error></ErrorResponse>")
        if call.action == "AssumeRole"
        else None
    )
    with pytest.raises(AwsError) as failed:
        place(context, "000000000044", proxy.url).call("sts", "get_caller_identity")
    assert (failed.value.error_class, failed.value.action) == (ErrorClass.ROLE_REFUSED, "sts:AssumeRole")
    assert "000000000044" in str(failed.value)
    assert "canary" not in str(failed.value)
    proxy.answer = lambda call: None
    assert place(context, "000000000045", proxy.url).call("sts", "get_caller_identity")["Account"] == "000000000045"


@dataclass
class Ticks:
    """A clock that moves when told."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


REFUSAL = (403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>x</Message></Error></ErrorResponse>")


def refusing(proxy: Proxy, ticks: Ticks) -> AwsContext:
    """A world in which every role is refused, seen by a clock of the test."""
    proxy.answer = lambda call: REFUSAL if call.action == "AssumeRole" else None
    sessions = Sessions(AwsSettings(region=REGION, endpoint_url=proxy.url, attempts=1), loader(), ticks)
    return AwsContext(ClientPool(sessions), lambda: datetime.now(UTC), strict=True)


def failed_class(one: AwsRegionPlace) -> ErrorClass:
    """Why *one* cannot be asked."""
    with pytest.raises(AwsError) as failed:
        one.call("sts", "get_caller_identity")
    return failed.value.error_class


def test_a_sweep_of_an_account_that_refuses_costs_one_call(proxy: Proxy) -> None:
    """Ten checks in 17 regions by 16 threads, each told of the refusal, and STS asked once for each account."""
    context = refusing(proxy, Ticks())
    places = [place(context, account, proxy.url) for account in ("000000000071", "000000000072")] * 170
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(failed_class, places)) == {ErrorClass.ROLE_REFUSED}
    assert [call.action for call in proxy.calls] == ["AssumeRole"] * 2
    context.pool.close()


def test_a_refusal_stands_for_five_minutes_and_no_longer(proxy: Proxy) -> None:
    """A trust policy that is mended is noticed then, without a restart."""
    ticks = Ticks()
    context = refusing(proxy, ticks)
    one = place(context, "000000000073", proxy.url)
    assert failed_class(one) is ErrorClass.ROLE_REFUSED
    proxy.answer = lambda call: None
    ticks.now = REFUSED_SECONDS - 1
    assert failed_class(one) is ErrorClass.ROLE_REFUSED
    ticks.now = REFUSED_SECONDS
    assert one.call("sts", "get_caller_identity")["Account"] == "000000000073"
    assert sum(call.action == "AssumeRole" for call in proxy.calls) == 2
    context.pool.close()


def test_a_hub_that_is_refused_is_not_asked_again_either(proxy: Proxy) -> None:
    """The first role of a chain says no for all that lies behind it."""
    context = refusing(proxy, Ticks())
    one = place(context, "000000000074", proxy.url, "000000000099")
    assert [failed_class(one) for _ in range(5)] == [ErrorClass.ROLE_REFUSED] * 5
    assert len(proxy.calls) == 1
    context.pool.close()


def test_what_is_no_refusal_is_tried_again(proxy: Proxy) -> None:
    """STS that throttles has said nothing about the role."""
    context = refusing(proxy, Ticks())
    throttled = (400, REFUSAL[1].replace(b"AccessDenied", b"Throttling"))
    proxy.answer = lambda call: throttled if call.action == "AssumeRole" else None
    one = place(context, "000000000075", proxy.url)
    assert failed_class(one) is ErrorClass.THROTTLED
    proxy.answer = lambda call: None
    assert one.call("sts", "get_caller_identity")["Account"] == "000000000075"
    context.pool.close()


def test_expired_credentials_are_taken_on_anew_once(context: AwsContext, proxy: Proxy) -> None:
    """The request is signed again and answered; nobody hears of it."""
    one = place(context, "000000000046", proxy.url)
    one.call("sts", "get_caller_identity")
    expired = [
        (400, b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>x</Message></Error></ErrorResponse>"),
    ]
    proxy.answer = lambda call: expired.pop() if call.action == "GetCallerIdentity" and expired else None
    assert one.call("sts", "get_caller_identity")["Account"] == "000000000046"
    assert [call.action for call in proxy.calls] == [
        "AssumeRole", "GetCallerIdentity", "GetCallerIdentity", "AssumeRole", "GetCallerIdentity",
    ]  # fmt: skip


def test_a_thread_that_speaks_for_nobody_signs_nothing() -> None:
    """There are no credentials outside of speaking_for()."""
    credentials = SpeakersCredentials()
    with pytest.raises(NoCredentialsError):
        credentials.get_frozen_credentials()
    sessions = Sessions(AwsSettings(), loader())
    account = AccountCredentials(Identity("key-1", "secret"), lambda identity: sessions.of(identity).get_credentials())
    with speaking_for(account):
        assert credentials.get_frozen_credentials().access_key == "key-1"
    with pytest.raises(NoCredentialsError):
        credentials.get_frozen_credentials()


def test_no_place_stays_open_to_its_neighbours(context: AwsContext, proxy: Proxy) -> None:
    """A list that is read half way does not speak for its account in between."""
    one, other = place(context, "000000000047", proxy.url), place(context, "000000000048", proxy.url)
    opened = one.opened(timedelta(minutes=1))
    assert opened.call("sts", "get_caller_identity")["Account"] == "000000000047"
    assert other.call("sts", "get_caller_identity")["Account"] == "000000000048"
