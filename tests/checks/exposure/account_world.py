"""Answers of AWS for the check `security` at an account: in each list something right and something wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.aws.fake import Answers, Call
from tests.aws.places import NOW, REGION
from tests.checks.exposure.world import DAY, arn

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED_IN = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
    "cert_2_last_rotated"
)


def line(name: str, **given: Any) -> str:
    """A line of the credential report, of a user who does nothing."""
    root = name == "<root_account>"
    row = dict.fromkeys(COLUMNS.split(","), "N/A") | {
        "user": name, "arn": arn("iam", "root" if root else f"user/{name}", region=""),
        "user_creation_time": (NOW - 400 * DAY).isoformat(), "password_enabled": "not_supported" if root else "false",
        "mfa_active": "false", "access_key_1_active": "false", "access_key_2_active": "false",
        "cert_1_active": "false", "cert_2_active": "false",
    }  # fmt: skip
    return ",".join(str(value) for value in (row | given).values())


def report(*lines: str) -> dict[str, Any]:
    return {"Content": "\n".join((COLUMNS, *lines)).encode(), "ReportFormat": "text/csv", "GeneratedTime": NOW}


GOOD_ROOT = line("<root_account>", mfa_active="true", password_last_used=(NOW - 300 * DAY).isoformat())
EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
LITTLE = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]}
BY_EC2 = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
BY_ALL = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}


def policy(name: str, document: object, attached: int = 1) -> dict[str, Any]:
    """A policy of the account, whose first version allowed everything."""
    versions = [
        {"VersionId": "v1", "Document": json.dumps(EVERYTHING), "IsDefaultVersion": False},
        {"VersionId": "v2", "Document": json.dumps(document), "IsDefaultVersion": True},
    ]
    return {
        "PolicyName": name, "Arn": arn("iam", f"policy/{name}", region=""), "DefaultVersionId": "v2",
        "AttachmentCount": attached, "PolicyVersionList": versions,
    }  # fmt: skip


def principal(kind: str, name: str, *inline: object, path: str = "/", trust: object = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"{kind}Name": name, "Path": path, "Arn": arn("iam", f"{kind.lower()}{path}{name}", region=""),
        f"{kind}PolicyList": [
            {"PolicyName": f"p{number}", "PolicyDocument": json.dumps(each)} for number, each in enumerate(inline)
        ],
    }  # fmt: skip
    return found | ({"AssumeRolePolicyDocument": json.dumps(trust)} if trust else {})


def details(
    policies: Iterable[Any] = (), users: Iterable[Any] = (), groups: Iterable[Any] = (), roles: Iterable[Any] = ()
) -> Any:
    """GetAccountAuthorizationDetails, which gives what its filter names."""
    held = {
        "LocalManagedPolicy": ("Policies", list(policies)), "User": ("UserDetailList", list(users)),
        "Group": ("GroupDetailList", list(groups)), "Role": ("RoleDetailList", list(roles)),
    }  # fmt: skip

    def answer(call: Call) -> Mapping[str, Any]:
        (asked,) = call.parameters["Filter"]
        key, items = held[asked]
        return {key: items, "IsTruncated": False}

    return answer


FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def block(on: bool = True, **flags: bool) -> dict[str, Any]:
    return {"PublicAccessBlockConfiguration": {**dict.fromkeys(FLAGS, on), **flags}}


def of_bucket(good: Mapping[str, Any], bad: Mapping[str, Any]) -> Any:
    """*good* of the bucket "good", *bad* of any other."""
    return lambda call: good if call.parameters["Bucket"] == "good" else bad


def acl(*grants: tuple[str, str]) -> dict[str, Any]:
    return {"Grants": [{"Grantee": {"Type": "Group", "URI": uri}, "Permission": right} for uri, right in grants]}


def tls_only(name: str) -> dict[str, Any]:
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    return {"Policy": json.dumps({"Statement": [statement]})}


def encrypted(algorithm: str) -> dict[str, Any]:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}} if algorithm else {}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def distribution(name: str, viewers: str, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"Quantity": 0, "Items": []}
    return {
        "Id": name, "ARN": arn("cloudfront", f"distribution/{name}", region=""), "Status": "Deployed",
        "LastModifiedTime": NOW, "DomainName": f"{name}.cloudfront.net", "Aliases": empty, "Comment": "",
        "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "o.example.com"}]},
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": viewers},
        "CacheBehaviors": empty, "CustomErrorResponses": empty, "PriceClass": "PriceClass_All", "Enabled": True,
        "ViewerCertificate": {"CloudFrontDefaultCertificate": True}, "WebACLId": "", "HttpVersion": "http2",
        "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}}, "IsIPV6Enabled": True,
        "Staging": False, **more,
    }  # fmt: skip


def distributions(*found: Any) -> dict[str, Any]:
    listed = {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(found), "Items": list(found)}
    return {"DistributionList": listed}


GLOBAL: Answers = {
    ("s3", "list_buckets"): [
        {"Buckets": [{"Name": "good", "BucketRegion": REGION}]},
        {"Buckets": [{"Name": "bad", "BucketRegion": "us-west-2"}]},
    ],
    ("s3control", "get_public_access_block"): block(on=False),
    ("s3", "get_public_access_block"): of_bucket(block(), block(on=False)),
    ("s3", "get_bucket_policy_status"): {"PolicyStatus": {"IsPublic": False}},
    ("s3", "get_bucket_acl"): acl((ALL_USERS, "READ")),
    ("s3", "get_bucket_encryption"): of_bucket(encrypted("AES256"), encrypted("")),
    ("s3", "get_bucket_policy"): of_bucket(tls_only("good"), {"Policy": json.dumps(LITTLE)}),
    ("iam", "generate_credential_report"): {"State": "COMPLETE"},
    ("iam", "get_credential_report"): report(GOOD_ROOT, line("bot"), line("ann", password_enabled="true")),
    ("iam", "get_account_summary"): {"SummaryMap": {"AccountMFAEnabled": 1, "AccountAccessKeysPresent": 0}},
    ("iam", "get_account_password_policy"): {"PasswordPolicy": {"MinimumPasswordLength": 8, "ExpirePasswords": False}},
    ("iam", "get_account_authorization_details"): details(
        policies=(policy("little", LITTLE), policy("all", EVERYTHING), policy("spare", EVERYTHING, 0)),
        users=(principal("User", "bot", LITTLE),),
        groups=(principal("Group", "admins", EVERYTHING),),
        roles=(principal("Role", "app", trust=BY_EC2), principal("Role", "open", trust=BY_ALL)),
    ),
    ("cloudfront", "list_distributions"): distributions(
        distribution("GOOD", "redirect-to-https"), distribution("BAD", "allow-all")
    ),
}
