"""A topology as Markdown with a Mermaid diagram, and as JSON. Names of others cannot add a line or a node. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from alerts.escape import clean, one_line
from daemon.topology.model import Network, Topology

MOST = 200  # networks in a diagram: Mermaid refuses texts beyond 50,000 characters, and nobody reads more


def as_json(found: Topology) -> str:
    """Everything, for programs."""
    return json.dumps(
        {
            "version": 1, "at": _time(found.at), "headline": found.headline, "whole": found.whole,
            "networks": [
                {"id": one.id, "name": clean(one.name, 200), "account": one.account, "region": one.region,
                 "blocks": list(one.blocks), "stack": one.stack, "component": one.component, "seen": one.seen,
                 "last_seen": _time(one.old)}
                for one in found.networks
            ],
            "hubs": [
                {"id": one.id, "kind": one.title, "account": one.account, "region": one.region,
                 "members": list(one.members), "beyond": [list(each) for each in one.beyond], "whole": one.whole,
                 "last_seen": _time(one.old)}
                for one in found.hubs
            ],
            "peerings": [{"id": one.id, "networks": [one.one, one.other], "last_seen": _time(one.old)}
                         for one in found.links],
            "overlaps": None if not found.compared else [
                {"networks": list(one.ids), "summary": clean(one.summary, 1_000), "joined_by": one.joined_by,
                 "confirmed": not one.old}
                for one in found.overlaps
            ],
            "gaps": [{"place": one.place, "why": clean(one.why, 500), "last_good_look": _time(one.good_at)}
                     for one in found.gaps],
        },
        indent=2, ensure_ascii=False,
    ) + "\n"  # fmt: skip


def as_markdown(found: Topology) -> str:
    """A page for a repository or a wiki."""
    return "\n".join(_page(found)) + "\n"


def _page(found: Topology) -> Iterator[str]:
    yield "# The network's topology"
    yield ""
    yield f"As of {found.at:%Y-%m-%d %H:%M} UTC, made by `barograph report topology`. {found.headline}"
    if found.networks or found.gaps:
        yield from ("", "```mermaid", *_mermaid(found), "```")
    if len(found.networks) > MOST:
        yield from ("", f"The picture has the first {MOST} of {len(found.networks)} networks; the table has all.")
    if found.gaps:
        yield from ("", "## Could not be seen", "", "| account and region | why | last good look |", "|---|---|---|")
        for gap in found.gaps:
            yield f"| {_cell(gap.place)} | {_cell(gap.why)} | {_moment(gap.good_at) or 'never'} |"
    yield from ("", "## Shared addresses", "")
    if not found.compared:
        yield "Not known: the networks were not compared yet."
    elif not found.overlaps:
        yield "None among those that were seen." if found.gaps else "None."
    for one in found.overlaps:
        how = f"joined by {_cell(one.joined_by)}" if one.joined_by else "not joined so far"
        yield f"- {_cell(one.summary)} ({how}{'; not confirmed by the last look' if one.old else ''})"
    yield from (
        "",
        "## Networks",
        "",
        "| network | blocks | account | region | made by | seen |",
        "|---|---|---|---|---|---|",
    )
    for network in found.networks:
        made = f"{network.stack}/{network.component}" if network.stack else ""
        yield (f"| {_cell(network.name or network.id)} ({_cell(network.id)}) | {_cell(', '.join(network.blocks))} | "
               f"{_cell(network.account)} | {_cell(network.region)} | {_cell(made)} | {_seen(network)} |")  # fmt: skip
    yield from ("", "## What joins them", "", "| what | joins | beyond | |", "|---|---|---|---|")
    for link in found.links:
        yield f"| peering {_cell(link.id)} | {_cell(link.one)}, {_cell(link.other)} | | {_old(link.old)} |"
    for hub in found.hubs:
        beyond = ", ".join(f"{block} through {through}" for block, through in hub.beyond)
        note = _old(hub.old) if hub.whole else "not all of its routes are given"
        yield f"| {hub.title} {_cell(hub.id)} | {_cell(', '.join(hub.members))} | {_cell(beyond)} | {note} |"


def _mermaid(found: Topology) -> Iterator[str]:
    """A flowchart; every node has a number of ours for a name, and its text in quotes."""
    yield "flowchart LR"
    shown = found.networks[:MOST]
    node = {one.id: f"n{number}" for number, one in enumerate(shown)}
    for one in shown:
        text = "<br/>".join(
            _text(line) for line in (one.name or one.id, ", ".join(one.blocks), f"{one.account} {one.region}")
        )
        yield f'  {node[one.id]}["{text}"]{"" if one.seen and one.old is None else ":::unsure"}'
    for number, gap in enumerate(found.gaps[:MOST]):
        yield f'  g{number}["?<br/>{_text(gap.place)}"]:::unknown'
    for number, hub in enumerate(found.hubs):
        yield f'  h{number}{{{{"{_text(hub.id)}"}}}}'
        yield from (f"  {node[member]} --- h{number}" for member in hub.members if member in node)
        if hub.beyond:
            yield f'  b{number}["{_text(f"beyond: {len(hub.beyond)} routes")}"]:::unsure'
            yield f"  h{number} --- b{number}"
    for link in found.links:
        if link.one in node and link.other in node:
            yield f"  {node[link.one]} ---|peering| {node[link.other]}"
    for overlap in found.overlaps:
        ids = [node[each] for each in overlap.ids if each in node]
        arrow = "===|shared addresses|" if overlap.joined_by else "-.-|shared addresses|"
        yield from (f"  {one} {arrow} {other}" for one, other in pairwise(ids))
    yield "  classDef unsure stroke-dasharray: 4 4"
    yield "  classDef unknown stroke-dasharray: 2 3,fill:#f1ebfb,color:#5b3a94"


def _text(text: str) -> str:
    """Within the quotes of a node: entities of Mermaid for what would end or mark up anything."""
    plain = one_line(clean(text, 120))
    return re.sub(r"[^\w .,:/@+?()-]", lambda found: f"#{ord(found[0])};", plain)


def _cell(text: str) -> str:
    """Within a cell: no pipe, no markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!])", r"\\\1", one_line(clean(text, 1_000)))


def _seen(network: Network) -> str:
    if not network.seen:
        return "by its other end only"
    return _old(network.old) or "yes"


def _old(at: datetime | None) -> str:
    return f"last {_moment(at)}" if at is not None else ""


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else ""


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
