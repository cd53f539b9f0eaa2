"""What the settings of a bucket with states, and of its lock tables, mean. Pure; one reading for each setting."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from checks.base import Fact, Finding, Kind, Outcome, Reading
from checks.states.model import BackendLook, Gap, LifecycleRule, TableLook

PUBLIC_ACCESS_BLOCK = frozenset({"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"})
_ENOUGH_VERSIONS = 10  # kept of each object whatever their age: then no age is too short

VERDICTS: Mapping[str, str] = MappingProxyType(
    {
        "as_it_should_be": "a setting of the bucket or lock table is as it should be",
        "bucket_missing": "the bucket of the states is not there",
        "not_versioned": "the bucket keeps no earlier versions: a damaged state could not be restored",
        "not_encrypted": "the bucket has no default encryption, and states hold secrets",
        "not_blocked": "the bucket does not block public access",
        "public": "the bucket's policy lets everybody in",
        "expires_early": "a lifecycle rule removes states, or earlier versions of them, too early",
        "table_missing": "the lock table is not there: every plan and apply fails, and digests are lost",
        "table_unprotected": "the lock table has no point-in-time recovery, or can be deleted by mistake",
    }
)


def readings(look: BackendLook, keep_versions: timedelta) -> Iterator[Reading]:
    """One reading for each setting; where the bucket is not there, that alone, and its tables."""
    name = f"s3://{look.bucket}"
    if isinstance(look.there, Gap):
        yield _unread(name, look.there)
    elif not look.there:
        yield _bad(
            name, "bucket_missing", Kind.STATE_CORRUPTION,
            f"the bucket {look.bucket} is not there, and with it every state that is kept in it",
            "# find out who deleted it; states can only be had back from a replica or a backup",
        )  # fmt: skip
    else:
        yield _fine(name, f"the bucket {look.bucket} is there")
        yield from _bucket(look, name, keep_versions)
    for table in look.tables:
        yield from _table(table)


def _bucket(look: BackendLook, name: str, keep_versions: timedelta) -> Iterator[Reading]:
    yield _versioning(look, f"{name} versioning")
    yield _encryption(look, f"{name} encryption")
    yield _public_access(look, f"{name} public access")
    yield _lifecycle(look, f"{name} lifecycle", keep_versions)


def _versioning(look: BackendLook, resource: str) -> Reading:
    if isinstance(look.versioning, Gap):
        return _unread(resource, look.versioning)
    if look.versioning == "Enabled":
        return _fine(resource, "versioning is on")
    how = "suspended" if look.versioning == "Suspended" else "off"
    command = ["aws", "s3api", "put-bucket-versioning", "--bucket", look.bucket]
    command += ["--versioning-configuration", "Status=Enabled"]
    return _bad(
        resource, "not_versioned", Kind.BACKUP_FAILURE,
        f"versioning of the state bucket {look.bucket} is {how}: a damaged or deleted state could not be restored",
        f"{shlex.join(command)}  # better in the code that made the bucket",
    )  # fmt: skip


def _encryption(look: BackendLook, resource: str) -> Reading:
    if isinstance(look.encryption, Gap):
        return _unread(resource, look.encryption)
    if look.encryption:
        return _fine(resource, f"default encryption is {look.encryption}")
    return _bad(
        resource, "not_encrypted", Kind.SECURITY_VIOLATION,
        f"the state bucket {look.bucket} has no default encryption, and states hold secrets",
        "# set a default encryption in the code that made the bucket",
    )  # fmt: skip


def _public_access(look: BackendLook, resource: str) -> Reading:
    if isinstance(look.public, bool) and look.public:
        return _bad(
            resource, "public", Kind.SECURITY_VIOLATION,
            f"the policy of the state bucket {look.bucket} lets everybody in, and states hold secrets",
            _block_command(look.bucket), Fact.PUBLIC_DATA,
        )  # fmt: skip
    for value in (look.blocked, look.public):
        if isinstance(value, Gap):
            return _unread(resource, value)
    assert not isinstance(look.blocked, Gap)
    missing = sorted(PUBLIC_ACCESS_BLOCK - look.blocked)
    if not missing:
        return _fine(resource, "public access is blocked")
    return _bad(
        resource, "not_blocked", Kind.SECURITY_VIOLATION,
        f"the state bucket {look.bucket} does not block public access: {', '.join(missing)} is off",
        _block_command(look.bucket),
    )  # fmt: skip


def _block_command(bucket: str) -> str:
    command = ["aws", "s3api", "put-public-access-block", "--bucket", bucket, "--public-access-block-configuration"]
    command.append(",".join(f"{name}=true" for name in sorted(PUBLIC_ACCESS_BLOCK)))
    return f"{shlex.join(command)}  # better in the code that made the bucket"


def _lifecycle(look: BackendLook, resource: str, keep_versions: timedelta) -> Reading:
    if isinstance(look.lifecycle, Gap):
        return _unread(resource, look.lifecycle)
    wrong = [told for rule in look.lifecycle if (told := _too_early(rule, look.keys, keep_versions))]
    if not wrong:
        return _fine(resource, "no lifecycle rule removes states or their earlier versions too early")
    return _bad(
        resource, "expires_early", Kind.BACKUP_FAILURE,
        f"the lifecycle of the state bucket {look.bucket} {'; '.join(wrong)}",
        "# change the rule in the code that made the bucket",
    )  # fmt: skip


def _too_early(rule: LifecycleRule, keys: Iterable[str], keep_versions: timedelta) -> str:
    """What is wrong with a rule, as it reads in a sentence; empty: nothing."""
    if not any(key.startswith(rule.prefix) for key in keys):
        return ""
    name = f"(rule {rule.id})" if rule.id else "(a rule without a name)"
    if rule.current_days is not None:
        return f"removes states {rule.current_days} days after they were written {name}"
    days, wanted = rule.noncurrent_days, keep_versions.days
    if days is None or days >= wanted or rule.keeps_versions >= _ENOUGH_VERSIONS:
        return ""
    return f"removes earlier versions after {days} days, and {wanted} are wanted {name}"


def _table(table: TableLook) -> Iterator[Reading]:
    name = f"lock table {table.name}"
    if isinstance(table.there, Gap):
        yield _unread(name, table.there)
        return
    if not table.there:
        yield _bad(
            name, "table_missing", Kind.STATE_CORRUPTION,
            f"the lock table {table.name} is not there: every plan and apply fails, and the digests are lost",
            "# find out who deleted it; make it again, with the key LockID; digests come with the next writes",
        )  # fmt: skip
        return
    yield _fine(name, f"the lock table {table.name} is there")
    for what, on in (
        ("point-in-time recovery", table.point_in_time_recovery),
        ("deletion protection", table.deletion_protection),
    ):
        resource = f"{name} {what}"
        if isinstance(on, Gap):
            yield _unread(resource, on)
        elif on:
            yield _fine(resource, f"{what} is on")
        else:
            yield _bad(
                resource, "table_unprotected", Kind.COMPLIANCE, f"{what} of the lock table {table.name} is off",
                "# switch it on in the code that made the table",
            )  # fmt: skip


def _fine(resource: str, told: str) -> Reading:
    return Reading(resource, Outcome.HEALTHY, "as_it_should_be", told)


def _bad(resource: str, verdict: str, kind: Kind, told: str, remedy: str, fact: Fact | None = None) -> Reading:
    facts = frozenset({fact} if fact is not None else ())
    finding = Finding(kind, verdict, told, facts, cause=f"state:{resource}:{verdict}", remedy=remedy)
    return Reading(resource, Outcome.UNHEALTHY, verdict, told, (finding,))


def _unread(resource: str, gap: Gap) -> Reading:
    needs = f": it takes {gap.action}" if gap.reason == "denied" and gap.action else ""
    told = f"{gap.what} could not be read ({gap.reason}){needs}"
    finding = Finding(
        Kind.MONITORING, "could_not_look", f"could not look: {told}", cause=f"state:{gap.reason} {gap.action}".rstrip(),
        remedy=f"# allow {gap.action}" if needs else "",
    )  # fmt: skip
    return Reading(resource, Outcome.UNKNOWN, "unreadable", told, (finding,))
