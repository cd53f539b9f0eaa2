"""A check of the tests' own, and the least of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal

from checks.base import Check, Outcome, Reading
from daemon.config import Config, load

CANARY = "canary-4f1d9a"
ENV: Mapping[str, str] = {"CANARY": CANARY, "EMPTY": "", "WORKERS": "3"}
MINIMAL = "source: {kind: atmos, path: .}\n"


class Mood(StrEnum):
    CALM = "calm"
    WILD = "wild"


@dataclass(frozen=True)
class IgnoreRule:
    """What is not told."""

    place: str
    until: date | None = None  # after this day the rule no longer counts
    reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Station:
    """Where the air is measured."""

    name: str
    metres: int = 0  # above the sea

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        name, at, metres = text.partition("@")
        if not name:
            raise ValueError("needs a name before the @")
        return {"name": name, "metres": metres} if at else {"name": name}


@dataclass(frozen=True)
class Weather(Check):
    """Storms that are near.

    The pressure of the air tells.
    """

    every: ClassVar[timedelta] = timedelta(days=1)
    every_by_stage: ClassVar[Mapping[str, timedelta]] = {"production": timedelta(hours=6)}

    limit: int = 10  # hectopascals below which a storm is near
    factor: float = 0.5
    wait: timedelta = timedelta(minutes=5)
    """How long a storm must last."""
    names: tuple[str, ...] = ()
    mood: Mood = Mood.CALM
    unit: Literal["hPa", "mmHg"] = "hPa"
    ignore: tuple[IgnoreRule, ...] = ()
    stations: tuple[Station, ...] = ()
    atlas: Path | None = field(default=None, metadata={"help": "A map."})
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError("limit must not be negative")

    def run(self, place: Any) -> Iterable[Reading]:
        yield Reading(str(place), Outcome.HEALTHY, "calm", "No storm is near.")


CHECKS: Mapping[str, type[Check]] = {"weather": Weather}


def write(folder: Path, text: str) -> Path:
    """Put *text* into a configuration file."""
    path = folder / "barograph.yml"
    path.write_text(text)
    return path


def loaded(folder: Path, text: str, env: Mapping[str, str] = ENV) -> Config:
    """Load *text* as a configuration file in *folder*."""
    return load(write(folder, text), env, CHECKS)
