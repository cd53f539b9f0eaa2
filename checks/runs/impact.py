"""What the apply of a run's plan would do: out of its `impact` events, else out of what its output planned. Pure.

An impact out of the plan as data comes in parts. One of which parts are missing says so; one that could not be read
says why. An impact out of the output knows addresses and actions alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from checks.plans import effects

ACTIONS = ("create", "update", "delete", "replace", "import", "forget", "move")
MOST_PLANS = 50  # of one run
MOST_PARTS = 400  # of one plan
GOES = frozenset({"delete", "replace"})  # the resource that is there ends
_MODULE = re.compile(r'module\.[^.\[]+(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])?\.')
_KEY = re.compile(r'\["(?:[^"\\]|\\.)*"\]')


class Source(StrEnum):
    """Where an impact is known from."""

    PLAN = "plan"  # the plan as data
    OUTPUT = "output"  # the log: less is known


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be done to one resource."""

    address: str
    type: str
    action: str  # one of ACTIONS
    order: str = ""  # of a replacement: create_first or destroy_first; empty: not told
    opens: tuple[str, ...] = ()  # what it opens to the world, or weakens
    unclear: bool = False  # what it opens is known only after the apply
    drifted: bool = False  # the plan itself saw that it was changed outside Terraform
    id: str = ""  # ARN or id of a data store that would end
    final: bool = False  # a last snapshot is taken of it
    subnets: tuple[str, ...] = ()
    takes: int = 0  # addresses, of all these subnets
    somewhere: bool = False  # it takes more addresses in subnets that are not known
    variant: str = ""  # type of an instance, of a load balancer
    image: str = ""
    profile: str = ""

    @property
    def sensitive(self) -> tuple[str, ...]:
        return effects.sensitive(self.type)

    @property
    def stateful(self) -> bool:
        return self.type in effects.STATEFUL


@dataclass(frozen=True, slots=True)
class Impact:
    """What the apply of one plan would do."""

    plan: str  # names it within its run
    source: Source
    at: datetime
    rows: tuple[Planned, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)  # by action, of all
    created: Mapping[str, int] = field(default_factory=dict)  # by type, of all; of an output: of what was heard
    left_out: int = 0  # changes beyond the rows
    why: str = ""  # why it could not be read: nothing is known then
    partial: str = ""  # why it may lack something
    workspace: str = ""
    component: str = ""  # folder
    operation: str = ""  # plan, or apply of a saved plan
    digest: str = ""  # of the plan file
    planned: bool = False  # an apply of it, and the same file was told of when it was planned

    @property
    def known(self) -> bool:
        return not self.why

    @property
    def complete(self) -> bool:
        """Whether a resource that it does not name is left alone."""
        return self.known and not self.left_out and not self.partial


@dataclass
class Gathered:
    """Takes what a run's events say of its plans."""

    _parts: dict[str, dict[int, tuple[datetime, Mapping[str, Any]]]] = field(default_factory=dict)
    _rows: dict[int, dict[str, Planned]] = field(default_factory=dict)
    _sums: dict[int, tuple[datetime, Sequence[int]]] = field(default_factory=dict)
    _at: dict[int, datetime] = field(default_factory=dict)

    def event(self, at: datetime, body: Mapping[str, Any]) -> None:
        """One `impact` event. Of two that are the same part of the same plan, the first counts."""
        name, part = _text(body, "plan"), _number(body, "part")
        if name in self._parts or len(self._parts) < MOST_PLANS:
            parts = self._parts.setdefault(name, {})
            if 0 <= part < MOST_PARTS:
                parts.setdefault(part, (at, body))

    def planned(self, call: int, at: datetime, address: str, action: str, order: str) -> None:
        """One resource that the output says is planned."""
        if action not in ACTIONS:
            return
        self._at.setdefault(call, at)
        rows = self._rows.setdefault(call, {})
        before = rows.get(address)
        rows[address] = Planned(address, type_of(address), action, order or (before.order if before else ""))

    def summed(self, call: int, at: datetime, counts: Sequence[int]) -> None:
        """What the output sums a plan up to: added, changed, destroyed, imported."""
        self._sums[call] = (at, tuple(counts))

    def impacts(self) -> tuple[Impact, ...]:
        """All of them, in the order in which they were heard."""
        read = [_of_parts(name, parts) for name, parts in self._parts.items() if parts]
        known = list({one.digest or one.plan: one for one in read if one.known}.values())
        heard = []
        for call in sorted({*self._rows, *self._sums}):
            one = self._of_output(call)
            same = _covering(one, self._sums[call][1] if call in self._sums else None, known)
            if same is None:
                heard.append(one)
            else:
                known.remove(same)  # one plan is one output: another one of the same addresses is another place's
        return tuple(_last(sorted([*read, *heard], key=lambda one: one.at)))

    def _of_output(self, call: int) -> Impact:
        rows = tuple(self._rows.get(call, {}).values())
        at, counts = self._sums.get(call, (self._at.get(call), None))
        assert at is not None  # a call is known by a row or by a sum
        partial = "it has no end: Terraform did not sum it up" if counts is None else _missing(rows, counts)
        return Impact(
            f"output-{call}", Source.OUTPUT, at, rows, dict(Counter(row.action for row in rows)),
            dict(Counter(row.type for row in rows if row.action == "create")), partial=partial,
        )  # fmt: skip


