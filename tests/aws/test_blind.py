"""The property itself catches checks that take blindness for health: each liar here is one that people write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from checks.aws import AwsError, AwsPlace
from checks.base import Outcome, Reading
from tests.aws.sample import WORLD, Sample


@dataclass(frozen=True)
class Swallows(Sample):
    """Takes a refused list for an empty one."""

    def run(self, place: AwsPlace) -> Iterable[Reading]:
        try:
            yield from self._volumes(place)
        except AwsError:
            return
        yield from (reading for reading in super().run(place) if "volume" not in reading.resource)


@dataclass(frozen=True)
class TurnsGreen(Sample):
    """Says that a bucket is fine when it could not look."""

    def run(self, place: AwsPlace) -> Iterable[Reading]:
        for reading in super().run(place):
            if reading.outcome is Outcome.UNKNOWN:
                yield Reading(reading.resource, Outcome.HEALTHY, "encrypted", "nothing was found")
            else:
                yield reading


@dataclass(frozen=True)
class BecomesZero(Sample):
    """Reports a size of 0 for what it could not see."""

    def run(self, place: AwsPlace) -> Iterable[Reading]:
        for reading in super().run(place):
            if reading.outcome is Outcome.UNKNOWN:
                yield Reading(
                    reading.resource, Outcome.UNKNOWN, reading.verdict, reading.summary,
                    values={"volume_size_bytes": 0.0},
                )  # fmt: skip
            else:
                yield reading


@dataclass(frozen=True)
class CallsItOff(Sample):
    """Takes every refusal for a service that is off."""

    def run(self, place: AwsPlace) -> Iterable[Reading]:
        for reading in super().run(place):
            if reading.outcome is Outcome.UNKNOWN:
                yield Reading(reading.resource, Outcome.NOT_APPLICABLE, "not_enabled", "it is off")
            else:
                yield reading


@pytest.mark.parametrize(
    ("liar", "told"),
    [
        (Swallows, "nothing tells that it could not look"),
        (TurnsGreen, "nothing tells that it could not look"),
        (BecomesZero, "has values although it could not be seen"),
        (CallsItOff, "nothing tells that it could not look"),
    ],
)
def test_a_liar_is_caught(liar: Any, told: str, tmp_path: Path) -> None:
    """By name, with the operation that failed."""
    with pytest.raises(AssertionError, match=told):
        WORLD.prove(liar(), tmp_path)
