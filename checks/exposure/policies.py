"""What IAM policies allow: everything, and to everybody. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from checks.exposure.model import Weakness
from checks.plans.reach import is_world

# Conditions that narrow who "everybody" is, in lower case. That a second factor or TLS is needed narrows nobody; names,
# tags and private addresses anybody can have in an account of his own; an external id is known to who wrote it down.
NARROWING = frozenset(
    {
        "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
        "aws:principalservicename", "aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceorgid",
        "aws:sourceorgpaths", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "kms:calleraccount",
        "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
    }
)  # fmt: skip
_EVERY_RESOURCE = re.compile(r"(arn:(aws[a-z-]*:)?)?\*+(:\*+)*")  # "*", "arn:aws:*", "arn:aws-cn:*:*:*:*"
_NEGATIVE = ("not", "null")  # operators that let in all but a few
# Identity providers that anybody can have an account of: whose token it is stands in the claim `sub`, else `aud`.
SHARED_PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "token.actions.githubusercontent.com": ("sub", "repository", "repository_id", "repository_owner",
                                            "repository_owner_id"),
    "gitlab.com": ("sub", "project_path", "namespace_path", "project_id", "namespace_id"),
    "app.terraform.io": ("sub",),
    "agent.buildkite.com": ("sub",),
    "cognito-identity.amazonaws.com": ("aud",),
    "accounts.google.com": ("aud", "sub", "oaud"),
    "www.amazon.com": ("app_id", "user_id"),
    "graph.facebook.com": ("app_id", "id"),
}  # fmt: skip


def statements(policy: Any) -> list[Mapping[str, Any]]:
    """Statements of a policy: a document, or its text, URL-encoded or not. Raises ValueError if it cannot be read."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy if policy.lstrip().startswith("{") else unquote(policy))
        except ValueError as error:
            raise ValueError("the policy is no JSON") from error
    held = policy.get("Statement") if isinstance(policy, Mapping) else None
    found = [held] if isinstance(held, Mapping) else held
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise ValueError("the policy has no statements")
    return found


def values_of(value: Any) -> list[str]:
    """One or many, as text."""
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


def actions(statement: Mapping[str, Any]) -> list[str]:
    return values_of(statement.get("Action"))


def resources(statement: Mapping[str, Any]) -> list[str]:
    return values_of(statement.get("Resource"))


def covers_action(pattern: str, action: str) -> bool:
    """Whether a pattern of a policy covers an action, both in any case. "*" and "*:*" are everything."""
    return fnmatchcase(action.lower(), pattern.lower().replace("[", "[[]"))


def everybody(statement: Mapping[str, Any]) -> bool:
    """Whether its principal is the world."""
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    held = principal.get("AWS") if isinstance(principal, Mapping) else principal
    return "*" in values_of(held)


def narrowed(statement: Mapping[str, Any]) -> bool:
    """Whether a condition narrows who everybody is. Conditions are all needed: one that narrows is enough."""
    return any(key.lower() in NARROWING and _says_something(values_of(value)) for key, value in _tests(statement))


def _tests(statement: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(key, values) of conditions that say who is let in, not who is kept out."""
    for operator, tests in (statement.get("Condition") or {}).items():
        name = str(operator).lower().rpartition(":")[2]
        # With IfExists, a request that does not have the key comes in; with ForAllValues too.
        loose = name.endswith("ifexists") or str(operator).lower().startswith("forallvalues")
        if not loose and _NEGATIVE[0] not in name and name != _NEGATIVE[1] and isinstance(tests, Mapping):
            yield from ((str(key), value) for key, value in tests.items())


def _says_something(values: list[str]) -> bool:
    """Whether every value says who: one that fits everybody is enough to let everybody in."""
    return bool(values) and not any(_fits_everybody(each.lower()) for each in values)


def _fits_everybody(value: str) -> bool:
    if value.startswith("arn:"):
        parts = value.split(":", 5)
        if len(parts) < 6:
            return "*" in value
        account, resource = parts[4], parts[5]
        return "*" in account or "?" in account or (not account and resource[:1] in ("", "*", "?"))
    if "/" in value and value[:1] in tuple("0123456789:"):
        return is_world(value)
    # "*", "repo:*/*", "o-*", "*:ref:refs/heads/main": a wildcard stands where it is said whose it is.
    whose = value.partition(":")[2] or value
    return value[:1] in ("", "*", "?") or whose[:1] in ("*", "?") or value.startswith(("o-*", "o-?"))


def allows_all(statement: Mapping[str, Any]) -> str:
    """What a statement allows on everything, for people: "every action"; empty: nothing that wide."""
    if statement.get("Effect") != "Allow":
        return ""
    everywhere = "NotResource" in statement or any(map(_EVERY_RESOURCE.fullmatch, resources(statement)))
    if not everywhere:
        return ""
    for each in actions(statement):
        if each.strip("*:") == "" and each:
            return "every action"
        if each.lower() in ("iam:*", "iam:**"):
            return "every action of IAM, and so the right to take any other"
    spared = values_of(statement.get("NotAction"))
    if spared and not any(covers_action(each, "iam:putrolepolicy") for each in spared):
        return "every action but " + ", ".join(sorted(spared)[:4])
    return ""


def judge_policy(policy: Any, what: str, look: str) -> list[Weakness]:
    """Whether a policy of permissions allows everything. Raises ValueError."""
    for statement in statements(policy):
        wide = allows_all(statement)
        if wide:
            summary = f"{what} allows {wide} on every resource"
            return [Weakness("policy_admin", summary, look=look, change="name the actions and resources that it needs")]
    return []


def judge_trust(policy: Any, what: str, look: str) -> list[Weakness]:
    """Whether a role's trust policy lets anybody take it on. Raises ValueError."""
    told: dict[str, Weakness] = {}
    for statement in statements(policy):
        if statement.get("Effect") != "Allow":
            continue
        who = "everybody" if everybody(statement) and not narrowed(statement) else _strangers(statement)
        if who:
            told[who] = Weakness(
                "trust_world", f"{who} can take on {what}", f"trust_world:{who}", look,
                "name who may take it on in its trust policy",
            )  # fmt: skip
    return list(told.values())


def _strangers(statement: Mapping[str, Any]) -> str:
    """The shared identity provider all of whose users are let in; empty: none."""
    principal = statement.get("Principal")
    for each in values_of(principal.get("Federated")) if isinstance(principal, Mapping) else ():
        host = each.partition("oidc-provider/")[2].partition("/")[0] or each
        claims = SHARED_PROVIDERS.get(host)
        if claims is None:
            continue
        narrow = any(
            key.lower().startswith(host)
            and key.lower().rpartition(":")[2] in claims
            and _says_something(values_of(value))
            for key, value in _tests(statement)
        )
        if not narrow:
            return f"every user of {host}"
    return ""
