"""The root user, people and keys, from the credential report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks.base import Fact
from checks.exposure.identity import Limits, judge_password_policy, judge_root, judge_user, users
from tests.aws.places import NOW
from tests.checks.exposure.account_world import COLUMNS, line, report
from tests.checks.exposure.world import DAY

LIMITS = Limits(90 * DAY, 90 * DAY, timedelta(hours=24), 14, 24)


def ago(days: float) -> str:
    return (NOW - days * DAY).isoformat()


def read(*lines: str) -> Any:
    return users(report(*lines)["Content"].decode())


def key(number: int, made: float, used: str = "N/A") -> dict[str, Any]:
    return {
        f"access_key_{number}_active": "true", f"access_key_{number}_last_rotated": ago(made),
        f"access_key_{number}_last_used_date": used,
    }  # fmt: skip


PERSON = {"password_enabled": "true", "password_last_changed": ago(10), "password_last_used": ago(1)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({**PERSON, "mfa_active": "true"}, []),
        (PERSON, ["user_no_mfa"]),
        ({**PERSON, "mfa_active": "TRUE"}, []),
        ({**PERSON, "mfa_active": ""}, ["user_no_mfa"]),
        ({**PERSON, "mfa_active": "true", "password_last_used": ago(91), "password_last_changed": ago(200)},
         ["password_unused"]),
        ({**PERSON, "mfa_active": "true", "password_last_used": "no_information"}, []),
        ({**PERSON, "mfa_active": "true", "password_last_used": "no_information", "password_last_changed": ago(91)},
         ["password_unused"]),
        ({**PERSON, "mfa_active": "true", "password_last_used": "N/A", "password_last_changed": "N/A"},
         ["password_unused"]),
        (key(1, 10, ago(1)), []),
        (key(1, 10), []),  # new, and not used yet
        (key(1, 91), ["key_unused:1"]),
        (key(2, 91), ["key_unused:2"]),
        (key(1, 91, ago(1)), ["key_old:1"]),
        (key(1, 90, ago(1)), []),
        (key(1, 200, ago(100)), ["key_unused:1"]),
        ({**key(1, 91, ago(1)), **key(2, 100)}, ["key_old:1", "key_unused:2"]),
        ({**key(1, 91, ago(1)), "access_key_1_active": "false"}, []),
        ({**key(1, 1, ago(1)), "access_key_1_last_rotated": "N/A"}, ["key_old:1"]),
        # A second factor is asked of people, not of programs.
        ({"mfa_active": "false", **key(1, 10, ago(1))}, []),
    ],
)  # fmt: skip
def test_a_user(given: dict[str, Any], expected: list[str]) -> None:
    """What AWS does not say is never "a moment ago"."""
    (user,) = read(line("ann", **given))
    assert [weakness.name for weakness in judge_user(user, LIMITS, NOW)] == expected


@pytest.mark.parametrize(
    ("given", "signs_in", "expected"),
    [
        ({"mfa_active": "true"}, None, []),
        ({}, None, ["root_no_mfa"]),
        ({}, True, ["root_no_mfa"]),
        ({}, False, []),  # nobody can sign in
        ({"mfa_active": "true", "password_last_used": ago(0.9)}, None, ["root_used"]),
        ({"mfa_active": "true", "password_last_used": ago(1.1)}, None, []),
        ({"mfa_active": "true", "password_last_used": "no_information"}, None, []),
        ({"mfa_active": "true", **key(2, 300, ago(200))}, None, ["root_keys"]),
        ({"mfa_active": "true", **key(2, 300, ago(0.5))}, None, ["root_used", "root_keys"]),
        ({**key(1, 300, ago(0.5)), "password_last_used": ago(0.1)}, None, ["root_used", "root_keys", "root_no_mfa"]),
    ],
)
def test_the_root_user(given: dict[str, Any], signs_in: bool | None, expected: list[str]) -> None:
    """Its use is a fact of its own."""
    (root,) = read(line("<root_account>", **given))
    told = judge_root(root, signs_in, LIMITS, NOW)
    assert [weakness.name for weakness in told] == expected
    assert [Fact.ROOT_USE in weakness.facts for weakness in told] == [name == "root_used" for name in expected]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, "the account has no password policy"),
        ({"PasswordPolicy": {"MinimumPasswordLength": 14, "PasswordReusePrevention": 24}}, ""),
        ({"PasswordPolicy": {"MinimumPasswordLength": 14}}, "one of the last 24 passwords may be used again"),
        ({"PasswordPolicy": {"MinimumPasswordLength": 8, "PasswordReusePrevention": 24}},
         "passwords may be shorter than 14"),
    ],
)  # fmt: skip
def test_the_password_policy(answer: Any, expected: str) -> None:
    """That there is none is AWS' definite answer."""
    assert "; ".join(weakness.summary for weakness in judge_password_policy(answer, LIMITS)) == expected


@pytest.mark.parametrize(
    "text", ["", "user,arn\nann,arn:aws:iam::1:user/ann", COLUMNS.replace("mfa_active,", ""), f"{COLUMNS}\nann,arn"]
)
def test_a_report_that_is_none(text: str) -> None:
    """A column that is not there, or half a line, is no "no"."""
    with pytest.raises(ValueError, match="credential report"):
        users(text)


def test_key_ids_are_nowhere() -> None:
    """The report holds none, and what is told names the first or the second."""
    (user,) = read(line("ann", **key(1, 100)))
    assert "AKIA" not in str(judge_user(user, LIMITS, NOW))
