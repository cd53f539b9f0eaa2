"""The kinds of panel that the dashboards are made of, each with the manners that all of its kind have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    TableSortByFieldState,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeNamePlacement,
    BarGaugeValueMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TableCellHeight,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.names import CHECK_OUTCOME, SNAPSHOT
from dashboards.palette import BLIND, CLEAR, NOT_KNOWN, PLAIN, QUIET, Mapping, Steps, thresholds, unknown
from dashboards.query import at_places, total, while_current

DATASOURCE = DataSourceRef("prometheus", "${datasource}")

Panel = stat.Panel | table.Panel | timeseries.Panel | bargauge.Panel
Link = tuple[str, str]  # title, address


def query(expr: str, ref: str = "A", *, legend: str = "", instant: bool = False, as_table: bool = False) -> Dataquery:
    """One query of a panel."""
    made = Dataquery().ref_id(ref).datasource(DATASOURCE).expr(expr)
    made = made.format(PromQueryFormat.TABLE if as_table else PromQueryFormat.TIME_SERIES)
    made = made.instant() if instant else made.range()
    return made.legend_format(legend) if legend else made


def link(title: str, url: str, *, new_tab: bool = False) -> DashboardLink:
    """A link of a panel or a cell."""
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(new_tab)


def number(
    title: str, about: str, expr: str, *, unit: str = "short", steps: Steps = ((None, PLAIN),),
    mappings: Sequence[Mapping] = (), decimals: int | None = None, links: Sequence[Link] = (), filled: bool = False,
    trend: bool = False, legend: str = "", nothing: str = NOT_KNOWN,
    always: bool = False,
) -> stat.Panel:  # fmt: skip
    """One number. What is missing is said to be not known, in no colour of something good.

    *filled*: the whole tile takes the colour, for the few numbers that must not be overlooked. *trend*: with a line
    of how it came about. *legend*: show this instead of the value. *always*: also while Barograph's metrics stand
    still; else it is not known then. *nothing*: the word for what is missing.
    """
    shown = expr if always else while_current(expr, SNAPSHOT)
    made = (
        stat.Panel()
        .title(title).description(about).datasource(DATASOURCE).unit(unit)
        .with_target(query(shown, instant=not trend, legend=legend))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(BigValueColorMode.BACKGROUND_SOLID if filled else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA if trend else BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.NAME if legend else BigValueTextMode.VALUE)
        .thresholds(thresholds(_clear(steps) if filled else steps))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .mappings([unknown(nothing), *mappings]).no_value(nothing)
    )  # fmt: skip
    if decimals is not None:
        made = made.decimals(decimals)
    return made.data_links([link(*each) for each in links]) if links else made


def blind(title: str, *checks: str) -> stat.Panel:
    """How many places of these checks could not be looked at: what the numbers beside it do not know of."""
    words = ", ".join(checks)
    return number(
        title, f"Places where the checks {words} could not look, or have not looked for too long. Whatever is wrong "
        "there is not in the numbers beside this one. The fleet dashboard names them.",
        total(at_places(CHECK_OUTCOME, f'check=~"{"|".join(checks)}"', 'outcome="unknown"')),
        steps=((None, PLAIN), (1, BLIND)),
    )  # fmt: skip


def _clear(steps: Steps) -> Steps:
    """Without a background where nothing is wrong."""
    return tuple((value, CLEAR if colour == PLAIN else colour) for value, colour in steps)


def _quiet(steps: Steps) -> Steps:
    """With a 0 that does not draw the eye, where steps begin to count at 1."""
    return ((None, QUIET), *steps[1:]) if len(steps) > 1 and steps[1][0] == 1 and steps[0][1] == PLAIN else steps


@dataclass(frozen=True, slots=True)
class Line:
    """One query of a graph."""

    expr: str
    legend: str


def graph(
    title: str, about: str, lines: Iterable[Line], *, unit: str = "short", colours: dict[str, str] | None = None,
    stacked: bool = False, floor: float | None = 0, table: bool = False, decimals: int | None = None,
    links: Sequence[Link] = (),
) -> timeseries.Panel:  # fmt: skip
    """Lines over time. *colours*: legend -> colour. *table*: a legend with values."""
    made = (
        timeseries.Panel()
        .title(title).description(about).datasource(DATASOURCE).unit(unit).no_value(NOT_KNOWN)
        .targets([query(each.expr, chr(ord("A") + n), legend=each.legend) for n, each in enumerate(lines)])
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .line_width(1).fill_opacity(35 if stacked else 0).show_points(VisibilityMode.NEVER)
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .legend(_legend(table=table))
    )  # fmt: skip
    if stacked:
        made = made.stacking(StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if floor is not None:
        made = made.min(floor)
    if decimals is not None:
        made = made.decimals(decimals)
    for name, colour in (colours or {}).items():
        made = made.override_by_name(name, [_fixed(colour)])
    return made.data_links([link(*each) for each in links]) if links else made


def _legend(*, table: bool) -> VizLegendOptions:
    made = VizLegendOptions().show_legend(True)
    if table:
        return made.display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.RIGHT).calcs(["lastNotNull", "max"])
    return made.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).calcs([])


def bars(
    title: str, about: str, expr: str, legend: str, *, unit: str = "percentunit", steps: Steps, floor: float = 0,
    ceiling: float | None = None, decimals: int | None = None, links: Sequence[Link] = (),
) -> bargauge.Panel:  # fmt: skip
    """A bar for each series, as the query sorts them."""
    made = (
        bargauge.Panel()
        .title(title).description(about).datasource(DATASOURCE).unit(unit).no_value(NOT_KNOWN)
        .with_target(query(expr, legend=legend, instant=True))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC)
        .value_mode(BarGaugeValueMode.TEXT).name_placement(BarGaugeNamePlacement.LEFT).show_unfilled(False)
        .min_viz_height(14).max_viz_height(26)
        .thresholds(thresholds(steps)).color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .mappings([unknown()]).min(floor)
    )  # fmt: skip
    if ceiling is not None:
        made = made.max(ceiling)
    if decimals is not None:
        made = made.decimals(decimals)
    return made.data_links([link(*each) for each in links]) if links else made


@dataclass(frozen=True, slots=True)
class Label:
    """A column that shows a label."""

    label: str
    title: str
    width: int | None = None
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A column that shows the result of a query. Its series have the labels of the table's label columns only."""

    expr: str
    title: str
    unit: str = "short"
    steps: Steps = ()
    mappings: tuple[Mapping, ...] = ()
    decimals: int | None = None
    width: int | None = None
    filled: bool = False  # the cell takes the colour, not its text


