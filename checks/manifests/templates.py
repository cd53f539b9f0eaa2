"""Go templates of plain fields: `{{ .vars.stage }}`. All others are recognised, and left as they are."""

from __future__ import annotations

import re
from collections.abc import Callable

_FIELD = re.compile(r"\s*((?:\.[A-Za-z_][A-Za-z0-9_]{0,100}){1,20})\s*")

Look = Callable[[tuple[str, ...]], str | None]  # the text of a field; None where there is none, or it is no plain text


def has_template(text: str) -> bool:
    """Whether *text* holds a Go template."""
    return "{{" in text


def filled(template: str, look: Look, *, longest: int = 4096) -> str | None:
    """*template* with its fields filled in; None where it holds more than plain fields, or a field has no value.

    None too where the result would be longer than *longest* characters.
    """
    pieces: list[str] = []
    at = 0
    length = len(template)
    while (begin := template.find("{{", at)) >= 0:
        end = template.find("}}", begin)
        field = _FIELD.fullmatch(template, begin + 2, end) if end >= 0 else None
        value = look(tuple(field[1].split(".")[1:])) if field else None
        length += len(value or "")
        if value is None or length > longest:
            return None
        pieces += [template[at:begin], value]
        at = end + 2
    return "".join((*pieces, template[at:]))
