"""Charts as SVG inside the page: no script, no font of its own, colours by class from the page's style."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from daemon.report.model import Chart, Figure, Unit
from daemon.report.words import number

WIDTH, HEIGHT = 640, 210
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 12, 26


def ticks(most: float, count: int = 4) -> list[float]:
    """Round values from 0 to at least *most*."""
    if most < 1e-9:
        return [0.0, 1.0]
    rough = most / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough)
    return [step * each for each in range(math.ceil(most / step - 1e-9) + 1)]


def chart_svg(chart: Chart) -> Markup:
    """Bars by week. A week without data has no bar and says so; the last week is full, those before are lighter."""
    values = [value for line in chart.lines for value in line.values if value is not None]
    if chart.unit is Unit.COUNT:
        marks = [mark for mark in ticks(max(values, default=0.0)) if mark == int(mark)]
        marks = marks if len(marks) > 1 else [0.0, max(1.0, *marks, *values)]
    else:
        marks = ticks(max(values, default=0.0))
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told(chart))}">',
        *_grid(chart, marks),
        *_bars(chart, marks[-1]),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - numbers of ours; every text in it is escaped


def told(chart: Chart) -> str:
    """The chart in words, for those who cannot see it."""
    lines = (
        f"{line.name}: "
        + ", ".join(f"{label} {number(v, chart.unit)}" for label, v in zip(chart.labels, line.values, strict=True))
        for line in chart.lines
    )
    return f"{chart.title}. {'; '.join(lines)}"


def _grid(chart: Chart, marks: Sequence[float]) -> Iterator[str]:
    for mark in marks:
        y = _y(mark, marks[-1])
        style = "axis" if mark == 0 else "grid"
        yield f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        shown = escape(_short(mark, chart.unit))
        yield f'<text class="mark" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{shown}</text>'


def _short(value: float, unit: Unit) -> str:
    if unit is Unit.USD:
        return f"${value / 1000:,.3g}k" if value >= 1000 else f"${value:,.3g}"
    return number(value, unit)


def _bars(chart: Chart, most: float) -> Iterator[str]:
    room = (WIDTH - LEFT - RIGHT) / max(1, len(chart.labels))
    wide = min(34.0, room * 0.72 / len(chart.lines))
    last = len(chart.labels) - 1
    for week, label in enumerate(chart.labels):
        middle = LEFT + room * (week + 0.5)
        style = "week now" if week == last else "week"
        yield f'<text class="{style}" x="{middle:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{escape(label)}</text>'
        if all(line.values[week] is None for line in chart.lines):
            yield f'<text class="none" x="{middle:.1f}" y="{_y(0, most) - 6:.1f}" text-anchor="middle">no data</text>'
            continue
        x = middle - wide * len(chart.lines) / 2
        for number_, line in enumerate(chart.lines):
            value = line.values[week]
            if value is None:
                continue
            y = _y(value, most)
            high = max(_y(0, most) - y, 1.0 if value else 0.0)
            fade = "" if week == last else " past"
            left = x + number_ * wide + 1
            yield (
                f'<rect class="bar {escape(line.tone)}{fade}" x="{left:.1f}" y="{_y(0, most) - high:.1f}" '
                f'width="{wide - 2:.1f}" height="{high:.1f}" rx="2"/>'
            )


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)


def spark_svg(figure: Figure, width: int = 108, height: int = 26) -> Markup:
    """A line over the weeks with gaps where nothing is known; empty where fewer than two weeks are."""
    known = [value for value in figure.series if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(0.0, *known), max(known)
    size = (high - low) or 1.0
    step = (width - 8) / max(1, len(figure.series) - 1)
    points = [
        None if value is None else (4 + step * week, height - 4 - (value - low) / size * (height - 8))
        for week, value in enumerate(figure.series)
    ]
    parts = [f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">']
    run: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            run.append(point)
            continue
        if len(run) > 1:
            drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            parts.append(f'<polyline points="{drawn}"/>')
        elif run:
            parts.append(f'<circle class="alone" cx="{run[0][0]:.1f}" cy="{run[0][1]:.1f}" r="1.5"/>')
        run = []
    if points[-1] is not None:
        parts.append(f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2.8"/>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - numbers of ours only
