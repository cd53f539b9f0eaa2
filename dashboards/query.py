"""PromQL out of parts: matchers that follow the variables, ages, and tables' columns. Pure text."""

from __future__ import annotations

# A place without a tenant, stack, account or region (a payer's account, the whole estate) belongs to no single one:
# the empty alternative keeps it in sight whatever is chosen. `all` is the stage of what spans stages.
PLACE = 'tenant=~"$tenant|",stage=~"$stage|all|",stack=~"$stack|",account=~"$account|",region=~"$region|"'
STACK = 'stack=~"$stack|"'

RATE = "[$__rate_interval]"


def at_places(metric: str, *matchers: str) -> str:
    """The series of a metric at the places that are chosen."""
    return f"{metric}{{{','.join((PLACE, *matchers))}}}"


def in_stacks(metric: str, *matchers: str) -> str:
    """The same for metrics that know no more of a place than its stack."""
    return f"{metric}{{{','.join((STACK, *matchers))}}}"


def of(metric: str, *matchers: str) -> str:
    """The series of a metric of the daemon itself, which belongs to no place."""
    return f"{metric}{{{','.join(matchers)}}}" if matchers else metric


def total(expr: str, *labels: str) -> str:
    """The sum, by *labels*."""
    return f"sum{_by(labels)} ({expr})"


def most(expr: str, *labels: str) -> str:
    """The largest, by *labels*."""
    return f"max{_by(labels)} ({expr})"


def least(expr: str, *labels: str) -> str:
    """The smallest, by *labels*."""
    return f"min{_by(labels)} ({expr})"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""


def ratio(part: str, whole: str) -> str:
    """A part of a whole."""
    return f"{part} / {whole}"


def times(one: str, other: str) -> str:
    """One by the other, series by series."""
    return f"{one} * {other}"


def above(least: float, expr: str) -> str:
    """Only what is more than *least*."""
    return f"({expr} > {least:g})"


def middle(expr: str) -> str:
    """The median of the series."""
    return f"quantile(0.5, {expr})"


def constant(value: float, expr: str) -> str:
    """*value* for each series of *expr*."""
    return f"{value:g} + 0 * {expr}"


def rate(counter: str) -> str:
    """How fast a counter grows, a second."""
    return f"rate({counter}{RATE})"


def increase(counter: str, window: str = RATE) -> str:
    """By how much a counter grew."""
    return f"increase({counter}{window})"


def quantile(part: float, buckets: str) -> str:
    """A quantile of a histogram."""
    return f"histogram_quantile({part:g}, {buckets})"


def of_most(count: int, expr: str) -> str:
    """The *count* largest, sorted."""
    return f"sort_desc(topk({count}, {expr}))"


def of_least(count: int, expr: str) -> str:
    """The *count* smallest, sorted."""
    return f"sort(bottomk({count}, {expr}))"


def or_none(expr: str, looked: str) -> str:
    """0 where there is nothing of it and *looked* shows that somebody looked; without that, nothing."""
    return either(expr, constant(0, total(looked)))


def while_current(expr: str, snapshot: str) -> str:
    """*expr* as long as no Barograph's metrics are older than five minutes; then nothing, for it may not hold."""
    return f"({expr}) and on () (time() - min({snapshot}) < 300)"


def age(expr: str) -> str:
    """Seconds since a moment."""
    return f"time() - {expr}"


def until(expr: str) -> str:
    """Seconds to a moment; negative once it is past."""
    return f"{expr} - time()"


def row(expr: str) -> str:
    """Give each series a label `row`: its stack, else its account, else its place."""
    for label in ("place", "account", "stack"):
        expr = f'label_replace({expr}, "row", "$1", "{label}", "(.+)")'
    return expr


def named(expr: str, label: str, value: str) -> str:
    """Set a label."""
    return f'label_replace({expr}, "{label}", "{value}", "", "")'


def either(*exprs: str) -> str:
    """The first of these that has a series, for each set of labels."""
    return " or ".join(f"({expr})" for expr in exprs)
