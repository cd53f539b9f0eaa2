"""Places of scope ENDPOINT and FILES, made from what a check's options name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from checks.base import Place, Target
from checks.certs.model import PemLook, TlsLook
from checks.certs.targets import Endpoint, FilesTarget, LiveTarget
from daemon.tls import pem
from daemon.tls.probe import Prober


@dataclass(frozen=True, slots=True)
class LiveEndpoint:
    """An endpoint that can be looked at. Each call of look_at_tls() connects anew."""

    target: LiveTarget
    prober: Prober
    clock: Callable[[], datetime]

    @property
    def key(self) -> str:
        return self.target.key

    @property
    def labels(self) -> Mapping[str, str]:
        return self.target.labels

    @property
    def endpoint(self) -> Endpoint:
        return self.target.endpoint

    def now(self) -> datetime:
        return self.clock()

    def look_at_tls(self) -> TlsLook:
        """Give what every address of it serves. Raises LookFailed where its name stands for none."""
        return self.prober.look(self.target.endpoint, self.target.seconds, self.clock())


@dataclass(frozen=True, slots=True)
class PemFiles:
    """Files with certificates."""

    target: FilesTarget
    clock: Callable[[], datetime]

    @property
    def key(self) -> str:
        return self.target.key

    @property
    def labels(self) -> Mapping[str, str]:
        return self.target.labels

    def now(self) -> datetime:
        return self.clock()

    def look_at_files(self) -> Iterator[PemLook]:
        """Give what is in each file. Raises LookFailed where there is none."""
        return (pem.read(path) for path in pem.files(self.target.pattern))


def make_place(target: Target, prober: Prober, clock: Callable[[], datetime]) -> Place:
    """Make the place of a target that a check's options name."""
    if isinstance(target, LiveTarget):
        return LiveEndpoint(target, prober, clock)
    if isinstance(target, FilesTarget):
        return PemFiles(target, clock)
    raise TypeError(f"nothing makes a place of {type(target).__name__}")
