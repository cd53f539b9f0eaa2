"""Telling the head of the audit trail to somebody outside, who cannot be made to forget it.

In S3 the name of an object says all of it, `SEQ-HASH.json`, so that one list of names is enough to compare.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from alerts.base import NotifyError
from alerts.sinks.http import Http, Request
from alerts.sinks.webhook import SCHEME, signature
from checks.base import LookFailed
from daemon.audit.chain import DOMAIN, VERSION, Head
from daemon.audit.verify import HERE, S3, Anchored
from daemon.aws.locked import LockedBucket
from daemon.store import AnchorRow, JobStateRow, Reader, Store, audit

log = logging.getLogger(__name__)

WEBHOOK = "webhook"
JOB = "audit anchor:"  # and the name of the target: how the store calls the work of telling it
_NAME = re.compile(r"(?P<seq>\d{12})-(?P<hash>[0-9a-f]{64})\.json")


class AnchorError(Exception):
    """The head was not taken, or nobody knows whether it was. The text says what to do, and holds no secret."""


class Target(Protocol):
    """Somebody outside. *name*: as anchors are stored under it."""

    @property
    def name(self) -> str: ...

    def tell(self, head: Head, now: datetime) -> str:
        """Tell it; give where it lies. The same head twice is no harm. Raises AnchorError."""
        ...


def statement(head: Head, now: datetime) -> Mapping[str, object]:
    """What is told: nothing of what the rows say."""
    return {
        "kind": DOMAIN, "version": VERSION, "seq": head.seq, "hash": head.hash,
        "at": now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hook:
    """A receiver of signed webhooks (see alerts.sinks.webhook). The id is made of the head, so a repeat is known."""

    url: str = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    http: Http = field(repr=False)
    name: str = WEBHOOK

    def tell(self, head: Head, now: datetime) -> str:
        mark = f"audit-{head.seq}-{head.hash[:32]}"
        body = json.dumps({**statement(head, now), "id": mark}, sort_keys=True).encode()
        stamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json", "X-Barograph-Id": mark, "X-Barograph-Timestamp": stamp,
            "X-Barograph-Signature": signature(self.secrets, stamp, body),
        }  # fmt: skip
        try:
            answer = self.http.send(Request(self.url, body, headers))
        except NotifyError as error:
            raise AnchorError(f"the webhook could not be told: {error}") from None
        if not 200 <= answer.status < 300:
            raise AnchorError(f"the webhook did not take it: HTTP {answer.status}; signed with {SCHEME}")
        return ""


@dataclass(frozen=True, slots=True)
class Vault:
    """A bucket with object lock. *lock_for*: how long an anchor can be removed by nobody."""

    bucket: LockedBucket
    lock_for: timedelta
    name: str = S3

    def tell(self, head: Head, now: datetime) -> str:
        body = json.dumps(statement(head, now), sort_keys=True).encode()
        try:
            return self.bucket.put(f"{head.seq:012d}-{head.hash}.json", body, now + self.lock_for)
        except LookFailed as error:
            raise AnchorError(
                f"{error}. It takes object lock on the bucket, s3:PutObject, s3:PutObjectRetention"
            ) from None

    def read(self) -> Iterator[Anchored]:
        """All that was ever anchored. Raises LookFailed."""
        for kept in self.bucket.names():
            found = _NAME.fullmatch(kept.name)
            if found is not None:
                head = Head(int(found["seq"]), found["hash"])
                note = "somebody tried to remove the anchor; the lock has kept it" if kept.hidden else ""
                yield Anchored(
                    head, S3, f"s3://{self.bucket.bucket}/{self.bucket.prefix}{kept.name}",
                    kept.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), note,
                )  # fmt: skip


class Anchoring:
    """Tells each target the head of the trail where it has moved. Safe to miss, and safe to run twice."""

    def __init__(
        self, store: Store, targets: Iterable[Target], clock: Callable[[], datetime], every: timedelta
    ) -> None:
        self._store = store
        self._targets = tuple(targets)
        self._clock = clock
        self._every = every

    def tick(self) -> None:
        """One round. A target that fails does not keep the others from being told, and is told in the next round."""
        for target in self._targets:
            now = self._clock()
            with self._store.read() as view:
                head, last = audit.head(view.db), audit.last_anchor(view.db, target.name)
            if head is None or (last is not None and (last.seq, last.hash) == (head.seq, head.hash)):
                self._note(target, now, "")
                continue
            try:
                place = target.tell(head, now)
            except AnchorError as error:
                log.error("audit: %s is not anchored: %s", head, error)
                self._note(target, now, str(error))
                continue
            with self._store.transaction() as tx:
                tx.save_anchor(AnchorRow(now, target.name, head.seq, head.hash, place))
                tx.save_job_state(self._state(target, now, ""))

    def _note(self, target: Target, now: datetime, why: str) -> None:
        with self._store.transaction() as tx:
            tx.save_job_state(self._state(target, now, why))

    def _state(self, target: Target, now: datetime, why: str) -> JobStateRow:
        outcome = "failed" if why else "ok"
        with self._store.read() as view:
            before = view.job_states().get(f"{JOB}{target.name}")
        good = now if not why else (before.last_ok if before is not None else None)
        return JobStateRow(f"{JOB}{target.name}", now, now, good, now + self._every, outcome, "", why)


def forget_others(store: Store, targets: Iterable[Target]) -> None:
    """Remove where anchors stand that are configured no more: nobody is late in telling them. What they hold stays."""
    keep = [f"{JOB}{target.name}" for target in targets]
    with store.transaction() as tx:
        tx.forget_job_states(JOB, keep)


def known_here(view: Reader) -> list[Anchored]:
    """The anchors that the store itself remembers: whoever can write it can change them too."""
    return [
        Anchored(
            Head(row.seq, row.hash), HERE, row.place or row.target,
            row.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        for row in audit.anchors(view.db)
    ]  # fmt: skip
