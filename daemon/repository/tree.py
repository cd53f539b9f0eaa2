"""One content of a repository, in a folder."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from daemon.inventory.model import Problem

IGNORED = "ignored-"  # in a fingerprint, before what names the files beside the commit that git ignores


class Uses:
    """Counts who uses which folder, so that none is removed from under a plan. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count: Counter[Path] = Counter()

    @contextmanager
    def of(self, path: Path) -> Iterator[None]:
        """Keep *path* for the length of the block."""
        with self._lock:
            self._count[path] += 1
        try:
            yield
        finally:
            with self._lock:
                self._count[path] -= 1

    def free(self, path: Path) -> bool:
        """Whether nobody uses *path*."""
        with self._lock:
            return self._count[path] == 0


@dataclass(frozen=True, slots=True)
class Tree:
    """What a source is read from and planned from."""

    path: Path  # the folder
    commit: str = ""  # empty: no commit stands for what is in it
    dirty: bool = False  # the watched folder holds changes that are not committed
    fingerprint: str = ""  # equal for equal content
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    uses: Uses = field(default_factory=Uses, repr=False, compare=False)
    base: Path | None = None  # the folder that is kept while it is used; None: *path*

    @property
    def is_commit(self) -> bool:
        """Whether all that is in it and could be committed is the commit's."""
        return self.fingerprint == self.commit or self.fingerprint.startswith(f"{self.commit}+{IGNORED}")

    @contextmanager
    def held(self) -> Iterator[Path]:
        """The folder, which stays as it is for the length of the block. Raises FileNotFoundError if it is gone."""
        with self.uses.of(self.base or self.path):
            if not self.path.is_dir():
                raise FileNotFoundError(f"the content {self.fingerprint[:12]} is no longer kept")
            yield self.path
