"""A small repository in which nothing is wrong, to be broken in one place by each test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from checks.manifests.examine import examine
from checks.manifests.model import Examination, Line, Repository, RepositoryFinding, Spot, Stated, Version
from daemon.repository import read

STACK = """\
import: [catalog/net]
vars: {{tenant: acme, stage: {stage}}}
terraform:
  backend_type: s3
  backend: {{s3: {{bucket: states, region: eu-west-1}}}}
components:
  terraform:
    net:
      metadata: {{component: net, inherits: [net/defaults]}}
      vars: {{cidr: 10.0.0.0/16}}
"""
CATALOG = """\
components:
  terraform:
    net/defaults:
      metadata: {type: abstract, component: net}
      vars: {enabled: true, zones: []}
"""
ATMOS = """\
base_path: "."
components: {terraform: {base_path: components/terraform, auto_generate_backend_file: true}}
stacks:
  base_path: stacks
  included_paths: ["deploy/**/*"]
  name_pattern: "{tenant}-{stage}"
workflows: {base_path: workflows}
"""
FILES: Mapping[str, str] = {
    "atmos.yaml": ATMOS,
    "stacks/catalog/net.yaml": CATALOG,
    "stacks/deploy/dev.yaml": STACK.format(stage="dev"),
    "stacks/deploy/prod.yaml": STACK.format(stage="prod"),
    "workflows/plan.yaml": "workflows: {plan: {stack: acme-dev, steps: [{command: terraform plan net}]}}\n",
    "components/terraform/net/main.tf": 'resource "terraform_data" "this" {}\n',
}


def written(root: Path, changes: Mapping[str, str | bytes | None]) -> Path:
    """Write the small repository with *changes* (None: no such file) below *root*, and give it."""
    for file, content in {**FILES, **changes}.items():
        if content is None:
            continue
        target = root / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def seen(root: Path, changes: Mapping[str, str | bytes | None], version: Version | None = None) -> Examination:
    """The small repository with *changes*, read and judged."""
    return examine(read(written(root, changes), version))


def codes(examination: Examination) -> list[str]:
    """The codes of what was found, those below a cause too."""
    return [each.code for one in examination.findings for each in (one, *one.follows)]


def found(examination: Examination, code: str) -> RepositoryFinding:
    """The first finding of that code, wherever it stands."""
    return next(each for top in examination.findings for each in (top, *top.follows) if each.code == code)


def with_calls(repository: Repository, *lines: str) -> Repository:
    """*repository*, with a Makefile of these lines."""
    return replace(repository, calls=tuple(Line(Spot("Makefile", n, 1), line) for n, line in enumerate(lines, 1)))


def with_versions(repository: Repository, *stated: tuple[str, str, str]) -> Repository:
    """*repository*, with files that state (tool, constraint, folder)."""
    versions = tuple(
        Stated(tool, constraint, Spot(f"file{n}", n, 1), folder) for n, (tool, constraint, folder) in enumerate(stated)
    )
    return replace(repository, versions=versions)


__all__ = ["ATMOS", "CATALOG", "FILES", "STACK", "codes", "found", "seen", "with_calls", "with_versions", "written"]
