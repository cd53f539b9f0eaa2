"""Real Terraform in a folder of its own, with the fake provider beside it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.checks.plans.recorded import FOLDER

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_PROVIDER = 'terraform {\n  required_providers {\n    fake = { source = "local/test/fake" }\n  }\n}\n'


class Terraform:
    """A root module in *folder*; things of the fake provider are JSON files in `cloud`."""

    def __init__(self, folder: Path, *, provider: bool = False) -> None:
        self.folder = folder / "root"
        self.cloud = folder / "cloud"
        self.folder.mkdir()
        self._provider = provider
        for name in ("home", "tmp"):
            (folder / name).mkdir()
        rc = folder / "terraform.rc"
        rc.write_text(_mirror(folder) if provider else "")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "TF_CLI_CONFIG_FILE": str(rc),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            "FAKE_CLOUD": str(self.cloud),
        }

    def run(self, *words: str) -> str:
        """Standard output of a call that must end with 0."""
        done = subprocess.run(
            ["terraform", *words], cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, code: str) -> None:
        """Make *code* the whole configuration."""
        (self.folder / "main.tf").write_text((_PROVIDER if self._provider else "") + code)

    def apply(self, code: str) -> None:
        """Make *code* the configuration, and real."""
        self.write(code)
        if not (self.folder / ".terraform.lock.hcl").exists():
            self.run("init", "-no-color")
        self.run("apply", "-auto-approve", "-no-color")

    def plan(self, *flags: str) -> dict[str, Any]:
        """The JSON of a plan of what is there now."""
        self.run("plan", "-lock=false", "-out=plan.bin", "-no-color", *flags)
        made: dict[str, Any] = json.loads(self.run("show", "-json", "plan.bin"))
        return made

    def change(self, thing: str, **values: str) -> None:
        """Change a thing of the fake provider by hand."""
        file = self.cloud / f"t-{thing}.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    def delete(self, thing: str) -> None:
        """Delete a thing of the fake provider by hand."""
        (self.cloud / f"t-{thing}.json").unlink()


def _mirror(folder: Path) -> str:
    machine = f"{platform.system().lower()}_{_MACHINES[platform.machine().lower()]}"
    place = folder / "mirror" / "local" / "test" / "fake" / "0.1.0" / machine
    place.mkdir(parents=True)
    program = place / "terraform-provider-fake_v0.1.0"
    script = folder / "fake_provider.py"
    shutil.copy(FOLDER / "fake_provider.py", script)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I {script} "$@"\n')
    program.chmod(0o755)
    return (
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder / "mirror"}"\n'
        '    include = ["local/*/*"]\n  }\n  direct {\n    exclude = ["local/*/*"]\n  }\n}\n'
    )
