"""The checklist for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from checks.toolchain import Answer, Item

_SHOWN = 5  # names in one sentence
_WIDEST = 60  # characters of a name beside which the others are put
FINE, FAILED, COULD_NOT_LOOK = 0, 1, 3  # 3 wins over 1, as it is more
_MARKS = {Answer.FAIL: "FAIL", Answer.COULD_NOT_LOOK: "COULD NOT LOOK", Answer.PASS: "pass", Answer.NOT_NEEDED: "-"}


def exit_code(items: Iterable[Item]) -> int:
    """0: all passed; 1: something failed; 3: something could not be looked at, which wins."""
    answers = {item.answer for item in items}
    if Answer.COULD_NOT_LOOK in answers or not answers:
        return COULD_NOT_LOOK
    return FAILED if Answer.FAIL in answers else FINE


def table(items: Sequence[Item]) -> Iterator[str]:
    """The checklist for people, a line at a time, in its own order; what to do stands below what did not pass."""
    width = min(max((len(item.name) for item in items), default=0), _WIDEST)
    for item in items:
        mark = _MARKS[item.answer]
        yield f"{mark:<14}  {_printable(item.name):<{width}}  {_printable(item.told)}".rstrip()
        if item.remedy and item.answer in (Answer.FAIL, Answer.COULD_NOT_LOOK):
            yield f"{'':<14}  {'':<{width}}  -> {_printable(item.remedy)}"
    counts = {answer: sum(item.answer is answer for item in items) for answer in Answer}
    yield ""
    yield (
        f"{counts[Answer.PASS]} passed, {counts[Answer.FAIL]} failed, "
        f"{counts[Answer.COULD_NOT_LOOK]} could not be looked at"
    )


def report(items: Sequence[Item]) -> Mapping[str, object]:
    """The same as JSON takes it."""
    listed = [
        {"name": item.name, "answer": str(item.answer), "told": item.told, "remedy": item.remedy} for item in items
    ]
    return {"items": listed, "exit_code": exit_code(items)}


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def some(names: Sequence[str]) -> str:
    """The first few of *names*, and how many more."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
