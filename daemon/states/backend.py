"""The settings of a bucket that holds states, and of its lock tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from checks.states.model import BackendLook, Gap, LifecycleRule, TableLook
from daemon.aws import error_code
from daemon.planning.s3access import S3Access
from daemon.states.s3 import unread
from daemon.states.source import UnreadError

_T = TypeVar("_T")
_NO_BUCKET = frozenset({"NoSuchBucket"})
_NO_TABLE = frozenset({"ResourceNotFoundException"})
_NO_SETTING = frozenset(
    {
        "NoSuchPublicAccessBlockConfiguration", "ServerSideEncryptionConfigurationNotFoundError", "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BackendSource:
    """A bucket, reached as the first of its states is; *tables*: the ways to its lock tables, by name."""

    access: S3Access = field(repr=False)
    keys: tuple[str, ...] = ()
    tables: Mapping[str, S3Access] = field(default_factory=dict, repr=False)

    def look(self) -> BackendLook:
        """All settings; what could not be read is a Gap, and the others are read all the same."""
        bucket = self.access.backend.bucket
        there = self._there(bucket)
        tables = tuple(_table(name, access) for name, access in sorted(self.tables.items()))
        if there is not True:
            return BackendLook(bucket, there, self.keys, tables=tables)

        def ask(
            what: str, action: str, operation: str, read: Callable[[Mapping[str, Any]], _T], absent: _T
        ) -> _T | Gap:
            return _asked(self.access, what, action, operation, {"Bucket": bucket}, read, absent)

        return BackendLook(
            bucket,
            there,
            self.keys,
            versioning=ask(
                f"the versioning of {bucket}", "s3:GetBucketVersioning", "get_bucket_versioning",
                lambda answer: str(answer.get("Status", "")), "",
            ),
            encryption=ask(
                f"the encryption of {bucket}", "s3:GetEncryptionConfiguration", "get_bucket_encryption", _algorithm, "",
            ),
            blocked=ask(
                f"the public access block of {bucket}", "s3:GetBucketPublicAccessBlock", "get_public_access_block",
                _blocked, frozenset(),
            ),
            public=ask(
                f"the policy status of {bucket}", "s3:GetBucketPolicyStatus", "get_bucket_policy_status",
                lambda answer: bool(answer["PolicyStatus"]["IsPublic"]), False,
            ),
            lifecycle=ask(
                f"the lifecycle of {bucket}", "s3:GetLifecycleConfiguration", "get_bucket_lifecycle_configuration",
                lambda answer: tuple(_rules(answer)), (),
            ),
            tables=tables,
        )  # fmt: skip

    def _there(self, bucket: str) -> bool | Gap:
        what = f"the bucket {bucket}"
        try:
            with unread(what, "s3:ListBucket"):
                # Not HeadBucket: what it says of a missing bucket is no more than a number.
                self.access.client("s3").list_objects_v2(Bucket=bucket, MaxKeys=1)
        except UnreadError as failed:
            return False if error_code(failed.__cause__) in _NO_BUCKET else failed.gap
        return True


def _asked(
    access: S3Access,
    what: str,
    action: str,
    operation: str,
    parameters: Mapping[str, str],
    read: Callable[[Mapping[str, Any]], _T],
    absent: _T,
    service: str = "s3",
) -> _T | Gap:
    try:
        with unread(what, action):
            answer = getattr(access.client(service), operation)(**parameters)
    except UnreadError as failed:
        return absent if error_code(failed.__cause__) in _NO_SETTING else failed.gap
    if _is_empty(answer):
        return Gap(what, "failed", action)
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError):
        return Gap(what, "failed", action)  # an answer without what was asked for is none


def _is_empty(answer: Mapping[str, Any]) -> bool:
    """Whether no byte came. To botocore that is an answer in which every setting is off."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("content-length", "")) == "0"


def _algorithm(answer: Mapping[str, Any]) -> str:
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
    return str(rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]) if rules else ""


def _blocked(answer: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name, on in answer["PublicAccessBlockConfiguration"].items() if on is True)


def _rules(answer: Mapping[str, Any]) -> list[LifecycleRule]:
    found = []
    for rule in answer["Rules"]:
        chosen = rule.get("Filter") or {}
        both = chosen.get("And") or {}
        if rule.get("Status") != "Enabled" or chosen.get("Tag") or both.get("Tags"):
            continue  # Terraform writes states without tags
        noncurrent, current = rule.get("NoncurrentVersionExpiration") or {}, rule.get("Expiration") or {}
        days = noncurrent.get("NoncurrentDays")
        after = current.get("Days")
        prefix = rule.get("Prefix") or chosen.get("Prefix") or both.get("Prefix") or ""
        found.append(
            LifecycleRule(str(rule.get("ID", "")), prefix, after, days, noncurrent.get("NewerNoncurrentVersions") or 0)
        )
    return found


def _table(name: str, access: S3Access) -> TableLook:
    what = f"the lock table {name}"
    try:
        with unread(what, "dynamodb:DescribeTable"):
            answer = access.client("dynamodb").describe_table(TableName=name)
            table = answer.get("Table")
    except UnreadError as failed:
        return TableLook(name, False if error_code(failed.__cause__) in _NO_TABLE else failed.gap)
    if not table:
        return TableLook(name, Gap(what, "failed", "dynamodb:DescribeTable"))
    recovery = _asked(
        access, f"the backups of {name}", "dynamodb:DescribeContinuousBackups", "describe_continuous_backups",
        {"TableName": name}, _recovers, False, "dynamodb",
    )  # fmt: skip
    return TableLook(name, True, recovery, bool(table.get("DeletionProtectionEnabled")))


def _recovers(answer: Mapping[str, Any]) -> bool:
    described = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return bool(described["PointInTimeRecoveryStatus"] == "ENABLED")
