"""What a new version of a state did, and which recorded run it belongs to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

APART = timedelta(
    minutes=10
)  # two versions further apart are two changes: Terraform writes every 20 s while it applies
SKEW = timedelta(minutes=2)  # between the clock of a run's machine and that of the place where states lie


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a state, as far as it is compared: a keyed digest for each instance, and no value.

    *prints* None: there are too many instances. *rest* stands for the outputs.
    """

    md5: str
    serial: int = 0
    lineage: str = ""
    terraform_version: str = ""
    prints: Mapping[str, str] | None = None
    rest: str = ""


# Where there was no state.
NOTHING = Snapshot("", prints={})


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a state, before it is read. *id* empty: what is there now."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A recorded run on the stack and component of a state. *ended* None: it runs, or nobody knows when it ended."""

    id: str
    began: datetime
    ended: datetime | None
    workflow: str = ""
    actor: str = ""
    applies: bool | None = None  # False: it said all it did, and changed nothing; None: it did not say
    told: bool = False  # as a deployment of its own


@dataclass(frozen=True, slots=True)
class Difference:
    """Addresses of instances. *known* False: there are too many to compare; *rest*: the outputs differ."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    destroyed: tuple[str, ...] = ()
    rest: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True)
class Leg:
    """Versions that came in one go: of one run, or close to each other."""

    versions: tuple[Version, ...]
    run: RunSeen | None = None

    @property
    def last(self) -> Version:
        return self.versions[-1]


def compare(before: Snapshot, after: Snapshot) -> Difference:
    """What *after* has, has otherwise and has no more."""
    rest = before.rest != after.rest
    if before.prints is None or after.prints is None:
        return Difference(rest=rest, known=False)
    old, new = before.prints, after.prints
    return Difference(
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(address for address in new.keys() & old.keys() if new[address] != old[address])),
        tuple(sorted(old.keys() - new.keys())),
        rest,
    )


def run_of(first: datetime, last: datetime, runs: Iterable[RunSeen]) -> RunSeen | None:
    """The run during which a state was written from *first* to *last*; None: no run that may have applied covers it.

    Of several, one that says that it applied; then the one that began last.
    """
    fitting = [
        run for run in runs
        if run.applies is not False and run.began - SKEW <= first and (run.ended is None or last <= run.ended + SKEW)
    ]  # fmt: skip
    return max(fitting, key=lambda run: (run.applies is True, run.began, run.id), default=None)


def legs(versions: Sequence[Version], runs: Sequence[RunSeen]) -> list[Leg]:
    """*versions*, oldest first, by what wrote them."""
    found: list[Leg] = []
    for version in versions:
        run = run_of(version.at, version.at, runs)
        if found:
            leg = found[-1]
            same = leg.run is not None and run is not None and leg.run.id == run.id
            if same or (leg.run is None and run is None and version.at - leg.last.at <= APART):
                found[-1] = Leg((*leg.versions, version), leg.run)
                continue
        found.append(Leg((version,), run))
    return found
