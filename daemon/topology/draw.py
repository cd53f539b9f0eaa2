"""A topology as an inline SVG that needs no style and no script: networks at the left, what joins them at the right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import pairwise

from alerts.escape import clean, one_line
from daemon.topology.model import Hub, Network, Topology

MOST = 80  # networks in the picture; the table below it has all
WIDTH, LEFT, BOX, HIGH, STEP, RIGHT, HUB = 1000, 150, 390, 52, 66, 720, 250


def svg(found: Topology) -> str:
    """The picture; empty where there is nothing to draw. Colours follow the page's, in light and dark."""
    shown = found.networks[:MOST]
    gaps = found.gaps[:MOST]
    rows = len(shown) + len(gaps)
    if not rows:
        return ""
    middle = {one.id: 20 + number * STEP + HIGH // 2 for number, one in enumerate(shown)}
    high = max(rows, len(found.hubs)) * STEP + 30
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {high}" width="100%" role="img" aria-label="{escape(found.headline)}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="none" stroke="currentColor">',
        *_lines(found, middle),
        *(_box(one, middle[one.id]) for one in shown),
        *(_unknown(gap.place, 20 + (len(shown) + number) * STEP + HIGH // 2) for number, gap in enumerate(gaps)),
        *(_hub(hub, _hub_at(number, len(found.hubs), high)) for number, hub in enumerate(found.hubs)),
        "</svg>",
    ]
    return "".join(parts)


def _hub_at(number: int, of: int, high: int) -> int:
    return int(high * (number + 1) / (of + 1))


def _lines(found: Topology, middle: Mapping[str, int]) -> Iterator[str]:
    rows = len(middle) + len(found.gaps[:MOST])
    high = max(rows, len(found.hubs)) * STEP + 30
    for number, hub in enumerate(found.hubs):
        at = _hub_at(number, len(found.hubs), high)
        for member in hub.members:
            if member in middle:
                here = middle[member]
                path = f"M{LEFT + BOX} {here} C{LEFT + BOX + 90} {here} {RIGHT - 90} {at} {RIGHT} {at}"
                yield f'<path d="{path}" stroke-opacity=".55"/>'
    for link in found.links:
        if link.one in middle and link.other in middle:
            title = f"<title>{escape(link.id)}: peering</title>"
            yield f'<path d="{_arc(middle[link.one], middle[link.other], 70)}" stroke-opacity=".8">{title}</path>'
    for overlap in found.overlaps:
        ids = [one for one in overlap.ids if one in middle]
        for one, other in pairwise(ids):
            drawn = 'stroke-width="3"' if overlap.joined_by else 'stroke-width="2" stroke-dasharray="2 5"'
            title = f"<title>{escape(one_line(clean(overlap.summary, 300)))}</title>"
            yield f'<path d="{_arc(middle[one], middle[other], 130)}" stroke="#d1242f" {drawn}>{title}</path>'


def _arc(one: int, other: int, out: int) -> str:
    return f"M{LEFT} {one} C{LEFT - out} {one} {LEFT - out} {other} {LEFT} {other}"


def _box(one: Network, middle: int) -> str:
    top = middle - HIGH // 2
    dashed = "" if one.seen and one.old is None else ' stroke-dasharray="5 4"'
    made = f" · {one.stack}/{one.component}" if one.stack else ""
    place = " ".join(filter(None, (one.account, one.region)))
    return (
        f'<g><rect x="{LEFT}" y="{top}" width="{BOX}" height="{HIGH}" rx="6"{dashed}/>'
        f"{_words(LEFT + 12, top + 21, one.name or one.id, one.blocks)}"
        f'<text x="{LEFT + 12}" y="{top + 40}" fill="currentColor" stroke="none" fill-opacity=".7" font-size="11">'
        f"{escape(_short(f'{place}{made}', 62))}</text></g>"
    )


def _words(x: int, y: int, name: str, blocks: tuple[str, ...]) -> str:
    shown = ", ".join(blocks[:2]) + (f" +{len(blocks) - 2}" if len(blocks) > 2 else "")
    return (
        f'<text x="{x}" y="{y}" fill="currentColor" stroke="none">'
        f'<tspan font-weight="600">{escape(_short(name, 26))}</tspan>'
        f'<tspan dx="10">{escape(_short(shown, 40))}</tspan></text>'
    )


def _unknown(place: str, middle: int) -> str:
    top = middle - HIGH // 2
    return (
        f'<g stroke="#8250df"><rect x="{LEFT}" y="{top}" width="{BOX}" height="{HIGH}" rx="6" stroke-dasharray="2 4"/>'
        f'<text x="{LEFT + 12}" y="{top + 31}" fill="#8250df" stroke="none">'
        f'<tspan font-weight="700">?</tspan><tspan dx="10">{escape(_short(place, 50))}</tspan></text></g>'
    )


def _hub(hub: Hub, middle: int) -> str:
    top, low, left, right = middle - 22, middle + 22, RIGHT, RIGHT + HUB
    corners = (
        (left, middle),
        (left + 16, top),
        (right - 16, top),
        (right, middle),
        (right - 16, low),
        (left + 16, low),
    )
    points = " ".join(f"{x},{y}" for x, y in corners)
    beyond = f" · {len(hub.beyond)} beyond" if hub.beyond else ""
    title = hub.title.removeprefix("transit gateway ")
    dashed = ' stroke-dasharray="5 4"' if hub.old is not None or not hub.whole else ""
    return (
        f'<g><polygon points="{points}"{dashed}/>'
        f'<text x="{left + 22}" y="{middle - 2}" fill="currentColor" stroke="none" font-weight="600">'
        f"{escape(_short(hub.id, 30))}</text>"
        f'<text x="{left + 22}" y="{middle + 14}" fill="currentColor" stroke="none" fill-opacity=".7" font-size="11">'
        f"{escape(title)}{beyond}</text></g>"
    )


def _short(text: str, most: int) -> str:
    plain = one_line(clean(text, 300))
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
