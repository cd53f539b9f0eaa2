"""The same work on many things at once, in threads that nobody has to wait for when the process ends.

Python waits for the threads of a ThreadPoolExecutor at its end, however long the network keeps them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")
_TICK_SECONDS = 0.1  # how late an end is noticed


class _Work(Generic[_T, _R]):
    """What is still to be done, and what has come of the rest."""

    def __init__(self, work: Callable[[_T], _R], items: Sequence[_T]) -> None:
        self._work = work
        self._waiting: queue.SimpleQueue[tuple[int, _T]] = queue.SimpleQueue()
        for numbered in enumerate(items):
            self._waiting.put(numbered)
        self.results: dict[int, _R] = {}
        self.error: BaseException | None = None

    def run(self, ending: threading.Event) -> None:
        while not ending.is_set() and self.error is None:
            try:
                number, item = self._waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self.results[number] = self._work(item)
            except BaseException as error:  # noqa: BLE001 - handed over to whoever waits
                self.error = error


def abreast(
    work: Callable[[_T], _R], items: Sequence[_T], *, threads: int, name: str, ending: threading.Event | None = None
) -> list[_R] | None:
    """What *work* gives for each of *items*, in their order; None: *ending* was set before all of it was done.

    Raises what *work* raised first.
    """
    ending = ending or threading.Event()
    todo = _Work(work, items)
    started = [
        threading.Thread(target=todo.run, args=(ending,), name=f"{name} {number}", daemon=True)
        for number in range(min(threads, len(items)))
    ]
    for thread in started:
        thread.start()
    for thread in started:
        while thread.is_alive() and not ending.is_set():
            thread.join(_TICK_SECONDS)
    if todo.error is not None:
        raise todo.error
    if len(todo.results) < len(items):
        return None
    return [todo.results[number] for number in range(len(items))]
