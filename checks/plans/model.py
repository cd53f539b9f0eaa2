"""The words of a judged plan, as plain data. Everything in it is redacted; nothing in it is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = Any  # what json.dumps takes; a recursive alias would need a cast at every step


class NotJudgeable(Exception):  # noqa: N818  # says what the plan is, as LookFailed says what the look did
    """The JSON is no plan that can be judged: what is wrong with it, as one sentence without any value of the plan."""


class Verdict(StrEnum):
    """One word for how an instance stands."""

    IN_SYNC = "in_sync"
    DRIFT = "drift"
    DRIFT_AND_PENDING = "drift+pending"
    PENDING = "pending"
    ACCEPTED = "accepted"
    PERPETUAL = "perpetual"
    NEVER_DEPLOYED = "never_deployed"
    CHECK_FAILED = "check_failed"
    BUSY = "busy"
    CONFIG_ERROR = "config_error"
    ERROR = "error"
    STALE = "stale"
    NOT_APPLICABLE = "not_applicable"


MEANING: Mapping[str, str] = {
    Verdict.IN_SYNC: "the real world, the state and the code agree",
    Verdict.DRIFT: "something was changed or deleted outside Terraform",
    Verdict.DRIFT_AND_PENDING: "something was changed outside Terraform, and the code has changes not yet applied",
    Verdict.PENDING: "the code has changes that are not applied; nothing was changed by hand",
    Verdict.ACCEPTED: "something was changed outside Terraform that the code or an ignore rule accepts",
    Verdict.PERPETUAL: "every plan proposes a change whose value is only known during the apply",
    Verdict.NEVER_DEPLOYED: "there is no state: never deployed, or the wrong workspace",
    Verdict.CHECK_FAILED: "a check block or condition of the code does not hold",
    Verdict.BUSY: "locked or changing during the look: looked at again soon",
    Verdict.CONFIG_ERROR: "could not look: the code or its settings cannot be planned",
    Verdict.ERROR: "could not look: the plan failed or cannot be judged",
    Verdict.STALE: "could not look for too long: the last answer is old",
    Verdict.NOT_APPLICABLE: "disabled or abstract: there is nothing to look at",
}


class Class(StrEnum):
    """What a difference is, in one word. The first two alarm."""

    DRIFT = "drift"
    DRIFT_AND_PENDING = "drift+pending"  # changed by hand, and the code wants a third value
    PENDING = "pending"
    ACCEPTED = "accepted"  # changed by hand; an apply would leave it alone, or an ignore rule names it
    FOLLOWS = "follows"  # planned only because something else drifted or is pending
    PERPETUAL = "perpetual"  # differs only in what is known after the apply


NOT_UNDONE = "an apply would not undo it"  # ends the note of drift that Terraform leaves alone
DRIFTED = frozenset({Class.DRIFT, Class.DRIFT_AND_PENDING})


@dataclass(frozen=True, slots=True)
class PathDifference:
    """One attribute under its three labels, redacted: in the state, in the real world, in the code."""

    path: str  # "tags.Owner", "versioning[0].enabled"
    recorded: Json
    actual: Json
    desired: Json


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs in one resource (or output), of one class."""

    address: str  # "module.db.aws_db_instance.this[0]", "output.url"
    type: str  # "aws_db_instance", "output"
    provider: str
    action: str  # update, delete, create, replace, move, import, forget, read
    cls: Class
    paths: tuple[PathDifference, ...] = ()
    note: str = ""
    ignored_by: str = ""  # which ignore rule silenced it


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check block, condition or validation that did not hold, or could not be worked out."""

    address: str
    status: str  # fail, error
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A change outside Terraform that opens or weakens something."""

    category: str  # public_ingress, iam, kms, encryption_off, logging_off, public_access
    address: str
    summary: str  # what it opens, without the address
    public_data: bool = False  # data can be read by anybody
    reverted: bool = True  # an apply would undo it, as far as the plan shows


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one plan says. *reason* is one sentence for a person."""

    verdict: Verdict
    reason: str
    differences: tuple[Difference, ...] = ()
    failed_checks: tuple[FailedCheck, ...] = ()
    unknown_checks: int = 0  # conditions the plan could not work out
    violations: tuple[Violation, ...] = ()
    phantoms: int = 0  # attribute differences that say nothing: null and empty, order of a list
    resources: int = 0  # managed resources the plan covers
    refresh_only: bool = False

    def of(self, *classes: Class) -> tuple[Difference, ...]:
        """The differences of these classes."""
        return tuple(difference for difference in self.differences if difference.cls in classes)

    @property
    def deleted(self) -> tuple[str, ...]:
        """Addresses of what was deleted outside Terraform."""
        return tuple(d.address for d in self.of(*DRIFTED) if d.action == "delete")
