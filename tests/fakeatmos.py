"""A stand-in for the `atmos` program of one generation, made of recordings of the real one.

`install()` puts it into a folder for the PATH. It answers listings from tests/fixtures/atmos by argv, and re-enacts
plans and template listings: it starts the Terraform processes that the real one was seen to start, with the command
that the environment names. Whatever was never recorded ends with exit code 97 and a message: a test fails loudly.

Run as a program it needs the standard library only, as its environment is what the code under test gives it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

FIXTURES = Path(__file__).resolve().parent / "fixtures" / "atmos"
GENERATIONS = ("1.163.0", "1.205.1", "1.226.1")
UNRECORDED = 97
ENDPOINT = "http://127.0.0.1:5005"  # in the recordings
_MASKED = "<MASKED>"
_CREDENTIAL = "testing"  # what the repository really has where >= 1.205 prints <MASKED>
# The manifest schema of 1.226 refuses this key, so that its repository was recorded without the line.
_NOT_IN_1226 = "terraform_workspace_template"
_OVERLAID = {"workspaces": "workspaces-describe-stacks", "functions": "functions-off", "templates": "templates-default"}
_AS_PLAIN = ("ci", "inert-workflow")


def install(folder: Path, generation: str, *, endpoint: str = ENDPOINT, journal: Path | None = None) -> Path:
    """Write an `atmos` of *generation* into *folder* and give it.

    *endpoint* is where the backend's AWS really is, *journal* a file that gets one JSON line per call.
    """
    assert generation in GENERATIONS
    words = [
        sys.executable,
        "-I",
        "-S",
        str(Path(__file__).resolve()),
        generation,
        endpoint,
        str(journal or os.devnull),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "atmos"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    program.chmod(0o755)
    return program


def lay_out(repository: Path, *variants: str, generation: str = "") -> Path:
    """Copy the recorded repository to *repository*, the files of *variants* laid over it, and give it."""
    for folder in (FIXTURES / "repo", *(FIXTURES / "variants" / variant for variant in variants)):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            target = repository / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_of_generation(file.read_text(), generation))
    return repository


def calls(journal: Path) -> list[dict[str, Any]]:
    """What was called: objects with `atmos` or `terraform` (the argv) and `rc`, in the order they ended."""
    return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


def recording(generation: str, name: str) -> Any:
    """One recording."""
    return json.loads((FIXTURES / generation / f"{name}.json").read_text())


def _of_generation(text: str, generation: str) -> str:
    if generation != "1.226.1":
        return text
    return "".join(line for line in text.splitlines(keepends=True) if _NOT_IN_1226 not in line)


class Fake:
    """One call of the program."""

    def __init__(self, generation: str, endpoint: str, journal: Path) -> None:
        self.generation = generation
        self.endpoint = endpoint
        self.journal = journal
        self.root = Path(os.environ.get("ATMOS_BASE_PATH") or os.getcwd()).resolve()
        self.command = os.environ.get("ATMOS_COMPONENTS_TERRAFORM_COMMAND") or "terraform"

    def main(self, argv: list[str]) -> int:
        rc = UNRECORDED
        try:
            rc = self._answer(argv)
        finally:
            self._note({"atmos": argv, "rc": rc})
        return rc

    def _answer(self, argv: list[str]) -> int:
        if argv == ["version"]:
            return self._replay("version")
        if argv[:2] == ["describe", "stacks"]:
            return self._describe_stacks(argv[2:])
        if argv[:2] == ["describe", "component"]:
            return self._describe_component(argv[2:])
        if argv[:1] == ["terraform"] and argv[1:2] in (["plan"], ["apply"]):
            return self._terraform_command(argv[1:])
        return self._unrecorded(argv)

    # Listing

    def _describe_stacks(self, arguments: list[str]) -> int:
        variant = self._variant()
        if arguments == ["--format", "json", "--process-functions=false"]:
            templates = True
        elif arguments == ["--format", "json", "--process-functions=false", "--process-templates=false"]:
            templates = False
        else:
            self._unrecorded(["describe", "stacks", *arguments])
        if variant == "templates" and templates and not self._run_templates():
            return self._replay("guard-refuses-during-describe")
        if variant in _OVERLAID:
            self._print_listing(self._listing(variant, templates=templates))
            return 0
        plain = variant == "" or variant in _AS_PLAIN
        return self._replay("describe-stacks" if plain else variant)

    def _listing(self, variant: str, *, templates: bool = True) -> dict[str, Any]:
        if variant not in _OVERLAID:
            plain = variant == "" or variant in _AS_PLAIN
            text = self._recorded("describe-stacks" if plain else variant)["stdout"]
            return dict(json.loads(text)) if text else {}
        one = _OVERLAID[variant] if templates or variant != "templates" else "templates-off"
        return {name: stacks for name in ("describe-stacks", one) for name, stacks in self._stacks(name).items()}

    def _stacks(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self._recorded(name)["stdout"]))

    def _print_listing(self, listing: dict[str, Any]) -> None:
        sys.stdout.write(self._placed(json.dumps(listing, indent=2)) + "\n")

    def _run_templates(self) -> bool:
        """What `atmos.Component "network"` in the stack acme-tp starts; whether it got its answer."""
        folder = self.root / "components/terraform/network"
        self._write_backend(folder, self._stacks("templates-default")["acme-tp"]["components"]["terraform"]["network"])
        for call in self._recorded("templates-default")["terraform_calls"]:
            if call["argv"][:1] == ["workspace"]:
                continue
            if call["argv"][:1] == ["output"] and not self._select_for_template(folder):
                return False
            if self._terraform(call["argv"], folder, {}, quiet=True)[0] != 0:
                return False
        return True

    def _select_for_template(self, folder: Path) -> bool:
        """1.163 and 1.205 create first; 1.226 selects first, and creates what does not exist."""
        names = {"1.163.0": ("new", "select"), "1.205.1": ("new",), "1.226.1": ("select", "new")}[self.generation]
        for name in names:
            rc, said = self._terraform(["workspace", name, "-no-color", "acme-tp"], folder, {}, quiet=True)
            if rc == 0:
                return True
            if name == "select" and "doesn't exist" not in said:
                return False
        return False

    def _describe_component(self, arguments: list[str]) -> int:
        component, stack = arguments[0], arguments[2] if arguments[1:2] == ["-s"] else ""
        asked = ["-s", stack, "-q", ".workspace", "--format", "json", "--process-functions=false"]
        if arguments[1:] not in (asked, [*asked, "--process-templates=false"]):
            self._unrecorded(["describe", "component", *arguments])
        variant = self._variant()
        templated = variant == "templates" and (stack, component) == ("acme-tp", "dns") and arguments[-1] == asked[-1]
        if templated and not self._run_templates():
            return self._replay("guard-refuses-during-describe")
        name = f"describe-workspace-{component.replace('/', '-')}"
        if stack == "acme-test" and variant == "workspaces":
            return self._replay(name)
        sys.stdout.write(json.dumps(self._workspace(stack, component)) + "\n")
        return 0

    def _workspace(self, stack: str, component: str) -> str:
        """The recorded answer for the same component in another stack, with the stack's name in its place."""
        if component in ("network", "dns"):
            used = recording(self.generation, "workspaces-used")[component]["used"][0]
            return str(used).replace("acme-test", stack)
        if component == "service/payments":
            calls_seen = self._recorded("plan-derived-after-dashes")["terraform_calls"]
            selected = next(call["argv"][-1] for call in calls_seen if call["argv"][:2] == ["workspace", "select"])
            return str(selected).replace("acme-dev", stack)
        if stack == "acme-test":
            return str(recording(self.generation, "workspaces-used")[component]["used"][0])
        return self._unrecorded(["describe", "component", component, "-s", stack])

    # Planning

    def _terraform_command(self, argv: list[str]) -> int:
        subcommand, component = argv[0], argv[1]
        if argv[2:3] != ["-s"] or (subcommand == "plan" and argv[4:5] != ["--"]):
            self._unrecorded(["terraform", *argv])
        stack, flags = argv[3], argv[5:] if subcommand == "plan" else argv[4:]
        variant = self._variant()
        if variant == "name-template":
            return self._replay("name-template-plan")
        if variant == "no-backend" or (variant == "missing-component-folder" and component == "ghost"):
            return self._replay(f"{variant}-plan")
        sections = self._listing(variant).get(stack, {}).get("components", {}).get("terraform", {})
        if component not in sections:
            return self._replay("plan-missing-component")
        section = sections[component]
        if section["metadata"].get("type") == "abstract":
            return self._replay("plan-abstract")
        if section["metadata"].get("enabled") is False:
            return self._replay("plan-disabled")
        return self._enact(subcommand, stack, component, section, flags, variant)

    def _enact(
        self, subcommand: str, stack: str, component: str, section: dict[str, Any], flags: list[str], variant: str
    ) -> int:
        base = section["metadata"].get("component") or section["component"]
        folder = self.root / "components/terraform" / base
        if not folder.is_dir():
            self._unrecorded(["terraform", subcommand, component, "-s", stack])
        varfile = f"{stack}-{component.rsplit('/', 1)[-1]}.terraform.tfvars.json"
        variables = dict(section["vars"])
        extra = {name: str(value) for name, value in section["env"].items()}
        if self.generation == "1.226.1" and "api_token" in variables:  # recorded: passed in the environment
            extra["TF_VAR_api_token"] = str(variables.pop("api_token"))
        (folder / varfile).write_text(json.dumps(variables))
        self._write_backend(folder, section)
        for name in ("TF_CLI_CONFIG_FILE", "TF_IN_AUTOMATION", "TF_INPUT", "TF_WORKSPACE"):
            if self.generation == "1.163.0" and name in os.environ:
                sys.stderr.write(f"WARN detected '{name}' set in the environment; this may interfere with Atmos\n")
        rc = self._terraform(["init", "-reconfigure"], folder, extra)[0]
        if rc == 0 and not os.environ.get("TF_WORKSPACE"):
            rc = self._select(self._workspace(stack, component), folder, extra)
        if rc == 0:
            rc = self._terraform([subcommand, "-var-file", varfile, *flags], folder, extra)[0]
        if rc == 2 and variant == "ci" and self.generation == "1.226.1":
            return 0
        if rc != 0:
            said = (
                f"exit status {rc}" if self.generation == "1.163.0" else f"**Error:** subcommand exited with code {rc}"
            )
            sys.stderr.write(f"\n# Error\n\n{said}\n\n")
        return rc

    def _select(self, workspace: str, folder: Path, extra: dict[str, str]) -> int:
        """As guard-refuses-workspace shows: select (1.226: -or-create), and new where that fails."""
        seen = self._recorded("guard-refuses-workspace")["terraform_calls"]
        rc = 0
        for call in seen:
            if call["argv"][:1] == ["workspace"]:
                rc = self._terraform([*call["argv"][:-1], workspace], folder, extra, errors_on_stdout=True)[0]
                if rc == 0:
                    return 0
        return rc

    def _write_backend(self, folder: Path, section: dict[str, Any]) -> None:
        backend = json.loads(self._placed(json.dumps(section["backend"])).replace(_MASKED, _CREDENTIAL))
        content = {"terraform": {"backend": {section["backend_type"]: backend}}}
        (folder / "backend.tf.json").write_text(json.dumps(content, indent=2))

    def _terraform(
        self,
        argv: list[str],
        folder: Path,
        extra: dict[str, str],
        *,
        quiet: bool = False,
        errors_on_stdout: bool = False,
    ) -> tuple[int, str]:
        """Start the Terraform of the environment; its exit code and, where *quiet*, what it said."""
        env = {**os.environ, **extra, "TF_IN_AUTOMATION": "true", "ATMOS_SHLVL": "1"}
        sys.stdout.flush()
        done = subprocess.run(
            [self.command, *argv],
            cwd=folder,
            env=env,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet or (errors_on_stdout and self.generation == "1.163.0") else None,
        )
        rc = done.returncode if done.returncode >= 0 else 1
        self._note({"terraform": argv, "rc": rc, "workspace": env.get("TF_WORKSPACE", "")})
        return rc, (done.stdout or b"").decode(errors="replace")

    # Recordings

    def _variant(self) -> str:
        """Which recorded repository this is: empty for the plain one."""
        here = _manifests(self.root)
        for variant in ("", *sorted(path.name for path in (FIXTURES / "variants").iterdir())):
            expected = _manifests(FIXTURES / "repo")
            if variant:
                expected |= _manifests(FIXTURES / "variants" / variant)
            expected = {name: _of_generation(text, self.generation) for name, text in expected.items()}
            if here == expected:
                return variant
        sys.stderr.write(f"fake atmos: {self.root} is none of the recorded repositories\n")
        sys.exit(UNRECORDED)

    def _recorded(self, name: str) -> dict[str, Any]:
        return dict(recording(self.generation, name))

    def _replay(self, name: str) -> int:
        call = self._recorded(name)
        sys.stdout.write(self._placed(call["stdout"]))
        sys.stderr.write(self._placed(call["stderr"]))
        return int(call["rc"])

    def _placed(self, text: str) -> str:
        text = text.replace(ENDPOINT, self.endpoint).replace("/repo/", f"{self.root}/")
        for recorded in ("/shim", "terraform"):
            text = text.replace(f'"command": "{recorded}"', f'"command": {json.dumps(self.command)}')
        return text

    def _note(self, line: dict[str, Any]) -> None:
        with self.journal.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _unrecorded(self, argv: list[str]) -> NoReturn:
        sys.stderr.write(f"fake atmos {self.generation}: never recorded: atmos {shlex.join(argv)}\n")
        sys.exit(UNRECORDED)


def _manifests(folder: Path) -> dict[str, str]:
    """What decides how Atmos answers: atmos.yaml and the stacks."""
    files = [folder / "atmos.yaml", *sorted((folder / "stacks").rglob("*.yaml"))]
    return {str(file.relative_to(folder)): file.read_text() for file in files if file.is_file()}


def _main() -> int:
    generation, endpoint, journal, *argv = sys.argv[1:]
    return Fake(generation, endpoint, Path(journal)).main(argv)


if __name__ == "__main__":
    sys.exit(_main())
