"""Puts the guard in Terraform's place, and reads what it recorded."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon import guard

REFUSED = guard.REFUSED
# Where Terraform and its providers write, and what they run: no stack's `env` may move these.
_FIXED = (
    "HOME", "TMPDIR", "TF_CLI_CONFIG_FILE", "TF_DATA_DIR", "TF_PLUGIN_CACHE_DIR",
    "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "CHECKPOINT_DISABLE", "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GuardedCall:
    """One call of Terraform that the guard saw."""

    argv: tuple[str, ...]  # values of variables and backend settings put out
    rc: int
    refused: str  # why; empty: it ran
    seconds: float

    @property
    def subcommand(self) -> str:
        return next((argument for argument in self.argv if not argument.startswith("-")), "")


def write_guard(
    folder: Path,
    *,
    terraform: str,
    log: Path,
    workspace: str = "",
    providers: Iterable[str] | None = None,
    may_select: bool = False,
    env: Mapping[str, str] | None = None,
    root: Path | None = None,
    init_lock: Path | None = None,
    names: Iterable[str] = ("terraform", "tofu"),
) -> Path:
    """Write a wrapper for each of *names* into *folder*, to be put first on a child's PATH, and give the first one.

    *terraform* is the absolute path of the real program, *log* the file that gets one line per call. With *workspace*
    every plan is made in that one; with *providers* (sources such as "hashicorp/aws") no other provider's code is run;
    with *may_select* `workspace select` works for workspaces that exist; wrappers with one *init_lock* run `init` one
    at a time. With *env* Terraform's own folders and settings are as in it, whatever Atmos lays over it from a stack;
    with *root* only folders below it are worked in. The wrapper sets all this itself, after a stack's own environment,
    so that no stack can unset it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = {"TERRAFORM": terraform, "LOG": str(log), "WORKSPACE": workspace, "SELECT": "1" if may_select else ""}
    settings |= {"INIT_LOCK": str(init_lock or ""), "ROOT": str(root or "")}
    if providers is not None:
        settings["PROVIDERS"] = json.dumps(sorted(providers))
    exports = [f"export BAROGRAPH_GUARD_{name}={shlex.quote(value)}" for name, value in settings.items()]
    unset = [] if providers is not None else ["unset BAROGRAPH_GUARD_PROVIDERS"]
    if env is not None:
        fixed = {name: env.get(name) for name in _FIXED}
        exports += [f"unset {k}" if v is None else f"export {k}={shlex.quote(v)}" for k, v in fixed.items()]
    program = f'exec {shlex.quote(sys.executable)} -I {shlex.quote(str(Path(guard.__file__).resolve()))} "$@"'
    text = "\n".join(["#!/bin/sh", *exports, *unset, program, ""])
    paths = [folder / name for name in names]
    for path in paths:
        path.write_text(text)
        path.chmod(0o700)
    return paths[0]


def read_log(log: Path) -> tuple[GuardedCall, ...]:
    """The calls in *log*, oldest first; a line cut short by a kill is left out."""
    calls = []
    for line in log.read_text().splitlines() if log.exists() else ():
        try:
            record = json.loads(line)
            seconds = record["end"] - record["start"]
            calls.append(GuardedCall(tuple(record["argv"]), record["rc"], record["refused"], seconds))
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(calls)
