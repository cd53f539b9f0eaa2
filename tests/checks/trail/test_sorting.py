"""Who an event is of, what it is, and what nobody has to hear of: a table of records."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.access import Access
from checks.trail.events import Actor, event_of
from checks.trail.sorting import FACTS, KINDS, MEANING, SENSITIVE, Activity, Rules, activities
from tests.aws.places import ACCOUNT, NOW
from tests.checks.trail.history import ANN, ROOT, SERVICE, assumed, event, sign_in, sso, user

CHECK = Access()
RULES = Rules(CHECK.deploy_roles, CHECK.privileged_roles, CHECK.ignore_events)
EC2 = sso("web", context={"ec2RoleDelivery": "2.0"})
POD = sso("pod", context={"webIdFederationData": {"federatedProvider": "arn:aws:iam::1:oidc-provider/oidc.eks"}})
FUNCTION = sso("fn", inScopeOf={"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": "arn:aws:lambda:x"})
LINKED = sso("AWSServiceRoleForECS")
LINKED["sessionContext"]["sessionIssuer"]["arn"] = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
)
CASES: list[tuple[str, dict[str, Any], tuple[Activity, str] | None]] = [
    ("a change by hand", event("RunInstances"), (Activity.CHANGE_BY_HAND, "ec2")),
    ("a change by an IAM user", event("RunInstances", identity=user("ann")), (Activity.CHANGE_BY_HAND, "ec2")),
    ("a read", event("DescribeInstances", write=False), None),
    ("one that was refused", event("RunInstances", errorCode="UnauthorizedOperation"), None),
    ("a sensitive change", event("AuthorizeSecurityGroupIngress"), (Activity.SENSITIVE_CHANGE, "ec2")),
    ("the audit trail stopped", event("StopLogging", "cloudtrail"), (Activity.SENSITIVE_CHANGE, "cloudtrail")),
    ("a deployment", event("RunInstances", identity=sso("acme-terraform-apply")), None),
    ("a deploying user", event("RunInstances", identity=user("github-ci")), None),
    ("a session named like a deployment", event("RunInstances", identity=sso("Admin", "terraform")),
     (Activity.CHANGE_BY_HAND, "ec2")),
    ("a session named like an instance", event("RunInstances", identity=sso("Admin", "i-0123456789abcdef0")),
     (Activity.CHANGE_BY_HAND, "ec2")),
    ("a service", event("CreateNetworkInterface", identity=SERVICE), None),
    ("a service for somebody", event("CreateStack", identity={**sso("Admin"), "invokedBy": "cloudformation"}), None),
    ("a service-linked role", event("RunTask", "ecs", identity=LINKED), None),
    ("an event of a service", event("RotateKey", "kms", identity={}, eventType="AwsServiceEvent"), None),
    ("an instance", event("RunInstances", identity=EC2), None),
    ("a pod", event("RunInstances", identity=POD), None),
    ("a function", event("RunInstances", identity=FUNCTION), None),
    ("somebody of another account", event("PutObjectAcl", "s3", identity={"type": "AWSAccount", "accountId": "9" * 12}),
     (Activity.CHANGE_BY_HAND, "s3")),
    ("a kind of identity that is new", event("RunInstances", identity={"type": "Robot"}),
     (Activity.CHANGE_BY_HAND, "ec2")),
    ("a question that is listed as a write", event("StartQuery", "logs"), None),
    ("root changes", event("CreateUser", "iam", identity=ROOT), (Activity.ROOT_USE, "198.51.100.7")),
    ("root reads", event("ListUsers", "iam", identity=ROOT, write=False), (Activity.ROOT_USE, "198.51.100.7")),
    ("root is refused", event("ListUsers", "iam", identity=ROOT, errorCode="AccessDenied"),
     (Activity.ROOT_USE, "198.51.100.7")),
    ("a service for root", event("GetBucket", "s3", identity={**ROOT, "invokedBy": "s3.amazonaws.com"}), None),
    ("root signs in", sign_in(ROOT), (Activity.ROOT_USE, "198.51.100.7")),
    ("root fails to sign in", sign_in(ROOT, well=False), (Activity.FAILED_SIGN_INS, "198.51.100.7")),
    ("a user signs in with MFA", sign_in(user("ann")), (Activity.SIGN_IN, "console")),
    ("a user signs in without", sign_in(user("ann"), mfa=False), (Activity.SIGN_IN_WITHOUT_MFA, "console")),
    ("a session signs in: its MFA was elsewhere", sign_in(sso("Admin"), mfa=False), (Activity.SIGN_IN, "console")),
    ("a user fails to sign in", sign_in(user("ann"), well=False), (Activity.FAILED_SIGN_INS, "198.51.100.7")),
    ("a privileged role", assumed("AdminAccess", user("ann")), (Activity.PRIVILEGED_ROLE, "AdminAccess")),
    ("another role", assumed("reader", user("ann")), None),
    ("a privileged role, refused", assumed("AdminAccess", user("ann"), errorCode="AccessDenied"), None),
    ("a privileged role for a service", assumed("AdminAccess", SERVICE), None),
    ("a privileged role for a deployment", assumed("AdminAccess", sso("terraform")), None),
    ("by SAML", {**assumed("AdminAccess", {"type": "SAMLUser", "userName": ANN}), "EventName": "AssumeRoleWithSAML"},
     (Activity.PRIVILEGED_ROLE, "AdminAccess")),
    ("a record that is no JSON", {**event("RunInstances"), "CloudTrailEvent": "{"}, (Activity.CHANGE_BY_HAND, "ec2")),
    ("no record, and root by name", {**event("RunInstances", username="root"), "CloudTrailEvent": ""},
     (Activity.ROOT_USE, "unknown address")),
]  # fmt: skip


@pytest.mark.parametrize(("case", "row", "told"), CASES, ids=[case[0] for case in CASES])
def test_each_event_is_told_as_what_it_is(case: str, row: dict[str, Any], told: tuple[Activity, str] | None) -> None:
    """People are told from programs by what AWS and the configuration say, never by names that they choose."""
    assert list(activities(event_of(row, NOW), RULES)) == ([told] if told else [])


def test_machines_are_told_where_that_is_asked_for() -> None:
    """What an instance changes can be of interest too."""
    rules = Rules(machines=True)
    for identity in (EC2, POD, FUNCTION):
        assert list(activities(event_of(event("RunInstances", identity=identity), NOW), rules)) != []


@pytest.mark.parametrize(
    ("identity", "actor", "principal"),
    [
        (ROOT, Actor.ROOT, "root"),
        (user("ann"), Actor.USER, "user/ann"),
        (sso("Admin"), Actor.ROLE, f"role/Admin/{ANN}"),
        (EC2, Actor.MACHINE, f"role/web/{ANN}"),
        ({"type": "AWSAccount", "accountId": "999999999999"}, Actor.OTHER_ACCOUNT, "account/999999999999"),
        ({"type": "Robot"}, Actor.UNKNOWN, f"user/{ANN}"),
        ({}, Actor.UNKNOWN, f"user/{ANN}"),
    ],
)
def test_who_it_was(identity: dict[str, Any], actor: Actor, principal: str) -> None:
    """In words that people know: the role with the session, the user, the account."""
    found = event_of(event("RunInstances", identity=identity or {"type": ""}), NOW)
    assert (found.actor, found.principal) == (actor, principal)


@pytest.mark.parametrize(
    ("agent", "more", "via"),
    [
        ("signin.amazonaws.com", {}, "console"),
        ("Mozilla/5.0", {"sessionCredentialFromConsole": "true"}, "console"),
        ("aws-cli/2.17 md/x", {}, "cli"),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.9.0", {}, "terraform"),
        ("Boto3/1.35 secret-canary", {}, "sdk"),
        ("", {}, ""),
    ],
)
def test_by_what_kind_of_program(agent: str, more: dict[str, Any], via: str) -> None:
    """In words of ours: what a client calls itself is not kept."""
    assert event_of(event("RunInstances", userAgent=agent, **more), NOW).via == via


def test_of_what_was_asked_only_the_names_are_kept() -> None:
    """Passwords, keys and user data stand in the parameters."""
    row = event(
        "ModifyDBInstance", "rds", requestParameters={"masterUserPassword": "canary-1", "tags": {"key": "canary-2"}},
        responseElements={"credentials": {"secretAccessKey": "canary-3"}}, errorMessage="canary-4",
        userAgent="canary-5", resources=[("AWS::IAM::AccessKey", "AKIACANARY6"), ("AWS::RDS::DBInstance", "main")],
    )  # fmt: skip
    found = event_of(row, NOW)
    assert found.parameters == ("masterUserPassword", "tags")
    assert found.resources == ("main",)
    assert "canary" not in repr(found).lower()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
_FIELDS = st.sampled_from(
    ["userIdentity", "eventName", "sourceIPAddress", "userAgent", "errorCode", "resources", "requestParameters",
     "responseElements", "additionalEventData", "eventType"]
)  # fmt: skip


@given(st.dictionaries(_FIELDS, _JSON), st.from_regex("[!-~]{0,20}", fullmatch=True), st.booleans())
def test_any_record_is_an_event(record: dict[str, Any], name: str, whole: bool) -> None:
    """Whatever a record holds, it is read without an error, and an event of a person is not lost for it."""
    text = json.dumps(record)
    row = {**event("X"), "EventName": name, "CloudTrailEvent": text if whole else text[:-1]}
    found = event_of(row, NOW)
    assert found.name == name
    told = list(activities(found, RULES))
    unexplained = found.readable and found.actor is Actor.UNKNOWN and not found.error
    assert len(told) == 1 if unexplained and not name.startswith("AssumeRole") else len(told) <= 1


def test_every_activity_has_its_words_and_its_kind() -> None:
    """A new one needs all of them."""
    assert set(MEANING) == set(KINDS) == set(Activity)
    assert set(FACTS) <= set(Activity)
    assert set(map(str, Activity)) <= set(Access.verdicts)


def test_sensitive_operations_are_operations() -> None:
    """A name that no service has would never be met."""
    import botocore.session

    session = botocore.session.get_session()
    services = [
        "iam", "sso-admin", "ec2", "s3", "s3control", "rds", "kms", "secretsmanager", "config", "guardduty", "logs",
        "cloudtrail", "securityhub", "organizations", "ecr", "lambda",
    ]  # fmt: skip
    known = {name for service in services for name in session.get_service_model(service).operation_names}
    # S3 writes these names into CloudTrail, which its API has otherwise.
    written = {"DeleteBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutAccountPublicAccessBlock",
               "DeleteAccountPublicAccessBlock"}  # fmt: skip
    assert SENSITIVE - known - written == set()
