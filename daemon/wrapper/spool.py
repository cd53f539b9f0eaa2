"""Events on disk until a daemon has taken them: one file of JSON lines per run, and beside it how far it was taken.

Whoever writes or sends a file holds a lock on it, which the system drops when that process dies. A file is given its
name only once it is locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

RUN_MOST = 16 * 1_048_576  # bytes of a run's file; afterwards only what says how it ends is kept
END_ROOM = 1_048_576
ALL_MOST = 256 * 1_048_576  # bytes of all files; a run that begins beyond it is not written down
_ENDS = (b'"event":"run.', b'"event":"error"', b'"event":"summary"')


def folder(environ: Mapping[str, str]) -> Path | None:
    """The folder of the spool: BAROGRAPH_SPOOL, else below XDG_STATE_HOME or the home, else below /tmp. It is made.

    None: nothing can be written anywhere.
    """
    places = [Path(environ["BAROGRAPH_SPOOL"])] if environ.get("BAROGRAPH_SPOOL") else []
    if environ.get("XDG_STATE_HOME"):
        places.append(Path(environ["XDG_STATE_HOME"], "barograph", "spool"))
    elif environ.get("HOME"):
        places.append(Path(environ["HOME"], ".local", "state", "barograph", "spool"))
    temporary = environ.get("TMPDIR") or "/tmp"  # noqa: S108  (`_is_ours` looks)
    places.append(Path(temporary, f"barograph-spool-{os.getuid()}"))
    return next((place for place in places if _is_ours(place)), None)


def _is_ours(place: Path) -> bool:
    """Whether *place* is a folder that we may write and nobody else can have prepared for us."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.lstat()
    except OSError:
        return False
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return ours and os.access(place, os.W_OK | os.X_OK)


class Spool:
    """The events of one run: on disk where that is possible, and in memory until they are taken."""

    def __init__(self, place: Path | None, run_id: str) -> None:
        self.dropped = 0
        self._waiting: deque[tuple[bytes, int]] = deque()  # line; where it ends in the file, 0: it is not in it
        self._size = 0
        self._in_memory = 0
        self._path = place / f"{run_id}.jsonl" if place is not None else None
        self._fd = -1
        if place is not None and sum(_sizes(place)) < ALL_MOST:
            with contextlib.suppress(OSError):
                self._fd = self._create(place, run_id)

    def _create(self, place: Path, run_id: str) -> int:
        new = place / f".{run_id}"
        fd = os.open(new, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(place / f"{run_id}.jsonl")
        return fd

    @property
    def on_disk(self) -> bool:
        """Whether events are written down at all."""
        return self._fd >= 0

    def add(self, line: bytes) -> None:
        """Keep one event. What cannot be kept is counted."""
        most = RUN_MOST + (END_ROOM if any(mark in line for mark in _ENDS) else 0)
        end = self._write(line, most)
        if not end and self._in_memory + len(line) > most:
            self.dropped += 1
            return
        self._in_memory += 0 if end else len(line)
        self._waiting.append((line, end))

    def _write(self, line: bytes, most: int) -> int:
        """Where the line ends in the file; 0: it could not be written, and no part of it is there."""
        if self._fd < 0 or self._size + len(line) > most:
            return 0
        try:
            if os.write(self._fd, line) == len(line):
                self._size += len(line)
                return self._size
        except OSError:  # full, or beyond a limit
            pass
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._size)
        return 0

    def sync(self) -> None:
        """Have the disk hold what was written."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._fd)

    def waiting(self, most: int, most_bytes: int) -> list[bytes]:
        """The first events that nobody has taken yet."""
        return list(_first((line for line, _ in list(self._waiting)), most, most_bytes))

    def taken(self, count: int) -> None:
        """The first *count* of them were taken."""
        end = 0
        for _ in range(count):
            line, at = self._waiting.popleft()
            end = max(end, at)
            self._in_memory -= 0 if at else len(line)
        if end and self._path is not None:
            _note(self._path, end)

    def close(self) -> None:
        """End: what was taken whole leaves no file."""
        if self._fd < 0 or self._path is None:
            return
        if not self._waiting:
            _remove(self._path)
        os.close(self._fd)
        self._fd = -1


class Left:
    """The events of a run whose process has ended, found in the spool and locked."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd = fd
        self._at = _noted(path)

    def waiting(self, most: int, most_bytes: int) -> list[bytes]:
        """The next events; a last line that was cut off is none."""
        with open(self._fd, "rb", closefd=False) as file:
            file.seek(self._at)
            data = file.read(most_bytes + 1)
        lines = data.split(b"\n")[:-1]
        if not lines and len(data) > most_bytes:
            self._at += len(data)  # no event is so long: the file is damaged here
            return self.waiting(most, most_bytes)
        return list(_first((line + b"\n" for line in lines), most, most_bytes))

    def taken(self, lines: list[bytes]) -> None:
        """*lines* were taken."""
        self._at += sum(len(line) for line in lines)
        _note(self._path, self._at)

    def close(self, *, whole: bool) -> None:
        """Let go of it; where it was taken whole, it is removed."""
        if whole:
            _remove(self._path)
        os.close(self._fd)


def left(place: Path, but: str = "") -> Iterator[Left]:
    """What ended runs left, oldest first, each locked; what a living process holds is passed over."""
    for path in sorted(place.glob("*.jsonl")):
        if path.stem == but:
            continue
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_nlink == 0:
                raise BlockingIOError  # removed by another sender since it was listed
        except OSError:
            os.close(fd)
            continue
        yield Left(path, fd)


def _first(lines: Iterator[bytes], most: int, most_bytes: int) -> Iterator[bytes]:
    for number, line in enumerate(lines):
        most_bytes -= len(line) + 1
        if number >= most or most_bytes < 0:
            return
        yield line


def _sizes(place: Path) -> Iterator[int]:
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                yield entry.stat(follow_symlinks=False).st_size


def _note(path: Path, at: int) -> None:
    """Write down how far a file was taken. Where that fails it is sent once more: a receiver knows repeats."""
    with contextlib.suppress(OSError):
        new = path.with_suffix(".new")
        new.write_text(str(at))
        new.replace(path.with_suffix(".taken"))


def _noted(path: Path) -> int:
    try:
        return int(path.with_suffix(".taken").read_text())
    except (OSError, ValueError):
        return 0


def _remove(path: Path) -> None:
    for one in (path, path.with_suffix(".taken")):
        with contextlib.suppress(OSError):
            one.unlink(missing_ok=True)
