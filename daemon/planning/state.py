"""Reading the place of a Terraform state before and after a plan: is it there, whole, free, unmoved? Never writes."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from checks.plans.look import LookStatus
from daemon.inventory.model import DEFAULT_WORKSPACE, Backend
from daemon.planning.ended import LookEndedError, config_error, error


@dataclass(frozen=True, slots=True)
class StateSeen:
    """A state as it was at one moment; *mark* changes whenever its content does."""

    mark: str
    serial: int
    body: bytes = field(default=b"", repr=False)  # the state itself: holds secrets


class StatePlace(Protocol):
    """Where one instance's state lies. Both methods raise LookEndedError."""

    def before(self) -> StateSeen:
        """The state, or the reason why there is nothing to plan: never deployed, locked, damaged, out of reach."""
        ...

    def after(self, seen: StateSeen) -> None:
        """Nothing when the state is still as *seen* and free; else it is busy."""
        ...


def whole(body: bytes, mark: str) -> StateSeen:
    """Read a state file. Raises LookEndedError for what Terraform could not read either."""
    try:
        state = json.loads(body)
        serial, version = state["serial"], state["version"]
        if not isinstance(serial, int) or not isinstance(version, int):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError) as failed:
        what = "empty" if not body.strip() else "no readable Terraform state"
        raise error(
            f"the state is damaged: the object is {what}",
            cause="state damaged",
            remedy="restore an earlier version of the state object",
        ) from failed
    return StateSeen(mark, serial, body)


def never_deployed(where: str) -> LookEndedError:
    reason = f"there is no state at {where}: never deployed"
    return LookEndedError(LookStatus.NEVER_DEPLOYED, reason, cause="never deployed")


def moved(what: str) -> LookEndedError:
    reason = f"the state changed while the plan was made ({what}): the plan counts for nothing"
    return LookEndedError(LookStatus.BUSY, reason, cause="state changed")


def locked(where: str, info: str) -> LookEndedError:
    """The end of a look at a locked state; *info* is Terraform's lock information as JSON."""
    try:
        lock = json.loads(info)
        lock = lock if isinstance(lock, dict) else {}
    except ValueError:
        lock = {}
    names = {"lock_id": "ID", "lock_owner": "Who", "lock_operation": "Operation", "lock_since": "Created"}
    facts = {name: str(lock[key]) for name, key in names.items() if lock.get(key)} | {"lock_place": where}
    owner = facts.get("lock_owner", "somebody unknown")
    operation = facts.get("lock_operation", "an operation").removeprefix("OperationType")
    since = f" since {facts['lock_since']}" if "lock_since" in facts else ""
    reason = f"the state is locked by {owner} for {operation}{since}"
    return LookEndedError(LookStatus.BUSY, reason, cause="state locked", remedy=f"wait for {owner}", facts=facts)


def mark_of(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()  # what Terraform's S3 backend keeps as digest


@dataclass(frozen=True, slots=True)
class LocalState:
    """A state file beside the code, or wherever an absolute path says."""

    file: Path
    shown: str

    @property
    def _lock(self) -> Path:
        return self.file.with_name(f".{self.file.name}.lock.info")

    def before(self) -> StateSeen:
        self._check_lock()
        body = self._read()
        if body is None:
            raise never_deployed(self.shown)
        return whole(body, mark_of(body))

    def after(self, seen: StateSeen) -> None:
        self._check_lock()
        body = self._read()
        if body is None or mark_of(body) != seen.mark:
            raise moved(self.shown)

    def _read(self) -> bytes | None:
        try:
            return _content(self.file)
        except FileNotFoundError:
            return None
        except OSError as failed:
            raise error(
                f"the state {self.shown} cannot be read: {failed.strerror}", cause="state unreadable"
            ) from failed

    def _check_lock(self) -> None:
        try:
            info = _content(self._lock).decode(errors="replace")
        except FileNotFoundError:
            return
        except OSError as failed:
            raise error(
                f"the lock of {self.shown} cannot be read: {failed.strerror}", cause="lock unreadable"
            ) from failed
        raise locked(self.shown, info)


def _content(file: Path) -> bytes:
    """What is in a file. Raises OSError, also for a pipe, which would be waited for."""
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "is no file", str(file))
    return file.read_bytes()


def local_path(backend: Backend) -> Path:
    """The state file of a local backend, relative to the working directory or absolute (Terraform's local backend)."""
    if backend.workspace == DEFAULT_WORKSPACE:
        return Path(str(backend.config.get("path") or "terraform.tfstate"))
    folder = Path(str(backend.config.get("workspace_dir") or "terraform.tfstate.d"))
    return folder / backend.workspace / "terraform.tfstate"


def text(config: Mapping[str, object], *names: str) -> str:
    """The first of *names* that is set; Atmos' mask in place of a value counts as not set."""
    for name in names:
        value = config.get(name)
        if isinstance(value, str) and value and value != "<MASKED>":
            return value
    return ""


def truth(config: Mapping[str, object], *names: str) -> bool:
    return any(config.get(name) in (True, "true", "True", "1") for name in names)


def unsupported(backend: Backend) -> LookEndedError:
    """The end of a look at an instance whose backend cannot be read."""
    if not backend.type:
        return config_error(
            "no backend is configured: Barograph cannot know where the state is",
            cause="no backend",
            remedy="set backend_type and backend in the stack, or a backend block in the module",
        )
    return config_error(
        f'backend type "{backend.type}" is not supported: Barograph reads s3 and local',
        cause=f"backend {backend.type}",
    )
