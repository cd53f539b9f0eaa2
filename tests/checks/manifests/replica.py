"""A repository of the layout of a real one that no Atmos loads: three stacks, each a chain of imports, and pitfalls.

Made of one pattern per pitfall, so that a test can say on which line each stands. Nothing in it is copied.
"""

from __future__ import annotations

from pathlib import Path

STACKS = {"dev": "testenv-01", "staging": "preview-01", "prod": "production"}
REGION = "eu-west-2"
# Components with a folder, and the instances that each stack makes of them.
REAL = {
    "vpc": ("vpc/main", "vpc/services", "vpc/data"),
    "eks": ("eks/main", "eks/data"),
    "rds": ("rds/main", "rds/reports"),
    "ec2": ("ec2/bastion", "ec2/runner"),
    "ecs": ("ecs/main",),
    "iam": ("iam/roles", "iam/users"),
    "lambda": ("lambda/main", "lambda/jobs"),
    "monitoring": ("monitoring/main",),
    "secretsmanager": ("secretsmanager/main",),
    "acm": ("acm/main",),
    "dns": ("dns/main",),
    "apigateway": ("apigateway/main",),
    "external-secrets": ("external-secrets/main",),
}
# Instances of no component: catalog entries without code, and keys that slipped one level out of `vars`.
PHANTOM = (
    "network", "infrastructure", "kms", "guardduty", "securityhub", "namespace", "serviceaccount", "helm",
    "certificate_store", "secret_stores", "tags", "vpc-flow-logs-bucket",
)  # fmt: skip
WORKFLOWS = 19


def build(root: Path) -> Path:
    """Write the repository below *root* and give it."""
    for file, text in _files().items():
        target = root / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return root


def instances() -> int:
    """How many instances the stacks have that are not abstract."""
    return len(STACKS) * (sum(map(len, REAL.values())) + len(PHANTOM))


def _files() -> dict[str, str]:
    files = {"atmos.yaml": ATMOS, "Makefile": MAKEFILE, "README.md": README, ".env": "TF_VERSION=1.5.7\n"}
    files |= {".tool-versions": "terraform 1.5.7\natmos 1.163.0\n", ".github/workflows/drift-detection.yml": CI}
    files |= _catalog()
    for stage, name in STACKS.items():
        files |= _stack(stage, name)
    for component in REAL:
        files[f"components/terraform/{component}/main.tf"] = MAIN
        files[f"components/terraform/{component}/versions.tf"] = VERSIONS
    for number in range(WORKFLOWS):
        files[f"workflows/{_workflow(number)}.yaml"] = WORKFLOW.format(name=_workflow(number))
    return files


def _workflow(number: int) -> str:
    names = ("apply-environment", "plan-environment", "drift-detection", "validate", "lint", "compliance-check")
    return names[number] if number < len(names) else f"task-{number:02}"


def _catalog() -> dict[str, str]:
    files = {"stacks/catalog/infrastructure/defaults.yaml": INFRASTRUCTURE, "stacks/catalog/eks/defaults.yaml": EKS}
    for component in REAL:
        if component != "eks":
            files[f"stacks/catalog/{component}/defaults.yaml"] = CATALOG.format(component=component)
    return files


def _stack(stage: str, name: str) -> dict[str, str]:
    folder = f"stacks/orgs/fnx/{stage}/{REGION}"
    imports = "".join(f"  - catalog/{component}/defaults\n" for component in REAL)
    parts = ("globals", "compute", "data", "services")
    files = {
        f"{folder}/{name}.yaml": "import:\n  - catalog/infrastructure/defaults\n"
        + imports
        + "".join(f"  - orgs/fnx/{stage}/{REGION}/{name}/components/{part}\n" for part in parts),
        f"{folder}/{name}/components/globals.yaml": GLOBALS.format(stage=stage, name=name, region=REGION),
    }
    chosen = {"compute": ("eks", "ec2", "ecs", "lambda"), "data": ("rds", "secretsmanager", "acm", "dns")}
    rest = tuple(one for one in REAL if one not in (*chosen["compute"], *chosen["data"]))
    for part, components in {**chosen, "services": rest}.items():
        text = "components:\n  terraform:\n"
        for component in components:
            for instance in REAL[component]:
                text += _instance(component, instance)
        if part == "services":
            text += "".join(f"    {phantom}:\n      vars:\n        enabled: true\n" for phantom in PHANTOM)
        files[f"{folder}/{name}/components/{part}.yaml"] = text
    return files


def _instance(component: str, instance: str) -> str:
    text = f"    {instance}:\n      metadata:\n        component: {component}\n        inherits:\n"
    text += f"          - {component}/defaults\n      vars:\n        name: {instance.replace('/', '-')}\n"
    if component == "eks":
        text += '        enabled_cluster_log_types: ["api", "audit"]\n'
    if component != "vpc":
        text += '        vpc_id: "${output.vpc/main.vpc_id}"\n        subnet_ids:\n          - "${private_subnets}"\n'
    return text


ATMOS = """\
base_path: ""
components:
  terraform:
    base_path: components/terraform
    auto_generate_backend_file: true
    version: "1.11.0"
    backend:
      s3:
        bucket: "${tenant}-terraform-state"
        key: "${component}.tfstate"
stacks:
  base_path: stacks
  included_paths:
    - "orgs/**/*.yaml"
  excluded_paths:
    - "**/components/**"
  name_pattern: "{dir}"
workflows:
  base_path: workflows
settings:
  atmos_cli_version: "1.46.0"
"""
INFRASTRUCTURE = "# What every environment has.\nname: infrastructure\ndescription: Base of every environment\n"
CATALOG = """\
components:
  terraform:
    {component}/defaults:
      metadata:
        type: abstract
        component: {component}
      vars:
        enabled: true
        tags:
          team: platform
"""
EKS = CATALOG.format(component="eks") + '        enabled_cluster_log_types: "${enabled_cluster_log_types}"\n'
GLOBALS = """\
metadata:
  description: {name}
  owner: platform
  version: 1.0.0
  stage: {stage}
vars:
  tenant: fnx
  environment: {name}
  stage: {stage}
  region: {region}
  account_id: "${{account_id}}"
"""
MAIN = 'resource "terraform_data" "this" {}\n'
VERSIONS = """\
terraform {
  required_version = ">= 1.9.0"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.74.0"
    }
  }
}
"""
WORKFLOW = """\
name: {name}
workflows:
  {name}:
    description: What the name says
    steps:
      - name: prepare
        run:
          command: |
            echo "in ${{tenant}}-${{account}}-${{environment}}"
      - name: act
        run:
          command: atmos terraform plan vpc/main -s ${{tenant}}-${{environment}}
"""
MAKEFILE = """\
.PHONY: drift apply
drift:
	atmos workflow drift-detection tenant=$(TENANT) account=$(ACCOUNT) environment=$(ENVIRONMENT)
apply:
	atmos workflow apply-environment -f apply-environment.yaml tenant=$(TENANT) environment=$(ENVIRONMENT)
"""
README = """\
# Infrastructure

```bash
atmos workflow drift-detection -f drift-detection.yaml tenant=fnx account=dev environment=testenv-01
```
"""
CI = """\
on: {schedule: [{cron: "0 6 * * *"}]}
env:
  TERRAFORM_VERSION: 1.5.7
  ATMOS_VERSION: 1.44.0
jobs:
  drift:
    runs-on: ubuntu-latest
    steps:
      - uses: hashicorp/setup-terraform@v3
        with:
          terraform_version: 1.5.7
"""
