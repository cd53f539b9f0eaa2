"""A state in S3, with its lock and digest in DynamoDB or beside it: Terraform's S3 backend, read only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.base import LookFailed
from daemon.aws import Aws, is_deleted, is_missing, look
from daemon.inventory.model import Backend
from daemon.planning.ended import LookEndedError, config_error, error
from daemon.planning.s3access import BadEndpointError, S3Access
from daemon.planning.state import StateSeen, locked, mark_of, moved, never_deployed, truth, whole


@dataclass(frozen=True, slots=True)
class S3State:
    """The state of one instance. *env* is what its Terraform gets: credentials and endpoints may come from there."""

    backend: Backend
    env: Mapping[str, str] = field(repr=False)
    aws: Aws = field(repr=False)

    @property
    def shown(self) -> str:
        return f"s3://{self.backend.bucket}/{self.backend.key}"

    def before(self) -> StateSeen:
        self._check_place()
        self._check_locks()
        digest = self._item(f"{self.backend.bucket}/{self.backend.key}-md5").get("Digest", {}).get("S", "")
        found = self._get(self.backend.key)
        if found is None:
            if digest:
                raise error(
                    f"the state {self.shown} is gone, but its digest is not: it was deleted by hand",
                    cause="state deleted",
                    remedy="restore the state object from an earlier version",
                )
            self._check_names()
            raise never_deployed(self.shown)
        body, mark = found
        # Compared here, as Terraform itself tries for ten seconds before it says the same.
        if digest and digest != mark_of(body):
            raise error(
                f"the state {self.shown} is damaged: it does not match its digest in {self._table}",
                cause="state digest",
                remedy="find out who wrote the object last, and restore the version that matches the digest",
            )
        return whole(body, mark)

    def _check_place(self) -> None:
        for name in ("bucket", "key"):
            value = self.backend.config.get(name)
            if not isinstance(value, str | int) or not str(value):
                raise config_error(f"the S3 backend names no {name}", cause="backend incomplete")

    def _check_names(self) -> None:
        """Where Terraform refuses the key or prefix, that nothing is there says nothing."""
        for name in ("key", "workspace_key_prefix"):
            value = str(self.backend.config.get(name) or "")
            doubled = name == "key" and "//" in value
            if value.startswith("/") or value.endswith("/") or doubled or not value.isprintable():
                raise config_error(
                    f"the S3 backend's {name} {value!r} is none that Terraform takes, and there is no state under it",
                    cause="backend incomplete",
                    remedy=f"write {name} without a slash at either end, two in a row, or control characters",
                )

    def after(self, seen: StateSeen) -> None:
        self._check_locks()
        try:
            with look(f"the state {self.shown}"):
                answer = self._s3.head_object(Bucket=self.backend.bucket, Key=self.backend.key)
        except LookFailed as failed:
            if is_missing(failed.__cause__):
                raise moved("it was deleted") from failed
            raise _failed(failed) from failed
        if _mark(answer) != seen.mark:
            raise moved(self.shown)

    def _check_locks(self) -> None:
        item = self._item(f"{self.backend.bucket}/{self.backend.key}")
        if item:
            raise locked(f"DynamoDB table {self._table}", item.get("Info", {}).get("S", ""))
        if truth(self.backend.config, "use_lockfile"):
            found = self._get(self.backend.key + ".tflock")
            if found is not None:
                raise locked(f"{self.shown}.tflock", found[0].decode(errors="replace"))

    def _get(self, key: str) -> tuple[bytes, str] | None:
        """An object and its mark; None: it is not there."""
        where = f"s3://{self.backend.bucket}/{key}"
        try:
            with look(where):
                answer = self._s3.get_object(Bucket=self.backend.bucket, Key=key)
                with answer["Body"] as stream:
                    return stream.read(), _mark(answer)
        except LookFailed as failed:
            if is_missing(failed.__cause__):
                if is_deleted(failed.__cause__):
                    self._check_deleted(key, where)
                return None
            raise _failed(failed) from failed

    def _check_deleted(self, key: str, where: str) -> None:
        """A lock that was let go is deleted; a state that was deleted is not one that never was."""
        if key == self.backend.key:
            raise error(
                f"the state {where} was deleted: the bucket keeps a delete marker in its place",
                cause="state deleted",
                remedy="restore an earlier version of the object; if it was meant, disable the component",
            )

    def _item(self, lock_id: str) -> Mapping[str, Any]:
        """An item of the lock table; empty: it is not there, or there is no table."""
        if not self._table:
            return {}
        try:
            with look(f"the lock table {self._table}"):
                client = self._client("dynamodb")
                answer = client.get_item(TableName=self._table, Key={"LockID": {"S": lock_id}}, ConsistentRead=True)
        except LookFailed as failed:
            raise _failed(failed) from failed
        item: Mapping[str, Any] = answer.get("Item") or {}
        return item

    @property
    def _access(self) -> S3Access:
        return S3Access(self.backend, self.env, self.aws)

    @property
    def _table(self) -> str:
        return self._access.table

    @property
    def _s3(self) -> Any:
        return self._client("s3")

    def _client(self, service: str) -> Any:
        try:
            return self._access.client(service)
        except LookFailed as failed:
            raise _failed(failed) from failed
        except BadEndpointError as bad:
            raise config_error(
                str(bad), cause="backend endpoint", remedy="write it with its scheme: https://…"
            ) from None


def _mark(answer: Mapping[str, Any]) -> str:
    return f"{answer.get('ETag', '')} {answer.get('VersionId', '')} {answer.get('LastModified', '')}"


def _failed(failed: LookFailed) -> LookEndedError:
    remedy = "give Barograph's role s3:GetObject and s3:ListBucket on the state, dynamodb:GetItem on the lock table"
    ended = error(f"{failed} ({failed.reason})", cause=f"state {failed.reason}")
    if failed.reason == "denied":
        ended.remedy = remedy
    return ended
