"""The demo's git repository: root modules as an organisation would keep them, one var file per stack and component."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checks.kinds import DEVELOPMENT, PRODUCTION, STAGING
from daemon.demo import manifests
from daemon.demo.programs import DemoError
from daemon.processes import Processes, ProgramMissingError

STATE_BUCKET = "acme-terraform-state"
LOCK_TABLE = "acme-terraform-locks"
STAGES: Mapping[str, str] = {"acme-dev": DEVELOPMENT, "acme-staging": STAGING, "acme-prod": PRODUCTION}
OWNERS: Mapping[str, str] = {"network": "@acme/platform", "database": "@acme/data", "service": "@acme/payments"}
_NETWORKS: Mapping[str, str] = {"acme-dev": "10.10.0.0/16", "acme-staging": "10.20.0.0/16", "acme-prod": "10.30.0.0/16"}


@dataclass(frozen=True, slots=True)
class DemoInstance:
    """A component in a stack of the demo."""

    stack: str
    component: str

    @property
    def key(self) -> str:
        return f"{self.stack}/{self.component}"

    @property
    def stage(self) -> str:
        return STAGES[self.stack]

    @property
    def owner(self) -> str:
        return OWNERS[self.component]

    @property
    def working_directory(self) -> str:
        return f"components/{self.component}"

    @property
    def var_file(self) -> str:
        """Relative to the repository."""
        return f"stacks/{self.stack}/{self.component}.tfvars"

    @property
    def state_key(self) -> str:
        """The key of its state object: the workspace is named like the stack."""
        return f"env:/{self.stack}/{self.component}/terraform.tfstate"


INSTANCES: tuple[DemoInstance, ...] = tuple(DemoInstance(stack, component) for stack in STAGES for component in OWNERS)

_VERSIONS = """\
terraform {
  required_version = ">= 1.6.0"

  required_providers {
    aws = {
      source  = "local/demo/aws"
      version = "0.1.0"
    }
  }
}
"""

_BACKEND = """\
terraform {
  backend "s3" {
    bucket         = "%(bucket)s"
    key            = "%(component)s/terraform.tfstate"
    region         = "%(region)s"
    dynamodb_table = "%(table)s"
    use_path_style = true

    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    skip_requesting_account_id  = true

    endpoints = {
      s3       = "%(endpoint)s"
      dynamodb = "%(endpoint)s"
      sts      = "%(endpoint)s"
      iam      = "%(endpoint)s"
    }
  }
}

provider "aws" {
  region = "%(region)s"
}
"""

_VARIABLE = 'variable "%s" {\n  type        = %s\n  description = "%s"\n}\n'

_STACK = _VARIABLE % ("stack", "string", "The stack, which is part of every name.")

_MODULE_NETWORK = """\
locals {
  tags = { Stack = var.stack, Component = "network", ManagedBy = "terraform" }
}

resource "aws_vpc" "this" {
  cidr_block = var.cidr_block
  tags       = merge(local.tags, { Name = "${var.stack}-vpc" })
}

