"""Rights as a table for people, and as plain data for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from checks.base import Json
from daemon.rights.model import Answer, Right, Standing

FINE, MISSING, COULD_NOT_TELL = 0, 1, 3
_SHOWN = 40  # rights of one role that nobody can tell; JSON has them all
NOT_LOOKED_AT = (
    "Not looked at: the roles for plans and states, which rules and backends name themselves; resource policies, and "
    "policies of the organization that have conditions."
)
_WORDS: Mapping[Answer, str] = {Answer.MISSING: "missing", Answer.COULD_NOT_TELL: "could not tell"}


def exit_code(standings: Sequence[Standing], troubles: Sequence[str]) -> int:
    """3 where something could not be told, which wins; 1 where a right is missing; 0 where each is there."""
    if troubles or not standings or not all(one.whole for one in standings):
        return COULD_NOT_TELL
    return MISSING if any(one.answer is Answer.MISSING for one in standings) else FINE


def report(standings: Sequence[Standing], troubles: Sequence[str], fix: str) -> Mapping[str, Json]:
    """Everything, for JSON."""
    return {
        "roles": [
            {
                "account": one.subject.account.id,
                "name": one.subject.account.name,
                "for": str(one.subject.role),
                "role": one.subject.arn,
                "answer": str(one.answer),
                "told": one.told,
                "rights": [
                    {
                        "action": right.action, "checks": list(right.checks), "answer": str(right.answer),
                        "told": right.told,
                    }
                    for right in one.rights
                ],
            }
            for one in standings
        ],
        "troubles": list(troubles),
        "not_looked_at": NOT_LOOKED_AT,
        "fix": fix,
        "exit_code": exit_code(standings, troubles),
    }  # fmt: skip


def table(standings: Sequence[Standing], troubles: Sequence[str], fix: str) -> Iterator[str]:
    """The same as lines: one for each role, and one below for each right that is missing or in doubt."""
    rows = [("account", "name", "for", "role", "rights"), *(_row(one) for one in standings)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row, one in zip(rows, [None, *standings], strict=True):
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()
        if one is not None:
            yield from _details(one)
    for trouble in troubles:
        yield f"could not tell: {_printable(trouble)}"
    yield NOT_LOOKED_AT
    code = exit_code(standings, troubles)
    if code == FINE:
        yield "Every right is there."
        return
    yield f"What the roles need is printed by: {fix}"
    if code == COULD_NOT_TELL:
        yield "Not every right could be told, so this says nothing about the rest."


def _row(one: Standing) -> tuple[str, str, str, str, str]:
    subject = one.subject
    counts = {answer: sum(right.answer is answer for right in one.rights) for answer in Answer}
    parts = [f"{counts[answer]} {words}" for answer, words in _WORDS.items() if counts[answer]]
    summed = ", ".join([*parts, f"{counts[Answer.THERE]} there"])
    return (
        subject.account.id or "-", _printable(subject.account.name), str(subject.role),
        subject.arn.partition(":role/")[2] or "(as they are)", summed,
    )  # fmt: skip


def _details(one: Standing) -> Iterator[str]:
    if one.told:
        yield f"  could not tell more: {_printable(one.told)}"
    missing = [right for right in one.rights if right.answer is Answer.MISSING]
    unclear = [right for right in one.rights if right.answer is Answer.COULD_NOT_TELL and right.told != one.told]
    shown = [*missing, *unclear[:_SHOWN]]
    width = max((len(right.action) for right in shown), default=0)
    for right in shown:
        yield f"  {_WORDS[right.answer]:<14}  {right.action:<{width}}  {_of(right)}"
    if len(unclear) > _SHOWN:
        yield f"  and {len(unclear) - _SHOWN} more that nobody can tell; --json has them"


def _of(right: Right) -> str:
    return f"{', '.join(right.checks)}: {_printable(right.told)}"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
