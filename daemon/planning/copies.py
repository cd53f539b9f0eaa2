"""Private copies of the watched repository, one per worker, so that nothing is ever written into the checkout."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from checks.plans.look import LookStatus
from daemon.planning.ended import LookEndedError
from daemon.planning.environment import Folders

_SKIPPED = frozenset({".git", ".terraform", "terraform.tfstate.d"})
_LONGEST_TEMPORARY = 64
_LINK = "barograph-tmp-"
_MOST_OUTSIDE = 1024 * 1024 * 1024  # bytes that a link may lead to
_BYTES_OF_A_NAME = 4096  # a file takes up that much at least
_YOUNG = "new-"  # in the name of a folder whose process is about to lock it
_SECONDS_TO_LOCK = 60.0
_OWN = "barograph-plans"  # the only folder of the scratch folder that is ever wiped


def _is_left_out(name: str) -> bool:
    return name in _SKIPPED or name.endswith((".tfstate", ".tfstate.backup", ".tfstate.lock.info", ".planfile"))


class Scratch:
    """The folder of this process below the configured scratch folder, readable by nobody else."""

    def __init__(self, root: Path) -> None:
        """Make it, and wipe those of processes that are gone."""
        base = root / _OWN
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        base.chmod(0o700)
        for old in base.iterdir():
            _wipe_if_dead(old)
        _drop_dead_links(base)
        self.path, self._lock = _held("run-", base)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


@contextlib.contextmanager
def temporary(prefix: str) -> Iterator[Path]:
    """A folder for the length of a command, readable by nobody else; those of commands that were killed are wiped."""
    base = Path(tempfile.gettempdir())
    for old in base.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            seen = old.lstat()
            if stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid():
                _wipe_if_dead(old)
                _drop_dead_links(old)
    folder, lock = _held(prefix, base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        _drop_dead_links(folder)


def _held(prefix: str, base: Path) -> tuple[Path, int]:
    """A new folder below *base*, and the lock that says it is in use; the system drops it with this process."""
    young = Path(tempfile.mkdtemp(prefix=f"{prefix}{_YOUNG}", dir=base))
    lock = os.open(young / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    folder = young.with_name(young.name.replace(_YOUNG, "", 1))  # under its own name it is held from the beginning
    young.rename(folder)
    return folder, lock


def _drop_dead_links(base: Path) -> None:
    """Short names in the system's folder for temporary files (see WorkingCopy) that outlived a killed process."""
    for link in Path(tempfile.gettempdir()).glob(f"{_LINK}*"):
        if link.is_symlink() and not link.exists() and Path(os.readlink(link)).is_relative_to(base):
            _remove(link)


def _wipe_if_dead(folder: Path) -> None:
    try:
        if _YOUNG in folder.name and time.time() - folder.lstat().st_mtime < _SECONDS_TO_LOCK:
            return
        lock = os.open(folder / ".lock", os.O_RDWR)
    except FileNotFoundError:
        shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(lock)


