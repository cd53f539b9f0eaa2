"""Paid requests: counted, capped by the day, and not made again while an answer is fresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from checks.aws import AwsError, AwsPlace, ErrorClass, unsaid
from checks.base import Json

# A look that the schedule starts a little early would otherwise find its answer a little too fresh, and wait a turn.
_EARLY = timedelta(minutes=5)
_PAGES = 1000
# A request that failed so may have been answered, and so be charged. AWS charges for no other that failed.
_MAYBE_CHARGED = frozenset({ErrorClass.TIMEOUT, ErrorClass.NETWORK, ErrorClass.ERROR})


class CappedError(Exception):
    """The day's paid requests are used up. Its text is for people."""


class Purse:
    """Pays for the requests of one place. What it counts is kept with the look, so that a restart forgets nothing."""

    def __init__(self, place: AwsPlace, cap: int) -> None:
        self._place = place
        self._cap = cap

    @property
    def paid(self) -> int:
        """Requests that were paid today (UTC)."""
        kept = self._place.recall("paid")
        today = _utc(self._place.now()).date().isoformat()
        return int(kept["count"]) if isinstance(kept, Mapping) and kept.get("day") == today else 0

    def call(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Json]:
        """As place.call(), counted. Raises CappedError before a request that would be one too many."""
        if self.paid >= self._cap:
            raise CappedError(
                f"{self._cap} paid requests were made today; max_requests_per_day of the check allows no more"
            )
        try:
            answer = self._place.call(service, operation, **parameters)
        except AwsError as error:
            if error.error_class in _MAYBE_CHARGED:
                self._count()
            raise
        self._count()
        return answer

    def pages(self, service: str, operation: str, token: str, **parameters: Any) -> Iterator[Mapping[str, Json]]:
        """Every page of an answer, each one a paid request. *token*: the member that names the next page."""
        more: dict[str, Any] = {}
        seen: set[str] = set()
        for _ in range(_PAGES):
            page = self.call(service, operation, **parameters, **more)
            yield page
            following = page.get(token)
            if not following:
                return
            if following in seen:
                break
            seen.add(following)
            more = {token: following}
        raise unsaid(self._place, service, operation, "the pages do not end")

    def remembered(self, name: str, every: timedelta, asked: Json, ask: Callable[[], Json]) -> tuple[Json, datetime]:
        """What *ask* gives, and when it was asked: not again within *every*, unless *asked*, the question, changed."""
        now = self._place.now()
        kept = self._place.recall(name)
        if isinstance(kept, Mapping) and kept.get("asked") == asked and isinstance(kept.get("at"), int | float):
            at = datetime.fromtimestamp(kept["at"], UTC)
            if timedelta() <= now - at < every - _EARLY:
                return kept.get("value"), at
        value = ask()
        self._place.keep(name, {"at": now.timestamp(), "asked": asked, "value": value})
        return value, now

    def _count(self) -> None:
        today = _utc(self._place.now()).date().isoformat()
        self._place.keep("paid", {"day": today, "count": self.paid + 1})


def _utc(now: datetime) -> datetime:
    return now.astimezone(UTC)
