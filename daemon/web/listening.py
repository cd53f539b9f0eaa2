"""Which listener serves what: one for all, or metrics and webhooks each at an address of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from daemon.web.app import Face, WebDeps, create_app
from daemon.web.serving import serving_all

OPTIONS = {Face.PEOPLE: "listen", Face.METRICS: "metrics_listen", Face.WEBHOOKS: "webhooks_listen"}


@dataclass(frozen=True, slots=True)
class Listeners:
    """Addresses to listen at, as `host:port`. Without one of its own, a face is served where people are."""

    people: str = "127.0.0.1:0"
    metrics: str = ""
    webhooks: str = ""

    def at(self) -> dict[str, tuple[str, tuple[Face, ...]]]:
        """The option of each listener -> its address, and what it serves."""
        own = {Face.METRICS: self.metrics, Face.WEBHOOKS: self.webhooks}
        shared = tuple(face for face in Face if not own.get(face))
        found = {OPTIONS[Face.PEOPLE]: (self.people, shared)}
        return found | {OPTIONS[face]: (address, (face,)) for face, address in own.items() if address}


@dataclass(frozen=True, slots=True)
class Bound:
    """Where each face is served: `http://127.0.0.1:9877`."""

    people: str
    metrics: str
    webhooks: str


@contextmanager
def listening(deps: WebDeps, listeners: Listeners) -> Iterator[Bound]:
    """Serve at every listener, or, where one cannot be bound, at none: raises OSError that says which."""
    asked = listeners.at()
    hosts = {option: address.rpartition(":")[::2] for option, (address, _) in asked.items()}
    apps = {
        option: (create_app(deps, faces), hosts[option][0].strip("[]"), int(hosts[option][1]))
        for option, (_, faces) in asked.items()
    }
    with serving_all(apps) as ports:
        urls = {option: f"http://{hosts[option][0]}:{port}" for option, port in ports.items()}
        found = {face: urls.get(OPTIONS[face], urls[OPTIONS[Face.PEOPLE]]) for face in Face}
        yield Bound(found[Face.PEOPLE], found[Face.METRICS], found[Face.WEBHOOKS])