class WorkingCopy:
    """One worker's copy of the repository, and the folders its children may write into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self._repository = Path()
        self._fingerprint: str | None = None
        self._files: dict[Path, tuple[int, int]] = {}  # what was copied, as it was then
        self._outside: list[Path] = []  # folders outside the repository that are being copied
        self._kept: dict[int, Path] = {}
        self._link: Path | None = None

    def refresh(self, fingerprint: str, repository: Path) -> None:
        """Copy the folder *repository* anew unless that was done for *fingerprint*, which names its content.

        Raises OSError, and LookEndedError when files changed meanwhile: half of one commit and half of another.
        """
        if self._fingerprint == fingerprint:
            return
        self._fingerprint = None
        self._repository = repository.resolve()
        self._outside.clear()
        before = self._seen()
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self._copy(self._repository, self.tree)
        if self._seen() != before:
            raise LookEndedError(LookStatus.BUSY, "the checkout changed while it was copied", cause="checkout changed")
        self._files = {
            Path(root, name): _stamp(Path(root, name)) for root, _, files in os.walk(self.tree) for name in files
        }
        self._fingerprint = fingerprint

    def _seen(self) -> dict[str, tuple[int, int]]:
        """Size and time of every file of the repository that would be copied, without what lies behind links."""
        found = {}
        for root, folders, files in os.walk(self._repository):
            folders[:] = [name for name in folders if not _is_left_out(name) and Path(root, name) != self.folder]
            for name in files:
                with contextlib.suppress(FileNotFoundError):
                    if not _is_left_out(name):
                        found[os.path.join(root, name)] = _stamp(Path(root, name))
        return found

    def set_aside(self, path: Path, *, leave: bool) -> None:
        """Keep a file as it is until the look is over; it is taken out of the copy unless *leave*."""
        if not path.is_file():
            return
        (self.folder / "kept").mkdir(mode=0o700, exist_ok=True)
        number = len(self._kept)
        if leave:
            shutil.copy2(path, self.folder / "kept" / str(number))
        else:
            os.replace(path, self.folder / "kept" / str(number))
        self._kept[number] = path

    def folders(self, component: str, cli_config: Path, plugin_cache: Path | None, *, atmos: bool) -> Folders:
        """The folders of one look at *component*'s code; `.terraform` outlives it, for the providers in it."""
        look = self.folder / "look"
        for name in ("bin", "home", "tmp", "out"):
            (look / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        data = None
        if not atmos:
            data = self.folder / "data" / component
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Folders(look / "bin", look / "home", self._temporary, cli_config, data, plugin_cache)

    @property
    def _temporary(self) -> Path:
        """Providers listen on sockets here, whose paths the system limits to about a hundred characters."""
        real = self.folder / "look" / "tmp"
        if len(str(real)) <= _LONGEST_TEMPORARY:
            return real
        if self._link is None:
            self._link = Path(tempfile.gettempdir(), f"{_LINK}{secrets.token_hex(6)}")
            self._link.symlink_to(real)
        return self._link

    def close(self) -> None:
        if self._link is not None:
            _remove(self._link)

    @property
    def out(self) -> Path:
        return self.folder / "look" / "out"

    @property
    def guard_log(self) -> Path:
        return self.folder / "look" / "guard.jsonl"

    @contextlib.contextmanager
    def look(self) -> Iterator[None]:
        """One look: whatever it leaves behind is gone afterwards, however it ended."""
        try:
            yield
        finally:
            shutil.rmtree(self.folder / "look", ignore_errors=True)
            self._forget_backends()
            self._restore()

    def _forget_backends(self) -> None:
        """Terraform notes the backend, keys included, and the workspace in each `.terraform`."""
        for top in (self.tree, self.folder / "data"):
            for root, folders, files in os.walk(top):
                if "providers" in folders:
                    folders.remove("providers")
                if root.endswith("/.terraform") or top != self.tree:
                    for name in {"terraform.tfstate", "terraform.tfstate.backup", "environment"} & set(files):
                        _remove(Path(root, name))

    def _restore(self) -> None:
        """Undo what was written into the copy. A new lock file stays, for speed; anything else calls for a new copy."""
        for number, kept in self._kept.items():
            os.replace(self.folder / "kept" / str(number), kept)
        self._kept.clear()
        found = {}
        for root, folders, files in os.walk(self.tree):
            folders[:] = [name for name in folders if name != ".terraform"]
            for name in files:
                path = Path(root, name)
                if path in self._files or name == ".terraform.lock.hcl":
                    found[path] = _stamp(path)
                else:
                    _remove(path)
        if any(found.get(path) != stamp for path, stamp in self._files.items()):
            self._fingerprint = None

    def _copy(self, source: Path, target: Path) -> None:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.scandir(source) as entries:
            for entry in entries:
                path, copy = Path(entry.path), target / entry.name
                if _is_left_out(entry.name) or path == self.folder or path in self.folder.parents:
                    continue
                if entry.is_symlink():
                    self._copy_link(path, copy)
                elif entry.is_dir():
                    self._copy(path, copy)
                elif entry.is_file():
                    shutil.copy2(path, copy)  # pipes and devices are left out: reading one may never end

    def _copy_link(self, link: Path, copy: Path) -> None:
        """A link within the repository stays one, to the copy; what lies outside is copied, lest it be written to."""
        try:
            target = link.resolve(strict=True)
        except (OSError, RuntimeError):
            return  # dangling, or going in circles: nothing to read behind it
        if target.is_relative_to(self._repository):
            copy.symlink_to(self.tree / target.relative_to(self._repository))
        elif target not in self._outside:  # a link that leads back up would be copied for ever
            self._check_size(link, target)
            self._outside.append(target)
            if target.is_dir():
                self._copy(target, copy)
            elif target.is_file():
                shutil.copy2(target, copy)
            self._outside.pop()

    def _check_size(self, link: Path, target: Path) -> None:
        """A link to somebody's home, or to the whole disk, is no part of the code. Raises LookEndedError."""
        size = 0
        for root, _, files in os.walk(target):
            for name in files:
                with contextlib.suppress(OSError):
                    size += Path(root, name).lstat().st_size + _BYTES_OF_A_NAME
            if size > _MOST_OUTSIDE:
                shown = link.relative_to(self._repository) if link.is_relative_to(self._repository) else link
                raise LookEndedError(
                    LookStatus.CONFIG_ERROR,
                    f"the link {shown} leads out of the repository to more than {_MOST_OUTSIDE >> 20} MiB",
                    cause="link outside",
                    remedy="let it lead to the code that is needed",
                )


def _stamp(path: Path) -> tuple[int, int]:
    seen = path.lstat()
    return seen.st_size, seen.st_mtime_ns


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
