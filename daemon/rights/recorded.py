"""What the last looks were refused, as the store has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

from checks.aws_errors import ErrorClass
from daemon.accounts.watch import CHECK as ACCOUNTS
from daemon.rights.model import Denial
from daemon.store.rows import JobRow, ReadingRow

_REFUSED = frozenset({ErrorClass.PERMISSION, ErrorClass.SCP})
_LACKS = re.compile(r"the role lacks (?P<action>[a-z0-9-]+:\w+)")


class Reader(Protocol):
    """daemon.store.read.Reader."""

    def readings(self, check: str | None = None) -> list[ReadingRow]: ...

    def jobs(self) -> list[JobRow]: ...


def denials(reader: Reader) -> tuple[Denial, ...]:
    """Every refusal that names its action, of the last look of each check at each place."""
    return tuple({(one.action, one.check, one.place): one for one in _all(reader)}.values())


def _all(reader: Reader) -> Iterator[Denial]:
    yield from _of_jobs(reader.jobs())
    for reading in reader.readings():
        action = reading.evidence.get("action")
        if reading.verdict in _REFUSED and not reading.stale and isinstance(action, str):
            # The daemon's own list of regions has one place for all, and names the account in the resource.
            place = reading.resource if reading.check == ACCOUNTS else reading.place
            yield Denial(action, reading.check, place, reading.at)


def _of_jobs(jobs: Iterable[JobRow]) -> Iterator[Denial]:
    """Of looks that failed as a whole, and left no reading."""
    for job in jobs:
        match = _LACKS.search(job.detail) if job.outcome == "failed" else None
        if match is not None:
            yield Denial(match["action"], job.check, job.place, _when(job))


def _when(job: JobRow) -> datetime:
    when = job.last_end or job.last_start
    assert when is not None  # a job that has failed has run
    return when
