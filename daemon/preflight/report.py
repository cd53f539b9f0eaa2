"""The examination of a repository for programs: one versioned JSON object (docs/preflight.md)."""

from __future__ import annotations

import json

from checks.base import Json
from checks.manifests.model import Case, Examination, RepositoryFinding, Spot, Version

SCHEMA = 1


def report(seen: Examination, repository: str) -> dict[str, Json]:
    """The object that `--json` prints."""
    return {
        "schema": SCHEMA,
        "repository": repository,
        "atmos_version": version_text(seen.version) or None,
        "clean": not seen.findings and not seen.unread,
        "stacks": len(seen.stacks),
        "instances": instances(seen),
        "files_read": seen.files_read,
        "findings": [_finding(one) for one in seen.findings],
        "unread": list(seen.unread),
        "notes": list(seen.notes),
        "atmos_validate_stacks": seen.atmos_words or None,
    }


def as_json(content: dict[str, Json]) -> str:
    """Pure ASCII, so that nothing in it steers a terminal; and nothing that GitHub's runner takes for a command."""
    return json.dumps(content, indent=2, ensure_ascii=True).replace("##[", "##\\u005b")


def instances(seen: Examination) -> int:
    """How many component instances can be planned, if all is well."""
    return sum(not one.abstract for stack in seen.stacks for one in stack.components.values())


def version_text(version: Version | None) -> str:
    """ "1.163.0"; empty where it is not known."""
    return ".".join(map(str, version)) if version is not None else ""


def _finding(one: RepositoryFinding) -> dict[str, Json]:
    return {
        "code": one.code,
        "summary": one.summary,
        "blocks_all": one.blocks_all,
        "blinds": one.blinds,
        "places": [_place(spot) for spot in one.spots],
        "cases": [_case(case) for case in one.cases],
        "atmos_says": one.atmos_says,
        "affected": {
            "text": one.affected,
            "from": version_text(one.since) or None,
            "before": version_text(one.before) or None,
        },
        "remedy": one.remedy,
        "stacks": list(one.stacks),
        "components": list(one.components),
        "owner": one.owner,
        "follows": [_finding(each) for each in one.follows],
    }


def _case(case: Case) -> dict[str, Json]:
    marks = (*case.marks, *("",) * len(case.spots))
    places = [_place(spot) | {"what": mark} for spot, mark in zip(case.spots, marks, strict=False)]
    return {"text": case.text, "places": places}


def _place(spot: Spot) -> dict[str, Json]:
    return {"file": spot.file, "line": spot.line or None, "column": spot.column or None}
