"""Answers that several checks need, asked for once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from checks.aws_errors import AwsError
from checks.base import Json

MAX_AGE = 600.0  # seconds: below every interval of a check, so that each of its looks asks anew or with the others


@dataclass(slots=True)
class _Entry:
    items: tuple[Json, ...] = ()
    error: BaseException | None = None
    began: float = 0.0
    at: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)


class SharedAnswers:
    """Remembers answers and failures for *max_age* seconds. Thread-safe: those who ask meanwhile wait for the first."""

    def __init__(self, max_age: float = MAX_AGE, ticks: Callable[[], float] = time.monotonic) -> None:
        self._max_age = max_age
        self._ticks = ticks
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry] = {}

    def get(
        self, key: Hashable, fetch: Callable[[], Iterable[Json]], too_late: Callable[[], AwsError], until: float
    ) -> tuple[tuple[Json, ...], float]:
        """Give what *fetch* gives, or gave others before, and how many seconds ago it was begun to be asked for.

        Raises the AwsError that *fetch* raised, to all.

        Another exception is a mistake of the program: raised to those who waited, and not remembered. *until*: the
        tick to which to wait for another who asks; then what *too_late* gives is raised.
        """
        with self._lock:
            self._forget_old()
            entry = self._entries.get(key)
            mine = entry is None
            if entry is None:
                entry = self._entries[key] = _Entry(began=self._ticks())
        if mine:
            self._fetch(key, entry, fetch)
        elif not entry.done.wait(max(0.0, min(until - self._ticks(), threading.TIMEOUT_MAX))):
            raise too_late()
        if entry.error is not None:
            raise entry.error.with_traceback(None)
        return entry.items, self._ticks() - entry.began

    def forget(self, which: Callable[[Hashable], bool] = lambda key: True) -> None:
        """Forget answers: who asks from now on asks AWS, also where another is asking at this moment."""
        with self._lock:
            for key in [key for key in self._entries if which(key)]:
                del self._entries[key]

    def _fetch(self, key: Hashable, entry: _Entry, fetch: Callable[[], Iterable[Json]]) -> None:
        try:
            entry.items = tuple(fetch())
        except BaseException as error:  # noqa: BLE001  raised by get(), to everybody who waits
            entry.error = error
        finally:
            with self._lock:
                entry.at = self._ticks()
                # One who ran out of time says nothing about AWS: the next one asks for himself.
                late = isinstance(entry.error, AwsError) and entry.error.code == "DeadlineExceeded"
                passing = entry.error is not None and (late or not isinstance(entry.error, AwsError))
                if passing and self._entries.get(key) is entry:
                    del self._entries[key]
            entry.done.set()

    def _forget_old(self) -> None:
        oldest = self._ticks() - self._max_age
        for key in [key for key, entry in self._entries.items() if entry.done.is_set() and entry.at < oldest]:
            del self._entries[key]
