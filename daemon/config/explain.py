"""What pydantic says of a wrong value -> a problem at its place, in plain words."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from daemon.config.problems import Problem, echo, label, suggestion
from daemon.config.reader import Document, Spot, Trail, Unusable
from daemon.config.secrets import looks_secret
from daemon.config.section import FILE_SUFFIX, Section

_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_GROUP, _LIST = "a mapping of options", "a list"
_SHAPES = {
    "list": _LIST, "tuple": _LIST, "set": _LIST, "frozen_set": _LIST, "iterable": _LIST,
    "dict": "a mapping", "mapping": "a mapping", "model": _GROUP, "model_attributes": _GROUP, "dataclass": _GROUP,
    "string": "text", "int": "a whole number", "float": "a number", "bool": "true or false",
}  # fmt: skip


def explain(error: ValidationError, model: type[BaseModel], document: Document) -> Iterator[Problem]:
    """Give one problem for each thing that is wrong. What reader.py has already complained of is left out."""
    for details in error.errors(include_url=False):
        value, context = details["input"], details.get("ctx", {})
        if isinstance(value, Unusable) or isinstance(getattr(value, "path", None), Unusable):
            continue
        trail: Trail = tuple(part for part in details["loc"] if part != "[key]")
        if "sibling" in context:
            trail = (*trail[:-1], context["sibling"])
        trail += tuple(context.get("inside", ()))
        (line, column), text = _say(details, trail, model, document)
        yield Problem(document.file, line, column, text)


def _say(details: ErrorDetails, trail: Trail, model: type[BaseModel], document: Document) -> tuple[Spot, str]:
    kind = details["type"]
    if kind == "extra_forbidden":
        return document.key_at(trail), _unknown(trail, model)
    if kind == "missing":
        return document.key_at(trail[:-1]), _missing(trail, model)
    if details["loc"][-1:] == ("[key]",):
        return document.key_at(trail), f"a key of {label(trail[:-1])} {_words(details, trail)}"
    while trail and trail not in document.values:
        trail = trail[:-1]  # a list of one that was written without brackets, or an option that is not there
    return document.value_at(trail), f"{label(trail) or 'the configuration'} {_words(details, trail)}"


def _holds_secrets(trail: Trail) -> bool:
    """Whether what stands at a place, or was meant to stand inside it, may be a secret."""
    names = tuple(part for part in trail if isinstance(part, str))
    return (
        names[:1] == ("slack",)
        or names[:2] == ("alerts", "sinks")
        or names[:2] == ("web", "auth")
        or names[:3] in (("planning", "rules", "environment"), ("planning", "rules", "variables"))
    )


def _words(details: ErrorDetails, trail: Trail) -> str:
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if kind == "barograph":
        return str(context["text"])
    if kind in ("literal_error", "enum"):
        choices = _choices(context)
        hint = suggestion(value, choices) if isinstance(value, str) else suggestion("", choices)
        return f"cannot be {echo(value)}; {hint}"
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f"must be {words} {context[name]}, not {echo(value)}"
    if kind == "too_short":
        return "must not be empty"
    if kind in ("value_error", "assertion_error"):
        return f"is not right: {context.get('error')}"
    shape = _SHAPES.get(re.sub(r"_(type|parsing)$", "", kind))
    if shape:
        told = "text" if isinstance(value, str) and _holds_secrets(trail) else echo(value)
        return f"must be {shape}, not {told}"
    return f"is not right: {details['msg'][:1].lower()}{details['msg'][1:]}"


def _choices(context: dict[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", str(context.get("expected", "")))


def _unknown(trail: Trail, model: type[BaseModel]) -> str:
    word, group = str(trail[-1]), trail[:-1]
    known = section_at(model, group).model_fields
    if group == ("checks",):
        return f"there is no check {echo(word)}; {suggestion(word, known)}"
    meant = suggestion(word, known)
    # Repeated where it is nearly an option's name: what is like none, in such a group, may be the secret itself.
    named = meant.startswith("did you mean") or not _holds_secrets(trail) or looks_secret(word)
    told = f"option {echo(word)}" if named else "option of that name"
    return f"{label(group) or 'the configuration'} has no {told}; {meant}"


def _missing(trail: Trail, model: type[BaseModel]) -> str:
    name, group = str(trail[-1]), trail[:-1]
    fields = section_at(model, group).model_fields
    other = f" or {name}{FILE_SUFFIX}" if name + FILE_SUFFIX in fields else ""
    field = fields.get(name)
    meaning = (field.description or "").split("\n")[0] if field else ""
    text = f"{label(group) or 'the configuration'} needs {name}{other}"
    return f"{text}: {meaning[:1].lower()}{meaning[1:].rstrip('.')}" if meaning else text


def section_at(model: type[BaseModel], trail: Trail) -> type[BaseModel]:
    """Give the group of options that stands at a place of the file."""
    current = model
    for part in trail:
        field = current.model_fields.get(part) if isinstance(part, str) else None
        if field is not None:
            current = section_in(field.annotation) or current
    return current


def section_in(annotation: Any) -> type[Section] | None:
    """Give the group of options inside a type: of `tuple[Root, ...]`, Root."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in typing.get_args(annotation):
        found = section_in(argument)
        if found is not None:
            return found
    return None
