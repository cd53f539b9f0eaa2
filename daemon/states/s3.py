"""A state in S3, its digest and its locks: Terraform's S3 backend, read only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from checks.base import LookFailed
from checks.states.locks import lock_of
from checks.states.model import Deleted, Gap, LockSeen
from daemon.aws import is_deleted, is_missing, look
from daemon.inventory.model import Backend
from daemon.planning.s3access import BadEndpointError, S3Access
from daemon.planning.state import truth
from daemon.states.source import OF_VERSION, Head, UnreadError

_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_CHUNK = 1024 * 1024
# Without the second one, S3 answers "denied" for what is not there.
_TO_READ = "s3:GetObject and s3:ListBucket"
_KMS = frozenset({"aws:kms", "aws:kms:dsse"})


@contextmanager
def unread(what: str, action: str) -> Iterator[None]:
    """Turn what goes wrong inside into UnreadError, which names the IAM action it takes."""
    try:
        with look(what):
            yield
    except UnreadError:
        raise
    except LookFailed as failed:
        raise UnreadError(Gap(what, failed.reason, action), str(failed)) from failed.__cause__
    except BadEndpointError as bad:
        raise UnreadError(Gap(what, "failed", ""), str(bad)) from None


@dataclass(frozen=True, slots=True)
class S3Source:
    """The state of one backend and workspace. *version*: one old version of it; empty: the newest."""

    access: S3Access = field(repr=False)
    version: str = ""

    @property
    def backend(self) -> Backend:
        return self.access.backend

    @property
    def shown(self) -> str:
        return f"s3://{self.backend.bucket}/{self.backend.key}"

    @property
    def id(self) -> str:
        """Two endpoints are two worlds."""
        endpoint, version = self.access.endpoint("s3"), f"{OF_VERSION}{self.version}" if self.version else ""
        return f"{self.shown}{f' at {endpoint}' if endpoint else ''}{version}"

    def head(self) -> Head | None:
        """What HEAD says. A missing bucket looks like a missing object to it, so body() tells them apart."""
        try:
            with unread(f"the state {self.shown}", _TO_READ):
                answer = self._s3.head_object(**self._where)
                return _head(answer, answer.get("ContentLength"), self.shown)
        except UnreadError as failed:
            if is_missing(failed.__cause__):
                return None
            raise

    def body(self) -> tuple[bytes, str, Head] | None:
        """The object, hashed while it comes in."""
        what, digest = f"the state {self.shown}", hashlib.md5(usedforsecurity=False)
        try:
            with unread(what, "s3:GetObjectVersion" if self.version else f"{_TO_READ}, and kms:Decrypt of its key"):
                answer = self._s3.get_object(**self._where)
                read = bytearray()
                with closing(answer["Body"]) as stream:
                    for chunk in stream.iter_chunks(_CHUNK):
                        digest.update(chunk)
                        read += chunk
        except UnreadError as failed:
            if is_missing(failed.__cause__):
                return None
            raise
        head = _head(answer, answer.get("ContentLength"), self.shown)
        if head.size != len(read):
            raise UnreadError(Gap(what, "failed", ""), f"{what}: {len(read)} of {head.size} bytes came")
        return bytes(read), digest.hexdigest(), head

    def deleted(self) -> Deleted | None:
        """Whether the object was deleted and a version of it is left; asked when it is not there."""
        key, bucket = self.backend.key, self.backend.bucket
        try:
            with unread(f"the versions of {self.shown}", "s3:ListBucketVersions"):
                answer = self._s3.list_object_versions(Bucket=bucket, Prefix=key)
        except UnreadError:
            return Deleted() if self._has_marker() else None
        # Names that begin alike come behind: what is of this key is on the first page.
        markers = [one for one in answer.get("DeleteMarkers", ()) if one["Key"] == key]
        versions = [one for one in answer.get("Versions", ()) if one["Key"] == key]
        if not markers or not versions:
            return None
        newest = max(markers, key=lambda one: bool(one.get("IsLatest")))
        last = max(versions, key=lambda one: _time(one.get("LastModified")).timestamp())
        return Deleted(newest.get("VersionId", ""), _time(newest.get("LastModified")), str(last.get("VersionId", "")))

    def versions(self) -> list[tuple[str, datetime]]:
        """The id and the time of each of the newest thousand versions, the newest first. Raises UnreadError."""
        key, bucket = self.backend.key, self.backend.bucket
        with unread(f"the versions of {self.shown}", "s3:ListBucketVersions"):
            answer = self._s3.list_object_versions(Bucket=bucket, Prefix=key)
        return [
            (str(one.get("VersionId", "")), _time(one.get("LastModified")))
            for one in answer.get("Versions", ()) if one["Key"] == key
        ]  # fmt: skip

    def _has_marker(self) -> bool:
        try:
            with look(self.shown):
                self._s3.get_object(Bucket=self.backend.bucket, Key=self.backend.key)
        except LookFailed as failed:
            return is_deleted(failed.__cause__)
        return False

    def digest(self) -> str:
        """The digest that the lock table holds; empty: none. Raises UnreadError."""
        item = self._item(f"{self.backend.bucket}/{self.backend.key}-md5")
        return str(item.get("Digest", {}).get("S", ""))

    def table_lock(self) -> LockSeen | None:
        """The lock in DynamoDB; None: it is free. Raises UnreadError."""
        item = self._item(f"{self.backend.bucket}/{self.backend.key}")
        if not item:
            return None
        return lock_of("dynamodb", f"DynamoDB table {self.access.table}", str(item.get("Info", {}).get("S", "")))

    def object_lock(self) -> LockSeen | None:
        """The lock beside the state; None: it is free, or none is made there. Raises UnreadError."""
        if not truth(self.backend.config, "use_lockfile"):
            return None
        where = f"{self.shown}.tflock"
        try:
            with unread(f"the lock {where}", _TO_READ):
                answer = self._s3.get_object(Bucket=self.backend.bucket, Key=f"{self.backend.key}.tflock")
                _head(answer, answer.get("ContentLength"), where)
                with closing(answer["Body"]) as stream:
                    text = stream.read(_CHUNK).decode(errors="replace")
        except UnreadError as failed:
            if is_missing(failed.__cause__):
                return None
            raise
        modified = answer.get("LastModified")
        return lock_of("s3", where, text, modified if isinstance(modified, datetime) else None)

    def _item(self, lock_id: str) -> Mapping[str, Any]:
        table = self.access.table
        if not table:
            return {}
        with unread(f"the lock table {table}", "dynamodb:GetItem"):
            answer = self.access.client("dynamodb").get_item(
                TableName=table, Key={"LockID": {"S": lock_id}}, ConsistentRead=True
            )
        # "No such item" is an answer of two bytes; no byte at all is no answer.
        if str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("content-length", "")) == "0":
            raise UnreadError(Gap(f"the lock table {table}", "failed", ""), f"the lock table {table}: an empty answer")
        item: Mapping[str, Any] = answer.get("Item") or {}
        return item

    @property
    def _where(self) -> Mapping[str, str]:
        place = {"Bucket": self.backend.bucket, "Key": self.backend.key}
        return place | ({"VersionId": self.version} if self.version else {})

    @property
    def _s3(self) -> Any:
        return self.access.client("s3")


def version_of(mark: str) -> str:
    """The version that a Head's mark names; empty: the bucket keeps none."""
    parts = mark.split(" ")
    return parts[1] if len(parts) > 1 and parts[1] != "null" else ""


def _head(answer: Mapping[str, Any], size: object, shown: str) -> Head:
    """Raises UnreadError for an answer that cannot be S3's: proxies answer anything."""
    etag = str(answer.get("ETag", ""))
    if not etag or not isinstance(size, int):
        what = f"the state {shown}"
        raise UnreadError(Gap(what, "failed", ""), f"{what}: the answer names no version, so it is not S3's")
    mark = f"{etag} {answer.get('VersionId', '')} {answer.get('LastModified', '')}"
    encrypted = answer.get("ServerSideEncryption") in _KMS or bool(answer.get("SSECustomerAlgorithm"))
    match = None if encrypted else _MD5.fullmatch(etag)  # multipart uploads have a "-2" behind, and no MD5 at all
    modified = answer.get("LastModified")
    return Head(mark, size, match[1] if match else "", modified if isinstance(modified, datetime) else None)


def _time(value: object) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromtimestamp(0).astimezone()
