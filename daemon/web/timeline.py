"""The history of verdicts as a strip in time: shapes that differ in height, so that no colour is needed to read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.base import Outcome
from daemon.standing import WORST_FIRST, Standing
from daemon.store.rows import VerdictChange
from daemon.web.words import STYLES, moment, spoken

SPAN = timedelta(days=30)
WIDTH, HEIGHT = 1000.0, 28.0  # of the drawing, in its own units
THINNEST = 2.0
_RANK: Mapping[Outcome | None, int] = {outcome: rank for rank, outcome in enumerate(WORST_FIRST)}
_HEIGHTS = {Outcome.UNHEALTHY: 28.0, Outcome.UNKNOWN: 18.0, Outcome.HEALTHY: 10.0, Outcome.NOT_APPLICABLE: 4.0}


@dataclass(frozen=True, slots=True)
class Piece:
    """A time with one verdict, as a rectangle. *title* says the same in words."""

    x: float
    width: float
    y: float
    height: float
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One check's pieces, and all of it in a sentence."""

    check: str
    pieces: tuple[Piece, ...]
    told: str
    begins: datetime


def strips(standings: Iterable[Standing], changes: Sequence[VerdictChange], now: datetime) -> list[Strip]:
    """A strip for each check that has ever changed its verdict on the place itself, over the last 30 days.

    The last piece is how it stands now: a verdict that no look renews is not drawn on as if it held.
    """
    found = []
    for each in standings:
        own = [one for one in changes if one.check == each.job.check and one.resource == each.job.place]
        own = own or [one for one in changes if one.check == each.job.check]
        if own:
            found.append(_strip(each, sorted(own, key=lambda one: one.at), now))
    return found


def _worst(changes: Sequence[VerdictChange]) -> list[tuple[datetime, Outcome | None, str]]:
    """(from when, outcome, verdict) of the worst of all resources, so that one that is fine hides none that is not."""
    now: dict[str, VerdictChange] = {}
    found: list[tuple[datetime, Outcome | None, str]] = []
    for one in changes:
        now[one.resource] = one
        worst = min(now.values(), key=lambda each: _RANK.get(each.outcome, len(_RANK)))
        if not found or found[-1][1:] != (worst.outcome, worst.verdict):
            found.append((one.at, worst.outcome, worst.verdict))
    return found


def _strip(standing: Standing, changes: Sequence[VerdictChange], now: datetime) -> Strip:
    begins = max(now - SPAN, changes[0].at)
    length = max((now - begins).total_seconds(), 1.0)
    pieces, told = [], []
    blind_from = standing.good_at if standing.outcome is Outcome.UNKNOWN else None
    stretches = _worst(changes)
    if blind_from is not None and stretches[-1][1] is not Outcome.UNKNOWN:
        stretches.append((max(blind_from, stretches[-1][0]), Outcome.UNKNOWN, standing.word))
    ends = [at for at, _, _ in stretches[1:]] + [now]
    for (at, outcome, verdict), end in zip(stretches, ends, strict=True):
        if end <= begins or outcome is None:  # None: it was not there
            continue
        x = max(0.0, (at - begins).total_seconds()) / length * WIDTH
        width = max(THINNEST, (end - max(at, begins)).total_seconds() / length * WIDTH)
        x = min(x, WIDTH - width) if width < WIDTH else 0.0
        height = _HEIGHTS[outcome]
        title = f"{spoken(verdict)} from {moment(max(at, begins))}"
        pieces.append(Piece(round(x, 1), round(width, 1), HEIGHT - height, height, STYLES[outcome], title))
        told.append(title)
    return Strip(standing.job.check, tuple(pieces), "; ".join(told[-12:]), begins)
