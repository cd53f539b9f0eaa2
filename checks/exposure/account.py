"""What an account has in every region at once: buckets, the root user, people, keys, policies, CloudFront."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from checks.aws import AwsError, AwsPlace, arn_at, could_not_look, guarded, looked, setting
from checks.base import Outcome, Reading
from checks.exposure import buckets, identity, listeners, policies
from checks.exposure.buckets import Block
from checks.exposure.model import Weakness
from checks.exposure.settings import Settings
from checks.exposure.told import Teller, unreadable

Found = Mapping[str, Any]  # one thing, as AWS lists it
_ALL_BUCKETS = 10_000  # given any number, S3 names the region of each bucket
_NOT_READY = frozenset({"ReportInProgress", "ReportNotPresent", "ReportExpired"})
_AGAIN = timedelta(minutes=1)
_WAITS, _PATIENCE = "report_waits", 5  # looks in a row that found no report
_MANAGED_BY_AWS = "/aws-service-role/"  # roles whose policies nobody can change


@dataclass(frozen=True)
class AccountLook:
    """One look at an account. Each part that AWS refuses is an UNKNOWN reading, and spoils no other."""

    place: AwsPlace
    teller: Teller
    settings: Settings

    def readings(self) -> Iterator[Reading]:
        """Everything of the account that is in no region."""
        key = self.place.key
        report = f"{key}/credentials"
        # IAM writes the report while the rest is looked at.
        started = list(guarded(report, "who may sign in, and how", self._start_report))
        yield from guarded(f"{key}/buckets", "which buckets there are", self._buckets)
        for kind, what, look in (
            ("policies", "what its own policies allow", self._policies),
            ("users", "what its users are allowed", self._users),
            ("groups", "what its groups are allowed", self._groups),
            ("roles", "who may take on its roles, and what they are allowed", self._roles),
        ):
            yield from guarded(f"{key}/{kind}", what, look)
        yield from guarded(f"{key}/distributions", "how CloudFront talks to clients", self._distributions)
        yield from started or guarded(report, "who may sign in, and how", self._credentials)

    # -- buckets ------------------------------------------------------------------------------------------------------

    def _buckets(self) -> Iterator[Reading]:
        found = self.place.shared("s3", "list_buckets", "Buckets", MaxBuckets=_ALL_BUCKETS)
        yield looked(self.place, "buckets", len(found))
        block: Block | AwsError
        resource = f"{self.place.key}/public-access-block"
        try:
            block = Block.of(setting(self.place, "s3control", "get_public_access_block", AccountId=self.place.account))
            state = "blocks all public access" if block.whole else "leaves it to each bucket to block public access"
            yield self.teller.judged(resource, (), f"the account {state}")
        except AwsError as error:
            block = error
            yield could_not_look(resource, error, "whether the account blocks public access")
        for each in found:
            name, region = str(each["Name"]), str(each.get("BucketRegion") or "")
            arn = arn_at(self.place, "s3", name, region="", account="")
            for aspect, what, look in (
                ("", "who can reach it", self._exposure),
                ("#encryption", "whether it encrypts", self._encryption),
                ("#transport", "whether it insists on TLS", self._transport),
            ):
                yield from guarded(
                    f"{arn}{aspect}", f"bucket {name}: {what}", look, arn, name, region, block, listed=True
                )

    def _exposure(self, arn: str, name: str, region: str, account: Block | AwsError) -> Iterator[Reading]:
        own = Block.of(setting(self.place, "s3", "get_public_access_block", region=region, Bucket=name))
        block = own if isinstance(account, AwsError) else own | account
        if block.whole:
            yield self.teller.judged(arn, (), f"public access of bucket {name} is blocked", name)
            return
        if isinstance(account, AwsError):
            raise account  # what the bucket itself leaves open, the account may close
        status = setting(self.place, "s3", "get_bucket_policy_status", region=region, Bucket=name)
        acl = self.place.call("s3", "get_bucket_acl", region=region, Bucket=name)
        public = status is not None and (status.get("PolicyStatus") or {}).get("IsPublic")
        if (status is not None and not isinstance(public, bool)) or "Grants" not in acl:
            yield unreadable(arn, f"who can reach bucket {name}: AWS does not say")
            return
        wrong = buckets.exposure(name, block, bool(public), acl)
        yield self.teller.judged(arn, wrong, f"bucket {name} is not public", name)

    def _encryption(self, arn: str, name: str, region: str, account: object) -> Iterator[Reading]:
        del account
        found = setting(self.place, "s3", "get_bucket_encryption", region=region, Bucket=name)
        wrong = buckets.encryption(name, found)
        yield self.teller.judged(arn, wrong, f"bucket {name} encrypts by itself", name, aspect="encryption")

    def _transport(self, arn: str, name: str, region: str, account: object) -> Iterator[Reading]:
        del account
        found = setting(self.place, "s3", "get_bucket_policy", region=region, Bucket=name)
        try:
            wrong = buckets.transport(name, self.place.partition, None if found is None else found.get("Policy"))
        except ValueError as error:
            yield unreadable(f"{arn}#transport", f"whether bucket {name} insists on TLS: {error}")
            return
        yield self.teller.judged(arn, wrong, f"bucket {name} insists on TLS", name, aspect="transport")

    # -- root, people, keys -------------------------------------------------------------------------------------------

    def _start_report(self) -> Iterator[Reading]:
        self.place.call("iam", "generate_credential_report")
        return iter(())

    def _credentials(self) -> Iterator[Reading]:
        resource = f"{self.place.key}/credentials"
        try:
            answer = self.place.call("iam", "get_credential_report")
        except AwsError as error:
            if error.code not in _NOT_READY:
                raise
            yield self._not_ready(resource)
            return
        self.place.keep(_WAITS, None)
        content = answer.get("Content")
        try:
            found = identity.users(bytes(content or b"").decode())
        except ValueError as error:
            yield unreadable(resource, f"who may sign in: {error}")
            return
        root = next((user for user in found if user.root), None)
        yield looked(self.place, "credentials", len(found))
        if root is None:
            yield unreadable(self._root_arn, "how the root user signs in: the report has no line of it")
        else:
            yield from guarded(self._root_arn, "how the root user signs in", self._root, root)
        for user in found:
            if not user.root:
                wrong = identity.judge_user(user, self.settings.limits, self.place.now())
                yield self.teller.judged(
                    user.arn, wrong, f"user {user.name} signs in as it should", user.name, aspect="credentials"
                )
        yield from guarded(
            f"{self.place.key}/password-policy", "what passwords must be like", self._password_policy,
            any(user.password for user in found),
        )  # fmt: skip

    def _not_ready(self, resource: str) -> Reading:
        """Looked at again soon; when that has not helped, people hear of it."""
        waits = int(self.place.recall(_WAITS) or 0) + 1
        self.place.keep(_WAITS, waits)
        why = "who may sign in, and how: IAM still writes its report"
        if waits > _PATIENCE:
            return unreadable(resource, why, "report_not_ready", "aws iam generate-credential-report")
        return Reading(resource, Outcome.UNKNOWN, "report_not_ready", f"not known yet: {why}", look_again_in=_AGAIN)

    @property
    def _root_arn(self) -> str:
        return arn_at(self.place, "iam", "root", region="")

    def _root(self, root: identity.User) -> Iterator[Reading]:
        summary = self.place.call("iam", "get_account_summary").get("SummaryMap") or {}
        # Accounts of an organization can have a root user without any password: then there is nobody to sign in.
        present = summary.get("AccountPasswordPresent")
        signs_in = None if present is None else bool(present)
        factor = summary.get("AccountMFAEnabled")
        root = root if factor is None else replace(root, second_factor=bool(factor))
        wrong = identity.judge_root(root, signs_in, self.settings.limits, self.place.now())
        if summary.get("AccountAccessKeysPresent") and not any(one.rule == "root_keys" for one in wrong):
            wrong += identity.root_keys()  # the report can be four hours old
        yield self.teller.judged(self._root_arn, wrong, "nobody acted as the root user", self.place.account)

    def _password_policy(self, needed: bool) -> Iterator[Reading]:
        resource = f"{self.place.key}/password-policy"
        found = setting(self.place, "iam", "get_account_password_policy")
        wrong = identity.judge_password_policy(found, self.settings.limits) if needed else []
        summary = "passwords are long enough" if needed else "no user has a password"
        outcome = Outcome.HEALTHY if needed else Outcome.NOT_APPLICABLE
        yield self.teller.judged(resource, wrong, summary, outcome=outcome)

    # -- what policies allow ------------------------------------------------------------------------------------------

    def _details(self, of: str, key: str) -> tuple[Found, ...]:
        return self.place.shared("iam", "get_account_authorization_details", key, Filter=[of])

    def _policies(self) -> Iterator[Reading]:
        found = self._details("LocalManagedPolicy", "Policies")
        yield looked(self.place, "policies", len(found))
        for each in found:
            name, arn = str(each["PolicyName"]), str(each["Arn"])
            if each.get("AttachmentCount") == 0:  # one of which it is not said may be attached
                yield self.teller.judged(arn, (), f"policy {name} is attached to nobody", name, verdict="unattached")
                continue
            versions = each.get("PolicyVersionList") or ()
            current = next((one.get("Document") for one in versions if one.get("IsDefaultVersion")), None)
            look = (
                f"aws iam get-policy-version --policy-arn {shlex.quote(arn)} "
                f"--version-id {shlex.quote(str(each.get('DefaultVersionId', 'v1')))}"
            )
            try:
                wrong = policies.judge_policy(current, f"policy {name}", look)
            except ValueError as error:
                yield unreadable(arn, f"what policy {name} allows: {error}")
                continue
            yield self.teller.judged(arn, wrong, f"policy {name} allows less than everything", name)

    def _users(self) -> Iterator[Reading]:
        yield from self._principals("User", "UserDetailList", "users", "UserPolicyList")

    def _groups(self) -> Iterator[Reading]:
        yield from self._principals("Group", "GroupDetailList", "groups", "GroupPolicyList")

    def _roles(self) -> Iterator[Reading]:
        yield from self._principals("Role", "RoleDetailList", "roles", "RolePolicyList")

    def _principals(self, kind: str, key: str, name: str, inline: str) -> Iterator[Reading]:
        found = self._details(kind, key)
        yield looked(self.place, name, len(found))
        for each in found:
            if str(each.get("Path") or "").startswith(_MANAGED_BY_AWS):
                continue
            who, arn = str(each[f"{kind}Name"]), str(each["Arn"])
            word = kind.lower()
            try:
                wrong = [*_inline(each, inline, word, who), *_administrator(each, word, who)]
                if kind == "Role":
                    look = f"aws iam get-role --role-name {shlex.quote(who)}"
                    wrong += policies.judge_trust(each.get("AssumeRolePolicyDocument"), f"role {who}", look)
            except ValueError as error:
                yield unreadable(arn, f"what {word} {who} is allowed: {error}")
                continue
            # The role that nobody but a stranger should take on is worse than one that may do too much.
            wrong.sort(key=lambda one: one.rule != "trust_world")
            yield self.teller.judged(arn, wrong, f"{word} {who} has no inline policy that allows everything", who)

    # -- CloudFront ---------------------------------------------------------------------------------------------------

    def _distributions(self) -> Iterator[Reading]:
        found = self.place.shared("cloudfront", "list_distributions", "DistributionList.Items")
        yield looked(self.place, "distributions", len(found))
        for each in found:
            name, arn = str(each["Id"]), str(each["ARN"])
            if each.get("Enabled") is False:
                summary = f"CloudFront distribution {name} is switched off"
                yield self.teller.judged(arn, (), summary, name, verdict="unattached")
                continue
            wrong = listeners.distribution(each)
            yield self.teller.judged(arn, wrong, f"CloudFront distribution {name} talks over TLS only", name)


def _inline(principal: Found, key: str, kind: str, who: str) -> Iterator[Weakness]:
    for each in principal.get(key) or ():
        name = str(each["PolicyName"])
        look = f"aws iam get-{kind}-policy --{kind}-name {shlex.quote(who)} --policy-name {shlex.quote(name)}"
        for one in policies.judge_policy(each.get("PolicyDocument"), f"inline policy {name} of {kind} {who}", look):
            yield replace(one, key=f"policy_admin:{name}")


def _administrator(principal: Found, kind: str, who: str) -> Iterator[Weakness]:
    """That a user, not a role, holds AWS' own policy that allows everything."""
    if kind != "user":
        return
    for each in principal.get("AttachedManagedPolicies") or ():
        if str(each.get("PolicyArn")).endswith(":aws:policy/AdministratorAccess"):
            yield Weakness(
                "policy_admin", f"user {who} has AdministratorAccess of its own", "policy_admin:AdministratorAccess",
                f"aws iam list-attached-user-policies --user-name {shlex.quote(who)}",
                "give it to a role that people take on for as long as they need it",
            )  # fmt: skip
