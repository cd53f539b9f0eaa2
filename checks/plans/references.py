"""What the configuration in a plan says about where a value comes from.

The plan's JSON holds expressions as lists of references; those of locals are not in it. So the answers are
"yes", "no" and "cannot be told", and whoever asks decides what the last one means.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checks.plans.normalise import Path

_STEP = re.compile(r'([^.\[\]"]+)((?:\[(?:"(?:[^"\\]|\\.)*"|[^\]]*)\])*)\.?')

Segments = tuple[tuple[str, str], ...]


def segments(address: str) -> Segments:
    """An address in parts, each with its key: module.a["x"].t.n[0] -> (module,), (a, ["x"]), (t,), (n, [0])."""
    return tuple((match.group(1), match.group(2)) for match in _STEP.finditer(address))


class Named:
    """Attribute paths under the resources they are named with. A name may leave keys out; then it means them all."""

    def __init__(self, named: Iterable[tuple[str, Path]]) -> None:
        self._paths: dict[Segments, list[Path]] = {}
        for reference, path in named:
            self._paths.setdefault(segments(reference), []).append(path)

    def of(self, address: str) -> Iterator[Path]:
        """The paths that are named for the resource at *address*."""
        with_and_without = (dict.fromkeys(((name, key), (name, ""))) for name, key in segments(address))
        for form in itertools.product(*with_and_without):
            yield from self._paths.get(form, ())


def _module(plan: Mapping[str, Any], address: Segments) -> tuple[Any, str, bool]:
    """(the configuration of the module a resource is in, the resource's address in it, whether that is the root)."""
    configuration = plan.get("configuration")
    module = configuration.get("root_module") if isinstance(configuration, Mapping) else None
    rest = [name for name, _ in address]
    root = True
    while len(rest) > 2 and rest[0] == "module":
        calls = module.get("module_calls") if isinstance(module, Mapping) else None
        call = calls.get(rest[1]) if isinstance(calls, Mapping) else None
        module = call.get("module") if isinstance(call, Mapping) else None
        rest, root = rest[2:], False
    return module, ".".join(rest), root


def _expressions(plan: Mapping[str, Any], address: str) -> tuple[Mapping[str, Any] | None, bool]:
    module, local, root = _module(plan, segments(address))
    resources = module.get("resources") if isinstance(module, Mapping) else None
    for resource in resources if isinstance(resources, list) else ():
        if isinstance(resource, Mapping) and resource.get("address") == local:
            expressions = resource.get("expressions")
            return (expressions if isinstance(expressions, Mapping) else {}), root
    return None, root


def configured(plan: Mapping[str, Any], address: str, attribute: str) -> bool | None:
    """Whether the code sets this attribute of this resource. None: the plan does not say."""
    expressions, _ = _expressions(plan, address)
    return None if expressions is None else attribute in expressions


def may_follow(plan: Mapping[str, Any], address: str, attribute: str, changed: Iterable[str]) -> bool:
    """Whether the value may come from one of the resources *changed*, as far as the plan's references tell.

    Through a local, a module's output or a module's variable the plan does not tell: then it may. A constant or a
    variable of the root module cannot.
    """
    if address.startswith("output."):
        configuration = plan.get("configuration")
        root_module = configuration.get("root_module") if isinstance(configuration, Mapping) else None
        outputs = root_module.get("outputs") if isinstance(root_module, Mapping) else None
        known = outputs if isinstance(outputs, Mapping) else {}
        expression, root, prefix = known.get(address.removeprefix("output.")), True, ""
    else:
        expressions, root = _expressions(plan, address)
        expression = None if expressions is None else expressions.get(attribute)
        parts = segments(address)
        prefix = "".join(f"{name}{key}." for name, key in parts[:-2]) if not root else ""
    if expression is None:
        return True  # not in the code: computed by the provider, from whatever it likes
    indirect = ("local.", "module.", "data.", "each.", "self.") + (() if root else ("var.",))
    for reference in _references(expression):
        if reference.startswith(indirect):
            return True
        resource = segments(prefix + reference)
        for other in changed:
            wanted = segments(other)
            if [name for name, _ in resource][: len(wanted)] == [name for name, _ in wanted]:
                return True
    return False


def _references(expression: Any) -> Iterator[str]:
    if isinstance(expression, Mapping):
        for key, item in expression.items():
            if key == "references" and isinstance(item, list):
                yield from (reference for reference in item if isinstance(reference, str))
            else:
                yield from _references(item)
    elif isinstance(expression, list):
        for item in expression:
            yield from _references(item)