def _missing(rows: Sequence[Planned], counts: Sequence[int]) -> str:
    """Terraform counts a replacement as one that is added and one that is destroyed."""
    told = Counter(row.action for row in rows)
    if _summed(told) == tuple(counts[:3]):
        return ""
    return f"Terraform counts {counts[0]} to add, {counts[1]} to change, {counts[2]} to destroy; not all was heard"


def _covering(heard: Impact, sums: Sequence[int] | None, known: Sequence[Impact]) -> Impact | None:
    """The plan that was read as data and is the one that the output tells of, with Terraform's *sums*; None: none is.

    Keys of addresses are left aside: the plan told which of them are secret, and the output did not.
    """
    told = Counter((_KEY.sub("[]", row.address), row.action) for row in heard.rows)
    fitting: list[tuple[bool, Impact]] = []
    for one in known:
        rows = Counter((_KEY.sub("[]", row.address), row.action) for row in one.rows)
        same = sums is not None and _summed(one.counts) == tuple(sums[:3])
        if (told and told <= rows) or (not told and same) or (one.left_out and set(told) & set(rows)):
            fitting.append((told == rows or (one.left_out > 0 and same), one))
    return max(fitting, key=lambda each: each[0])[1] if fitting else None


def _summed(counts: Mapping[str, int]) -> tuple[int, int, int]:
    """As Terraform sums a plan up: a replacement is added and destroyed."""
    told = Counter(counts)
    return told["create"] + told["replace"], told["update"], told["delete"] + told["replace"]


def _last(found: Iterable[Impact]) -> list[Impact]:
    """A saved plan that is applied is the plan that was made before: the file is the same."""
    kept: dict[str, Impact] = {}
    for one in found:
        before = kept.get(one.digest) if one.digest else None
        if before is None or one.known or not before.known:
            planned = before is not None and (before.planned or before.operation == "plan")
            kept[one.digest or one.plan] = replace(one, planned=planned)
    return list(kept.values())


def _of_parts(name: str, parts: Mapping[int, tuple[datetime, Mapping[str, Any]]]) -> Impact:
    at, head = parts[min(parts)]
    wanted = max((_number(body, "parts") for _, body in parts.values()), default=1)
    rows = tuple(
        row
        for number in sorted(parts)
        for told in parts[number][1].get("rows") or ()
        if isinstance(told, Mapping) and (row := row_of(told)) is not None
    )  # fmt: skip
    counts = {action: _number(head, action) for action in ACTIONS if _number(head, action)}
    why = next((told for _, body in parts.values() if (told := _text(body, "why"))), "")
    missing = sum(counts.values()) - len(rows)
    partial = _text(head, "partial")
    if 0 not in parts or len(parts) < wanted:
        partial = partial or f"{max(wanted - len(parts), 1)} of the {wanted} parts in which it was told did not come"
    return Impact(
        name, Source.PLAN, at, rows, counts, _created(head.get("created")), max(missing, _number(head, "left_out"), 0),
        why, partial, _text(head, "workspace"), _text(head, "component"), _text(head, "operation"),
        _text(head, "digest"),
    )  # fmt: skip


def row_of(told: Mapping[str, Any]) -> Planned | None:
    """One row of an `impact` event; None: it is none."""
    address, action = _text(told, "addr"), _text(told, "action")
    if not address or action not in ACTIONS:
        return None
    return Planned(
        address, _text(told, "type") or type_of(address), action, _text(told, "order"), _texts(told, "opens"),
        told.get("unclear") is True, told.get("drifted") is True, _text(told, "id"), told.get("final") is True,
        _texts(told, "subnets"), max(0, _number(told, "takes")), told.get("somewhere") is True, _text(told, "variant"),
        _text(told, "image"), _text(told, "profile"),
    )  # fmt: skip


def type_of(address: str) -> str:
    """The type of what an address names: of `module.a["x"].aws_vpc.this[0]` aws_vpc."""
    rest = address
    while found := _MODULE.match(rest):
        rest = rest[found.end() :]
    return rest.partition(".")[0][:100]


def _created(told: Any) -> Mapping[str, int]:
    """Of "aws_subnet 3"."""
    found: dict[str, int] = {}
    for text in told if isinstance(told, list | tuple) else ():
        kind, _, number = str(text).rpartition(" ")
        if kind and number.isdecimal() and len(number) < 8:
            found[kind] = int(number)
    return found


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = body.get(name)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list | tuple) else ()


def _number(body: Mapping[str, Any], name: str) -> int:
    found = body.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