resource "aws_security_group" "web" {
  name        = "${var.stack}-web"
  description = "Load balancers: the public web"
  vpc_id      = aws_vpc.this.id
  tags        = local.tags

  dynamic "ingress" {
    for_each = var.web_ports
    content {
      description = "web"
      protocol    = "tcp"
      from_port   = ingress.value
      to_port     = ingress.value
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
}

resource "aws_security_group" "database" {
  name        = "${var.stack}-database"
  description = "Databases: from inside the network only"
  vpc_id      = aws_vpc.this.id
  tags        = local.tags

  ingress {
    description = "postgres"
    protocol    = "tcp"
    from_port   = 5432
    to_port     = 5432
    cidr_blocks = [var.cidr_block]
  }
}
"""

_MODULE_DATABASE = """\
locals {
  tags = { Stack = var.stack, Component = "database", ManagedBy = "terraform" }
}

resource "aws_dynamodb_table" "orders" {
  name                        = "${var.stack}-orders"
  hash_key                    = "order_id"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags
}

resource "aws_s3_bucket" "backups" {
  bucket = "${var.stack}-database-backups"
  tags   = local.tags
}

resource "aws_ssm_parameter" "password" {
  name = "/${var.stack}/database/password"
  type = "SecureString"
  # A demo has no secrets manager to take it from.
  value = base64sha256("acme/${var.stack}/database")
  tags  = local.tags
}
"""

_MODULE_SERVICE = """\
locals {
  tags = { Stack = var.stack, Component = "service", ManagedBy = "terraform" }
}

resource "aws_sqs_queue" "jobs" {
  name                       = "${var.stack}-jobs"
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = 345600
  tags                       = local.tags
}

resource "aws_s3_bucket" "uploads" {
  bucket = "${var.stack}-uploads"
  tags   = local.tags
}

output "queue_url" {
  value = aws_sqs_queue.jobs.id
}
"""

_MODULES: Mapping[str, str] = {"network": _MODULE_NETWORK, "database": _MODULE_DATABASE, "service": _MODULE_SERVICE}
_VARIABLES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "network": (
        ("cidr_block", "string", "The addresses of the network."),
        ("web_ports", "list(number)", "Ports that the load balancers serve."),
    ),
    "database": (("deletion_protection", "bool", "Whether the tables refuse to be deleted."),),
    "service": (("visibility_timeout_seconds", "number", "How long a worker may take for a job."),),
}


def files(endpoint: str, region: str) -> dict[str, str]:
    """Every file of the repository by its path; *endpoint* and *region* are those of the demo's AWS."""
    result = {
        "README.md": "# Acme infrastructure\n\nOne root module per component, one workspace and var file per stack.\n",
        ".gitignore": ".terraform/\n*.tfplan\n",
        "CODEOWNERS": "".join(
            f"/components/{component}/ {owner}\n/modules/{component}/ {owner}\n" for component, owner in OWNERS.items()
        ),
    }
    for component, body in _MODULES.items():
        variables = _VARIABLES[component]
        declared = "\n".join([_STACK, *(_VARIABLE % variable for variable in variables)])
        given = "".join(f"  {name} = var.{name}\n" for name in ("stack", *(variable[0] for variable in variables)))
        lies = {"bucket": STATE_BUCKET, "table": LOCK_TABLE, "component": component} | {
            "endpoint": endpoint, "region": region,
        }  # fmt: skip
        module, root = f"modules/{component}", f"components/{component}"
        result |= {
            f"{module}/main.tf": body,
            f"{module}/variables.tf": declared,
            f"{module}/versions.tf": _VERSIONS,
            f"{root}/main.tf": f'module "{component}" {{\n  source = "../../{module}"\n\n{given}}}\n',
            f"{root}/variables.tf": declared,
            f"{root}/versions.tf": _VERSIONS,
            f"{root}/backend.tf": _BACKEND % lies,
        }
    backend = {"bucket": STATE_BUCKET, "table": LOCK_TABLE, "region": region}
    result |= {f"stacks/{stack}.yaml": manifests.manifest(stack, OWNERS, **backend) for stack in STAGES}
    result |= {"atmos.yaml": manifests.ATMOS_YAML, manifests.WORKFLOWS: manifests.workflow("acme-prod", OWNERS)}
    return result | {instance.var_file: var_file(instance) for instance in INSTANCES}


def var_file(instance: DemoInstance, *, without: str = "", **changed: str) -> str:
    """The var file of an instance, as HCL; *changed* values are HCL too, and *without* leaves a variable out."""
    values = {"stack": f'"{instance.stack}"'}
    if instance.component == "network":
        values |= {"cidr_block": f'"{_NETWORKS[instance.stack]}"', "web_ports": "[80, 443]"}
    elif instance.component == "database":
        values |= {"deletion_protection": "true" if instance.stage == PRODUCTION else "false"}
    else:
        values |= {"visibility_timeout_seconds": "60"}
    values = {name: value for name, value in (values | changed).items() if name != without}
    return "".join(f"{name} = {value}\n" for name, value in values.items())


class Repository:
    """The git repository in *folder*."""

    def __init__(self, processes: Processes, folder: Path, home: Path) -> None:
        self.folder = folder
        self._processes = processes
        self._home = home

    def create(self, contents: Mapping[str, str]) -> None:
        """Write the files and make the folder a git repository, with nothing committed yet. Raises DemoError."""
        self.folder.mkdir(parents=True)
        self._write(contents)
        self._git("init", "--quiet")

    def commit(self, message: str, contents: Mapping[str, str]) -> None:
        """Write files and commit everything. Raises DemoError."""
        self._write(contents)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)

    def _write(self, contents: Mapping[str, str]) -> None:
        for name, text in contents.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _git(self, *arguments: str) -> None:
        person = {"NAME": "Ana Acme", "EMAIL": "ana@acme.example"}
        env = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in person.items()}
        env |= {"HOME": str(self._home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        env["PATH"] = os.environ.get("PATH", os.defpath)
        try:
            finished = self._processes.run(("git", *arguments), cwd=self.folder, env=env, deadline=60)
        except ProgramMissingError as error:
            raise DemoError("the demo needs git: install it") from error
        if finished.rc != 0:
            raise DemoError(f"git {arguments[0]} failed: {finished.stderr.decode(errors='replace').strip()}")
