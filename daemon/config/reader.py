"""YAML text -> plain values and the place of each in the file.

Scalars follow YAML 1.2 (`no` is text, `08:30` is text, `true` and `false` are the only switches). Numbers keep the
text they were written with, so that an account `012345678901` stays what it is. Duplicate keys are errors. Anchors,
aliases and merge keys work; what they expand to is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from daemon.config.interpolate import InterpolationError, interpolate
from daemon.config.problems import ConfigError, Problem, echo

MAX_BYTES = 512 * 1024
MAX_VALUES = 50_000  # after aliases are expanded: a few kilobytes of aliases can stand for billions of values
MAX_DEPTH = 40

Spot = tuple[int, int]  # line and column, from 1
Trail = tuple[str | int, ...]


class Numeral(str):
    """A number as it was written. As text it keeps its zeros; *number* is what it counts."""

    __slots__ = ()

    @property
    def number(self) -> int | float:
        text = self.replace("_", "")
        try:
            return int(text)
        except ValueError:
            return float(text)


@dataclass(slots=True)
class Document:
    """What a file says. *keys* and *values* tell where a key and its value stand."""

    file: str
    root: Any = None
    keys: dict[Trail, Spot] = field(default_factory=dict)
    values: dict[Trail, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def key_at(self, trail: Trail) -> Spot:
        """Where the key stands; of a list entry, the entry; of what is not there, the nearest thing round it."""
        while trail:
            spot = self.keys.get(trail) or self.values.get(trail)
            if spot:
                return spot
            trail = trail[:-1]
        return self.values.get((), (1, 1))

    def value_at(self, trail: Trail) -> Spot:
        """Where the value stands; of what is not there, the nearest thing round it."""
        while trail not in self.values and trail:
            trail = trail[:-1]
        return self.values.get(trail, (1, 1))

    def complain(self, spot: Spot, text: str) -> None:
        self.problems.append(Problem(self.file, spot[0], spot[1], text))


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute


_TAG = "tag:yaml.org,2002:"
_SCALARS = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+(?:_[0-9]+)*$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$|^[-+]?[0-9]+[eE][-+]?[0-9]+$", "-+.0123456789"),
    ("merge", r"^(?:<<)$", "<"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
)
for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), list(_first))


def read_text(path: Path) -> str:
    """Give the text of a configuration file. Raises ConfigError with one problem where that fails."""
    try:
        if path.is_dir():
            raise _whole(path, "is a folder; name the configuration file in it")
        if path.exists() and not path.is_file():
            raise _whole(path, "is not an ordinary file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _whole(path, "there is no such file; name the configuration with -c FILE") from None
    except PermissionError:
        raise _whole(path, "may not be read by this user; check its permissions") from None
    except (OSError, ValueError) as error:
        raise _whole(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise _whole(path, f"is larger than {MAX_BYTES // 1024} KiB; it is hardly a configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise ConfigError([Problem(str(path), line, column, "is not UTF-8 text; save the file as UTF-8")]) from None


def _whole(path: Path, text: str) -> ConfigError:
    return ConfigError([Problem(str(path), 0, 0, text)])


def read(text: str, file: str, env: Mapping[str, str]) -> Document:
    """Give the values of a YAML text with `${NAME}` replaced, and where each stands.

    What is wrong inside is collected in Document.problems. Raises ConfigError where the text is no YAML at all.
    """
    document = Document(file)
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        raise ConfigError([Problem(file, line, column, "holds a control character; remove it")]) from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_broken(error, file)]) from None
    except RecursionError:
        raise ConfigError([Problem(file, 1, 1, f"is nested deeper than {MAX_DEPTH} levels")]) from None
    finally:
        if loader is not None:
            loader.dispose()
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "null"):
        raise ConfigError([Problem(file, 0, 0, "is empty; `barograph config schema` and the docs say what goes in it")])
    document.root = _Builder(document, env).build(node)
    return document


def _broken(error: yaml.MarkedYAMLError, file: str) -> Problem:
    """Say in our words what the parser met. Its own words repeat anchors, aliases and tags, which may be passwords."""
    mark = error.problem_mark or error.context_mark
    spot = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or "cannot be read"
    if "undefined alias" in problem or error.context == "while scanning an alias":
        text = "a value that begins with * stands for an anchor, and there is none of this name; quote the value"
    elif "duplicate anchor" in problem:
        text = "the anchor (&name) is defined twice"
    elif "expected a single document" in (error.context or ""):
        text = "a second document begins here (---); a configuration is one document"
    elif "mapping values are not allowed" in problem:
        text = "a colon where none can be; check the indentation, or quote the value"
    elif "found character" in problem and "\\t" in problem:
        text = "a tab; YAML is indented with spaces"
    else:
        text = "is not YAML: " + re.sub(r"'([^']*)'", _harmless, problem)
        begin = error.context_mark
        if begin is not None and begin.line + 1 < spot[0]:
            text += f", in what begins in line {begin.line + 1}"
    return Problem(file, *spot, text)


def _harmless(quoted: re.Match[str]) -> str:
    """Keep a single character or a name of the parser's own; drop anything that stands in the file."""
    return quoted[0] if len(quoted[1]) == 1 or quoted[1].startswith("<") else "…"


