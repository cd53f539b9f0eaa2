"""The Atmos side of the demo's repository: the same stacks and components, as Atmos' files say them."""

from __future__ import annotations

from collections.abc import Iterable

ATMOS_YAML = """\
base_path: "."
components:
  terraform:
    base_path: components
stacks:
  base_path: stacks
  included_paths: ["*.yaml"]
  name_pattern: "{tenant}-{stage}"
workflows:
  base_path: workflows
"""
WORKFLOWS = "workflows/deploy.yaml"
_STACK = """\
vars:
  tenant: %(tenant)s
  stage: %(stage)s

terraform:
  backend_type: s3
  backend:
    s3:
      bucket: %(bucket)s
      region: %(region)s
      dynamodb_table: %(table)s

components:
  terraform:
"""
_COMPONENT = """\
    %(component)s:
      metadata:
        component: %(component)s
      vars:
        stack: %(stack)s
"""
_WORKFLOW = """\
workflows:
  deploy:
    description: Everything of a stack, in order
    steps:
"""


def manifest(stack: str, components: Iterable[str], *, bucket: str, table: str, region: str) -> str:
    """A stack's manifest."""
    tenant, _, stage = stack.partition("-")
    head = _STACK % {"tenant": tenant, "stage": stage, "bucket": bucket, "table": table, "region": region}
    return head + "".join(_COMPONENT % {"component": component, "stack": stack} for component in components)


def workflow(stack: str, components: Iterable[str]) -> str:
    """A workflow that applies each component of *stack*."""
    steps = "".join(f"      - command: terraform apply {component} -s {stack}\n" for component in components)
    return _WORKFLOW + steps
