"""Asks IAM's policy simulator what a role may do.

It knows identity policies, permissions boundaries and, in a member account, the organization's policies; it knows
nothing of resource policies and of conditions whose values only a real request has. What hangs on those it cannot tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from checks.aws_errors import AwsError
from checks.base import Json
from daemon.aws import AwsContext, Watching
from daemon.aws.asking import Asker
from daemon.policies.demands import SIMULATE
from daemon.rights.model import Answer, Subject

WHO = "sts:GetCallerIdentity"
BATCH = 50  # actions in one question
SECONDS = 120.0
_SESSION = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d{12}):assumed-role/(?P<name>[^/]+)/.*")


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the simulator says. *failed*: why nothing is known of the actions that are not in *said*."""

    said: Mapping[str, tuple[Answer, str]] = field(default_factory=dict)  # action -> answer, and why
    failed: str = ""
    refused: str = ""  # why the role itself could not be taken on


def simulate(subject: Subject, context: AwsContext, region: str = "") -> Simulated:
    """Ask for all that *subject* wants. Raises nothing that AWS answers. *region*: where STS is asked."""
    account = subject.account
    watching = Watching("preflight", frozenset({WHO, SIMULATE}))
    asker = Asker(account.id, account.identity, watching, context, context.ticks() + SECONDS)
    where = account.global_region
    try:
        caller = asker.call("sts", "get_caller_identity", region or where, {})
    except AwsError as error:
        return Simulated(failed=str(error), refused=str(error) if error.operation == "AssumeRole" else "")
    if account.id and caller["Account"] != account.id:
        return Simulated(failed=f"the credentials are of account {caller['Account']}, not of {account.id}")
    source = subject.arn or principal(str(caller["Arn"]))
    if not source:
        return Simulated(failed="the credentials are of no user or role that can be asked about")
    said: dict[str, tuple[Answer, str]] = {}
    actions = list(subject.wanted)
    try:
        for start in range(0, len(actions), BATCH):
            said |= _asked(asker, where, source, actions[start : start + BATCH])
    except AwsError as error:
        return Simulated(said, failed=str(error))
    return Simulated(said)


def principal(arn: str) -> str:
    """The user or role that can be asked about, of the caller's ARN; empty: none, as for the root user."""
    match = _SESSION.fullmatch(arn)
    if match is not None:  # a role with a path is not found by it, and then nobody can tell
        return f"arn:{match['partition']}:iam::{match['account']}:role/{match['name']}"
    return arn if ":user/" in arn else ""


def _asked(asker: Asker, region: str, source: str, actions: Sequence[str]) -> dict[str, tuple[Answer, str]]:
    asked = {"PolicySourceArn": source, "ActionNames": list(actions)}
    found: dict[str, tuple[Answer, str]] = {}
    for one in asker.pages("iam", "simulate_principal_policy", "EvaluationResults", region, asked):
        name = str(one.get("EvalActionName", ""))
        found[name] = min(judged(one), found.get(name, (Answer.THERE, "")), key=lambda each: _WORST.index(each[0]))
    return {action: found[action] for action in actions if action in found}


_WORST = (Answer.MISSING, Answer.COULD_NOT_TELL, Answer.THERE)


def judged(result: Mapping[str, Json]) -> tuple[Answer, str]:
    """What one result of the simulator says, and why."""
    missing = result.get("MissingContextValues") or ()
    organization = result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations")
    boundary = result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary")
    decision = result.get("EvalDecision")
    if organization is False:
        return Answer.MISSING, "a policy of the organization does not allow it"
    if boundary is False:
        return Answer.MISSING, "the permissions boundary of the role does not allow it"
    if missing:
        return Answer.COULD_NOT_TELL, f"its policies go by {', '.join(sorted(missing)[:3])}"
    if decision == "explicitDeny":
        return Answer.MISSING, "a policy denies it"
    if decision == "implicitDeny":
        return Answer.MISSING, "no policy allows it for every resource"
    if decision == "allowed":
        return Answer.THERE, ""
    return Answer.COULD_NOT_TELL, f"the simulator says {decision}"
