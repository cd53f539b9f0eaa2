"""Making differences that can be kept: redacted, cut, each path under its three labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from checks.plans.classify import Part, Subject
from checks.plans.ignore import IgnoreRule
from checks.plans.model import DRIFTED, Class, Difference, Json, PathDifference
from checks.plans.normalise import Path, canonical, same, text, value_at
from checks.plans.redact import CHANGED, SENSITIVE, Scrubber, cut, mask_at, merged, secret_name

UNKNOWN = "(known after apply)"
_LONGEST = 1500  # characters of one shown value as JSON


def difference(
    it: Subject, parts: Sequence[Part], scrubber: Scrubber, ignored_by: Mapping[tuple[str, Path], IgnoreRule]
) -> Iterator[Difference]:
    """The parts of one resource, one Difference for each class, each whole-resource action and each ignore rule."""
    groups: dict[tuple[Class, str, str, str], list[Path]] = {}
    for part in parts:
        rule = ignored_by.get((it.address, part.path)) if part.cls is Class.ACCEPTED and part.path else None
        default = it.change.action if it.change is not None and it.change.action != "no-op" else "update"
        group = groups.setdefault(
            (part.cls, part.action or _action(part.cls, default), part.note, rule.label if rule else ""), []
        )
        if part.path or it.address.startswith("output."):
            group.append(part.path)
    mask = _mask(it)
    entry = it.entry
    for (cls, action, note, label), paths in groups.items():
        yield Difference(
            scrubber.address(it.address),
            entry.type or ("output" if it.address.startswith("output.") else ""),
            entry.provider,
            action,
            cls,
            tuple(_shown(it, path, mask, scrubber) for path in paths),
            _note(it, note, action, scrubber),
            scrubber.text(label),
        )


def _action(cls: Class, planned: str) -> str:
    """What happened to what drifted is an update; what is planned is what is planned."""
    return "update" if cls in (*DRIFTED, Class.ACCEPTED) and planned != "replace" else planned


def _note(it: Subject, note: str, action: str, scrubber: Scrubber) -> str:
    if action == "move":
        return f"{note} (was {scrubber.address(it.entry.previous_address)})"
    if action == "replace" and not note:
        return (it.entry.reason or "an apply would replace it").replace("_", " ")
    return note


def _mask(it: Subject) -> Any:
    masks = [
        mask
        for entry in (it.drift, it.change)
        if entry is not None
        for mask in (entry.before_sensitive, entry.after_sensitive)
    ]
    return merged(*masks)


def _shown(it: Subject, path: Path, mask: Any, scrubber: Scrubber) -> PathDifference:
    """One path. Where redaction makes two different values look alike, it still says that they differ."""
    raw = [value_at(tree, path) for tree in (it.recorded, it.actual, it.desired)]
    if it.drift is None:
        raw[0] = raw[1]  # nothing drifted: the state has what the real world has
    if it.deleted:
        raw[1] = None
    unknown = it.change is not None and _is_unknown(it.change.unknown, path)
    names = [step for step in path if isinstance(step, str)]
    inner = mask_at(mask, path)
    reduced = _without_common(raw)
    values = [_value(value, inner, names, scrubber) for value in reduced]
    recorded, actual, desired = values
    if canonical(recorded) == canonical(actual) and not same(raw[0], raw[1]):
        actual = CHANGED
    if canonical(values[1]) == canonical(desired) and not same(raw[1], raw[2]):
        desired = SENSITIVE if same(raw[0], raw[2]) else CHANGED
    if it.change is None:
        desired = None
    elif unknown:
        desired = UNKNOWN
    elif same(raw[1], raw[2]):
        desired = actual
    return PathDifference(scrubber.text(text(path)), recorded, actual, desired)


def _value(value: Any, mask: Any, names: Iterable[str], scrubber: Scrubber) -> Json:
    name = next((step for step in reversed(list(names)) if secret_name(step)), "")
    shown = scrubber.value(value, mask, name or (list(names) or [""])[-1])
    written = canonical(shown)
    return shown if len(written) <= _LONGEST else cut(written, _LONGEST)


def _is_unknown(mask: Any, path: Path) -> bool:
    for step in path:
        if mask is True:
            return True
        inside = isinstance(mask, list) and isinstance(step, int) and step < len(mask)
        mask = mask.get(step) if isinstance(mask, dict) else mask[step] if inside else None
    return mask is True


def _without_common(values: list[Any]) -> list[Any]:
    """Long lists without the items that all three have, so that the one new rule is seen."""
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) < 2 or not all(isinstance(value, list) or value is None for value in values):
        return values
    counts = [Counter(canonical(item) for item in items) for items in lists]
    common = counts[0]
    for other in counts[1:]:
        common &= other
    if sum(common.values()) < 2 or len(lists) < len([value for value in values if value]):
        return values
    return [_minus(value, common) if isinstance(value, list) else value for value in values]


def _minus(items: list[Any], common: Counter[str]) -> list[Any]:
    left, kept = Counter(common), []
    for item in items:
        written = canonical(item)
        if left[written] > 0:
            left[written] -= 1
        else:
            kept.append(item)
    return kept
