"""The places of the state check: one for the state of each instance, one for each bucket that states are kept in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from checks.base import Instance, Json, LookFailed, Place
from checks.kinds import DEVELOPMENT, STAGING
from checks.states.model import DIGEST, LOCK, STATE, BackendLook, Deleted, Gap, LockSeen, StateFacts, StateLook
from daemon.aws import Aws, Memory
from daemon.inventory.model import Watched
from daemon.places import labels_of
from daemon.planning.environment import given_environment
from daemon.planning.s3access import S3Access
from daemon.planning.settings import PlanRule, grant
from daemon.planning.state import local_path
from daemon.states.backend import BackendSource
from daemon.states.history import Histories, StateHistory
from daemon.states.library import Library
from daemon.states.local import LocalSource
from daemon.states.s3 import S3Source
from daemon.states.source import Head, Source, UnreadError

CHECK = "state"  # whose memory it is
_T = TypeVar("_T")
_SEVERITY = {STAGING: 1, DEVELOPMENT: 2}  # any other stage counts as production


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the state of an instance lies. *why* is for people: what keeps it from being read at all."""

    instance: Instance
    source: S3Source | LocalSource | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """What reaching states takes: the rules that give credentials, and what children inherit."""

    repository: Path | None  # where relative local states lie; None: nowhere, as what is watched was fetched
    aws: Aws = field(repr=False)
    rules: tuple[PlanRule, ...] = field(default=(), repr=False)
    inherited: Mapping[str, str] = field(default_factory=dict, repr=False)

    def shelf(self, watched: Watched) -> Shelf:
        """Where the state of *watched* lies; as whom it is read is decided as for its plan."""
        instance, backend = watched.instance, watched.backend
        if backend.type == "local":
            path = local_path(backend)
            if self.repository is None and not path.is_absolute():
                return Shelf(instance, None, f"its state is the local file {path.as_posix()}, which is not in git")
            file = (self.repository or Path("/")) / instance.working_directory / path
            return Shelf(instance, LocalSource(file, path.as_posix()))
        if backend.type != "s3":
            kind = f'backend type "{backend.type}" is not supported' if backend.type else "no backend is configured"
            return Shelf(instance, None, f"{kind}: Barograph reads s3 and local")
        for name in ("bucket", "key"):
            value = backend.config.get(name)
            if not isinstance(value, str) or not value:
                return Shelf(instance, None, f"the S3 backend names no {name}")
        try:
            given = grant(self.rules, instance.stack, instance.component, instance.account)
        except ValueError as bad:
            return Shelf(instance, None, str(bad))
        env = given_environment(self.inherited, watched.env, given)
        return Shelf(instance, S3Source(S3Access(backend, env, self.aws)))


