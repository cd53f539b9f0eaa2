"""Sentences about a judged plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from checks.plans.model import DRIFTED, Class, Difference, FailedCheck, Json, PathDifference, Verdict

_NAMED = 3  # resources a sentence names before it counts the rest


def reason_for(
    verdict: Verdict, found: Sequence[Difference], failed: Sequence[FailedCheck], unknown_checks: int = 0
) -> str:
    """One sentence that says why the verdict is what it is, with addresses. From redacted differences only."""
    sentence = _sentence(verdict, found, failed)
    if verdict is not Verdict.CHECK_FAILED and failed:
        sentence += f"; {_number(len(failed), 'check')} failed"
    if unknown_checks:
        sentence += f"; {_number(unknown_checks, 'check')} could not be worked out by this plan"
    return sentence


def _sentence(verdict: Verdict, found: Sequence[Difference], failed: Sequence[FailedCheck]) -> str:
    drifted = [item for item in found if item.cls in DRIFTED]
    pending = [item for item in found if item.cls is Class.PENDING]
    if verdict is Verdict.DRIFT:
        return _listed(drifted, by_hand=True)
    if verdict is Verdict.DRIFT_AND_PENDING:
        return f"{_listed(drifted, by_hand=True)}; not applied yet: {_addresses(pending or drifted)}"
    if verdict is Verdict.PENDING:
        return f"not applied yet: {_listed(pending)}"
    if verdict is Verdict.ACCEPTED:
        accepted = [item for item in found if item.cls is Class.ACCEPTED]
        return f"changed outside Terraform, and left alone: {_names(accepted)}"
    if verdict is Verdict.PERPETUAL:
        return f"every plan changes {_listed([item for item in found if item.cls is Class.PERPETUAL])}"
    if verdict is Verdict.NEVER_DEPLOYED:
        return (
            f"the state has no resources and the plan creates {_count(pending)}: never deployed, or the wrong workspace"
        )
    if verdict is Verdict.CHECK_FAILED:
        failing = [f"{check.address}: {check.messages[0] if check.messages else check.status}" for check in failed]
        return "; ".join(failing[:_NAMED])
    return "the real world, the state and the code agree"


def _count(found: Sequence[Difference]) -> str:
    return _number(sum(item.type != "output" for item in found), "resource")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _addresses(found: Sequence[Difference]) -> str:
    names = list(dict.fromkeys(item.address for item in found))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _names(found: Sequence[Difference]) -> str:
    """Which attributes, without their values, so that a clock among them makes no new sentence at each look."""
    shown = [": ".join((item.address, ", ".join(path.path for path in item.paths[:_NAMED]))) for item in found[:_NAMED]]
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return "; ".join(shown) + more


def _listed(found: Sequence[Difference], *, by_hand: bool = False) -> str:
    ordered = sorted(found, key=lambda item: (item.action != "delete", item.type == "output"))
    more = f"; and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return "; ".join(_one(item, by_hand=by_hand) for item in ordered[:_NAMED]) + more


def _one(item: Difference, *, by_hand: bool) -> str:
    hand = " by hand" if by_hand else ""
    if not item.paths or item.type == "output":
        verb = {"delete": "deleted", "create": "to be created", "move": "moved", "import": "to be imported"}
        word = verb.get(item.action, item.note or item.action)
        if not by_hand and item.action == "delete":
            word = "to be destroyed"
        return f"{item.address}: {word}{hand}"
    first = item.paths[0]
    more = f" and {len(item.paths) - 1} more" if len(item.paths) > 1 else ""
    return f"{item.address}: {first.path} {_arrow(first, by_hand=by_hand)}{more}{hand}"


def _arrow(path: PathDifference, *, by_hand: bool) -> str:
    left, right = (path.recorded, path.actual) if by_hand else (path.actual, path.desired)
    if any(isinstance(side, dict | list) and side for side in (left, right)):
        return "changed"  # a piece of JSON in a sentence tells nobody anything; the difference below it does
    return f"{brief(left)} -> {brief(right)}"


def brief(value: Json, longest: int = 60) -> str:
    """A value in a sentence."""
    if value is None:
        return "(none)"
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return written if len(written) <= longest else written[: longest - 1] + "…"


def cause_of(found: Iterable[Difference]) -> str:
    """Equal for findings with one cause: the same attributes of the same types of the same providers differ.

    A provider's upgrade that drifts forty instances gives one cause, "aws_lb:drop_invalid_header_fields".
    """
    parts = set()
    for item in found:
        names = sorted({path.path.partition(".")[0].partition("[")[0] for path in item.paths}) or [item.action]
        parts.add(f"{item.type}:{'+'.join(names)}")
    return " ".join(sorted(parts))
