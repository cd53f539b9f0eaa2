"""The options of checks: a frozen dataclass says what they are, and its own class is what comes out.

So a new check needs no code here: its fields become options with their types, defaults, errors, schema and docs.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import io
import operator
import tokenize
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Union

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from checks.base import Check
from checks.kinds import PRODUCTION
from daemon.config.models import Stage
from daemon.config.section import Section
from daemon.config.values import (
    Date,
    FilePath,
    Interval,
    LocalTime,
    Number,
    SomeDuration,
    Switch,
    Whole,
    Words,
    read_json,
)

COMMON = ("enabled", "every", "every_by_stage", "deadline")

_READ_AS: Mapping[Any, Any] = types.MappingProxyType(
    {
        bool: Switch,
        int: Whole,
        float: Number,
        str: Words,
        timedelta: SomeDuration,
        date: Date,
        time: LocalTime,
        Path: FilePath,
        Any: Annotated[Any, BeforeValidator(read_json)],
    }
)


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """A check, built with its options, and when it runs."""

    check: Check
    every: timedelta
    every_by_stage: Mapping[str, timedelta]
    deadline: timedelta
    enabled: bool = True

    def interval(self, stage: str) -> timedelta:
        """How often a place of *stage* is looked at. A stage that is not known counts as production."""
        return self.every_by_stage.get(stage or PRODUCTION, self.every)


class Options(Section):
    """Options of a check. Defaults are the check's own, and right as they are."""

    model_config = ConfigDict(validate_default=False, use_attribute_docstrings=False)


def options_model(name: str, check: type[Check]) -> type[Options]:
    """Give the model of one check's group of options. Raises TypeError where an option takes a common name."""
    fields = _fields(check)
    clash = sorted(set(fields) & set(COMMON))
    if clash:
        raise TypeError(f"check {name}: the option {clash[0]} has the name of one that every check has")
    stages: dict[Stage, timedelta] = {Stage(stage): every for stage, every in check.every_by_stage.items()}
    common: dict[str, Any] = {
        "enabled": (Switch, Field(not check.opt_in, description="Whether it runs.")),
        "every": (Interval, Field(check.every, description="How often it looks at each place.")),
        "every_by_stage": (
            Mapping[Stage, Interval],
            Field(stages, description="How often, by stage. Given `every` alone, this is empty."),
        ),
        "deadline": (SomeDuration, Field(check.deadline, description="How long one look may take.")),
    }
    doc = inspect.getdoc(check) or ""
    return create_model(f"{name}_options", __base__=Options, __doc__=doc, **common, **fields)


def build(check: type[Check], options: Options) -> CheckSettings:
    """Give the check with its options. Raises ValueError or TypeError where the check itself refuses them."""
    given = options.model_fields_set
    chosen: dict[str, Any] = {f.name: getattr(options, f.name) for f in _init_fields(check) if f.name in given}
    own: Any = options
    by_stage = {str(stage): every for stage, every in own.every_by_stage.items()}
    if "every_by_stage" in given and "every" not in given:
        by_stage = {**check.every_by_stage, **by_stage}
    elif "every" in given and "every_by_stage" not in given:
        # Who says "every hour" does not expect that production keeps a slower pace of its own.
        by_stage = {}
    return CheckSettings(
        check=check(**chosen),
        every=own.every,
        every_by_stage=types.MappingProxyType(by_stage),
        deadline=own.deadline,
        enabled=own.enabled,
    )


def option_help(cls: type) -> Mapping[str, str]:
    """Give what a dataclass says of its fields: `metadata={"help": …}`, a string below, or a comment behind."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            found.update(_written_help(base))
    for field in _init_fields(cls):
        if "help" in field.metadata:
            found[field.name] = str(field.metadata["help"])
    return {name: text for name, text in found.items() if text}


def _written_help(cls: type) -> dict[str, str]:
    try:
        source = inspect.cleandoc("\n" + inspect.getsource(cls))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return {}  # a class made at run time has no source to read
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.string.startswith(("# type:", "# noqa"))
    }
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found: dict[str, str] = {}
    for index, node in enumerate(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            below = body[index + 1] if index + 1 < len(body) else None
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                found[node.target.id] = inspect.cleandoc(str(below.value.value))
            else:
                found[node.target.id] = comments.get(node.end_lineno or node.lineno, "")
    return found


def _init_fields(cls: type) -> list[dataclasses.Field[Any]]:
    if not dataclasses.is_dataclass(cls):
        return []
    return [field for field in dataclasses.fields(cls) if field.init]


def _fields(cls: type) -> dict[str, Any]:
    """Give a dataclass's fields as create_model takes them."""
    hints = typing.get_type_hints(cls, include_extras=True)
    texts = option_help(cls)
    return {field.name: (_read_as(hints[field.name]), _default(field, texts)) for field in _init_fields(cls)}


def _default(field: dataclasses.Field[Any], texts: Mapping[str, str]) -> Any:
    more: dict[str, Any] = {"description": texts.get(field.name), "repr": field.repr}
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory, **more)
    if field.default is dataclasses.MISSING:
        return Field(..., **more)
    if field.default is None or isinstance(field.default, (bool, int, float, str, timedelta, date, Enum)):
        return Field(field.default, **more)
    value = field.default
    return Field(default_factory=lambda: value, **more)


def _read_as(hint: Any) -> Any:
    """Give the kind of value that reads a Python type: timedelta as a duration, a dataclass as a group of options."""
    if hint in _READ_AS:
        return _READ_AS[hint]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        group: Any = create_model(hint.__name__, __base__=Options, __doc__=inspect.getdoc(hint), **_fields(hint))
        built: Any = Annotated[group, AfterValidator(_builder(hint))]
        from_text = getattr(hint, "from_text", None)
        return Annotated[built, OrText(from_text)] if from_text is not None else built
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return Annotated[_read_as(arguments[0]), *hint.__metadata__]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, [_read_as(a) for a in arguments])
    if origin is None or origin is typing.Literal:
        return hint
    return origin[tuple(a if a is Ellipsis else _read_as(a) for a in arguments)]


def _builder(cls: Any) -> Callable[[Any], Any]:
    def construct(group: Options) -> Any:
        return cls(**{name: getattr(group, name) for name in group.model_fields_set})

    return construct


@dataclass(frozen=True, slots=True)
class OrText:
    """Marks a group of options that may be written as one text, such as `host:port`.

    *from_text* is the dataclass's own: it gives the options that a text stands for, or raises ValueError.
    """

    from_text: Callable[[str], Mapping[str, Any]]

    def _spelt_out(self, value: Any) -> Any:
        return self.from_text(str(value)) if isinstance(value, str) else value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._spelt_out, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(schema)]}
