"""Atmos on one folder: its environment, the guard in Terraform's place, bounded calls."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from daemon.inventory.atmosyaml import AtmosYaml
from daemon.inventory.model import InventoryError
from daemon.inventory.scrub import explained, secrets_in_manifests, secrets_of
from daemon.inventory.settings import SourceSettings
from daemon.planning.copies import WorkingCopy, temporary
from daemon.planning.environment import Folders, child_environment
from daemon.planning.guarding import read_log, write_guard
from daemon.planning.settings import Grant
from daemon.planning.tools import in_copy
from daemon.processes import Finished, ProgramMissingError

_STDERR_LIMIT = 4 * 1024 * 1024  # a real repository made Atmos print 619 KB of errors


class Run(Protocol):
    """daemon.processes.Processes.run, or anything of its shape."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | str,
        env: Mapping[str, str],
        deadline: float,
        stdout_limit: int = ...,
        stderr_limit: int = ...,
        stdin: bytes | None = None,
    ) -> Finished: ...


@dataclass(frozen=True, slots=True)
class Session:
    """Atmos, ready to be called on one folder for as long as the session is open."""

    root: Path  # the folder Atmos works in: the repository, or a private copy of it
    guard: str  # what Atmos calls for Terraform
    settings: SourceSettings
    run: Run
    env: Mapping[str, str] = field(repr=False)
    log: Path

    def call(self, *arguments: str) -> Finished:
        """One call. Raises InventoryError where Atmos is missing, too slow or prints too much."""
        seconds = self.settings.deadline.total_seconds()
        try:
            finished = self.run(
                [self.settings.atmos, *arguments],
                cwd=self.root,
                env=self.env,
                deadline=seconds,
                stdout_limit=self.settings.output_limit,
                stderr_limit=_STDERR_LIMIT,
            )
        except ProgramMissingError as error:
            raise InventoryError(
                f"Atmos cannot be started: {error}. Install Atmos >= 1.163.0, or set the source's `atmos` to its path."
            ) from None
        words = "atmos " + " ".join(arguments[:2])
        if finished.timed_out:
            raise InventoryError(f"`{words}` in {self.settings.title} did not end within {seconds:.0f} s")
        if finished.truncated:
            raise InventoryError(f"`{words}` in {self.settings.title} printed too much, and was ended")
        return finished

    def explain(self, finished: Finished) -> str:
        """Why a call failed, for people: no colours, no secrets, no names of private copies."""
        text = (finished.stderr or finished.stdout).decode("utf-8", errors="replace")
        for folder in (self.root, self.settings.path):
            text = text.replace(str(folder), self.settings.title)
        said = explained(text, secrets=secrets_in_manifests(self.root) | secrets_of(self.settings.environment))
        if finished.rc is None:
            return f"it was ended by signal {finished.signal}"
        return said or f"it ended with exit code {finished.rc} and said nothing"

    def tried_terraform(self, finished: Finished) -> bool:
        """Whether *finished* is not to be relied on for what the guard refused, or Terraform failed at, on the way."""
        calls = read_log(self.log)
        return any(call.refused for call in calls) or (finished.rc != 0 and bool(calls))


@contextmanager
def opened(
    settings: SourceSettings, yaml: AtmosYaml, run: Run, *, copied: bool
) -> Iterator[Session]:  # fmt: skip
    """A session on the repository, or, with *copied*, on a private copy: listing with templates can write."""
    with temporary("barograph-inventory-") as scratch:
        root = settings.path
        if copied:
            working = WorkingCopy(scratch)
            working.refresh("listing", settings.path)
            root = working.tree
        folders = _folders(scratch, copied=copied)
        log = scratch / "calls.jsonl"
        search = settings.environment.get("PATH")
        terraform = shutil.which("terraform", path=search) or shutil.which("tofu", path=search) or ""
        env = child_environment(
            folders=folders,
            inherited=settings.environment,
            stack={},
            grant=Grant(),
            workspace="",
            base_path=_base(settings, yaml, root),
            config_path=(root / settings.config_path).resolve(),
        )
        del env["TF_WORKSPACE"]  # Terraform's Go wrapper, which Atmos lists with, refuses to start when it is set
        guard = write_guard(folders.binaries, terraform=terraform, log=log, env=env)
        yield Session(root, str(guard), settings, run, env, log)


def _base(settings: SourceSettings, yaml: AtmosYaml, root: Path) -> Path:
    """Atmos' base path in *root*, be it the repository or its copy. Raises InventoryError for one that leads out."""
    base = settings.base_path or yaml.base_path
    found = in_copy(settings.path, base, root.resolve())
    if found is None:
        raise InventoryError(
            f"Atmos' base path {base} lies outside the repository {settings.title}: it would read and write there. "
            f"Set base_path in {yaml.file or 'atmos.yaml'} to a folder of the repository."
        )
    return found


def _folders(scratch: Path, *, copied: bool) -> Folders:
    folders = Folders(
        binaries=scratch / "bin",
        home=scratch / "home",
        temporary=scratch / "tmp",
        data=None if copied else scratch / "data",
        cli_config=scratch / "terraformrc",
    )
    for name in ("home", "tmp", "data"):
        (scratch / name).mkdir(mode=0o700)
    folders.cli_config.touch(mode=0o600)
    return folders