def rows(
    title: str, about: str, labels: Sequence[Label], values: Sequence[Value], *, first: str | tuple[str, ...],
    descending: bool = True, nothing: str = "", hidden: Sequence[str] = (),
) -> table.Panel:  # fmt: skip
    """A table of one row for each set of labels, sorted by the column, or columns, *first*.

    *nothing*: what no rows mean. *hidden*: titles of label columns that only tell rows apart.
    """
    names = {f"Value #{chr(ord('A') + n)}" if len(values) > 1 else "Value": v.title for n, v in enumerate(values)}
    made = _table(title, f"{about} No row: {nothing}, or Barograph gives no metrics." if nothing else about).targets([
        query(v.expr, chr(ord("A") + n), instant=True, as_table=True) for n, v in enumerate(values)
    ])  # fmt: skip
    if len(values) > 1:
        made = made.with_transformation(DataTransformerConfig("merge", options={}))
    order = [each.label for each in labels] + list(names)
    made = made.with_transformation(DataTransformerConfig("organize", options={
        "excludeByName": {"Time": True, **{each.label: True for each in labels if each.title in hidden}},
        "includeByName": {},
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": {**{each.label: each.title for each in labels}, **names},
    }))  # fmt: skip
    for each in labels:
        made = made.override_by_name(each.title, [*_width(each.width), *_links(each.links)])
    for value in values:
        made = made.override_by_name(value.title, _column(value))
    columns = (first,) if isinstance(first, str) else first
    return made.sort_by([TableSortByFieldState().display_name(each).desc(descending) for each in columns])


def matrix(
    title: str, about: str, expr: str, *, across: str, down: str, corner: str, order: Sequence[str],
    mappings: Sequence[Mapping], steps: Steps, first: str, links: Sequence[Link] = (),
) -> table.Panel:  # fmt: skip
    """A table with a column for each value of the label *across* and a row for each of *down*.

    *corner*: the title of the first column. *first*: the column that rows are sorted by.
    """
    key = f"{down}\\{across}"
    made = _table(title, about).with_target(query(expr, instant=True, as_table=True))
    made = made.with_transformation(DataTransformerConfig("groupingToMatrix", options={
        "rowField": down, "columnField": across, "valueField": "Value", "emptyValue": "null",
    }))  # fmt: skip
    made = made.with_transformation(DataTransformerConfig("organize", options={
        "excludeByName": {}, "includeByName": {},
        "indexByName": {name: index for index, name in enumerate((key, first, *order))},
        "renameByName": {key: corner},
    }))  # fmt: skip
    made = made.unit("none").decimals(0).mappings([*mappings]).thresholds(thresholds(steps))
    made = made.override_by_field_type(
        "number", [_cell("color-background"), _value("custom.align", "center"), _value("custom.minWidth", 60)]
    )
    made = made.override_by_name(corner, [*_width(175), *_links(links)])
    made = made.override_by_name(first, [*_width(66), _value("displayName", "wrong"), _cell("color-text")])
    return made.sort_by([TableSortByFieldState().display_name("wrong").desc(True)])


def _table(title: str, about: str) -> table.Panel:
    return (
        table.Panel()
        .title(title).description(about).datasource(DATASOURCE)
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS)).thresholds(thresholds(((None, PLAIN),)))
        .show_header(True).cell_height(TableCellHeight.SM)
    )  # fmt: skip


def _column(value: Value) -> list[DynamicConfigValue]:
    found = [_value("unit", value.unit), *_width(value.width)]
    if value.decimals is not None:
        found.append(_value("decimals", value.decimals))
    if value.steps or value.mappings:
        found.append(_cell("color-background" if value.filled else "color-text"))
    if value.steps:
        found.append(_value("thresholds", thresholds(_quiet(value.steps)).build().to_json()))
    if value.mappings:
        found.append(_value("mappings", [each.to_json() for each in value.mappings]))
    return found


def _value(name: str, value: object) -> DynamicConfigValue:
    return DynamicConfigValue(name, value)


def _cell(kind: str) -> DynamicConfigValue:
    return _value("custom.cellOptions", {"type": kind, **({"mode": "basic"} if kind == "color-background" else {})})


def _width(width: int | None) -> list[DynamicConfigValue]:
    return [] if width is None else [_value("custom.width", width)]


def _links(links: Sequence[Link]) -> list[DynamicConfigValue]:
    return [_value("links", [{"title": title, "url": url} for title, url in links])] if links else []


def _fixed(colour: str) -> DynamicConfigValue:
    return _value("color", {"mode": "fixed", "fixedColor": colour})
