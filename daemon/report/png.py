"""Charts as pictures, for Slack, which shows no SVG. The only import of Pillow.

Drawn at twice the size and made smaller, which smooths edges; the font is the one that Pillow brings along.
"""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from daemon.report.model import Chart, Unit
from daemon.report.svg import ticks
from daemon.report.words import number

WIDTH, HEIGHT, SCALE = 960, 400, 2
LEFT, RIGHT, TOP, BOTTOM = 86, 24, 76, 44
TONES = {"red": (198, 47, 56), "amber": (208, 138, 18), "green": (47, 143, 84), "blue": (47, 111, 181),
         "grey": (138, 148, 160)}  # fmt: skip
PAPER, INK, SOFT, LINE = (255, 255, 255), (27, 31, 36), (87, 96, 106), (221, 226, 231)
PAST = 0.5  # how much of its colour a bar of an earlier week keeps


def chart_png(chart: Chart) -> bytes:
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    draw = ImageDraw.Draw(image)
    values = [value for line in chart.lines for value in line.values if value is not None]
    marks = ticks(max(values, default=0.0))
    if chart.unit is Unit.COUNT:
        marks = [mark for mark in marks if mark == int(mark)]
        marks = marks if len(marks) > 1 else [0.0, max(1.0, *marks, *values)]
    _text(draw, 24, 18, chart.title, 22, INK, "la")
    _legend(draw, chart)
    _grid(draw, chart, marks)
    _bars(draw, chart, marks[-1])
    kept = io.BytesIO()
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def _text(
    draw: ImageDraw.ImageDraw, x: float, y: float, text: str, size: int, color: tuple[int, int, int], anchor: str
) -> float:
    """Write; give the width."""
    font = ImageFont.load_default(size * SCALE)
    draw.text((x * SCALE, y * SCALE), text, fill=color, font=font, anchor=anchor)
    return float(draw.textlength(text, font=font)) / SCALE


def _legend(draw: ImageDraw.ImageDraw, chart: Chart) -> None:
    x = 24.0
    for line in chart.lines:
        draw.rounded_rectangle(_box(x, 52, x + 12, 64), 3 * SCALE, fill=TONES[line.tone])
        x += 18 + _text(draw, x + 18, 58, line.name, 14, SOFT, "lm") + 18


def _grid(draw: ImageDraw.ImageDraw, chart: Chart, marks: list[float]) -> None:
    for mark in marks:
        y = _y(mark, marks[-1])
        draw.line(_box(LEFT, y, WIDTH - RIGHT, y), fill=SOFT if mark == 0 else LINE, width=SCALE)
        _text(draw, LEFT - 10, y, _short(mark, chart.unit), 14, SOFT, "rm")


def _short(value: float, unit: Unit) -> str:
    return f"${value:,.0f}" if unit is Unit.USD else number(value, unit)


def _bars(draw: ImageDraw.ImageDraw, chart: Chart, most: float) -> None:
    room = (WIDTH - LEFT - RIGHT) / max(1, len(chart.labels))
    wide = min(48.0, room * 0.74 / len(chart.lines))
    last = len(chart.labels) - 1
    for week, label in enumerate(chart.labels):
        middle = LEFT + room * (week + 0.5)
        _text(draw, middle, HEIGHT - BOTTOM + 20, label, 14, INK if week == last else SOFT, "mm")
        if all(line.values[week] is None for line in chart.lines):
            _text(draw, middle, _y(0, most) - 12, "no data", 12, SOFT, "mm")
            continue
        x = middle - wide * len(chart.lines) / 2
        for place, line in enumerate(chart.lines):
            value = line.values[week]
            if not value:
                continue
            left = x + place * wide + 2
            top = min(_y(value, most), _y(0, most) - 1)
            draw.rectangle(_box(left, top, left + wide - 4, _y(0, most)), fill=_tone(line.tone, past=week != last))


def _tone(name: str, *, past: bool) -> tuple[int, int, int]:
    red, green, blue = TONES[name]
    part = PAST if past else 1.0
    return (_mixed(red, part), _mixed(green, part), _mixed(blue, part))


def _mixed(value: int, part: float) -> int:
    return round(value * part + 255 * (1 - part))


def _box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
    return (left * SCALE, top * SCALE, right * SCALE, bottom * SCALE)


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)
