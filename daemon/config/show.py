"""The effective configuration as YAML, and the JSON Schema of the file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from checks.base import Check
from daemon.config.load import Config, file_model
from daemon.config.secrecy import is_hidden
from daemon.config.secrets import HIDDEN, Secret, looks_secret
from daemon.config.units import format_duration, format_size

MARK = "  # default"
_SIZES = frozenset({"output_limit", "fetch_limit"})  # whole numbers that are bytes


def show(config: Config) -> str:
    """Give the effective configuration: what the file says, and every default marked as one. No secret is in it."""
    lines = [f"# {config.path}", *_group(config.file, 0, ())]
    return "\n".join(lines) + "\n"


def schema(checks: Mapping[str, type[Check]]) -> str:
    """Give the JSON Schema of the file, for editors. Options that need not be written are not required."""
    content = file_model(checks).model_json_schema(schema_generator=_Generator)
    content = _without_sibling_demands({"$schema": "https://json-schema.org/draft/2020-12/schema", **content})
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with defaults as people write them: `6h`, not `PT6H`."""

    def encode_default(self, dft: Any) -> Any:
        return plain(dft)


def _without_sibling_demands(node: Any) -> Any:
    """Let `token_file` stand for a required `token`, and an option written without a value for one left out."""
    if isinstance(node, list):
        return [_without_sibling_demands(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _without_sibling_demands(value) for key, value in node.items()}
    if isinstance(result.get("required"), list) and isinstance(result.get("properties"), dict):
        either = [name for name in result["required"] if f"{name}_file" in result["properties"]]
        result["required"] = [name for name in result["required"] if name not in either]
        if either:
            result["allOf"] = [{"oneOf": [{"required": [n]}, {"required": [f"{n}_file"]}]} for n in either]
    return result


def plain(value: Any, trail: tuple[str | int, ...] = ()) -> Any:
    """Turn any value of a configuration into what YAML and JSON know. Secrets become `<secret>`."""
    if isinstance(value, Secret) or is_hidden(trail, value):
        return HIDDEN
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name), (*trail, name)) for name in type(value).model_fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), (*trail, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item, (*trail, str(key))) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, (*trail, index)) for index, item in enumerate(value)]
    return _scalar(value, trail)


def _scalar(value: Any, trail: tuple[str | int, ...]) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        return format_size(value) if trail[-1:] and trail[-1] in _SIZES else value
    if isinstance(value, (PurePath, ZoneInfo)):
        return str(value)
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date):
        return value.isoformat()
    return HIDDEN if looks_secret(str(value)) else str(value)


def _group(group: BaseModel, depth: int, trail: tuple[str | int, ...]) -> Iterator[str]:
    for name in type(group).model_fields:
        value = getattr(group, name)
        given = name in group.model_fields_set
        yield from _entry("  " * depth + f"{name}:", value, depth, (*trail, name), given=given)


def _entry(head: str, value: Any, depth: int, trail: tuple[str | int, ...], *, given: bool) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield head
        yield from _group(value, depth + 1, trail)
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        yield head
        for index, item in enumerate(value):
            lines = list(_group(item, depth + 2, (*trail, index)))
            yield "  " * (depth + 1) + "- " + lines[0].lstrip()
            yield from lines[1:]
    elif isinstance(value, Mapping) and any(isinstance(item, BaseModel) for item in value.values()):
        yield head
        for key, item in value.items():
            yield f"{'  ' * (depth + 1)}{key}:"
            yield from _group(item, depth + 2, (*trail, key))
    else:
        text = _inline(plain(value, trail))
        yield f"{head} {text}{'' if given else MARK}"


def _inline(value: Any) -> str:
    """One line of YAML. Anything longer than a scalar is written in flow style."""
    text = yaml.safe_dump(value, default_flow_style=True, width=2**20, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").replace("\n", " ")
