"""Comparing two values of a plan the way Terraform's users would: what is empty is absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

_POLICY_LISTS = frozenset({"Action", "NotAction", "Resource", "NotResource"})


def normalise(value: Any) -> Any:
    """*value* with everything empty made None: null == {} == [] == "", also inside. False and 0 stay."""
    if isinstance(value, dict):
        kept = {key: item for key, raw in value.items() if (item := normalise(raw)) is not None}
        return kept or None
    if isinstance(value, list):
        items = [normalise(item) for item in value]
        return items if any(item is not None for item in items) else None
    return None if value == "" else value


def expand(value: Any) -> Any:
    """*value* with strings that hold a JSON object or list replaced by what they hold, so that layout is no change.

    IAM policies are put in one form besides: a lone statement, action or resource is a list of one.
    """
    if isinstance(value, dict):
        return _policy({key: expand(item) for key, item in value.items()})
    if isinstance(value, list):
        return [expand(item) for item in value]
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            held = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return expand(held) if isinstance(held, dict | list) and held else value
    return value


def _policy(value: dict[str, Any]) -> dict[str, Any]:
    statements = value.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not all(isinstance(item, dict) for item in statements):
        return value
    return {**value, "Statement": [_statement(item) for item in statements]}


def _statement(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: sorted(([item] if isinstance(item, str) else item), key=canonical)
        if key in _POLICY_LISTS and isinstance(item, str | list)
        else item
        for key, item in value.items()
    }


def canonical(value: Any) -> str:
    """A text that is equal for equal JSON values only: true is not 1, and 1 is 1.0."""
    return json.dumps(_numbers(value), sort_keys=True, ensure_ascii=False)


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def unordered(value: Any) -> Any:
    """*value* with every list sorted: equal for values that differ only in the order of their lists."""
    if isinstance(value, dict):
        return {key: unordered(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((unordered(item) for item in value), key=canonical)
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal once what is empty counts as absent. The order of lists counts."""
    return canonical(normalise(left)) == canonical(normalise(right))


@dataclass(frozen=True, slots=True)
class Gap:
    """One place where two values differ.

    *reordered*: only the order of lists differs. Plan JSON has no schema, so a list and a set look alike there;
    *phantom_set* says that the order differs only because an element has an empty value written in another way,
    which happens to sets alone.
    """

    path: Path
    reordered: bool = False
    phantom_set: bool = False


def gaps(left: Any, right: Any, path: Path = ()) -> Iterator[Gap]:
    """Where two expanded values differ, as deep as a path still means the same on both sides.

    Objects are compared key by key, a list with one block in it as that block; any other list is one place.
    """
    if same(left, right):
        return
    # An absent object is one without keys: then each key has its own path, which an ignore rule can name.
    if isinstance(left, dict | None) and isinstance(right, dict | None) and (left or right):
        left, right = left or {}, right or {}
        for key in sorted(left.keys() | right.keys()):
            yield from gaps(left.get(key), right.get(key), (*path, key))
        return
    if isinstance(left, list) and isinstance(right, list):
        if len(left) == len(right) == 1 and isinstance(left[0], dict) and isinstance(right[0], dict):
            yield from gaps(left[0], right[0], (*path, 0))
            return
        if canonical(unordered(normalise(left))) == canonical(unordered(normalise(right))):
            permuted = canonical(unordered(left)) == canonical(unordered(right))
            yield Gap(path, reordered=True, phantom_set=not permuted)
            return
    yield Gap(path)


def phantoms(left: dict[str, Any], right: dict[str, Any]) -> frozenset[str]:
    """The attributes that differ as written and are equal once normalised and expanded."""
    return frozenset(
        key
        for key in left.keys() | right.keys()
        if canonical(left.get(key)) != canonical(right.get(key)) and same(expand(left.get(key)), expand(right.get(key)))
    )


def value_at(value: Any, path: Path) -> Any:
    """What *value* has at *path*; None where it has nothing."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def overlap(left: Path, right: Path) -> bool:
    """Whether one path leads into the other."""
    shorter = min(len(left), len(right))
    return left[:shorter] == right[:shorter]


def text(path: Path) -> str:
    """A path for people: tags.Owner, versioning[0].enabled, tags["kubernetes.io/x"]."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif step.replace("-", "_").isidentifier():
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{json.dumps(step, ensure_ascii=False)}]")
    return "".join(parts)
