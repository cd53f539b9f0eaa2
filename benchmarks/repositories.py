"""Writes Atmos repositories of any size: stacks of 50 components, with three levels of imports."""

from __future__ import annotations

from pathlib import Path

COMPONENTS = 50
_FOLDERS = 10  # component folders that the components share
_PER_STAGE = 10  # stacks of one tenant

_ATMOS = """\
base_path: "."
components: {terraform: {base_path: components/terraform}}
stacks:
  base_path: stacks
  included_paths: ["orgs/**/*"]
  excluded_paths: ["**/_defaults.yaml"]
  name_pattern: "{tenant}-{environment}-{stage}"
workflows: {base_path: workflows}
"""
_ORG = """\
import: [catalog/_all]
vars: {namespace: bench, tags: {team: platform, cost: shared}}
terraform:
  backend_type: s3
  backend:
    s3: {bucket: bench-state, region: eu-west-1, key: terraform.tfstate, encrypt: true}
"""


def write(root: Path, stacks: int) -> Path:
    """Write a repository of *stacks* stacks into *root*, and give it."""
    files = {
        "atmos.yaml": _ATMOS,
        "stacks/orgs/_defaults.yaml": _ORG,
        "stacks/catalog/_all.yaml": "import:\n" + "".join(f"  - catalog/c{n}\n" for n in range(COMPONENTS)),
    }
    for number in range(COMPONENTS):
        files[f"stacks/catalog/c{number}.yaml"] = _catalog(number)
    for number in range(_FOLDERS):
        files[f"components/terraform/m{number}/main.tf"] = 'variable "size" { type = number }\n'
    for number in range(stacks):
        tenant, place = divmod(number, _PER_STAGE)
        files[f"stacks/orgs/t{tenant}/_defaults.yaml"] = f"import: [orgs/_defaults]\nvars: {{tenant: t{tenant}}}\n"
        files[f"stacks/orgs/t{tenant}/e{place}.yaml"] = _stack(tenant, place)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def _catalog(number: int) -> str:
    return f"""\
components:
  terraform:
    c{number}/defaults:
      metadata: {{type: abstract, component: m{number % _FOLDERS}}}
      vars:
        enabled: true
        size: {number}
        cidrs: [10.0.0.0/16, 10.1.0.0/16]
        tags: {{component: c{number}, tier: standard}}
      settings: {{depends_on: {{1: {{component: c0}}}}}}
"""


def _stack(tenant: int, place: int) -> str:
    components = "".join(
        f"""\
    c{number}:
      metadata:
        component: m{number % _FOLDERS}
        inherits: [c{number}/defaults]
      vars:
        size: {number + place}
        tags: {{stack: t{tenant}-e{place}}}
"""
        for number in range(COMPONENTS)
    )
    return (
        f"import:\n  - orgs/t{tenant}/_defaults\nvars: {{environment: e{place}, stage: dev}}\n"
        f"components:\n  terraform:\n{components}"
    )
