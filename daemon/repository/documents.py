"""YAML text -> nodes that know their places. The only import of yaml for manifests.

Built from the parser's events with a stack of our own: no nesting can end Python's, and every alias is counted for
what it stands for. Values of functions (`!terraform.output …`) are kept as they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from checks.manifests.model import Content, Fault, Node, Opaque, Spot
from daemon.repository.limits import Limits
from daemon.repository.scalars import plain

_TAG = "tag:yaml.org,2002:"
_OF_SCALARS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "merge"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it
_LONG = 2000  # characters of a function's arguments that are kept


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says. With *broken* or *refused*, root is an empty mapping, and a fault tells why."""

    root: Node
    faults: tuple[Fault, ...] = ()
    usable: bool = True
    nodes: int = 0


def parsed(text: str, file: str, limits: Limits, *, nodes: int | None = None) -> Document:
    """Read the first document of *text*, as Atmos does. Never raises for what stands in it.

    *nodes*: how many values may be read at all, where that is less than the limit of one file.
    """
    builder = _Builder(file, limits, limits.nodes if nodes is None else min(nodes, limits.nodes))
    nothing = Node({}, Spot(file))
    try:
        root = builder.build(yaml.parse(text, Loader=_LOADER))
    except yaml.reader.ReaderError as error:
        return Document(nothing, (*builder.faults, _control_character(error, text, file)), usable=False)
    except yaml.MarkedYAMLError as error:
        return Document(nothing, (*builder.faults, _broken(error, file)), usable=False)
    except _RefusedError as error:
        return Document(nothing, (*builder.faults, error.fault), usable=False, nodes=builder.count)
    return Document(root or nothing, tuple(builder.faults), nodes=builder.count)


def is_templated(text: str) -> bool:
    """Whether the text holds Go templates where no YAML value can be: it is YAML only after they ran."""
    return any(line.lstrip(" \t-").startswith("{{") for line in text.splitlines())


def _broken(error: yaml.MarkedYAMLError, file: str) -> Fault:
    """What the parser met, in its words where they quote nothing of the file, and the line that Atmos names."""
    marks = [mark for mark in (error.context_mark, error.problem_mark) if mark is not None]
    spots = tuple(dict.fromkeys(Spot(file, mark.line + 1, mark.column + 1) for mark in marks)) or (Spot(file, 1),)
    problem = error.problem or "cannot be read"
    if "nesting depth" in problem:
        return Fault("unreadable_file", spots, "is nested too deeply", ("nested_too_deeply",))
    if "alias" in problem or "anchor" in problem or "tag" in problem:
        problem = problem.split("'")[0].split('"')[0].strip() or "an alias, anchor or tag that is not understood"
    named = _named_by_atmos(error)
    detail = f"{problem}; Atmos names line {named}" if named else problem
    return Fault("broken_yaml", spots, detail)


def _named_by_atmos(error: yaml.MarkedYAMLError) -> int:
    """The line in Atmos' own message: yaml.v3 tells the one before where its parser, not its scanner, fails."""
    marks = [mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None and mark.line]
    return marks[0] + isinstance(error, yaml.scanner.ScannerError) if marks else 0


def _control_character(error: yaml.reader.ReaderError, text: str, file: str) -> Fault:
    position = error.position if isinstance(error.position, int) else 0
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return Fault("broken_yaml", (Spot(file, line, column),), "control characters are not allowed")


