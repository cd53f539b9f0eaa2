"""The root user, people and keys of an account, from its credential report. Pure.

The report's columns are described in the IAM User Guide, "Getting credential reports". Its answer to "when" can be
N/A, no_information or not_supported: no moment, and never "a moment ago".
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from checks.base import Fact
from checks.exposure.model import Weakness

ROOT = "<root_account>"
_NEEDED = frozenset(
    {
        "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed",
        "mfa_active", "access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date",
        "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """How long something may be as it is."""

    key_age: timedelta
    unused: timedelta
    root_used: timedelta
    password_length: int
    password_reuse: int


@dataclass(frozen=True, slots=True)
class Key:
    """An access key of a user: the first or the second."""

    number: int
    rotated: datetime | None
    used: datetime | None


@dataclass(frozen=True, slots=True)
class User:
    """A line of the report. Moments are UTC; None: it never was, or AWS does not say."""

    name: str
    arn: str
    created: datetime | None
    password: bool | None  # None: AWS does not say, as of the root user
    password_used: datetime | None
    password_changed: datetime | None
    second_factor: bool
    keys: tuple[Key, ...]  # those that are active

    @property
    def root(self) -> bool:
        return self.name == ROOT


def users(report: str) -> list[User]:
    """The lines of a credential report. Raises ValueError for what is none."""
    reader = csv.DictReader(io.StringIO(report))
    missing = _NEEDED - set(reader.fieldnames or ())
    if missing:
        raise ValueError(f"the credential report has no column {min(missing)}")
    found = []
    for row in reader:
        if None in row or None in row.values():
            raise ValueError("the credential report ends in the midst of a line")
        found.append(_user(row))
    return found


def _user(row: Mapping[str, str]) -> User:
    keys = tuple(
        Key(int(each[-1]), _moment(row[f"{each}_last_rotated"]), _moment(row[f"{each}_last_used_date"]))
        for each in ("access_key_1", "access_key_2")
        if _yes(row[f"{each}_active"])
    )  # fmt: skip
    password = _yes(row["password_enabled"])
    return User(
        row["user"], row["arn"], _moment(row["user_creation_time"]), password, _moment(row["password_last_used"]),
        _moment(row["password_last_changed"]), bool(_yes(row["mfa_active"])), keys,
    )  # fmt: skip


def _yes(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().lower())


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def judge_root(user: User, signs_in: bool | None, limits: Limits, now: datetime) -> list[Weakness]:
    """What is wrong with the root user. *signs_in*: whether it has a password; None: AWS does not say."""
    told = []
    moments = [user.password_used, *(key.used for key in user.keys)]
    used = max((each for each in moments if each is not None), default=None)
    if used is not None and now - used <= limits.root_used:
        told.append(
            Weakness(
                "root_used", f"the root user acted, last at {used.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
                look="Ask who it was, and see what was done: CloudTrail, event history, user name root.",
                change="let people take on a role, and keep the root user's means in a safe",
                facts=frozenset({Fact.ROOT_USE}),
            )
        )  # fmt: skip
    if user.keys:
        told += root_keys()
    if not user.second_factor and signs_in is not False:
        told.append(
            Weakness(
                "root_no_mfa", "the root user signs in without a second factor", look="aws iam get-account-summary",
                change="sign in as the root user and add one: console, security credentials",
            )
        )  # fmt: skip
    return told


def root_keys() -> list[Weakness]:
    """That the root user has access keys."""
    return [
        Weakness(
            "root_keys", "the root user has access keys", look="aws iam get-account-summary",
            change="sign in as the root user and delete them: console, security credentials",
        )
    ]  # fmt: skip


def judge_user(user: User, limits: Limits, now: datetime) -> list[Weakness]:
    """What is wrong with a person's or a program's user."""
    name = shlex.quote(user.name)
    told = []
    if user.password and not user.second_factor:
        told.append(
            Weakness(
                "user_no_mfa", f"user {user.name} signs in without a second factor",
                look=f"aws iam list-mfa-devices --user-name {name}",
                change="let them add one, or take the password away",
            )
        )  # fmt: skip
    if user.password and _idle(user.password_used, user.password_changed or user.created, limits.unused, now):
        told.append(
            Weakness(
                "password_unused", f"user {user.name} has not signed in for more than {limits.unused.days} days",
                look=f"aws iam get-login-profile --user-name {name}", change="take the password away",
            )
        )  # fmt: skip
    for key in user.keys:
        told += _key(user, key, limits, now)
    return told


def _key(user: User, key: Key, limits: Limits, now: datetime) -> Iterator[Weakness]:
    look = f"aws iam list-access-keys --user-name {shlex.quote(user.name)}"
    which = f"access key {key.number} of user {user.name}"
    made = key.rotated or user.created
    if _idle(key.used, made, limits.unused, now):
        yield Weakness(
            "key_unused", f"{which} was not used for more than {limits.unused.days} days",
            f"key_unused:{key.number}", look, "switch it off, and delete it later",
        )  # fmt: skip
    elif made is None or now - made > limits.key_age:
        yield Weakness(
            "key_old", f"{which} is older than {limits.key_age.days} days", f"key_old:{key.number}", look,
            "put a new one in its place, or a role",
        )  # fmt: skip


def _idle(used: datetime | None, made: datetime | None, limit: timedelta, now: datetime) -> bool:
    """Whether nobody used it for too long. Of what never was used, from when it was made; not known counts as long."""
    last = max((each for each in (used, made) if each is not None), default=None)
    return last is None or now - last > limit


def judge_password_policy(answer: Mapping[str, Any] | None, limits: Limits) -> list[Weakness]:
    """*answer* None: AWS says that there is none, and its default is 8 characters."""
    policy = (answer or {}).get("PasswordPolicy") or {}
    lacks = []
    if int(policy.get("MinimumPasswordLength") or 0) < limits.password_length:
        lacks.append(f"passwords may be shorter than {limits.password_length}")
    if int(policy.get("PasswordReusePrevention") or 0) < limits.password_reuse:
        lacks.append(f"one of the last {limits.password_reuse} passwords may be used again")
    if not lacks:
        return []
    summary = " and ".join(lacks) if answer is not None else "the account has no password policy"
    return [
        Weakness(
            "password_policy", summary, look="aws iam get-account-password-policy",
            change=f"set aws_iam_account_password_policy: minimum_password_length {limits.password_length}, "
            f"password_reuse_prevention {limits.password_reuse}",
        )
    ]  # fmt: skip
