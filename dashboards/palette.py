"""Colours and words with one meaning on every dashboard. Only what is wrong is loud."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    DashboardSpecialValueMapOptions,
    RangeMap,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

CRITICAL = "#E02F44"
WARNING = "#F2800D"
BLIND = "#8F6ED5"  # could not look, or not known: neither good nor bad
INFO = "#5794F2"
QUIET = "#8E8E8E"  # nothing to see
CLEAR = "transparent"
PLAIN = "text"  # the theme's own colour for text

Mapping = ValueMap | RangeMap | SpecialValueMap
Steps = tuple[tuple[float | None, str], ...]

NOT_KNOWN = "not known"
NO_DATA = "no data"  # of a figure that is made of nothing, or of nothing that is known
NOTHING_WRONG: Steps = ((None, PLAIN),)


def wrong_from(least: float, colour: str = CRITICAL) -> Steps:
    """Plain below *least*, loud from there on."""
    return ((None, PLAIN), (least, colour))


def wrong_below(least: float, colour: str = CRITICAL) -> Steps:
    """Loud below *least*, plain from there on."""
    return ((None, colour), (least, PLAIN))


def thresholds(steps: Steps) -> ThresholdsConfig:
    """The builder's form. The first step has no value: it is the colour of everything below the second."""
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value, colour) for value, colour in steps])


def unknown(word: str = NOT_KNOWN, colour: str = BLIND) -> SpecialValueMap:
    """What is null or not a number is not known: in words, and never in the colour of something good."""
    result = ValueMappingResult(text=word, color=colour, index=0)
    return SpecialValueMap(DashboardSpecialValueMapOptions(match=SpecialValueMatch.NULL_AND_NAN, result=result))


def words(said: dict[float, tuple[str, str]]) -> ValueMap:
    """Value -> (word, colour)."""
    return ValueMap({
        f"{value:g}": ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(said.items(), start=1)
    })  # fmt: skip


def span(low: float | None, high: float | None, text: str, colour: str) -> RangeMap:
    """Everything from *low* to *high* in one word."""
    result = ValueMappingResult(text=text, color=colour, index=9)
    return RangeMap(DashboardRangeMapOptions(from_val=low, to=high, result=result))
