"""AWS clients: whose they are, and what their errors mean."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.base import LookFailed
from daemon.aws import Aws, AwsSettings, Identity, Role, is_missing, look
from tests.worlds import REGION, Proxy, client, moto_server, recording_proxy

KEYS = Identity("id", "canary-secret")
QUICK = AwsSettings(connect_timeout=1, read_timeout=1, attempts=1)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A moto server."""
    with moto_server() as url:
        yield url


@pytest.fixture
def proxy(server: str) -> Iterator[Proxy]:
    """A proxy before it, which can answer in its place."""
    with recording_proxy(server) as made:
        yield made


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, "AccessDenied", "denied"), (400, "ExpiredToken", "denied"), (403, "SignatureDoesNotMatch", "denied"),
        (503, "SlowDown", "throttled"), (400, "ThrottlingException", "throttled"), (429, "x", "throttled"),
        (503, "ServiceUnavailable", "unavailable"), (500, "InternalError", "unavailable"), (400, "Odd", "failed"),
    ],
)  # fmt: skip
def test_an_answer_of_aws_is_classified(proxy: Proxy, status: int, code: str, reason: str) -> None:
    """Code first, then status; the text names the operation and no secret."""
    proxy.answer = lambda call: (status, f"<Error><Code>{code}</Code><Message>canary-secret</Message></Error>".encode())
    s3 = Aws(QUICK).client("s3", REGION, identity=KEYS, endpoint_url=proxy.url, path_style=True)
    with pytest.raises(LookFailed) as failed, look("the state"):
        s3.get_object(Bucket="b", Key="k")
    assert failed.value.reason == reason
    assert str(failed.value) == f"the state: AWS answered {code} to GetObject"


def test_a_missing_object_is_told_from_a_missing_bucket(server: str) -> None:
    """Only the object counts as missing."""
    client("s3", server).create_bucket(Bucket="there")
    s3 = Aws(QUICK).client("s3", REGION, identity=KEYS, endpoint_url=server, path_style=True)
    found = []
    for bucket in ("there", "absent"):
        with pytest.raises(LookFailed) as failed, look("x"):
            s3.get_object(Bucket=bucket, Key="k")
        found.append(is_missing(failed.value.__cause__))
    assert found == [True, False]


def test_no_answer_is_unavailable() -> None:
    """A port nobody listens on."""
    s3 = Aws(QUICK).client("s3", REGION, identity=KEYS, endpoint_url="http://127.0.0.1:9", path_style=True)
    with pytest.raises(LookFailed) as failed, look("x"):
        s3.list_buckets()
    assert failed.value.reason == "unavailable"


def test_an_unknown_profile_is_denied() -> None:
    """A profile that nobody wrote: could not look, as we are nobody."""
    nobody = Identity(profile="absent", config_file="/nonexistent", credentials_file="/nonexistent")
    with pytest.raises(LookFailed) as failed:
        Aws(QUICK).client("s3", REGION, identity=nobody)
    assert failed.value.reason == "denied"


def test_a_role_is_assumed_when_it_is_first_needed(proxy: Proxy) -> None:
    """Nothing is called before; one AssumeRole serves many calls."""
    role = Role("arn:aws:iam::123456789012:role/plan", "external", sts_endpoint=proxy.url)
    s3 = Aws(QUICK).client(
        "s3", REGION, identity=Identity("id", "s", roles=(role,)), endpoint_url=proxy.url, path_style=True
    )
    assert proxy.calls == []
    s3.list_buckets()
    s3.list_buckets()
    assert [call.action for call in proxy.calls] == ["AssumeRole", "", ""]


def test_secrets_are_not_in_an_identitys_text() -> None:
    """Keys never print."""
    assert "canary" not in repr(KEYS)
