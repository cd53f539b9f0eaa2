"""Toolchain: the guideline's checklist before anything is executed, kept current."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Protocol

from checks.base import Check, Finding, Kind, Outcome, Owner, Place, Reading, Role, Scope


class Answer(StrEnum):
    """What came of one item. That it could not be looked at is never a pass."""

    PASS = "pass"  # noqa: S105 - a word, no password
    FAIL = "fail"
    COULD_NOT_LOOK = "could_not_look"
    NOT_NEEDED = "not_needed"  # nothing of what is configured takes it


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist. *name* is stable: "terraform", "network sts.eu-west-1.amazonaws.com:443"."""

    name: str
    answer: Answer
    told: str  # one sentence: what was found
    remedy: str = ""  # what to do, where it did not pass
    blinds: bool = True  # without it nobody can look; False: it is not as the guideline wants it, or told elsewhere too
    owner: Owner | None = None  # of what it is about, where it is about one instance


class ToolchainPlace(Place, Protocol):
    """Where Barograph runs, with the repository it watches."""

    def checklist(self) -> Sequence[Item]: ...


_OUTCOMES: Mapping[Answer, Outcome] = {
    Answer.PASS: Outcome.HEALTHY,
    Answer.FAIL: Outcome.UNHEALTHY,
    Answer.COULD_NOT_LOOK: Outcome.UNKNOWN,
    Answer.NOT_NEEDED: Outcome.NOT_APPLICABLE,
}


@dataclass(frozen=True)
class Toolchain(Check):
    """What planning takes: credentials, Atmos, Terraform, the repository and its variables, network, disk, memory."""

    scope: ClassVar[Scope] = Scope.REPOSITORY
    role: ClassVar[Role] = Role.HUB
    every: ClassVar[timedelta] = timedelta(hours=1)
    deadline: ClassVar[timedelta] = timedelta(minutes=10)
    iam: ClassVar[tuple[str, ...]] = ("sts:GetCallerIdentity", "sts:AssumeRole")
    measures: ClassVar[Mapping[str, str]] = {
        "items_passed": "Items of the checklist that passed.",
        "items_failed": "Items of the checklist that failed.",
        "items_unknown": "Items of the checklist that could not be looked at.",
    }
    verdicts: ClassVar[Mapping[str, str]] = {
        "pass": "the item is as it must be",
        "fail": "the item is not as it must be",
        "could_not_look": "could not look: nobody knows",
        "not_needed": "nothing of what is configured takes it",
    }

    def run(self, place: ToolchainPlace) -> Iterable[Reading]:
        """One reading for each item, and one that counts them."""
        items = place.checklist()
        yield from (_reading(item) for item in items)
        yield _counted(place.key, items)


def _reading(item: Item) -> Reading:
    findings: tuple[Finding, ...] = ()
    cause = f"toolchain:{item.name.partition(' ')[0]}"
    if item.answer is Answer.COULD_NOT_LOOK and item.blinds:
        summary = f"could not look: {item.told}"
        findings = (
            Finding(Kind.MONITORING, "could_not_look", summary, cause=cause, remedy=item.remedy, owner=item.owner),
        )
    elif item.answer is Answer.FAIL:
        kind = Kind.MONITORING if item.blinds else Kind.COMPLIANCE
        findings = (Finding(kind, "fail", item.told, cause=cause, remedy=item.remedy, owner=item.owner),)
    return Reading(item.name, _OUTCOMES[item.answer], item.answer.value, item.told, findings)


def _counted(key: str, items: Sequence[Item]) -> Reading:
    """The list as a whole. Its own outcome says no more than its worst item."""
    counts = {answer: sum(item.answer is answer for item in items) for answer in Answer}
    worst = next(
        (answer for answer in (Answer.COULD_NOT_LOOK, Answer.FAIL) if counts[answer]),
        Answer.PASS if items else Answer.COULD_NOT_LOOK,
    )
    told = f"{counts[Answer.PASS]} passed, {counts[Answer.FAIL]} failed, {counts[Answer.COULD_NOT_LOOK]} not looked at"
    values = {
        "items_passed": float(counts[Answer.PASS]),
        "items_failed": float(counts[Answer.FAIL]),
        "items_unknown": float(counts[Answer.COULD_NOT_LOOK]),
    }
    return Reading(key, _OUTCOMES[worst], worst.value, told, values=values)
