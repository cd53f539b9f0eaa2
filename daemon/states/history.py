"""What changes of states are judged by: their versions, and the runs that were recorded on them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from checks.base import Instance, LookFailed
from checks.runs.record import RunRecord, record_of
from checks.runs.told import is_deployment
from checks.states.changes import RunSeen, Snapshot, Version
from checks.states.model import Gap
from daemon.states.decode import UndecodableError, snapshot
from daemon.states.local import LocalSource
from daemon.states.s3 import S3Source, version_of
from daemon.states.source import UnreadError
from daemon.store import Store, StoreError, executions, prints
from daemon.store.executions import ExecutionRow

log = logging.getLogger(__name__)

# Words of a command line that say that it writes no state.
_READS = frozenset({"plan", "validate", "init", "show", "output", "fmt", "lint", "version", "providers", "graph"})
_WRITES = frozenset({"apply", "deploy", "destroy", "import", "state", "taint", "untaint", "refresh", "push"})


class Histories:
    """Keeps versions of states, in the store. Nothing is read when it is made. Usable from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._key = b""

    def read(self, source: str, body: bytes, md5: str) -> None:
        """A version of a state was read. What cannot be kept is read again when it is needed."""
        try:
            self.keep(source, body, md5)
        except (StoreError, UndecodableError) as error:
            log.warning("a version of a state was not kept for comparing: %s", type(error).__name__)

    def keep(self, source: str, body: bytes, md5: str) -> Snapshot | None:
        """That version, kept; None: it is damaged. Raises StoreError, UndecodableError."""
        made = snapshot(body, self._key_of(), md5)
        if made is not None:
            with self._store.transaction() as tx:
                prints.save(tx.db, source, made)
        return made

    def of(self, instance: Instance, source: S3Source | LocalSource) -> StateHistory:
        """The history of one state."""
        return StateHistory(instance, source, self, self._store)

    def _key_of(self) -> bytes:
        with self._lock:
            if not self._key:
                with self._store.transaction() as tx:
                    self._key = prints.key(tx.db)
            return self._key


@dataclass(frozen=True, slots=True)
class StateHistory:
    """A checks.states.unrecorded.History."""

    instance: Instance
    source: S3Source | LocalSource
    kept: Histories = field(repr=False)
    store: Store = field(repr=False)

    def version(self, mark: str) -> str:
        return version_of(mark) if isinstance(self.source, S3Source) else ""

    def versions(self, after: str, since: datetime) -> Sequence[Version] | None:
        if not isinstance(self.source, S3Source):
            return None
        try:
            listed = self.source.versions()
        except UnreadError as error:
            if error.gap.reason == "denied":
                return None
            raise
        ids = [one for one, _ in listed]
        newer = listed[: ids.index(after)] if after in ids else [one for one in listed if one[1] > since]
        return [Version(one, at) for one, at in reversed(newer)]

    def snapshot(self, version: str, md5: str) -> Snapshot:
        what = f"an earlier version of {self.source.shown}"
        try:
            if md5:
                with self.store.read() as view:
                    found = prints.find(view.db, self.source.id, md5)
                if found is not None:
                    return found
            return self._read(version, md5, what)
        except StoreError as error:
            raise LookFailed("failed", f"{what}: the store failed ({type(error).__name__})") from None
        except UndecodableError as error:
            raise LookFailed("failed", f"{what}: {error}") from None

    def _read(self, version: str, md5: str, what: str) -> Snapshot:
        source = self.source
        if version and isinstance(source, S3Source):
            source = S3Source(source.access, version)
        read = source.body()
        if read is None or (md5 and read[1] != md5):
            raise UnreadError(Gap(what, "failed", ""), f"{what} is not there any more")
        made = self.kept.keep(self.source.id, read[0], read[1])
        if made is None:
            raise UnreadError(Gap(what, "failed", ""), f"{what} is damaged")
        return made

    def runs(self, since: datetime, until: datetime) -> Sequence[RunSeen]:
        stack, component = self.instance.stack, self.instance.component
        try:
            with self.store.read() as view:
                rows = executions.between(view.db, stack, component, since, until)
                records = [
                    record_of(row.run_id, executions.events_of(view.db, row.run_id), row.lost_at is not None)
                    for row in rows
                ]
        except StoreError as error:
            raise LookFailed("failed", f"the recorded runs cannot be read ({type(error).__name__})") from None
        # What came just now has no stack in its row yet.
        return [
            _seen(row, record) for row, record in zip(rows, records, strict=True)
            if record.stack == stack and record.component in ("", component)
        ]  # fmt: skip

    def forget_others(self, digests: Iterable[str]) -> None:
        try:
            with self.store.transaction() as tx:
                prints.keep_only(tx.db, self.source.id, digests)
        except StoreError as error:
            raise LookFailed("failed", f"the store failed ({type(error).__name__})") from None


def _seen(row: ExecutionRow, record: RunRecord) -> RunSeen:
    ended = record.ended_at or row.lost_at
    if ended is not None and record.started_at is not None and ended < record.started_at:
        ended = row.heard_at  # clocks that disagree
    return RunSeen(
        row.run_id, record.started_at or row.started_at, ended, record.workflow or row.workflow, record.actor,
        _applies(record), str(record.state) == "succeeded" and is_deployment(record),
    )  # fmt: skip


def _applies(record: RunRecord) -> bool | None:
    if record.deployed:
        return True
    words = set(record.argv)
    if words & _READS and not words & _WRITES:
        return False
    told = bool(record.phases or record.resources or record.planned is not None)
    return False if told and record.over and not words & _WRITES else None
