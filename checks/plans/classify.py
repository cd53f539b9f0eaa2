"""What each attribute of one resource is: drift, pending, accepted … Pure; holds secrets in clear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.plans import references
from checks.plans.late import Echoes
from checks.plans.model import Class
from checks.plans.normalise import Gap, Path, canonical, expand, gaps, overlap, phantoms, same, value_at
from checks.plans.parse import Change


@dataclass(frozen=True, slots=True)
class Part:
    """One attribute path (empty: the resource as a whole) and what it is."""

    cls: Class
    path: Path = ()
    action: str = ""  # of the resource as a whole: delete, create, move …
    note: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """One resource under its three labels, expanded. *drift* and *change* are its entries, where it has them."""

    address: str
    drift: Change | None
    change: Change | None
    recorded: Any = field(repr=False)
    actual: Any = field(repr=False)
    desired: Any = field(repr=False)

    @property
    def entry(self) -> Change:
        entry = self.change or self.drift
        assert entry is not None  # a subject is made of at least one entry
        return entry

    @property
    def deleted(self) -> bool:
        """Whether it was deleted outside Terraform."""
        return self.drift is not None and (self.drift.action == "delete" or self.drift.after is None)

    @property
    def destroys(self) -> bool:
        """Whether what is planned for it destroys it."""
        return self.change is not None and self.change.action in ("delete", "replace")


def subject(drift: Change | None, change: Change | None) -> Subject:
    """One resource from its entries in the two arrays."""
    actual = drift.after if drift is not None else change.before if change is not None else None
    return Subject(
        (change or drift).address,  # type: ignore[union-attr]  # the caller has at least one of them
        drift,
        change,
        expand(drift.before if drift is not None else actual),
        expand(actual),
        expand(change.after if change is not None else None),
    )


@dataclass(frozen=True, slots=True)
class Context:
    """What of the whole plan decides about one attribute."""

    plan: Mapping[str, Any] = field(repr=False)
    relevant: references.Named
    echoes: Echoes = field(repr=False)
    covers_changes: bool  # False: a refresh-only plan, which cannot show what the code accepts

    def is_relevant(self, address: str, path: Path) -> bool:
        """Whether Terraform says that this attribute contributed to what it plans."""
        return any(overlap(at, path) for at in self.relevant.of(address))


def drifted_parts(it: Subject, context: Context) -> tuple[list[Part], int]:
    """What was changed outside Terraform, attribute by attribute; and how many differences say nothing."""
    drift = it.drift
    if drift is None:
        return [], 0
    if it.deleted:
        return [_deletion(it)], 0
    if drift.before is None:
        # Terraform records no creations outside itself; if one is ever printed it must not vanish.
        return [Part(Class.DRIFT, action="create", note="appeared outside Terraform")], 0
    ignored = len(phantoms(drift.before, drift.after))
    parts = []
    for gap in gaps(it.recorded, it.actual):
        planned = it.change is not None and not is_left_alone(it, gap.path)
        settled = context.covers_changes and it.change is not None and not planned
        if not context.is_relevant(it.address, gap.path) and _says_nothing(it, gap, context, settled=settled):
            ignored += 1
            continue
        parts.append(Part(_class_of_drift(it, gap.path, planned, context), gap.path))
    return parts, ignored


def _says_nothing(it: Subject, gap: Gap, context: Context, *, settled: bool) -> bool:
    """Whether a difference is noise. *settled*: a plan that covers changes would leave it alone."""
    if gap.reordered and gap.phantom_set:
        return True
    recorded, actual = value_at(it.recorded, gap.path), value_at(it.actual, gap.path)
    # A provider's default of "no", filled in for a value that was absent, is no change.
    default = recorded is None and actual is False
    echo = context.echoes.explains(it.entry.type, gap.path, it.recorded, it.actual)
    if (default or echo) and (settled or not context.covers_changes):
        return True
    # Sets have no order, lists have one, and the plan's JSON does not say which it is. Where an apply would leave the
    # new order alone, it is noise.
    return settled and gap.reordered


def _deletion(it: Subject) -> Part:
    if it.entry.deposed:
        return Part(Class.ACCEPTED, action="delete", note="a replaced object that was to be destroyed anyway")
    note = "deleted outside Terraform"
    if it.change is None or it.change.action in ("delete", "forget"):
        note += "; nothing in this plan would create it again"
    return Part(Class.DRIFT, action="delete", note=note)


def is_left_alone(it: Subject, path: Path) -> bool:
    """Whether the plan has the resource and would leave what is at *path* as it is."""
    change = it.change
    if change is None or change.action == "no-op":
        return change is not None
    if change.after is None or _unknown_at(change.unknown, path):
        return False
    return same(value_at(it.desired, path), value_at(it.actual, path))


def _class_of_drift(it: Subject, path: Path, planned: bool, context: Context) -> Class:
    change = it.change
    if change is None or not context.covers_changes:
        return Class.DRIFT  # nothing shows that the code accepts it
    relevant = context.is_relevant(it.address, path)
    if not planned:
        return Class.DRIFT if relevant else Class.ACCEPTED
    if change.after is None:
        return Class.DRIFT_AND_PENDING  # changed by hand, and the code no longer has it
    if _unknown_at(change.unknown, path):
        # Providers mark what they compute as unknown when anything else changes. Only what the code sets is reverted.
        # Where a part of it is known, the code sets it, be it by a dynamic block, which no plan's configuration shows.
        whole = _mask_at(change.unknown, path) is True
        computed = whole and references.configured(context.plan, it.address, str(path[0]) if path else "") is False
        return Class.ACCEPTED if computed and not relevant else Class.DRIFT
    if same(value_at(it.desired, path), value_at(it.recorded, path)):
        return Class.DRIFT
    return Class.DRIFT_AND_PENDING


def _unknown_at(mask: Any, path: Path) -> bool:
    """Whether anything at *path* is only known after the apply."""
    return _any(_mask_at(mask, path))


def _mask_at(mask: Any, path: Path) -> Any:
    """What a mask says of *path*: True, if that or what it is in is only known after the apply."""
    for step in path:
        if mask is True:
            return True
        if isinstance(mask, dict) and isinstance(step, str):
            mask = mask.get(step)
        elif isinstance(mask, list) and isinstance(step, int) and step < len(mask):
            mask = mask[step]
        else:
            return None
    return mask


def _any(mask: Any) -> bool:
    if isinstance(mask, dict):
        return any(_any(item) for item in mask.values())
    return any(_any(item) for item in mask) if isinstance(mask, list) else mask is True


Follows = Callable[[str, str], bool]

# The resource as a whole: what is planned says enough.
_WHOLE = {
    "create": "not created yet",
    "delete": "the code no longer has it",
    "forget": "the code lets go of it without destroying it",
}
_ASKED_FOR = {
    "replace_because_tainted": "tainted: the last apply did not finish it",
    "replace_by_request": "its replacement was asked for",
}


def planned_parts(it: Subject, drifted: list[Part], follows: Follows) -> list[Part]:
    """What the code wants and the real world is not, apart from what reverts drift.

    *follows* (address, attribute) says whether that may be a consequence of drift elsewhere.
    """
    change = it.change
    if change is None:
        return []
    parts = _as_a_whole(it, change)
    if change.action == "create" and it.deleted:
        parts.extend(_recreated_otherwise(it, change))
    elif change.action in ("update", "replace", "no-op"):
        parts.extend(_attributes(it, change, drifted, follows, alone=not parts))
    return parts


def _as_a_whole(it: Subject, change: Change) -> list[Part]:
    parts = []
    if change.previous_address:
        parts.append(Part(Class.PENDING, action="move", note="moved in the code, not yet in the state"))
    if change.importing:
        parts.append(Part(Class.PENDING, action="import", note="to be imported"))
    if change.action in _WHOLE and not (it.deleted and change.action == "create"):
        note = "a replaced object still to be destroyed" if change.deposed else _WHOLE[change.action]
        parts.append(Part(Class.PENDING, action=change.action, note=note))
    if change.reason in _ASKED_FOR:
        parts.append(Part(Class.PENDING, action=change.action, note=_ASKED_FOR[change.reason]))
    # The data of a check block is read at every apply: that says nothing about the world or the code.
    if change.action == "read" and change.reason != "read_because_check_nested":
        parts.append(Part(Class.PERPETUAL, action="read", note="only read during the apply"))
    return parts


def _recreated_otherwise(it: Subject, change: Change) -> Iterator[Part]:
    """Deleted by hand, and the code would create it with other values than the state recorded."""
    desired = it.desired if isinstance(it.desired, dict) else {}
    recorded = it.recorded if isinstance(it.recorded, dict) else {}
    for name, value in desired.items():
        if not same(value, None) and not _unknown_at(change.unknown, (name,)) and not same(value, recorded.get(name)):
            yield Part(Class.PENDING, (name,))


def _attributes(it: Subject, change: Change, drifted: list[Part], follows: Follows, *, alone: bool) -> Iterator[Part]:
    concrete: list[Path] = []
    unknown: list[Path] = []
    answered = False  # something planned answers what was changed by hand, ignored or not
    for path, is_unknown in _planned(it.actual, it.desired, change.unknown, ()):
        touched = [part.path for part in drifted if part.path and overlap(path, part.path)]
        # Around what drifted, as a block added beside it, more may be planned than to put that back.
        around = not is_unknown and any(len(path) < len(at) for at in touched)
        more = around and not same(value_at(it.desired, path), value_at(it.recorded, path))
        if touched and not more:
            answered = True
        else:
            (unknown if is_unknown else concrete).append(path)
    for path in concrete:
        name = str(path[0]) if path else ""
        yield Part(Class.FOLLOWS if follows(it.address, name) else Class.PENDING, path)
    if not concrete and not answered and unknown:
        yield from (Part(Class.PERPETUAL, path) for path in unknown)
    if change.action != "no-op" and alone and not (concrete or unknown or answered):
        yield _planned_without_difference(it, change)


def _planned_without_difference(it: Subject, change: Change) -> Part:
    """Terraform plans an action, and no value differs that means anything. It is not nothing: an apply would act."""
    if _flipping(it):
        return Part(Class.PERPETUAL, action=change.action, note="empty values that come back after every apply")
    marks = canonical(change.before_sensitive) != canonical(change.after_sensitive)
    return Part(Class.PENDING, action=change.action, note="only what is sensitive changes" if marks else "")


def _flipping(it: Subject) -> frozenset[str]:
    drift, change = it.drift, it.change
    if drift is None or change is None:
        return frozenset()
    if not all(isinstance(values, dict) for values in (drift.before, drift.after, change.after)):
        return frozenset()
    return phantoms(drift.before, drift.after) & phantoms(drift.after, change.after)


def _planned(actual: Any, desired: Any, unknown: Any, path: Path) -> Iterator[tuple[Path, bool]]:
    """(path, whether it is only known after the apply) of everything an update would change."""
    if unknown is True:
        yield path, True
    elif not _any(unknown):
        yield from ((gap.path, False) for gap in gaps(actual, desired, path))
    elif isinstance(unknown, dict):
        left = actual if isinstance(actual, dict) else {}
        right = desired if isinstance(desired, dict) else {}
        for key in sorted(left.keys() | right.keys() | unknown.keys()):
            yield from _planned(left.get(key), right.get(key), unknown.get(key), (*path, key))
    elif isinstance(actual, list) and isinstance(desired, list) and len(actual) == len(desired):
        masks = unknown if isinstance(unknown, list) else []
        for number, (one, other) in enumerate(zip(actual, desired, strict=True)):
            mask = masks[number] if number < len(masks) else None
            yield from _planned(one, other, mask, (*path, number))
    else:
        yield path, False
