"""Two ways to make a plan in a private copy: through Atmos, or by calling Terraform directly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.inventory.model import Watched
from daemon.planning.copies import WorkingCopy
from daemon.planning.state import text
from daemon.processes import Finished, Processes

_PLAN = ("-input=false", "-lock=false", "-detailed-exitcode", "-json")
_GENERATED = ("backend.tf.json", "providers_override.tf.json")  # by Atmos, for whichever stack came last


@dataclass(frozen=True, slots=True)
class Attempt:
    """All that a driver needs for one plan."""

    watched: Watched
    copy: WorkingCopy
    terraform: Path  # the guard's wrapper
    env: Mapping[str, str] = field(repr=False)
    files: Mapping[str, Mapping[str, Any]] = field(repr=False)  # to write beside the code: name to content
    processes: Processes
    left: Callable[[], float]  # seconds until the deadline
    output_limit: int  # bytes that one child may print

    @property
    def folder(self) -> Path:
        return self.copy.tree / self.watched.instance.working_directory

    @property
    def plan_file(self) -> Path:
        return self.copy.out / "plan"

    def run(self, *argv: str, cwd: Path | None = None) -> Finished:
        return self.processes.run(
            argv, cwd=cwd or self.folder, env=self.env, deadline=max(0.0, self.left()), stdout_limit=self.output_limit
        )

    def show(self) -> Finished:
        """The plan as JSON, through a pipe: it holds secrets and is never a file."""
        return self.run(str(self.terraform), "show", "-json", str(self.plan_file))

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        path = self.folder / name
        self.copy.set_aside(path, leave=False)
        path.write_text(json.dumps(content))


@dataclass(frozen=True, slots=True)
class Made:
    """What a driver's children said. *init* is None where Atmos ran it."""

    init: Finished | None
    plan: Finished | None  # None: init failed


def direct(attempt: Attempt) -> Made:
    """Write backend, providers and variables into the private copy, and call Terraform."""
    watched = attempt.watched
    terraform: dict[str, Any] = {"terraform": {"backend": {watched.backend.type: _backend(watched)}}}
    if watched.instance.atmos:
        for name in _GENERATED:
            attempt.copy.set_aside(attempt.folder / name, leave=False)
    if watched.providers:
        attempt.write("providers_override.tf.json", {"provider": dict(watched.providers)})
    attempt.write("barograph_backend_override.tf.json", terraform)
    for name, content in attempt.files.items():
        attempt.write(name, content)
    variables = attempt.copy.out / "barograph.tfvars.json"
    variables.write_text(json.dumps(dict(watched.vars)))
    init = attempt.run(str(attempt.terraform), "init", "-input=false", "-reconfigure", "-no-color")
    if init.rc != 0:
        return Made(init, None)
    files = [f"-var-file={attempt.folder / name}" for name in watched.var_files]
    if watched.vars:
        files.append(f"-var-file={variables}")
    plan = attempt.run(str(attempt.terraform), "plan", *_PLAN, f"-out={attempt.plan_file}", *files)
    return Made(init, plan)


def atmos(attempt: Attempt, program: str) -> Made:
    """Let Atmos write its files and call Terraform, which is the guard. Flags for Terraform go after `--`."""
    instance = attempt.watched.instance
    for name in _GENERATED:
        attempt.copy.set_aside(attempt.folder / name, leave=True)
    for name, content in attempt.files.items():
        attempt.write(name, content)
    argv = [program, "terraform", "plan", instance.component, "-s", instance.stack, "--", *_PLAN]
    return Made(None, attempt.run(*argv, f"-out={attempt.plan_file}", cwd=attempt.copy.tree))


def _backend(watched: Watched) -> dict[str, Any]:
    """The backend block, without values that a listing masked: those come from the environment."""
    config = watched.backend.config
    return {name: value for name, value in config.items() if not isinstance(value, str) or text(config, name) == value}


def deadline(seconds: float) -> Callable[[], float]:
    """How many of *seconds* are left, from now on."""
    until = time.monotonic() + seconds
    return lambda: until - time.monotonic()
