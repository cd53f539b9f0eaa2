"""Policies as Terraform, formatted as `terraform fmt` does it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from checks.base import Role
from daemon.policies.demands import Demands
from daemon.policies.documents import NOTES, READ_ONLY, WHAT, Policy, Statement
from daemon.policies.stackset import EVERYWHERE

_ARN = "arn:aws:iam::*:"
_HEAD = """\
variable "trusted_principals" {
  description = "ARNs that may take on the roles: what Barograph runs as, or aws.hub_role_arn."
  type        = list(string)
}

variable "external_id" {
  description = "External id that they must give; null: none."
  type        = string
  default     = null
}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.trusted_principals
    }

    dynamic "condition" {
      for_each = var.external_id == null ? [] : [var.external_id]

      content {
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [condition.value]
      }
    }
  }
}
"""
_PLAN = f"""
variable "plan_managed_policy" {{
  description = "Name of AWS' policy that plans read with."
  type        = string
  default     = "{READ_ONLY}"
}}

resource "aws_iam_role_policy_attachment" "plan_reads" {{
  count = length(aws_iam_role.plan)

  role       = aws_iam_role.plan[0].name
  policy_arn = "arn:${{data.aws_partition.current.partition}}:iam::aws:policy/${{var.plan_managed_policy}}"
}}
"""


def module(wanted: Demands, made: Mapping[Role, tuple[Policy, ...]]) -> str:
    """One file of Terraform. A role is made where its name is not empty."""
    return "".join((_HEAD, *(text for role, of_role in made.items() for text in _of_role(wanted, role, of_role))))


def _of_role(wanted: Demands, role: Role, made: Iterable[Policy]) -> Iterator[str]:
    name = f"{role}_{'policy' if role is Role.HUB else 'role'}_name"
    default = wanted.names[role] if role in EVERYWHERE else ""
    yield f"\n# {role}: {WHAT[role]}\n"
    yield from (f"# {note}\n" for note in NOTES.get(role, ()))
    text = f"{WHAT[role]}; empty: not made. Otherwise such as {wanted.names[role]}."
    yield (
        f'variable "{name}" {{\n  description = {json.dumps(text)}\n  type        = string\n'
        f"  default     = {json.dumps(default)}\n}}\n"
    )
    if role is not Role.HUB:
        yield (
            f'\nresource "aws_iam_role" "{role}" {{\n  count = var.{name} == "" ? 0 : 1\n\n'
            f"  name               = var.{name}\n"
            "  assume_role_policy = data.aws_iam_policy_document.trust.json\n}\n"
        )
    if role is Role.PLAN:
        yield _PLAN
    for policy in made:
        yield from _of_policy(policy, name)


def _of_policy(policy: Policy, variable: str) -> Iterator[str]:
    role, label = policy.role, f"{policy.role}_{policy.number}"
    yield f'\ndata "aws_iam_policy_document" "{label}" {{\n'
    yield "\n".join(_statement(one) for one in policy.statements)
    yield "}\n"
    yield (
        f'\nresource "aws_iam_policy" "{label}" {{\n  count = var.{variable} == "" ? 0 : 1\n\n'
        f'  name   = "${{var.{variable}}}-{policy.number}"\n'
        f"  policy = data.aws_iam_policy_document.{label}.json\n}}\n"
    )
    if role is not Role.HUB:
        yield (
            f'\nresource "aws_iam_role_policy_attachment" "{label}" {{\n  count = length(aws_iam_role.{role})\n\n'
            f"  role       = aws_iam_role.{role}[0].name\n  policy_arn = aws_iam_policy.{label}[0].arn\n}}\n"
        )


def _statement(one: Statement) -> str:
    lines = ["  statement {", f"    sid    = {json.dumps(one.sid)}", f"    effect = {json.dumps(one.effect)}", ""]
    lines += _list("    ", "actions", one.actions)
    lines += ["", *_list("    ", "resources", one.resources)]
    for test, keys in one.condition.items():
        for variable, values in keys.items():
            lines += ["", "    condition {", f"      test     = {json.dumps(test)}"]
            lines += [f"      variable = {json.dumps(variable)}", "", *_list("      ", "values", values), "    }"]
    return "\n".join((*lines, "  }")) + "\n"


def _list(indent: str, name: str, values: Iterable[str]) -> Iterator[str]:
    yield f"{indent}{name} = ["
    yield from (f"{indent}  {_text(value)}," for value in values)
    yield f"{indent}]"


def _text(value: str) -> str:
    """A pattern of our own holds in whatever partition it is made."""
    return json.dumps(value.replace(_ARN, "arn:${data.aws_partition.current.partition}:iam::*:"))
