"""Objects in S3 that nobody can change or remove until a date: object lock. As Barograph's own identity.

Facts: docs.aws.amazon.com/AmazonS3, "Locking objects with Object Lock" and "Conditional writes". A DELETE of a locked
object only puts a marker in front of it, and a second PUT a newer version, so what counts is the list of all versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daemon.aws.clients import Aws
from daemon.aws.errors import error_code, look


@dataclass(frozen=True, slots=True)
class Kept:
    """One object. *hidden*: somebody has tried to remove it, and a marker stands in front of it."""

    name: str
    at: datetime
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class LockedBucket:
    """A bucket with object lock. Nothing is called when it is made."""

    bucket: str
    prefix: str
    mode: str  # COMPLIANCE or GOVERNANCE
    aws: Aws = field(repr=False)
    region: str = ""
    endpoint_url: str = ""

    def put(self, name: str, body: bytes, until: datetime) -> str:
        """Write an object that is locked until a moment, unless it is there; give its address.

        Raises LookFailed: without s3:PutObject and s3:PutObjectRetention, and where the bucket has no object lock.
        """
        key = f"{self.prefix}{name}"
        with look(f"the anchor s3://{self.bucket}/{key}"):
            try:
                self._client.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*",
                    ObjectLockMode=self.mode, ObjectLockRetainUntilDate=until,
                )  # fmt: skip
            except Exception as error:
                if error_code(error) != "PreconditionFailed":  # it is there: an earlier attempt went through
                    raise
        return f"s3://{self.bucket}/{key}"

    def names(self) -> Iterator[Kept]:
        """Every object that was ever written below the prefix, without it. Raises LookFailed."""
        with look(f"the anchors s3://{self.bucket}/{self.prefix}"):
            first: dict[str, datetime] = {}
            hidden: set[str] = set()
            pages = self._client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix):
                for each in page.get("Versions", ()):
                    at = first.get(each["Key"], each["LastModified"])
                    first[each["Key"]] = min(at, each["LastModified"])
                hidden |= {each["Key"] for each in page.get("DeleteMarkers", ()) if each.get("IsLatest")}
        for key, at in sorted(first.items()):
            yield Kept(key.removeprefix(self.prefix), at, key in hidden)

    @property
    def _client(self) -> Any:
        return self.aws.client("s3", self.region, endpoint_url=self.endpoint_url, path_style=bool(self.endpoint_url))
