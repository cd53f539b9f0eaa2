"""AWS Backup's plans: what a selection selects, and whether a rule's retention fits the vault it writes to. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

_TAG = "aws:ResourceTag/"
# The longest that a continuous backup can be kept, in days (AWS Backup developer guide, point-in-time recovery).
_CONTINUOUS_AT_MOST = 35


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a plan. Days as AWS gives them; None: not set, which for deletion means never."""

    id: str
    name: str
    vault: str  # name of the vault it writes to
    delete_after: int | None = None
    continuous: bool = False
    copies: tuple[tuple[str, int | None], ...] = ()  # (destination vault ARN, deleted after days)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a plan is to back up, as AWS Backup states it."""

    id: str
    name: str
    resources: tuple[str, ...] = ()  # ARNs and patterns, any of which fits; empty: all
    not_resources: tuple[str, ...] = ()
    any_tags: tuple[tuple[str, str], ...] = ()  # ListOfTags: one of them is enough
    conditions: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  # all of them must hold


@dataclass(frozen=True, slots=True)
class Plan:
    """A backup plan with its rules and selections."""

    id: str
    arn: str
    name: str
    created: datetime | None
    rules: tuple[Rule, ...] = ()
    selections: tuple[Selection, ...] = ()


@dataclass(frozen=True, slots=True)
class Vault:
    """A backup vault and its lock. Days; None: no limit."""

    name: str
    arn: str
    locked: bool = False
    min_days: int | None = None
    max_days: int | None = None
    lock_date: datetime | None = None  # until then the lock can still be taken off; None: for good, or in governance
    points: int | None = None


class Match(Enum):
    """Whether a selection selects a resource."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"  # AWS' words leave open what it does here


def selects(selection: Selection, arn: str, tags: Mapping[str, str]) -> Match:
    """Whether *selection* selects the resource.

    Patterns of Resources are joined by or, ListOfTags by or, Conditions by and; where there are both patterns and
    tags, the resource must satisfy both (AWS Backup developer guide, "assign resources"). Names and values are case
    sensitive; `*` stands for anything.
    """
    if selection.resources and not any(like(pattern, arn) for pattern in selection.resources):
        return Match.NO
    if any(like(pattern, arn) for pattern in selection.not_resources):
        return Match.NO
    if selection.any_tags and not any(tags.get(_key(name)) == value for name, value in selection.any_tags):
        return Match.NO
    answers = [
        _holds(word, _key(name), value, tags) for word, pairs in selection.conditions.items() for name, value in pairs
    ]
    if Match.NO in answers:
        return Match.NO
    return Match.MAYBE if Match.MAYBE in answers else Match.YES


def _holds(word: str, name: str, value: str, tags: Mapping[str, str]) -> Match:
    negated = word.startswith("StringNot")
    if name not in tags:
        # "filters the values of your tagged resources": whether one without the tag counts as different is not said.
        return Match.MAYBE if negated else Match.NO
    fits = like(value, tags[name]) if word.endswith("Like") else tags[name] == value
    return Match.YES if fits != negated else Match.NO


def _key(name: str) -> str:
    return name.removeprefix(_TAG)


def like(pattern: str, text: str) -> bool:
    """Whether *text* fits *pattern*, whole, where only `*` is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def reaches_beyond(selection: Selection, known: Callable[[str], bool]) -> bool:
    """Whether it may select resources of a sort that was not listed. *known* tells it of a pattern's service part."""
    return not selection.resources or any(not known(pattern) for pattern in selection.resources)


def misfits(plan: Plan, vaults: Mapping[str, Vault]) -> Iterable[tuple[str, str]]:
    """Give (key, words) of each rule whose retention its vault's lock does not take: AWS Backup fails such jobs.

    *vaults* by ARN and by name; a vault that is not among them is not judged.
    """
    for rule in plan.rules:
        where = [(rule.vault, rule.delete_after, "")]
        where += [(arn, days, " its copy to") for arn, days in rule.copies]
        for name, days, what in where:
            vault = vaults.get(name)
            if vault is not None and vault.locked:
                for why in _against_lock(vault, days):
                    yield f"{rule.id}:{vault.arn}", f"rule {rule.name}:{what} vault {vault.name} {why}"
        if rule.continuous and (rule.delete_after is None or rule.delete_after > _CONTINUOUS_AT_MOST):
            asked = f"continuous backups are kept for at most {_CONTINUOUS_AT_MOST} days, and it asks for"
            yield f"{rule.id}:continuous", f"rule {rule.name}: {asked} {_days(rule.delete_after)}"


def _against_lock(vault: Vault, days: int | None) -> Iterable[str]:
    if vault.min_days is not None and days is not None and days < vault.min_days:
        yield f"is locked to keep points for at least {vault.min_days} days, and it asks for {_days(days)}"
    if vault.max_days is not None and (days is None or days > vault.max_days):
        yield f"is locked to keep points for at most {vault.max_days} days, and it asks for {_days(days)}"


def _days(days: int | None) -> str:
    return "ever" if days is None else f"{days} days"


def missing_vaults(plan: Plan, vaults: Mapping[str, Vault], region: str, account: str) -> Sequence[str]:
    """Vaults of this region and account that a rule writes or copies to and that do not exist."""
    here = f":backup:{region}:{account}:backup-vault:"
    wanted = [rule.vault for rule in plan.rules] + [arn for rule in plan.rules for arn, _ in rule.copies if here in arn]
    return sorted({name for name in wanted if name and name not in vaults})


def read_rule(answer: Mapping[str, Any]) -> Rule:
    """A rule as GetBackupPlan gives it."""
    copies = tuple(
        (str(each["DestinationBackupVaultArn"]), _delete_after(each)) for each in answer.get("CopyActions") or ()
    )
    return Rule(
        id=str(answer.get("RuleId", "")),
        name=str(answer.get("RuleName", "")),
        vault=str(answer.get("TargetLogicallyAirGappedBackupVaultArn") or answer.get("TargetBackupVaultName", "")),
        delete_after=_delete_after(answer),
        continuous=bool(answer.get("EnableContinuousBackup")),
        copies=copies,
    )


def _delete_after(answer: Mapping[str, Any]) -> int | None:
    days = (answer.get("Lifecycle") or {}).get("DeleteAfterDays")
    return int(days) if days is not None and days > 0 else None  # -1 stands for "never" in some answers


def read_selection(id_: str, answer: Mapping[str, Any]) -> Selection:
    """A selection as GetBackupSelection gives it."""
    any_tags = tuple((str(c["ConditionKey"]), str(c["ConditionValue"])) for c in answer.get("ListOfTags") or ())
    conditions = {
        str(word): tuple((str(p.get("ConditionKey", "")), str(p.get("ConditionValue", ""))) for p in pairs)
        for word, pairs in (answer.get("Conditions") or {}).items()
        if pairs
    }
    return Selection(
        id_, str(answer.get("SelectionName", "")), tuple(answer.get("Resources") or ()),
        tuple(answer.get("NotResources") or ()), any_tags, conditions,
    )  # fmt: skip


def read_vault(answer: Mapping[str, Any]) -> Vault:
    """A vault as ListBackupVaults gives it."""
    return Vault(
        name=str(answer.get("BackupVaultName", "")), arn=str(answer.get("BackupVaultArn", "")),
        locked=bool(answer.get("Locked")), min_days=answer.get("MinRetentionDays"),
        max_days=answer.get("MaxRetentionDays"), lock_date=answer.get("LockDate"),
        points=answer.get("NumberOfRecoveryPoints"),
    )  # fmt: skip
