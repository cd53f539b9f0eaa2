"""The check of what is open, unencrypted or unguarded, at an account as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from checks.aws_errors import AwsError, classify
from checks.base import Fact, Kind, Outcome, Reading
from checks.security import Security
from tests.aws.fake import FakeAws
from tests.aws.places import ACCOUNT, NOW, REGION
from tests.checks.exposure.account_world import (
    BY_ALL,
    BY_EC2,
    GLOBAL,
    GOOD_ROOT,
    LITTLE,
    block,
    details,
    line,
    policy,
    principal,
    report,
)
from tests.checks.exposure.world import arn
from tests.checks.test_security import global_place, read

ROOT = arn("iam", "root", region="")


def account(*, memory: Mapping[str, Any] | None = None, **changed: Any) -> dict[str, Reading]:
    """GLOBAL with answers changed: `s3_get_bucket_acl={…}`."""
    answers: dict[tuple[str, str], Any] = dict(GLOBAL)
    for name, answer in changed.items():
        service, _, operation = name.partition("_")
        answers[service, operation] = answer
    return read(Security(), global_place(answers, memory=memory))


def refused(code: str, asked: tuple[str, str]) -> dict[str, Reading]:
    """The same, where S3 or IAM answer one question with an error: the bytes that AWS sends."""
    fake = FakeAws(GLOBAL)
    place = global_place(fake)
    ask = place.call

    def call(service: str, method: str, /, **parameters: Any) -> Any:
        if (service, method) == asked:
            operation = "".join(part.title() for part in method.split("_"))
            raise AwsError(classify(code, "", 404, operation), service=service, operation=operation, code=code)
        return ask(service, method, **parameters)

    place.call = call
    return {one.resource: one for one in Security().run(place)}


def test_a_bucket_is_asked_in_its_own_region() -> None:
    """Wherever it is, also in a region that nobody watches."""
    fake = FakeAws(GLOBAL)
    list(Security().run(global_place(fake)))
    asked = {(call.parameters.get("Bucket"), call.region) for call in fake.calls if call.service == "s3"}
    assert asked - {(None, "us-east-1")} == {("good", REGION), ("bad", "us-west-2")}


def test_a_bucket_in_a_region_that_is_off_is_not_known() -> None:
    """Its data is there all the same."""
    found = refused("InvalidClientTokenId", ("s3", "get_public_access_block"))
    assert {found[f"arn:aws:s3:::{name}"].verdict for name in ("good", "bad")} == {"region_off"}


@pytest.mark.parametrize(
    ("code", "asked", "resource", "verdict"),
    [
        ("NoSuchPublicAccessBlockConfiguration", ("s3", "get_public_access_block"), "arn:aws:s3:::good",
         "bucket_public"),
        ("NoSuchPublicAccessBlockConfiguration", ("s3control", "get_public_access_block"), "arn:aws:s3:::bad",
         "bucket_public"),
        ("NoSuchBucketPolicy", ("s3", "get_bucket_policy_status"), "arn:aws:s3:::bad", "bucket_public"),
        ("NoSuchBucketPolicy", ("s3", "get_bucket_policy"), "arn:aws:s3:::good#transport", "bucket_plain_transport"),
        ("ServerSideEncryptionConfigurationNotFoundError", ("s3", "get_bucket_encryption"),
         "arn:aws:s3:::good#encryption", "bucket_unencrypted"),
        ("NoSuchEntity", ("iam", "get_account_password_policy"), f"{ACCOUNT}/password-policy", "password_policy"),
    ],
)  # fmt: skip
def test_a_definite_no_is_a_finding(code: str, asked: tuple[str, str], resource: str, verdict: str) -> None:
    """AWS says that there is none: that is an answer."""
    reading = refused(code, asked)[resource]
    assert (reading.outcome, reading.verdict) == (Outcome.UNHEALTHY, verdict)


def test_a_bucket_that_was_deleted_meanwhile_is_gone() -> None:
    """It was in the list, and is not there any more."""
    found = refused("NoSuchBucket", ("s3", "get_public_access_block"))
    assert "arn:aws:s3:::bad" not in found


def test_a_bucket_open_by_its_acl_alone() -> None:
    """Its policy is private, which S3 calls not public."""
    (finding,) = account()["arn:aws:s3:::bad"].findings
    assert (finding.key, set(finding.facts)) == ("bucket_public:acl", {Fact.PUBLIC_DATA})


def test_what_the_account_may_block_is_not_known_without_it() -> None:
    """Neither public nor private: but a bucket that blocks everything itself is blocked."""
    found = refused("AccessDenied", ("s3control", "get_public_access_block"))
    assert found["arn:aws:s3:::good"].outcome is Outcome.HEALTHY
    assert found["arn:aws:s3:::bad"].outcome is Outcome.UNKNOWN
    assert found[f"{ACCOUNT}/public-access-block"].outcome is Outcome.UNKNOWN


def test_a_blocked_account_needs_no_questions() -> None:
    """Its buckets are asked neither for a policy status nor for an ACL."""
    fake = FakeAws({**GLOBAL, ("s3control", "get_public_access_block"): block()})
    found = {one.resource: one for one in Security().run(global_place(fake))}
    assert found["arn:aws:s3:::bad"].outcome is Outcome.HEALTHY
    assert not fake.asked & {("s3", "get_bucket_acl"), ("s3", "get_bucket_policy_status")}


@pytest.mark.parametrize("code", ["ReportInProgress", "ReportNotPresent", "ReportExpired"])
def test_a_report_that_is_not_ready_is_asked_for_again_soon(code: str) -> None:
    """Nothing is known of anybody until then."""
    found = refused(code, ("iam", "get_credential_report"))
    reading = found[f"{ACCOUNT}/credentials"]
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "report_not_ready")
    assert (reading.look_again_in, reading.findings) == (timedelta(minutes=1), ())
    assert not any(name.endswith("#credentials") for name in found)


def test_a_report_that_never_comes_is_told_of() -> None:
    """After five looks in a row people hear of it, and nobody asks every minute for ever."""
    fake = FakeAws(GLOBAL)
    place = global_place(fake, memory={"report_waits": 5})
    ask = place.call

    def call(service: str, method: str, /, **parameters: Any) -> Any:
        if method == "get_credential_report":
            raise AwsError(classify("ReportInProgress"), service="iam", operation=method, code="ReportInProgress")
        return ask(service, method, **parameters)

    place.call = call
    reading = {one.resource: one for one in Security().run(place)}[f"{ACCOUNT}/credentials"]
    assert (reading.look_again_in, reading.findings[0].kind) == (None, Kind.MONITORING)


def test_a_report_without_the_root_user_is_not_one_without_faults() -> None:
    """As moto gives it."""
    found = account(iam_get_credential_report=report(line("bot")))
    assert found[ROOT].outcome is Outcome.UNKNOWN
    assert found[arn("iam", "user/bot", region="") + "#credentials"].outcome is Outcome.HEALTHY


@pytest.mark.parametrize(
    ("summary", "keys"),
    [
        ({"AccountMFAEnabled": 1}, []),
        ({"AccountMFAEnabled": 0}, ["root_no_mfa"]),
        ({"AccountMFAEnabled": 0, "AccountPasswordPresent": 0}, []),
        ({"AccountMFAEnabled": 0, "AccountPasswordPresent": 1}, ["root_no_mfa"]),
        ({"AccountMFAEnabled": 1, "AccountAccessKeysPresent": 1}, ["root_keys"]),
        ({}, []),
    ],
)
def test_the_root_user_is_as_the_summary_says_now(summary: dict[str, int], keys: list[str]) -> None:
    """The report can be four hours old."""
    reading = account(iam_get_account_summary={"SummaryMap": summary})[ROOT]
    assert [finding.key for finding in reading.findings] == keys


def test_the_root_user_acted() -> None:
    """A fact that is critical in every stage."""
    acted = line("<root_account>", mfa_active="true", password_last_used=(NOW - timedelta(hours=2)).isoformat())
    (finding,) = account(iam_get_credential_report=report(acted))[ROOT].findings
    assert (finding.key, set(finding.facts)) == ("root_used", {Fact.ROOT_USE})
    assert finding.summary == "the root user acted, last at 2026-03-02 10:00 UTC"


def test_no_user_no_password_policy() -> None:
    """People who come through an identity provider have no password here."""
    found = account(iam_get_credential_report=report(GOOD_ROOT, line("bot")))
    assert found[f"{ACCOUNT}/password-policy"].outcome is Outcome.NOT_APPLICABLE


def test_administrators_who_are_users() -> None:
    """AWS' own policy of everything, held by a user; a role may have it."""
    held = {"AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]}
    found = account(
        iam_get_account_authorization_details=details(
            users=(principal("User", "ann") | held,), roles=(principal("Role", "admin", trust=BY_EC2) | held,)
        )
    )
    assert found[arn("iam", "user/ann", region="")].findings[0].key == "policy_admin:AdministratorAccess"
    assert found[arn("iam", "role/admin", region="")].outcome is Outcome.HEALTHY


def test_a_role_of_a_service_is_not_ours() -> None:
    """Nobody can change it."""
    service = principal("Role", "AWSServiceRoleForX", path="/aws-service-role/x/", trust=BY_ALL)
    found = account(iam_get_account_authorization_details=details(roles=(service,)))
    assert not any("AWSServiceRoleForX" in name for name in found)


def test_a_policy_that_cannot_be_read_is_not_known() -> None:
    """Neither it nor a role whose trust policy is missing is green."""
    broken = policy("p", LITTLE) | {"PolicyVersionList": []}
    role = principal("Role", "r")
    found = account(iam_get_account_authorization_details=details(policies=(broken,), roles=(role,)))
    assert found[arn("iam", "policy/p", region="")].outcome is Outcome.UNKNOWN
    assert found[arn("iam", "role/r", region="")].outcome is Outcome.UNKNOWN


def test_nothing_secret_is_told() -> None:
    """Of a policy with a secret in it, its name."""
    canary = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:token": "canary"}}}
    found = account(
        s3_get_bucket_policy={"Policy": json.dumps({"Statement": [canary]})},
        iam_get_account_authorization_details=details(policies=(policy("p", {"Statement": [canary]}),)),
    )
    assert found[arn("iam", "policy/p", region="")].verdict == "policy_admin"
    assert "canary" not in str(found)
