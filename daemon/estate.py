"""The estate as checks see it: the last readings of every place, out of the store or out of one round of looks."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from checks.base import Instance, Json, Outcome, Reading
from checks.estate import KEY, UNKNOWN_VALUE, Answer, Note, Seen
from daemon.inventory.model import Inventory
from daemon.record import Run
from daemon.standing import Standing, effective, standings
from daemon.store import Store

UNASKED = frozenset({"execution"})  # checks whose places come by themselves
LABELS = {"stage": "all"}  # of the place: it holds every stage, and a finding with an owner has that one's


class Names(Protocol):
    """daemon.dns.Dns."""

    def resolve(self, name: str, kind: str = "A") -> Answer: ...

    def delegation(self, zone: str) -> Answer: ...


class Memory(Protocol):
    """What checks kept in earlier looks."""

    def recall(self, check: str, place: str, name: str) -> Json | None: ...


Expected = Callable[[], Mapping[tuple[str, str], Mapping[str, str]]]  # (check, place) -> labels, of all that is watched


def stored(
    store: Store, expected: Expected, clock: Callable[[], datetime],
    unrecorded: Callable[[], Mapping[tuple[str, str], str]] = dict,
) -> Callable[[str], Sequence[Seen]]:  # fmt: skip
    """Give what EstatePlace.seen() gives, out of the store. Places that are not watched any more are left out."""

    def seen(check: str) -> Sequence[Seen]:
        watched = {where: labels for where, labels in expected().items() if where[0] == check and where[1] != KEY}
        with store.read() as reader:
            if check in UNASKED:  # what runs tell is not looked for, so no place of it is watched
                watched = {(job.check, job.place): job.labels for job in reader.jobs() if job.check == check}
            jobs = [job for job in reader.jobs() if (job.check, job.place) in watched]
            readings = reader.readings(check)
        return [_seen(one) for one in standings(jobs, readings, clock(), watched, unrecorded())]

    return seen


def _seen(standing: Standing) -> Seen:
    job = standing.job
    notes = tuple(
        Note(one.resource, effective(one), one.verdict, one.summary, one.values, one.evidence)
        for one in standing.readings
    )  # fmt: skip
    failed = job.outcome != "ok" or standing.word in ("stale", "not_recorded")
    gap = ": ".join(part for part in (standing.word, standing.why) if part) if failed else _gap_of(notes)
    return Seen(job.place, job.labels, notes, job.last_ok, job.last_end is not None, gap)


def _gap_of(notes: Iterable[Note]) -> str:
    unknown = [note for note in notes if note.outcome is Outcome.UNKNOWN]
    if not unknown:
        return ""
    more = f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""
    return f"{unknown[0].resource}: {unknown[0].summary or unknown[0].verdict}{more}"


def looked(runs: Sequence[Run]) -> Callable[[str], Sequence[Seen]]:
    """The same out of the *runs* of one round, of which nothing is stored. They may grow until it is asked."""

    def seen(check: str) -> Sequence[Seen]:
        mine = sorted((run for run in runs if run.check == check and run.place != KEY), key=lambda run: run.place)
        return [_of_run(run) for run in mine]

    return seen


def _of_run(run: Run) -> Seen:
    notes = tuple(_note(reading) for reading in run.readings)
    gap = ": ".join(run.failure) if run.failure is not None else _gap_of(notes)
    return Seen(run.place, run.labels, notes, None if run.failure else run.ended, True, gap)


def _note(reading: Reading) -> Note:
    return Note(
        reading.resource, reading.outcome, reading.verdict, reading.summary, reading.values, reading.evidence
    )  # fmt: skip


@dataclass
class Estate:
    """checks.estate.EstatePlace for one check."""

    check: str
    source: Callable[[str], Sequence[Seen]]
    inventory: Inventory
    names: Names
    clock: Callable[[], datetime]
    memory: Memory
    kept: dict[str, Json] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return KEY

    @property
    def labels(self) -> Mapping[str, str]:
        return LABELS

    def now(self) -> datetime:
        return self.clock()

    def opened(self, deadline: object = None) -> Estate:
        """This place for one look, which keeps what the check keeps. It asks nothing that could take too long."""
        one = copy.copy(self)
        one.kept = {}
        return one

    def seen(self, check: str) -> Sequence[Seen]:
        return self.source(check)

    @property
    def instances(self) -> Sequence[Instance]:
        return tuple(watched.instance for watched in self.inventory.watched)

    @property
    def inventory_gap(self) -> str:
        return self.inventory.stale_because

    def variables(self, names: Collection[str]) -> Mapping[str, Mapping[str, Json]]:
        found: dict[str, Mapping[str, Json]] = {}
        for watched in self.inventory.watched:
            unknown = {name: UNKNOWN_VALUE for name in names if name in watched.unresolved}
            known = {name: watched.vars[name] for name in names if name in watched.vars and name not in unknown}
            if known or unknown:
                found[watched.instance.key] = {**known, **unknown}
        return found

    def resolve(self, name: str, kind: str = "A") -> Answer:
        return self.names.resolve(name, kind)

    def delegation(self, zone: str) -> Answer:
        return self.names.delegation(zone)

    def recall(self, name: str) -> Json | None:
        return self.kept[name] if name in self.kept else self.memory.recall(self.check, KEY, name)

    def keep(self, name: str, value: Json) -> None:
        self.kept[name] = json.loads(json.dumps(value))  # a copy, and what cannot be stored is refused here
