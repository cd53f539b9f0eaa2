"""Where another service's verdict says the same as a rule of this check. Pure.

Controls are those of the AWS Security Hub User Guide, "Security Hub controls reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

# Control -> rules of this check that say the same of the same resource.
SAME_AS: Mapping[str, tuple[str, ...]] = {
    "EC2.1": ("snapshot_public",),
    "EC2.3": ("store_unencrypted",),
    "EC2.7": ("encryption_not_default",),
    "EC2.13": ("group_open_sensitive",),
    "EC2.14": ("group_open_sensitive",),
    "EC2.18": ("group_open", "group_open_sensitive"),
    "EC2.19": ("group_open_sensitive",),
    "RDS.1": ("snapshot_public",),
    "RDS.2": ("database_public",),
    "RDS.3": ("store_unencrypted",),
    "RDS.27": ("store_unencrypted",),
    "DocumentDB.1": ("store_unencrypted",),
    "DocumentDB.3": ("snapshot_public",),
    "Neptune.1": ("store_unencrypted",),
    "Neptune.3": ("snapshot_public",),
    "EFS.1": ("store_unencrypted",),
    "ElastiCache.4": ("store_unencrypted",),
    "ElastiCache.5": ("transport_plain",),
    "Redshift.1": ("database_public",),
    "Redshift.2": ("transport_plain",),
    "Redshift.10": ("store_unencrypted",),
    "Opensearch.1": ("store_unencrypted",),
    "Opensearch.8": ("transport_plain",),
    "ELB.1": ("listener_plain",),
    "Config.1": ("config_off",),
    "GuardDuty.1": ("guardduty_off",),
    "S3.1": ("bucket_unblocked",),
    "S3.2": ("bucket_public",),
    "S3.3": ("bucket_public",),
    "S3.5": ("bucket_plain_transport",),
    "S3.8": ("bucket_unblocked", "bucket_public"),
    "CloudFront.3": ("distribution_plain",),
    "IAM.1": ("policy_admin",),
    "IAM.3": ("key_old",),
    "IAM.4": ("root_keys",),
    "IAM.5": ("user_no_mfa",),
    "IAM.6": ("root_no_mfa",),
    "IAM.8": ("key_unused", "password_unused"),
    "IAM.9": ("root_no_mfa",),
    "IAM.15": ("password_policy",),
    "IAM.16": ("password_policy",),
    "IAM.22": ("key_unused", "password_unused"),
}  # fmt: skip
# Of these, what this check sees where it looks at the account as a whole, and not at the region that has the verdict.
# Public buckets are not among them: better told of twice than not at all, should the account not be readable.
ELSEWHERE = frozenset(
    {
        "S3.1", "S3.5", "S3.8", "CloudFront.3", "IAM.1", "IAM.3", "IAM.4", "IAM.5", "IAM.6", "IAM.8", "IAM.9",
        "IAM.15", "IAM.16", "IAM.22",
    }
)  # fmt: skip
PUBLIC_DATA = frozenset({"DocumentDB.3", "EC2.1", "Neptune.3", "RDS.1", "S3.2", "S3.3"})
DATA_TYPES = frozenset(
    {
        "AWS::DynamoDB::Stream", "AWS::DynamoDB::Table", "AWS::EC2::Snapshot", "AWS::ECR::Repository",
        "AWS::EFS::FileSystem", "AWS::RDS::DBClusterSnapshot", "AWS::RDS::DBSnapshot", "AWS::S3::Bucket",
        "AWS::S3Express::DirectoryBucket", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::SecretsManager::Secret",
    }
)  # fmt: skip
# Of the account or the region as a whole: whatever the verdict calls the resource.
BY_RULE = frozenset({"EC2.1", "EC2.7", "Config.1", "GuardDuty.1"})
_CONTROL = re.compile(r"([A-Za-z0-9]+\.[0-9]+)$")


class _Where(Protocol):
    @property
    def account(self) -> str: ...

    @property
    def key(self) -> str: ...


def control_of(finding: Mapping[str, Any]) -> str:
    """What a finding of Security Hub is about, equal for the same control of several standards."""
    named = (finding.get("Compliance") or {}).get("SecurityControlId")
    named = named or (finding.get("ProductFields") or {}).get("ControlId")
    if named:
        return str(named)
    generator = str(finding.get("GeneratorId") or "")
    match = _CONTROL.search(generator)
    # A product's own: a package's name, a type. Of those, one vulnerability is one finding.
    return match.group(1) if match else (str(next(iter(finding.get("Types") or ()), "")) or generator or "finding")


def covered(control: str, arn: str, seen: Iterable[tuple[str, str]]) -> bool:
    """Whether this check has told the same of the same resource, or does so at the account."""
    if control in ELSEWHERE:
        return True
    known = set(seen)
    told = {rule for rule, _ in known} if control in BY_RULE else {rule for rule, one in known if one == arn}
    return any(rule in told for rule in SAME_AS.get(control, ()))


def analyzed(resource: str, seen: Iterable[tuple[str, str]]) -> bool:
    """Whether this check has told that the resource is public."""
    return any((rule, resource) in set(seen) for rule in ("snapshot_public", "bucket_public"))


def guarded_resource(finding: Mapping[str, Any], place: _Where) -> str:
    """What a finding of GuardDuty is about: an ARN where it gives one, else a name. Never the id of an access key."""
    resource = finding.get("Resource") or {}
    arns = [str(each["Arn"]) for each in resource.get("S3BucketDetails") or () if each.get("Arn")]
    for name, key in (
        ("EksClusterDetails", "Arn"), ("EcsClusterDetails", "Arn"), ("LambdaDetails", "FunctionArn"),
        ("RdsDbInstanceDetails", "DbInstanceArn"), ("EbsSnapshotDetails", "SnapshotArn"),
        ("Ec2ImageDetails", "ImageArn"), ("RecoveryPointDetails", "RecoveryPointArn"),
    ):  # fmt: skip
        held = (resource.get(name) or {}).get(key)
        if held:
            arns.append(str(held))
    if arns:
        return arns[0]
    instance = (resource.get("InstanceDetails") or {}).get("InstanceId")
    if instance:
        region = str(finding.get("Region") or "")
        return f"arn:{finding.get('Partition') or 'aws'}:ec2:{region}:{place.account}:instance/{instance}"
    user = (resource.get("AccessKeyDetails") or {}).get("UserName")
    return f"{place.key}/{'user/' + str(user) if user else resource.get('ResourceType') or 'account'}"
