"""Which Terraform or OpenTofu plans an instance: of those there are, the first that its module accepts."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.planning.ended import config_error, error
from daemon.planning.versions import satisfies_all
from daemon.processes import Processes, ProgramMissingError

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Binary:
    """A Terraform that runs."""

    path: str
    version: str

    @property
    def is_tofu(self) -> bool:
        return "tofu" in Path(self.path).name

    def __str__(self) -> str:
        return f"{self.path} ({self.version})"


class Binaries:
    """Finds binaries and asks each for its version, once. Thread-safe."""

    def __init__(self, processes: Processes, names: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self._processes = processes
        self._names = tuple(names)
        self._env = dict(env)
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], Binary | str] = {}

    def choose(self, required: Sequence[str], *, tofu: bool, only: str = "") -> Binary:
        """The first that fits all of *required*, of the asked-for kind; *only* names the one a rule wants.

        Raises LookEndedError: an error when there is none at all, a config_error when none fits.
        """
        asked = [self._ask(name) for name in ((only,) if only else self._names)]
        there = [answer for answer in asked if isinstance(answer, Binary)]
        if not there:
            raise error(
                f"no Terraform can be run: {'; '.join(str(answer) for answer in asked) or 'none is configured'}",
                cause="terraform missing",
                remedy="install Terraform or OpenTofu, or name it in planning.terraform",
            )
        listed = ", ".join(str(binary) for binary in there)
        if tofu and not any(binary.is_tofu for binary in there):
            raise config_error(
                f"the component asks for OpenTofu, and there is only {listed}", cause="terraform version"
            )
        try:
            fitting = [binary for binary in there if satisfies_all(binary.version, required)]
        except ValueError as bad:
            raise config_error(f"required_version cannot be read: {bad}", cause="terraform version") from None
        fitting.sort(key=lambda binary: binary.is_tofu != tofu)  # stable: the configured order stays
        if not fitting or (tofu and not fitting[0].is_tofu):
            wanted = ", ".join(required)
            raise config_error(f"required_version {wanted} fits none of {listed}", cause="terraform version")
        return fitting[0]

    def _ask(self, name: str) -> Binary | str:
        path = shutil.which(name, path=self._env.get("PATH"))
        if path is None:
            return f"{name} is not there"
        key = (path, Path(path).stat().st_mtime_ns)
        with self._lock:
            if key not in self._known:
                answer = self._version(path)
                if isinstance(answer, str):
                    return answer
                self._known[key] = answer
            return self._known[key]

    def _version(self, path: str) -> Binary | str:
        try:
            finished = self._processes.run(
                [path, "version", "-json"], cwd=self._folder, env=self._env, deadline=_SECONDS
            )
            return Binary(path, str(json.loads(finished.stdout)["terraform_version"]))
        except ProgramMissingError as missing:
            return str(missing)
        except (ValueError, KeyError, TypeError):
            return f"{path} does not tell its version"