class _Builder:
    """Nodes -> values. One per document."""

    def __init__(self, document: Document, env: Mapping[str, str]) -> None:
        self.document = document
        self.env = env
        self.count = 0
        self.open: set[int] = set()  # nodes being built: an alias to one of them would never end

    def build(self, node: yaml.Node) -> Any:
        try:
            return self._value(node, ())
        except _TooMuchError as error:
            raise ConfigError([Problem(self.document.file, *error.spot, error.text)]) from None

    def _value(self, node: yaml.Node, trail: Trail) -> Any:
        spot = _spot(node)
        self.count += 1
        if self.count > MAX_VALUES:
            raise _TooMuchError(spot, f"the aliases stand for more than {MAX_VALUES} values")
        if len(trail) > MAX_DEPTH:
            raise _TooMuchError(spot, f"is nested deeper than {MAX_DEPTH} levels")
        if id(node) in self.open:
            raise _TooMuchError(spot, "contains itself through an alias")
        self.document.values[trail] = spot
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, spot)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
                return [self._value(child, (*trail, index)) for index, child in enumerate(node.value)]
            if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
                return self._mapping(node, trail)
        finally:
            self.open.discard(id(node))
        self.document.complain(spot, "a tag (!…) has no meaning here; remove it, or quote the value")
        return Unusable()

    def _scalar(self, node: yaml.ScalarNode, spot: Spot) -> Any:
        kind, text = node.tag.removeprefix(_TAG), str(node.value)
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind in ("int", "float") and node.style is None:
            return Numeral(text)
        if kind not in ("str", "merge"):
            self.document.complain(spot, "a tag (!…) has no meaning here; remove it, or quote the value")
            return Unusable()
        try:
            return interpolate(text, self.env)
        except InterpolationError as error:
            self.document.complain(spot, str(error))
            return Unusable()

    def _mapping(self, node: yaml.MappingNode, trail: Trail) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            spot = _spot(key_node)
            if key_node.tag == _TAG + "merge":
                merged.append(value_node)
            elif not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _TAG + "null":
                self.document.complain(spot, "a key must be text")
            elif str(key_node.value) in result:
                first = self.document.keys[(*trail, str(key_node.value))]
                text = f"the key {echo(str(key_node.value))} is given twice, first in line {first[0]}"
                self.document.complain(spot, text)
            else:
                key = str(key_node.value)
                self.document.keys[(*trail, key)] = spot
                result[key] = self._value(value_node, (*trail, key))
        for value_node in merged:
            self._merge(value_node, trail, result)
        return result

    def _merge(self, node: yaml.Node, trail: Trail, into: dict[str, Any]) -> None:
        """Add what `<<` names, where the mapping itself does not say otherwise."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self.document.complain(_spot(source), "<< must name a mapping, or a list of mappings")
                continue
            before = dict(self.document.keys), dict(self.document.values)
            extra = self._value(source, trail)
            # What the mapping itself says stands: its own places win over those of the merged one.
            self.document.keys.update({k: v for k, v in before[0].items() if _under(k, trail, into)})
            self.document.values.update({k: v for k, v in before[1].items() if k == trail or _under(k, trail, into)})
            if isinstance(extra, dict):
                for key, value in extra.items():
                    into.setdefault(key, value)


def _under(key: Trail, trail: Trail, own: Mapping[str, Any]) -> bool:
    return len(key) > len(trail) and key[: len(trail)] == trail and key[len(trail)] in own


class Unusable:
    """Stands where a value could not be made out; its problem is already noted, so nothing more is said of it."""


class _TooMuchError(Exception):
    def __init__(self, spot: Spot, text: str) -> None:
        super().__init__(text)
        self.spot = spot
        self.text = text


def _spot(node: yaml.Node) -> Spot:
    return node.start_mark.line + 1, node.start_mark.column + 1
