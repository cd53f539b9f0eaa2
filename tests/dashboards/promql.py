"""What an expression reads and what labels its result has, from its syntax tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import promql_parser as promql

from daemon.metrics import Metric, Type

RISING = frozenset({"rate", "increase", "irate", "resets"})
_BY_SCRAPE = frozenset({"job", "instance"})
_PROCESS = frozenset({
    "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_max_fds",
})  # fmt: skip


@dataclass(slots=True)
class Read:
    """What was found while an expression was walked."""

    catalogue: Mapping[str, Metric]
    problems: list[str] = field(default_factory=list)
    metrics: set[str] = field(default_factory=set)

    def labels(self, node: promql.Expr, inside: str = "") -> frozenset[str]:
        """The labels that the result can have. *inside*: the function around it."""
        if isinstance(node, promql.VectorSelector):
            return self._selector(node, inside)
        if isinstance(node, promql.MatrixSelector):
            return self._selector(node.vector_selector, inside)
        if isinstance(node, promql.Call):
            return self._call(node)
        if isinstance(node, promql.AggregateExpr):
            return self._aggregate(node)
        if isinstance(node, promql.BinaryExpr):
            return self._binary(node)
        if isinstance(node, (promql.ParenExpr, promql.UnaryExpr, promql.SubqueryExpr)):
            return self.labels(node.expr, inside)
        return frozenset()

    def _selector(self, node: promql.VectorSelector, inside: str) -> frozenset[str]:
        name = node.name or ""
        family = name if name in self.catalogue else name.removesuffix("_bucket")
        metric = self.catalogue.get(family)
        if metric is None:
            if name not in _PROCESS:
                self.problems.append(f"{name} is not in the catalogue")
            return _BY_SCRAPE
        self.metrics.add(family)
        known = _BY_SCRAPE | set(metric.labels) | ({"le"} if metric.type is Type.HISTOGRAM else set())
        for matcher in node.matchers.matchers:
            if matcher.name not in known:
                self.problems.append(f"{name} has no label {matcher.name}")
        if metric.type is Type.COUNTER and inside not in RISING:
            self.problems.append(f"{name} is a counter and stands outside rate and increase")
        if metric.type is Type.GAUGE and inside in RISING:
            self.problems.append(f"{name} is a gauge and stands in {inside}")
        return known

    def _call(self, node: promql.Call) -> frozenset[str]:
        name = node.func.name
        found = frozenset[str]().union(*(self.labels(each, name) for each in node.args))
        if name == "label_replace":
            to, source = (_text(node.args[n]) for n in (1, 3))
            if source and source not in found:
                self.problems.append(f"label_replace reads {source}, which is not there")
            return found | {to}
        return found - {"le"} if name == "histogram_quantile" else found

    def _aggregate(self, node: promql.AggregateExpr) -> frozenset[str]:
        found = self.labels(node.expr)
        if node.modifier is None:
            return found if str(node.op) in {"topk", "bottomk"} else frozenset()
        wanted = frozenset(node.modifier.labels)
        if node.modifier.type == promql.AggModifierType.Without:
            return found - wanted
        self._known(wanted, found, "by")
        return wanted

    def _binary(self, node: promql.BinaryExpr) -> frozenset[str]:
        left, right = self.labels(node.lhs), self.labels(node.rhs)
        matching = node.modifier.matching if node.modifier is not None else None
        if matching is not None and matching.type == promql.LabelModifierType.Include:
            self._known(frozenset(matching.labels), left & right, "on")
        return left | right if str(node.op) == "or" else left or right

    def _known(self, wanted: frozenset[str], found: frozenset[str], word: str) -> None:
        self.problems += [f"{word} ({label}): nothing there has that label" for label in sorted(wanted - found)]


def _text(node: promql.Expr) -> str:
    return node.val if isinstance(node, promql.StringLiteral) else ""


def nodes(node: promql.Expr) -> Iterator[promql.Expr]:
    """The node and all below it."""
    yield node
    below: list[promql.Expr] = []
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        each = getattr(node, name, None)
        if each is not None:
            below.append(each)
    below += getattr(node, "args", [])
    for each in below:
        yield from nodes(each)