@dataclass(frozen=True, slots=True)
class StateOfInstance:
    """The state of one instance, as checks.state sees it."""

    shelf: Shelf
    library: Library = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)
    pause: Callable[[float], object] = field(repr=False)  # seconds; True: all is to end, and it waited less
    memory: Memory = field(repr=False)
    kept: dict[str, Json] = field(default_factory=dict, repr=False)
    histories: Histories | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        return self.shelf.instance.key

    @property
    def history(self) -> StateHistory | None:
        source = self.shelf.source
        return None if self.histories is None or source is None else self.histories.of(self.shelf.instance, source)

    @property
    def labels(self) -> Mapping[str, str]:
        return labels_of(self.shelf.instance)

    @property
    def instance(self) -> Instance:
        return self.shelf.instance

    def now(self) -> datetime:
        return self.clock()

    def wait(self, seconds: float) -> None:
        if self.pause(seconds) is True:
            raise LookFailed("failed", "Barograph is stopping")

    def opened(self, deadline: timedelta) -> StateOfInstance:
        """This place for one look: it holds what the check keeps."""
        return replace(self, kept={})

    def recall(self, name: str) -> Json | None:
        return self.memory.recall(CHECK, self.key, name)

    def keep(self, name: str, value: Json) -> None:
        self.kept[name] = value

    def look(self) -> StateLook:
        """Look at the locks, the object and its digest. Raises LookFailed for a backend that cannot be read."""
        source = self.shelf.source
        if source is None:
            raise LookFailed("failed", self.shelf.why)
        gaps: dict[str, Gap] = {}
        locks = tuple(lock for lock in _locks(source, gaps) if lock is not None)
        found = _tried(gaps, STATE, lambda: self.library.look(source), None)
        common: dict[str, Any] = {"shown": source.shown, "locks": locks, "gaps": gaps}
        if isinstance(source, S3Source):
            backend, table = source.backend, source.access.table
            common |= {"bucket": backend.bucket, "key": backend.key, "table": table}
            common["digest"] = _tried(gaps, DIGEST, source.digest, "")
            if found is None and STATE not in gaps:
                common["deleted"] = self._deleted(source)
        elif found is None:
            common["backup"] = source.backup()
        if found is None:
            return StateLook(**common)
        head, facts = found
        return StateLook(mark=head.mark, facts=facts, modified_at=head.modified_at, **common)

    def _deleted(self, source: S3Source) -> Deleted | None:
        deleted = source.deleted()
        if deleted is None or not deleted.last:
            return deleted
        return replace(deleted, before=self._facts(replace(source, version=deleted.last)))

    def _facts(self, source: Source) -> StateFacts | None:
        try:
            found = self.library.look(source)
        except UnreadError:
            return None
        return None if found is None else found[1]


def _locks(source: S3Source | LocalSource, gaps: dict[str, Gap]) -> Iterable[LockSeen | None]:
    if isinstance(source, LocalSource):
        yield _tried(gaps, LOCK, source.lock, None)
    else:
        yield _tried(gaps, LOCK, source.table_lock, None)
        yield _tried(gaps, LOCK, source.object_lock, None)


def _tried(gaps: dict[str, Gap], part: str, ask: Callable[[], _T], otherwise: _T) -> _T:
    try:
        return ask()
    except UnreadError as error:
        gaps.setdefault(part, error.gap)
        return otherwise


@dataclass(frozen=True, slots=True)
class StateBackend:
    """A bucket with states, as checks.state sees it."""

    source: BackendSource
    labels: Mapping[str, str]
    clock: Callable[[], datetime] = field(repr=False)

    @property
    def key(self) -> str:
        return f"s3://{self.source.access.backend.bucket}"

    def now(self) -> datetime:
        return self.clock()

    def settings(self) -> BackendLook:
        return self.source.look()


def state_places(
    shelves: Iterable[Shelf],
    library: Library,
    clock: Callable[[], datetime],
    pause: Callable[[float], object],
    memory: Memory,
    histories: Histories | None = None,
) -> Mapping[str, Place]:
    """All places of the state check by key. Instances that are switched off have none."""
    places: dict[str, Place] = {}
    buckets: dict[str, list[Shelf]] = {}
    for shelf in shelves:
        if not shelf.instance.enabled or shelf.instance.abstract:
            continue
        places[shelf.instance.key] = StateOfInstance(shelf, library, clock, pause, memory, histories=histories)
        if isinstance(shelf.source, S3Source):
            buckets.setdefault(shelf.source.backend.bucket, []).append(shelf)
    for within in buckets.values():
        place = _backend(within, clock)
        places[place.key] = place
    return places


def _backend(shelves: list[Shelf], clock: Callable[[], datetime]) -> StateBackend:
    sources = [shelf.source for shelf in shelves if isinstance(shelf.source, S3Source)]
    tables = {source.access.table: source.access for source in reversed(sources) if source.access.table}
    keys = tuple(sorted({source.backend.key for source in sources}))
    first = sources[0].access
    stage = min((shelf.instance.stage for shelf in shelves), key=lambda stage: _SEVERITY.get(stage, 0))
    return StateBackend(BackendSource(first, keys, tables), {"stage": stage, "region": first.region}, clock)


__all__ = ["Head", "Reach", "Shelf", "StateBackend", "StateOfInstance", "state_places"]
