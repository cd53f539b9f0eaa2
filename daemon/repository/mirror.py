"""Barograph's own bare mirror of one repository: a cache of one process, which heals by being made anew."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.processes import MIB
from daemon.repository.address import Address, is_commit
from daemon.repository.calls import Git, of_system
from daemon.repository.faults import OF_THE_MIRROR, Fault, FetchError

GIB = 1024 * MIB
HISTORY = 50  # commits fetched once a branch is known, so that a rewritten one can be told
_MOST_PACKS = 40  # each fetch adds one; then the mirror is made anew, which costs one shallow fetch
_REFS = "refs/barograph"
_MIRROR = "mirror-"
_LEFTOVERS = (".lock", ".keep")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one fetch may take."""

    seconds: float = 300.0
    size: int = GIB  # bytes: of what comes over the network, and of the files of a checkout
    files: int = 200_000  # of a checkout


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a ref points to now."""

    commit: str
    notes: tuple[str, ...] = ()


class Mirror:
    """Thread-safe: one fetch at a time. Opened by its first use, held until close()."""

    def __init__(self, folder: Path, address: Address, git: Git, limits: FetchLimits) -> None:
        self.folder = folder
        self.address = address
        self.git = git
        self.limits = limits
        self._turn = threading.RLock()
        self._lock: int | None = None
        self._path: Path | None = None
        self._before = ""  # the commit of the last fetch

    @property
    def what(self) -> str:
        return f"fetching {self.address}"

    @property
    def submodules(self) -> Path:
        """Where submodules are fetched into, for as long as that takes."""
        return self.folder / "submodules"

    def close(self) -> None:
        """Let another process use it."""
        with self._turn:
            if self._lock is not None:
                os.close(self._lock)
            self._lock = self._path = None

    def fetch(self, ref: str = "") -> Fetched:
        """Bring the commit that *ref* (a branch, a tag, a whole hash; empty: the remote's HEAD) names, and give it.

        Raises FetchError; what was there before stays usable then.
        """
        with self._turn:
            path = self._tidied()
            until = time.monotonic() + self.limits.seconds
            wanted, name, notes = (ref, ref, ()) if is_commit(ref) else self._resolved(ref, until)
            if self.has(wanted):
                self._before = wanted
                return Fetched(wanted, notes)
            fresh = not _holds_objects(path)
            try:
                commit, told = self._fetched(path, name, until)
            except FetchError as error:
                if fresh or error.fault not in OF_THE_MIRROR:
                    raise
                commit, told = self._fetched(self._made_anew(), name, until)
                told = (*told, f"Barograph's mirror was damaged and has been made anew ({error})")
            self._before = commit
            return Fetched(commit, (*notes, *told))

    def has(self, commit: str) -> bool:
        """Whether *commit* was fetched as a whole."""
        with self._turn:
            path = self._opened()
            if not (path / _REFS / "kept" / commit).is_file():
                return False
            try:
                self.git.local(path, "cat-file", "-e", f"{commit}^{{tree}}", what=self.what)
            except FetchError as error:
                if error.fault is Fault.STOPPED:
                    raise
                return False
            return True

    def read(self, *arguments: str, what: str, stdout_limit: int = 16 * MIB) -> bytes:
        """What git prints about the mirror. Raises FetchError."""
        with self._turn:
            return self.git.local(self._opened(), *arguments, what=what, stdout_limit=stdout_limit)

    def write_out(self, commit: str, folder: Path, index: Path) -> None:
        """Write the files of *commit* into the empty *folder*. Raises FetchError.

        Neither hooks nor filters run: nothing in git's configuration here names one.
        """
        what = f"writing out commit {commit[:12]} of {self.address}"
        more = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(folder)}
        enough = growth(folder, self.limits.size * 2 + 64 * MIB)
        with self._turn:
            self.git.local(
                self._opened(), "read-tree", "--reset", "-u", commit, what=what, more=more, enough=enough,
                deadline=self.limits.seconds,
            )  # fmt: skip

    def discard(self) -> None:
        """Throw the mirror away: what it gave was damaged."""
        with self._turn:
            self._made_anew()

    # -- the folder -----------------------------------------------------------------------------------------------

    def _opened(self) -> Path:
        try:
            if self._lock is None:
                self._lock = _locked(self.folder, self.what)
                shutil.rmtree(self.submodules, ignore_errors=True)
                for left in self.folder.glob("config-*"):
                    left.unlink(missing_ok=True)
            if self._path is None or not self._path.is_dir():
                self._path = self._found() or self._made()
            return self._path
        except OSError as error:
            raise FetchError(of_system(error), self.what, f"{self.folder}: {error.strerror}") from None

    def _tidied(self) -> Path:
        """The mirror, or a new one where something was killed in it, or too much has gathered."""
        path = self._opened()
        return self._made_anew() if _left_half(path) or _packs(path) > _MOST_PACKS else path

    def _found(self) -> Path | None:
        """The mirror of an earlier process, if it is whole and of this repository. All else is removed."""
        found = None
        for old in sorted(self.folder.glob(f"{_MIRROR}*")):
            if found is None and _source(old) == self.address.url and not _left_half(old):
                found = old
            else:
                shutil.rmtree(old, ignore_errors=True)
        return found

    def _made(self) -> Path:
        """An empty mirror, under a name never used before: a git that outlived its Barograph cannot write into it."""
        path = self.folder / f"{_MIRROR}{secrets.token_hex(6)}"
        young = self.folder / f"new-{path.name}"
        self.git.local(young, "init", "--quiet", "--bare", "--template=", str(young), what=self.what)
        try:
            (young / "barograph-source").write_text(self.address.url)
            young.rename(path)
        except OSError as error:
            raise FetchError(of_system(error), self.what, f"{self.folder}: {error.strerror}") from None
        return path

    def _made_anew(self) -> Path:
        for old in self.folder.glob(f"*{_MIRROR}*"):
            shutil.rmtree(old, ignore_errors=True)
        self._path = self._made()
        return self._path

    # -- the network ----------------------------------------------------------------------------------------------

    def _resolved(self, ref: str, until: float) -> tuple[str, str, tuple[str, ...]]:
        """The commit or tag object that *ref* names there now, its whole name, and what is worth knowing of it."""
        names = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"] if ref else ["HEAD"]
        asked = [name for full in names for name in (full, f"{full}^{{}}")]
        said = self.git.remote(
            self.address, "ls-remote", "--quiet", "--end-of-options", self.address.url, *asked,
            what=self.what, deadline=_left(until), stdout_limit=64 * MIB,
        )  # fmt: skip
        listed = {}
        for line in said.decode("utf-8", errors="replace").splitlines():
            mark, _, name = line.partition("\t")
            listed[name] = mark
        found = [name for name in names if name in listed]
        if not found:
            text = f"the branch or tag {ref} does not exist there (any more); check source.ref" if ref else ""
            raise FetchError(Fault.REF, self.what, said=text or "it has no HEAD: it is empty; push a commit first")
        notes = (f"{ref} is a branch and a tag there; the branch is taken",) if len(found) > 1 else ()
        return listed.get(f"{found[0]}^{{}}", listed[found[0]]), found[0], notes

    def _fetched(self, path: Path, name: str, until: float) -> tuple[str, tuple[str, ...]]:
        """Fetch *name* and keep what it points to; as little of the history as the server allows."""
        target = f"{_REFS}/incoming-{secrets.token_hex(6)}"
        known = self._before and (path / _REFS / "kept" / self._before).is_file()
        depth = f"--depth={HISTORY if known and not is_commit(name) else 1}"
        try:
            self._fetch_into(path, until, depth, f"+{name}:{target}")
        except FetchError as error:
            if error.fault is Fault.REF and is_commit(name):
                self._fetch_into(path, until, f"+refs/heads/*:{target}/heads/*", f"+refs/tags/*:{target}/tags/*")
                self._pin(path, name, target)
            elif "shallow" in str(error):  # the plain files of a web server
                self._fetch_into(path, until, f"+{name}:{target}")
            else:
                raise
        read = self.git.local(path, "rev-parse", "--verify", "--end-of-options", f"{target}^{{commit}}", what=self.what)
        commit = read.decode("ascii", "replace").strip()
        notes = self._rewritten(path, commit) if known else ()
        self._keep(path, commit)
        return commit, notes

    def _fetch_into(self, path: Path, until: float, *arguments: str) -> None:
        options = [argument for argument in arguments if argument.startswith("--")]
        specs = [argument for argument in arguments if not argument.startswith("--")]
        self.git.remote(
            self.address, f"--git-dir={path}", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--force",
            "--no-recurse-submodules", "--no-auto-maintenance", *options, "--end-of-options", self.address.url, *specs,
            what=self.what, deadline=_left(until), enough=growth(path, self.limits.size),
        )  # fmt: skip

    def _pin(self, path: Path, commit: str, target: str) -> None:
        """Let *target* name *commit*, which came with the branches and tags, or did not."""
        try:
            self.git.local(path, "cat-file", "-e", f"{commit}^{{commit}}", what=self.what)
        except FetchError as error:
            if error.fault is Fault.STOPPED:
                raise
            text = f"no branch or tag there holds the commit {commit} (any more); check source.ref"
            raise FetchError(Fault.REF, self.what, said=text) from None
        listed = self.git.local(path, "for-each-ref", "--format=delete %(refname)", target, what=self.what)
        self._update(path, *listed.decode().splitlines())
        self._update(path, f"create {target} {commit}")

    def _rewritten(self, path: Path, commit: str) -> tuple[str, ...]:
        """Whether the branch still holds the commit it was at."""
        try:
            self.git.local(path, "merge-base", "--is-ancestor", self._before, commit, what=self.what)
        except FetchError as error:
            if error.fault is Fault.STOPPED:
                raise
            return (
                f"the ref was rewritten (force-pushed), or moved by more than {HISTORY} commits: "
                f"{self._before[:12]} is not behind {commit[:12]}",
            )
        return ()

    def _keep(self, path: Path, commit: str) -> None:
        """Let refs name *commit* and the one before it, and nothing else."""
        kept = f"{_REFS}/kept/{commit}"
        self._update(path, f"update {kept} {commit}")
        listed = self.git.local(path, "for-each-ref", "--format=%(refname)", _REFS, what=self.what).decode().split()
        old = [ref for ref in listed if ref not in (kept, f"{_REFS}/kept/{self._before}")]
        self._update(path, *(f"delete {ref}" for ref in old))

    def _update(self, path: Path, *orders: str) -> None:
        for order in orders:
            verb, ref, *value = order.split()
            options = ("-d", ref) if verb == "delete" else (ref, *value)
            self.git.local(path, "update-ref", "--no-deref", *options, what=self.what)


def growth(folder: Path, limit: int) -> Callable[[], bool]:
    """Tells whether *folder* has grown by more than *limit* bytes since this was called."""
    before = size_of(folder)
    return lambda: size_of(folder) - before > limit


def size_of(folder: Path) -> int:
    """Bytes of all files below *folder*; what vanishes meanwhile is not counted."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(root, name)).st_size
    return total


def _left(until: float) -> float:
    return max(0.1, until - time.monotonic())


def _locked(folder: Path, what: str) -> int:
    """Hold *folder* for this process; the system drops the lock with it. Raises OSError and FetchError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(lock, 32).decode("ascii", "replace").strip()
        os.close(lock)
        who = f"process {holder}" if holder.isdigit() else "another process"
        text = f"{who} uses the mirror in {folder} already; give this one its own planning.scratch"
        raise FetchError(Fault.LOCKED, what, said=text) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _source(mirror: Path) -> str:
    try:
        return (mirror / "barograph-source").read_text()
    except (OSError, ValueError):
        return ""


def _left_half(mirror: Path) -> bool:
    """Whether something that wrote into *mirror* was killed: what it left would be in the way, or is broken."""
    if not (mirror / "HEAD").is_file():
        return True
    names: Iterator[str] = (name for _, folders, files in os.walk(mirror) for name in (*folders, *files))
    return any(name.endswith(_LEFTOVERS) or name.startswith("tmp_") for name in names)


def _packs(mirror: Path) -> int:
    return sum(1 for _ in (mirror / "objects" / "pack").glob("*.pack"))


def _holds_objects(mirror: Path) -> bool:
    return _packs(mirror) > 0