class _RefusedError(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end was not met yet."""

    spot: Spot
    tag: str
    anchor: str | None
    mapping: dict[str, Node] | None  # None: a list
    items: list[Node] = field(default_factory=list)
    pending: tuple[str, Spot] | None = None  # the key whose value comes next
    skipping: bool = False  # the value that comes next belongs to no usable key
    keys: dict[str, Spot] = field(default_factory=dict)
    merged: list[Node] = field(default_factory=list)
    size: int = 1


_MERGE_KEY = "<<"


class _Builder:
    def __init__(self, file: str, limits: Limits, nodes: int) -> None:
        self.file = file
        self.depth = limits.depth
        self.most = limits.faults
        self.nodes = nodes
        self.count = 0
        self.faults: list[Fault] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node | None, int]] = {}  # None: still open
        self.root: Node | None = None

    def build(self, events: Iterator[Any]) -> Node | None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._open(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    spot = self._spot(event)
                    self._fault(Fault("second_document", (spot,), "Atmos reads the first document only"))
                    break
        return self._checked(self.root)

    def _checked(self, root: Node | None) -> Node | None:
        """A manifest is a mapping; yaml.v3 refuses to read anything else into one."""
        if root is None or root.value is None:
            return None
        if not isinstance(root.value, dict):
            kind = "a list" if isinstance(root.value, tuple) else "a single value"
            raise _RefusedError(Fault("broken_yaml", (root.spot,), f"the file holds {kind}; it must be a mapping"))
        return root

    def _spot(self, event: Any) -> Spot:
        return Spot(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _fault(self, fault: Fault) -> None:
        self.faults.append(fault)
        if len(self.faults) >= self.most:
            what = f"there are more than {self.most} things wrong with it"
            raise _RefusedError(Fault("unreadable_file", fault.spots[:1], what, ("too_many_faults",)))

    def _spend(self, spot: Spot, values: int = 1) -> None:
        self.count += values
        if self.count > self.nodes:
            what = "holds more values than can be read, with its aliases counted as often as they are used"
            raise _RefusedError(Fault("unreadable_file", (spot,), what, ("too_many_values",)))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        spot = self._spot(event)
        self._spend(spot)
        text = str(event.value)
        if self._expects_key():
            self._key(event, text, spot)
            return
        value = self._value(event, text)
        self._put(value, spot, 1, event.anchor)

    def _value(self, event: yaml.ScalarEvent, text: str) -> Content:
        tag = event.tag
        if tag is None:
            return plain(text) if event.implicit[0] else text
        if tag in ("!", _TAG + "str"):
            return text
        if tag.startswith(_TAG):
            return plain(text) if tag.removeprefix(_TAG) in _OF_SCALARS else Opaque("!!" + tag[len(_TAG) :], "")
        return Opaque(tag, text[:_LONG])

    def _key(self, event: yaml.ScalarEvent, text: str, spot: Spot) -> None:
        """Keys are text, as Atmos reads them; one given twice is an error of yaml.v3, and nothing of the file loads."""
        top = self.stack[-1]
        tag = event.tag
        if text == _MERGE_KEY and event.implicit[0]:
            top.pending = (_MERGE_KEY, spot)
        elif tag is not None and not tag.startswith(_TAG):
            self._fault(Fault("broken_yaml", (spot,), "a key must be text, not a function"))
            top.skipping = True
        else:
            top.pending = (text, spot)
        if event.anchor:
            self.anchors[event.anchor] = (Node(text, spot), 1)
        if top.pending is not None:
            if (first := top.keys.get(text)) is not None:
                line = f"given in line {first.line}, and again in line {spot.line}"
                self._fault(Fault("duplicate_key", (spot, first), line, (text,)))
            top.keys.setdefault(text, spot)

    def _expects_key(self) -> bool:
        top = self.stack[-1] if self.stack else None
        return top is not None and top.mapping is not None and top.pending is None and not top.skipping

    def _open(self, event: Any) -> None:
        spot = self._spot(event)
        self._spend(spot)
        if len(self.stack) >= self.depth:
            what = f"is nested deeper than {self.depth} levels"
            raise _RefusedError(Fault("unreadable_file", (spot,), what, ("nested_too_deeply",)))
        if event.anchor:
            self.anchors[event.anchor] = (None, 0)
        mapping: dict[str, Node] | None = {} if isinstance(event, yaml.MappingStartEvent) else None
        self.stack.append(_Open(spot, event.tag or "", event.anchor, mapping))

    def _close(self) -> None:
        done = self.stack.pop()
        value: Content
        if done.tag and not done.tag.startswith(_TAG) and done.tag != "!":
            value = Opaque(done.tag, "")
        elif done.mapping is not None:
            value = _with_merged(done.mapping, done.merged)
        else:
            value = tuple(done.items)
        if self._expects_key():  # a mapping or list where a key stands: `{{ .x }}` without quotes is one
            self._complex_key(done.spot)
            return
        self._put(value, done.spot, done.size, done.anchor)

    def _complex_key(self, spot: Spot) -> None:
        templated = "; a Go template needs quotes"
        self._fault(Fault("broken_yaml", (spot,), f"a key must be text, not a map or list{templated}"))
        self.stack[-1].skipping = True

    def _alias(self, event: yaml.AliasEvent) -> None:
        spot = self._spot(event)
        node, size = self.anchors.get(event.anchor or "", (None, -1))
        if node is None:
            what = "an alias (*) of an anchor that is not defined before it" if size < 0 else "contains itself"
            raise _RefusedError(Fault("broken_yaml", (spot,), what))
        self._spend(spot, size)
        if self._expects_key():
            if isinstance(node.value, str):
                top = self.stack[-1]
                top.pending = (node.value, spot)
                top.keys.setdefault(node.value, spot)
            else:
                self._complex_key(spot)
            return
        self._put(node.value, spot if not isinstance(node.value, dict | tuple) else node.spot, size, None)

    def _put(self, value: Content, spot: Spot, size: int, anchor: str | None) -> None:
        if not self.stack:
            self.root = Node(value, spot)
            return
        top = self.stack[-1]
        top.size += size
        if top.mapping is None:
            node = Node(value, spot)
            top.items.append(node)
        elif top.skipping or top.pending is None:
            node = Node(value, spot)
            top.skipping = False
        else:
            key, key_spot = top.pending
            top.pending = None
            node = Node(value, spot, key_spot)
            if key == _MERGE_KEY and self._merges(node, top):
                pass
            else:
                top.mapping[key] = node
        if anchor:
            self.anchors[anchor] = (node, size)

    def _merges(self, node: Node, into: _Open) -> bool:
        """Take note of what `<<` names; whether that can be merged."""
        sources = node.value if isinstance(node.value, tuple) else (node,)
        if not all(isinstance(source.value, dict) for source in sources):
            spot = node.key or node.spot
            self._fault(Fault("broken_yaml", (spot,), "map merge requires map or sequence of maps as the value"))
            return True
        into.merged.extend(sources)
        return True


def _with_merged(own: dict[str, Node], merged: list[Node]) -> dict[str, Node]:
    """The mapping's own keys win; of what `<<` names, the first."""
    if not merged:
        return own
    result: dict[str, Node] = {}
    for source in reversed(merged):
        result.update(source.items)
    result.update(own)
    return result
