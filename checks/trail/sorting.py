"""Which events a person should hear of, and what they are: pure, by tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType

from checks.base import Fact, Kind
from checks.trail.events import Actor, Event


class Activity(StrEnum):
    """What somebody did, as far as it is told."""

    ROOT_USE = "root_use"
    SIGN_IN_WITHOUT_MFA = "sign_in_without_mfa"
    FAILED_SIGN_INS = "failed_sign_ins"
    SENSITIVE_CHANGE = "sensitive_change"
    CHANGE_BY_HAND = "change_by_hand"
    PRIVILEGED_ROLE = "privileged_role"
    SIGN_IN = "sign_in"


MEANING: Mapping[Activity, str] = MappingProxyType(
    {
        Activity.ROOT_USE: "the root user signed in or acted",
        Activity.SIGN_IN_WITHOUT_MFA: "an IAM user signed in to the console without MFA",
        Activity.FAILED_SIGN_INS: "many sign-ins failed",
        Activity.SENSITIVE_CHANGE: "somebody changed access, exposure, keys or the audit trail by hand",
        Activity.CHANGE_BY_HAND: "somebody changed something by hand",
        Activity.PRIVILEGED_ROLE: "somebody took on a privileged role",
        Activity.SIGN_IN: "somebody signed in to the console",
    }
)
# What is only to be seen at the weekly review is compliance; the configuration's alerts.tiers can raise it.
KINDS: Mapping[Activity, Kind] = MappingProxyType(
    {
        Activity.ROOT_USE: Kind.SECURITY_VIOLATION,
        Activity.SIGN_IN_WITHOUT_MFA: Kind.SECURITY_VIOLATION,
        Activity.FAILED_SIGN_INS: Kind.SECURITY_VIOLATION,
        Activity.SENSITIVE_CHANGE: Kind.SECURITY_VIOLATION,
        Activity.CHANGE_BY_HAND: Kind.COMPLIANCE,
        Activity.PRIVILEGED_ROLE: Kind.COMPLIANCE,
        Activity.SIGN_IN: Kind.COMPLIANCE,
    }
)
FACTS: Mapping[Activity, frozenset[Fact]] = MappingProxyType({Activity.ROOT_USE: frozenset({Fact.ROOT_USE})})

# Changes after which others can come in, data can go out, or nobody sees what happens.
SENSITIVE: frozenset[str] = frozenset(
    {
        # who may come in
        "AddClientIDToOpenIDConnectProvider", "AddUserToGroup", "AttachGroupPolicy", "AttachRolePolicy",
        "AttachUserPolicy", "CreateAccessKey", "CreateAccountAssignment", "CreateLoginProfile",
        "CreateOpenIDConnectProvider", "CreatePolicyVersion", "CreateSAMLProvider", "CreateUser",
        "DeactivateMFADevice", "DeleteAccountPasswordPolicy", "DeleteRolePermissionsBoundary",
        "DeleteUserPermissionsBoundary", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy",
        "SetDefaultPolicyVersion", "UpdateAccessKey", "UpdateAccountPasswordPolicy", "UpdateAssumeRolePolicy",
        "UpdateLoginProfile", "UpdateSAMLProvider",
        # what is open to others
        "AuthorizeSecurityGroupIngress", "DeleteAccountPublicAccessBlock", "DeleteBucketEncryption",
        "DeleteBucketPolicy", "DeleteBucketPublicAccessBlock", "DeletePublicAccessBlock",
        "DisableEbsEncryptionByDefault", "ModifyDBClusterSnapshotAttribute", "ModifyDBSnapshotAttribute",
        "ModifyImageAttribute", "ModifySecurityGroupRules", "ModifySnapshotAttribute",
        "PutAccountPublicAccessBlock", "PutBucketAcl", "PutBucketPolicy", "PutBucketPublicAccessBlock",
        "PutResourcePolicy",
        # keys
        "CreateGrant", "DisableKey", "DisableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion",
        # what would be seen
        "DeleteConfigurationRecorder", "DeleteDetector", "DeleteEventDataStore", "DeleteFlowLogs", "DeleteLogGroup",
        "DeleteTrail", "DisableSecurityHub", "DisassociateFromMasterAccount", "LeaveOrganization",
        "PutEventSelectors", "StopConfigurationRecorder", "StopEventDataStoreIngestion", "StopLogging",
        "UpdateDetector", "UpdateTrail",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says of who is who. Globs, where * fits anything."""

    deploy_roles: Sequence[str] = ()  # over role names, role ARNs, user names
    privileged_roles: Sequence[str] = ()  # over role names and ARNs
    ignore_events: Sequence[str] = ()  # over "ec2:RunInstances"
    machines: bool = False  # whether changes by machines are told too

    def deploys(self, event: Event) -> bool:
        """Whether a deployment acted, and no person. Of a session its role says so: its name can be anything."""
        names = (event.role, event.role_arn) if event.role else (event.principal.partition("/")[2],)
        return any(fnmatchcase(name, glob) for glob in self.deploy_roles for name in names if name)

    def privileged(self, role_arn: str) -> bool:
        name = role_arn.rpartition("/")[2]
        return any(fnmatchcase(text, glob) for glob in self.privileged_roles for text in (name, role_arn))

    def ignores(self, event: Event) -> bool:
        return any(fnmatchcase(f"{event.source}:{event.name}", glob) for glob in self.ignore_events)


def activities(event: Event, rules: Rules) -> Iterator[tuple[Activity, str]]:
    """Give what an event is, with its family: what is told together. Nothing: nobody has to hear of it.

    A service that acts for somebody, and AWS itself, are left out: who asked it for that is an event of its own.
    """
    if event.actor is Actor.SERVICE:
        return
    if event.name == "ConsoleLogin":
        yield _sign_in(event)
    elif event.actor is Actor.ROOT:
        yield Activity.ROOT_USE, event.address or "unknown address"
    elif event.name.startswith("AssumeRole"):
        if event.assumed and not event.error and _person(event, rules) and rules.privileged(event.assumed):
            yield Activity.PRIVILEGED_ROLE, event.assumed.rpartition("/")[2]
    elif event.write and not event.error and _person(event, rules) and not rules.ignores(event):
        sensitive = event.name in SENSITIVE
        yield (Activity.SENSITIVE_CHANGE if sensitive else Activity.CHANGE_BY_HAND), event.source


def _sign_in(event: Event) -> tuple[Activity, str]:
    if event.signed_in is False or event.error:
        return Activity.FAILED_SIGN_INS, event.address or "unknown address"
    if event.actor is Actor.ROOT:
        return Activity.ROOT_USE, event.address or "unknown address"
    if event.actor is Actor.USER and event.mfa is False and not event.role:
        # Of somebody who comes from elsewhere (SAML, Identity Center) only the place he comes from knows.
        return Activity.SIGN_IN_WITHOUT_MFA, "console"
    return Activity.SIGN_IN, "console"


def _person(event: Event, rules: Rules) -> bool:
    if event.actor is Actor.MACHINE and not rules.machines:
        return False
    return not rules.deploys(event)
