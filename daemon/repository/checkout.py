"""The files of a repository, looked at without leaving it, waiting for anything or writing.

Symbolic links are followed while they stay inside. What is left out is said in a fault, once for each place.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from checks.manifests.imports import EXTENSIONS
from checks.manifests.model import Fault, Spot
from daemon.repository.limits import Limits

_SKIPPED = frozenset({".git", ".terraform", "node_modules", "__pycache__", ".venv", ".idea"})


class RepositoryError(Exception):
    """The repository's folder cannot be read. The text is for people."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in one folder: names, sorted."""

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(slots=True)
class Checkout:
    """A repository's folder. Names are relative to it, with "/"; the folder itself is the empty name."""

    root: Path  # without links
    limits: Limits
    faults: list[Fault] = field(default_factory=list)
    files_read: int = 0
    bytes_read: int = 0
    _entries: int = 0
    _links: int = 0
    _listed: dict[str, Listing] = field(default_factory=dict)
    _said: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def opened(cls, path: Path, limits: Limits) -> Checkout:
        """Raises RepositoryError where *path* is no folder that can be read."""
        try:
            root = path.resolve(strict=True)
            if not root.is_dir():
                raise RepositoryError(f"{path} is not a folder; name the repository's folder")
            with os.scandir(root):
                pass
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise RepositoryError(f"{path} cannot be read: {reason}; name the repository's folder") from None
        return cls(root, limits)

    def is_folder(self, name: str) -> bool:
        """Whether *name* is a folder of the repository."""
        return stat.S_ISDIR(self._mode(name))

    def is_file(self, name: str) -> bool:
        """Whether *name* is an ordinary file of the repository."""
        return stat.S_ISREG(self._mode(name))

    def listing(self, folder: str) -> Listing:
        """The files and folders in a folder; nothing where it cannot be listed, which is said."""
        if folder not in self._listed:
            self._listed[folder] = self._list(folder)
        return self._listed[folder]

    def below(self, folder: str, *, depth: int = 32, quiet: bool = False) -> tuple[list[str], list[str]]:
        """All files and all folders below a folder, sorted. A link back to a folder above is said, and not followed.

        *quiet*: nothing is said of what is passed over there and was not looked at before: nothing depends on it.
        """
        said = len(self.faults), set(self._said)
        found = self._below(folder, depth)
        if quiet:
            del self.faults[said[0] :]
            self._said = said[1]
        return found

    def _below(self, folder: str, depth: int) -> tuple[list[str], list[str]]:
        files: list[str] = []
        folders: list[str] = []
        start = self._inside(folder)
        if start is None:
            self.listing(folder)  # says so
        pending: list[tuple[str, frozenset[str]]] = [(folder, frozenset({str(start)}))] if start else []
        while pending:
            name, above = pending.pop()
            listing = self.listing(name)
            files += [_join(name, one) for one in listing.files]
            for one in listing.folders:
                inner = _join(name, one)
                real = str(self._inside(inner) or "")
                if real in above or len(above) > depth:
                    why = "a link to a folder that it is in" if real in above else f"more than {depth} folders deep"
                    self.refuse(inner, "link_loop" if real in above else "nested_too_deeply", why)
                    continue
                folders.append(inner)
                pending.append((inner, above | {real}))
        return sorted(files), sorted(folders)

    def text(self, name: str, limit: int, *, optional: bool = False) -> str | None:
        """A file as text; None where it cannot be read, or is larger than *limit* bytes, which is said.

        *optional*: what is larger, or no text, is passed over in silence.
        """
        path = self._inside(name)
        if path is None:
            self.refuse(name, "leaves_repository", "leads out of the repository; it is not followed")
            return None
        try:
            # Not to wait for a pipe, nor follow a link that was put there meanwhile.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.refuse(name, "unreadable", f"cannot be read: {error.strerror}")
            return None
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                self.refuse(name, "not_a_file", "is not an ordinary file; it is not opened")
                return None
            if status.st_size > limit:
                if not optional:
                    detail = f"is larger than {limit // 1024} KiB; it is passed over"
                    self.refuse(name, "too_large", detail)
                return None
            if self.bytes_read + status.st_size > self.limits.total_bytes:
                detail = f"more than {self.limits.total_bytes // (1024 * 1024)} MiB were read already"
                self.refuse(name, "too_much", f"{detail}; it is passed over")
                return None
            data = stream.read(limit)
        self.files_read += 1
        self.bytes_read += len(data)
        return self._decoded(name, data, optional=optional)

    def refuse(self, name: str, why: str, detail: str, *, line: int = 0, column: int = 0) -> None:
        """Say that a file or folder is passed over."""
        if (name, why) not in self._said:
            self._said.add((name, why))
            self.faults.append(Fault("unreadable_file", (Spot(name or ".", line, column),), detail, (why,)))

    def _inside(self, name: str) -> Path | None:
        """Where *name* really is; None where that is not in the repository, or nowhere."""
        if "\0" in name or name.startswith("/"):
            return None
        try:
            real = Path(os.path.realpath(self.root / name))
            relative = real.relative_to(self.root)
        except (OSError, ValueError):
            return None
        return None if ".git" in relative.parts else real

    def _mode(self, name: str) -> int:
        """What *name* is, as stat tells it; 0 where there is nothing. What cannot be told is said."""
        path = self._inside(name)
        try:
            if path is not None:
                return path.stat().st_mode
            if os.path.lexists(self.root / name):
                self.refuse(name, "leaves_repository", "leads out of the repository; it is not followed")
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return 0
        except OSError as error:
            if error.errno not in (errno.ENAMETOOLONG, errno.ELOOP):  # no such thing can be there
                self.refuse(name, "unreadable", f"cannot be looked at: {error.strerror}")
        return 0

    def _list(self, folder: str) -> Listing:
        path = self._inside(folder)
        if path is None:
            self.refuse(folder, "leaves_repository", "leads out of the repository; it is not followed")
            return Listing()
        files: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    self._entries += 1
                    if self._entries > self.limits.entries:
                        detail = f"the repository holds more than {self.limits.entries} files and folders"
                        self.refuse("", "too_many_files", f"{detail}; the rest is not looked at")
                        break
                    kind = self._kind(folder, entry)
                    if kind == "file":
                        files.append(entry.name)
                    elif kind == "folder":
                        folders.append(entry.name)
        except FileNotFoundError:
            return Listing()
        except OSError as error:
            self.refuse(folder, "unreadable", f"cannot be listed: {error.strerror}")
        return Listing(tuple(sorted(files)), tuple(sorted(folders)))

    def _kind(self, folder: str, entry: os.DirEntry[str]) -> str:
        """ "file", "folder", or empty for what is passed over."""
        name = _join(folder, entry.name)
        try:
            entry.name.encode("utf-8")
        except UnicodeEncodeError:
            shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            self.refuse(shown, "name_not_utf8", "its name is not UTF-8; it is passed over")
            return ""
        try:
            if entry.is_symlink():
                self._links += 1
                if self._links > self.limits.links:
                    detail = f"the repository holds more than {self.limits.links} links; the rest is not followed"
                    self.refuse("", "too_many_links", detail)
                    return ""
                real = self._inside(name)
                if real is None:
                    self.refuse(name, "leaves_repository", "a link out of the repository; it is not followed")
                    return ""
                mode = self._mode(name)
                if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode) and _is_manifest(entry.name):
                    self.refuse(name, "unreadable", "a link that leads to no ordinary file; it is passed over")
                return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else ""
            if entry.is_dir(follow_symlinks=False):
                return "" if entry.name in _SKIPPED else "folder"
            if entry.is_file(follow_symlinks=False):
                return "file"
        except OSError as error:
            self.refuse(name, "unreadable", f"cannot be looked at: {error.strerror}")
            return ""
        if _is_manifest(entry.name):
            self.refuse(name, "not_a_file", "is not an ordinary file; it is not opened")
        return ""

    def _decoded(self, name: str, data: bytes, *, optional: bool) -> str | None:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if optional:
                return data.decode("utf-8", "replace")
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
            self.refuse(name, "not_utf8", "is not UTF-8 text; save it as UTF-8", line=line, column=column)
            return None


def _is_manifest(name: str) -> bool:
    return name.endswith(EXTENSIONS)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
