"""What is wrong with a resource, in the words of the check `security`, and who decided not to hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches

from checks.base import Fact, Json
from checks.plans.ignore import fits

# Rule -> what its verdict means. A rule is the verdict of the reading, the name in a suppression, and the finding's key
# where a resource can break it once only.
RULES: Mapping[str, str] = {
    "group_open_sensitive": "the world may come in to a port of administration or of a data store",
    "group_open": "the world may come in to a port that nobody named as public",
    "bucket_public": "everybody can reach what is in a bucket",
    "bucket_unblocked": "nothing keeps a bucket from being made public",
    "bucket_unencrypted": "a bucket encrypts nothing by itself",
    "bucket_plain_transport": "a bucket answers requests that are not encrypted",
    "snapshot_public": "everybody can restore a snapshot",
    "image_public": "everybody can start a machine image, and read what is on it",
    "store_unencrypted": "a data store is not encrypted",
    "encryption_not_default": "new volumes are not encrypted by themselves",
    "database_public": "a database has a public address",
    "search_public": "a search domain answers everybody",
    "transport_plain": "a data store takes connections that are not encrypted",
    "listener_plain": "a load balancer talks to clients without encryption",
    "distribution_plain": "a CloudFront distribution talks to clients or origins without encryption",
    "tls_outdated": "clients may speak a version of TLS that is broken",
    "root_used": "the root user of the account acted",
    "root_keys": "the root user has access keys",
    "root_no_mfa": "the root user signs in without a second factor",
    "user_no_mfa": "a person signs in without a second factor",
    "password_unused": "a password that nobody uses is still valid",
    "password_policy": "passwords may be too short, or used again",
    "key_old": "an access key was not changed for too long",
    "key_unused": "an access key that nobody uses is still valid",
    "policy_admin": "a policy allows everything",
    "trust_world": "anybody can take on a role",
    "config_off": "AWS Config does not record here",
    "guardduty_off": "GuardDuty is not on here",
    "securityhub_off": "Security Hub is not on here",
    "access_analyzer_off": "no analyzer of IAM Access Analyzer looks at this region",
    "hub_finding": "Security Hub has a finding",
    "config_noncompliant": "a rule of AWS Config is broken",
    "guardduty_finding": "GuardDuty has a finding",
    "external_access": "IAM Access Analyzer sees access from outside that nobody archived",
}  # fmt: skip


_OTHERS = ("hub", "config", "guardduty", "analyzer")  # what verdicts of other services begin with: hub:S3.5


@dataclass(frozen=True, slots=True)
class Weakness:
    """One thing that is wrong with a resource. Everything in it may be told."""

    rule: str  # one of RULES
    summary: str  # one sentence, without numbers that move from look to look
    key: str = ""  # where a resource can break the rule more than once: "group_open:tcp/8080"; empty: the rule
    look: str = ""  # a command or a place of the console that shows it
    change: str = ""  # what to change, as it reads after "then": "set `encrypted = true`"
    facts: frozenset[Fact] = frozenset()
    evidence: Mapping[str, Json] = field(default_factory=dict)
    same_as: tuple[str, ...] = ()  # of another service's verdict: the rules of RULES that say the same

    @property
    def name(self) -> str:
        """What it is called in a suppression, and the key of its finding."""
        return self.key or self.rule

    @property
    def public_data(self) -> bool:
        return Fact.PUBLIC_DATA in self.facts


@dataclass(frozen=True, slots=True)
class Suppression:
    """Do not alarm for this until a day is over. Public data stays told of, unless `public_data` says otherwise.

    Globs know * and ?. Raises ValueError where it has no reason, owner, resource or rule, or names a rule there is not.
    """

    resource: str  # glob over ARNs, ids and names
    rule: str  # a verdict of this check, or a glob over what a finding is called: hub:S3.5, config:required-*
    reason: str  # why it is fine
    owner: str  # whom to ask
    expires: date  # the last day it applies, UTC; afterwards it is told of again
    public_data: bool = False  # also where data is open to everybody

    def __post_init__(self) -> None:
        for name in ("resource", "rule", "reason", "owner"):
            if not getattr(self, name).strip():
                raise ValueError(f"a suppression needs {name}: say which finding, why, and whom to ask")
        named = self.rule.partition(":")[0]
        if not any(fits(named, rule) for rule in (*RULES, *(_OTHERS if ":" in self.rule else ()))):
            near = get_close_matches(named, (*RULES, *_OTHERS), 1)
            raise ValueError(f"there is no rule {self.rule}" + (f"; did you mean {near[0]}?" if near else ""))

    def covers(self, identifiers: Iterable[str], weakness: Weakness) -> bool:
        """Whether it is about this weakness of the resource that has these *identifiers*."""
        if weakness.public_data and not self.public_data:
            return False
        names = (weakness.rule, weakness.name, *weakness.same_as)
        return any(fits(self.rule, name) for name in names) and any(fits(self.resource, one) for one in identifiers)

    def over(self, today: date) -> bool:
        return today > self.expires

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.rule} of {self.resource}: {self.reason} ({self.owner}, until {self.expires.isoformat()})"


def sift(
    weaknesses: Iterable[Weakness], identifiers: Iterable[str], suppressions: Iterable[Suppression], today: date
) -> tuple[list[Weakness], list[tuple[Weakness, Suppression]], list[Suppression]]:
    """(what is told of, what is not with the suppression that covers it, suppressions whose day is over)."""
    known = tuple(one for one in identifiers if one)
    rules = tuple(suppressions)
    told: list[Weakness] = []
    silent: list[tuple[Weakness, Suppression]] = []
    expired: list[Suppression] = []
    for weakness in weaknesses:
        mine = [rule for rule in rules if rule.covers(known, weakness)]
        live = next((rule for rule in mine if not rule.over(today)), None)
        if live is not None:
            silent.append((weakness, live))
        else:
            told.append(weakness)
            expired += mine
    return told, silent, list(dict.fromkeys(expired))
