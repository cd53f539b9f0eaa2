"""What selections select, and what locks refuse: as AWS Backup's documentation has it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from checks.recovery.plans import (
    Match,
    Plan,
    Rule,
    Selection,
    Vault,
    misfits,
    missing_vaults,
    read_rule,
    read_selection,
    selects,
)

DB = "arn:aws:rds:eu-west-1:111111111111:db:orders"
PROD = {"backup": "true", "stage": "prod"}


def cond(**words: tuple[tuple[str, str], ...]) -> Selection:
    return Selection("s", "s", conditions=words)


@pytest.mark.parametrize(
    ("selection", "tags", "match"),
    [
        (Selection("s", "s", ("*",)), {}, Match.YES),
        (Selection("s", "s"), {}, Match.YES),
        (Selection("s", "s", ("arn:aws:rds:*:*:db:*",)), {}, Match.YES),
        (Selection("s", "s", ("arn:aws:ec2:*:*:volume/*", DB)), {}, Match.YES),
        (Selection("s", "s", ("arn:aws:ec2:*:*:volume/*",)), {}, Match.NO),
        (Selection("s", "s", ("arn:aws:rds:*:*:cluster:*",)), {}, Match.NO),
        (Selection("s", "s", ("arn:aws:rds:*:*:db:ord?rs",)), {}, Match.NO),
        (Selection("s", "s", ("*",), ("arn:aws:rds:*:*:db:*",)), {}, Match.NO),
        (Selection("s", "s", any_tags=(("backup", "true"), ("backup", "yes"))), PROD, Match.YES),
        (Selection("s", "s", any_tags=(("backup", "yes"),)), PROD, Match.NO),
        (Selection("s", "s", any_tags=(("Backup", "true"),)), PROD, Match.NO),
        (Selection("s", "s", any_tags=(("aws:ResourceTag/backup", "true"),)), PROD, Match.YES),
        # Patterns and tags: the resource must satisfy both.
        (Selection("s", "s", ("arn:aws:ec2:*:*:volume/*",), any_tags=(("backup", "true"),)), PROD, Match.NO),
        (cond(StringEquals=(("aws:ResourceTag/backup", "true"), ("aws:ResourceTag/stage", "prod"))), PROD, Match.YES),
        (cond(StringEquals=(("aws:ResourceTag/backup", "true"), ("aws:ResourceTag/stage", "dev"))), PROD, Match.NO),
        (cond(StringLike=(("aws:ResourceTag/stage", "pr*"),)), PROD, Match.YES),
        (cond(StringLike=(("aws:ResourceTag/stage", "pr*"),)), {}, Match.NO),
        (cond(StringNotEquals=(("aws:ResourceTag/stage", "prod"),)), PROD, Match.NO),
        (cond(StringNotEquals=(("aws:ResourceTag/stage", "dev"),)), PROD, Match.YES),
        (cond(StringNotLike=(("aws:ResourceTag/stage", "pr*"),)), PROD, Match.NO),
        (cond(StringNotEquals=(("aws:ResourceTag/owner", "x"),)), PROD, Match.MAYBE),
        (cond(StringNotEquals=(("aws:ResourceTag/owner", "x"),), StringEquals=(("stage", "dev"),)), PROD, Match.NO),
    ],
)  # fmt: skip
def test_selections(selection: Selection, tags: Mapping[str, str], match: Match) -> None:
    """Or within patterns and listed tags, and within conditions, and between them; case counts."""
    assert selects(selection, DB, tags) is match


def vault(**lock: int | None) -> Vault:
    return Vault("main", "arn:v:main", locked=True, **lock)  # type: ignore[arg-type]  # min_days and max_days only


@pytest.mark.parametrize(
    ("rule", "held", "said"),
    [
        (Rule("r", "daily", "main", 35), vault(min_days=7, max_days=365), []),
        (Rule("r", "daily", "main", 7), vault(min_days=7), []),
        (Rule("r", "daily", "main", 6), vault(min_days=7), ["at least 7 days, and it asks for 6 days"]),
        (Rule("r", "daily", "main", 366), vault(max_days=365), ["at most 365 days, and it asks for 366 days"]),
        (Rule("r", "daily", "main", None), vault(max_days=365), ["at most 365 days, and it asks for ever"]),
        (Rule("r", "daily", "main", None), vault(min_days=7), []),
        (Rule("r", "daily", "main", 1), Vault("main", "arn:v:main", min_days=7), []),
        (Rule("r", "daily", "other", 35, copies=(("arn:v:main", 1),)), vault(min_days=7), ["its copy to vault main"]),
        (Rule("r", "daily", "other", 35, continuous=True), vault(), []),
        (Rule("r", "daily", "other", 36, continuous=True), vault(), ["continuous backups are kept for at most 35"]),
        (Rule("r", "daily", "other", None, continuous=True), vault(), ["continuous backups are kept for at most 35"]),
    ],
)
def test_locks_against_retention(rule: Rule, held: Vault, said: list[str]) -> None:
    """A job whose retention the lock does not take is failed by AWS Backup; only a locked vault refuses."""
    found = [why for _, why in misfits(Plan("p", "arn:p", "p", None, (rule,)), {"main": held, "arn:v:main": held})]
    assert len(found) == len(said)
    assert all(part in why for part, why in zip(said, found, strict=True))


def test_vaults_that_do_not_exist() -> None:
    """Of this region and account only: another's vaults are not ours to know."""
    here, away = "arn:aws:backup:eu-west-1:1:backup-vault:dr", "arn:aws:backup:eu-central-1:1:backup-vault:dr"
    plan = Plan("p", "arn:p", "p", None, (Rule("r", "daily", "gone", copies=((here, None), (away, None))),))
    assert missing_vaults(plan, {"main": vault()}, "eu-west-1", "1") == [here, "gone"]


def test_answers_are_read_as_aws_gives_them() -> None:
    """Days of -1 are never; a logically air-gapped vault is written to by its ARN; empty parts are left out."""
    rule = read_rule({
        "RuleId": "r", "RuleName": "daily", "TargetBackupVaultName": "main", "EnableContinuousBackup": True,
        "Lifecycle": {"DeleteAfterDays": -1},
        "CopyActions": [{"DestinationBackupVaultArn": "arn:v:dr", "Lifecycle": {"DeleteAfterDays": 35}}],
    })  # fmt: skip
    assert rule == Rule("r", "daily", "main", None, continuous=True, copies=(("arn:v:dr", 35),))
    assert (
        read_rule({"TargetBackupVaultName": "m", "TargetLogicallyAirGappedBackupVaultArn": "arn:lag"}).vault
        == "arn:lag"
    )
    selection = read_selection("s", {"SelectionName": "all", "Conditions": {"StringEquals": [], "StringLike": None}})
    assert selection == Selection("s", "all")
