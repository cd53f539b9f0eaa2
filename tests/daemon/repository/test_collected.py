"""What is collected round the stacks: configuration, calls, versions, owners, workflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.repository import read
from tests.daemon.repository.small import ATMOS, NAMED, NEW, only, repository, told, write


def test_configuration_is_drawn_together(tmp_path: Path) -> None:
    """Drop-ins, imports, then the file itself; an import that is no plain file is named."""
    write(
        tmp_path,
        {
            "atmos.d/a.yaml": "stacks: {name_pattern: '{stage}', base_path: other}\n",
            "more/b.yaml": "stacks: {name_pattern: '{tenant}', included_paths: ['**/*']}\n",
        },
        "base_path: sub\nimport: [more/b, https://example.com/x.yaml]\nstacks: {base_path: stacks}\n",
    )
    write(tmp_path / "sub", {"stacks/dev.yaml": NAMED})
    found = read(tmp_path)
    assert only(found).name == "acme"
    assert found.settings.stacks_path == "stacks"
    assert told(found.faults) == [("not_resolved", ["atmos.yaml:2:18"], ())]


@pytest.mark.parametrize("atmos", ["", "\n", "{}\n", "# nothing\n", "stacks: {}\n", "a: [b\n", "- a\n"])
def test_without_stacks_there_is_nothing_to_read(tmp_path: Path, atmos: str) -> None:
    """No configuration, an empty or a broken one, and one that names no stacks folder."""
    found = repository(tmp_path, {"stacks/deploy/dev.yaml": NAMED}, atmos=atmos)
    assert (found.stacks, found.manifests, found.settings.stacks_path) == ((), {}, "")
    assert [fault.code for fault in found.faults] == (["broken_yaml"] if atmos.startswith(("a:", "-")) else [])


def test_another_folder_for_configuration_and_base(tmp_path: Path) -> None:
    """As a source can say."""
    write(tmp_path / "conf", {}, ATMOS)
    write(tmp_path / "infra", {"stacks/deploy/dev.yaml": NAMED})
    (tmp_path / "infra/atmos.yaml").unlink()
    assert only(read(tmp_path, config_path="conf", base_path="infra")).name == "acme-dev"


def test_calls_of_atmos(tmp_path: Path) -> None:
    """In Makefiles, READMEs, scripts and pipelines; what goes on after a backslash is one line."""
    found = repository(
        tmp_path,
        {
            "Makefile": "plan:\n\tatmos terraform plan vpc \\\n\t  -s acme-dev\nother: ; echo atmosphere atmos.yaml\n",
            "docs/README.md": "Run `atmos workflow x stage=dev`.\n",
            "scripts/a.sh": "#!/bin/sh\n# nothing\natmos version\n",
            ".github/workflows/ci.yml": "jobs:\n  a:\n    steps: [{run: atmos validate stacks}]\n",
            "integrations/atlantis/atlantis.yaml": "run: atmos terraform plan\n",
            "notes.txt": "atmos version\n",
        },
    )
    assert [(str(line.spot), line.text.strip()) for line in found.calls] == [
        (".github/workflows/ci.yml:3:19", "steps: [{run: atmos validate stacks}]"),
        ("Makefile:2:2", "atmos terraform plan vpc  -s acme-dev"),
        ("docs/README.md:1:6", "Run `atmos workflow x stage=dev`."),
        ("integrations/atlantis/atlantis.yaml:1:6", "run: atmos terraform plan"),
        ("scripts/a.sh:3:1", "atmos version"),
    ]


def test_stated_versions(tmp_path: Path) -> None:
    """Wherever one stands, with its place; never what stands beside it."""
    found = repository(
        tmp_path,
        {
            ".tool-versions": "# tools\nterraform 1.9.0\nnodejs 20\natmos v1.163.0\n",
            ".terraform-version": "1.11.0\n",
            ".env": "SECRET=canary\nATMOS_VERSION=1.163.0\nTF_VERSION=1.5.7\n",
            "Makefile": "ATMOS_VERSION ?= 1.44.0\nX := $(ATMOS_VERSION)\n",
            ".github/workflows/ci.yml": "env: {TERRAFORM_VERSION: '1.5.7', ATMOS_VERSION: '${{ vars.X }}'}\n",
            "stacks/deploy/dev.yaml": f"{NAMED}settings: {{atmos_cli_version: '>= 1.160'}}\n",
            "components/terraform/vpc/versions.tf": 'terraform {\n  required_version = ">= 1.9, < 2"\n'
            '  required_providers {\n    aws = {\n      source  = "hashicorp/aws" # }\n'
            '      version = "~> 5.74"\n    }\n'
            '    null = "3.2.1"\n  }\n}\n',
            "components/terraform/bad/main.tf": "terraform {\n  required_version = \n}\n",
        },
        atmos=f"{ATMOS}settings: {{atmos_cli_version: 1.160.0}}\n",
    )
    assert {(one.tool, one.constraint, str(one.spot)) for one in found.versions} == {
        ("atmos", "1.160.0", "atmos.yaml:9:31"),
        ("atmos", ">= 1.160", "stacks/deploy/dev.yaml:2:31"),
        ("atmos", "1.163.0", ".env:2:15"),
        ("atmos", "1.163.0", ".tool-versions:4:1"),
        ("atmos", "1.44.0", "Makefile:1:18"),
        ("terraform", "1.5.7", ".env:3:12"),
        ("terraform", "1.5.7", ".github/workflows/ci.yml:1:27"),
        ("terraform", "1.9.0", ".tool-versions:2:1"),
        ("terraform", "1.11.0", ".terraform-version:1:1"),
        ("terraform", ">= 1.9, < 2", "components/terraform/vpc/versions.tf:2:3"),
        ("provider hashicorp/aws", "~> 5.74", "components/terraform/vpc/versions.tf:4:5"),
        ("provider hashicorp/null", "3.2.1", "components/terraform/vpc/versions.tf:8:5"),
    }
    assert {one.folder for one in found.versions} == {"", "components/terraform/vpc"}
    assert "canary" not in repr(found)


def test_owners(tmp_path: Path) -> None:
    """By CODEOWNERS, of the files that findings can be about."""
    found = repository(
        tmp_path, {"CODEOWNERS": "* @all\n/stacks/ @infra\n", "stacks/deploy/dev.yaml": NAMED, "workflows/w.yaml": ""}
    )
    assert found.owners == {"atmos.yaml": "@all", "stacks/deploy/dev.yaml": "@infra"}


def test_steps_of_workflows(tmp_path: Path) -> None:
    """Names where there are none, types, stacks and places; what is no step is there as one without command."""
    text = (
        "workflows:\n  w:\n    stack: acme-dev\n    steps:\n      - command: terraform plan vpc\n"
        "      - {name: n, type: shell, command: echo, stack: other}\n      - run: {command: x}\n      - text\n"
        "  empty:\n"
    )
    found = repository(tmp_path, {"workflows/sub/w.yaml": text})
    workflow, empty = found.workflows
    assert (workflow.name, workflow.file, str(workflow.spot)) == (
        "w",
        "workflows/sub/w.yaml",
        "workflows/sub/w.yaml:2:3",
    )
    assert [(step.name, step.type, step.stack, step.spot.line) for step in workflow.steps] == [
        ("step1", "atmos", "", 5), ("n", "shell", "other", 6), ("step3", "atmos", "", 7), ("step4", "atmos", "", 8),
    ]  # fmt: skip
    assert [step.command.text if step.command else None for step in workflow.steps] == [
        "terraform plan vpc", "echo", None, None,
    ]  # fmt: skip
    assert empty.steps == ()


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    """Whatever order the system lists files in."""
    files = {f"stacks/deploy/s{n}.yaml": NAMED.replace("dev", f"s{n}") for n in range(20)}
    first = repository(tmp_path, files | {"Makefile": "atmos version\n"})
    assert read(tmp_path, NEW) == first
