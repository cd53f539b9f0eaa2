"""Rights as plain data. What nobody can tell is never said to be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from checks.base import Role
from daemon.aws import Account


class Answer(StrEnum):
    """What is known of one right, and of a role's rights as a whole."""

    THERE = "there"
    MISSING = "missing"
    COULD_NOT_TELL = "could_not_tell"


@dataclass(frozen=True, slots=True)
class Subject:
    """Barograph in an account, in one of its roles, and what it asks for there."""

    account: Account
    role: Role
    wanted: Mapping[str, tuple[str, ...]]  # action -> the checks that declare it

    @property
    def arn(self) -> str:
        """Of the role that is taken on last; empty: the credentials as they are."""
        return self.account.identity.roles[-1].arn if self.account.identity.roles else ""


@dataclass(frozen=True, slots=True)
class Right:
    """One action, whether it is allowed, and how one knows."""

    action: str
    checks: tuple[str, ...]
    answer: Answer
    told: str = ""


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal that a check met in its last look at a place."""

    action: str
    check: str
    place: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a subject's rights. *told*: what kept one from knowing more."""

    subject: Subject
    rights: tuple[Right, ...]
    told: str = ""

    @property
    def answer(self) -> Answer:
        """MISSING if anything is; THERE only if each right is; of no right at all nobody can tell."""
        answers = {right.answer for right in self.rights}
        if Answer.MISSING in answers:
            return Answer.MISSING
        return Answer.THERE if answers == {Answer.THERE} and not self.told else Answer.COULD_NOT_TELL

    @property
    def whole(self) -> bool:
        """Whether each right is known, to be there or not."""
        return not self.told and all(right.answer is not Answer.COULD_NOT_TELL for right in self.rights)
