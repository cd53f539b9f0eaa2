"""What every check says of itself: for the terminal, and as docs/checks.md."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from checks.base import Check, Scope
from daemon.config.explain import section_in
from daemon.config.options import COMMON, OrText, options_model
from daemon.config.section import Section
from daemon.config.show import plain
from daemon.config.units import format_duration

_KINDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    timedelta: "duration",
    date: "date",
    time: "time of day",
    Path: "path",
}
_HEAD = """\
# Checks

What `barograph checks --markdown` prints. Every check takes `enabled`, `every`, `every_by_stage` and `deadline`, and
the options below, under `checks.<name>` of the [configuration](configuration.md).
"""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a check. *name* of a nested one: `ignore[].address`."""

    name: str
    kind: str
    default: str  # empty: none to name
    meaning: str
    required: bool = False


def options_of(name: str, check: type[Check]) -> tuple[Option, ...]:
    """Give a check's own options, nested ones included."""
    return tuple(_options("", options_model(name, check)))


def _options(prefix: str, group: type[Section]) -> Iterator[Option]:
    for name, field in group.model_fields.items():
        if not prefix and name in COMMON:
            continue
        inner = section_in(field.annotation)
        kind, full = _kind(field.annotation), prefix + name
        yield Option(full, kind, _default(field), _sentence(field.description), field.is_required())
        if inner is not None:
            yield from _options(f"{full}[]." if kind.startswith("list") else f"{full}.", inner)


def _kind(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        kind = _kind(arguments[0])
        return f"text or {kind}" if any(isinstance(one, OrText) for one in arguments[1:]) else kind
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, arguments))
    if section_in(annotation) is annotation:
        return "mapping"
    if origin in (tuple, list, set, frozenset):
        return f"list of {_plural(_kind(arguments[0]))}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "mapping"
    if arguments:
        return " or ".join(_kind(argument) for argument in arguments if argument is not type(None))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "one of " + ", ".join(str(member.value) for member in annotation)
    return _KINDS.get(annotation, "anything")


def _plural(kind: str) -> str:
    return {"text": "texts", "true or false": "true or false"}.get(kind, kind if kind.startswith("one") else f"{kind}s")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or value in ((), [], {}, ""):
        return ""
    shown = plain(value)
    if isinstance(shown, bool):
        return "true" if shown else "false"
    return ", ".join(map(str, shown)) if isinstance(shown, list) else str(shown)


def _sentence(text: str | None) -> str:
    text = " ".join((text or "").split())
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def _places(check: type[Check]) -> str:
    """Say where a check looks: `each region, account; the estate`."""
    each = f"each {', '.join(scope for scope in check.scopes() if scope is not Scope.ESTATE)}"
    return f"{each}; the estate" if Scope.ESTATE in check.scopes() else each


def paces(check: type[Check]) -> str:
    """Say how often a check looks: `1d; production 6h`."""
    stages = [f"{stage} {format_duration(every)}" for stage, every in check.every_by_stage.items()]
    return "; ".join([format_duration(check.every), *stages])


def markdown(checks: Mapping[str, type[Check]]) -> str:
    """Give docs/checks.md."""
    return "\n".join([_HEAD, *(_section(name, check) for name, check in checks.items())]).rstrip("\n") + "\n"


def _section(name: str, check: type[Check]) -> str:
    doc = inspect.getdoc(check) or ""
    options = [
        (
            f"**`{option.name}`**" if option.required else f"`{option.name}`",
            option.kind,
            f"`{option.default}`" if option.default else "",
            option.meaning,
        )
        for option in options_of(name, check)
    ]
    lines = [f"## `{name}`", "", doc, ""]
    lines += [f"- Looks at: {_places(check)}", f"- Every: {paces(check)}"]
    lines += [f"- At most: {format_duration(check.deadline)} per look"]
    lines += ["- Off, unless `enabled: true` switches it on"] if check.opt_in else []
    lines += [f"- IAM, for the role {check.role}: {', '.join(f'`{action}`' for action in check.iam) or 'none'}"]
    if check.sweep_iam:
        lines += [f"- IAM, for the role sweep: {', '.join(f'`{action}`' for action in check.sweep_iam)}"]
    if check.rests:
        lines += [f"- Asked for once a day while empty: {', '.join(f'`{each}`' for each in check.rests)}"]
    lines += [""]
    lines += _table(("option", "value", "default", "meaning"), options)
    lines += _table(("verdict", "meaning"), [(f"`{word}`", text) for word, text in check.verdicts.items()])
    metrics = [(f"`{metric(name, suffix)}`", text) for suffix, text in check.measures.items()]
    lines += _table(("metric", "meaning"), metrics)
    return "\n".join(lines)


def metric(check: str, suffix: str) -> str:
    """The name of the metric that shows one measure of a check."""
    return f"barograph_{check}_{suffix}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    body = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    if not body:
        return []
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *body, ""]


def text(checks: Mapping[str, type[Check]]) -> Iterator[str]:
    """The same for a terminal, a line at a time."""
    for name, check in checks.items():
        yield f"{name}: {inspect.getdoc(check) or ''}"
        off = "; off unless enabled" if check.opt_in else ""
        yield f"  looks at   {_places(check)}, every {paces(check)}, {format_duration(check.deadline)} at most{off}"
        yield from _block("IAM", check.iam)
        yield from _block("IAM, swept", check.sweep_iam)
        yield from _block("Rests if empty", check.rests)
        yield from _block("options", (_option_line(option) for option in options_of(name, check)))
        yield from _block("verdicts", (f"{word}: {meaning}" for word, meaning in check.verdicts.items()))
        yield from _block("metrics", (f"{metric(name, key)}: {meaning}" for key, meaning in check.measures.items()))
        yield ""


def _option_line(option: Option) -> str:
    default = ", required" if option.required else f", default {option.default}" if option.default else ""
    return f"{option.name} ({option.kind}{default}): {option.meaning}".rstrip(": ")


def _block(head: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {head if number == 0 else '':10} {line}"
