"""The Atmos repository itself: what its files say, judged without running anything."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from checks.base import Check, Finding, Json, Kind, Outcome, Owner, Reading, Scope
from checks.manifests.model import CODES, Case, Examination, RepositoryFinding
from checks.manifests.place import RepositoryPlace
from checks.manifests.rules.building import NAMING, UNREAD

# While one of these is there, what else is wrong may be behind it, or told under it: nothing is known to be mended.
HIDING = frozenset({*NAMING, *UNREAD, "no_configuration", "inheritance_loop"})
_PLACES = 20  # of a case, and cases of a finding, that are kept
_TEXT = 300  # characters of one line of evidence

MEANING: Mapping[str, str] = {
    "clean": "everything was read, and nothing is wrong",
    "unread": "could not look: a part of the repository could not be read",
    "no_configuration": "there is no atmos.yaml, or it leads to no stack",
    "broken_yaml": "a file is no YAML, or no manifest",
    "missing_import": "an import, or a component to inherit from, does not exist",
    "type_conflict": "a list is merged over a value of another type",
    "root_metadata": "`metadata` at the root of a manifest holds keys that are not allowed there",
    "pattern_part_missing": "a stack lacks a variable that its name is made of",
    "unknown_pattern_token": "name_pattern uses a token that Atmos does not know",
    "stack_name_collision": "manifests share one stack name, and one silently wins",
    "ambiguous_component": "a component is defined by several manifests of one name",
    "name_cannot_be_planned": "a stack's name holds a slash: listed, but not planned",
    "inheritance_loop": "components inherit, or manifests import, in a circle",
    "component_folder_missing": "a component has no folder",
    "no_backend": "instances have no backend",
    "state_collision": "instances share one Terraform state",
    "varfile_collision": "instances write one variable file",
    "workspace_name_unusable": "a workspace has a name that Terraform does not take",
    "literal_interpolation": "`${…}` is left in vars as text",
    "inert_workflow": "a workflow step runs nothing",
    "workflow_arguments": "a workflow is called with arguments, and does not run",
    "workflow_target_unknown": "a workflow acts on a stack or component that does not exist",
    "version_contradiction": "stated versions contradict one another",
    "duplicate_key": "a key stands twice in one mapping",
    "unreachable_manifest": "a manifest is read by no stack",
    "depends_on_unknown": "a component depends on one that its stack does not have",
    "disabled_by_string": "a string is meant to switch a component off, and does not",
    "unreadable_file": "a file was passed over",
}
assert set(CODES) <= set(MEANING)


@dataclass(frozen=True)
class Repository(Check):
    """What is wrong in the Atmos repository itself, found without running anything, each cause with file and line."""

    scope: ClassVar[Scope] = Scope.REPOSITORY
    every: ClassVar[timedelta] = timedelta(hours=1)
    deadline: ClassVar[timedelta] = timedelta(minutes=10)
    measures: ClassVar[Mapping[str, str]] = {
        "findings": "Causes found in the repository.",
        "findings_blinding": "Causes that keep Atmos from listing or planning rightly.",
        "stacks": "Stacks that were read.",
        "files": "Files that were read.",
        "unread": "Reasons why the reading is not complete.",
    }
    verdicts: ClassVar[Mapping[str, str]] = MEANING

    def run(self, place: RepositoryPlace) -> Iterable[Reading]:
        """One reading for the repository, and one for each cause. Raises LookFailed where nothing can be read."""
        seen = place.examine()
        yield _whole(place.key, seen)
        numbers = Counter[str]()
        for found in seen.findings:
            name = ":".join(filter(None, (found.code, found.variant)))
            numbers[name] += 1
            number = numbers[name]
            yield _reading(f"{place.key}/{name}{f':{number}' if number > 1 else ''}", found)


def _whole(key: str, seen: Examination) -> Reading:
    """The repository as a whole: UNKNOWN where a part of it could not be read or judged, whatever else was found."""
    values = {
        "findings": float(len(seen.findings)),
        "findings_blinding": float(sum(one.blinds for one in seen.findings)),
        "stacks": float(len(seen.stacks)),
        "files": float(seen.files_read),
        "unread": float(len(seen.unread)),
    }
    evidence: dict[str, Json] = {"notes": [_cut(note) for note in seen.notes[:_PLACES]]} if seen.notes else {}
    if seen.atmos_words:
        evidence["atmos_validate_stacks"] = seen.atmos_words
    if seen.unread:
        why = "; ".join(_cut(one) for one in seen.unread[:3])
        more = f"; and {len(seen.unread) - 3} more" if len(seen.unread) > 3 else ""
        evidence["unread"] = [_cut(one) for one in seen.unread[:_PLACES]]
        finding = Finding(
            Kind.MONITORING,
            "unread",
            f"a part of the repository could not be read: {why}{more}",
            remedy="barograph preflight --repository .  # read it again, in a checkout of the repository",
        )
        return Reading(key, Outcome.UNKNOWN, "unread", finding.summary, (finding,), values, evidence)
    if seen.findings:
        number = len(seen.findings)
        summary = f"{number} {'cause' if number == 1 else 'causes'} found, told one by one"
        hiding = list(dict.fromkeys(one.code for one in seen.findings if one.code in HIDING))
        if hiding:
            summary += f"; what {' and '.join(word.replace('_', ' ') for word in hiding)} may hide was not judged"
        outcome = Outcome.UNKNOWN if hiding else Outcome.UNHEALTHY
        return Reading(key, outcome, seen.findings[0].code, summary, (), values, evidence)
    return Reading(key, Outcome.HEALTHY, "clean", MEANING["clean"], (), values, evidence)


def _reading(resource: str, found: RepositoryFinding) -> Reading:
    finding = Finding(
        Kind.MONITORING if found.blinds else Kind.COMPLIANCE,
        found.code,
        _steady(found.summary, found),
        cause=f"repository:{found.code}",
        remedy=f"{_steady(found.remedy, found)}\nbarograph preflight --repository .  # shows every line",
        evidence=_stable_evidence(found),
        owner=Owner(owner=found.owner) if found.owner else None,
    )
    return Reading(
        resource=resource,
        outcome=Outcome.UNHEALTHY,
        verdict=found.code,
        summary=found.summary,
        findings=(finding,),
        evidence=_evidence(found),
    )


def _stable_evidence(found: RepositoryFinding) -> Mapping[str, Json]:
    """What the incident is about, without lines and columns: a line that moves is no news."""
    shown: dict[str, Json] = {
        "atmos_says": found.atmos_says,
        "affected": found.affected,
        "files": list(dict.fromkeys(spot.file for spot in found.spots))[:_PLACES],
        "cases": [_cut(_steady(case.text, found)) for case in found.cases[:_PLACES]],
    }
    if len(found.cases) > _PLACES:
        shown["more"] = len(found.cases) - _PLACES
    if found.follows:
        shown["follows"] = [_cut(_steady(one.summary, one)) for one in found.follows]
    return shown


def _evidence(found: RepositoryFinding) -> Mapping[str, Json]:
    """The same with every place, for the page."""
    shown = dict(_stable_evidence(found))
    shown["cases"] = [_cut(_told(case)) for case in found.cases[:_PLACES]]
    shown["places"] = [str(spot) for spot in found.spots[:_PLACES]]
    shown["remedy"] = found.remedy
    if found.owner:
        shown["owner"] = found.owner
    del shown["files"]
    return shown


def _told(case: Case) -> str:
    places = ", ".join(str(spot) for spot in case.spots[:3])
    more = f" and {len(case.spots) - 3} more" if len(case.spots) > 3 else ""
    return f"{case.text} ({places}{more})" if places else case.text


def _steady(text: str, found: RepositoryFinding) -> str:
    """*text* with files, and without the lines in them."""
    files = {spot.file for spot in found.spots} | {spot.file for case in found.cases for spot in case.spots}
    for file in sorted(files, key=len, reverse=True):
        text = re.sub(rf"({re.escape(file)}):\d+(?::\d+)?", r"\1", text)
    return text


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"
